"""The doctor where CPUs are kept from it, or from the engine's containers, by control groups."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.core.doctor import cores, detect, snapshot
from fixtures.core.doctor.measured import Measured
from fixtures.core.doctor.snapshot import Place
from fixtures.doctor import look, measure
from fixtures.engine import labels, probe
from suites.selftest.harness import NATIVE, run_gate
from suites.selftest.integration import engines
from suites.selftest.integration.doctors import demo, doctor

pytestmark = pytest.mark.integration


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
