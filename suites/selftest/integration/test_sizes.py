"""Sizes of real programs: every byte once, named by the unstripped twin, on each architecture."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from fixtures.core.attribution import Attribution, Place
from fixtures.core.errors import ArtifactError
from fixtures.core.size_difference import Measure, compare
from fixtures.inspection.attribution.apart import attribution_of
from fixtures.inspection.elf import sizes
from fixtures.inspection.elf.layout import open_elf
from suites.selftest.harness import FOREIGN, NATIVE, manifest_text, project, run_gate

pytestmark = pytest.mark.integration

QUICK: Final = (NATIVE, FOREIGN)
ARCHITECTURES: Final = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
    for name in ("amd64", "arm64", "armv7", "riscv64", "s390x", "ppc64le", "386")
]
PROGRAMS: Final = ("c", "c-static", "cxx", "cxx-static")

ADDED: Final = 4096
"""Bytes of the function that a change adds."""

C: Final = r"""
#include <stdio.h>
#include <string.h>
static const char table[1000] = {1, 2, 3};
static int counter[50];
int shared[300] = {1};
__thread int mine = 3;
__thread int zeros[10];
int real(int x) { counter[x & 31]++; return table[x & 511] + mine + zeros[x & 7]; }
int other(int x) __attribute__((alias("real")));
__asm__(".text\n.balign 16\n.byte 1, 2, 3, 4, 1, 2, 3, 4\n");
#ifdef ADDED
__asm__(".text\n.balign 16\n.globl added\n.type added, %function\n"
        "added: .skip 4096, 0xf4\n.size added, .-added\n");
#endif
int main(int argc, char **argv)
{
    printf("%d %s\n", real(argc) * 3 + shared[argc & 127], argv[0]);
    return strlen(argv[0]) + other(2);
}
"""
CXX: Final = r"""
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>
struct Shape { virtual ~Shape(); virtual double area() const = 0; };
Shape::~Shape() {}
template <int N> struct Square : Shape { double area() const override { return N * N; } };
#ifdef ADDED
__asm__(".text\n.balign 16\n.globl added\n.type added, %function\n"
        "added: .skip 4096, 0xf4\n.size added, .-added\n");
#endif
int main(int argc, char **)
{
    std::map<std::string, std::vector<int>> words;
    words["a"].push_back(argc);
    try {
        if (argc > 3) throw std::runtime_error("x");
    } catch (const std::exception &error) {
        std::cerr << error.what();
    }
    Shape *shape = argc > 1 ? static_cast<Shape *>(new Square<3>) : new Square<4>;
    std::cout << words.size() << shape->area() << "\n";
    delete shape;
}
"""
BUILD: Final = """#!/bin/sh
set -eu
cc=$1 cxx=$2 strip=$3
for name in base again head; do
    mkdir -p "out/$name"
    more=; [ "$name" = head ] && more=-DADDED
    for link in '' -static; do
        "$cc" -O2 -g -ffunction-sections $more $link program.c -o "out/$name/c$link"
        "$cxx" -O2 $more $link program.cc -o "out/$name/cxx$link"
        for kind in c cxx; do
            "$strip" -o "out/$name/$kind$link.stripped" "out/$name/$kind$link"
        done
    done
done
"""

Folder = Callable[[str], Path]
"""What was built for an architecture."""


def builder(base: Path, keys: dict[str, object], files: dict[str, str]) -> Folder:
    """Builds a project for an architecture when it is first asked for."""

    @cache
    def of(architecture: str) -> Path:
        folder = base / architecture / "work"
        text = manifest_text({"sizes": {"architectures": [architecture], **keys}})
        ended = run_gate(project(folder, text, files), "-k", "test_built")
        assert ended.exit_code == 0, ended.output
        [built] = (folder.parent / "work-out" / "artifacts").iterdir()
        return built / "out"

    return of


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """C and C++ programs, with a change and without, each stripped and not."""
    keys: dict[str, object] = {
        "build": "sh build.sh {cc} {cxx} {strip}",
        "artifacts": ["out/*/*"],
    }
    files = {"program.c": C, "program.cc": CXX, "build.sh": BUILD}
    return builder(tmp_path_factory.mktemp("sizes"), keys, files)


def attributed(folder: Path, name: str, of: str = "base") -> Attribution:
    """A stripped program's, by its twin."""
    return attribution_of(folder / of / f"{name}.stripped", folder / of / name)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_byte_once_and_less_than_one_per_cent_without_a_name(
    built: Folder, architecture: str, name: str
) -> None:
    """The parts are the file and what is loaded of it, to the byte; the twin names it."""
    file = built(architecture) / "base" / f"{name}.stripped"
    done = attributed(built(architecture), name)
    with file.open("rb") as stream:
        loaded = sizes.read(open_elf(stream, file.stat().st_size))["allocated_size"]

    assert sum(p.bytes for p in done.parts if p.place is not Place.FILE) == loaded
    assert sum(p.bytes for p in done.parts if p.place is not Place.MEMORY) == file.stat().st_size
    assert done.unnamed_share < 0.01
    # Without its twin it has hardly any: the names are the twin's.
    assert attribution_of(file).unnamed_share > 0.01


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_symbols_have_their_sizes_and_aliases_none(built: Folder, architecture: str) -> None:
    """Data has the size that its source gives it, thread-local too; one of two aliases has any."""
    done = attributed(built(architecture), "c")
    found = {part.symbol: part.bytes for part in done.parts if part.symbol}

    assert (found["table"], found["shared"], found["counter"]) == (1000, 1200, 200)
    assert (found["mine"], found["zeros"]) == (4, 40)
    assert len({"real", "other"} & found.keys()) == 1


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_identical_builds_differ_by_nothing(built: Folder, architecture: str, name: str) -> None:
    """The same source, compiled and linked again, has no difference in any part."""
    base, again = (attributed(built(architecture), name, of) for of in ("base", "again"))

    assert base == again
    for measure in Measure:
        difference = compare(base, again, measure=measure)
        assert (difference.change, difference.symbols.rows) == (0, ())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_an_added_function_is_named_first(built: Folder, architecture: str, name: str) -> None:
    """A function of a known size that a change adds leads the table, with just that size."""
    base, head = (attributed(built(architecture), name, of) for of in ("base", "head"))
    difference = compare(base, head, limit=5)
    row = difference.symbols.rows[0]

    assert (row.name, row.change, row.word) == ("added", ADDED, "is new")
    assert difference.symbols.change == difference.change
    assert difference.sections.rows[0].name == ".text"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_wrong_twin_is_refused(built: Folder, architecture: str) -> None:
    """Another program, another version of the same, or another CPU's names nothing."""
    folder = built(architecture)
    stripped = folder / "base" / "c.stripped"
    wrong = [folder / "head" / "c", folder / "base" / "cxx", folder / "base" / "c-static"]

    for twin in wrong:
        with pytest.raises(ArtifactError, match="not the unstripped twin of this file"):
            attribution_of(stripped, twin)


def test_another_cpu_is_no_twin(built: Folder) -> None:
    """The same program for another CPU is refused by that."""
    with pytest.raises(ArtifactError, match="it is for EM_"):
        attribution_of(built(NATIVE) / "base" / "c.stripped", built(FOREIGN) / "base" / "c")


# Rust

CARGO: Final = """\
[package]
name = "demo"
version = "0.1.0"
edition = "2021"
[dependencies]
helper = { path = "helper" }
[[bin]]
name = "plain"
path = "plain.rs"
[[bin]]
name = "more"
path = "more.rs"
"""
LOCK: Final = """\
version = 4

[[package]]
name = "demo"
version = "0.1.0"
dependencies = [
 "helper",
]

[[package]]
name = "helper"
version = "0.1.0"
"""
PLAIN: Final = """\
use std::collections::HashMap;
fn main() {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for word in std::env::args() { *seen.entry(word).or_default() += 1; }
    println!("{seen:?}");
    MORE
}
"""
HELPER: Final = """\
#[inline(never)]
pub fn help(x: u8) -> u8 { TABLE[x as usize].wrapping_add(x) }
#[used]
pub static TABLE: [u8; 9000] = [7; 9000];
"""
RUST: Final = {
    "Cargo.toml": CARGO,
    "Cargo.lock": LOCK,
    "helper/Cargo.toml": '[package]\nname = "helper"\nversion = "0.1.0"\nedition = "2021"\n',
    "helper/src/lib.rs": HELPER,
    "plain.rs": PLAIN.replace("MORE", ""),
    "more.rs": PLAIN.replace("MORE", 'println!("{}", helper::help(seen.len() as u8));'),
    "build.sh": """#!/bin/sh
set -eu
target=$1 strip=$2
mkdir -p out/base out/v0
export CARGO_PROFILE_RELEASE_STRIP=none
build() { cargo build --release --locked --target "$target"; }
build
for name in plain more; do cp "target/$target/release/$name" "out/base/$name"; done
export RUSTFLAGS='-C symbol-mangling-version=v0 -C target-feature=+crt-static'
build
for name in plain more; do cp "target/$target/release/$name" "out/v0/$name"; done
for file in out/*/*; do "$strip" -o "$file.stripped" "$file"; done
""",
}


@pytest.fixture(scope="module")
def rust(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A Rust program without a dependency and with, in both manglings; v0's are static."""
    keys: dict[str, object] = {
        "toolchain": "rust",
        "build": "sh build.sh {rust_target} {strip}",
        "artifacts": ["out/*/*"],
    }
    return builder(tmp_path_factory.mktemp("rust"), keys, RUST)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("of", ["base", "v0"])
def test_a_new_crate_is_named(rust: Folder, architecture: str, of: str) -> None:
    """A crate that a Rust program comes to depend on is first of the crates that are new."""
    base, head = (attributed(rust(architecture), name, of) for name in ("plain", "more"))
    crates = compare(base, head).crates
    new = [row.name for row in crates.rows if row.base is None]

    assert base.unnamed_share < 0.01
    assert head.unnamed_share < 0.01
    assert {part.crate for part in base.parts} >= {"core", "alloc", "std", None}
    # The program's own crate has another name in it.
    assert new == ["helper", "more"]
    assert crates.change == head.allocated_bytes - base.allocated_bytes
