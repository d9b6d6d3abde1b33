"""The live view as a user meets it: runs of pytest on a terminal and in a pipe, builds played."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Final

import pytest

from suites.selftest.unit.played import BUILDS, TARGETS, nothing_left, watched


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_line_per_running_target(tmp_path: Path, workers: str) -> None:
    """A running build has a line with its time and its log's end; it goes when the build ends."""
    with watched(tmp_path, "-n", workers) as run:
        for target in TARGETS:
            line = run.until(rf"{target} .*", "terminal")
            told = re.escape(r"\x1b[2J## vso[x] 大")
            pattern = rf"{target} +build  0:\d\d of ~0:28  {told} CC {target}\.o-+…"
            assert re.fullmatch(pattern, line), line
            run.until(r"queued: \d \(.*last\)", "terminal")
            run.let_go(target)
        code = run.end()
        shown = run.terminal.lines()

    assert code == 0
    assert "3 passed" in shown[-1]
    assert not [line for line in shown if "build" in line or "queued" in line or "shown" in line]
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_pytests_own_output_is_the_same(tmp_path: Path, workers: str) -> None:
    """Dots go on in the line that they began in, above the block, whether it is shown or not."""
    with watched(tmp_path, "-n", workers) as run:
        for target in TARGETS:
            run.until(target, "terminal")
            run.let_go(target)
        run.end()
        shown = run.terminal.lines()

    dots = r"\.\.\. +\[100%\]" if workers == "2" else r"test_it\.py \.\.\. +\[100%\]"
    assert [line for line in shown if re.fullmatch(dots, line)], shown


@pytest.mark.parametrize("workers", ["0", "2"])
def test_cancelled(tmp_path: Path, workers: str) -> None:
    """After Ctrl-C the block is gone, pytest says so itself, and nothing is left."""
    with watched(tmp_path, "-n", workers) as run:
        run.until(TARGETS[0], "terminal")
        run.process.send_signal(signal.SIGINT)
        code = run.end()
        shown = "\n".join(run.terminal.lines())

    assert code == 2
    assert "KeyboardInterrupt" in shown
    assert TARGETS[0] not in shown
    assert "queued" not in shown
    assert nothing_left(tmp_path)


def test_a_worker_that_was_killed(tmp_path: Path) -> None:
    """The line of a build whose worker died goes, though nothing ended it."""
    test = BUILDS.replace(
        "        go.readline()\n",
        "        go.readline()\n    if target == 'zstd-arm64-gcc': os.kill(os.getpid(), 9)\n",
    )
    with watched(tmp_path, "-n", "2", test=f"import os\n{test}") as run:
        for target in TARGETS:
            run.until(rf"{target} +build", "terminal")
        run.let_go(TARGETS[0])
        run.until(rf"(?s)\A(?!.*{TARGETS[0]} +build).*{TARGETS[1]} +build", "terminal")
        run.let_go(TARGETS[1])
        code = run.end()

    assert code == 1
    assert "1 failed, 2 passed" in run.text
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_line_at_each_phases_end(tmp_path: Path, workers: str) -> None:
    """In a pipe each phase's end is a line, at once and whole, and nothing controls a terminal."""
    changed = {"COLUMNS": "80"}
    with watched(tmp_path, "-n", workers, on_terminal=False, changed=changed) as run:
        for target in TARGETS:
            run.until(rf"(?m)^crossgate: {target}: stage: 500 ms\n")
            run.let_go(target)
            run.until(rf"(?m)^crossgate: {target}: build: 28\.4 s \(37\.2 s of CPU\)\n")
        code = run.end()

    assert code == 0
    assert re.search(r"(?m)^=+ 3 passed in .*=+\n\Z", run.text)
    assert run.text.count("crossgate: ") == 4
    # pytest knows that its line was ended: what it aligns is still aligned.
    assert [len(line) for line in run.text.splitlines() if line.endswith("[100%]")] == [79]
    assert "\x1b" not in run.text
    assert nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        ((), {"CI": "true"}),
        ((), {"TERM": "dumb"}),
        ((), {"TERM": None}),
        (("-s",), {}),
        (("--pdb",), {}),
    ],
)
def test_a_terminal_that_is_not_ours_alone(
    tmp_path: Path, arguments: tuple[str, ...], changed: dict[str, str | None]
) -> None:
    """In CI, on a dumb terminal, and where tests write to it too, there are lines and no block."""
    with watched(tmp_path, "-n", "0", *arguments, changed=changed) as run:
        for target in TARGETS:
            run.until(f"crossgate: {target}: stage: 500 ms\r\n")
            run.let_go(target)
        code = run.end()

    assert code == 0
    assert "\x1b" not in run.text
    assert "~0:28" not in run.text


@pytest.mark.parametrize("on_terminal", [True, False])
def test_quiet(tmp_path: Path, on_terminal: bool) -> None:
    """Who asks twice for quiet sees nothing of the view."""
    with watched(tmp_path, "-n", "0", "-q", "-q", on_terminal=on_terminal) as run:
        for target in TARGETS:
            run.let_go(target)
        code = run.end()

    assert code == 0
    assert run.text.split() == ["...", "[100%]"]
    assert nothing_left(tmp_path)


CRASH: Final = """
import threading
from reports import live

crashed = threading.Event()

def fail(*_):
    crashed.set()
    raise RuntimeError("the \\x1b[2J view")

live.LiveView._take_events = fail

def test_one():
    assert crashed.wait(60)

def test_two():
    raise AssertionError("on purpose")
"""


@pytest.mark.parametrize("on_terminal", [True, False])
def test_a_view_that_fails(tmp_path: Path, on_terminal: bool) -> None:
    """A mistake in the view changes no test's outcome; the summary tells it once."""
    with watched(tmp_path, "-n", "0", on_terminal=on_terminal, test=CRASH) as run:
        code = run.end()

    assert code == 1
    assert "1 failed, 1 passed" in run.text
    words = r"crossgate: the live view stopped: RuntimeError: the \x1b[2J view"
    assert run.text.count(words) == 1
    assert nothing_left(tmp_path)
