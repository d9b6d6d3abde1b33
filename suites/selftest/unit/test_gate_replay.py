"""Replays of recorded builds, the fitness of a machine, and a comparison's document."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path
from typing import Any

import pytest

from fixtures.against import fit
from fixtures.core import against, fitness, gate_table, replay, slowdown
from fixtures.core.against import Comparison
from fixtures.core.claims.cpu_regression import cpu_regression
from fixtures.core.errors import RecordError
from fixtures.core.fitness import Fitness, Ticks
from fixtures.core.manifest import load
from fixtures.core.replay import Recorded, Series
from fixtures.core.slowdown import Decision
from fixtures.core.targets import Target, expand
from fixtures.core.verdicts import Verdict

RECORDED = Path(__file__).parents[2] / "strategies" / "gate" / "recorded.json"


def series(noise: float, count: int = 120, load: int = 0) -> Series:
    """Builds whose pairs have about that much noise."""
    rng = random.Random(2)
    return Series(
        load=load, cpu_s=tuple(rng.lognormvariate(0, noise / 2**0.5) for _ in range(count))
    )


def test_a_series_is_stretched_to_a_noise() -> None:
    """Its deviations grow or shrink until pairs have just that noise; the median stays."""
    found = series(0.05).with_noise(0.02)

    assert found.noise == pytest.approx(0.02, rel=0.02)
    assert sorted(found.cpu_s)[60] == pytest.approx(sorted(series(0.05).cpu_s)[60], rel=0.01)


def test_replays_of_the_unchanged_fail_none() -> None:
    """And those of a head far beyond the budget pass none."""
    same = replay.replay(series(0.02), slower=0.0, budget=0.03, verdicts=1, runs=500, seed=1)
    slow = replay.replay(series(0.02), slower=0.2, budget=0.03, verdicts=1, runs=500, seed=1)

    assert same.failed == 0
    assert (slow.passed, slow.failed) == (0, 500)


def test_neighbours_stay_neighbours() -> None:
    """A disturbance of several builds in a row is drawn as one: noise of pairs does not show it."""
    calm, slow = (1.0,) * 40, (1.5,) * 40
    waves = Series(load=1, cpu_s=(*calm, *slow) * 3)

    found = replay.replay(waves, slower=0.0, budget=0.02, verdicts=1, runs=300, seed=4)

    assert found.failed == 0


def test_too_few_builds_are_no_series() -> None:
    """The same ones would be drawn over and over."""
    with pytest.raises(ValueError, match="too few"):
        replay.replay(series(0.02, 20), slower=0.0, budget=0.03, verdicts=1, runs=1, seed=1)


def test_the_table_tells_a_broken_promise() -> None:
    """Failures of the unchanged beyond the rate, passes of the slower, too few that are caught."""
    rates = replay.replay(series(0.015), slower=0.05, budget=0.03, verdicts=1, runs=200, seed=1)
    missed = dataclasses.replace(rates, caught=150, failed=150, unmeasurable=50)
    passed = dataclasses.replace(rates, passed=1)
    alarm = dataclasses.replace(rates, slower=0.0, failed=1)

    assert gate_table._missed(rates) is None
    assert "were caught" in (gate_table._missed(missed) or "")
    assert "slower than the budget" in (gate_table._missed(passed) or "")
    assert "unchanged heads failed" in (gate_table._false(alarm) or "")


def test_a_recording_survives_being_kept() -> None:
    """What is kept damaged, empty or in another unit is an error."""
    recorded = Recorded(machine="m", series=(series(0.01, 40),), steps=((0.1, 0.2), (0.1, 0.3)))
    document = json.loads(json.dumps(replay.to_json(recorded)))

    assert replay.from_json(document) == recorded
    damages: list[dict[str, Any]] = [
        {"schema": 0}, {"series": []}, {"steps": [[1e9]]}, {"series": [{"load": 0}]}
    ]  # fmt: skip
    for change in damages:
        with pytest.raises(RecordError, match="no recorded builds"):
            replay.from_json({**document, **change})


def test_a_slowed_step_of_a_recording_is_named_first() -> None:
    """One that takes much longer than the noise; and one that takes no longer is not."""
    rng = random.Random(3)
    builds = [[0.04 * rng.gauss(1, 0.05) for _ in range(50)] for _ in range(24)]

    assert replay.named_first(builds, more_s=0.04, trials=50, blocks=4, seed=1) == 50
    assert replay.named_first(builds, more_s=0.0, trials=50, blocks=4, seed=1) < 25


STAT = "cpu  100 0 50 800 20 5 5 20 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n"


def test_the_recording_keeps_the_promises() -> None:
    """What was recorded at each load is never failed unchanged, and never passed slowed."""
    found = replay.from_json(json.loads(RECORDED.read_bytes()))

    rows = [*gate_table.identical(found, 150), *gate_table.slower(found, 150)]

    assert [row.broken for row in rows if row.broken] == []
    assert [each.load for each in found.series] == [0, 1, 2, 4]
    assert all(len(build) > 200 for build in found.steps)


def test_a_rule_that_fails_on_any_estimate_breaks_the_promises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The recording is noisy enough to show up a rule that does not ask whether it is by chance."""
    found = replay.from_json(json.loads(RECORDED.read_bytes()))
    monkeypatch.setattr(slowdown, "FALSE_ALARM", 0.5)
    monkeypatch.setattr(slowdown, "FALSE_ALARM_MATRIX", 12.0)

    rows = list(gate_table.identical(found, 150))

    assert any(row.broken for row in rows)


def test_ticks_are_read() -> None:
    """Busy is all but waiting; what a hypervisor withheld is apart."""
    assert fitness.parse_ticks(STAT) == Ticks(total_s=10.0, busy_s=1.6, steal_s=0.2)
    assert fitness.parse_ticks("intr 1 2 3") is None
    assert fitness.parse_pressure("some avg10=12.50 avg60=1.00 total=5\nfull avg10=0\n") == 0.125
    assert fitness.parse_pressure("some avg10=?") is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"foreign": 0.9}, "other processes take 90%"),
        ({"steal": 0.3}, "hypervisor withholds 30%"),
        ({"pressure": 0.95}, "waits for a CPU 95%"),
        ({"spread": 2.0}, "differ by 200%"),
    ],
)
def test_an_unfit_machine_says_why(change: dict[str, float], words: str) -> None:
    """And one of which nothing is known is not refused for that."""
    fine = Fitness(foreign=0.1, steal=0.0, pressure=0.1, spread=0.1)

    assert fine.problem() is None
    assert Fitness(foreign=None, steal=None, pressure=None, spread=None).problem() is None
    assert words in (dataclasses.replace(fine, **change).problem() or "")


def test_what_others_take_is_told_from_ones_own_work() -> None:
    """Of ten seconds of CPUs six were busy, two of them with ours."""
    before = Ticks(total_s=0.0, busy_s=0.0, steal_s=0.0)
    after = Ticks(total_s=10.0, busy_s=6.0, steal_s=1.0)

    found = fitness.between(before, after, 0.2, [0.5, 0.5, 1.0])

    assert (found.foreign, found.steal, found.pressure, found.spread) == (0.4, 0.1, 0.2, 1.0)


def test_an_unfit_machine_is_waited_for() -> None:
    """Until it is fit; and given up after some looks, with what was seen last."""
    bad = Fitness(foreign=0.9, steal=None, pressure=None, spread=None)
    good = dataclasses.replace(bad, foreign=0.0)
    looks = iter([bad, bad, good])
    said: list[str] = []
    slept: list[float] = []

    assert fit.wait(said.append, look=lambda: next(looks), sleep=slept.append) is good
    assert fit.wait(said.append, look=lambda: bad, sleep=slept.append) is bad
    assert len(said) == 2
    assert "90%" in said[0]
    assert len(slept) == 2 + fit.TRIES - 1


def test_this_machine_is_looked_at() -> None:
    """The live look gives shares, or says that it could not see."""
    found = fit.look()

    for value in (found.foreign, found.steal, found.pressure):
        assert value is None or 0 <= value <= 1
    assert found.spread is None or found.spread >= 0


MEASURED = Comparison(
    target="demo-amd64-gcc", base="main (0123)", base_key="a", head_key="b",
    decision=Decision.FAIL, reason="slower", budget=0.05, change=0.12, low=0.1, high=0.14,
    detectable=0.06, noise=0.01, false_alarm=0.001, total_s=2.0,
    blocks=((1.0, 1.1, 1.1, 1.0),) * 4, changed="1 compile steps differ (gcc x)",
    steps=(against.StepChange(id="gcc x", more_s=0.2, base_s=0.1, error_s=0.01),), rule="r",
)  # fmt: skip


def test_a_comparison_survives_being_kept() -> None:
    """A kept one answers the same question for good, and no other."""
    kept = against.from_json(json.loads(json.dumps(against.to_json(MEASURED))))
    open_end = dataclasses.replace(MEASURED, decision=Decision.UNMEASURABLE)

    assert kept == MEASURED
    assert kept.holds_for("a", "b", 0.05, "r")
    assert not kept.holds_for("other", "b", 0.05, "r")
    assert not kept.holds_for("a", "b", 0.02, "r")
    assert not kept.holds_for("a", "b", 0.05, "another rule")
    assert not open_end.holds_for("a", "b", 0.05, "r")


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 99},
        {"blocks": []},
        {"change": None},
        {"high": "much"},
        {"decision": "fine"},
        {"blocks": [[1.0, 2.0]]},
        {"steps": [{}]},
    ],
)
def test_a_comparison_without_its_measurements_is_none(change: dict[str, Any]) -> None:
    """An empty result, a missing metric, an unknown decision: refused, not believed."""
    document = {**json.loads(json.dumps(against.to_json(MEASURED))), **change}

    with pytest.raises(RecordError, match="no comparison"):
        against.from_json(document)


MANIFEST = b"""
[projects.demo]
source = { path = "." }
toolchain = "gcc"
architectures = ["amd64"]
build = "make"
artifacts = ["demo"]
[projects.demo.budget]
regression = { cpu_time = "5%" }
"""


def target() -> Target:
    """A target with a budget for its change."""
    return expand(load(MANIFEST, "crossgate.toml"), "amd64")[0]


@pytest.mark.parametrize(
    ("compared", "verdict", "words"),
    [
        (MEASURED, Verdict.FAIL, "slower: gcc x +200 ms (of 100 ms)"),
        (MEASURED, Verdict.FAIL, "+12.0% of CPU time (between +10.0% and +14.0%"),
        (dataclasses.replace(MEASURED, decision=Decision.PASS), Verdict.PASS, "4 blocks"),
        (
            dataclasses.replace(MEASURED, decision=Decision.UNMEASURABLE),
            Verdict.UNMEASURABLE,
            "a change of +6.0% would have been seen",
        ),
        (dataclasses.replace(MEASURED, decision=Decision.GO_ON), Verdict.UNMEASURABLE, "12.0%"),
        ("no base", Verdict.NOT_APPLICABLE, "no base"),
    ],
)
def test_a_comparison_is_judged(compared: Comparison | str, verdict: Verdict, words: str) -> None:
    """Each verdict states the change, its interval, the blocks, and what could have been seen."""
    found = cpu_regression(target(), compared)

    assert found.verdict is verdict
    assert words in found.reason
    assert found.manifest_key == "projects.demo.budget.regression.cpu_time"
