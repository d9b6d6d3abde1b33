"""Budgets of size: each way of weighing on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from fixtures.core.readers import Budget
from fixtures.core.verdicts import Verdict
from suites.selftest.unit.judging import (
    BUDGET,
    DEB,
    KIB,
    SIZES,
    STRICT_TARGET,
    failing,
    judged,
)
from suites.selftest.unit.samples import artifact, nested, package
from suites.selftest.unit.samples import target as target_of


@pytest.mark.parametrize(
    ("claim", "change", "says"),
    [
        ("size", {"size_bytes": 70_001}, "1 bytes over"),
        ("size_allocated", {"allocated_size": 3609}, "in memory against a budget of"),
        ("size_stripped", {"stripped_size": 66_001}, "without symbols against a budget of"),
        ("size_compressed", {"compressed_size": 1501}, "compressed against a budget of"),
    ],
)
def test_one_byte_over_fails_its_own_budget(
    claim: str, change: Mapping[str, int], says: str
) -> None:
    """Each way of weighing is bounded on its own, and the largest sections are told."""
    row = STRICT_TARGET
    one = artifact(row, facts=change)
    if "size_bytes" in change:
        one = artifact(row, **change)

    found = failing(row, one, SIZES)

    assert set(found) == {claim}
    assert says in found[claim]
    assert ": 1 bytes over" in found[claim]
    assert "its largest sections: .text 1.95 KiB" in found[claim]
    key = "size" if claim == "size" else claim.removeprefix("size_")
    assert judged(claim, row, one).manifest_key == f"projects.demo.budget.{key}"


@pytest.mark.parametrize("claim", SIZES)
def test_nothing_to_weigh_fails(claim: str) -> None:
    """Without artifacts no budget is kept, however large."""
    assert judged(claim, STRICT_TARGET).verdict is Verdict.FAIL


@pytest.mark.parametrize("claim", ["size_allocated", "size_stripped", "size_compressed"])
def test_what_can_not_be_weighed_fails(claim: str) -> None:
    """A file without the size that is bounded fails: it counts as unknown, not as nothing."""
    one = artifact(STRICT_TARGET)
    unknown = replace(one, facts={"sections": []})

    assert "nothing in it can be weighed" in judged(claim, STRICT_TARGET, unknown).reason
    assert judged(claim, STRICT_TARGET, one, replace(unknown, path="b")).verdict is Verdict.FAIL


def test_a_package_weighs_what_is_in_it() -> None:
    """In memory the files of a package weigh; on the wire the package does, as it is packed."""
    row = target_of(budget=replace(BUDGET, allocated_bytes=2 * 3608, compressed_bytes=70_000))
    one = package(row, nested(row, DEB), nested(row, f"{DEB}2"))
    more = replace(one, members=(*one.members, nested(row, f"{DEB}3")))

    assert failing(row, one, SIZES[:2]) == {}
    assert judged("size_compressed", row, one).observed == 70_000
    assert set(failing(row, more, SIZES[:2])) == {"size_allocated"}


@pytest.mark.parametrize("pattern", ["lib/*.so", "lib/b.so"])
def test_bounds_by_pattern_hold_for_each_artifact(pattern: str) -> None:
    """A bound of a pattern is each artifact's own; a pattern that fits none has judged nothing."""
    row = target_of(budget=Budget(size_bytes={pattern: 10 * KIB}))
    small, large = (
        artifact(row, path=f"lib/{name}.so", size_bytes=size * KIB)
        for name, size in (("a", 10), ("b", 11))
    )
    bounded = "lib/b.so: 11.00 KiB against a budget of 10.00 KiB"

    assert judged("size", row, small, replace(large, size_bytes=9)).verdict is Verdict.PASS
    assert judged("size", row, small, large).verdict is Verdict.FAIL
    assert bounded in judged("size", row, small, large).reason
    assert "no artifact has that name" in judged("size", row, artifact(row)).reason
