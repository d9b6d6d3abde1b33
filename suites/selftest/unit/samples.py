"""An honest manifest, target and record, for tests to change one thing in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from fixtures.core import manifest, rows, targets
from fixtures.core.record import Artifact, Build, Conditions, Execution, Outcome, Phase, Record
from fixtures.core.record import Smoke as SmokeRun
from fixtures.core.record import Test as TestRun

HONEST: Final = """\
[projects.demo]
source = { path = "." }
toolchain = "gcc"
architectures = ["amd64", "arm64"]
build = "make CC={cc} -j{jobs} demo"
artifacts = ["demo"]
smoke = "{artifact} --version"
test = "make check"

[projects.demo.budget]
size = "1 MiB"
cpu_time = "60 s"
time_ratio = { to = "amd64", max = 1.5 }
"""


def load(text: str, file: str = "crossgate.toml") -> manifest.Manifest:
    """The manifest in a text."""
    return manifest.load(text.encode(), file)


def target(architecture: str = "arm64", *, host: str = "amd64", **changes: Any) -> targets.Target:
    """The honest project's target for an architecture, with changes to the project."""
    every = {"architectures": tuple(rows.architectures())}
    project = replace(load(HONEST).projects[0], **{**every, **changes})
    found = targets.expand(manifest.Manifest(file="crossgate.toml", projects=(project,)), host)
    return next(each for each in found if each.architecture.name == architecture)


def artifact(row: targets.Target, *, facts: Any = None, **changes: Any) -> Artifact:
    """An intact program of a target's architecture; `facts` are laid over its own."""
    architecture = row.architecture
    intact = Artifact(
        path="demo",
        file=f"reports/out/artifacts/{row.id}/demo",
        size_bytes=70_000,
        sha256="ab" * 32,
        format="elf",
        facts={
            "e_machine": architecture.machine,
            "bits": architecture.bits,
            "endian": architecture.endian,
            "e_flags": architecture.flags,
            "e_type": "ET_DYN",
            "os_abi": 0,
            "interpreter": architecture.loaders[0],
            "needed": ["libc.so.6"],
            "soname": None,
            "rpath": None,
            "runpath": None,
            **(facts or {}),
        },
    )
    return replace(intact, **changes)


def record(row: targets.Target, *, cpu_s: float | None = 40.0, **changes: Any) -> Record:
    """What an honest build of a target on a quiet machine left, with changes to the record."""
    build = Build(
        exit_code=0,
        cpu_s=cpu_s,
        wall_s=22.0,
        peak_memory_bytes=100 * 1024**2,
        cpus=2,
        phases=(Phase(name="build", wall_s=22.0, cpu_s=cpu_s, peak_memory_bytes=100 * 1024**2),),
    )
    honest = Record(
        target=row.id,
        project=row.project.name,
        architecture=row.architecture.name,
        toolchain=row.toolchain.name,
        strategy=row.strategy,
        run="run-1",
        key="sha256:" + "0" * 64,
        key_parts={"source": "the same tree"},
        started="2000-01-01T00:00:00Z",
        outcome=Outcome.BUILT,
        command="make CC=cc demo",
        log=f"reports/out/logs/{row.id}.log",
        reproducer=f"reports/out/records/{row.id}/reproduce.sh",
        build=build,
        conditions=conditions(),
        execution=Execution(
            mode=row.strategy,
            engine_architecture="amd64",
            kernel_machine="x86_64",
            container_machine="EM_X86_64",
        ),
        artifacts=(artifact(row),),
        smoke=(SmokeRun(artifact="demo", runner=row.architecture.qemu, exit_code=0, wall_s=0.1),),
        test=TestRun(
            runner=row.architecture.qemu,
            exit_code=0,
            wall_s=1.0,
            cpu_s=1.5,
            ended_early=None,
            log=f"reports/out/records/{row.id}/test.log",
        ),
    )
    return replace(honest, **changes)


def conditions(*, load: float | None = 0.0, **changes: Any) -> Conditions:
    """The conditions of a measurement; `load` is what other processes took of the CPUs."""
    honest = Conditions(
        cpus=2, memory_bytes=4 * 1024**3, cpu_model="a CPU", engine="an engine", foreign_load=load
    )
    return replace(honest, **changes)
