"""What the doctor says of a host: each rule speaks where it should, and nowhere else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.cli import doctor_text
from fixtures.core.auto import Auto, Decision
from fixtures.core.doctor import cores, detect, guide, judge, rules_cpus, snapshot, tables
from fixtures.core.doctor.facts import Backend, HostFacts
from fixtures.core.doctor.findings import Case, Finding, Gain, Severity
from fixtures.core.doctor.measured import Files, Measured
from fixtures.core.doctor.prediction import Instead, Prediction, Wanted
from fixtures.core.doctor.rules_files import GIB
from fixtures.core.profiles import BUILT_IN, Profile

HOSTS: Final = Path(__file__).with_name("hosts")
FAST: Final = Files(
    create_s=1e-5, stat_s=1e-6, read_s=1e-5, remove_s=1e-5, write_bytes_s=1e9, read_bytes_s=1e9
)
SLOW: Final = Files(
    create_s=14e-5, stat_s=14e-6, read_s=14e-5, remove_s=14e-5, write_bytes_s=1e8, read_bytes_s=1e8
)


def facts(name: str, **changed: Any) -> HostFacts:
    """The facts of a recorded host; `changed` are keys of its snapshot."""
    raw = json.loads((HOSTS / f"{name}.json").read_bytes())["snapshot"]
    return detect.detect(snapshot.from_json({**raw, **changed}))


def wanted(name: str = "demo-arm64-gcc", **changed: Any) -> Wanted:
    """A target, cross-compiled unless that is changed."""
    values = {"project": "demo", "architecture": "arm64", "toolchain": "gcc", "strategy": "cross"}
    return Wanted(id=name, **{**values, "memory_bytes": GIB, **changed})


def foretold(seconds: float, name: str = "demo-arm64-gcc") -> Prediction:
    """A prediction of some seconds."""
    return Prediction(
        target=name,
        strategy="cross",
        why="",
        cpus=2,
        cpu_s=seconds,
        wall_s=seconds,
        low_s=seconds,
        high_s=seconds,
    )


def case(
    host: HostFacts,
    *targets: Wanted,
    measured: Measured | None = None,
    predictions: tuple[Prediction, ...] = (),
) -> Case:
    """All that findings are made from."""
    return Case(facts=host, measured=measured, wanted=targets, predictions=predictions)


def said(case_: Case) -> dict[str, Finding]:
    """The findings by id."""
    return {each.id: each for each in judge.find(case_)}


def test_a_plain_linux_has_nothing_to_mend() -> None:
    """With disk, memory and handlers that do, nothing is found: silence is what it should be."""
    host = facts("vm-of-an-image")
    emulated = wanted("demo-arm64-gcc-emulated", strategy="emulated")

    assert said(case(host, wanted(), emulated)) == {}


@pytest.mark.parametrize(
    ("name", "id_", "change"),
    [
        ("docker-desktop-wsl2", "source-slow", "move the source inside WSL"),
        ("engine-wsl2", "source-slow", "move the source inside WSL"),
        ("docker-desktop-mac-vz", "source-slow", 'source.mount = "volume"'),
        ("colima-qemu", "source-slow", "VirtioFS"),
        ("fuse-source", "source-slow", "local disk"),
        ("rootless-vfs", "storage-driver", "overlay2"),
        ("quota-v1", "quota", "--cpus 2"),
        ("quota-v2-nested", "engine-missing", "usermod -aG docker"),
        ("quota-v2-nested", "quota", "CPUQuota=800%"),
        ("colima", "engine-cpus", "colima start --cpu 8"),
        ("podman-machine", "engine-cpus", "podman machine set --cpus 10"),
        ("rancher-desktop", "engine-cpus", "number-cpus 8"),
        ("docker-desktop-linux", "backend", "docker context use default"),
        ("docker-desktop-mac-qemu", "backend", "Apple Virtualization framework"),
        ("colima-qemu", "no-buildkit", "buildx"),
    ],
)
def test_each_host_gets_its_advice(name: str, id_: str, change: str) -> None:
    """What is slow on a recorded host is found, with the change that mends it there."""
    found = said(case(facts(name), wanted()))

    assert change in found[id_].change, found


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("docker-desktop-wsl2-inside", "source-slow"),
        ("remote-ssh", "source-slow"),
        ("remote-ssh", "engine-cpus"),
        ("vm-of-an-image", "quota"),
        ("rootless-vfs", "source-slow"),
        ("podman-machine", "no-buildkit"),
        ("docker-desktop-mac-vz", "no-handler-arm64"),
        ("docker-desktop-container", "backend"),
    ],
)
def test_no_host_gets_anothers_advice(name: str, id_: str) -> None:
    """What a host has not got is not found on it."""
    emulated = wanted("e", strategy="emulated")

    assert id_ not in said(case(facts(name), wanted(), emulated))


@pytest.mark.parametrize(
    ("name", "protocol"),
    [("colima", "virtiofs"), ("colima-qemu", "9p"), ("engine-wsl2", "9p"), ("fuse-source", "")],
)
def test_a_slow_source_is_told_with_what_the_laboratory_measured(name: str, protocol: str) -> None:
    """Beside what is usual stands what the mount's protocol alone costs, where it was measured."""
    evidence = said(case(facts(name), wanted()))["source-slow"].evidence
    measured = tables.file_systems()[protocol].laboratory if protocol else None

    assert ("by the protocol alone" in evidence) == bool(protocol)
    if protocol:
        assert measured is not None
        assert f" ({measured[0]:g}–{measured[1]:g} times by the protocol alone: " in evidence


@pytest.mark.parametrize("limits", [{"quota": 1.0}, {"affinity": 1}])
def test_what_limits_this_process_alone_is_worth_no_minute_of_a_build(
    limits: dict[str, Any],
) -> None:
    """Builds are the engine's containers: a gain only where there is none, or they are in it."""
    host = facts("vm-of-an-image")
    [name] = limits

    def found(**changed: Any) -> dict[str, Finding]:
        cpu = replace(host.cpu, count=2, affinity=2, quota=None, engine=2)
        return said(case(replace(host, cpu=replace(cpu, **{**limits, **changed})), wanted()))

    beside, without, within = found()[name], found(engine=None)[name], found(engine_quota=1.0)

    assert (beside.severity, beside.gain.words) == (Severity.NOTE, "")
    assert "builds are not under it" in beside.title
    assert beside.change.startswith("nothing, for builds")
    assert without.gain.words == "25–50 %"
    assert name not in within
    assert within["engine-capped"].gain.words == "25–50 %"
    assert all("`--cpus` no higher" not in each.change for each in (beside, without))
    assert name not in found(engine=1)


@pytest.mark.parametrize(
    ("tried", "contained", "change"),
    [
        (("Docker: unix:///var/run/docker.sock: no such socket",), False, "systemctl start docker"),
        (("Docker: unix:///var/run/docker.sock: no such socket",), True, "docker run -v /var/run/"),
        (("Docker: unix:///var/run/docker.sock: permission denied",), False, "usermod -aG docker"),
        (("Docker: unix:///var/run/docker.sock: permission denied",), True, "--group-add"),
        (
            (
                "Docker: unix:///var/run/docker.sock: [Errno 111] Connection refused",
                "Podman: unix:///run/podman/podman.sock: permission denied",
            ),
            False,
            "systemctl start docker",
        ),
        (
            (
                "Docker: unix:///var/run/docker.sock: no such socket",
                "Podman: unix:///run/podman/podman.sock: permission denied",
            ),
            False,
            "systemctl --user start podman.socket",
        ),
        (("DOCKER_HOST: tcp://h:1: timed out",), True, "unset DOCKER_HOST"),
    ],
)
def test_a_missing_engine_is_looked_for_where_it_would_be_used(
    tried: tuple[str, ...], contained: bool, change: str
) -> None:
    """By the first address that is there; a container has no services that could be started."""
    host = facts("vm-of-an-image", info=None, version=None, address=None, tried=tried)

    assert change in said(case(replace(host, in_container=contained)))["engine-missing"].change


def test_measured_files_outweigh_what_mounts_are_known_for() -> None:
    """A drive of Windows that is measured as quick is no finding; a slow disk is one."""
    host, disk = facts("docker-desktop-wsl2"), facts("vm-of-an-image")
    quick = Measured(bind=FAST, volume=FAST)
    slow = Measured(bind=SLOW, volume=FAST)

    assert "source-slow" not in said(case(host, wanted(), measured=quick))
    assert "14.0 times" in said(case(disk, wanted(), measured=slow))["source-slow"].evidence


def test_a_source_that_is_no_folder_is_not_judged() -> None:
    """A project that is fetched, or kept in a volume, has no way through the mount."""
    host = facts("docker-desktop-wsl2")

    assert "source-slow" not in said(case(host, wanted(has_path=False)))


def test_a_full_disk_stops_builds_and_a_nearly_full_one_is_noted() -> None:
    """Below one image's size nothing can be made; below what all need it is only said."""

    def disk(free: int) -> Finding | None:
        place = {"path": "/var/lib/docker", "total_bytes": 100 * GIB, "free_bytes": free}
        host = facts("vm-of-an-image", places={"source": {"path": "/w"}, "engine": place})
        targets = [wanted(str(n), architecture=str(n)) for n in range(4)]
        return said(case(host, *targets)).get("disk-full")

    full, nearly, enough = disk(GIB // 2), disk(5 * GIB), disk(50 * GIB)

    assert full is not None
    assert full.severity is Severity.STOPS
    assert full.change.startswith("./crossgate clean")
    assert "--volumes" not in full.change
    assert "other projects" in full.change
    assert nearly is not None
    assert nearly.severity is Severity.NOTE
    assert enough is None


def test_a_disk_stops_nothing_that_needs_no_more_of_it() -> None:
    """Where each image is there, a GiB is enough; where nothing can be written, it is full."""

    def disk(free: int, built: bool) -> dict[str, Finding]:
        place = {"path": "/var/lib/docker", "total_bytes": 100 * GIB, "free_bytes": free}
        host = facts("vm-of-an-image", places={"source": {"path": "/w"}, "engine": place})
        target = wanted()
        return said(replace(case(host, target), built={target.id: None} if built else {}))

    assert disk(GIB, built=False)["disk-full"].severity is Severity.STOPS
    assert "disk-full" not in disk(GIB, built=True)
    assert disk(GIB // 8, built=True)["disk-full"].severity is Severity.STOPS


def test_a_small_tmpfs_is_not_full_by_being_small() -> None:
    """What counts is how much of it is left; and of what is full, the guide knows too."""
    mounts = "1 0 254:0 / / rw - ext4 /dev/vda rw\n2 1 0:99 / /tmp rw - tmpfs none rw\n"

    def small(free: int) -> Case:
        places = {
            "source": {"path": "/work"},
            "engine": {"path": "/var/lib/docker", "free_bytes": 90 * GIB},
            "temporary": {"path": "/tmp", "total_bytes": GIB // 8, "free_bytes": free},
        }
        files = {"/proc/self/mountinfo": mounts}
        return case(facts("vm-of-an-image", places=places, files=files), wanted())

    empty, full = small(GIB // 8), small(0)
    assert said(empty) == {}
    assert all(each.command for each in guide.choose(empty))
    assert said(full)["disk-full-temporary"].severity is Severity.STOPS
    assert {each.environment for each in guide.choose(full)} == {guide._HOSTED}


def test_what_stops_emulated_builds_alone_leaves_the_others_where_they_are() -> None:
    """Without a handler a native build is still made here."""
    host = replace(facts("vm-of-an-image"), handlers=(), setup=False)
    choices = guide.choose(case(host, wanted(), wanted("e", strategy="emulated")))

    assert all(each.command for each in choices)


def test_a_full_folder_for_reports_is_told_from_the_engines() -> None:
    """The place that is full is named, with the option that moves it."""
    places = {
        "source": {"path": "/work"},
        "engine": {"path": "/var/lib/docker", "free_bytes": 90 * GIB},
        "reports": {"path": "/mnt/full", "free_bytes": 0},
    }
    mounts = (
        "1 0 254:0 / / rw - ext4 /dev/vda rw\n2 1 0:99 / /mnt/full rw - tmpfs none rw,size=1024k\n"
    )
    files = {"/proc/self/mountinfo": mounts}
    found = said(case(facts("vm-of-an-image", places=places, files=files), wanted()))

    assert "--report-dir" in found["disk-full-reports"].change
    assert "disk-full" not in found


def test_foreign_cpus_need_a_handler_that_works_in_containers() -> None:
    """None, one without F, one with it: said, said, and nothing; each by its own words."""
    targets = [
        wanted("e", strategy="emulated"),
        wanted("r", strategy="emulated", architecture="riscv64"),
    ]
    found = said(case(facts("vm-of-an-image"), *targets))
    loose = said(case(facts("engine-wsl2"), *targets))

    assert set(found) == {"no-handler-riscv64"}
    assert "binfmt --install riscv64" in found["no-handler-riscv64"].change
    assert {"handler-not-fixed-arm64", "no-handler-riscv64"} <= set(loose)
    assert "without F" in loose["handler-not-fixed-arm64"].evidence
    assert "no-handler-arm64" not in said(case(facts("vm-of-an-image"), wanted()))


def test_a_handler_that_is_missing_stops_where_crossgate_may_register_none() -> None:
    """A rootful engine lets it; a rootless one does not, nor who wants nothing to be set up."""
    host = replace(facts("vm-of-an-image"), handlers=())
    target = wanted("e", strategy="emulated")
    assert host.engine is not None
    rootless = replace(host, engine=replace(host.engine, rootless=True))
    never = replace(facts("vm-of-an-image", environment={"CROSSGATE_SETUP": "never"}), handlers=())

    found = said(case(host, target))["no-handler-arm64"]
    assert found.severity is Severity.NOTE
    assert found.change.startswith("nothing: ./crossgate verify registers")
    for each in (rootless, never):
        found = said(case(each, target))["no-handler-arm64"]
        assert found.severity is Severity.STOPS
        assert "./crossgate verify" not in found.change
        assert "sudo mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc" in found.change


@pytest.mark.parametrize(
    ("architecture", "name"),
    [("armv7", "arm"), ("armv5", "arm"), ("s390x", "s390x"), ("hppa", None), ("386", None)],
)
def test_what_registers_a_handler_knows_the_architecture_by_its_name(
    architecture: str, name: str | None
) -> None:
    """Of an image that does not know one it is not told; and amd64 runs 386 by itself."""
    found = said(
        case(facts("vm-of-an-image"), wanted("e", strategy="emulated", architecture=architecture))
    )
    change = found[f"no-handler-{architecture}"].change if architecture != "386" else ""

    assert change.endswith(f"tonistiigi/binfmt --install {name}") == (name is not None)
    assert found.keys() == ({f"no-handler-{architecture}"} if architecture != "386" else set())


def test_memory_is_held_against_builds_at_once() -> None:
    """As many builds as there are CPUs are counted, by their limits; none is stopped by that."""
    host = facts("podman-machine")
    big = [wanted(str(n), memory_bytes=4 * GIB) for n in range(8)]
    small = [wanted(str(n), memory_bytes=GIB // 8) for n in range(8)]

    found = said(case(host, *big))["memory"]
    assert found.severity is Severity.NOTE
    assert found.title == "one build may take more memory than there is, and be killed"
    assert "verify -n 1" in found.change
    assert "cpus = 1" in found.change
    assert "a lower" not in found.change
    one = said(case(host, big[0]))["memory"]
    assert "-n" not in one.change.split()
    assert "memory" not in said(case(host, *small))
    assert "limit" not in one.evidence.replace("its limit", "")
    # Half of a CPU that a quota leaves is a build more.
    some = replace(host, cpu=replace(host.cpu, engine_quota=1.5))
    two = [wanted(str(n), memory_bytes=GIB // 2) for n in range(8)]
    assert "memory for 1 of 2 builds" in said(case(some, *two))["memory"].title
    limited = replace(host, memory=replace(host.memory, engine_limit_bytes=GIB * 3 // 2))
    under = said(case(limited, *(wanted(str(n), memory_bytes=GIB) for n in range(8))))["memory"]
    assert "1.50 GiB by a limit above the engine's containers for" in under.evidence
    assert "MemoryMax" in under.change
    mixed = said(case(host, *(wanted(str(n), memory_bytes=GIB // 2) for n in range(8))))
    assert "memory for 1 of 5 builds" in mixed["memory"].title
    assert "-n 1" in mixed["memory"].change
    assert guide.choose(case(host, *big))[0].command


def test_what_builds_took_outweighs_what_they_may_take() -> None:
    """A limit is no need: by the peak of a recorded build, no higher than that limit."""
    host = facts("podman-machine")
    targets = [wanted(str(n), memory_bytes=4 * GIB) for n in range(8)]

    def found(peak: int) -> Finding | None:
        built = {each.id: peak for each in targets}
        return said(replace(case(host, *targets), built=built)).get("memory")

    high = found(GIB // 2)
    assert found(GIB // 16) is None
    assert high is not None
    assert "took here" in high.evidence
    assert "512.00 MiB" in high.evidence


def test_emulation_that_could_be_a_cross_compiler_is_worth_its_minutes() -> None:
    """The gain is from the factor measured here, and none where it can't be avoided."""
    host = facts("vm-of-an-image")
    target = wanted("e", strategy="emulated", could_cross=True)
    ten = Measured(native_s=1.0, emulated_s={"arm64": 12.0})
    found = said(case(host, target, measured=ten, predictions=(foretold(600, "e"),)))["emulated"]

    assert found.gain.minutes is not None
    assert found.gain.minutes[0] < 9.0 < found.gain.minutes[1]
    assert "12.0 (measured)" in found.evidence
    assert "emulated" not in said(case(host, replace(target, could_cross=False)))


def test_what_is_emulated_because_it_is_quicker_stays_so() -> None:
    """Neither what `auto` took nor what was measured as quick as cross is told to change."""
    host = facts("vm-of-an-image")
    target = wanted("e", strategy="emulated", could_cross=True)
    asked = case(host, target, measured=Measured(native_s=1.0, emulated_s={"arm64": 12.0}))

    def auto(value: str) -> Auto:
        return Auto(strategies={"demo arm64": Decision(value=value, why="")})

    assert "emulated" in said(asked)
    assert "emulated" in said(replace(asked, auto=auto("cross")))
    assert "emulated" not in said(replace(asked, auto=auto("emulated")))
    quick = replace(asked, measured=Measured(native_s=1.0, emulated_s={"arm64": 1.0}))
    assert "emulated" not in said(quick)


def test_cpus_that_stay_idle_are_capped_from_above() -> None:
    """A quota that nobody sees shows in idle CPUs; other load shows in busy ones, and is none."""
    host = facts("vm-of-an-image")
    capped = Measured(cpus=2, speed_up=1.0, idle=0.5)
    busy = Measured(cpus=2, speed_up=1.0, idle=0.0)

    assert "engine-capped" in said(case(host, wanted(), measured=capped))
    assert "engine-capped" not in said(case(host, wanted(), measured=busy))


@pytest.mark.parametrize(
    ("name", "usable", "of"), [("engine-quota-v1", 1.0, 2), ("engine-quota-v2", 1.5, 8)]
)
def test_a_quota_above_the_engine_is_said_and_counted(name: str, usable: float, of: int) -> None:
    """The engine's own number of CPUs is not what its builds get, nor what is foretold by."""
    host = facts(name)
    found = said(case(host, wanted()))["engine-capped"]
    open_ = replace(host, cpu=replace(host.cpu, engine_quota=float(of)))

    assert found.title == f"the engine has {of} CPUs, and its builds may use {usable:.1f} of them"
    assert cores.for_builds(host.cpu, None) == usable
    assert "quota" not in said(case(host, wanted()))
    assert f"builds on {cores.at_once(usable)} at once" in found.change
    nearly = replace(host, cpu=replace(host.cpu, engine_quota=of - 0.1))
    assert "at once" not in said(case(nearly, wanted()))["engine-capped"].change
    held = replace(host, cpu=replace(host.cpu, engine_quota=None, engine_held=1))
    assert "an earlier doctor" in said(case(held, wanted()))["engine-capped"].evidence
    assert "builds on 1 at once" in said(case(held, wanted()))["engine-capped"].change
    assert "engine-capped" not in said(case(open_, wanted()))


def test_what_was_measured_counts_where_it_is_less_than_what_is_said() -> None:
    """A quota that no file shows is known by the CPUs that it leaves idle; never more than are."""
    host = facts("vm-of-an-image")
    capped = Measured(cpus=2, speed_up=1.04, idle=0.48)
    busy = Measured(cpus=2, speed_up=1.04, idle=0.02)
    free = Measured(cpus=2, speed_up=1.98, idle=0.01)

    assert cores.for_builds(host.cpu, capped) == pytest.approx(1.04)
    assert cores.for_builds(host.cpu, busy) == 2
    assert cores.for_builds(host.cpu, free) == 2
    assert cores.for_builds(replace(host.cpu, engine=None, count=None, affinity=None), None) is None
    assert "may use 1" in "\n".join(doctor_text.lines(case(host, measured=capped), [], quick=False))
    assert "may use" not in "\n".join(doctor_text.lines(case(host, measured=busy), [], quick=False))


def test_the_network_is_judged_by_what_is_named() -> None:
    """A proxy without certificates is noted, a bundle that is not there stops."""

    def network(**environment: str) -> set[str]:
        return set(said(case(facts("vm-of-an-image", environment=environment))))

    assert network(HTTPS_PROXY="http://p:1") == {"proxy-without-certificates"}
    assert network(HTTPS_PROXY="http://p:1", SSL_CERT_FILE="/none") == {
        "certificates-missing-ssl_cert_file"
    }
    assert network() == set()


def test_findings_come_by_what_they_save() -> None:
    """What stops is first; then minutes decide, not the order of the rules."""
    host = facts("docker-desktop-wsl2")
    host = replace(host, handlers=(), setup=False, cpu=replace(host.cpu, engine=2))
    target = wanted("e", strategy="emulated", could_cross=True)
    found = judge.find(case(host, target, predictions=(foretold(6000, "e"),)))
    order = [each.id for each in found]

    assert order[0] == "no-handler-arm64"
    assert order.index("emulated") < order.index("source-slow")
    assert "cold" in order
    gains = [each.gain.order for each in found if each.severity is not Severity.STOPS]
    assert gains == sorted(gains, reverse=True)


def test_a_note_that_saves_more_comes_before_what_is_slow() -> None:
    """The name of a finding's kind weighs nothing against its minutes."""
    host = facts("docker-desktop-linux")
    order = [each.id for each in judge.find(case(host, wanted(), predictions=(foretold(600),)))]

    assert order.index("cold") < order.index("backend")


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (Gain(minutes=(0.01, 0.04)), ""),
        (Gain(minutes=(0.01, 0.06)), "0.0–0.1 minutes"),
        (Gain(percent=(0.1, 0.4)), ""),
        (Gain(percent=(0.0, 7.0)), "0–7 %"),
        (Gain(), ""),
    ],
)
def test_a_gain_that_rounds_to_nothing_is_none(gain: Gain, words: str) -> None:
    """Nobody is told that a change saves 0.0 minutes, and it comes before nothing."""
    assert gain.words == words
    assert bool(gain.order) == bool(words)


@pytest.mark.parametrize("file", sorted(HOSTS.glob("*.json")), ids=lambda file: str(file.stem))
def test_every_finding_is_whole_on_every_host(file: Path) -> None:
    """Title, evidence and change are there, as JSON too, whatever the host."""
    targets = [wanted(), wanted("e", strategy="emulated", could_cross=True)]
    for found in judge.find(case(facts(file.stem), *targets)):
        assert all((found.title, found.evidence, found.change))
        json.dumps(found.to_json())


def test_the_guide_knows_where_nothing_can_be_built() -> None:
    """Without an engine every choice is another place; with one, most are here, with their time."""
    without = guide.choose(case(facts("quota-v2-nested"), wanted()))
    here = guide.choose(case(facts("vm-of-an-image"), wanted(), predictions=(foretold(120),)))

    assert {each.environment for each in without} == {guide._HOSTED}
    assert [each.situation for each in here] == [each.situation for each in without]
    assert {each.situation: each.minutes for each in here}["before a merge"] == 2.0


def test_the_guides_minutes_are_those_of_its_commands() -> None:
    """A profile's targets alone; cross where the command says so; none of a warm build."""
    every = {
        "n": wanted("n", architecture="amd64", strategy="native"),
        "c": wanted("c"),
        "e": wanted("e", strategy="emulated"),
        "s": wanted("s", architecture="s390x"),
    }

    def minutes(*names: str, **changed: Any) -> dict[str, float | None]:
        told = tuple(foretold(60, name) for name in every)
        asked = case(facts("vm-of-an-image"), *map(every.__getitem__, names), predictions=told)
        choices = guide.choose(replace(asked, **changed))
        return {each.command.split(" --")[1]: each.minutes for each in choices if each.minutes}

    assert minutes("n", "c", "s") == {"profile pr": 2.0, "profile release": 3.0}
    assert minutes("n", "c", "e") == {"profile pr": 2.0, "profile release": 3.0}
    assert minutes("n", "e") == {"profile release": 2.0}
    own = {**BUILT_IN, "pr": Profile(architectures=("s390x",))}
    assert minutes("n", "c", "s", profiles=own)["profile pr"] == 1.0
    [daily, *_] = guide.choose(
        case(facts("vm-of-an-image"), every["n"], predictions=(foretold(60, "n"),))
    )
    assert "cold it takes 60.0 s" in daily.why


def test_the_guide_says_what_emulation_would_take_where_all_of_it_is_foretold() -> None:
    """By a target's other strategy, or by the twin that is one; native ones are in neither."""
    targets = (
        wanted("n", architecture="amd64", strategy="native"),
        wanted("c"),
        wanted("s", architecture="s390x"),
        wanted("e", strategy="emulated"),
    )
    told = tuple(
        foretold(seconds, name) for name, seconds in zip("ncse", (7, 8, 9, 60), strict=True)
    )
    other = replace(foretold(120, "s-emulated"), strategy="emulated")
    instead = (Instead(of="s", prediction=other),)
    own = {**BUILT_IN, "pr": Profile(architectures=("amd64", "arm64", "s390x"))}
    asked = replace(
        case(facts("vm-of-an-image"), *targets, predictions=told), profiles=own, instead=instead
    )

    def why(asked: Case) -> str:
        return {each.situation: each.why for each in guide.choose(asked)}["before a merge"]

    assert "those of other CPUs would take 3 min 0 s in all" in why(asked)
    of_386 = wanted("i", architecture="386", toolchain="gcc")
    assert "3 min 0 s" in why(replace(asked, wanted=(*targets, of_386)))
    assert "in all" not in why(replace(asked, instead=()))
    assert "in all" not in why(replace(asked, wanted=targets[:1]))


def test_what_is_emulated_has_the_time_of_its_cross_build_in_the_guide() -> None:
    """Before a merge is built by cross compilers: what the manifest emulates is foretold so."""
    targets = (
        wanted("n", architecture="amd64", strategy="native"),
        wanted("e", strategy="emulated"),
    )
    told = (foretold(60, "n"), foretold(600, "e"))
    instead = (Instead(of="e", prediction=foretold(120, "c")),)
    asked = replace(case(facts("vm-of-an-image"), *targets, predictions=told), instead=instead)

    def minutes(asked: Case) -> float | None:
        return {each.situation: each.minutes for each in guide.choose(asked)}["before a merge"]

    assert minutes(asked) == 3.0
    assert minutes(replace(asked, instead=())) is None
    assert minutes(replace(asked, wanted=[replace(each, warm=True) for each in targets])) is None


def test_a_more_of_cpus_is_said_for_every_backend() -> None:
    """Whatever the engine is, how to give it more CPUs is a command or a place in its settings."""
    assert all(rules_cpus._more(each, cpus=8) for each in Backend)
