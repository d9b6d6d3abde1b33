"""The live view as a user meets it: runs of pytest on a terminal and in a pipe, builds played."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from suites.selftest.harness import ROOT, environment
from suites.selftest.unit.terminal import Terminal

COLUMNS, ROWS = 90, 24
WAIT_S: Final = 60
"""After which a run that does not go on is given up; nothing depends on how long it takes."""

TARGETS: Final = ("zstd-arm64-gcc", "lz4-386-gcc")
CONFTEST: Final = """
import pytest
from pathlib import Path
from fixtures import progress
from fixtures.progress import Queued
from reports import live

HERE = Path(__file__).parent

def pytest_sessionstart(session):
    config = session.config
    if hasattr(config, "workerinput"):
        return
    config.folder = progress.folder_for(HERE, "run")
    names = ["zstd-arm64-gcc", "lz4-386-gcc", "last"]
    queue = [Queued(target=name, expected_s=28.4) for name in names]
    live.start(config, folder=config.folder, records=HERE / "records", queue=queue)

def pytest_configure_node(node):
    node.workerinput["folder"] = str(node.config.folder)

@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    nodes = session.config.pluginmanager.get_plugin("dsession")
    if nodes:
        # A run that is cancelled need not wait for its workers.
        nodes.nodemanager.EXIT_TIMEOUT = 0

@pytest.fixture
def folder(request):
    given = getattr(request.config, "workerinput", {}).get("folder")
    return Path(given) if given else request.config.folder
"""
BUILDS: Final = """
import pytest
from pathlib import Path
from fixtures.progress import Progress

HERE = Path(__file__).parent

def test_before():
    pass

@pytest.mark.parametrize("target", ["zstd-arm64-gcc", "lz4-386-gcc"])
def test_build(target, folder):
    print("captured, not shown")
    log = HERE / "records" / target / "build.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"first\\n\\x1b[2J##vso[x] 大 CC {target}.o" + "-" * 200 + "\\n\\n")
    progress = Progress(folder, target)
    progress.started("build")
    progress.ended("stage", 0.5, None)
    progress.started("build")
    with (HERE / target).open() as go:
        go.readline()
    progress.ended("build", 28.4, 37.2)
    progress.finished()
"""


class Watched:
    """A run of pytest whose output is looked at while it goes on."""

    def __init__(
        self, process: subprocess.Popen[bytes], output: int, held: Mapping[str, int]
    ) -> None:
        self.process = process
        self.terminal = Terminal(COLUMNS, ROWS)
        self.text = ""
        self._output, self._held = output, held
        self._raw = bytearray()
        self._given_up = time.monotonic() + WAIT_S

    def until(self, pattern: str, where: str = "output") -> str:
        """Read on until a pattern is in the output, or on the terminal; what matched."""
        while True:
            seen = self.text if where == "output" else "\n".join(self.terminal.lines())
            if match := re.search(pattern, seen):
                return match[0]
            assert self._read_more(), f"the run ended without {pattern!r}:\n{seen}"

    def let_go(self, target: str) -> None:
        """Let a target's build go on, which is held up until then."""
        os.write(self._held[target], b"go\n")

    def end(self) -> int:
        """Read all that is left; the exit code."""
        while self._read_more():
            pass
        return self.process.wait(WAIT_S)

    def _read_more(self) -> bool:
        ready, _, _ = select.select([self._output], [], [], WAIT_S)
        # Not only a run that is silent may be stuck: a view that draws goes on for ever.
        ready = ready if time.monotonic() < self._given_up else []
        assert ready, f"the run does not go on:\n{self.text}"
        try:
            piece = os.read(self._output, 65536)
        except OSError:
            # Linux ends a terminal's stream with EIO instead of an end of file.
            return False
        self._raw += piece
        # Codes and characters may come in two pieces: seen when whole.
        known, self.text = (
            self.text,
            re.sub(r"\x1b[^A-Za-z78]*$", "", self._raw.decode("utf-8", "ignore")),
        )
        if self.text.startswith(known):
            self.terminal.feed(self.text[len(known) :].replace("\r\n", "\n"))
        return bool(piece)


@contextlib.contextmanager
def watched(
    folder: Path,
    *arguments: str,
    on_terminal: bool = True,
    test: str = BUILDS,
    changed: Mapping[str, str | None] | None = None,
) -> Iterator[Watched]:
    """A run of pytest with the view on played builds, on a terminal or in a pipe."""
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    (folder / "conftest.py").write_text(CONFTEST, "utf-8")
    (folder / "test_it.py").write_text(test, "utf-8")
    for target in TARGETS:
        os.mkfifo(folder / target)
    # Open at both ends, so that a run that ended early holds nobody up.
    held = {target: os.open(folder / target, os.O_RDWR) for target in TARGETS}
    reader, writer = pty.openpty() if on_terminal else os.pipe()
    if on_terminal:
        fcntl.ioctl(reader, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    options = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "error", *arguments]
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options],
        cwd=folder,
        env=environment(**{"PYTHONPATH": str(ROOT), "TERM": "xterm", **(changed or {})}),
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
    )
    os.close(writer)
    try:
        yield Watched(process, reader, held)
    finally:
        process.kill()
        process.wait()
        for descriptor in (reader, *held.values()):
            os.close(descriptor)


def nothing_left(folder: Path) -> bool:
    """Whether a run's progress left nothing beside the reports."""
    return not (folder / ".progress").exists()


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
