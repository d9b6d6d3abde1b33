"""pytest's output with a block of lines below it that comes and goes.

The block is drawn on the lines under the cursor, whatever column that is in: pytest leaves lines
unfinished (its dots). Room for it is made with IND (down, scrolling at the bottom of the screen,
in the same column), and the cursor is saved and restored around the drawing (DECSC, DECRC), so
nobody has to know where it is. See ECMA-48 and the VT510 manual, https://vt100.net/docs/vt510-rm/.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, TextIO

_SAVE, _RESTORE = "\x1b7", "\x1b8"
_DOWN: Final = "\x1bD"
_CLEAR_LINE, _CLEAR_BELOW = "\x1b[K", "\x1b[J"
# A character that the terminal finds wider than we do must not make a line two.
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"

# Colours, which take no room.
_MARKUP: Final = re.compile(r"\x1b\[[0-9;]*m")

ERASE: Final = f"{_SAVE}\x1b[B\r{_CLEAR_BELOW}{_RESTORE}"
"""Takes the lines under the cursor away; only where there is at least one line under it."""


def draw(lines: Sequence[str]) -> str:
    """What draws lines under the cursor's and leaves the cursor where it was."""
    room = f"{_DOWN * len(lines)}\x1b[{len(lines)}A"
    block = "".join(f"\r\n{line}{_CLEAR_LINE}" for line in lines)
    return f"{room}{_SAVE}{_NO_WRAP}{block}{_CLEAR_BELOW}{_WRAP}{_RESTORE}"


def _nobody(_: str) -> None:
    """Is told, and does nothing."""


class Screen:
    """Stands in for the file of pytest's terminal writer; safe to use from several threads.

    What pytest writes goes to `file` as before. The block goes to `descriptor`, a duplicate of
    the file's own: while pytest captures a test's output, the file's is turned elsewhere. What
    goes wrong with the block is `problem`, and nothing is drawn from then on.

    `restarted` is told what stands on pytest's line since a line of ours ended it: nothing at
    first, then what pytest writes next, which it may have counted as part of the old line already.
    """

    def __init__(
        self, file: TextIO, descriptor: int, restarted: Callable[[str], object] = _nobody
    ) -> None:
        self.file = file
        self.problem: str | None = None
        self._restarted = restarted
        self._cut = False
        self._descriptor = descriptor
        # Whoever draws holds it; reentrant, since Ctrl-C may end a write and start another.
        self._lock = threading.RLock()
        self._lines: tuple[str, ...] = ()
        self._drawn = False
        self._line_ended = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, text: str) -> int:
        """Write pytest's text where the block is; the block is drawn again at the next flush."""
        with self._lock:
            self._erase()
            count = self.file.write(text)
            if text:
                self._line_ended = text.endswith("\n")
                if self._cut and "\n" not in text:
                    self._restarted(_MARKUP.sub("", text))
                self._cut = False
            # What is still in the file's buffer would come after what we write.
            self.file.flush()
            return count

    def flush(self) -> None:
        """Flush pytest's text and draw the block below it."""
        with self._lock:
            self.file.flush()
            self._draw()

    def show(self, lines: Sequence[str]) -> None:
        """Replace the block; no lines, no block."""
        with self._lock:
            if tuple(lines) == self._lines and (self._drawn or not lines):
                return
            self._lines = tuple(lines)
            if self._lines:
                self._draw(again=True)
            else:
                self._erase()

    def say(self, line: str) -> None:
        """Write a line of our own above the block, behind an end to what pytest has begun."""
        with self._lock:
            self._erase()
            cut = not self._line_ended
            # Not through the file: pytest may be capturing what is written there.
            self._emit(("\n" if cut else "") + line + "\n", "backslashreplace")
            self._line_ended = True
            if cut:
                self._cut = True
                self._restarted("")
            self._draw()

    def _draw(self, *, again: bool = False) -> None:
        if self._lines and (again or not self._drawn) and not self.problem:
            self._drawn = True
            self._emit(draw(self._lines))

    def _erase(self) -> None:
        if self._drawn:
            # Before and not after: erased twice, pytest's own line could go.
            self._drawn = False
            self._emit(ERASE)

    def _emit(self, text: str, errors: str = "replace") -> None:
        encoding = getattr(self.file, "encoding", None) or "utf-8"
        raw = text.encode(encoding, errors)
        try:
            while raw:
                raw = raw[os.write(self._descriptor, raw) :]
        except OSError as error:
            # pytest's own output must go on whatever became of ours.
            self.problem = f"the terminal: {error.strerror or error}"
