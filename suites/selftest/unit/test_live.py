"""The live view's lines: what they say, and that nothing gets out of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.progress import Event, Kind, Queued
from reports import live_lines
from reports.live_lines import State

COMMAND: Final = re.compile(r"##(vso|teamcity)?\[", re.IGNORECASE)
HOSTILE = st.text() | st.lists(
    st.sampled_from(
        ["\x1b[2J", "\r", "\n", "\t", "##vso[x]", "大", "é", "\u0301", "\u202e", "\x9b"]
    )
).map("".join)
EVENTS = st.builds(
    Event,
    target=st.sampled_from(["a", "b", "大大", "\x1b[1m", "zstd-arm64-gcc"]) | HOSTILE,
    kind=st.sampled_from(Kind),
    at=st.floats(0, 1e11),
    phase=st.sampled_from(["image", "stage", "build"]) | HOSTILE,
    wall_s=st.floats(0, 1e11),
    cpu_s=st.none() | st.floats(0, 1e11),
    words=HOSTILE,
)


def started(target: str, phase: str = "build", at: float = 100) -> Event:
    """A phase that began, at a time in seconds."""
    return Event(target=target, kind=Kind.STARTED, at=at, phase=phase)


def finished(target: str) -> Event:
    """A target that is done."""
    return Event(target=target, kind=Kind.FINISHED, at=100)


def state_after(*events: Event, queue: Sequence[Queued] = ()) -> State:
    """A state once events have happened, each target's log ending with its name's object."""
    state = State(queue=tuple(queue))
    for event in events:
        state = state.after(event)
    return replace(state, logs={name: f"CC obj/{name}.o" for name in state.running})


QUEUE: Final = tuple(
    Queued(target=name, expected_s=28.4 if name == "zstd-arm64-gcc" else None)
    for name in ("zstd-arm64-gcc", "lz4-386-gcc", "one", "two", "three")
)


def test_lines_of_a_run() -> None:
    """A line per target: phase, time passed of the time expected, last log line; then the queue."""
    state = state_after(
        started("zstd-arm64-gcc"), started("lz4-386-gcc", "stage", 121), queue=QUEUE
    )

    assert live_lines.lines(state, 123.9, 79, 12) == [
        "zstd-arm64-gcc  build  0:23 of ~0:28  CC obj/zstd-arm64-gcc.o",
        "lz4-386-gcc     stage  0:02",
        "queued: 3 (one, two, three)",
    ]


def test_nothing_runs() -> None:
    """Before the first build and after the last there is nothing to show."""
    before = state_after(queue=QUEUE)
    after = state_after(started("one"), finished("one"), queue=QUEUE)

    assert live_lines.lines(before, 0, 79, 12) == live_lines.lines(after, 0, 79, 12) == []


def test_a_log_is_shown_for_the_phase_that_writes_it() -> None:
    """Outside the build phase a log is an earlier build's, and is not shown."""
    state = state_after(started("one"), started("one", "smoke"))

    assert live_lines.lines(state, 100, 79, 12) == ["one  smoke  0:00"]


def test_between_phases() -> None:
    """A target whose phase ended runs on without a time until the next one begins."""
    ended = Event(target="one", kind=Kind.ENDED, at=100, phase="stage", wall_s=1)

    assert live_lines.lines(state_after(started("one"), ended), 100, 79, 12) == ["one"]


def test_more_targets_than_room() -> None:
    """What has no room is counted, and the queue keeps its line."""
    state = state_after(*(started(str(number), "x") for number in range(9)), queue=QUEUE)

    assert live_lines.lines(state, 100, 79, 5) == [
        "0  x  0:00",
        "1  x  0:00",
        "2  x  0:00",
        "and 6 more",
        "queued: 5 (zstd-arm64-gcc, lz4-386-gcc, one, two, three)",
    ]


def test_one_line_of_room() -> None:
    """Where not even one of several targets has room, their number shows."""
    state = state_after(started("one"), started("two"), queue=QUEUE)

    assert live_lines.lines(state, 100, 79, 1) == ["2 targets run"]


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (9, "queued: 2"),
        (25, "queued: 2"),
        (26, "queued: 2 (lz4-386-gcc, …)"),
        (31, "queued: 2 (lz4-386-gcc, …)"),
        (32, "queued: 2 (lz4-386-gcc, lz4-arm)"),
        (5, "queu…"),
    ],
)
def test_a_queue_names_as_many_as_fit(width: int, line: str) -> None:
    """The queue's length always shows; of its names, those that the line has room for."""
    queue = [Queued(target="lz4-386-gcc"), Queued(target="lz4-arm")]
    state = state_after(started("one"), queue=queue)

    assert live_lines.lines(state, 100, width, 12)[-1] == line


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "0:00"), (0.99, "0:00"), (23, "0:23"), (725, "12:05"), (3723, "1:02:03")],
)
def test_clock(seconds: float, shown: str) -> None:
    """Times are as on a clock; one that was set back shows no time passed."""
    assert live_lines.clock(seconds) == shown


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("大大", 4, "大大"),
        ("大大大", 5, "大大…"),
        ("大大大", 4, "大…"),
        ("a\tb", 3, "a b"),
        ("\x1b[2J", 20, r"\x1b[2J"),
        ("##vso[x]", 20, "## vso[x]"),
        ("abc", 0, ""),
    ],
)
def test_fit(text: str, width: int, shown: str) -> None:
    """A line that is too wide ends with an ellipsis; wide characters count two cells."""
    assert live_lines.fit(text, width) == shown


@given(
    st.lists(EVENTS, max_size=8),
    st.lists(st.builds(Queued, target=HOSTILE, expected_s=st.none() | st.floats(0, 1e9))),
    HOSTILE,
    st.floats(0, 1e11),
    st.integers(0, 120),
    st.integers(-1, 9),
)
def test_no_line_leaves_its_place(
    events: list[Event], queue: list[Queued], log: str, now: float, width: int, room: int
) -> None:
    """Whatever is said, lines are few, within the width, and hold neither codes nor commands."""
    state = state_after(*events, queue=queue)
    state = replace(state, logs=dict.fromkeys(state.running, log))
    lines = live_lines.lines(state, now, width, room)

    assert len(lines) <= max(0, room)
    for line in lines:
        wide = sum(unicodedata.east_asian_width(character) in "WF" for character in line)
        assert len(line) + wide <= width
        assert not {unicodedata.category(each) for each in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        assert not COMMAND.search(line)


@given(EVENTS)
def test_a_plain_line_is_harmless(event: Event) -> None:
    """A line for a CI system's log is one line of ours, without codes or commands."""
    line = live_lines.plain(event)

    if line is not None:
        assert line.startswith("crossgate: ")
        assert len(line.splitlines()) == 1
        assert not {unicodedata.category(each) for each in line.replace("\t", "")} & {"Cc", "Cf"}
        assert not COMMAND.search(line)


def test_plain_lines() -> None:
    """Without a terminal there is a line when a phase ends, and how a target went if said."""
    ended = Event(
        target="zstd", kind=Kind.ENDED, at=1, phase="build", wall_s=28.4, cpu_s=37.2, words=""
    )

    assert live_lines.plain(ended) == "crossgate: zstd: build: 28.4 s (37.2 s of CPU)"
    assert live_lines.plain(replace(ended, cpu_s=None)) == "crossgate: zstd: build: 28.4 s"
    assert live_lines.plain(started("zstd")) is None
    assert live_lines.plain(finished("zstd")) is None
    assert live_lines.plain(replace(finished("zstd"), words="failed")) == "crossgate: zstd: failed"
