"""What "auto" means on a host: decided by the model, kept, and followed the same everywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.core import auto, keys, manifest, targets, ways
from fixtures.core.auto import UNDECIDED, Auto, Decision
from fixtures.core.doctor import deciding
from fixtures.core.doctor.known import Sample, Wanted
from fixtures.core.doctor.measured import Files, Measured
from fixtures.core.errors import RecordError
from fixtures.core.targets import Choice, Strategy, Target
from fixtures.doctor import chosen
from fixtures.shared import Shared
from suites.selftest.harness import NATIVE, ROOT, environment, project

MANIFEST = b"""
[projects.demo]
source = { path = "." }
toolchain = "gcc"
architectures = ["amd64", "arm64", "riscv64"]
build = "make CC={cc}"
artifacts = ["demo"]
"""

LOCAL = Files(
    create_s=20e-6, stat_s=2e-6, read_s=10e-6, remove_s=10e-6, write_bytes_s=1e9, read_bytes_s=1e9
)
FAR = Files(
    create_s=3e-3, stat_s=1e-3, read_s=2e-3, remove_s=2e-3, write_bytes_s=1e8, read_bytes_s=1e8
)


def host(factor: float, **changed: Any) -> Measured:
    """A host whose emulator of arm64 takes so many times as long, whatever the work."""
    tasks = {"start": 0.001, "long": 0.05}
    emulated = {"arm64": {kind: took * factor for kind, took in tasks.items()}}
    values: dict[str, Any] = {"native_s": 0.1, "task_s": tasks, "emulated_task_s": emulated}
    return Measured(**{**values, **changed})


def wanted(architecture: str = "arm64", **changed: Any) -> Wanted:
    """A target of a project, as it is without a decision."""
    values = {
        "id": f"demo-{architecture}-gcc",
        "project": "demo",
        "architecture": architecture,
        "toolchain": "gcc",
        "strategy": "cross",
    }
    return Wanted(**{**values, **changed})


def decided(measured: Measured | None, before: Auto = UNDECIDED, *known: Sample) -> Auto:
    """The decisions for a project of one foreign architecture."""
    return deciding.decide([wanted("amd64"), wanted()], known, measured, "amd64", before)


def strategy(factor: float, before: str | None = None) -> str:
    """What is taken for arm64, after what was taken before."""
    held = {} if before is None else {"demo arm64": Decision(value=before, why="")}
    found = decided(host(factor), Auto(strategies=held)).strategy("demo", "arm64")
    assert found is not None
    return found.value


def expanded(decisions: Auto, text: bytes = MANIFEST, **choice: Any) -> dict[str, Target]:
    """The targets of the manifest by id, with decisions."""
    loaded = manifest.load(text, "crossgate.toml")
    every = targets.expand(loaded, "amd64", Choice(auto=decisions, **choice))
    return {each.id: each for each in every}


def test_nothing_is_decided_where_nothing_was_measured() -> None:
    """Without a doctor, and for a CPU that none of its containers had, the old rules hold."""
    measured = decided(host(20.0))

    assert decided(None) == UNDECIDED
    assert measured.strategy("demo", "arm64") is not None
    assert measured.strategy("demo", "riscv64") is None
    assert measured.strategy("demo", "amd64") is None
    assert decided(Measured()).strategies == {}


def test_another_manifests_decisions_are_kept_and_not_shown() -> None:
    """Two manifests that share a report folder do not make each other's targets flip."""
    other = Auto(strategies={"else arm64": Decision(value="emulated", why="it is")})
    found = decided(host(20.0), other)

    assert found.strategies.keys() == {"else arm64", "demo arm64"}
    assert found.of({"demo"}).strategies.keys() == {"demo arm64"}
    assert decided(host(20.0), found).strategies == found.strategies
    # Of a project that is asked for, what is no target any more is forgotten.
    stale = Auto(strategies={"demo s390x": Decision(value="emulated", why="it is")})
    assert "demo s390x" not in decided(host(20.0), stale).strategies


def test_a_slow_emulator_is_left_alone_and_the_reason_is_a_figure() -> None:
    """Twenty times a native build against a cross compiler's usual factor."""
    found = decided(host(20.0)).strategies["demo arm64"]

    assert found.value == "cross"
    assert found.why == "cross, as emulated is expected to take 15 × as long"


def test_a_quick_emulator_is_taken_by_a_clear_margin_alone() -> None:
    """As Rosetta may be; between the margins what was there stays, and a little moves nothing."""
    usual = 1.36
    assert strategy(usual / deciding.TAKE / 1.01) == "emulated"
    assert strategy(usual / deciding.TAKE * 1.01) == "cross"
    assert strategy(usual / deciding.LEAVE / 1.01, "emulated") == "emulated"
    assert strategy(usual / deciding.LEAVE * 1.01, "emulated") == "cross"
    assert strategy(usual / deciding.LEAVE / 1.01, "cross") == "cross"


def test_what_can_not_be_measured_this_time_stays_decided() -> None:
    """A busy host, where the emulator ran out of time, gives no targets other names."""
    held = Auto(
        strategies={
            "demo arm64": Decision(value="emulated", why="x"),
            "demo s390x": Decision(value="emulated", why="x"),
        },
        mount=Decision(value="volume", why="y"),
    )
    busy = decided(Measured(native_s=0.1), held)

    assert busy.strategies == {"demo arm64": Decision(value="emulated", why="x")}
    assert busy.mount == held.mount
    assert decided(None, held) == held


def test_what_was_built_both_ways_counts_more_than_what_is_usual() -> None:
    """A project whose cross builds take long here moves the decision for others."""
    native = Sample(
        target="o",
        project="other",
        architecture="amd64",
        toolchain="gcc",
        strategy="native",
        cpu_s=10.0,
        wall_s=10.0,
        cpus=1,
        foreign_load=0.0,
        started="2026-01-01T00:00:00Z",
    )
    crossed = replace(native, target="x", architecture="arm64", strategy="cross", cpu_s=40.0)

    assert decided(host(2.0)).strategies["demo arm64"].value == "cross"
    assert decided(host(2.0), UNDECIDED, native, crossed).strategies["demo arm64"].value == (
        "emulated"
    )


def mount(bind: Files, files: int | None, before: str | None = None) -> str | None:
    """The mount that is taken for a source of so many files."""
    held = Auto(mount=Decision(value=before, why="") if before else None)
    found = decided(host(20.0, bind=bind, volume=LOCAL, source_files=files), held).mount
    return found.value if found else None


def test_many_files_behind_a_slow_border_are_kept_in_a_volume() -> None:
    """What is copied each time costs seconds there; few files, or a local disk, do not."""
    assert mount(FAR, 5000) == "volume"
    assert mount(FAR, 50) == "copy"
    assert mount(LOCAL, 5000) == "copy"
    assert mount(FAR, None) is None


def test_a_mount_stays_until_hardly_anything_is_left_of_its_gain() -> None:
    """Taken at two seconds, left below one."""
    per_file = FAR.stat_s + FAR.read_s - LOCAL.stat_s - LOCAL.read_s
    files = round(1.5 / per_file)

    assert mount(FAR, files) == "copy"
    assert mount(FAR, files, "volume") == "volume"
    assert mount(FAR, round(0.5 / per_file), "volume") == "copy"


def test_targets_follow_the_decisions_and_say_why() -> None:
    """What is decided is done, for what the manifest leaves open alone."""
    decision = Decision(value="emulated", why="emulated, as cross is expected to take 2.0 times")
    volume = Decision(value="volume", why="volume: it is quicker")
    found = expanded(Auto(strategies={"demo arm64": decision}, mount=volume))
    plain = expanded(UNDECIDED)
    written = expanded(
        Auto(strategies={"demo arm64": decision}, mount=volume),
        MANIFEST.replace(b'path = "."', b'path = ".", mount = "copy"') + b'strategy = "cross"\n',
    )

    assert found["demo-arm64-gcc-emulated"].strategy is Strategy.EMULATED
    assert found["demo-arm64-gcc-emulated"].chosen == (
        f"auto: {decision.why}",
        f"auto: {volume.why}",
    )
    assert {each.ways.mount for each in found.values()} == {"volume"}
    assert found["demo-riscv64-gcc"].strategy is Strategy.CROSS
    assert {each.ways.mount for each in plain.values()} == {"copy"}
    assert written["demo-arm64-gcc"].strategy is Strategy.CROSS
    assert written["demo-arm64-gcc"].ways.mount == "copy"
    assert {each.chosen for each in (*written.values(), *plain.values())} == {()}


def test_a_command_line_stands_above_a_decision() -> None:
    """A strategy and a mount that were asked for are taken."""
    decisions = Auto(
        strategies={"demo arm64": Decision(value="emulated", why="x")},
        mount=Decision(value="volume", why="x"),
    )
    found = expanded(decisions, strategy="cross", ways=ways.Asked(mount="copy"))

    assert found["demo-arm64-gcc"].strategy is Strategy.CROSS
    assert found["demo-arm64-gcc"].ways.mount == "copy"


def test_a_bind_mount_gives_way_to_a_workspace_that_is_kept() -> None:
    """Both can't be had, and the workspace was asked for."""
    decisions = Auto(mount=Decision(value="bind", why="x"))
    cold, warm = expanded(decisions), expanded(decisions, warm=True)

    assert {each.ways.mount for each in cold.values()} == {"bind"}
    assert {(each.ways.mount, each.ways.workspace) for each in warm.values()} == {("copy", "kept")}


def test_a_decision_for_what_is_usual_leaves_every_key_as_it_was() -> None:
    """A record stays good when the doctor measured, and whichever mount it has decided on."""
    usual = Auto(
        strategies={"demo arm64": Decision(value="cross", why="cross, as …")},
        mount=Decision(value="volume", why="…"),
    )

    def parts(target: Target) -> dict[str, str]:
        return keys.parts(target, source="s", image="i")

    before, after = expanded(UNDECIDED), expanded(usual)
    assert {name: parts(each) for name, each in before.items()} == {
        name: parts(each) for name, each in after.items()
    }


def test_workers_follow_what_the_controller_read() -> None:
    """The decisions go over in the document that all workers get, as they are."""
    decisions = decided(host(20.0, bind=FAR, volume=LOCAL, source_files=5000))
    sent = Shared(run="r", workers=2, host="amd64", auto=decisions.to_json()).to_json()

    assert Shared.from_json(sent).decided() == decisions
    assert Shared(run="r", workers=1, host="amd64").decided() == UNDECIDED


def test_decisions_are_one_engines(tmp_path: Path) -> None:
    """What was decided for an engine is not followed on another, or another CPU."""
    decisions = decided(host(20.0))
    chosen.keep(tmp_path, "amd64", "unix:///a", decisions)

    assert chosen.load(tmp_path, "amd64", "unix:///a") == decisions
    assert chosen.load(tmp_path, "amd64", None) == decisions
    assert chosen.load(tmp_path, "amd64", "unix:///b") == UNDECIDED
    assert chosen.load(tmp_path, "arm64", "unix:///a") == UNDECIDED
    assert chosen.load(tmp_path / "none", "amd64", "unix:///a") == UNDECIDED


def test_plan_says_what_was_chosen_and_why(tmp_path: Path) -> None:
    """In text and as JSON, from the doctor's file in the folder of reports, without an engine."""
    foreign = "arm64" if NATIVE != "arm64" else "amd64"
    text = MANIFEST.decode().replace('"amd64", "arm64", "riscv64"', f'"{foreign}"')
    folder = project(tmp_path / "demo", text, {"demo.c": "int main(void) { return 0; }\n"})
    out = tmp_path / "out"
    decision = Decision(value="emulated", why="emulated, as cross is expected to take 2.0 times")
    decisions = Auto(
        strategies={f"demo {foreign}": decision}, mount=Decision(value="copy", why="copy: …")
    )
    chosen.keep(out, NATIVE, "unix:///a", decisions)

    def plan(*words: str) -> str:
        given = ["--manifest", str(folder / "crossgate.toml"), "--report-dir", str(out)]
        return subprocess.run(
            [sys.executable, "-m", "fixtures.cli.main", "plan", *given, *words],
            cwd=ROOT,
            env=environment(DOCKER_HOST=f"unix://{tmp_path}/nobody.sock"),
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        ).stdout

    assert f"auto: {decision.why}" in plan()
    assert "copy: …" not in plan()
    [target] = json.loads(plan("--json"))
    assert (target["strategy"], target["auto"]) == ("emulated", [f"auto: {decision.why}"])
    (out / chosen.FILE).unlink()
    [target] = json.loads(plan("--json"))
    assert (target["strategy"], target["auto"]) == ("cross", [])


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"schema": 1}', "[" * 100_000, '{"schema": 1, "architecture": "amd64"}'],
)
def test_a_damaged_file_decides_nothing(tmp_path: Path, text: str) -> None:
    """It is as if nobody had measured; no run ends for it."""
    (tmp_path / chosen.FILE).write_text(text)

    assert chosen.load(tmp_path, "amd64", None) == UNDECIDED


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        {"strategies": []},
        {"strategies": {"a b": {"value": "native", "why": ""}}},
        {"strategies": {"a b": {"value": "cross"}}},
        {"strategies": {}, "mount": {"value": "nfs", "why": ""}},
        {"strategies": {}, "cpus": 2},
        {"strategies": {}, "cpus": {"at_once": 0, "engine": 2}},
        {"strategies": {}, "cpus": {"at_once": True, "engine": 2}},
        {"strategies": {}, "cpus": {"at_once": 2, "engine": 2}},
        {"strategies": {}, "cpus": {"at_once": 1}},
        {"strategies": dict.fromkeys(map(str, range(10_001)))},
    ],
)
def test_a_decision_of_another_form_is_refused(raw: Any) -> None:
    """No strategy, mount or reason is taken from what is none."""
    with pytest.raises(RecordError):
        auto.from_json(raw)


def test_a_reason_is_harmless_on_a_terminal() -> None:
    """A file that anybody may have written shows no control character."""
    raw = {"strategies": {"a b": {"value": "cross", "why": "\x1b[31mred\n" + "x" * 1000}}}
    [found] = auto.from_json(json.loads(json.dumps(raw))).strategies.values()

    assert "\x1b" not in found.why
    assert "\n" not in found.why
    assert len(found.why) <= 330
