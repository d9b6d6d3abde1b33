"""What changed in the sizes of a project's targets, in a word across them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from fixtures.core import size_explanation
from fixtures.core.errors import RecordError
from fixtures.core.record import Record
from fixtures.core.size_explanation import Differences

from .document import Claim

CLAIM: Final = "size_regression"

_UNCHANGED: Final = size_explanation.explain({}, {}).together


def of_projects(claims: Iterable[Claim], records: Mapping[str, Record]) -> dict[str, str]:
    """The word of each project of which several targets were judged, and any changed.

    Targets are called by their architecture, and by their id where a project has two of one.
    """
    by_project: dict[str, dict[str, Differences]] = {}
    for claim in sorted(claims, key=lambda each: each.target):
        # One that nobody could hold against anything has no part in what all share.
        if claim.name != CLAIM or claim.target not in records or claim.observed is None:
            continue
        found = _differences(claim)
        if found is not None:
            by_project.setdefault(records[claim.target].project, {})[claim.target] = found
    return {
        project: word
        for project, each in by_project.items()
        if len(each) > 1 and (word := size_explanation.across(_named(each, records)))
    }


def notes(words: Mapping[str, str]) -> Iterator[str]:
    """As they are told below the verdicts."""
    for project, word in sorted(words.items()):
        yield f"sizes of {project}: {word}"


def _differences(claim: Claim) -> Differences | None:
    """A target's differences, all of nothing where nothing moved; None where nobody knows them."""
    try:
        found = size_explanation.from_json(claim.attribution) if claim.attribution else _UNCHANGED
    except RecordError:
        return None
    moved = isinstance(claim.observed, dict) and any(claim.observed.values())
    told = any(each.change for each in found.values())
    return found if told or not moved else None


def _named(
    found: Mapping[str, Differences], records: Mapping[str, Record]
) -> dict[str, Differences]:
    architectures = {target: records[target].architecture for target in found}
    count = Counter(architectures.values())
    return {
        name if count[name := architectures[target]] == 1 else target: each
        for target, each in found.items()
    }
