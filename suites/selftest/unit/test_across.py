"""The word across a project's targets: made of the claims that tell where bytes went."""

from __future__ import annotations

from typing import Any, Final

import pytest

from fixtures.core import size_explanation
from fixtures.core.attribution import Attribution, Place
from fixtures.core.record import Record
from reports import across, markdown, table
from reports.document import Claim, Report
from suites.selftest.unit.samples import record, target
from suites.selftest.unit.test_size_difference import BASE, SERDE, code, padding, plus

ALIGNED: Final = plus(padding(65_000, Place.FILE))
HIDDEN: Final = plus(code("main", 200), padding(900, Place.FILE))
"""What grew by 100 bytes, into the gap behind it: the file is as long as before."""


def claim(name: str, head: Attribution | None, verdict: str = "pass", **more: Any) -> Claim:
    """The claim of a target that had `BASE` and now has `head`; None where nothing moved."""
    explained = size_explanation.explain({"demo": BASE}, {"demo": head}) if head else None
    told = size_explanation.to_json(explained) if explained else None
    seen: dict[str, Any] = {"observed": {"size": 0.0}, "attribution": told, **more}
    return Claim(target=name, name="size_regression", verdict=verdict, reason="x", **seen)


def records(*names: str, project: str = "demo") -> dict[str, Record]:
    """Records of targets that are called by their architecture."""
    return {
        name: record(target(name.partition("-")[0]), target=name, project=project) for name in names
    }


@pytest.mark.parametrize(
    ("heads", "word"),
    [
        ({"amd64": SERDE, "arm64": SERDE}, "all: new dependency serde"),
        ({"amd64": None, "arm64": ALIGNED}, "arm64 only: alignment"),
        ({"amd64": plus(code("main", 200)), "arm64": HIDDEN}, "all: symbol main grew"),
        ({"amd64-gcc": ALIGNED, "amd64-emulated": None}, "amd64-gcc only: alignment"),
    ],
)
def test_the_word_is_told_in_all_reports(heads: dict[str, Attribution | None], word: str) -> None:
    """Below the table, in Markdown and in report.json; two of one CPU by their ids."""
    known = records(*heads)
    claims = tuple(claim(name, head) for name, head in heads.items())
    words = across.of_projects(claims, known)
    report = Report(
        started="",
        host={},
        claims=claims,
        records=known,
        notes=(*across.notes(words),),
        sizes=words,
    )

    assert words == {"demo": word}
    assert f"note: sizes of demo: {word}" in [line.text for line in table.lines(report, 200)]
    assert f"sizes of demo: {word}" in markdown.render(report)
    assert report.to_json()["sizes"] == {"demo": word}
    [told, *_] = report.to_json()["targets"]
    assert ("attribution" in told["claims"][0]) == (heads[told["id"]] is not None)


def test_one_target_needs_no_word_across() -> None:
    """Its own verdict says it; and nothing is said where nothing changed anywhere."""
    assert across.of_projects([claim("amd64", SERDE)], records("amd64")) == {}
    assert (
        across.of_projects([claim("amd64", None), claim("arm64", None)], records("amd64", "arm64"))
        == {}
    )


def test_projects_are_told_apart() -> None:
    """What two projects have in common is no word of either."""
    known = {**records("amd64", "arm64"), **records("s390x", project="other")}
    claims = [claim("amd64", None), claim("arm64", ALIGNED), claim("s390x", ALIGNED)]

    assert across.of_projects(claims, known) == {"demo": "arm64 only: alignment"}


@pytest.mark.parametrize(
    "unknown",
    [
        claim("s390x", None, "unmeasurable", observed=None),
        claim("s390x", None, "fail", observed=None),
        claim("s390x", SERDE, attribution={"file": "damaged"}),
        claim("riscv64", SERDE),
        claim("s390x", None, observed={"size": 0.02}),
    ],
    ids=["no reference", "not built", "damaged", "no record", "not told"],
)
def test_what_nobody_could_look_at_has_no_part_in_it(unknown: Claim) -> None:
    """Neither as one that did not change, nor as one that did."""
    claims = [claim("amd64", SERDE), claim("arm64", SERDE), unknown]

    assert across.of_projects(claims, records("amd64", "arm64", "s390x")) == {
        "demo": "all: new dependency serde"
    }
