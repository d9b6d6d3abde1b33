"""``size_regression``: what grew is caught, with its name, and nothing passes without a look."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from fixtures.core import baselines, claims, references
from fixtures.core.readers import Budget
from fixtures.core.record import Artifact, Outcome, Record
from fixtures.core.references import Reference
from fixtures.core.regression import Growth, Regression
from fixtures.core.verdicts import Judgement, Verdict
from suites.selftest.unit.samples import artifact, nested, package, record, target

TWO: Final = Growth(percent=2)
ALL: Final = Regression(
    size=TWO, size_allocated=TWO, size_stripped=TWO, size_compressed=Growth(percent=3)
)
TARGET: Final = target(budget=Budget(regression=ALL))
BASE: Final = record(TARGET)


def files(**sizes: int) -> Record:
    """A record of artifacts by name, each of a size in bytes."""
    found = [
        artifact(TARGET, path=name, size_bytes=size, facts={"stripped_size": size - 10})
        for name, size in sizes.items()
    ]
    return record(TARGET, artifacts=tuple(found))


files_of = references.sizes_of


def against(base: Record, *, committed: bool = False) -> Reference:
    """A record as the reference, by either way."""
    if committed:
        entry = baselines.entry_of(base)
        assert not isinstance(entry, str)
        return entry.reference()
    found = references.of_base(base, "the base build of 1a2b3c")
    assert not isinstance(found, str)
    return found


def judged(one: Record, reference: Reference | str, row: Any = TARGET) -> Judgement:
    """The judgement of the claim."""
    judgement = claims.judge("size_regression", row, one, reference=reference)
    assert judgement.claim == "size_regression"
    assert judgement.manifest_key.startswith("projects.demo.budget.regression.")
    return judgement


@pytest.mark.parametrize("committed", [False, True], ids=["base", "baseline"])
def test_equal_sizes_pass_and_are_said_to_be(committed: bool) -> None:
    """Identical builds differ by 0 bytes in each way of weighing."""
    judgement = judged(BASE, against(BASE, committed=committed))

    assert judgement.verdict is Verdict.PASS
    assert "0 bytes, 2 % allowed" in judgement.reason
    for kind in ("in memory", "without symbols", "compressed"):
        assert f"0 bytes {kind}" in judgement.reason


@pytest.mark.parametrize(
    ("fact", "key", "words"),
    [
        (None, "size", "+1,401 bytes (+2.00 %)"),
        ("allocated_size", "size_allocated", "+73 bytes in memory"),
        ("stripped_size", "size_stripped", "+1,321 bytes without symbols"),
        ("compressed_size", "size_compressed", "+46 bytes compressed (+3.07 %)"),
    ],
)
def test_each_weight_is_caught_a_byte_beyond_its_bound(
    fact: str | None, key: str, words: str
) -> None:
    """A mutant a byte over one bound fails by that one; its twin on the bound passes."""
    bounds = {"allocated_size": 72, "stripped_size": 1320, "compressed_size": 45, None: 1400}

    def grown(by: int) -> Record:
        [one] = BASE.artifacts
        if fact is None:
            return replace(BASE, artifacts=(replace(one, size_bytes=one.size_bytes + by),))
        facts = {**one.facts, fact: one.facts[fact] + by}
        return replace(BASE, artifacts=(replace(one, facts=facts),))

    failed = judged(grown(bounds[fact] + 1), against(BASE))

    assert failed.verdict is Verdict.FAIL
    assert words in failed.reason
    assert failed.expected[key] == pytest.approx(0.03 if key == "size_compressed" else 0.02)
    assert failed.observed[key] > failed.expected[key]
    assert judged(grown(bounds[fact]), against(BASE)).verdict is Verdict.PASS


def test_a_growth_can_not_hide_behind_another_artifact() -> None:
    """One that shrank makes no room for one that grew."""
    judgement = judged(files(a=1100, b=800), against(files(a=1000, b=1000)))

    assert judgement.verdict is Verdict.FAIL
    assert "a: +100 bytes (+10.00 %), from 1,000 to 1,100: 2 % is allowed" in judgement.reason


def test_new_and_vanished_artifacts_are_named() -> None:
    """A new file counts in full, and a renamed one is no growth; both are told by name."""
    new = judged(files(a=1000, b=1000), against(files(a=1000)))
    renamed = judged(files(a2=1000), against(files(a1=1000)))

    assert new.verdict is Verdict.FAIL
    assert "+1,000 bytes (+100.00 %) in all 2 artifacts" in new.reason
    assert "new: b" in new.reason
    assert renamed.verdict is Verdict.PASS
    assert "new: a2; gone: a1" in renamed.reason


def test_without_a_reference_it_is_unmeasurable_and_says_how_to_get_one() -> None:
    """Nothing to hold it against is never a pass, and the mend is told."""
    judgement = judged(BASE, "there is no base build, and there is no reports/baseline.json")

    assert judgement.verdict is Verdict.UNMEASURABLE
    assert "--against REV" in judgement.reason
    assert f"crossgate baseline update {TARGET.id}" in judgement.reason
    assert claims.judge("size_regression", TARGET, BASE).verdict is Verdict.UNMEASURABLE


def test_a_base_that_failed_is_no_reference() -> None:
    """Nothing was built there, so there is nothing to compare with."""
    failed = replace(BASE, outcome=Outcome.FAILED, artifacts=())

    assert references.of_base(failed, "the base build") == "the base build failed"


def without(one: Artifact, fact: str) -> Artifact:
    """An artifact of which one fact could not be had."""
    return replace(one, facts={key: value for key, value in one.facts.items() if key != fact})


def test_a_weight_that_vanished_fails() -> None:
    """A missing metric is never a pass, whichever side misses it."""
    [one] = BASE.artifacts
    bare = replace(BASE, artifacts=(without(one, "stripped_size"),))
    lost, unknown = judged(bare, against(BASE)), judged(BASE, against(bare))

    assert lost.verdict is Verdict.FAIL
    assert "can be weighed without symbols, and could before" in lost.reason
    assert unknown.verdict is Verdict.UNMEASURABLE
    assert "has no weight of it without symbols" in unknown.reason


def test_no_artifact_fails() -> None:
    """A record of nothing is not within any bound."""
    empty = replace(BASE, artifacts=())

    assert judged(empty, against(BASE)).verdict is Verdict.FAIL
    assert judged(empty, against(empty)).verdict is Verdict.FAIL


def test_a_baseline_in_another_unit_is_doubted() -> None:
    """A target a thousand times smaller than its baseline did not shrink."""
    reference = against(files(a=1_024_000), committed=True)
    row = target(budget=Budget(regression=Regression(size=TWO)))

    assert judged(files(a=1000), reference, row).verdict is Verdict.UNMEASURABLE
    assert "another unit" in judged(files(a=1000), reference, row).reason
    assert judged(files(a=20_000), reference, row).verdict is Verdict.PASS


def test_a_base_that_was_made_otherwise_is_told() -> None:
    """Another image or strategy is no excuse and no silence."""
    parts = {"image": "the new image", "recipe": "same", "source": "here"}
    base = replace(BASE, key_parts={**parts, "image": "the old one", "source": "there"})
    head = replace(BASE, key_parts=parts)
    judgement = judged(head, against(replace(base, strategy="native")))

    assert "the toolchain image is another one" in judgement.reason
    assert "it was built native, this one cross" in judgement.reason
    assert "recipe" not in judgement.reason
    assert "made otherwise" not in judged(head, against(head)).reason


def test_what_is_packed_is_weighed_inside() -> None:
    """A package's machine code is that of its members."""
    small = nested(TARGET, "demo.deb!usr/bin/demo")
    grown = replace(small, facts={**small.facts, "allocated_size": 4000})
    one, other = (record(TARGET, artifacts=(package(TARGET, each),)) for each in (small, grown))

    assert judged(one, against(one)).verdict is Verdict.PASS
    assert "in memory (+10.86 %)" in judged(other, against(one)).reason


def test_it_is_claimed_only_where_a_size_is_bounded() -> None:
    """A bound on time alone is another claim's."""
    time = target(budget=Budget(regression=Regression(cpu_time=0.05)))

    assert not claims.applies("size_regression", time)
    assert not claims.applies("size_regression", target())
    assert claims.applies("size_regression", TARGET)


def test_hundreds_of_artifacts_are_told_shortly() -> None:
    """However many grew, the reason stays one that a person reads."""
    names = {f"lib/{number}": 1000 for number in range(300)}
    judgement = judged(files(**dict.fromkeys(names, 2000)), against(files(**names)))

    assert judgement.verdict is Verdict.FAIL
    assert "and 293 more" in judgement.reason
    assert len(judgement.reason) < 5000


def test_the_three_ledgers_are_told_where_base_and_baseline_are_there() -> None:
    """What this change adds, what was inherited and what is left stand side by side."""
    row = target(budget=Budget(size_bytes=1500, regression=Regression(size=TWO)))
    base = references.of_base(files(a=1200), "the base build", files_of(files(a=1000)))
    judgement = judged(files(a=1212), base, row)

    assert judgement.verdict is Verdict.PASS
    assert judgement.reason.endswith(
        "size: this change +12 bytes (+1.00 %), inherited +200 bytes (+20.00 %), "
        "288 B left of the budget of 1.46 KiB"
    )


def test_what_was_inherited_fails_no_change() -> None:
    """A base beyond its budget and far from the baseline is no fault of whoever adds nothing."""
    row = target(budget=Budget(size_bytes=1500, regression=Regression(size=TWO)))
    base = references.of_base(files(a=2000), "the base build", files_of(files(a=1000)))

    assert judged(files(a=2000), base, row).verdict is Verdict.PASS


def test_shares_are_those_of_what_is_worst() -> None:
    """A bound in bytes and one in per cent are told as shares of the same thing."""
    row = target(budget=Budget(regression=Regression(size=Growth(size_bytes=50))))
    judgement = judged(files(a=1000, b=2100), against(files(a=1000, b=2000)), row)

    assert judgement.observed == {"size": pytest.approx(0.05)}
    assert judgement.expected == {"size": pytest.approx(0.025)}
