"""Runs of pytest with the live view, in which builds are played and held up by the test."""

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

from suites.selftest.harness import ROOT, environment
from suites.selftest.unit.terminal import Terminal

COLUMNS, ROWS = 90, 24
WAIT_S: Final = 300
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
            re.sub(r"\x1b(\[[?0-9;]*)?$", "", self._raw.decode("utf-8", "ignore")),
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
        # A shell starts what it puts in the background with it ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
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
