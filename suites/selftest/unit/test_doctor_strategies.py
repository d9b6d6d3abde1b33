"""What a target would take by another strategy: which there are, and how that is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.cli import doctor_text
from fixtures.cli import main as cli
from fixtures.core import record as records
from fixtures.core.doctor import detect, snapshot
from fixtures.core.doctor.facts import HostFacts
from fixtures.core.doctor.findings import Case
from fixtures.core.doctor.measured import Measured
from fixtures.core.doctor.prediction import Instead, Sample, predict, predict_all
from fixtures.doctor import history, wanted
from suites.selftest.harness import project
from suites.selftest.unit.samples import record, target
from suites.selftest.unit.test_doctor_prediction import CROSS, EMULATED, sample

HOSTS: Final = Path(__file__).with_name("hosts")
HERE: Final = "A CPU of ours"
COMMON: Final = """
toolchain = "gcc"
architectures = ["amd64", "386", "arm64", "riscv64"]
build = "make"
artifacts = ["hello"]
"""


@pytest.fixture
def facts() -> HostFacts:
    """A Linux of amd64."""
    raw = json.loads((HOSTS / "vm-of-an-image.json").read_bytes())["snapshot"]
    return detect.detect(snapshot.from_json(raw))


def others(folder: Path, facts: HostFacts, text: str) -> dict[str, str]:
    """What is told beside each target: the other's id, by the target's."""
    made = project(folder / "made", text, {"hello.c": "int main(void) { return 0; }\n"})
    found = wanted.instead(made / "crossgate.toml", facts)
    assert all(each.id != name for name, each in found)
    return {name: each.id for name, each in found}


def hello(strategy: str) -> str:
    """A manifest with one project."""
    return f'[projects.hello]\nsource = {{ path = "." }}\nstrategy = {strategy}\n{COMMON}'


def test_a_foreign_cpus_other_strategy_is_emulation_and_its_own_has_one(
    tmp_path: Path, facts: HostFacts
) -> None:
    """amd64 runs programs for 386 by itself: there nothing is emulated, whatever is asked."""
    assert others(tmp_path, facts, hello('"auto"')) == {
        "hello-arm64-gcc": "hello-arm64-gcc-emulated",
        "hello-riscv64-gcc": "hello-riscv64-gcc-emulated",
    }


def test_what_is_emulated_could_be_cross_compiled(tmp_path: Path, facts: HostFacts) -> None:
    """The other way about, too."""
    assert others(tmp_path, facts, hello('"emulated"')) == {
        "hello-arm64-gcc-emulated": "hello-arm64-gcc",
        "hello-riscv64-gcc-emulated": "hello-riscv64-gcc",
    }


def test_what_is_a_target_anyway_is_told_once(tmp_path: Path, facts: HostFacts) -> None:
    """Twins are foretold each as a target of its own."""
    assert others(tmp_path, facts, hello('["cross", "emulated"]')) == {}


def test_of_an_image_of_the_users_own_nobody_knows(tmp_path: Path, facts: HostFacts) -> None:
    """Nor of a CPU that no container is for."""
    own = hello('"auto"').replace('"gcc"', '{ name = "mine", image = "mine:1" }')
    zig = hello('"auto"').replace('"gcc"', '"zig"')
    zig = zig.replace('"386", "arm64", "riscv64"', '"windows-amd64"')

    assert others(tmp_path / "own", facts, own) == {}
    assert others(tmp_path / "zig", facts, zig) == {}


def test_without_a_cpu_there_is_none(tmp_path: Path) -> None:
    """What nobody could find out of a host foretells nothing of it."""
    nothing = detect.detect(snapshot.Snapshot(system="Plan9", release="", machine=""))

    assert others(tmp_path, nothing, hello('"auto"')) == {}


def test_all_at_once_are_foretold_as_one_by_one() -> None:
    """What is learned of a host once is the same for each."""
    known = [sample(), sample(project="else", target="else-amd64-gcc", cpu_s=9.0)]
    known.append(
        sample(target=EMULATED.id, architecture="arm64", strategy="emulated", cpu_s=1500.0)
    )
    every = [CROSS, EMULATED, replace(CROSS, project="else"), replace(CROSS, project="none")]

    together = predict_all(every, known, Measured(native_s=1.0), 2)
    assert together == [predict(each, known, Measured(native_s=1.0), 2) for each in every]
    assert together[0].wall_s != together[2].wall_s
    assert together[3].wall_s is None


def test_each_strategy_stands_in_the_targets_line(facts: HostFacts) -> None:
    """With its own interval; where there is one alone, nothing is added."""
    told = predict_all([CROSS, replace(CROSS, id="else")], [sample()], None, 1)
    other = Instead(of=CROSS.id, prediction=predict(EMULATED, [sample()], None, 1))
    case = Case(facts=facts, measured=None, wanted=[], predictions=told, instead=[other])
    [line] = [each for each in doctor_text.lines(case, [], quick=True) if CROSS.id in each]
    [alone] = [each for each in doctor_text.lines(case, [], quick=True) if "  else " in each]

    assert "cross" in line.partition(";")[0]
    assert line.rpartition("; ")[2].startswith("emulated 20 min 0 s (")
    assert "emulated" not in alone
    assert other.to_json().keys() > {"of", "target", "strategy", "wall_s", "low_s", "high_s"}


def _recorded(reports: Path, cpu_model: str | None) -> list[Sample]:
    """The builds of a folder with one record, as they look where the CPU is `HERE`."""
    made = record(target("arm64"))
    assert made.conditions is not None
    made = replace(made, conditions=replace(made.conditions, cpu_model=cpu_model))
    folder = reports / "records" / made.target
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(records.to_json(made))
    return history.samples(reports, HERE)


@pytest.mark.parametrize(("cpu_model", "here"), [(HERE, True), (None, True), ("Z80", False)])
def test_a_record_of_another_cpu_is_another_hosts_build(
    tmp_path: Path, cpu_model: str | None, here: bool
) -> None:
    """As where a folder of reports was copied: its seconds are not taken for this host's."""
    [found] = _recorded(tmp_path, cpu_model)

    assert found.here is here
    [own] = history.of_this_host([found], Measured(native_s=2.0))
    assert own.reference_s == (2.0 if here else None)


def test_the_document_has_them_with_the_target_that_they_are_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`instead` of ``--json``, for whoever reads it by program."""
    made = project(
        tmp_path / "made", hello('"auto"'), {"hello.c": "int main(void) { return 0; }\n"}
    )
    there = tmp_path / "there.json"
    native = sample(target="hello-amd64-gcc", project="hello")
    document: dict[str, Any] = {"measured": {"native_s": 1.0}, "builds": [native.to_json()]}
    there.write_text(json.dumps(document))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/engine.sock")
    words = ["--manifest", str(made / "crossgate.toml"), "--report-dir", str(tmp_path / "out")]

    assert cli.main(["doctor", "--quick", "--json", "--from", str(there), *words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {each["of"]: each["target"] for each in told["instead"]} == {
        "hello-arm64-gcc": "hello-arm64-gcc-emulated",
        "hello-riscv64-gcc": "hello-riscv64-gcc-emulated",
    }
    by_id = {each["target"]: each["wall_s"] for each in told["predictions"]}
    assert all(each["wall_s"] > by_id[each["of"]] for each in told["instead"])
