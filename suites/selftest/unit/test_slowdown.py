"""The rule for a change in build time keeps the error rates that it states."""

from __future__ import annotations

import dataclasses
import math
import random
from collections import Counter

import pytest

from fixtures.core import slowdown, student
from fixtures.core.slowdown import LOOKS, MOST_BLOCKS, Block, Decision, Look

# Two-sided 95 %, 99 % and 99.9 %: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
QUANTILES = [
    (0.025, 1, 12.706), (0.025, 2, 4.303), (0.025, 7, 2.365), (0.025, 30, 2.042),
    (0.005, 3, 5.841), (0.005, 8, 3.355), (0.001, 2, 22.327), (0.001, 4, 7.173),
    (0.001, 5, 5.893), (0.001, 15, 3.733), (0.05, 10, 1.812), (0.5, 9, 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("probability", "freedom", "expected"), QUANTILES)
def test_quantiles_are_those_of_the_tables(
    probability: float, freedom: int, expected: float
) -> None:
    """For odd and even degrees of freedom, near and far out."""
    found = student.quantile(probability, freedom)

    assert found == pytest.approx(expected, abs=6e-4)


def test_a_tail_of_nonsense_is_refused() -> None:
    """No degrees of freedom, and no probability that a series could tell from nothing."""
    with pytest.raises(ValueError, match="degree of freedom"):
        student.tail(1.0, 0)
    with pytest.raises(ValueError, match="between"):
        student.quantile(1e-12, 4)


def test_both_tails_are_of_one() -> None:
    """What is above a value and what is above its negative add up to one."""
    for freedom in (1, 2, 5, 6, 31):
        for t in (0.0, 0.3, 2.0, 40.0):
            assert student.tail(t, freedom) + student.tail(-t, freedom) == pytest.approx(1)


def blocks(rng: random.Random, *, slower: float, noise: float, count: int) -> list[Block]:
    """Blocks of builds whose pairs have that much noise, with a head that is slower by a share."""
    return [
        Block(
            base_s=(_build(rng, 1, noise), _build(rng, 1, noise)),
            head_s=(_build(rng, 1 + slower, noise), _build(rng, 1 + slower, noise)),
            total_s=1.0,
        )
        for _ in range(count)
    ]


def _build(rng: random.Random, mean: float, noise: float) -> float:
    return mean * math.exp(rng.gauss(0, noise / math.sqrt(2)))


def conclusion(
    rng: random.Random, budget: float, *, slower: float, noise: float, verdicts: int = 1
) -> Look:
    """Where a sequence of looks ends."""
    measured = blocks(rng, slower=slower, noise=noise, count=MOST_BLOCKS)
    for count in LOOKS:
        seen = slowdown.look(measured[:count], budget, verdicts=verdicts)
        if seen.decision is not Decision.GO_ON:
            return seen
    raise AssertionError("the last look always decides")


def rates(
    budget: float, *, slower: float, noise: float, runs: int, verdicts: int = 1
) -> Counter[Decision]:
    """How many of the runs ended how."""
    rng = random.Random(20261)
    return Counter(
        conclusion(rng, budget, slower=slower, noise=noise, verdicts=verdicts).decision
        for _ in range(runs)
    )


@pytest.mark.parametrize("noise", [0.003, 0.02, 0.1])
def test_an_unchanged_head_is_not_failed(noise: float) -> None:
    """Whatever the noise: of 2,000, at most as many as six times the stated rate would give."""
    found = rates(0.02, slower=0.0, noise=noise, runs=2000)

    assert found[Decision.FAIL] <= 6 * slowdown.FALSE_ALARM * 2000 / 2


@pytest.mark.parametrize("noise", [0.003, 0.02, 0.1])
def test_a_head_beyond_the_budget_is_not_passed(noise: float) -> None:
    """Noise makes it unmeasurable, and never a pass."""
    found = rates(0.03, slower=0.035, noise=noise, runs=2000)

    assert found[Decision.PASS] <= 6 * slowdown.MISS * 2000 / 2


@pytest.mark.parametrize("verdicts", [1, 24])
def test_five_per_cent_are_seen_in_eight_blocks(verdicts: int) -> None:
    """At two per cent of noise and a budget of three, at least 95 of 100, in a matrix too."""
    rng = random.Random(7)
    ends = [conclusion(rng, 0.03, slower=0.05, noise=0.02, verdicts=verdicts) for _ in range(1000)]

    caught = [end for end in ends if end.decision is Decision.FAIL and end.blocks <= 8]
    assert len(caught) >= 0.95 * len(ends) - 15, "three standard errors of a thousand runs"


def test_a_quiet_machine_is_done_after_the_first_look() -> None:
    """Four blocks of hardly any noise pass what is unchanged, and fail what is slower by much."""
    rng = random.Random(3)
    same = conclusion(rng, 0.05, slower=0.0, noise=0.002)
    slower = conclusion(rng, 0.05, slower=0.2, noise=0.002)

    assert (same.decision, same.blocks) == (Decision.PASS, 4)
    assert (slower.decision, slower.blocks) == (Decision.FAIL, 4)


def test_noise_is_unmeasurable_in_the_end() -> None:
    """Where the machine is too noisy all blocks are measured, and nothing is concluded."""
    rng = random.Random(5)
    end = conclusion(rng, 0.01, slower=0.0, noise=0.5)

    assert end.decision is Decision.UNMEASURABLE
    assert end.blocks == MOST_BLOCKS
    assert end.detectable > 0.1


def test_nothing_is_concluded_between_looks() -> None:
    """Each look has its share of the errors; one more than planned has none."""
    rng = random.Random(3)
    measured = blocks(rng, slower=0.5, noise=0.001, count=7)

    assert slowdown.look(measured, 0.03).decision is Decision.GO_ON
    assert slowdown.look(measured, 0.03, last=True).decision is Decision.UNMEASURABLE
    assert slowdown.look(measured[:6], 0.03).decision is Decision.FAIL


def test_blocks_that_agree_by_chance_prove_nothing() -> None:
    """Equal changes have the noise of a counter's steps all the same."""
    block = Block(base_s=(1.0, 1.0), head_s=(1.0005, 1.0005), total_s=1.0)
    seen = slowdown.look([block] * 4, 0.0)

    assert seen.noise == slowdown.FLOOR
    assert seen.decision is Decision.GO_ON


def test_a_drift_of_the_machine_is_no_change() -> None:
    """What grows slower with every build is to neither side's favour."""
    drifting = [
        Block(
            base_s=(1 + 0.01 * at, 1 + 0.01 * (at + 3)),
            head_s=(1 + 0.01 * (at + 1), 1 + 0.01 * (at + 2)),
            total_s=1.0,
        )
        for at in range(0, 32, 4)
    ]

    assert all(block.change == pytest.approx(0) for block in drifting)


def test_the_error_of_a_matrix_is_shared() -> None:
    """One verdict has the error of one; of many each has its part; none has none."""
    assert slowdown.false_alarm(1) == slowdown.FALSE_ALARM
    assert slowdown.false_alarm(24) == pytest.approx(slowdown.FALSE_ALARM_MATRIX / 24)
    with pytest.raises(ValueError, match="without a verdict"):
        slowdown.false_alarm(0)


def test_the_looks_share_out_all_of_the_error() -> None:
    """Neither more nor less than all of it."""
    assert sum(LOOKS.values()) == pytest.approx(1)


GOOD = Block(base_s=(1.0, 1.1), head_s=(1.0, 1.1), total_s=2.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base_s": (math.nan, 1.0)}, "no build takes"),
        ({"head_s": (-1.0, 1.0)}, "no build takes"),
        ({"total_s": 0.0}, "no build does"),
        ({"head_s": (1000.0, 1100.0)}, "another unit"),
        ({"total_s": 0.002}, "another unit"),
    ],
)
def test_what_is_no_measurement_is_refused(change: dict[str, object], words: str) -> None:
    """Milliseconds for seconds among them: a number that is there is not yet a time."""
    bad = dataclasses.replace(GOOD, **change)  # type: ignore[arg-type]

    with pytest.raises(ValueError, match=words):
        slowdown.look([GOOD, bad], 0.05)


def test_no_blocks_and_no_budget_are_refused() -> None:
    """There is no verdict of nothing."""
    with pytest.raises(ValueError, match="nothing of the noise"):
        slowdown.look([GOOD], 0.05)
    with pytest.raises(ValueError, match="not one"):
        slowdown.look([GOOD, GOOD], -0.05)
