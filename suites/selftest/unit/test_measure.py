"""Counters of a container: what is read from the script's output, and what follows."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.building import measure
from fixtures.core.errors import InfrastructureError
from fixtures.engine.container import Container, ExecResult

V1 = "cpu_ns 2500000000\npeak 4096\noom 1\nbusy 700\ncpus 1\ncpus 1\ntasks 9\nfree_kib 10\n"
V2 = "cpu_us 2500000\npeak 4096\noom 1\nbusy 700\ncpus 1\ncpus 1\ntasks 9\nfree_kib 10\n"


@pytest.mark.parametrize("output", [V1, V2], ids=["cgroup-v1", "cgroup-v2"])
def test_both_cgroup_versions_say_the_same(output: str) -> None:
    """Nanoseconds of v1 and microseconds of v2 both become seconds."""
    assert measure.parse(output) == measure.Counters(
        cpu_s=2.5,
        peak_memory_bytes=4096,
        oom_kills=1,
        busy_s=7.0,
        cpus=2,
        free_bytes=10240,
        tasks=9,
    )


def test_the_script_reads_this_system() -> None:
    """On any Linux the script ends well and finds the CPUs and how busy they were."""
    if not Path("/proc/stat").exists():
        pytest.skip("no /proc here")
    done = subprocess.run(["sh", "-c", measure.SCRIPT], capture_output=True, text=True, check=True)

    counters = measure.parse(done.stdout)

    assert counters.busy_s is not None
    assert counters.busy_s > 0
    assert counters.cpus >= 1


def test_started_processes_are_counted_up() -> None:
    """Of what is started between two readings no process is missed; what was reset is not known."""
    if not Path("/proc/loadavg").exists():
        pytest.skip("no /proc here")
    script = f"{measure.SCRIPT}\necho ---\nfor n in 1 2 3; do (:); done\n{measure.SCRIPT}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    before, after = map(measure.parse, done.stdout.split("---"))
    started = measure.tasks_between(before, after)

    assert started is None or started >= 3
    assert measure.tasks_between(replace(before, tasks=5), replace(after, tasks=9)) == 4
    for one, other in ((9, 5), (None, 5), (5, None)):
        first, last = replace(before, tasks=one), replace(after, tasks=other)
        assert measure.tasks_between(first, last) is None


class Told:
    """A container in which a script of ours prints one thing after another."""

    def __init__(self, *outputs: bytes) -> None:
        self.outputs = list(outputs)

    def exec(self, _: object, *, sink: Callable[[bytes], object], **__: object) -> ExecResult:
        """The next output; what is left of the last one again."""
        sink(self.outputs.pop(0) if self.outputs else b"")
        return ExecResult(exit_code=2, wall_s=0.0)


def test_counters_that_were_not_read_to_their_end_are_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A build that left no room for a process would have taken nothing, and lost nothing."""
    monkeypatch.setattr("fixtures.building.measure.time.sleep", lambda _: None)
    whole, half = b"cpu_us 5000000\noom 1\nend\n", b"cpu_us 5000000\n"

    def read(*outputs: bytes) -> measure.Counters:
        return measure.read(cast("Container", Told(*outputs)), "0:0")

    assert (read(whole).cpu_s, read(b"", half, whole).oom_kills) == (5.0, 1)
    with pytest.raises(InfrastructureError, match="exit code 2, and 15 bytes"):
        read(half, b"", half)


@given(st.text())
def test_any_output_gives_counters(output: str) -> None:
    """What is not a counter is passed over; nothing raises."""
    assert measure.parse(output).oom_kills >= 0


@pytest.mark.parametrize("mutant", ["cpu_us -5", "cpu_us 1e9", "cpu_us", "cpu_us ٣", "x" * 100])
def test_a_malformed_counter_is_missing_not_guessed(mutant: str) -> None:
    """A CPU counter of any other form is no CPU counter."""
    assert measure.parse(mutant).cpu_s is None


def _at(cpu_s: float | None, busy_s: float | None) -> measure.Counters:
    return measure.Counters(
        cpu_s=cpu_s, peak_memory_bytes=None, oom_kills=0, busy_s=busy_s, cpus=2, free_bytes=None
    )


def test_foreign_load_is_what_others_took() -> None:
    """2 CPUs for 10 s are 20 CPU seconds; 12 busy of which 7 are ours leave a quarter."""
    assert measure.foreign_load(_at(1.0, 5.0), _at(8.0, 17.0), 10.0) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("before", "after"), [(_at(None, 1.0), _at(2.0, 2.0)), (_at(1.0, None), _at(2.0, 2.0))]
)
def test_unknown_load_is_none(before: measure.Counters, after: measure.Counters) -> None:
    """Without a counter there is no load to tell, and not a quiet machine."""
    assert measure.foreign_load(before, after, 1.0) is None
