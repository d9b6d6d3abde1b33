"""The intervals that hold at every look: their error under optional stopping, by simulation."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import pytest

from fixtures.core import comparing, sequential, stats
from fixtures.core.comparing import Finding
from fixtures.core.comparisons import Comparison, Side
from fixtures.core.stats import Estimate

Pairs = list[tuple[float, float]]
RUNS = 300
MOST = 20


def _row(low: float, high: float) -> Comparison:
    return Comparison(
        name="row",
        claim="",
        low=low,
        high=high,
        unit="factor",
        measured="cpu",
        why="",
        way=Side(architecture="host"),
        alternative=Side(architecture="foreign"),
    )


def _noise(source: random.Random, spread: float) -> float:
    return source.lognormvariate(0, spread)


def _spikes(source: random.Random, spread: float) -> float:
    """Noise, and in one build of ten something else that ran beside it."""
    slower = source.uniform(1, 1.5) if source.random() < 0.1 else 1
    return source.lognormvariate(0, spread) * slower


def _first_finding(
    row: Comparison,
    truth: float,
    draw: Callable[[], float],
    interval: Callable[[Sequence[tuple[float, float]]], Estimate] = sequential.ratio,
) -> Finding:
    """What is said by one who looks after each pair, and stops as soon as anything can be said."""
    pairs: Pairs = []
    for _ in range(MOST):
        pairs.append((truth * draw(), draw()))
        if len(pairs) >= sequential.LEAST_PAIRS:
            finding = comparing.find(row, interval(pairs))
            if finding is not Finding.UNTOLD:
                return finding
    return Finding.UNTOLD


@pytest.mark.parametrize("spread", [0.05, 0.3])
@pytest.mark.parametrize("noise", [_noise, _spikes])
@pytest.mark.parametrize(
    ("truth", "wrong"),
    [
        (2.0 * comparing.TOLERANCE, Finding.BETTER),
        (1.5 / comparing.TOLERANCE, Finding.WORSE),
        (2.0 * comparing.TOLERANCE * 1.001, Finding.HOLDS),
        (1.5 / comparing.TOLERANCE / 1.001, Finding.HOLDS),
    ],
)
def test_a_wrong_finding_is_as_rare_as_is_said(
    spread: float, noise: Callable[[random.Random, float], float], truth: float, wrong: Finding
) -> None:
    """At the very end of a figure's range, looking after each pair and stopping at the first
    finding, that finding is wrong in at most 5 of 100 sessions, with spikes in the noise too."""
    source, row = random.Random(20), _row(1.5, 2.0)

    found = [_first_finding(row, truth, lambda: noise(source, spread)) for _ in range(RUNS)]

    assert found.count(wrong) / RUNS <= sequential.ALPHA


def test_an_interval_for_one_look_would_be_wrong_too_often() -> None:
    """The simulation has teeth: with Student's 95 % interval the same rule errs far more often."""
    source, row = random.Random(20), _row(1.5, 2.0)

    def student() -> Finding:
        draw = lambda: _noise(source, 0.1)  # noqa: E731
        return _first_finding(row, 2.0 * comparing.TOLERANCE, draw, stats.paired_ratio)

    wrong = [student() for _ in range(RUNS)].count(Finding.BETTER)

    assert wrong / RUNS > 2 * sequential.ALPHA


@pytest.mark.parametrize(
    ("truth", "right"), [(1.75, Finding.HOLDS), (3.0, Finding.BETTER), (1.0, Finding.WORSE)]
)
def test_what_is_plainly_so_is_found(truth: float, right: Finding) -> None:
    """With the noise of a shared machine, what is well inside or outside is told in most cases."""
    source, row = random.Random(3), _row(1.5, 2.0)

    found = [_first_finding(row, truth, lambda: _noise(source, 0.05)) for _ in range(100)]

    assert found.count(right) >= 95


def test_the_interval_is_the_one_of_the_formula() -> None:
    """At both ends of the interval of four pairs the martingale of the formula is 1/ALPHA."""
    pairs = [(2.0, 1.0), (2.2, 1.0), (1.9, 1.0), (2.1, 1.0)]
    logs = [math.log(first) for first, _ in pairs]

    estimate = sequential.ratio(pairs)

    for end in (estimate.low, estimate.high):
        shifted = [log - math.log(end) for log in logs]
        total, squares, count = sum(shifted), sum(each**2 for each in shifted), len(logs)
        prior = sequential.PRIOR
        martingale = math.sqrt(prior / (count + prior)) * (
            (count + prior) * squares / ((count + prior) * squares - total**2)
        ) ** (count / 2)
        assert martingale == pytest.approx(1 / sequential.ALPHA)


def test_few_pairs_say_nothing() -> None:
    """One or two pairs have an interval that is everything; from three on it is finite."""
    one, two, three = ([(2.0, 1.0), (2.1, 1.0), (1.9, 1.0)][:count] for count in (1, 2, 3))

    for pairs in (one, two):
        estimate = sequential.ratio(pairs)
        assert (estimate.low, estimate.high) == (0.0, math.inf)
    assert 0 < sequential.ratio(three).low < sequential.ratio(three).high < math.inf


def test_equal_pairs_are_not_taken_for_certainty() -> None:
    """Pairs without any spread still have an interval with width."""
    estimate = sequential.ratio([(2.0, 1.0)] * 3)

    assert estimate.low < 1.95
    assert estimate.high > 2.05


@pytest.mark.parametrize("pairs", [[], [(0.0, 1.0)], [(1.0, -1.0)], [(math.nan, 1.0)]])
def test_what_has_no_ratio_is_refused(pairs: Pairs) -> None:
    """No pairs, or values that are no times, are an error and not a number."""
    with pytest.raises(ValueError, match=r"nothing|positive"):
        sequential.ratio(pairs)
