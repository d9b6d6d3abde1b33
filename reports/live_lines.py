"""The live view's lines, from what builds said of their progress (pure)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from fixtures.core.text import clip, defuse
from fixtures.core.units import show_time
from fixtures.progress import Event, Kind, Queued

TIMED_PHASE: Final = "build"
"""The phase whose time is expected to be what it was last, and which writes the log."""


@dataclass(frozen=True, kw_only=True)
class State:
    """What is known of a run: what waits, what runs, and the last line of each running log.

    `running` holds for each target the event that it is at, in the order in which they began;
    `begun` are those that no longer wait.
    """

    queue: tuple[Queued, ...] = ()
    running: Mapping[str, Event] = field(default_factory=dict)
    begun: frozenset[str] = frozenset()
    logs: Mapping[str, str] = field(default_factory=dict)

    def after(self, event: Event) -> State:
        """The state once an event has happened."""
        begun = self.begun | {event.target}
        match event.kind:
            case Kind.STARTED | Kind.ENDED:
                return replace(self, begun=begun, running={**self.running, event.target: event})
            case Kind.FINISHED:
                return replace(self, begun=begun).without(event.target)
            case _:
                assert_never(event.kind)

    def without(self, target: str) -> State:
        """The state once a target runs no longer."""
        left = {name: event for name, event in self.running.items() if name != target}
        return replace(self, running=left)

    def waiting(self) -> list[str]:
        """The targets that are still to be built, in order."""
        return [each.target for each in self.queue if each.target not in self.begun]

    def expected_s(self, target: str) -> float | None:
        """The seconds that a target's build phase took last; None where nobody knows."""
        return next((each.expected_s for each in self.queue if each.target == target), None)


def lines(state: State, now: float, width: int, room: int) -> list[str]:
    """At most `room` lines of at most `width` cells: what runs, then what waits.

    `now` is in seconds since the epoch. Nothing where nothing runs.
    """
    if not state.running or room < 1:
        return []
    waiting = state.waiting()
    last = [_queue(waiting, width)] if waiting and room > 2 else []
    room -= len(last)
    running = list(state.running.values())
    shown = running if len(running) <= room else running[: room - 1]
    if len(shown) < len(running):
        hidden = len(running) - len(shown)
        last = [f"and {hidden} more" if shown else f"{hidden} targets run", *last]
    columns = [
        _aligned(event.target for event in shown),
        _aligned(_phase(event) for event in shown),
        _aligned(_time(state, event, now) for event in shown),
        [state.logs.get(event.target, "") if _is_timed(event) else "" for event in shown],
    ]
    rows = ["  ".join(cells) for cells in zip(*columns, strict=True)]
    return [fit(row, width) for row in [*rows, *last]]


def plain(event: Event) -> str | None:
    """The line by which a log without a live view tells of an event; None where it doesn't."""
    match event.kind:
        case Kind.STARTED:
            return None
        case Kind.ENDED:
            cpu = "" if event.cpu_s is None else f" ({show_time(event.cpu_s)} of CPU)"
            words = f"{event.phase}: {show_time(event.wall_s or 0)}{cpu}"
        case Kind.FINISHED:
            words = event.words
        case _:
            assert_never(event.kind)
    return clip(defuse(f"crossgate: {event.target}: {words}")) if words else None


def clock(seconds: float) -> str:
    """``"0:23"``, ``"12:05"``, ``"1:02:03"``; never negative, though clocks may be set back."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def fit(text: str, width: int) -> str:
    """A text as one harmless line of at most `width` cells, cut where it is longer."""
    # A tab is as wide as the terminal likes.
    line = defuse(text).replace("\t", " ").rstrip()
    if width < 1:
        return ""
    # No character takes less than a cell here, so a longer text need not be looked at.
    if len(line) <= width and _cells(line) <= width:
        return line
    kept, used = [], 1
    for character in line[:width]:
        used += _cells(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept) + "…"


def _cells(text: str) -> int:
    """The cells that a text takes at most: East Asian wide characters take two (UAX #11)."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def _aligned(texts: Iterable[str]) -> list[str]:
    known = list(texts)
    width = max(map(_cells, known), default=0)
    return [text + " " * (width - _cells(text)) for text in known]


def _is_timed(event: Event) -> bool:
    return event.kind is Kind.STARTED and event.phase == TIMED_PHASE


def _phase(event: Event) -> str:
    # Between two phases there is nothing to say for a moment.
    return event.phase if event.kind is Kind.STARTED else ""


def _time(state: State, event: Event, now: float) -> str:
    if event.kind is not Kind.STARTED:
        return ""
    expected = state.expected_s(event.target) if _is_timed(event) else None
    passed = clock(now - event.at)
    return passed if expected is None else f"{passed} of ~{clock(expected)}"


def _queue(waiting: list[str], width: int) -> str:
    head = f"queued: {len(waiting)}"
    best = head
    for count in range(1, len(waiting) + 1):
        more = ", …" if count < len(waiting) else ""
        text = f"{head} ({', '.join(waiting[:count])}{more})"
        if _cells(text) > width:
            break
        best = text
    return best
