"""The history of builds: whole after parallel writers and kills, bounded, and worth no build."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures import history
from fixtures.building import worktree
from fixtures.core import history as builds
from fixtures.core.errors import RecordError
from fixtures.core.history import Row
from fixtures.core.record import Outcome
from suites.selftest.harness import ROOT
from suites.selftest.unit.samples import conditions, record, target

RECORD: Final = record(
    target(), conditions=conditions(engine="Docker Engine 20.10.24+dfsg1", load=0.25)
)


def row(number: int = 0, **changes: Any) -> Row:
    """A row of a run of its own."""
    made = builds.of_record(replace(RECORD, run=f"run-{number}"), "m", "1a2b3c")
    assert made is not None
    return replace(made, **changes)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A place for a history."""
    return tmp_path / "cache" / "history.sqlite3"


def read(file: Path, manifest: str = "m") -> list[Row]:
    """All rows of a manifest, of a file that nothing is wrong with."""
    found, said = history.rows(file, manifest)
    assert said is None
    return list(found)


def integrity(file: Path) -> str:
    """What SQLite itself says of a file."""
    connection = sqlite3.connect(file)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()


def test_what_is_appended_is_what_is_read(file: Path) -> None:
    """Rows come back in their order, those of another manifest don't."""
    first, second = row(1), row(2, revision=None, foreign_load=None, sizes={"size": 3})
    for each in (first, second, row(3, manifest="other")):
        assert history.append(file, each) is None

    assert read(file) == [first, second]
    assert row().sizes == {
        "size": 70_000,
        "allocated": 3608,
        "stripped": 66_000,
        "compressed": 1500,
    }


def test_one_run_adds_one_row_of_a_target(file: Path) -> None:
    """A build that is told twice is there once."""
    history.append(file, row(1))
    history.append(file, row(1, cpu_s=99.0))

    assert [each.cpu_s for each in read(file)] == [40.0]


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": Outcome.FAILED},
        {"conditions": conditions(caches="warm")},
        {"conditions": None},
        {"build": None},
    ],
    ids=["failed", "warm", "unknown", "prebuilt"],
)
def test_what_is_no_measure_is_no_row(changes: dict[str, Any]) -> None:
    """Only a cold build that succeeded says what building costs."""
    assert builds.of_record(replace(RECORD, **changes), "m", None) is None


def test_reading_makes_no_file(file: Path) -> None:
    """Whoever only asks leaves nothing behind."""
    assert history.rows(file, "m") == ((), None)
    assert not file.parent.exists()


def test_a_history_is_bounded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each series, and of all, the latest are kept."""
    monkeypatch.setattr(history, "PER_SERIES", 3)
    monkeypatch.setattr(history, "IN_ALL", 5)
    for number in range(6):
        history.append(file, row(number, target="a"))

    assert [each.run for each in read(file)] == ["run-3", "run-4", "run-5"]

    for number in range(4):
        history.append(file, row(number, target=f"other-{number}"))

    assert read(file)[0].target == "a"
    assert len(read(file)) == 5


WRITER: Final = """
import sys
from dataclasses import replace
from pathlib import Path
from fixtures import history
from suites.selftest.unit.test_history import row
name, count = sys.argv[2], int(sys.argv[3])
for number in range(count):
    problem = history.append(Path(sys.argv[1]), row(run=f"{name}-{number}", target=name))
    print(problem or "written", flush=True)
"""


def writer(file: Path, name: str, count: int) -> subprocess.Popen[str]:
    """A process that writes so many rows."""
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file), name, str(count)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_parallel_writers_lose_nothing(file: Path) -> None:
    """Processes that begin one history at once all find their rows in it."""
    writers = [writer(file, f"writer-{number}", 25) for number in range(4)]
    said = {line for each in writers for line in each.communicate()[0].splitlines()}

    assert said == {"written"}
    assert len(read(file)) == 100
    assert len({each.run for each in read(file)}) == 100
    assert integrity(file) == "ok"


def test_a_killed_writer_leaves_all_that_it_said_was_written(file: Path) -> None:
    """A kill between or in writes costs at most the row in hand, and blocks nobody."""
    for attempt in range(3):
        with writer(file, f"killed-{attempt}", 100_000) as process:
            assert process.stdout is not None
            told = [process.stdout.readline() for _ in range(10 + attempt)]
            process.kill()
            told += process.stdout.readlines()
        mine = [each for each in read(file) if each.target == f"killed-{attempt}"]

        assert len(mine) - told.count("written\n") in (0, 1)
        assert history.append(file, row(attempt, target=f"after-{attempt}")) is None
        assert integrity(file) == "ok"


MIDDLE: Final = """
import os, signal, sys
from pathlib import Path
from fixtures import history
from fixtures.core.history import COLUMNS, to_columns
from suites.selftest.unit.test_history import row

def act(connection):
    connection.execute("PRAGMA cache_size = 1")
    for number in range(3000):
        history._insert(connection, row(run=f"half-{number}", target=f"half-{number}"))
    os.kill(os.getpid(), signal.SIGKILL)

history._guarded(Path(sys.argv[1]), act)
"""


def test_a_kill_in_the_middle_of_a_write_is_rolled_back(file: Path) -> None:
    """What a transaction had already put into the file is gone again for the next one."""
    for number in range(5):
        history.append(file, row(number))
    before, size = read(file), file.stat().st_size
    done = subprocess.run([sys.executable, "-c", MIDDLE, str(file)], cwd=ROOT, check=False)
    journal = file.with_name(f"{file.name}-journal")

    # The kill came when half of it was on disk, or nothing would be shown here.
    assert done.returncode == -signal.SIGKILL
    assert journal.is_file()
    assert file.stat().st_size > size
    assert read(file) == before
    assert history.append(file, row(9)) is None
    assert len(read(file)) == 6
    assert integrity(file) == "ok"
    assert not journal.exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"no database at all" * 500,
        lambda content: content[:100] + b"\xff" * 4000 + content[4100:],
        lambda content: b"",
        lambda content: content[:5000],
    ],
    ids=["other", "overwritten", "emptied", "truncated"],
)
def test_a_damaged_file_is_begun_anew(file: Path, damage: Any) -> None:
    """Damage is told, kept aside, and stops neither this build's row nor the next one's."""
    for number in range(20):
        history.append(file, row(number))
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    damaged = file.read_bytes()

    said = history.append(file, row(100))

    assert read(file)[-1] == row(100)
    assert history.append(file, row(101)) is None
    assert integrity(file) == "ok"
    if damaged:
        assert said is not None
        assert "begun anew" in said
        assert file.with_name("history.sqlite3.damaged").read_bytes() == damaged


def test_damage_is_told_by_whoever_reads(file: Path) -> None:
    """A reader gets nothing of what is damaged, and says so."""
    history.append(file, row())
    file.write_bytes(b"x" * 8192)

    found, said = history.rows(file, "m")

    assert found == ()
    assert said is not None
    assert "begun anew" in said


def test_a_later_versions_file_is_left_alone(file: Path) -> None:
    """It is neither read wrongly nor thrown away."""
    history.append(file, row())
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    content = file.read_bytes()

    said = history.append(file, row(1))

    assert said is not None
    assert "later version" in said
    assert file.read_bytes() == content


def test_a_row_that_is_none_of_ours_is_refused() -> None:
    """Whatever somebody wrote into the table, no traceback comes of it."""
    honest = builds.to_columns(row())
    assert builds.from_columns(honest) == row()
    for place in range(len(honest)):
        for value in (b"\xff", "x" * 20_000, float("inf"), "[" * 9000):
            raw = (*honest[:place], value, *honest[place + 1 :])
            if isinstance(value, str) and len(value) < 10_000 and place < 6:
                # A text where any text may stand.
                continue
            with pytest.raises(RecordError):
                builds.from_columns(raw)


def test_a_place_that_can_not_be_written_fails_no_build(tmp_path: Path) -> None:
    """A file where a folder should be is told, and nothing is raised."""
    (tmp_path / "cache").write_text("")

    said = history.append(tmp_path / "cache" / "history.sqlite3", row())

    assert said is not None
    assert "was not written" in said


def test_the_revision_is_gits(tmp_path: Path) -> None:
    """A folder in git is at a commit, also where files changed since; one outside is at none."""

    def git(*words: str) -> None:
        names = {
            f"GIT_{who}_{what}": "x"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        subprocess.run(["git", *words], cwd=tmp_path, check=True, env={**os.environ, **names})

    (tmp_path / "file").write_text("1")

    assert worktree.revision(tmp_path / "none") is None
    assert worktree.revision(tmp_path) is None

    git("init", "-q")
    assert worktree.revision(tmp_path) is None

    git("add", "file")
    git("commit", "-q", "-m", "x")
    at = worktree.revision(tmp_path)
    (tmp_path / "file").write_text("2")

    assert at is not None
    assert len(at) == 12
    assert worktree.revision(tmp_path) == at
