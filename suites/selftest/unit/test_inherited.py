"""What base was over its budget by already is told, and fails no change."""

from __future__ import annotations

import pytest

from fixtures.core import claims, inherited
from fixtures.core.verdicts import Judgement, Verdict


def judgement(claim: str, verdict: Verdict) -> Judgement:
    """One with no more to it than that."""
    return Judgement(
        claim=claim,
        verdict=verdict,
        observed=1,
        expected=0,
        reason=f"{claim} is 1 against 0",
        manifest_key="projects.demo.budget",
    )


@pytest.mark.parametrize(("claim", "answers"), inherited.ANSWERS.items())
def test_what_base_is_over_by_too_fails_no_change(claim: str, answers: str) -> None:
    """It is not applicable to the change, which is no pass, and both reasons are told."""
    found = inherited.judged(
        judgement(claim, Verdict.FAIL),
        judgement(claim, Verdict.FAIL),
        judgement(answers, Verdict.PASS),
    )

    assert found.verdict is Verdict.NOT_APPLICABLE
    assert f"{claim} is 1 against 0" in found.reason
    assert f"{answers} is 1 against 0" in found.reason


@pytest.mark.parametrize(
    ("base", "change"),
    [
        (Verdict.PASS, Verdict.PASS),
        (Verdict.UNMEASURABLE, Verdict.PASS),
        (Verdict.NOT_APPLICABLE, Verdict.PASS),
        (Verdict.FAIL, Verdict.FAIL),
        (Verdict.FAIL, Verdict.UNMEASURABLE),
        (Verdict.FAIL, Verdict.NOT_APPLICABLE),
        (Verdict.FAIL, Verdict.WAIVED),
    ],
)
def test_what_this_change_may_have_brought_stays_failed(base: Verdict, change: Verdict) -> None:
    """Base has to be over the budget for certain, and the change within its own bound."""
    head = judgement("size", Verdict.FAIL)

    found = inherited.judged(head, judgement("size", base), judgement("size_regression", change))

    assert found is head


def test_another_claim_answers_for_nothing() -> None:
    """A file that did not grow says nothing of time; what passes or is no budget is not asked."""
    head = judgement("cpu_time", Verdict.FAIL)

    assert (
        inherited.judged(
            head, judgement("cpu_time", Verdict.FAIL), judgement("size_regression", Verdict.PASS)
        )
        is head
    )
    assert not inherited.asks(judgement("cpu_time", Verdict.PASS))
    assert not inherited.asks(judgement("architecture", Verdict.FAIL))


def test_every_claim_that_is_named_is_one() -> None:
    """Of both sides of the table, which would else never be found."""
    named = {*inherited.ANSWERS, *inherited.ANSWERS.values()}

    assert named <= set(claims.CLAIMS)
