"""Machine classes: told apart by what moves a build's time, and by nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from fixtures.core import machine_class
from fixtures.core.errors import RecordError
from fixtures.core.machine_class import MachineClass, differs
from suites.selftest.unit.samples import conditions, record, target

MODEL: Final = "Intel(R) Xeon(R) CPU @ 2.20GHz"


def of(**changes: Any) -> MachineClass:
    """The class of an honest record under other conditions."""
    given = {"cpu_model": MODEL, "engine": "Docker Engine 20.10.24+dfsg1", **changes}
    found = machine_class.of(record(target(), conditions=conditions(**given)))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {"engine": "Docker Engine 20.10.5"},
        {"memory_bytes": 1024**3},
        {"cpu_model": "Intel Xeon  CPU @ 2.20GHz"},
        {"load": 0.5},
    ],
    ids=str,
)
def test_what_does_not_matter_keeps_no_machines_apart(changes: dict[str, Any]) -> None:
    """A patch of the engine, some memory, the marks in a CPU's name and the load are no class."""
    assert differs(of(), of(**changes)) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cpu_model": "AMD EPYC"}, "CPU Intel Xeon CPU @ 2.20GHz here, AMD EPYC there"),
        ({"cpus": 4}, "number of CPUs 2 here, 4 there"),
        ({"engine": "Podman 20.1"}, "engine Docker Engine here, Podman there"),
        ({"engine": "Docker Engine 29.0"}, "major version of the engine 20 here, 29 there"),
        ({"cpu_model": None}, "CPU of one is unknown"),
        ({"engine": "something"}, "major version of the engine of one is unknown"),
    ],
)
def test_what_matters_is_told(changes: dict[str, Any], words: str) -> None:
    """CPU, number of CPUs, engine and major version keep apart, in words."""
    found = differs(of(), of(**changes))

    assert found is not None
    assert words in found


def test_strategies_are_apart() -> None:
    """What a native build takes says nothing of an emulated one."""
    found = differs(of(), replace(of(), strategy="emulated"))

    assert found == "strategy cross here, emulated there"


def test_two_unknown_cpus_are_not_the_same() -> None:
    """Nobody saw that they are equal."""
    nothing = of(cpu_model=None)

    assert differs(nothing, nothing) == "CPU of both is unknown"
    assert differs(None, None) == "the machine of a build was not recorded"
    assert machine_class.of(record(target(), conditions=None)) is None


def test_a_class_survives_json() -> None:
    """What is written is what is read."""
    assert machine_class.from_json(of().to_json()) == of()


@pytest.mark.parametrize(
    "change",
    [
        {"cpus": True},
        {"cpus": -1},
        {"cpus": 10**9},
        {"cpu_model": 3},
        {"engine": "x" * 201},
        {"engine_major": "20"},
        {"more": 1},
    ],
    ids=str,
)
def test_what_is_no_class_is_refused(change: dict[str, Any]) -> None:
    """A value of another type, size or name is told."""
    with pytest.raises(RecordError, match="no machine class"):
        machine_class.from_json({**of().to_json(), **change})
