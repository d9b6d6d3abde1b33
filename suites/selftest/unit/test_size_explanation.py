"""Sizes explained: what a verdict says of where the bytes went adds up, and names the cause."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import claims, size_difference, size_explanation
from fixtures.core.attribution import Attribution, Kind, Place
from fixtures.core.compact_sizes import fold
from fixtures.core.errors import RecordError
from fixtures.core.readers import Budget
from fixtures.core.regression import Growth, Regression
from fixtures.core.size_difference import Measure
from fixtures.core.size_explanation import Explained, explain
from fixtures.core.verdicts import Judgement, Verdict
from fixtures.core.weights import KINDS
from suites.selftest.unit.samples import target
from suites.selftest.unit.test_size_difference import BASE, attributions, code, of, padding, plus
from suites.selftest.unit.test_size_regression import against, files

GROWN: Final = plus(code("added", 4096), code("main", 112), code("serde::a", 300, "serde"))
ROW: Final = target(budget=Budget(regression=Regression(size=Growth(percent=2))))

artifacts = st.dictionaries(st.sampled_from(["a", "lib/b.so", "c"]), attributions, max_size=3)


def numbers(words: str) -> list[int]:
    """The signed numbers in a text."""
    return [int(each.replace(",", "")) for each in re.findall(r"(?<![\w.])[+-][\d,]*\d", words)]


@given(artifacts, artifacts, st.booleans())
def test_all_artifacts_together_are_the_sum_of_each(
    base: dict[str, Attribution], head: dict[str, Attribution], committed: bool
) -> None:
    """New and vanished ones in full; each table adds up, against a build or a baseline."""
    known = {path: fold(each) for path, each in base.items()} if committed else base
    explained = explain(known, head)
    for measure in Measure:
        whole = explained.together[measure]
        totals = {Measure.FILE: "file_bytes", Measure.ALLOCATED: "allocated_bytes"}
        before, now = (
            sum(getattr(each, totals[measure]) for each in side.values()) for side in (base, head)
        )

        assert (whole.base, whole.head) == (before, now)
        assert sum(each.change for _, each in explained.told(measure)) == whole.change
        for table in whole.tables.values():
            assert table.change == whole.change
            assert table.cut(2).change == whole.change


@given(artifacts, artifacts)
def test_what_is_said_adds_up(base: dict[str, Attribution], head: dict[str, Attribution]) -> None:
    """In each artifact's words every table is the change that stands before it."""
    explained = explain(base, head)
    for line in size_explanation.words(explained, KINDS):
        change, *tables = line.split(" = ")
        [total] = numbers(change)

        for table in tables:
            assert sum(numbers(table.replace("new)", ""))) == total, line


def test_a_regression_names_what_grew() -> None:
    """Sections, crates and symbols, the largest first, what is new told as such."""
    [line] = size_explanation.words(explain({"demo": BASE}, {"demo": GROWN}), ("size",))

    assert line == (
        "demo in the file +4,408 bytes = sections .text +4,408 = "
        "crates (not from a known crate) +4,108, serde +300 (new) = "
        "symbols added +4,096 (new), serde::a +300 (new), main +12"
    )


def test_a_kind_of_weight_is_told_by_what_it_weighs() -> None:
    """Zeros in memory are no bytes of the file, and a gap in the file none of memory."""
    explained = explain({"demo": BASE}, {"demo": plus(padding(65_000, Place.FILE))})

    assert "in the file +64,000" in size_explanation.words(explained, ("size",))[0]
    assert size_explanation.words(explained, ("allocated",)) == ()
    assert len(size_explanation.words(explained, KINDS)) == 1


def test_where_one_side_has_no_names_sections_are_told_alone() -> None:
    """A base without its twin would make each symbol of head a new one."""
    bare = of(replace(code("x", 150), symbol=None, kind=Kind.UNNAMED), padding(10))
    [line] = size_explanation.words(
        explain({"demo": bare}, {"demo": GROWN}, nameless=["demo"]), ("allocated",)
    )
    [named] = size_explanation.words(explain({"demo": bare}, {"demo": GROWN}), ("allocated",))

    assert line == "demo in memory +4,408 bytes = sections .text +4,408"
    assert "no name -150 (gone)" in named


def test_many_artifacts_are_told_shortly() -> None:
    """The three that moved most, and the sum of the others."""
    head = {f"a{number}": of(code("f", number)) for number in range(1, 8)}
    lines = size_explanation.words(explain({}, head), ("size",))

    assert [line.partition(" ")[0] for line in lines] == ["a7", "a6", "a5", "4"]
    assert lines[-1] == "4 other artifacts +10 in the file"


def test_a_name_is_tame() -> None:
    """A symbol of a build may be called anything: no escape code, and no end."""
    head = plus(replace(code("x", 50), symbol="\x1b[31m" + "x" * 10_000))
    [line] = size_explanation.words(explain({"demo": BASE}, {"demo": head}), ("size",))

    assert "\x1b" not in line
    assert len(line) < 500


# In the verdict


def judged(now: int, explained: Explained | None, before: int = 10_000) -> Judgement:
    """The claim of one artifact."""
    return claims.judge(
        "size_regression",
        ROW,
        files(demo=now),
        reference=against(files(demo=before)),
        explained=explained,
    )


def test_a_failure_says_where_the_bytes_went() -> None:
    """In full, behind what failed; and with it in the report."""
    judgement = judged(14_408, explain({"demo": BASE}, {"demo": GROWN}))

    assert judgement.verdict is Verdict.FAIL
    assert "2 % is allowed; demo in the file +4,408 bytes = sections" in judgement.reason
    assert "added +4,096 (new)" in judgement.reason
    assert judgement.attribution is not None
    assert size_explanation.from_json(judgement.attribution)[Measure.FILE].change == 4408


def test_a_pass_says_it_shortly() -> None:
    """The sections and the likeliest cause; nothing where nothing moved."""
    moved = judged(10_012, explain({"demo": BASE}, {"demo": plus(code("main", 112))}))
    still = judged(10_000, None)

    assert moved.verdict is Verdict.PASS
    assert moved.reason.endswith("2 % allowed; in the file .text +12 (symbol main grew)")
    assert still.reason.endswith("0 bytes, 2 % allowed")
    assert still.attribution is None


def test_what_can_not_be_told_is_said() -> None:
    """A stripped file without its twin is named, with the reason."""
    explained = explain({"demo": BASE}, {"demo": GROWN}, ("demo: it is stripped",))

    assert judged(14_408, explained).reason.endswith("; demo: it is stripped")


def test_no_explanation_changes_a_verdict() -> None:
    """Whatever is said of where bytes went, the weights alone are judged."""
    wrong = explain({}, {"demo": of(code("f", 10**9))})

    assert judged(10_000, wrong).verdict is Verdict.PASS
    assert judged(14_408, None).verdict is judged(14_408, wrong).verdict is Verdict.FAIL


# The document


@given(artifacts, artifacts)
def test_the_document_is_what_it_was_made_of(
    base: dict[str, Attribution], head: dict[str, Attribution]
) -> None:
    """Shortened and read again, each table still adds up to the same change."""
    explained = explain(base, head)
    document = json.loads(json.dumps(size_explanation.to_json(explained)))
    found = size_explanation.from_json(document)
    for measure, difference in found.items():
        assert difference.change == explained.together[measure].change
        assert len(difference.symbols.rows) <= size_explanation.ROWS


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.pop("file"),
        lambda raw: raw["file"].update(head=raw["file"]["head"] + 1),
        lambda raw: raw["file"]["symbols"].update(others=raw["file"]["symbols"]["others"] + 1),
        lambda raw: raw["file"]["symbols"]["rows"].pop(),
        lambda raw: raw["file"].update(measure="elsewhere"),
        lambda raw: raw["file"].update(base=True),
        lambda raw: raw["file"].update(kinds=None),
        lambda raw: raw["file"]["symbols"]["rows"][0].update(name="x" * 10_000),
    ],
)
def test_a_document_that_does_not_add_up_is_refused(change: Any) -> None:
    """A part lost, a number changed: it is no difference of sizes."""
    document = size_explanation.to_json(explain({"demo": BASE}, {"demo": GROWN}))
    assert size_explanation.from_json(document)
    change(document)

    with pytest.raises(RecordError):
        size_explanation.from_json(document)


def test_of_what_is_no_object_there_is_none() -> None:
    """Nor does it crash."""
    odd: tuple[Any, ...] = (None, [], 1, {"file": []})
    for raw in odd:
        with pytest.raises(RecordError):
            size_explanation.from_json(raw)
        with pytest.raises(RecordError):
            size_difference.from_json(raw)
