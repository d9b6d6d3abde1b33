"""How many CPUs all builds get at once: found by the doctor, kept, and gone by in every run."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures import plugin
from fixtures.build_host import BuildHost
from fixtures.building import prepare
from fixtures.cli import doctor, doctor_text
from fixtures.core import auto
from fixtures.core.auto import UNDECIDED, Auto, Cpus
from fixtures.core.doctor import cores, deciding, prediction
from fixtures.core.doctor.detect import detect
from fixtures.core.doctor.facts import Cpu
from fixtures.core.doctor.measured import Measured
from fixtures.core.doctor.snapshot import Snapshot
from fixtures.core.targets import Strategy
from fixtures.doctor import chosen, look, measure
from fixtures.run import Run
from suites.selftest.harness import NATIVE, project

MANIFEST = """
[projects.demo]
source = { path = "." }
toolchain = "gcc"
architectures = ["amd64", "arm64", "riscv64"]
build = "make CC={cc}"
artifacts = ["demo"]
"""


def played_engine(cpus: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine with so many CPUs, which answers what it has and nothing else."""
    info = {"Architecture": platform.machine(), "NCPU": cpus}
    found = (SimpleNamespace(address="unix:///a"), None)
    monkeypatch.setattr("fixtures.engine.probe.find", lambda: found)
    monkeypatch.setattr("fixtures.engine.probe.get_json", lambda *_: info)


def test_a_run_takes_no_more_cpus_than_builds_get(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither workers nor CPUs of a build; what the manifest asks for is asked for."""
    files = {"demo.c": "int main(void) { return 0; }\n"}
    folder = project(tmp_path / "demo", MANIFEST, files)
    asked = project(tmp_path / "asked", f"{MANIFEST}cpus = 6\n", files)
    chosen.keep(tmp_path / "out", NATIVE, "unix:///a", Auto(cpus=Cpus(at_once=3, engine=8)))

    def run(folder: Path, reports: str = "out", cpus: int = 8, shared: str | None = None) -> Run:
        played_engine(cpus, monkeypatch)
        return Run(
            file=folder / "crossgate.toml",
            root=tmp_path,
            reports=tmp_path / reports,
            fresh=False,
            say=print,
            shared=shared,
        )

    limited, free = run(folder), run(folder, "none")
    [target, *_] = limited.targets
    assert (limited.host.cpus, limited.host.engine_cpus) == (3, 8)
    assert (free.host.cpus, free.host.engine_cpus) == (8, 8)
    assert prepare._share(limited.session(), target, 8) == 3
    assert prepare._share(replace(limited.session(), workers=2), target, 8) == 1
    assert prepare._share(free.session(), target, 8) == 8
    # An engine that has other CPUs by now was not looked at.
    assert run(folder, cpus=16).host.cpus == 16
    assert run(folder, cpus=2).host.cpus == 2
    assert prepare._share(limited.session(), target, 16) == 16
    wanting = run(asked)
    assert prepare._share(wanting.session(), wanting.targets[0], 8) == 6
    # A worker goes by what its controller read, whatever the file says by then.
    sent = limited.shared.to_json()
    (tmp_path / "out" / chosen.FILE).unlink()
    worker = run(folder, shared=sent)
    assert prepare._share(worker.session(), target, 8) == 3


@pytest.mark.parametrize(("decided", "workers"), [(3, 3), (1, 0), (None, 4)])
def test_workers_are_as_many_as_builds_get_cpus(
    decided: int | None, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of five targets that have to be built, on an engine of four CPUs."""
    cpus = Cpus(at_once=decided, engine=4) if decided else None
    host = BuildHost(architecture="amd64", cpus=4, engine_cpus=4).limited(cpus)
    monkeypatch.setattr(plugin, "is_gate", lambda _: True)
    monkeypatch.setattr(plugin, "run_of", lambda _: SimpleNamespace(host=host))
    monkeypatch.setattr(plugin, "stale_targets", lambda *_: [None] * 5)

    assert plugin.pytest_xdist_auto_num_workers(cast("pytest.Config", None)) == workers


def test_a_run_says_that_builds_get_less_than_the_engine_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where something is built; one worker on an engine of four CPUs would be a riddle."""
    said: list[str] = []
    watched: list[Path] = []
    host = BuildHost(architecture="amd64", cpus=4, engine_cpus=4)
    shared = SimpleNamespace(expected_s={}, progress="p")
    hook = SimpleNamespace(pytest_crossgate_watch=lambda *, folder, queue: watched.append(folder))
    config = cast("pytest.Config", SimpleNamespace(hook=hook))
    monkeypatch.setattr(plugin, "say", lambda _, words: said.append(words))

    def watch(host: BuildHost, *stale: str) -> None:
        targets = [SimpleNamespace(id=name, strategy=Strategy(name)) for name in stale]
        monkeypatch.setattr(plugin, "stale_targets", lambda *_: targets)
        run = SimpleNamespace(host=host, order=lambda target: target.id, shared=shared)
        plugin._watch(config, cast("Run", run))

    limited = host.limited(Cpus(at_once=1, engine=4))
    watch(limited)
    watch(limited, "prebuilt")
    watch(host, "cross")
    assert said == []
    watch(limited, "prebuilt", "cross")
    assert [words.partition(",")[0] for words in said] == [
        "crossgate: builds share 1 of the engine's 4 CPUs"
    ]
    assert len(watched) == 3


def cpu(quota: float | None = None, engine: int | None = 8) -> Cpu:
    """The CPUs of a host with an engine, and what a quota above that leaves."""
    return Cpu(
        model=None,
        architecture="amd64",
        count=8,
        affinity=8,
        quota=None,
        engine=engine,
        engine_quota=quota,
    )


@pytest.mark.parametrize(
    ("quota", "idle", "speed_up", "cpus"),
    [
        (None, 0.0, 7.9, None),
        (3.0, None, None, 3),
        (3.5, None, None, 4),
        (3.1, None, None, 3),
        (0.2, None, None, 1),
        (7.9, None, None, None),
        (None, 0.87, 1.04, 1),
        (None, 0.5, 4.0, 4),
    ],
)
def test_the_doctor_finds_how_many_cpus_builds_get(
    quota: float | None, idle: float | None, speed_up: float | None, cpus: int | None
) -> None:
    """By a quota above the engine that was seen, or by CPUs that it left idle; None where all."""
    measured = Measured(cpus=8, idle=idle, speed_up=speed_up)
    found = cores.decide(cpu(quota), measured)

    assert found == (Cpus(at_once=cpus, engine=8) if cpus else None)
    assert cores.decide(cpu(quota, engine=None), measured) is None
    decisions = deciding.decide([], [], measured, "amd64", UNDECIDED, found)
    assert decisions.cpus == found
    assert auto.from_json(json.loads(json.dumps(decisions.to_json()))) == decisions
    assert (f"at most {cpus}" in "".join(doctor_text._auto(decisions))) is (cpus is not None)


def test_idle_cpus_of_which_nothing_was_asked_are_no_quota() -> None:
    """A container is asked for 64 CPUs at the most; an engine of more leaves the others idle."""
    measured = Measured(cpus=64, idle=0.5, speed_up=46.0)

    assert cores.decide(cpu(engine=128), measured) is None
    assert cores.decide(cpu(engine=64), measured) == Cpus(at_once=46, engine=64)


BEFORE = Cpus(at_once=3, engine=8)


def decided(
    quota: float | None, now: Measured | None = None, before: Cpus | None = BEFORE
) -> int | None:
    """On how many of eight CPUs builds are to be, after what held until now."""
    found = cores.decide(cpu(quota), now, before)
    return found.at_once if found else None


def did(speed_up: float | None, idle: float | None, cpus: int = 8) -> Measured:
    """What a container did on all CPUs, and how many of those were idle meanwhile."""
    return Measured(cpus=cpus, speed_up=speed_up, idle=idle)


def test_a_quota_that_was_read_is_followed_at_once() -> None:
    """It does not jitter, and counts whatever was measured beside it."""
    for before in (None, BEFORE, Cpus(at_once=3, engine=4)):
        assert [decided(quota, None, before) for quota in (2.0, 3.0, 3.2, 3.5, 3.6)] == [
            *(2, 3, 3, 4, 4)
        ]
    assert decided(3.0, did(2.1, 0.7)) == 3


def test_a_number_of_cpus_that_was_measured_stays_where_it_moves_a_little() -> None:
    """Other CPUs make other times."""
    assert [decided(None, did(done, 0.5)) for done in (2.1, 3.0, 3.4, 3.5)] == [3, 3, 3, 3]
    assert [decided(None, did(done, 0.5)) for done in (2.0, 3.6)] == [2, 4]
    assert decided(None, did(3.4, 0.5), None) == 4
    assert decided(None, did(3.4, 0.5), Cpus(at_once=3, engine=4)) == 4


def test_what_holds_ends_where_something_speaks_against_it() -> None:
    """On a busy host nothing is idle whatever is above the engine; more work done is no quota."""
    assert decided(None) == 3
    assert [decided(None, did(done, 0.0)) for done in (1.0, 3.5)] == [3, 3]
    assert decided(None, did(2.9, None)) == 3
    assert decided(None, did(3.6, 0.0)) is None
    assert decided(None, did(7.9, None)) is None
    # Of another number of CPUs neither says anything.
    assert decided(None, did(7.9, 0.0, cpus=16)) == 3
    assert decided(None, None, Cpus(at_once=3, engine=4)) is None
    assert decided(8.0) == 3


def test_a_doctor_that_could_start_nothing_keeps_the_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the last one saw holds until a container says otherwise; a quick look goes by it."""
    folder = project(tmp_path / "demo", MANIFEST)
    given = ["--manifest", str(folder / "crossgate.toml"), "--report-dir", str(tmp_path / "out")]
    facts = detect(
        Snapshot(
            system="Linux",
            release="6",
            machine=platform.machine(),
            cpus=8,
            address="unix:///a",
            info={"NCPU": 8, "Architecture": platform.machine(), "KernelVersion": "6"},
        )
    )
    quota = replace(facts, cpu=replace(facts.cpu, engine_quota=3.0))
    seen = measure.Seen(above={"/sys/fs/cgroup/cpu.max": "300000 100000"})
    ran = Measured(native_s=0.1, cpus=8, speed_up=3.0, idle=0.0)
    nothing = Measured(skipped={"everything": "no container starts"})
    asked: list[int] = []
    foretell = prediction.predict_all
    monkeypatch.setattr(look, "take", lambda *_, **given: given)
    monkeypatch.setattr(doctor, "detect", lambda taken: quota if taken.get("above") else facts)

    def predict_all(*words: Any) -> Any:
        asked.append(words[3])
        return foretell(*words)

    monkeypatch.setattr(prediction, "predict_all", predict_all)

    def kept(measured: Measured, seen: measure.Seen, *words: str) -> Cpus | None:
        asked.clear()
        monkeypatch.setattr(measure, "measure", lambda *_: (measured, seen))
        assert doctor.main([*given, *words], tmp_path) == 0
        return chosen.load(tmp_path / "out", NATIVE, "unix:///a").cpus

    three = Cpus(at_once=3, engine=8)
    assert kept(replace(ran, cpus=None, speed_up=None, idle=None), seen) == three
    assert kept(ran, seen) == three
    assert kept(nothing, measure.Seen()) == three
    assert kept(nothing, measure.Seen(inside={"/proc/self/mountinfo": ""})) == three
    assert kept(nothing, measure.Seen(), "--quick") == three
    assert {*asked} == {3}
    said = capsys.readouterr().out
    assert "at most 3" in said
    assert "the engine has 8 and may use 3" in said
    assert "the engine has 8 CPUs, and its builds may use 3.0 of them" in said
    assert "`verify` builds on 3 at once" in said
    # The engine has other CPUs by now.
    facts = replace(facts, cpu=replace(facts.cpu, engine=16))
    assert kept(nothing, measure.Seen()) is None
    assert {*asked} == {16}
    assert "at most" not in capsys.readouterr().out
    facts = replace(facts, cpu=replace(facts.cpu, engine=8))
    assert kept(ran, seen) == three
    assert kept(replace(ran, speed_up=7.9), measure.Seen()) is None
    assert {*asked} == {8}
