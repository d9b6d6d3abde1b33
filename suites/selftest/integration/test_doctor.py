"""The doctor on real hosts: this one, a container with one CPU, a full disk, FUSE, no handler."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.core import record
from fixtures.core.auto import Auto, Decision
from fixtures.core.doctor import cores, detect, emulation, snapshot
from fixtures.core.doctor.measured import Measured
from fixtures.core.doctor.snapshot import Place
from fixtures.doctor import chosen, look, measure
from fixtures.engine import labels, probe
from suites.selftest.harness import FOREIGN, NATIVE, ROOT, environment, project, run_gate
from suites.selftest.integration import engines, fuse

pytestmark = pytest.mark.integration

MANIFEST = """
[projects.demo]
source = { path = "." }
toolchain = "gcc"
architectures = ["ARCHITECTURES"]
build = "make"
artifacts = ["demo"]
strategy = "STRATEGY"
memory = "64 MiB"
"""


def demo(folder: Path, architecture: str = NATIVE, strategy: str = "auto") -> Path:
    """A project of one target."""
    text = MANIFEST.replace("ARCHITECTURES", architecture).replace("STRATEGY", strategy)
    return project(folder, text, {"demo.c": "int main(void) { return 0; }\n"})


def doctor(folder: Path, *words: str, reports: Path | None = None) -> dict[str, Any]:
    """What the doctor says of a project, as JSON."""
    out = reports or folder.parent / "out"
    given = ["--manifest", str(folder / "crossgate.toml"), "--report-dir", str(out), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "fixtures.cli.main", "doctor", *given, *words],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def ids(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The findings by id."""
    return {each["id"]: each for each in document["findings"]}


def own_containers() -> set[str]:
    """The containers of the doctor's that are on the engine."""
    filters = {"label": [f"{labels.TARGET}=doctor"]}
    found = probe.get_json(engines.address(), "/containers/json", filters)
    assert found is not None, "this engine can't be asked without docker-py"
    return {each["Id"] for each in found}


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of one megabyte in memory; skips where none may be mounted."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", str(folder).encode(), b"tmpfs", 0, b"size=1m"):
        pytest.skip(f"no disk may be mounted here: {os.strerror(ctypes.get_errno())}")
    try:
        yield folder
    finally:
        libc.umount2(str(folder).encode(), 2)


@contextlib.contextmanager
def in_user_space(folder: Path) -> Iterator[Path]:
    """A folder whose file system is a program; skips where none may be mounted."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK) or os.geteuid() != 0:
        pytest.skip("/dev/fuse can't be used here")
    folder.mkdir()
    with subprocess.Popen(
        [sys.executable, str(fuse.__file__), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        if process.stdout.readline() != b"ready\n":
            pytest.skip(f"no FUSE here: {process.stderr.read().decode()}")
        try:
            yield folder
        finally:
            process.communicate()


def test_a_whole_look_measures_and_leaves_nothing(tmp_path: Path) -> None:
    """Where images are there, compile, files and CPUs are measured; all that was made is gone."""
    folder = demo(tmp_path / "demo")
    before = {file.name for file in folder.iterdir()}
    document = doctor(folder)
    measured = document["measured"]
    if "everything" in measured["skipped"]:
        pytest.skip(measured["skipped"]["everything"])

    assert measured["start_s"] > 0
    # On a busy machine not all is done in ten seconds, and that is said.
    if not any("not done within" in why for why in measured["skipped"].values()):
        assert measured["native_s"] > 0
        assert measured["volume"]["create_s"] > 0
        assert measured["emulation"]
        assert min(measured["emulation"].values()) > 1
    assert document["host"]["backend"] != "unknown"
    assert {file.name for file in folder.iterdir()} == before
    assert own_containers() == set()
    assert (tmp_path / "out" / "doctor.json").is_file()


def test_all_kinds_of_work_are_measured_where_there_is_time(tmp_path: Path) -> None:
    """Natively and emulated, each taking longer so; a longer compile longer than a short one."""
    folder = demo(tmp_path / "demo")
    facts = detect.detect(look.take(look.folders(folder, tmp_path / "out")))
    measured, _ = measure.measure(facts, folder, lambda _: None, patience=20)
    if "everything" in measured.skipped or not measured.emulated_task_s:
        pytest.skip(f"no image to measure in: {measured.skipped}")

    assert measured.volume is not None
    assert measured.volume.create_s > 0
    assert measured.task_s.keys() == {*emulation.WORK}
    for architecture, emulated in measured.emulated_task_s.items():
        assert emulated.keys() == {*emulation.WORK}, architecture
        assert all(emulated[kind] > measured.task_s[kind] for kind in emulation.WORK)
        assert emulation.line(measured.task_s, emulated) is not None
    assert measured.task_s["trial"] < measured.task_s["short"] < measured.task_s["long"]


def test_a_quota_of_one_cpu_is_seen_in_a_container() -> None:
    """Of a host with more CPUs, a container that may use one says one; beside it is the engine."""
    image = some_image()
    first = ["/proc/self/cgroup", "/proc/self/mountinfo"]
    files = read_inside(image, first)
    limits = cores.paths(files[first[0]], files[first[1]])
    files |= read_inside(image, [*limits, "/.dockerenv"])
    taken = snapshot.Snapshot(
        system="Linux",
        release="",
        machine="x86_64",
        cpus=8,
        affinity=8,
        files=files,
        places={"source": Place(path="/")},
    )
    facts = detect.detect(taken)

    assert facts.in_container
    assert (facts.cpu.quota, facts.cpu.usable) == (1.0, 1.0)
    assert facts.source is not None
    assert facts.source.row == "overlay"


def test_a_quota_above_the_engine_is_seen_from_its_host() -> None:
    """Its containers are in a group that may use one CPU: that counts, and not what it says."""
    cpus = os.cpu_count() or 1
    with group_of_one_cpu() as parent:
        asked = json.dumps({"cpus": cpus})
        with started("--cgroup-parent", parent, compiler_image()) as container:
            above = look.above(container)
            script = measure.SCRIPT.read_text("utf-8")
            # What else runs meanwhile may come and go between the two rounds of one measurement.
            measured = []
            for _ in range(5):
                output = engines.docker("exec", container, "python3", "-c", script, asked)
                lines = map(json.loads, output.splitlines())
                speed_up, idle = next(each["together"] for each in lines if "together" in each)
                measured.append(Measured(cpus=cpus, speed_up=speed_up, idle=idle))
    taken = snapshot.Snapshot(
        system="Linux",
        release="",
        machine="x86_64",
        cpus=cpus,
        info={"NCPU": cpus},
        above=above,
    )
    cpu = detect.detect(taken).cpu

    assert (cpu.engine, cpu.quota, cpu.engine_quota) == (cpus, None, 1.0)
    assert cores.for_builds(cpu, None) == 1.0
    # Where others leave CPUs idle, the same is seen without a look at any file.
    idle_ones = [each for each in measured if (each.idle or 0) >= 0.4]
    told = [each.usable_cpus for each in idle_ones]
    assert not told or pytest.approx(1.0, abs=0.3) in told, measured


def test_builds_under_an_engine_with_a_quota_pass_and_are_told_of_it(tmp_path: Path) -> None:
    """A build that asks for all CPUs gets what the quota leaves; the doctor sees it, runs follow.

    Control groups of version 1 refuse whoever asks for more than the group above may use.
    """
    folder = demo(tmp_path / "demo")
    manifest = folder / "crossgate.toml"
    manifest.write_text(manifest.read_text().replace('"make"', '"{cc} -o demo demo.c"'))
    out, cpus = tmp_path / "demo-out", os.cpu_count() or 1
    with engine_of_one_cpu():
        before = run_gate(folder, "-n", "0")
        said = doctor(folder, reports=out)
        after = run_gate(folder, "--fresh")
    lifted = doctor(folder, reports=out)

    limit = {"at_once": 1, "engine": cpus}
    words = f"builds share 1 of the engine's {cpus} CPUs"
    assert (before.exit_code, after.exit_code) == (0, 0), (before.output, after.output)
    assert [each["build"]["cpus"] for each in before.report["targets"]] == [cpus]
    assert [each["build"]["cpus"] for each in after.report["targets"]] == [1]
    assert said["host"]["cpu"]["engine_quota"] == 1
    assert "engine-capped" in {each["id"] for each in said["findings"]}
    assert said["auto"]["cpus"] == limit
    assert (words in before.output, words in after.output) == (False, True)
    # It ends where a container did more than that, for which a busy machine leaves no CPUs.
    more = (lifted["measured"]["speed_up"] or 0) > 1 + 2 * cores.LITTLE
    assert lifted["auto"]["cpus"] == (None if more else limit)
    assert lifted["host"]["cpu"]["engine_quota"] is None


@contextlib.contextmanager
def engine_of_one_cpu() -> Iterator[None]:
    """This engine, all of whose containers together may use one CPU."""
    tops = cores.tops(Path("/proc/self/mountinfo").read_text()) if os.geteuid() == 0 else ()
    files = [
        (Path(top, "docker", name), value)
        for top, names in tops
        for name, value in (("cpu.max", "100000 100000"), ("cpu.cfs_quota_us", "100000"))
        if name in names and Path(top, "docker", name).exists()
    ]
    if not files or (os.cpu_count() or 1) < 2:
        pytest.skip(
            "only root can limit the containers of an engine of this host, to one of its CPUs"
        )
    held = [(file, file.read_text()) for file, _ in files]
    try:
        try:
            for file, value in files:
                file.write_text(value)
        except OSError as error:
            # As where a container of somebody else's may use more already.
            pytest.skip(f"the containers of this engine can't be limited: {error}")
        yield
    finally:
        for file, text in held:
            file.write_text(text)


@contextlib.contextmanager
def group_of_one_cpu() -> Iterator[str]:
    """A control group with a quota of one CPU, by the name that engines know it by."""
    info = probe.get_json(engines.address(), "/info", {}) or {}
    tops = cores.tops(Path("/proc/self/mountinfo").read_text()) if os.geteuid() == 0 else ()
    tops = tuple((top, files) for top, files in tops if files[0].startswith("cpu."))
    if info.get("CgroupDriver") != "cgroupfs" or not tops or (os.cpu_count() or 1) < 2:
        pytest.skip("only root can make a control group, for an engine without systemd, of CPUs")
    name = f"crossgate-test-{os.getpid()}"
    top, files = tops[0]
    folder = Path(top) / name
    try:
        folder.mkdir()
        limit = folder / files[0]
        limit.write_text("100000" if "quota" in limit.name else "100000 100000")
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        yield f"/{name}"
    finally:
        # The engine made the same group for each other kind of limit.
        for left in {folder, *Path("/sys/fs/cgroup").glob(f"*/{name}")}:
            with contextlib.suppress(OSError):
                left.rmdir()


@contextlib.contextmanager
def started(*words: str) -> Iterator[str]:
    """A container that does nothing, by its id."""
    run = ["run", "--detach", "--rm", "--network", "none", "--label", f"{labels.TARGET}=doctor"]
    container = engines.docker(*run, *words, "sleep", "600").strip()
    try:
        yield container
    finally:
        engines.docker("kill", container)


def compiler_image() -> str:
    """An image with Python, of those that there are."""
    found = probe.get_json(engines.address(), "/images/json", {"label": [f"{labels.MADE}=image"]})
    tags = sorted(
        tag
        for each in found or ()
        for tag in each.get("RepoTags") or ()
        if tag.startswith(f"crossgate/gcc-{NATIVE}:")
    )
    if not tags:
        pytest.skip("no image with a compiler is there yet")
    return str(tags[0])


def some_image() -> str:
    """An image with a shell, of those that there are."""
    found = probe.get_json(engines.address(), "/images/json", {"label": [f"{labels.MADE}=image"]})
    tags = sorted(
        tag for each in found or () for tag in each.get("RepoTags") or () if "/base-" in tag
    )
    if not tags:
        pytest.skip("no base image is there yet")
    return str(tags[0])


def read_inside(image: str, paths: list[str]) -> dict[str, str]:
    """Texts of files as a container sees them that may use one CPU; those that are there."""
    script = 'for f; do [ -e "$f" ] && { echo "=== $f"; cat "$f"; }; done; true'
    run = ["run", "--rm", "--network", "none", "--cpus", "1", image]
    output = engines.docker(*run, "sh", "-c", script, "read", *paths)
    found: dict[str, str] = {}
    for part in f"\n{output}\n".split("\n=== ")[1:]:
        name, _, text = part.partition("\n")
        found[name] = text
    return found


def test_a_source_in_user_space_is_told(tmp_path: Path) -> None:
    """A real FUSE mount is named as one, by where it is mounted, with what to do."""
    folder = demo(tmp_path / "demo")
    with in_user_space(tmp_path / "fuse") as mounted:
        text = (folder / "crossgate.toml").read_text().replace('path = "."', f'path = "{mounted}"')
        (folder / "crossgate.toml").write_text(text)
        document = doctor(folder, "--quick")

    source = document["host"]["source"]
    assert (source["row"], source["type"]) == ("fuse", "fuse.crossgate")
    assert source["mount_point"] == str(mounted)
    assert "local disk" in ids(document)["source-slow"]["change"]


def test_a_full_disk_is_told_and_does_not_end_the_doctor(tmp_path: Path) -> None:
    """Filled to the brim, the folder for reports stops builds; all else is told as well."""
    folder = demo(tmp_path / "demo")
    with small_disk(tmp_path / "full") as full:
        with contextlib.suppress(OSError), (full / "brim").open("wb") as stream:
            while True:
                stream.write(bytes(65536))
                stream.flush()
        document = doctor(folder, "--quick", reports=full)

    assert "--report-dir" in ids(document)["disk-full-reports"]["change"]
    assert document["findings"][0]["severity"] == "stops"
    assert document["host"]["places"]["reports"]["row"] == "memory"


def test_a_handler_that_is_off_is_missed_and_one_that_is_on_is_not(tmp_path: Path) -> None:
    """An emulated target needs one: that it is not there is said, and the change names the CPU."""
    name = "s390x" if FOREIGN != "s390x" else "riscv64"
    folder = demo(tmp_path / "demo", name, "emulated")
    first = doctor(folder, "--quick")
    if first["host"]["handlers"] is None:
        pytest.skip("the engine's kernel can't be looked at from here")
    known = {each["architecture"] for each in first["host"]["handlers"]}
    with engines.without_handler(name):
        off = doctor(folder, "--quick")

    assert (f"no-handler-{name}" in ids(first)) == (name not in known)
    assert f"--install {name}" in ids(off)[f"no-handler-{name}"]["change"]
    assert name not in {each["architecture"] for each in off["host"]["handlers"]}


def test_all_workers_build_as_was_decided_and_the_record_says_why(tmp_path: Path) -> None:
    """With two workers each target goes by the doctor's file; the next run reuses all of it."""
    names = [NATIVE, *(name for name in ("amd64", "arm64") if name != NATIVE)]
    text = MANIFEST.replace('strategy = "STRATEGY"\n', "")
    text = text.replace('"ARCHITECTURES"', ", ".join(f'"{name}"' for name in names))
    text = text.replace('"make"', '"{cc} -o demo demo.c"')
    folder = project(tmp_path / "demo", text, {"demo.c": "int main(void) { return 0; }\n"})
    out = tmp_path / "demo-out"
    decided = Auto(
        strategies={f"demo {FOREIGN}": Decision(value="cross", why="cross, as it is quicker")},
        mount=Decision(value="volume", why="volume: it is quicker"),
    )
    chosen.keep(out, NATIVE, engines.address(), decided)
    first = run_gate(folder, "-n2")
    records = {each["id"]: each for each in first.report["targets"]}
    chosen.keep(out, NATIVE, engines.address(), Auto(mount=decided.mount))
    second = run_gate(folder, "-n2")

    assert first.exit_code == 0, first.output
    for name in names:
        made = record.from_json((out / "records" / f"demo-{name}-gcc" / "record.json").read_bytes())
        assert made.ways is not None
        assert made.ways.mount == "volume"
        assert "auto: volume: it is quicker" in made.ways.notes
        assert made.build is not None
        assert made.build.tasks
        # Compiled and linked in one, it leaves no object file.
        assert (made.build.objects, made.build.trials) == (0, 0)
        assert ("auto: cross, as it is quicker" in made.ways.notes) == (name == FOREIGN)
    assert not any(each["reused"] for each in records.values())
    assert second.exit_code == 0, second.output
    assert all(each["reused"] for each in second.report["targets"])
