"""The block under pytest's output comes and goes without a trace."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reports.screen import Screen
from suites.selftest.unit.terminal import Terminal


class Shown:
    """A screen on a file, and what a terminal makes of all that got there."""

    def __init__(self, width: int = 20, height: int = 8) -> None:
        handle, name = tempfile.mkstemp()
        Path(name).unlink()
        self._file = os.fdopen(handle, "w", encoding="utf-8", newline="")
        self._terminal = Terminal(width, height)
        self.restarted: list[str] = []
        self.screen = Screen(self._file, os.dup(self._file.fileno()), self.restarted.append)
        self._read = 0

    def terminal(self) -> Terminal:
        """The terminal, once it has seen everything."""
        descriptor = self._file.fileno()
        raw = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        self._terminal.feed(raw[self._read :].decode())
        self._read = len(raw)
        return self._terminal

    def close(self) -> None:
        """Close both files."""
        os.close(self.screen._descriptor)
        self._file.close()


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.text(st.sampled_from("ab.\n大"), max_size=45)),
        st.tuples(st.just("show"), st.lists(st.text("xyz", max_size=25), max_size=5)),
    )
)


@given(OPERATIONS)
def test_the_block_leaves_no_trace(operations: list[tuple[str, str | list[str]]]) -> None:
    """Without the block, the terminal shows what it would show had there never been one."""
    shown, alone = Shown(), Terminal(20, 8)
    for _, value in operations:
        if isinstance(value, str):
            shown.screen.write(value)
            shown.screen.flush()
            alone.feed(value)
        else:
            shown.screen.show(value)
    shown.screen.show(())
    terminal = shown.terminal()
    shown.close()

    assert terminal.lines() == alone.lines()
    assert terminal.cursor() == alone.cursor()


def test_the_block_stands_below_an_unfinished_line() -> None:
    """The block is under the line that pytest writes, which goes on where it was."""
    shown = Shown()
    shown.screen.write("test_it.py ..")
    shown.screen.show(["one", "two"])
    below = shown.terminal().lines()
    shown.screen.write("F")
    shown.screen.flush()

    assert below == ["test_it.py ..", "one", "two"]
    assert shown.terminal().lines() == ["test_it.py ..F", "one", "two"]
    assert shown.terminal().cursor() == (0, 14)
    shown.close()


def test_a_line_of_our_own_ends_an_unfinished_one() -> None:
    """What we say stands on a line of its own, above the block."""
    shown = Shown()
    shown.screen.show(["block"])
    shown.screen.write("..")
    shown.screen.say("said")
    shown.screen.say("more")

    assert shown.restarted == [""]
    assert shown.terminal().lines() == ["..", "said", "more", "", "block"]
    shown.close()


def test_what_stands_on_a_line_since_ours() -> None:
    """Nothing, then what is written next without its colours; pytest counts the rest itself."""
    shown = Shown()
    shown.screen.write("..")
    shown.screen.say("said")
    shown.screen.write("\x1b[32m.\x1b[0m")
    shown.screen.write("F")
    shown.screen.say("said")
    shown.screen.write(".\n.")
    shown.screen.write(".")

    assert shown.restarted == ["", ".", ""]
    shown.close()


def test_the_same_block_is_drawn_once() -> None:
    """A block that does not change costs nothing."""
    shown = Shown()
    shown.screen.show(["one"])
    before = shown.terminal().lines(), shown._read
    shown.screen.show(["one"])

    assert (shown.terminal().lines(), shown._read) == before
    shown.close()


def test_a_terminal_that_went_away() -> None:
    """Where the block can't be drawn, pytest's output goes on, and the reason is kept."""
    shown = Shown()
    reader, writer = os.pipe()
    os.close(reader)
    screen = Screen(shown.screen.file, writer)
    screen.show(["one"])
    screen.write("pytest's\n")
    screen.flush()
    os.close(writer)

    assert screen.problem == "the terminal: Broken pipe"
    assert shown.terminal().lines() == ["pytest's"]
    shown.close()
