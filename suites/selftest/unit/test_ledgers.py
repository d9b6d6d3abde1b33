"""Three ledgers: they add up, and the first alone can fail a change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import ledgers

amounts = st.integers(0, 10**12)


@given(amounts, amounts, amounts, amounts)
def test_the_ledgers_add_up_to_the_byte(head: int, base: int, baseline: int, budget: int) -> None:
    """Baseline, inherited, this change and headroom are the budget, whatever their signs."""
    found = ledgers.sizes(head=head, base=base, baseline=baseline, budget=budget)
    assert found.inherited is not None
    assert found.change is not None
    assert found.headroom is not None

    assert baseline + found.inherited + found.change + found.headroom == budget
    assert found.since_baseline == found.inherited + found.change


seconds = st.floats(0, 1e6)


@given(seconds, seconds, seconds, seconds)
def test_times_add_up_as_they_are_shown(
    head: float, base: float, baseline: float, budget: float
) -> None:
    """Rounded first and subtracted then, no millisecond is lost between the lines of a report."""
    found = ledgers.times(head_s=head, base_s=base, baseline_s=baseline, budget_s=budget)
    assert found.inherited is not None
    assert found.change is not None
    assert found.headroom is not None

    assert found.baseline is not None
    assert found.baseline + found.inherited + found.change + found.headroom == found.budget


@given(amounts, amounts, amounts, amounts)
def test_only_this_change_can_fail(head: int, base: int, baseline: int, budget: int) -> None:
    """Neither what was inherited nor the lack of headroom fails a change that adds nothing."""
    allowed = ledgers.sizes(head=head, base=base, baseline=baseline, budget=budget, allowed=100)
    nothing = ledgers.sizes(head=base, base=base, baseline=baseline, budget=budget)

    assert allowed.fails == (head - base > 100)
    assert nothing.fails is False


def test_a_change_that_alone_breaks_the_budget_fails() -> None:
    """Without a bound on changes, crossing the budget is this change's doing."""
    assert ledgers.sizes(head=110, base=90, budget=100).fails
    assert not ledgers.sizes(head=100, base=90, budget=100).fails
    assert not ledgers.sizes(head=130, base=110, budget=100).fails


def test_what_nobody_knows_does_not_fail_and_does_not_pass() -> None:
    """Without a base, or a bound, the answer is that there is none."""
    assert ledgers.sizes(head=10, baseline=1, budget=5, allowed=1).fails is None
    assert ledgers.sizes(head=10, base=1).fails is None


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            ledgers.sizes(head=1010, base=1000, baseline=1200, budget=4096),
            "this change +10 bytes (+1.00 %), inherited -200 bytes (-16.67 %), "
            "3.01 KiB left of the budget of 4.00 KiB",
        ),
        (
            ledgers.sizes(head=1000, base=1000, budget=900),
            "this change nothing, inherited unknown, without a baseline, "
            "100 B over the budget of 900 B, as the base is",
        ),
        (
            ledgers.sizes(head=1000, base=900, baseline=900, budget=999),
            "this change +100 bytes (+11.11 %), inherited nothing, "
            "1 B over the budget of 999 B, which the base is not",
        ),
        (
            ledgers.sizes(head=1001, baseline=1000),
            "since the baseline +1 byte (+0.10 %), this change and inherited together",
        ),
        (ledgers.sizes(head=1000), "1000 B, with nothing to hold it against"),
    ],
)
def test_sizes_in_words(found: ledgers.Ledgers, words: str) -> None:
    """Each ledger is named, signed and told with its share."""
    assert ledgers.words_of_sizes(found) == words


def test_times_in_words() -> None:
    """Times are told in seconds, to the millisecond that they add up by."""
    found = ledgers.times(head_s=41.2, base_s=40, baseline_s=39.5, budget_s=60)

    assert ledgers.words_of_times(found) == (
        "this change +1.200 s (+3.00 %), inherited +0.500 s (+1.27 %), "
        "18.8 s left of the budget of 60.0 s"
    )
