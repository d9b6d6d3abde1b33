"""A terminal for tests: keeps what a person would see of the control codes that we send."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_CODE: Final = re.compile(r"\x1b(?:\[([?0-9;]*)([A-Za-z])|([78D]))")


class Terminal:
    """A screen of `width` by `height` cells, and the lines that went over its upper edge.

    Like an xterm's, its cursor stays in the last column until the next character comes. A code
    that it doesn't know is an AssertionError.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.gone: list[str] = []
        self._rows = [[" "] * width for _ in range(height)]
        self._row = self._column = 0
        self._wraps, self._saved = True, (0, 0)

    def feed(self, text: str) -> None:
        """Take output, as it comes out of a terminal's line discipline or goes into it."""
        place = 0
        while place < len(text):
            match = _CODE.match(text, place)
            if match:
                self._obey(match[1] or "", match[2] or match[3])
                place = match.end()
            else:
                self._put(text[place])
                place += 1

    def lines(self) -> list[str]:
        """All lines ever written that are still to be seen, without empty ones at the end."""
        shown = [*self.gone, *("".join(row).rstrip() for row in self._rows)]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    def cursor(self) -> tuple[int, int]:
        """Where the cursor is: the line, counted as in `lines`, and the column."""
        return len(self.gone) + self._row, self._column

    def _put(self, character: str) -> None:
        match character:
            case "\r":
                self._column = 0
            case "\n":
                self._column = 0
                self._down()
            case _:
                assert character.isprintable(), f"unexpected control code {character!r}"
                wide = 2 if unicodedata.east_asian_width(character) in "WF" else 1
                if self._column + wide > self.width:
                    self._column = 0 if self._wraps else self.width - wide
                    if self._wraps:
                        self._down()
                self._rows[self._row][self._column] = character
                if wide == 2:
                    self._rows[self._row][self._column + 1] = ""
                self._column += wide

    def _down(self) -> None:
        if self._row + 1 < self.height:
            self._row += 1
            return
        self.gone.append("".join(self._rows.pop(0)).rstrip())
        self._rows.append([" "] * self.width)

    def _obey(self, numbers: str, code: str) -> None:
        column = min(self._column, self.width - 1)
        match numbers, code:
            case "", "D":
                self._down()
            case "", "7":
                self._saved = self._row, self._column
            case "", "8":
                self._row, self._column = self._saved
            case _, "A":
                self._row = max(0, self._row - int(numbers or 1))
            case _, "B":
                self._row = min(self.height - 1, self._row + int(numbers or 1))
            case (("" | "0"), "K"):
                self._rows[self._row][column:] = [" "] * (self.width - column)
            case "", "J":
                self._rows[self._row][column:] = [" "] * (self.width - column)
                for row in range(self._row + 1, self.height):
                    self._rows[row] = [" "] * self.width
            case "?7", ("l" | "h"):
                self._wraps = code == "h"
            case _, "m":
                pass
            case _:
                raise AssertionError(f"unexpected terminal code {numbers}{code}")
