"""The live view: on a terminal a line per running target, elsewhere a line per ended phase."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TextIO, cast

import pytest

from fixtures import progress
from fixtures.build_host import in_ci
from fixtures.core.text import clip, log_lines, printable
from fixtures.progress import Queued

from . import live_lines
from .live_lines import State
from .screen import Screen

INTERVAL_S: Final = 0.25
LOG_BYTES: Final = 4096
"""How much of the end of a log is looked at for its last line."""

_SIZE: Final = (80, 24)
"""Columns and rows of a terminal that does not tell."""


class LiveView:
    """What of a run's progress is shown while it goes on; a plugin, so that it hears the end.

    Nothing that goes wrong in it reaches the run: it stops, and the summary says why.
    """

    def __init__(self, config: pytest.Config, folder: Path, records: Path) -> None:
        self.problem: str | None = None
        self._config = config
        self._folder = folder
        self._records = records
        self._state = State()
        self._offsets: dict[str, int] = {}
        self._screen: Screen | None = None
        self._descriptor = -1
        self._draws = False
        self._paused = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="crossgate-live", daemon=True)

    def begin(self, queue: Sequence[Queued]) -> None:
        """Start to watch, where there is anything to be watched by."""
        reporter = _reporter(self._config)
        if reporter is None or reporter.verbosity <= -2:
            return
        try:
            progress.open_folder(self._folder)
            file = reporter._tw._file
            # Made while pytest captures nothing; later this number is turned elsewhere.
            self._descriptor = os.dup(file.fileno())
        except (OSError, ValueError, AttributeError) as error:
            self.problem = _words(error)
            progress.close_folder(self._folder)
            return
        self._state = State(queue=tuple(queue))
        self._draws = os.isatty(self._descriptor) and _can_draw(self._config)
        self._screen = Screen(file, self._descriptor, self._restarted)
        reporter._tw._file = cast(TextIO, self._screen)
        self._thread.start()

    def stop(self) -> None:
        """Show what came last, take the block away and leave nothing behind; may be repeated."""
        screen, self._screen = self._screen, None
        if screen is None:
            return
        self._stopping.set()
        # The thread may be held up by a terminal that takes nothing (Ctrl-S).
        self._thread.join(timeout=10)
        self._guarded(screen, self._last_tick)
        reporter = _reporter(self._config)
        # Another plugin may have put its own in front of ours, which then stays and does nothing.
        if reporter is not None and reporter._tw._file is cast(TextIO, screen):
            reporter._tw._file = screen.file
        progress.close_folder(self._folder)
        if not self._thread.is_alive():
            os.close(self._descriptor)

    def tick(self, screen: Screen) -> None:
        """Take in what is new and show it."""
        self._take_events(screen)
        if not self._draws or self._paused:
            return
        state = self._state
        for target, event in state.running.items():
            # A worker that was killed finishes nothing.
            if progress.is_orphan(event):
                self._state = self._state.without(target)
        logs = {target: self._last_line(target) for target in self._state.running}
        columns, rows = _size(self._descriptor)
        # A line in the last column would leave some terminals' cursor on the next line. Half of
        # the screen stays pytest's.
        screen.show(
            live_lines.lines(
                replace(self._state, logs=logs), time.time(), columns - 1, max(1, rows // 2)
            )
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """All tests have ended; what follows is pytest's summary."""
        self.stop()

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """What pytest says of it comes first, and workers that are slow to end show nothing."""
        self.stop()

    def pytest_enter_pdb(self) -> None:
        """A debugger has the terminal to itself."""
        self._paused = True
        if self._screen is not None:
            self._screen.show(())

    def pytest_leave_pdb(self) -> None:
        """The terminal is pytest's again."""
        self._paused = False

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say once why there was nothing more to see."""
        if self.problem:
            words = f"crossgate: the live view stopped: {self.problem}"
            terminalreporter.write_line(words, yellow=True)

    def _watch(self) -> None:
        screen = self._screen
        while screen is not None and self.problem is None:
            self._guarded(screen, self.tick)
            if self._stopping.wait(INTERVAL_S):
                return

    def _guarded(self, screen: Screen, act: Callable[[Screen], object]) -> None:
        try:
            act(screen)
        except Exception as error:  # noqa: BLE001 - a view that fails must not fail the run
            self.problem = self.problem or _words(error)
            screen.show(())
        self.problem = self.problem or screen.problem

    def _last_tick(self, screen: Screen) -> None:
        screen.show(())
        if self.problem is None:
            # Each reading is bounded, and all that will be written is written.
            while self._take_events(screen):
                pass

    def _take_events(self, screen: Screen) -> bool:
        """Take in the new events; whether there were any."""
        events, offsets = progress.read_new(self._folder, self._offsets)
        moved, self._offsets = offsets != self._offsets, offsets
        for event in events:
            self._state = self._state.after(event)
            line = None if self._draws else live_lines.plain(event)
            if line:
                screen.say(line)
        return moved

    def _restarted(self, text: str) -> None:
        """Let pytest know what its line holds since ours ended it, as after one that it wrote."""
        reporter = _reporter(self._config)
        if reporter is not None:
            if not text:
                reporter.currentfspath = None
            reporter._tw._current_line = text

    def _last_line(self, target: str) -> str:
        try:
            with (self._records / target / "build.log").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_BYTES))
                raw = file.read(LOG_BYTES)
        except OSError:
            return ""
        lines = log_lines(raw, 20)
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def start(
    config: pytest.Config, *, folder: Path, records: Path, queue: Sequence[Queued]
) -> LiveView:
    """Watch a run on the controller until its session ends.

    `folder` is where workers write their progress, `records` has a folder with a build.log for
    each target, `queue` is what will probably be built, in order. To be called while pytest
    captures nothing (`pytest_sessionstart` is such a time) and before any worker starts.
    """
    view = LiveView(config, folder, records)
    config.pluginmanager.register(view, "crossgate-live")
    # For a session that ends before it finishes.
    config.add_cleanup(view.stop)
    view.begin(queue)
    return view


def _reporter(config: pytest.Config) -> pytest.TerminalReporter | None:
    return cast(
        "pytest.TerminalReporter | None", config.pluginmanager.get_plugin("terminalreporter")
    )


def _can_draw(config: pytest.Config) -> bool:
    """Whether a block can be drawn on the terminal and nobody else writes to it."""
    # Windows' consoles do this too once they are told to, but it was never tried there.
    able = sys.platform != "win32" and os.environ.get("TERM", "dumb") != "dumb"
    # Without capturing, tests and what they start write where the block stands.
    alone = config.option.capture == "fd" and not config.option.usepdb
    return able and alone and not in_ci()


def _size(descriptor: int) -> tuple[int, int]:
    """The columns and rows of a terminal."""
    try:
        columns, rows = os.get_terminal_size(descriptor)
    except OSError:
        return _SIZE
    # A terminal without a window has neither.
    return columns or _SIZE[0], rows or _SIZE[1]


def _words(error: BaseException) -> str:
    return clip(printable(f"{type(error).__name__}: {error}"))
