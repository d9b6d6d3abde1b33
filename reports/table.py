"""The verdict table for a terminal: one row per claim, plain text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fixtures.core.text import printable

from .document import Claim, Report


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table, and the verdict that colours it."""

    text: str
    verdict: str | None = None


def lines(report: Report, width: int) -> Iterator[Line]:
    """The table, at most `width` columns wide, and a closing line with the counts."""
    rows = [
        (claim.target, claim.name, claim.verdict, _record(claim), claim.evidence or "-")
        for claim in report.claims
    ]
    head = ("target", "claim", "verdict", "record", "evidence")
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    yield Line(text=_row(head, widths, "finding", width))
    for row, claim in zip(rows, report.claims, strict=True):
        first = printable(claim.reason.partition("\n")[0])
        yield Line(text=_row(row, widths, first, width), verdict=claim.verdict)
    yield Line(text=summary(report))
    for note in report.notes:
        yield Line(text=f"note: {printable(note)}")


def summary(report: Report) -> str:
    """``"2 targets, 12 claims: 11 pass, 1 fail"``, and how many targets were not built anew."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in report.counts().items())
    targets = report.targets()
    reused = {claim.target for claim in report.claims if claim.reused}
    note = f"; {len(reused)} judged on an earlier record" if reused else ""
    return (
        f"{_plural(len(targets), 'target')}, {_plural(len(report.claims), 'claim')}: {counts}{note}"
    )


def _record(claim: Claim) -> str:
    return {None: "-", True: "reused", False: "built"}[claim.reused]


def _row(cells: tuple[str, ...], widths: list[int], last: str, width: int) -> str:
    fixed = "  ".join(cell.ljust(wide) for cell, wide in zip(cells, widths, strict=True))
    room = max(20, width - len(fixed) - 2)
    return f"{fixed}  {last if len(last) <= room else last[: room - 1] + '…'}".rstrip()


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
