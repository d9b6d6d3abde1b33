"""From pairs to findings: the table of verdicts, and measurements that must not pass for any."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import comparing, pairs
from fixtures.core.comparing import Finding
from fixtures.core.comparisons import Comparison, Side
from fixtures.core.errors import RecordError
from fixtures.core.pairs import Measured, Pair
from fixtures.core.stats import Estimate

CROSS = Side(architecture="foreign", strategy="cross")
EMULATED = Side(architecture="foreign", strategy="emulated")
ROW = Comparison(
    name="emulation",
    claim="",
    low=10,
    high=50,
    unit="factor",
    measured="cpu",
    why="",
    way=CROSS,
    alternative=EMULATED,
)
SAVES = dataclasses.replace(ROW, low=30, high=40, unit="saved")


def _measured(cpu_s: float, strategy: str) -> Measured:
    return Measured(
        cpu_s=cpu_s,
        wall_s=cpu_s / 2 + 1,
        cpus=2,
        caches="cold",
        foreign_load=0.02,
        used={"strategy": strategy},
    )


def _pair(ratio: float, jitter: float = 0.0, **changed: Any) -> Pair:
    alternative = _measured(10 * ratio * (1 + jitter), "emulated")
    return Pair(
        way=_measured(10.0, "cross"),
        alternative=dataclasses.replace(alternative, **changed),
        way_first=True,
    )


def _pairs(ratio: float, count: int = 5) -> list[Pair]:
    return [_pair(ratio, jitter) for jitter in (0.01, -0.02, 0.0, 0.02, -0.01)][:count]


@pytest.mark.parametrize(
    ("low", "high", "finding"),
    [
        (12, 40, Finding.HOLDS),
        (9.2, 54, Finding.HOLDS),
        (56, 80, Finding.BETTER),
        (2, 9, Finding.WORSE),
        (8, 20, Finding.UNTOLD),
        (40, 60, Finding.UNTOLD),
        (5, 100, Finding.UNTOLD),
        (0, math.inf, Finding.UNTOLD),
        (9, 9.05, Finding.WORSE),
        (54, 56, Finding.UNTOLD),
    ],
)
def test_a_finding_wants_the_whole_interval(low: float, high: float, finding: Finding) -> None:
    """An interval that is only in part where a finding would have it says nothing."""
    estimate = Estimate(value=math.sqrt(max(low, 1) * min(high, 1e9)), low=low, high=high)

    assert comparing.find(ROW, estimate) is finding


@pytest.mark.parametrize(
    ("row", "ratio", "finding"),
    [
        (ROW, 15, Finding.HOLDS),
        (ROW, 5, Finding.WORSE),
        (ROW, 90, Finding.BETTER),
        (SAVES, 1 / 0.65, Finding.HOLDS),
        (SAVES, 1.0, Finding.WORSE),
        (SAVES, 3.0, Finding.BETTER),
    ],
)
def test_measured_pairs_are_judged(row: Comparison, ratio: float, finding: Finding) -> None:
    """Fifteen times is between ten and fifty; saving 35 % is between 30 and 40 %."""
    result = comparing.judge(row, _pairs(ratio))

    assert result.finding is finding
    assert result.pairs == 5
    assert result.estimate is not None
    assert comparing.is_settled(row, _pairs(ratio))


def test_a_wrong_unit_of_the_figure_does_not_hold() -> None:
    """35 % saved, published as 30 to 40 %, must not hold where the row says times, nor 15 times
    where it says per cent."""
    as_factor = dataclasses.replace(SAVES, unit="factor")
    as_saving = dataclasses.replace(ROW, unit="saved")

    assert comparing.judge(as_factor, _pairs(1 / 0.65)).finding is Finding.WORSE
    assert comparing.judge(as_saving, _pairs(15)).finding is Finding.BETTER


def test_milliseconds_in_the_place_of_seconds_are_refused() -> None:
    """More CPU seconds than the CPUs have in that time are another unit, and no measurement."""
    wrong = _pair(15, wall_s=0.075)

    with pytest.raises(ValueError, match="in another unit"):
        comparing.judge(ROW, [*_pairs(15), wrong])


@pytest.mark.parametrize("row", [ROW, SAVES])
def test_swapped_ways_do_not_hold(row: Comparison) -> None:
    """Where each side was built as the other was to be, nothing is concluded; and if that were
    not seen, the figure would not hold all the same."""
    right = _pairs(15 if row is ROW else 1 / 0.65)
    swapped = [dataclasses.replace(p, way=p.alternative, alternative=p.way) for p in right]
    unseen = [
        dataclasses.replace(
            pair,
            way=dataclasses.replace(pair.way, used={"strategy": "cross"}),
            alternative=dataclasses.replace(pair.alternative, used={"strategy": "emulated"}),
        )
        for pair in swapped
    ]

    with pytest.raises(ValueError, match="built with strategy emulated, and not cross"):
        comparing.judge(row, swapped)
    assert comparing.judge(row, unseen).finding is Finding.WORSE


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("field", ["cpu_s", "wall_s"])
def test_an_empty_measurement_is_refused(field: str, value: float) -> None:
    """A build that took no time was none."""
    with pytest.raises(ValueError, match="which no build does"):
        comparing.judge(ROW, [_pair(15, **{field: value})])


def test_warm_is_not_taken_for_cold() -> None:
    """A side that was to be cold and was not is refused."""
    with pytest.raises(ValueError, match="were warm, and were to be cold"):
        comparing.judge(ROW, [_pair(15, caches="warm")])


def test_unequal_conditions_are_refused() -> None:
    """A pair of which one side had more CPUs is none, unless that is what is compared."""
    unequal = _pair(15, cpus=4)
    of_cpus = dataclasses.replace(ROW, way=dataclasses.replace(CROSS, cpus=1))

    with pytest.raises(ValueError, match="unequal conditions: 2 and 4 CPUs"):
        comparing.judge(ROW, [unequal])
    assert comparing.judge(of_cpus, [unequal]).pairs == 1


def test_nothing_measured_is_nothing_said() -> None:
    """Without pairs, and with too few of them, a figure can't be told here."""
    none = comparing.judge(ROW, [])
    few = comparing.judge(ROW, _pairs(15, 2))

    assert (none.finding, none.estimate, none.reason) == (
        Finding.UNTOLD,
        None,
        "it was not measured",
    )
    assert (few.finding, few.reason) == (Finding.UNTOLD, "the interval is too wide")
    assert not comparing.is_settled(ROW, _pairs(15, 2))
    assert comparing.words(none) == "-"
    assert comparing.words(few) == "14.9 × (no interval yet)"


def test_a_narrow_interval_at_the_end_of_a_figure_is_settled() -> None:
    """Where more pairs would not tell either, no more are asked for, and that is said."""
    many = _pairs(50 * comparing.TOLERANCE) * 6

    result = comparing.judge(ROW, many)

    assert comparing.is_settled(ROW, many)
    assert (result.finding, result.reason) == (
        Finding.UNTOLD,
        "it is at the end of what is published",
    )


def test_a_disturbed_pair_is_counted() -> None:
    """Load of others, and load that nobody saw, shows beside the figure."""
    busy, unseen = _pair(15, foreign_load=0.4), _pair(15, foreign_load=None)

    assert comparing.judge(ROW, [*_pairs(15), busy, unseen]).disturbed == 2


def test_another_host_is_marked_and_not_guessed() -> None:
    """A row of another kind of host has a finding of its own and no figure."""
    result = comparing.elsewhere(dataclasses.replace(ROW, hosts=("wsl2",)))

    assert (result.finding, result.estimate, result.pairs) == (Finding.OTHER_HOST, None, 0)
    assert result.reason == "it is measured on wsl2"


def test_every_finding_is_explained() -> None:
    """The foot of a table has words for each."""
    assert all(comparing.explain(finding) for finding in Finding)


measurements = st.builds(
    Measured,
    cpu_s=st.floats(0.01, 1e6),
    wall_s=st.floats(0.01, 1e6),
    cpus=st.integers(1, 64),
    caches=st.sampled_from(["cold", "warm"]),
    foreign_load=st.none() | st.floats(0, 1),
    used=st.dictionaries(st.sampled_from(["strategy", "cache"]), st.text(max_size=5)),
)


@given(way=measurements, alternative=measurements, way_first=st.booleans())
def test_a_pair_comes_back_from_its_json(
    way: Measured, alternative: Measured, way_first: bool
) -> None:
    """What is written of a pair is all of it."""
    pair = Pair(way=way, alternative=alternative, way_first=way_first)

    assert pairs.from_json(pairs.to_json(pair)) == pair


@pytest.mark.parametrize(
    "change",
    [
        {"way": None},
        {"way_first": 1},
        {"more": 1},
        {"way": {"cpu_s": 1}},
        {"way": {**pairs.to_json(_pair(1))["way"], "cpu_s": "1"}},
        {"way": {**pairs.to_json(_pair(1))["way"], "wall_s": True}},
        {"way": {**pairs.to_json(_pair(1))["way"], "used": {"strategy": 1}}},
    ],
)
def test_what_is_no_pair_is_refused(change: dict[str, Any]) -> None:
    """A file that was changed by hand, or is another's, is an error and no measurement."""
    with pytest.raises(RecordError):
        pairs.from_json({**pairs.to_json(_pair(1)), **change})
