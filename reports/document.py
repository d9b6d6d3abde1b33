"""``report.json``: the records and verdicts of one run as one document (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from fixtures.core.record import Record
from fixtures.core.timings import kept
from fixtures.core.timings.kept import Units

SCHEMA: Final = 1


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim's answer; `verdict` is a verdict's word, or ``"error"`` where none was reached."""

    target: str
    name: str
    verdict: str
    reason: str
    observed: Any = None
    expected: Any = None
    manifest_key: str | None = None
    reused: bool | None = None
    evidence: str | None = None
    waiver: Mapping[str, Any] | None = None
    attribution: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As it stands in the document, inside its target."""
        return {
            "name": self.name,
            "verdict": self.verdict,
            "observed": self.observed,
            "expected": self.expected,
            "reason": self.reason,
            "manifest_key": self.manifest_key,
            "evidence": self.evidence,
            # What most claims don't have is not said of each.
            **({"waiver": dict(self.waiver)} if self.waiver else {}),
            **({"attribution": dict(self.attribution)} if self.attribution else {}),
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that the reporters write from; `notes` are what is told and fails nothing.

    `sizes` is the word for what changed across architectures, by project, `timings` which steps
    a build's own tools found the longest, by target.
    """

    started: str
    host: Mapping[str, Any]
    claims: tuple[Claim, ...]
    records: Mapping[str, Record] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sizes: Mapping[str, str] = field(default_factory=dict)
    timings: Mapping[str, tuple[Units, ...]] = field(default_factory=dict)
    exit_code: int = 0

    def counts(self) -> dict[str, int]:
        """How many claims have each verdict, in the order in which they first appear."""
        counted: dict[str, int] = {}
        for claim in self.claims:
            counted[claim.verdict] = counted.get(claim.verdict, 0) + 1
        return counted

    def targets(self) -> list[str]:
        """The ids of all targets that a claim was made of, in the order of the claims."""
        return list(dict.fromkeys(claim.target for claim in self.claims))

    def to_json(self) -> dict[str, Any]:
        """The document."""
        return {
            "schema": SCHEMA,
            "started": self.started,
            "host": dict(self.host),
            "exit_code": self.exit_code,
            "problems": list(self.problems),
            "notes": list(self.notes),
            # What most runs don't have is not said of each.
            **({"sizes": dict(self.sizes)} if self.sizes else {}),
            "targets": [self._target(target) for target in self.targets()],
        }

    def _target(self, target: str) -> dict[str, Any]:
        claims = [claim for claim in self.claims if claim.target == target]
        reused = next((claim.reused for claim in claims if claim.reused is not None), False)
        record, timings = self.records.get(target), self.timings.get(target)
        return {
            "id": target,
            **(_of_record(record) if record else _EMPTY),
            **({"timings": kept.as_json(timings)} if timings else {}),
            "reused": reused,
            "claims": [claim.to_json() for claim in claims],
        }


_EMPTY: Final[Mapping[str, Any]] = {
    "project": None,
    "architecture": None,
    "toolchain": None,
    "strategy": None,
    "key": None,
    "outcome": None,
    "build": None,
    "artifacts": [],
}


def _of_record(record: Record) -> dict[str, Any]:
    whole = asdict(record)
    return {
        "project": record.project,
        "architecture": record.architecture,
        "toolchain": record.toolchain,
        "strategy": record.strategy,
        "key": record.key or None,
        "outcome": record.outcome.value,
        "reason": record.reason,
        "started": record.started,
        "log": record.log,
        "reproducer": record.reproducer,
        "build": whole["build"],
        "conditions": whole["conditions"],
        "execution": whole["execution"],
        "ways": whole["ways"],
        "rebuild": whole["rebuild"],
        "artifacts": whole["artifacts"],
        "smoke": whole["smoke"],
        "test": whole["test"],
        "reproduction": whole["reproduction"],
    }


def in_order(claims: Iterable[Claim], names: Iterable[str]) -> tuple[Claim, ...]:
    """Claims target by target (by id), and within a target in the order of `names`."""
    places = {name: place for place, name in enumerate(names)}
    return tuple(
        sorted(claims, key=lambda claim: (claim.target, places.get(claim.name, len(places))))
    )
