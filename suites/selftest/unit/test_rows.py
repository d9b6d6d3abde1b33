"""The data rows of `docker/`: a row that would mislead a build is found here."""

from __future__ import annotations

import re
import tomllib
from collections import Counter

import pytest
from elftools.elf.enums import ENUM_E_MACHINE

from fixtures.core import rows
from fixtures.inspection import macho_layout, pe_layout

ARCHITECTURES = tuple(rows.architectures().values())
TOOLCHAINS = tuple(rows.toolchains().values())
SERVED = tuple(
    (toolchain, rows.architectures()[name])
    for toolchain in TOOLCHAINS
    for name in toolchain.architectures
    if name in rows.architectures()
)

each_of_linux = pytest.mark.parametrize(
    "row", tuple(rows.of_linux().values()), ids=lambda row: str(row.name)
)
each_foreign = pytest.mark.parametrize(
    "row",
    [row for row in ARCHITECTURES if not row.is_linux],
    ids=lambda row: str(row.name),
)
each_architecture = pytest.mark.parametrize("row", ARCHITECTURES, ids=lambda row: str(row.name))
each_toolchain = pytest.mark.parametrize("row", TOOLCHAINS, ids=lambda row: str(row.name))
each_served = pytest.mark.parametrize(
    ("toolchain", "architecture"),
    SERVED,
    ids=[f"{toolchain.name}-{architecture.name}" for toolchain, architecture in SERVED],
)


def test_there_are_rows() -> None:
    """The tables are found beside the code, and hold what First light promises."""
    assert {"amd64", "arm64"} <= set(rows.architectures())
    assert {"amd64", "arm64"} <= set(rows.toolchains()["gcc"].architectures)


def test_every_spelling_names_one_architecture() -> None:
    """No name or alias stands for two architectures."""
    spellings = Counter(spelling for row in ARCHITECTURES for spelling in (row.name, *row.aliases))

    assert [spelling for spelling, count in spellings.items() if count > 1] == []
    assert set(rows.architecture_names()) == set(spellings)


def test_every_kernel_name_names_one_architecture() -> None:
    """What a kernel says of its CPU stands for one architecture."""
    names = Counter(kernel for row in ARCHITECTURES for kernel in row.kernel)

    assert [name for name, count in names.items() if count > 1] == []
    for row in ARCHITECTURES:
        assert all(rows.architecture_of_kernel(kernel) == row.name for kernel in row.kernel)


def test_an_unknown_kernel_is_none() -> None:
    """A CPU that no row knows is not guessed."""
    assert rows.architecture_of_kernel("pdp11") is None
    assert rows.architecture_of_kernel("") is None


def test_kernels_are_told_in_any_case() -> None:
    """Windows says AMD64 and ARM64 of the CPUs that Linux calls x86_64 and aarch64."""
    assert rows.architecture_of_kernel("AMD64") == "amd64"
    assert rows.architecture_of_kernel("ARM64") == "arm64"


@each_architecture
def test_aliases_are_sorted_and_lower_case(row: rows.Architecture) -> None:
    """Aliases stand in order, once, in lower case, which is how spellings are looked up."""
    assert list(row.aliases) == sorted(set(row.aliases))
    assert all(spelling == spelling.lower() for spelling in (row.name, *row.aliases, *row.kernel))


@each_architecture
def test_names_fit_into_ids(row: rows.Architecture) -> None:
    """A name is a CPU's, and behind another system's name and a dash where it is that one's."""
    assert re.fullmatch(r"[a-z0-9]+", row.instructions)
    assert row.name == (row.instructions if row.is_linux else f"{row.system}-{row.cpu}")
    assert row.is_linux == (not row.cpu)


@each_of_linux
def test_what_an_elf_header_must_say_is_possible(row: rows.Architecture) -> None:
    """Machine, class, byte order and flags are ones that an ELF header can hold."""
    assert row.machine in ENUM_E_MACHINE
    assert row.bits in (32, 64)
    assert row.endian in ("little", "big")
    assert 0 <= row.flags_mask <= 0xFFFFFFFF
    assert row.flags & ~row.flags_mask == 0


@each_of_linux
def test_loaders_are_absolute_and_there(row: rows.Architecture) -> None:
    """An architecture has loaders, each a path from the root, none listed twice."""
    assert row.loaders
    assert all(re.fullmatch(r"/lib[a-z0-9]*/[A-Za-z0-9._-]+", loader) for loader in row.loaders)
    assert len(set(row.loaders)) == len(row.loaders)


@each_of_linux
def test_tools_are_named_as_their_makers_do(row: rows.Architecture) -> None:
    """Triplets are GNU's for Linux, Debian's name is one word, QEMU's programs are qemu-*."""
    assert re.fullmatch(r"[a-z0-9_]+-linux-gnu[a-z0-9]*", row.triplet)
    assert re.fullmatch(r"[a-z0-9]+", row.debian)
    assert re.fullmatch(r"qemu-[a-z0-9_]+", row.qemu)
    # A program's ABI, and no kernel's: x32 runs under that of amd64.
    assert row.kernel or row.triplet.endswith("x32")


@each_foreign
def test_rows_of_other_systems_are_of_a_format_that_is_read(row: rows.Architecture) -> None:
    """Machine and subtype are as the readers name them, and nothing is there that is Linux's."""
    cpu = rows.architectures()[row.cpu]
    named = {
        "pe": {f"IMAGE_FILE_MACHINE_{name}": cpu for name, cpu, _ in pe_layout.MACHINES.values()},
        "macho": {f"CPU_TYPE_{name}": cpu for name, _, cpu, _ in macho_layout.CPUS.values()},
    }

    assert named[row.format][row.machine] == row.cpu
    assert (row.bits, row.endian, row.family) == (cpu.bits, cpu.endian, cpu.family)
    assert row.platform == f"{row.system}/{row.cpu}"
    assert not any((row.debian, row.multiarch, row.kernel, row.qemu, row.loaders, row.flags))
    assert bool(row.subtype) == (row.format == "macho")


@each_toolchain
def test_toolchains_have_a_dockerfile(row: rows.Toolchain) -> None:
    """A toolchain's folder holds its Dockerfile, on our base, labelled before it runs anything."""
    lines = (row.folder / "Dockerfile").read_text(encoding="utf-8").splitlines()
    words = [line.split()[0] for line in lines if re.match(r"[A-Z]+ ", line)]

    assert "FROM ${BASE}" in lines
    assert "LABEL" in words
    assert words.index("LABEL") < words.index("RUN")


@each_toolchain
def test_toolchains_serve_architectures_that_exist(row: rows.Toolchain) -> None:
    """A toolchain serves at least one architecture, each of them a row, each once."""
    assert row.architectures
    assert set(row.architectures) <= set(rows.architectures())
    assert len(set(row.architectures)) == len(row.architectures)


@each_toolchain
def test_toolchains_follow_the_order_of_architectures(row: rows.Toolchain) -> None:
    """A toolchain lists its architectures in the order of their table."""
    order = list(rows.architectures())

    assert list(row.architectures) == sorted(row.architectures, key=order.index)


@each_toolchain
def test_toolchain_names_fit_into_ids(row: rows.Toolchain) -> None:
    """A toolchain's name has no dash, so that no two targets can share an id."""
    assert re.fullmatch(r"[a-z0-9]+", row.name)
    assert row.description


@each_toolchain
def test_placeholders_are_not_taken(row: rows.Toolchain) -> None:
    """A toolchain's placeholders are words of their own, sorted out from the common ones."""
    taken = {*rows.COMMON_PLACEHOLDERS, "artifact"}

    assert not taken & set(row.placeholders)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in row.placeholders)


@each_served
def test_every_placeholder_is_filled(
    toolchain: rows.Toolchain, architecture: rows.Architecture
) -> None:
    """For each architecture a toolchain's patterns leave no brace and nothing empty behind."""
    filled = toolchain.placeholders_for(architecture)
    sysroot = toolchain.sysroot_for(architecture)
    everything = [*filled.values(), *toolchain.packages_for(architecture), sysroot]

    assert not [value for value in everything if not value or re.search(r"[{}\s]", value)]
    assert {*filled, "jobs"} == {*rows.COMMON_PLACEHOLDERS, *toolchain.placeholders}
    assert sysroot.startswith("/")


@each_served
def test_packages_have_names_that_debian_allows(
    toolchain: rows.Toolchain, architecture: rows.Architecture
) -> None:
    """Names of cross packages follow Debian's policy (5.6.1): no underscore, no upper case."""
    packages = toolchain.packages_for(architecture)

    assert all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", package) for package in packages)
    assert len(set(packages)) == len(packages)


def test_the_gcc_row_is_filled_as_debian_names_its_tools() -> None:
    """Tools keep the triplet's underscore, packages turn it into a dash."""
    gcc, amd64 = rows.toolchains()["gcc"], rows.architectures()["amd64"]

    assert gcc.placeholders_for(amd64)["cc"] == "x86_64-linux-gnu-gcc"
    assert gcc.placeholders_for(amd64)["sysroot"] == "/usr/x86_64-linux-gnu"
    assert gcc.packages_for(amd64) == (
        "gcc-x86-64-linux-gnu",
        "g++-x86-64-linux-gnu",
        "libc6-dev-amd64-cross",
    )


def test_rows_are_toml_with_a_table_per_architecture() -> None:
    """Every table of the file is read: a row can't be lost in between."""
    text = (rows.DOCKER_DIR / "architectures.toml").read_text(encoding="utf-8")

    assert list(tomllib.loads(text)) == list(rows.architectures())
    assert re.findall(r"^\[(.+)\]$", text, re.MULTILINE) == list(rows.architectures())
