"""An absolute budget of time belongs to the machines that it was set on, and says so elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.building import reference
from fixtures.core import baselines, claims, rows, targets
from fixtures.core.baselines import Entry
from fixtures.core.record import Record
from fixtures.core.scaling import UNCERTAINTY, Scaled, scaled
from fixtures.core.verdicts import Judgement, Verdict
from suites.selftest.unit.samples import HONEST, conditions, load, record, target

TARGET: Final = target()
DOCKER: Final = "Docker Engine 20.10.24"


def built(cpu_s: float, reference_s: float | None = 1.0, **changes: Any) -> Record:
    """A build of a target whose budget is 60 s of CPU."""
    given = {"engine": DOCKER, "reference_s": reference_s, **changes}
    return record(TARGET, cpu_s=cpu_s, conditions=conditions(**given))


def agreed(reference_s: float | None = 1.0, **changes: Any) -> Entry:
    """What was agreed to, on a machine of the same class unless changed."""
    made = baselines.entry_of(built(40.0, reference_s, **changes))
    assert isinstance(made, Entry)
    return made


def judged(one: Record, entry: Entry | str) -> Judgement:
    """The judgement of cpu_time."""
    return claims.judge("cpu_time", TARGET, one, agreed=entry)


@pytest.mark.parametrize("cpu_s", [40.0, 60.0, 61.0, 70.0])
@pytest.mark.parametrize(
    "entry", ["there is none", agreed(9.0), replace(agreed(), machine=None)], ids=str
)
def test_on_its_own_class_nothing_is_scaled(cpu_s: float, entry: Entry | str) -> None:
    """Without a baseline, or on the same class, the budget is what the manifest says."""
    plain = claims.judge("cpu_time", TARGET, built(cpu_s))

    assert judged(built(cpu_s), entry) == plain
    assert plain.expected == 60.0


SLOW: Final = agreed(1.0, cpu_model="another CPU")


@pytest.mark.parametrize(
    ("cpu_s", "verdict"),
    [
        (104.0, Verdict.PASS),
        (105.0, Verdict.UNMEASURABLE),
        (130.0, Verdict.UNMEASURABLE),
        (138.5, Verdict.FAIL),
    ],
)
def test_elsewhere_it_is_scaled_and_says_so(cpu_s: float, verdict: Verdict) -> None:
    """On a machine twice as slow 120 s count, give or take what a reference may be off by."""
    judgement = judged(built(cpu_s, reference_s=2.0), SLOW)

    assert judgement.verdict is verdict
    assert "scaled by 2.00 to 120.0 s" not in judgement.reason
    assert "budget of 60.0 s scaled by 2.00 to 2 min 0 s" in judgement.reason
    assert "CPU a CPU here, another CPU there" in judgement.reason
    assert judgement.expected == 120.0


def test_a_faster_machine_has_less() -> None:
    """What is within the budget as it is written is not where the machine is twice as fast."""
    assert judged(built(40.0, reference_s=0.5), SLOW).verdict is Verdict.FAIL
    assert judged(built(25.0, reference_s=0.5), SLOW).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("here", "there", "words"),
    [
        (None, 1.0, "no reference compile was measured next to this build"),
        (1.0, None, "the baseline has no reference compile"),
        (1.0, 100.0, "another unit"),
        (1000.0, 1.0, "another unit"),
        (0.0, 1.0, "took no CPU time"),
    ],
)
def test_what_can_not_be_scaled_is_never_a_pass(
    here: float | None, there: float | None, words: str
) -> None:
    """A missing or absurd reference leaves the budget unmeasurable there, and says why."""
    judgement = judged(built(1.0, here), agreed(there, cpu_model="another CPU"))

    assert judgement.verdict is Verdict.UNMEASURABLE
    assert words in judgement.reason
    assert "crossgate baseline update" in judgement.reason


def test_other_load_is_still_allowed_for() -> None:
    """Beyond the scaled budget by what others' load explains is unmeasurable, as on any machine."""
    busy = built(150.0, reference_s=2.0, load=0.5)

    assert judged(busy, SLOW).verdict is Verdict.UNMEASURABLE
    assert judged(replace(busy, conditions=built(1, 2.0).conditions), SLOW).verdict is Verdict.FAIL


positive = st.floats(0.02, 1.0)


@given(st.floats(1, 1e5), positive, positive)
def test_there_and_back_is_the_same_budget(budget: float, here: float, there: float) -> None:
    """A budget scaled to another machine and back is itself, and lies within its bounds."""
    one = scaled(budget, here, there)
    assert isinstance(one, Scaled)
    back = scaled(one.budget_s, there, here)
    assert isinstance(back, Scaled)

    assert back.budget_s == pytest.approx(budget)
    assert one.low_s < one.budget_s < one.high_s
    assert one.high_s / one.budget_s == pytest.approx(1 + UNCERTAINTY)


@pytest.mark.parametrize("name", rows.toolchains())
def test_every_toolchain_has_a_reference_compile(name: str) -> None:
    """Its command is made of what the toolchain offers, and differs from round to round."""
    text = HONEST.replace('toolchain = "gcc"', f'toolchain = "{name}"')
    for each in targets.expand(load(text), "amd64"):
        commands = {reference.command_of(each, number) for number in range(3)}

        assert None not in commands
        assert len(commands) == 3
        assert all("/crossgate/reference/reference." in str(command) for command in commands)
        assert reference.wanted(each)


def test_an_image_without_the_placeholder_has_none() -> None:
    """What compiles in an image of the user's own is told by its placeholders, or by nobody."""
    own = '{ image = "x", placeholders = { xx = "x" } }'
    text = HONEST.replace('toolchain = "gcc"', f"toolchain = {own}").replace("{cc}", "{xx}")
    [one, *_] = targets.expand(load(text), "amd64")

    assert reference.command_of(one, 0) is None
