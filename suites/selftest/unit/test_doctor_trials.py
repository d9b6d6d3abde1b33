"""Predictions on trial: what counts as right, on which clock, and how many are enough."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fixtures.core.doctor import factors, measured, prediction, trials
from fixtures.core.doctor.known import Sample
from fixtures.core.doctor.measured import Measured
from fixtures.core.doctor.prediction import Prediction
from fixtures.core.errors import RecordError
from suites.selftest.unit.test_doctor_prediction import CROSS, EMULATED, sample, target

FORETOLD = Prediction(
    target="demo-arm64-gcc",
    strategy="cross",
    why="demo-amd64-gcc",
    cpus=2,
    cpu_s=100.0,
    wall_s=60.0,
    low_s=48.0,
    high_s=75.0,
)
QUIET = sample(target="demo-arm64-gcc", strategy="cross", cpus=2, cpu_s=100.0, wall_s=60.0)


def ratio(built: Sample | str) -> float | None:
    """Predicted ÷ real."""
    return trials.trial(FORETOLD, built).ratio


def test_wall_time_is_judged_on_a_quiet_machine_and_cpu_seconds_on_a_busy_one() -> None:
    """Others make a build wait; what it took of the CPUs itself is its own."""
    busy = replace(QUIET, wall_s=500.0, foreign_load=0.5)
    fewer = replace(QUIET, wall_s=110.0, cpus=1)

    assert trials.trial(FORETOLD, replace(QUIET, wall_s=50.0)).basis == "wall"
    assert ratio(replace(QUIET, wall_s=50.0)) == pytest.approx(60 / 50)
    assert (trials.trial(FORETOLD, busy).basis, ratio(busy)) == ("CPU", 1.0)
    assert trials.trial(FORETOLD, replace(QUIET, foreign_load=None)).basis == "CPU"
    assert ratio(fewer) == 1.0


@pytest.mark.parametrize(
    ("real", "within"), [(47, True), (46, False), (85, True), (86, False), (60, True)]
)
def test_within_means_of_the_real_time(real: float, within: bool) -> None:
    """30 % of what it took, and not of what was foretold: 60 s against 46.2 to 85.7."""
    assert trials.trial(FORETOLD, replace(QUIET, wall_s=real)).within is within


def test_what_does_not_build_is_no_success() -> None:
    """A target without a time counts among the ten, and not among the right ones."""
    failed = trials.trial(FORETOLD, "the build command ended with exit code 2")

    assert (failed.within, failed.inside, failed.ratio) == (False, False, None)
    assert trials.kept([failed] * 10) is False


def test_eight_of_ten_are_promised_and_fewer_than_ten_are_no_judgement() -> None:
    """Seven of ten is too few; nine of nine says nothing."""
    right = trials.trial(FORETOLD, QUIET)
    wrong = trials.trial(FORETOLD, replace(QUIET, wall_s=200.0))

    assert trials.kept([right] * 8 + [wrong] * 2) is True
    assert trials.kept([right] * 7 + [wrong] * 3) is False
    assert trials.kept([right] * 9) is None
    assert trials.kept([]) is None


def test_nothing_foretold_is_no_trial() -> None:
    """There is nothing to be right."""
    with pytest.raises(ValueError, match="no cold build"):
        trials.trial(prediction.predict(target(), [], None, 1), QUIET)


KINDS = Measured(
    native_s=0.1,
    task_s={"start": 0.001, "long": 0.1},
    emulated_task_s={"arm64": {"start": 0.04, "long": 1.0}},
)


def test_emulation_costs_by_what_a_process_takes() -> None:
    """On lines between the measured kinds and beyond the longest; below the shortest as that."""
    factor = KINDS.emulated_factor

    assert factor("arm64", 0.001) == pytest.approx(40)
    assert factor("arm64", 0.1) == pytest.approx(10)
    assert factor("arm64", 0.0505) == pytest.approx(0.52 / 0.0505)
    assert factor("arm64", 1.0) == pytest.approx(1.0 + 0.96 / 0.099 * 0.9)
    assert factor("arm64", 1e-9) == pytest.approx(40)
    assert factor("riscv64", 0.1) is None
    assert KINDS.emulation == {"arm64": pytest.approx(10)}


def test_a_nonsense_measurement_makes_no_nonsense_of_a_prediction() -> None:
    """Longer work that took less is noise: no factor falls to nothing, or below."""
    odd = replace(KINDS, emulated_task_s={"arm64": {"start": 5.0, "long": 0.2}})
    found = odd.emulated_factor("arm64", 100.0)

    assert found is not None
    assert found > 0


def test_a_build_of_short_processes_is_foretold_to_take_longer() -> None:
    """The same CPU seconds in 100,000 processes cost an emulator more than in 1,000."""
    few = prediction.predict(EMULATED, [sample(tasks=1000)], KINDS, 1)
    many = prediction.predict(EMULATED, [sample(tasks=100_000)], KINDS, 1)
    uncounted = prediction.predict(EMULATED, [sample()], KINDS, 1)

    assert few.cpu_s == pytest.approx(1000)
    assert many.cpu_s == pytest.approx(4000)
    assert uncounted.cpu_s == pytest.approx(1000)
    assert uncounted.high_s
    assert few.high_s
    assert uncounted.high_s > few.high_s


def test_usual_factors_have_a_row_for_everything() -> None:
    """Every row has one for CPUs that are not named, and none is beyond belief."""
    for name, row in factors.usual().items():
        assert "any" in row, name
        assert all(0.5 < factor < 3 for factor in row.values())
    assert factors.usual_cross("gcc", "mips64el") == factors.usual()["gcc"]["any"]
    assert factors.usual_cross("unheard of", "arm64") == factors.usual()["any"]["any"]
    foretold = prediction.predict(CROSS, [sample()], None, 1).cpu_s
    assert foretold == pytest.approx(100 * factors.usual_cross("gcc", "arm64"))


def test_kinds_of_work_survive_json_and_others_are_refused() -> None:
    """What is written is read again as it was."""
    assert measured.from_json(KINDS.to_json()) == KINDS
    others: list[Any] = [
        {"task_s": {"long": "x"}},
        {"task_s": []},
        {"emulated_task_s": {"arm64": 1}},
    ]
    for raw in others:
        with pytest.raises(RecordError):
            measured.from_json(raw)
