"""What a target would take by another strategy: which there are, and how that is told."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures import host
from fixtures.cli import doctor_text
from fixtures.cli import main as cli
from fixtures.core import record as records
from fixtures.core.auto import Auto, Decision
from fixtures.core.doctor import detect, snapshot
from fixtures.core.doctor.facts import HostFacts
from fixtures.core.doctor.findings import Case
from fixtures.core.doctor.measured import Measured
from fixtures.core.doctor.prediction import Instead, Sample, predict, predict_all
from fixtures.doctor import chosen, history, wanted
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
    assert "; emulated 20 min 0 s (" in line
    assert line.endswith("; from demo-amd64-gcc; emulation is not measured here)")
    assert "emulated" not in alone
    assert other.to_json().keys() > {"of", "target", "strategy", "wall_s", "low_s", "high_s"}


def _recorded(reports: Path, cpu_model: str | None, architecture: str) -> list[Sample]:
    """The builds of a folder with one record of amd64, as they look on a host named `HERE`."""
    made = record(target("arm64"))
    assert made.conditions is not None
    made = replace(made, conditions=replace(made.conditions, cpu_model=cpu_model))
    folder = reports / "records" / made.target
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(records.to_json(made))
    return history.samples(reports, {"cpu": HERE, "architecture": architecture})


@pytest.mark.parametrize(
    ("cpu_model", "architecture", "here"),
    [
        (HERE, "amd64", True),
        (None, "amd64", True),
        ("Z80", "amd64", False),
        # Where no CPU has a name, as on many an ARM.
        (None, "arm64", False),
    ],
)
def test_a_record_of_another_cpu_is_another_hosts_build(
    tmp_path: Path, cpu_model: str | None, architecture: str, here: bool
) -> None:
    """As where a folder of reports was copied: its seconds are not taken for this host's."""
    [found] = _recorded(tmp_path, cpu_model, architecture)

    assert found.here is here
    [own] = history.of_this_host([found], Measured(native_s=2.0))
    assert own.reference_s == (2.0 if here else None)


def test_a_strategy_that_can_not_be_had_keeps_no_target_from_being_told(
    tmp_path: Path, facts: HostFacts
) -> None:
    """What the manifest does not ask for may be a mistake: then there is no other strategy."""
    text = hello('"auto"') + 'cache = "ccache"\n[projects.hello.overrides.emulated]\n'

    assert others(tmp_path, facts, f'{text}toolchain = "rust"\n') == {}


def test_what_a_cpu_runs_by_itself_is_not_emulated() -> None:
    """A container for 386 on amd64 takes what a native one does, though it counts as emulated."""
    native = sample(target="demo-amd64-gcc", architecture="amd64")
    foreign = replace(EMULATED, id="demo-386-gcc-emulated", architecture="386")
    tasks = {"start": 0.001, "long": 0.05}
    twenty = {kind: took * 20 for kind, took in tasks.items()}
    slow = Measured(native_s=1.0, task_s=tasks, emulated_task_s={"arm64": twenty})
    told = predict(foreign, [native], slow, 1)

    assert told.wall_s == pytest.approx(native.wall_s)
    assert predict(EMULATED, [native], None, 1).why.endswith("emulation is not measured here")
    assert "measured" not in told.why


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Runs a doctor on a manifest, without an engine, on a host that is what a test says."""
    machine: dict[str, Any] = {}
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/engine.sock")
    monkeypatch.setattr(host, "cpu_model", lambda: machine["cpu"])

    def run(made: Path, out: Path, *words: str, cpu: str = HERE) -> dict[str, Any]:
        machine["cpu"] = cpu
        given = ["--manifest", str(made / "crossgate.toml"), "--report-dir", str(out), *words]
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            assert cli.main(["doctor", "--json", *given]) == 0
        found = json.loads(shown.getvalue())
        assert isinstance(found, dict)
        return found

    return run


def _made(folder: Path, name: str) -> Path:
    """A project for all CPUs that are foreign here, and for its own."""
    text = hello('"auto"').replace("projects.hello", f"projects.{name}")
    return project(folder / name, text, {"hello.c": "int main(void) { return 0; }\n"})


def _native(name: str, **changed: Any) -> Sample:
    own = host.architecture() or "amd64"
    return sample(
        **{"target": f"{name}-{own}-gcc", "project": name, "architecture": own, **changed}
    )


def _document(file: Path, *builds: Sample) -> str:
    document = {"measured": {"native_s": 1.0}, "builds": [each.to_json() for each in builds]}
    file.write_text(json.dumps(document))
    return str(file)


def test_the_document_has_them_with_the_target_that_they_are_of(
    tmp_path: Path, alone: Callable[..., dict[str, Any]]
) -> None:
    """`instead` of ``--json``, for whoever reads it by program."""
    made = _made(tmp_path, "hello")
    there = _document(tmp_path / "there.json", _native("hello"))
    told = alone(made, tmp_path / "out", "--quick", "--from", there)

    foreign = {"arm64", "riscv64"} - {host.architecture()}
    wanted = {f"hello-{name}-gcc": f"hello-{name}-gcc-emulated" for name in foreign}
    found = {each["of"]: each["target"] for each in told["instead"]}
    assert found.items() >= wanted.items()
    by_id = {each["target"]: each["wall_s"] for each in told["predictions"]}
    assert all(each["wall_s"] > by_id[each["of"]] for each in told["instead"])


def test_both_strategies_are_kept_to_be_checked_and_another_manifest_takes_none(
    tmp_path: Path, alone: Callable[..., dict[str, Any]]
) -> None:
    """A build that came meanwhile is told by the doctor of its own manifest, however late."""
    one, other, out = _made(tmp_path, "hello"), _made(tmp_path, "else"), tmp_path / "out"
    there = _document(tmp_path / "there.json", _native("hello"), _native("else"))
    alone(one, out, "--from", there)
    kept = {target: made for made, target in _kept(out)}
    built = replace(record(target("riscv64")), target="hello-riscv64-gcc-emulated")
    assert built.conditions is not None
    assert built.execution is not None
    built = replace(
        built,
        project="hello",
        strategy="emulated",
        started="2999-01-01T00:00:00Z",
        conditions=replace(built.conditions, cpu_model=HERE),
        execution=replace(built.execution, engine_architecture=host.architecture() or "amd64"),
    )
    folder = out / "records" / built.target
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(records.to_json(built))
    elsewhere = alone(other, out, "--from", there)
    own = alone(one, out, "--from", there)

    assert {"hello-riscv64-gcc", "hello-riscv64-gcc-emulated"} <= kept.keys()
    assert json.loads((out / history.FILE).read_bytes())["host"]["cpu"] == HERE
    assert elsewhere["checked"] == []
    assert [each["target"] for each in own["checked"]] == [built.target]


def _kept(out: Path) -> list[tuple[str, str]]:
    _, found = history.load(out)
    return [(made, each.target) for made, each in found]


def test_a_doctor_takes_nothing_that_another_cpu_left(
    tmp_path: Path, alone: Callable[..., dict[str, Any]]
) -> None:
    """Measurements, builds and decisions, all in one folder that is carried to another host."""
    made, out = _made(tmp_path, "hello"), tmp_path / "out"
    foreign = "riscv64" if host.architecture() != "riscv64" else "arm64"
    _recorded(out, HERE, "amd64")
    taken = Measured(native_s=1.0)
    own = host.architecture()
    history.keep(out, taken, [], [], [], place={"cpu": HERE, "architecture": own, "engine": "a"})
    decision = Decision(value="emulated", why="it is")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(host, "cpu_model", lambda: HERE)
        both = {f"{project} {foreign}": decision for project in ("hello", "else")}
        chosen.keep(out, None, "a", Auto(strategies=both))
    here, there = alone(made, out, "--quick"), alone(made, out, "--quick", cpu="Z80")

    assert here["measured"]["native_s"] == 1.0
    assert here["auto"]["strategies"].keys() == {f"hello {foreign}"}
    assert f"hello-{foreign}-gcc-emulated" in {each["target"] for each in here["predictions"]}
    # What is decided is the target's own strategy, and cross is the other one.
    decided = [each["of"] for each in here["instead"] if each["target"] == f"hello-{foreign}-gcc"]
    assert decided == [f"hello-{foreign}-gcc-emulated"]
    assert there["measured"] is None
    assert there["auto"]["strategies"] == {}
    assert {each["here"] for each in there["builds"]} == {False}
    if own == "amd64":
        assert {each["here"] for each in here["builds"]} == {True}


def test_without_an_engine_measurements_stay_those_of_theirs(
    tmp_path: Path, alone: Callable[..., dict[str, Any]]
) -> None:
    """A doctor that can't measure writes what it foretells, and no other host's name."""
    made, out = _made(tmp_path, "hello"), tmp_path / "out"
    place = {"cpu": HERE, "architecture": host.architecture(), "engine": "unix:///a"}
    history.keep(out, Measured(native_s=1.0), [], [], [], place=place)
    alone(made, out)

    assert json.loads((out / history.FILE).read_bytes())["host"] == place
    assert history.load(out, place={**place, "engine": "unix:///b"}) == (None, [])


def test_a_build_of_a_third_host_is_not_scaled_by_the_second_ones_reference(
    tmp_path: Path,
) -> None:
    """A document may hold builds of another host than its own: what that measures is unknown."""
    file = tmp_path / "there.json"
    name = _document(file, _native("hello"), _native("hello", here=False))

    assert [each.reference_s for each in history.others([name])] == [1.0, None]


def test_a_socket_has_one_name_whatever_links_lead_to_it(tmp_path: Path) -> None:
    """/var/run is a link to /run on most systems."""
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "run")
    one, other = (f"unix://{tmp_path / name}/engine.sock" for name in ("run", "link"))

    assert chosen.one_name(one) == chosen.one_name(other)
    assert chosen.one_name("tcp://link:1") == "tcp://link:1"
    chosen.keep(tmp_path, "amd64", one, Auto(mount=Decision(value="bind", why="it is")))
    assert chosen.load(tmp_path, "amd64", other).mount is not None
    assert chosen.load(tmp_path, "amd64", "unix:///b").mount is None
