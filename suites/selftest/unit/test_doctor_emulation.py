"""What emulation makes of a build: its compiles counted, its formula, and what it never claims."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.auto import UNDECIDED, Auto, Decision
from fixtures.core.doctor import deciding, emulation, factors, prediction
from fixtures.core.doctor.emulation import Work
from fixtures.core.doctor.measured import Measured
from fixtures.core.errors import RecordError
from fixtures.doctor import measure, reading
from suites.selftest.unit import samples
from suites.selftest.unit.test_doctor_prediction import CROSS, EMULATED, sample

# Seconds of a process; a compile has three. Emulated: 2 s and 10 times its native seconds.
NATIVE = {"start": 0.001, "trial": 0.01, "short": 0.1 / 3, "long": 0.3 / 3}
ARM64 = {"start": 0.05, "trial": 0.4, "short": 3.0 / 3, "long": 5.0 / 3}
KINDS = Measured(native_s=0.1, task_s=NATIVE, emulated_task_s={"arm64": ARM64})


def seconds(**did: Any) -> float:
    """Emulated CPU seconds of a build."""
    found = emulation.seconds(Work(**did), NATIVE, ARM64)
    assert found is not None
    return found


def test_a_compile_is_a_fixed_part_and_so_many_times_its_native_seconds() -> None:
    """Both lengths lie on it, three processes each."""
    rise = emulation.line(NATIVE, ARM64)

    assert rise is not None
    assert [rise.fixed_s, rise.slope] == pytest.approx([2, 10])
    assert rise.at(0.3) == pytest.approx(5)


def test_compiles_alone_cost_what_they_were_measured_to_cost() -> None:
    """A hundred compiles of the long file are a hundred times it, and so of the short one."""
    assert seconds(cpu_s=30, tasks=300, objects=100) == pytest.approx(500)
    assert seconds(cpu_s=10, tasks=300, objects=100) == pytest.approx(300)


def test_trials_and_small_programs_have_costs_of_their_own() -> None:
    """What they take natively is no part of the compiles, and each of their processes costs."""
    whole = seconds(cpu_s=30 + 20 * 0.03 + 700 * 0.001, tasks=1060, objects=100, trials=20)

    assert whole == pytest.approx(500 + 20 * 1.2 + 700 * 0.05)


def test_nothing_is_taken_off_below_nothing() -> None:
    """More small programs than the build's seconds: the compiles keep their fixed part."""
    assert seconds(cpu_s=0.01, tasks=1003, objects=1) == pytest.approx(2 + 1000 * 0.05)
    assert seconds(cpu_s=30, tasks=5, objects=100, trials=9) == pytest.approx(
        200 + 9 * 1.2 + 10 * (30 - 9 * 0.03)
    )


@pytest.mark.parametrize(
    "did", [{"tasks": 300}, {"tasks": 300, "objects": 0, "trials": 5}, {"objects": 100}, {}]
)
def test_what_was_not_counted_is_not_guessed(did: dict[str, int]) -> None:
    """Without object files, or processes, there is no answer by compiles."""
    assert emulation.seconds(Work(cpu_s=30, **did), NATIVE, ARM64) is None


@pytest.mark.parametrize("kind", [kind for kind in emulation.WORK if kind != "long"])
def test_a_kind_that_was_not_measured_is_wanted_where_there_is_some(kind: str) -> None:
    """The emulator had no time for it, or it is of an older doctor."""
    work = Work(cpu_s=30, tasks=1000, objects=100, trials=20)
    less = {name: took for name, took in ARM64.items() if name != kind}

    assert emulation.seconds(work, NATIVE, less) is None
    assert emulation.seconds(work, {k: v for k, v in NATIVE.items() if k != kind}, ARM64) is None
    if kind == "trial":
        assert emulation.seconds(replace(work, trials=0), NATIVE, less) is not None


def test_without_the_long_compile_the_short_one_tells_with_more_doubt() -> None:
    """A slow host has no time for both: the usual share of the short one is fixed."""
    less = {name: took for name, took in ARM64.items() if name != "long"}
    rise = emulation.line(NATIVE, less)
    slow = replace(KINDS, emulated_task_s={"arm64": less})
    kind, work = ("gcc", "arm64", "emulated"), Work(cpu_s=30, tasks=300, objects=100)
    factor, deviation = factors.Factors(measured=slow).of(kind, work)

    assert rise is not None
    assert rise.fixed_s == pytest.approx(emulation.FIXED * 3)
    assert rise.at(0.1) == pytest.approx(3)
    assert factor == pytest.approx((100 * rise.fixed_s + 30 * rise.slope) / 30)
    _, whole = factors.Factors(measured=KINDS).of(kind, work)
    assert deviation == pytest.approx(math.hypot(whole, factors.EMULATION_SHORT_ALONE))
    assert slow.emulation["arm64"] == pytest.approx(rise.at(0.75) / 0.75)
    _, other = factors.Factors(measured=slow).of(("gcc", "riscv64", "emulated"), work)
    assert other == pytest.approx(math.hypot(deviation, factors.EMULATION_OTHER_CPU))
    # Neither has the host had time for it without an emulator.
    slower = replace(slow, task_s={name: NATIVE[name] for name in less})
    usual_s = 0.1 * emulation.LONG_SHORTS * emulation.USUAL
    assert slower.emulation["arm64"] == pytest.approx(rise.at(usual_s) / usual_s)


@pytest.mark.parametrize("ratio", [0.9, 1.0, 2.0, 3.0])
def test_a_light_emulator_is_never_foretold_to_be_quicker_than_none(ratio: float) -> None:
    """The share of another emulator's that is fixed need not be its own."""
    rise = emulation.line(NATIVE, {"short": ratio * NATIVE["short"]})

    assert rise is not None
    assert rise.at(0.1) == pytest.approx(0.1 * ratio)
    assert rise.slope == pytest.approx(min(1.0, ratio))
    assert rise.fixed_s == pytest.approx(max(0, 0.1 * (ratio - 1)))


def test_no_strategy_is_decided_by_a_short_compile_alone() -> None:
    """What was taken stays; what is doubtful makes nobody emulate."""
    light = {kind: took * 0.8 for kind, took in NATIVE.items() if kind != "long"}
    doubtful = replace(KINDS, emulated_task_s={"arm64": light})
    sure = replace(KINDS, emulated_task_s={"arm64": {**light, "long": NATIVE["long"] * 0.8}})
    held = Auto(strategies={"demo arm64": Decision(value="cross", why="it was")})

    def decided(measured: Measured, before: Auto = UNDECIDED) -> Decision | None:
        wanted = [replace(CROSS, id="demo")]
        return deciding.decide(wanted, [], measured, "amd64", before).strategy("demo", "arm64")

    assert decided(doubtful) is None
    assert decided(doubtful, held) == held.strategies["demo arm64"]
    taken = decided(sure, held)
    assert taken is not None
    assert taken.value == "emulated"
    # An emulator that is slow by now is left all the same; one that is not is kept.
    emulated = Auto(strategies={"demo arm64": taken})
    less = {kind: took for kind, took in ARM64.items() if kind != "long"}
    slow = decided(replace(KINDS, emulated_task_s={"arm64": less}), emulated)
    kept = decided(doubtful, emulated)
    assert (slow and slow.value, kept and kept.value) == ("cross", "emulated")


def test_noise_makes_no_line() -> None:
    """A long compile that took less than a short one; a line that begins below nothing."""
    assert emulation.line(NATIVE, {**ARM64, "long": 0.9}) is None
    assert emulation.line({**NATIVE, "long": 0.01}, ARM64) is None
    steep = emulation.line(NATIVE, {**ARM64, "short": 0.1 / 3})
    assert steep is not None
    assert [steep.fixed_s, steep.slope] == pytest.approx([0, 5 / 0.3])


@given(
    cpu_s=st.floats(0.01, 1e5),
    tasks=st.integers(1, 10**6),
    objects=st.integers(1, 10**5),
    trials=st.none() | st.integers(0, 10**4),
)
def test_more_compiles_never_cost_less_than_their_fixed_part(
    cpu_s: float, tasks: int, objects: int, trials: int | None
) -> None:
    """Whatever was counted, the answer is a finite time."""
    found = seconds(cpu_s=cpu_s, tasks=tasks, objects=objects, trials=trials)

    assert 2 * objects <= found * 1.0001
    assert math.isfinite(found)


def test_a_build_of_many_files_is_foretold_to_take_longer() -> None:
    """The same CPU seconds and processes in more compiles cost an emulator more, by the formula."""
    few = prediction.predict(EMULATED, [sample(tasks=1000, objects=10, trials=0)], KINDS, 1)
    many = prediction.predict(EMULATED, [sample(tasks=1000, objects=300, trials=0)], KINDS, 1)
    tried = prediction.predict(EMULATED, [sample(tasks=1000, objects=10, trials=300)], KINDS, 1)

    assert few.cpu_s == pytest.approx(20 + 10 * (100 - 0.97) + 970 * 0.05)
    assert many.cpu_s == pytest.approx(600 + 10 * (100 - 0.1) + 100 * 0.05)
    assert tried.cpu_s == pytest.approx(20 + 10 * (100 - 9.07) + 300 * 1.2 + 70 * 0.05)


def test_without_object_files_all_is_as_it_was() -> None:
    """Go, Rust and records of before are foretold by what a process takes, with more doubt."""
    counted = prediction.predict(EMULATED, [sample(tasks=1000, objects=300)], KINDS, 1)
    by_process = KINDS.emulated_factor("arm64", 0.1)
    assert by_process is not None
    assert counted.high_s
    assert counted.wall_s
    for objects in (None, 0):
        found = prediction.predict(EMULATED, [sample(tasks=1000, objects=objects)], KINDS, 1)
        assert found.cpu_s == pytest.approx(100 * by_process)
        assert found.high_s
        assert found.wall_s
        assert found.high_s / found.wall_s > counted.high_s / counted.wall_s


def test_another_cpus_emulation_is_a_guess_with_more_doubt() -> None:
    """What arm64 costs is the best guess for riscv64, and not as good as for arm64."""
    did = Work(cpu_s=100, tasks=1000, objects=300)
    host = factors.Factors(measured=KINDS)
    known, doubt = host.of(("gcc", "arm64", "emulated"), did)
    guess, more = host.of(("gcc", "riscv64", "emulated"), did)

    assert known == guess
    assert more > doubt


def test_a_build_on_another_host_counts_in_this_hosts_seconds() -> None:
    """Half as quick a host takes twice as long for the compiles' length, not for their number."""
    there = sample(here=False, reference_s=0.05, cpu_s=50.0, tasks=1000, objects=300)
    found = prediction.predict(EMULATED, [there], KINDS, 1)
    here = prediction.predict(EMULATED, [sample(tasks=1000, objects=300)], KINDS, 1)

    assert found.cpu_s == pytest.approx(here.cpu_s)


def test_a_cross_builds_compiles_count_as_a_native_ones() -> None:
    """Its seconds are what a native build's would be, by the usual factor."""
    factor = factors.usual_cross("gcc", "arm64")
    crossed = sample(
        target=CROSS.id,
        architecture="arm64",
        strategy="cross",
        cpu_s=100 * factor,
        tasks=1000,
        objects=300,
    )
    found = prediction.predict(EMULATED, [crossed], KINDS, 1)
    native = prediction.predict(EMULATED, [sample(tasks=1000, objects=300)], KINDS, 1)

    assert found.cpu_s == pytest.approx(native.cpu_s)


def test_what_is_learned_of_emulation_leaves_the_doubt_of_a_project() -> None:
    """Another project's ratio moves the middle; it makes nobody surer than a counted build."""
    other = {"project": "other", "tasks": 1000, "objects": 300}
    native = sample(target="o", **other)
    modelled = prediction.predict(EMULATED, [sample(tasks=1000, objects=300)], KINDS, 1).cpu_s
    assert modelled
    took = {"cpu_s": 1.2 * modelled, "wall_s": 1.2 * modelled}
    emulated = sample(target="e", architecture="arm64", strategy="emulated", **took, **other)
    host = factors.learn([native, emulated], KINDS)
    kind = ("gcc", "arm64", "emulated")

    assert host.learned == {kind: pytest.approx(1.2)}
    assert host.of(kind, Work(cpu_s=1, tasks=9, objects=1))[1] == factors.EMULATION_BY_COMPILES


def test_auto_decides_by_compiles_too() -> None:
    """Many small compiles make emulation slower than the same seconds in a few."""

    def why(objects: int) -> str:
        known = [sample(tasks=1000, objects=objects)]
        wanted = [replace(CROSS, id="demo")]
        return deciding.decide(wanted, known, KINDS, "amd64").strategies["demo arm64"].why

    factor = factors.usual_cross("gcc", "arm64")
    assert f"{(600 + 999 + 5) / 100 / factor:.0f} ×" in why(300)
    assert why(300) != why(10)


def test_a_usual_compile_is_longer_than_the_measured_one() -> None:
    """The one figure for emulation is of a usual file; without two lengths, of the long one."""
    x = 0.3 * emulation.USUAL
    old = replace(KINDS, emulated_task_s={"arm64": {"start": 0.05, "long": 5 / 3}})

    assert KINDS.emulation == {"arm64": pytest.approx((2 + 10 * x) / x)}
    assert old.emulation == {"arm64": pytest.approx(5 / 0.3)}


def test_every_kind_of_work_is_measured_the_most_needed_first() -> None:
    """Where time ends after the first ones, a compile is among them, in one lane or in two."""
    assert {*measure._TIMES} == {*emulation.WORK}
    assert next(iter(measure._TIMES)) == "short"
    assert [lane[0] for lane in measure._LANES] == ["long", "short"]
    assert {kind for lane in measure._LANES for kind in lane} == {*emulation.WORK}
    assert 0 < emulation.SHORT < emulation.LONG


@pytest.mark.parametrize("name", ["objects", "trials"])
def test_counts_survive_json_and_are_missed_in_none_that_is_older(name: str) -> None:
    """A document of before they were counted is read; one with nonsense in it is not."""
    build = sample(tasks=9, objects=3, trials=2)
    raw = json.loads(json.dumps(build.to_json()))

    def read(value: dict[str, Any]) -> prediction.Sample:
        return prediction.sample_from_json(value, here=True, reference_s=None)

    assert read(raw) == build
    assert getattr(read({key: raw[key] for key in raw if key != name}), name) is None
    wrongs: tuple[Any, ...] = (-1, "3", [], True, math.inf)
    for wrong in wrongs:
        with pytest.raises(RecordError):
            read({**raw, name: wrong})


def test_a_records_counts_are_those_of_its_build() -> None:
    """What was counted behind a build is what is foretold from."""
    made = samples.record(samples.target())
    assert made.build is not None
    counted = replace(made.build, tasks=9, objects=3, trials=2)
    found = prediction.sample_of(replace(made, build=counted))

    assert found is not None
    assert factors.work_of(found, 2.0) == Work(cpu_s=found.cpu_s * 2, tasks=9, objects=3, trials=2)


@pytest.mark.skipif(not Path("/proc/loadavg").exists(), reason="no /proc here")
@pytest.mark.parametrize("lanes", [None, [["trial"], ["start", "again"]]])
def test_what_is_done_side_by_side_is_all_told(
    lanes: list[list[str]] | None, tmp_path: Path
) -> None:
    """Each kind has a line of its own; a lane that fails takes none of another one with it."""
    compiler = tmp_path / "gcc"
    compiler.write_text("#!/bin/sh\nn=0; while [ $n -lt 20000 ]; do n=$((n + 1)); done\n")
    compiler.chmod(0o755)
    asked = {"work": {"start": 20, "trial": 2}, **({"lanes": lanes} if lanes else {})}
    done = subprocess.run(
        [sys.executable, str(measure.SCRIPT), json.dumps(asked)],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    found = reading.work(reading.objects(done.stdout))

    assert found.keys() == {"start", "trial"}
    assert all(cpu_s > 0 and processes >= 1 for cpu_s, processes in found.values())
