"""What workers say of their builds arrives whole, once, and never in a build's way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures import host, progress
from fixtures.progress import NOBODY, Event, Kind, Progress

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
FIELDS = st.sampled_from(["target", "kind", "at", "phase", "wall_s", "cpu_s", "words", "pid"])
GOOD = {"target": "zstd-arm64-gcc", "kind": "started", "at": 5.0, "phase": "build"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An open folder of a run."""
    made = progress.folder_for(tmp_path, "run")
    progress.open_folder(made)
    return made


def test_events_arrive_as_they_were_said(folder: Path) -> None:
    """A reader gets what the writer said, in order, with the writer's process."""
    said = Progress(folder, "zstd-arm64-gcc")
    said.started("build")
    said.ended("build", 28.4, None)
    said.finished("failed: é\n")
    events, _ = progress.read_new(folder, {})

    assert [(event.kind, event.phase, event.wall_s, event.words) for event in events] == [
        (Kind.STARTED, "build", None, ""),
        (Kind.ENDED, "build", 28.4, ""),
        (Kind.FINISHED, "", None, "failed: é\n"),
    ]
    assert {event.target for event in events} == {"zstd-arm64-gcc"}
    assert {event.pid for event in events} == {os.getpid()}
    assert not any(progress.is_orphan(event) for event in events)


def test_a_phase_that_fails_ends_too(folder: Path) -> None:
    """A phase said by a block begins and ends with it, and what went wrong in it is passed on."""
    with pytest.raises(OSError, match="no network"), Progress(folder, "zstd").phase("fetch"):
        raise OSError("no network")
    [begin, end], _ = progress.read_new(folder, {})

    assert (begin.kind, begin.phase) == (Kind.STARTED, "fetch")
    assert (end.kind, end.phase, end.cpu_s) == (Kind.ENDED, "fetch", None)


def test_events_are_read_once(folder: Path) -> None:
    """A second reading from where the first ended has only what came since."""
    one, other = Progress(folder, "one"), Progress(folder, "other")
    one.started("build")
    _, offsets = progress.read_new(folder, {})
    other.started("stage")
    one.ended("build", 1.0, 2.0)
    events, after = progress.read_new(folder, offsets)

    assert [(event.target, event.kind) for event in events] == [
        ("other", Kind.STARTED),
        ("one", Kind.ENDED),
    ]
    assert progress.read_new(folder, after) == ([], after)


def test_events_come_in_the_order_in_which_they_happened(folder: Path) -> None:
    """Targets' events are in order of their times, but a file's keep theirs whatever they say."""
    for target, times in {"a": (2, 6, 4), "b": (1, 5, 7)}.items():
        lines = [{**GOOD, "target": target, "at": at, "phase": f"{target}{at}"} for at in times]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"{target}.jsonl").write_text(text, "utf-8")
    events, _ = progress.read_new(folder, {})

    assert [event.phase for event in events] == ["b1", "a2", "b5", "a6", "a4", "b7"]


def test_a_line_without_end_waits(folder: Path) -> None:
    """What is written half is read when it is whole, and not before."""
    line = json.dumps(GOOD).encode() + b"\n"
    file = folder / "zstd-arm64-gcc.jsonl"
    file.write_bytes(line[:20])
    nothing, offsets = progress.read_new(folder, {})
    file.write_bytes(line)
    events, _ = progress.read_new(folder, offsets)

    assert nothing == []
    assert [event.phase for event in events] == ["build"]


def test_a_large_file_is_read_piece_by_piece(folder: Path) -> None:
    """One reading is bounded; going on from there reaches the end, over a line without end too."""
    line = json.dumps(GOOD).encode() + b"\n"
    content = line * 2000 + b"x" * 3 * progress.READ_BYTES + b"\n" + line
    (folder / "zstd-arm64-gcc.jsonl").write_bytes(content)
    count, offsets = 0, {"": 0}
    while True:
        events, after = progress.read_new(folder, offsets)
        if after == offsets:
            break
        assert len(events) <= progress.READ_BYTES // len(line)
        count, offsets = count + len(events), after

    assert count == 2001


def test_a_file_speaks_of_its_own_target_only(folder: Path) -> None:
    """An event is about the target whose file it stands in, so no event can name a path."""
    for name in ("../../etc", "other"):
        line = json.dumps({**GOOD, "target": name}) + "\n"
        (folder / "zstd-arm64-gcc.jsonl").write_text(line, "utf-8")

        assert progress.read_new(folder, {})[0] == []


def test_nobody_watches(tmp_path: Path) -> None:
    """Without a folder, and once it is gone, what is said is dropped and leaves nothing."""
    for said in (NOBODY, Progress(tmp_path / "missing", "zstd")):
        said.started("build")
        said.ended("build", 1.0, None)
        said.finished("failed")

    assert list(tmp_path.iterdir()) == []
    assert progress.read_new(tmp_path / "missing", {}) == ([], {})


@given(st.dictionaries(FIELDS, JSON) | JSON, st.integers(0, 80))
def test_foreign_lines_are_skipped(document: object, cut: int) -> None:
    """Whatever stands beside an event, it is read, and no event has a field of a wrong kind."""
    mixed = {**GOOD, **document} if isinstance(document, dict) else document
    good = json.dumps(GOOD)
    text = f"{json.dumps(mixed)}\n{good[: min(cut, len(good) - 1)]}\n\x00{{[\n{good}\n"
    events = progress.parse(text)

    assert Event(target="zstd-arm64-gcc", kind=Kind.STARTED, at=5.0, phase="build") in events
    for event in events:
        assert isinstance(event.target, str)
        assert isinstance(event.words, str)
        assert 0 <= event.at < 1e12
        assert event.kind is not Kind.ENDED or event.wall_s is not None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[" * 5000,
        '{"target": "a", "kind": "started", "at": NaN}',
        '{"target": "a", "kind": "started", "at": true}',
        '{"target": "a", "kind": "started", "at": -1}',
        '{"target": "a", "kind": "started", "at": 1' + "0" * 4400 + "}",
        '{"target": "a", "kind": "ended", "at": 1, "phase": "build"}',
        '{"target": "a", "kind": "stopped", "at": 1}',
        '{"target": "a", "kind": [], "at": 1}',
        '{"target": "a", "kind": "started", "at": 1, "more": 1}',
        '{"target": "a", "kind": "started", "at": 1, "words": "' + "x" * 9000 + '"}',
    ],
)
def test_a_line_that_is_no_event(line: str) -> None:
    """A line that can't be ours is no event, and no error either."""
    assert progress.parse(line) == []


def test_an_event_of_a_process_that_ended() -> None:
    """An event is an orphan once its writer is gone; an unknown writer counts as alive."""
    here = host.this_process()
    event = Event(target="a", kind=Kind.STARTED, at=1, pid=here.pid, start=here.start)
    elsewhere = replace(event, start=here.start + 1)

    assert not progress.is_orphan(event)
    assert not progress.is_orphan(replace(event, pid=0))
    assert progress.is_orphan(elsewhere) == (sys.platform == "linux")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when a process began")
def test_folders_of_killed_runs_are_swept(tmp_path: Path) -> None:
    """Opening a run's folder removes those of runs that are gone, and no other's."""
    code = (
        "import sys; from pathlib import Path; from fixtures import progress\n"
        "folder = progress.folder_for(Path(sys.argv[1]), 'x'); progress.open_folder(folder)\n"
        "print(folder, flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as killed,
        subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as alive,
    ):
        assert killed.stdout is not None
        assert alive.stdout is not None
        left = Path(killed.stdout.readline().strip())
        kept = Path(alive.stdout.readline().strip())
        killed.kill()
        killed.wait()
        foreign = left.parent / "notes"
        foreign.mkdir()
        own = progress.folder_for(tmp_path, "run")
        progress.open_folder(own)

        assert sorted(own.parent.iterdir()) == sorted([own, kept, foreign])
        alive.communicate()


def test_a_closed_folder_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    """After the last run that uses it, nothing of the progress is left beside the reports."""
    other = progress.folder_for(tmp_path, "other")
    progress.open_folder(other)
    Progress(folder, "zstd").started("build")
    progress.close_folder(folder)
    between = list(tmp_path.glob("*/*"))
    progress.close_folder(other)

    assert between == [other]
    assert list(tmp_path.iterdir()) == []
