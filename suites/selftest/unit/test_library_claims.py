"""SONAME and exported symbols, which libraries alone have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from fixtures.core.claims import abi, files
from fixtures.core.policy import Policy
from fixtures.core.record import Artifact
from fixtures.core.verdicts import Verdict
from suites.selftest.unit.judging import (
    BASELINE,
    OF_LIBRARIES,
    failing,
    judged,
)
from suites.selftest.unit.samples import artifact, library_facts
from suites.selftest.unit.samples import target as target_of

LIBRARY: Final = target_of(policy=Policy(soname=("libdemo.so.1",), exports="abi/{architecture}"))


def library(**facts: Any) -> Artifact:
    """The intact library with changes to its facts."""
    return artifact(LIBRARY, path="libdemo.so.1.0", facts=library_facts(**facts))


@pytest.mark.parametrize(
    ("claim", "facts", "says"),
    [
        (
            "soname",
            {"soname": "libdemo.so.2"},
            "libdemo.so.1.0: expected the SONAME libdemo.so.1, found libdemo.so.2",
        ),
        ("soname", {"soname": None}, "expected the SONAME libdemo.so.1, found none"),
        (
            "exports",
            {"exports": ["demo_count@DEMO_1.0"]},
            "demo_run@DEMO_1.0 was removed",
        ),
        (
            "exports",
            {"exports": ["demo_count@DEMO_1.0", "demo_run@DEMO_2.0"]},
            "demo_run@DEMO_1.0 changed to demo_run@DEMO_2.0",
        ),
        (
            "exports",
            {"export_sizes": {"demo_count@DEMO_1.0": 16}},
            "demo_count@DEMO_1.0 8 changed to demo_count@DEMO_1.0 16",
        ),
    ],
)
def test_each_break_of_a_library_fails_its_claim(
    claim: str, facts: Mapping[str, Any], says: str
) -> None:
    """A wrong name and a missing or changed symbol each fail the claim about it alone."""
    found = failing(LIBRARY, library(**facts), OF_LIBRARIES)

    assert set(found) == {claim}
    assert says in found[claim]
    assert judged(claim, LIBRARY, library(**facts)).manifest_key == f"projects.demo.policy.{claim}"


def test_new_symbols_break_nobody() -> None:
    """A symbol that the baseline has not is counted, and passes."""
    one = library(exports=["demo_count@DEMO_1.0", "demo_run@DEMO_1.0", "demo_stop@DEMO_1.1"])

    judgement = judged("exports", LIBRARY, one)

    assert judgement.verdict is Verdict.PASS
    assert "all 2 symbols of the baseline are there, 1 are new" in judgement.reason


def test_a_baseline_that_can_not_be_read_fails() -> None:
    """Without its baseline the claim fails by the reason that there is none."""
    judgement = judged("exports", LIBRARY, library(), symbols="the baseline abi/x can't be read")

    assert judgement.verdict is Verdict.FAIL
    assert judgement.reason == "the baseline abi/x can't be read"


def test_a_baseline_lists_data_with_its_size() -> None:
    """The lines of a baseline are those that a library is listed by."""
    one = library()

    assert abi.listed(files.Binary(path=one.path, facts=one.facts)) == sorted(
        BASELINE, key=lambda line: line.partition(" ")[0]
    )


@pytest.mark.parametrize("claim", ["soname", "exports"])
def test_programs_are_no_libraries(claim: str) -> None:
    """A claim about libraries that finds programs alone has judged nothing, and fails."""
    judgement = judged(claim, LIBRARY, artifact(LIBRARY))

    assert judgement.verdict is Verdict.FAIL
    assert "shared library" in judgement.reason or "was removed" in judgement.reason


def test_libraries_are_no_programs() -> None:
    """`linkage` is about programs: without one it has judged nothing, and fails."""
    row = target_of(policy=Policy(linkage="dynamic"))

    judgement = judged("linkage", row, artifact(row, facts=library_facts()))

    assert judgement.verdict is Verdict.FAIL
    assert "none of the files is a program" in judgement.reason
