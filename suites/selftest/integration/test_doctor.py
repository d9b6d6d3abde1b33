"""The doctor on real hosts: this one, a full disk, FUSE, no handler; and what runs make of it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.core import record
from fixtures.core.auto import Auto, Decision
from fixtures.core.doctor import detect, emulation
from fixtures.doctor import chosen, look, measure
from fixtures.engine import labels, probe
from suites.selftest.harness import FOREIGN, NATIVE, project, run_gate
from suites.selftest.integration import engines, fuse
from suites.selftest.integration.doctors import MANIFEST, demo, doctor

pytestmark = pytest.mark.integration


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
