"""An honest manifest, target and record, for tests to change one thing in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from fixtures.core import manifest, rows, targets
from fixtures.core.record import (
    Artifact,
    Build,
    Conditions,
    Execution,
    Nested,
    Outcome,
    Phase,
    Record,
)
from fixtures.core.record import Smoke as SmokeRun
from fixtures.core.record import Test as TestRun

SHA256: Final = "0123456789abcdef" * 4

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
    intact = Artifact(
        path="demo",
        file=f"reports/out/artifacts/{row.id}/demo",
        size_bytes=70_000,
        sha256="ab" * 32,
        format=row.architecture.format,
        facts={**program(row), **(facts or {})},
    )
    return replace(intact, **changes)


def nested(row: targets.Target, path: str, *, facts: Any = None, **changes: Any) -> Nested:
    """An intact program of a target's architecture inside an artifact."""
    intact = Nested(
        path=path,
        format=row.architecture.format,
        size_bytes=70_000,
        sha256="ab" * 32,
        facts={**program(row), **(facts or {})},
    )
    return replace(intact, **changes)


def package(row: targets.Target, *members: Nested, facts: Any = None, **changes: Any) -> Artifact:
    """A Debian package that says that it is of a target's architecture; empty as it stands."""
    field = {
        "by": "control field Architecture",
        "says": row.architecture.debian,
        "architecture": row.architecture.name,
    }
    names = [member.path.split("!", 1)[1] for member in members]
    found = {"declared": [field], "names": names, "names_cut": False, **(facts or {})}
    own = {"path": "demo.deb", "format": "deb", "facts": found, "members": members}
    return replace(artifact(row), **{**own, **changes})


def program(row: targets.Target) -> dict[str, Any]:
    """All facts of an intact dynamic program that was compiled with care, under DESIGN's names."""
    architecture = row.architecture
    if architecture.format != "elf":
        return _foreign_program(architecture)
    return {
        "e_machine": architecture.machine,
        "bits": architecture.bits,
        "endian": architecture.endian,
        "e_flags": architecture.flags,
        "e_type": "ET_DYN",
        "os_abi": 0,
        "interpreter": architecture.loaders[0],
        "dynamic": True,
        "needed": ["libc.so.6"],
        "also_needed": [],
        "soname": None,
        "rpath": None,
        "runpath": None,
        "build_id": "ab" * 20,
        "version_needs": ["GLIBC_2.17", "GLIBC_2.34"],
        "version_files": {"libc.so.6": ["GLIBC_2.17", "GLIBC_2.34"]},
        "max_glibc": "2.34",
        "max_glibcxx": None,
        "bind_now": True,
        "pie": True,
        "relro": "full",
        "gnu_stack": "RW",
        "rwx_load": False,
        "textrel": False,
        "stack_protector": True,
        "fortified": ["__printf_chk"],
        "fortifiable": [],
        "stripped": True,
        "debug_info": False,
        "text_size": 3000,
        "data_size": 600,
        "bss_size": 8,
        "allocated_size": 3608,
        "stripped_size": 66_000,
        "sections": [[".text", 2000], [".rodata", 1000], [".data", 600], [".bss", 8]],
        "attributes": None,
        "gnu_property": None,
        "exports": [],
        "export_sizes": {},
        "compressed_size": 1500,
        "paths": [],
    }


def _foreign_program(architecture: rows.Architecture) -> dict[str, Any]:
    """The facts of an intact program of Windows or macOS, as far as claims ask for them."""
    system = {"darwin": "macos"}.get(architecture.system)
    facts: dict[str, Any] = {
        "machine": architecture.machine,
        "architecture": architecture.instructions,
        "bits": architecture.bits,
        "endian": architecture.endian,
        "type": "executable",
        "needed": ["KERNEL32.dll"] if system is None else ["/usr/lib/libSystem.B.dylib"],
        "soname": None,
        "rpath": [],
        "build_id": "ab" * 16,
        "pie": True,
        "nx": True,
        "rwx_load": False,
        "stripped": True,
        "debug_info": False,
        "text_size": 3000,
        "data_size": 600,
        "bss_size": 8,
        "allocated_size": 3608,
        "sections": [[".text", 2000], [".data", 600]],
        "exports": [],
        "compressed_size": 1500,
        "paths": [],
    }
    if system is not None:
        facts |= {"cpu_subtype": architecture.subtype, "platform": system}
    return facts


def library_facts(**changes: Any) -> dict[str, Any]:
    """What a shared library's facts have otherwise than a program's, with changes."""
    return {
        "interpreter": None,
        "soname": "libdemo.so.1",
        "pie": False,
        "exports": ["demo_count@DEMO_1.0", "demo_run@DEMO_1.0"],
        "export_sizes": {"demo_count@DEMO_1.0": 8},
        **changes,
    }


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
