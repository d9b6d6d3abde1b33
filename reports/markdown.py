"""The same as Markdown, for a pull request or a CI job's summary page."""

from __future__ import annotations

from typing import Final

from fixtures.core.text import clip, markdown_cell

from . import table
from .document import Report

MAX_BYTES: Final = 900_000
"""GitHub drops a step's summary whole above 1 MiB."""

_SIGNS: Final = {
    "pass": "✅",
    "fail": "❌",
    "error": "💥",
    "waived": "🏷️",
    "unmeasurable": "❔",
    "not applicable": "➖",
}


def render(report: Report) -> str:
    """A heading, the counts, a table, and what the run itself has to say; bounded in size."""
    head = ["## Crossgate", "", table.summary(report) + ".", ""]
    head += [f"**{markdown_cell(clip(problem))}**\n" for problem in report.problems]
    head += [f"{markdown_cell(clip(note))}\n" for note in report.notes]
    head += ["| target | claim | verdict | record | evidence | finding |", f"|{' --- |' * 6}"]
    parts = ["\n".join(head) + "\n"]
    size = len(parts[0].encode())
    for number, claim in enumerate(report.claims):
        record = {None: "", True: "reused", False: "built"}[claim.reused]
        finding = markdown_cell(clip(claim.reason.partition("\n")[0]))
        row = (
            f"| {claim.target} | {claim.name} | {_SIGNS.get(claim.verdict, '')} {claim.verdict} "
            f"| {record} | {claim.evidence or ''} | {finding} |\n"
        )
        size += len(row.encode())
        if size > MAX_BYTES:
            parts.append(f"\n{len(report.claims) - number} more claims are in report.json.\n")
            break
        parts.append(row)
    return "".join(parts)
