"""Toolchains with a choice of libc: their rows, what a manifest chooses, and what comes of it."""

from __future__ import annotations

import re
from typing import Final

import pytest

from fixtures.core import keys, manifest, rows, targets
from fixtures.core.errors import ManifestError
from fixtures.core.libcs import Libcs, number
from suites.selftest.unit.samples import load

CHOOSING: Final = {name: row for name, row in rows.toolchains().items() if row.libcs}
each_choosing = pytest.mark.parametrize("name", CHOOSING)


def libcs_of(name: str) -> Libcs:
    """The libraries of C of a toolchain that has a choice."""
    libcs = CHOOSING[name].libcs
    assert libcs is not None
    return libcs


def placeholders(toolchain: str, architecture: str, name: str = "zig") -> dict[str, str]:
    """What a recipe's words stand for with a toolchain as a manifest writes it."""
    text = (
        '[projects.demo]\nsource = { path = "." }\nbuild = "make"\nartifacts = ["demo"]\n'
        f'toolchain = {toolchain}\narchitectures = ["{architecture}"]\n'
    )
    found = load(text).projects[0].toolchain
    assert found.name == name
    return found.placeholders_for(rows.architectures()[architecture])


def test_there_is_a_choice() -> None:
    """zig has one, and so has what stands on it."""
    assert {"zig", "zigbuild"} <= set(CHOOSING)
    assert libcs_of("zig").names == ("glibc", "musl")
    assert libcs_of("zigbuild").names == ("glibc",)


@each_choosing
def test_each_architecture_has_its_names(name: str) -> None:
    """A toolchain names exactly the architectures that it serves, by libc or by one name."""
    libcs = libcs_of(name)

    assert tuple(libcs.targets) == CHOOSING[name].architectures
    for architecture, names in libcs.targets.items():
        assert libcs.has_choice(architecture) == rows.architectures()[architecture].is_linux
        assert (set(names) == {""}) != (set(names) <= set(libcs.names))
        assert all(
            re.fullmatch(r"[a-z0-9_]+-[a-z0-9-]+(\.\{glibc\})?", each) for each in names.values()
        )


@each_choosing
def test_versions_are_in_order(name: str) -> None:
    """The default lies between the lowest and the highest, and all are of glibc 2."""
    libcs = libcs_of(name)

    assert number(libcs.lowest) <= number(libcs.default) <= number(libcs.highest)
    assert {number(each)[0] for each in (libcs.lowest, libcs.default, libcs.highest)} == {2}


@pytest.mark.parametrize("toolchain", rows.toolchains().values(), ids=lambda row: str(row.name))
def test_wheels_are_pinned_for_cpus_that_there_are(toolchain: rows.Toolchain) -> None:
    """What comes from PyPI is pinned by version, and by hash for each CPU that it is there for."""
    for wheel in toolchain.wheels:
        assert re.fullmatch(r"[a-z0-9-]+", wheel.name)
        assert re.fullmatch(r"[0-9]+(\.[0-9]+)+", wheel.version)
        assert {"amd64", "arm64"} <= set(wheel.sha256) <= set(rows.of_linux())
        assert all(re.fullmatch(r"[0-9a-f]{64}", each) for each in wheel.sha256.values())
        assert f"ADD {wheel.name}.tar " in (toolchain.folder / "Dockerfile").read_text("utf-8")


def test_a_line_for_each_target_is_what_tools_are_made_of() -> None:
    """The image is told each name with what CMake, Meson and pkg-config want to know of it."""
    lines = rows.toolchains()["zig"].targets.splitlines()

    assert len(lines) == len(set(lines)) == 7 * 2 + 4
    assert {len(line.split(" ")) for line in lines} == {8}
    assert (
        "riscv64-linux-gnu.{glibc} linux riscv64 riscv64 little riscv64-linux-gnu 2.27 2.44"
        in lines
    )
    assert "x86_64-windows-gnu windows AMD64 x86_64 little - 0 2.44" in lines


@pytest.mark.parametrize(
    ("toolchain", "architecture", "name"),
    [
        ('"zig"', "arm64", "aarch64-linux-gnu.2.28"),
        ("{ zig = {} }", "arm64", "aarch64-linux-gnu.2.28"),
        ('{ zig = { glibc = "2.17" } }', "arm64", "aarch64-linux-gnu.2.17"),
        ('{ zig = { libc = "glibc", glibc = "2.31" } }', "386", "x86-linux-gnu.2.31"),
        ('{ zig = { libc = "musl" } }', "armv7", "arm-linux-musleabihf"),
        ('{ zig = { glibc = "2.17" } }', "windows-amd64", "x86_64-windows-gnu"),
        ('{ zig = { libc = "musl" } }', "darwin-arm64", "aarch64-macos"),
    ],
)
def test_a_choice_names_the_target(toolchain: str, architecture: str, name: str) -> None:
    """The compiler is the one for the chosen libc; where there is none to choose, the only one."""
    found = placeholders(toolchain, architecture)

    assert found["cc"] == f"/usr/share/crossgate/zig/{name}/cc"
    assert found["zig_target"] == name


def test_zigbuild_has_a_word_for_its_glibc() -> None:
    """cargo zigbuild takes Rust's name of a target and the glibc behind a dot."""
    chosen = placeholders('{ zigbuild = { glibc = "2.31" } }', "riscv64", "zigbuild")

    assert (chosen["rust_target"], chosen["glibc"]) == ("riscv64gc-unknown-linux-gnu", "2.31")
    assert placeholders('"zigbuild"', "amd64", "zigbuild")["glibc"] == "2.28"


def test_an_old_default_makes_way_for_the_first_glibc_of_a_cpu() -> None:
    """Where a CPU's first glibc is newer than the default, that one is linked."""
    libcs = Libcs(
        targets={"loong64": {"glibc": "loongarch64-linux-gnu.{glibc}"}},
        lowest="2.17",
        default="2.28",
        highest="2.44",
    )

    assert libcs.target("loong64") == "loongarch64-linux-gnu.2.36"


def test_a_choice_that_a_cpu_has_not_is_refused_for_it_alone() -> None:
    """A glibc older than riscv64's first is refused, unless riscv64's override says another."""
    text = (
        '[projects.demo]\nsource = { path = "." }\nbuild = "make"\nartifacts = ["demo"]\n'
        'toolchain = { zig = { glibc = "2.17" } }\narchitectures = ["amd64", "riscv64"]\n'
    )
    own = "[projects.demo.overrides.riscv64]\ntoolchain = "

    with pytest.raises(ManifestError, match=r"from 2\.27 to 2\.44 for riscv64, found 2\.17"):
        load(text)
    with pytest.raises(
        ManifestError, match=r"overrides\.riscv64\.toolchain\.zig: expected a glibc"
    ):
        load(text + own + '{ zig = { glibc = "2.26" } }\n')
    assert load(text + own + '{ zig = { glibc = "2.27" } }\n').projects


def test_another_libc_is_another_key() -> None:
    """A record of a build against one glibc does not stand for one against another."""

    def key_with(toolchain: str) -> str:
        text = (
            '[projects.demo]\nsource = { path = "." }\nbuild = "make CC={cc}"\n'
            f'artifacts = ["demo"]\ntoolchain = {toolchain}\narchitectures = ["arm64"]\n'
        )
        loaded: manifest.Manifest = load(text)
        [one] = targets.expand(loaded, "amd64")
        return keys.key(keys.parts(one, source="s", image="i"))

    spellings = ('"zig"', '{ zig = { glibc = "2.17" } }', '{ zig = { libc = "musl" } }')

    assert len({key_with(each) for each in spellings}) == 3
    assert key_with('"zig"') == key_with('{ zig = { glibc = "2.28" } }')
