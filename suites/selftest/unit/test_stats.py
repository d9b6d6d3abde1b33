"""Estimates from pairs: what the interval covers, and what is refused."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import stats


def test_the_interval_of_a_mean_is_students() -> None:
    """Ten values have 9 degrees of freedom: a margin of 2.262 standard errors."""
    values = [float(value) for value in range(10)]

    estimate = stats.mean(values)

    error = statistics.stdev(values) / math.sqrt(10)
    assert estimate.value == 4.5
    assert estimate.high - estimate.value == pytest.approx(2.262 * error)
    assert estimate.value - estimate.low == pytest.approx(2.262 * error)


def test_the_interval_covers_the_truth_95_times_of_100() -> None:
    """Over many seeded samples of five pairs, the interval misses the true ratio about 5 %."""
    source = random.Random(1)
    missed = 0
    for _ in range(2000):
        pairs = [(1.1 * source.lognormvariate(0, 0.1), 1.0) for _ in range(5)]
        estimate = stats.paired_ratio(pairs)
        missed += not estimate.low <= 1.1 <= estimate.high

    assert 0.03 < missed / 2000 < 0.07


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=8))
def test_a_thing_against_itself_has_the_ratio_one(values: list[float]) -> None:
    """Whatever the noise, equal pairs give 1 and an interval without width."""
    estimate = stats.paired_ratio([(value, value) for value in values])

    assert (estimate.low, estimate.value, estimate.high) == (1.0, 1.0, 1.0)


def test_one_measurement_says_nothing_of_its_own_error() -> None:
    """The interval of a single pair is everything."""
    estimate = stats.paired_ratio([(2.0, 1.0)])

    assert (estimate.low, estimate.value, estimate.high) == (0.0, 2.0, math.inf)


@pytest.mark.parametrize("pairs", [[], [(0.0, 1.0)], [(1.0, -1.0)]])
def test_what_has_no_ratio_is_refused(pairs: list[tuple[float, float]]) -> None:
    """No pairs, or values that are not positive, are an error and not a number."""
    with pytest.raises(ValueError, match=r"nothing|positive"):
        stats.paired_ratio(pairs)
