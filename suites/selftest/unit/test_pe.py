"""The facts of Windows files: true ones are read, damaged ones are refused."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.core.errors import ArtifactError
from fixtures.inspection import pe
from fixtures.inspection.optional import MissingReaderError
from fixtures.inspection.pe import read_facts
from suites.selftest.unit.mutants import OUTCOMES, mutants, outcome
from suites.selftest.unit.pe_images import AMD64, BASE, IMAGES

COMPILERS: Final = {
    "amd64": "x86_64-w64-mingw32-gcc",
    "386": "i686-w64-mingw32-gcc",
}
LIBRARY: Final = """
int table[1000] = {1};
int zeros[5000];
__declspec(dllexport) int demo_add(int a) { return a + table[a & 7] + zeros[a & 7]; }
__declspec(dllexport) int demo_sub(int a) { return a - 1; }
"""


def facts_of(content: bytes) -> dict[str, Any]:
    """The facts of a file's content."""
    return read_facts(io.BytesIO(content), len(content))


@pytest.mark.parametrize(
    ("name", "machine", "bits"),
    [
        ("amd64", "AMD64", 64),
        ("arm64", "ARM64", 64),
        ("386", "I386", 32),
        ("armv7", "ARMNT", 32),
        ("riscv64", "RISCV64", 64),
        ("loong64", "LOONGARCH64", 64),
    ],
)
def test_facts_are_what_the_image_says(name: str, machine: str, bits: int) -> None:
    """Machine, libraries, build ID and hardening are read for every architecture."""
    facts = facts_of(bytes(IMAGES[name]))

    expected = {
        "machine": f"IMAGE_FILE_MACHINE_{machine}",
        "architecture": name,
        "bits": bits,
        "endian": "little",
        "type": "executable",
        "subsystem": "windows-console",
        "needed": ["ADVAPI32.dll", "KERNEL32.dll"],
        "delay_needed": [],
        "imports_count": 3,
        "soname": None,
        "exports": [],
        "pie": True,
        "nx": True,
        "high_entropy_va": bits == 64,
        "guard_cf": False,
        "cet": False,
        "rwx_load": False,
        "stripped": True,
        "debug_info": False,
        "signed": False,
        "dotnet": False,
        "timestamp": 0x5F000000,
        "build_id": "030201000504070608090a0b0c0d0e0f1",
    }
    assert {fact: facts[fact] for fact in expected} == expected


def test_a_library_says_what_it_exports() -> None:
    """A DLL has its name, its exported names, and the mark of shadow stacks where it has that."""
    facts = facts_of(bytes(IMAGES["library"]))

    assert facts["type"] == "library"
    assert facts["soname"] == "demo.dll"
    assert facts["exports"] == ["demo_add", "demo_sub"]
    assert facts["cet"] is True
    assert facts["stripped"] is False


def test_a_signature_and_a_reproducible_build_are_told() -> None:
    """A certificate is seen, and a hash in the place of the time is no time."""
    facts = facts_of(bytes(IMAGES["signed"]))

    assert facts["signed"] is True
    assert facts["timestamp"] is None


@pytest.mark.parametrize(
    ("flags", "architecture"), [(1, "any"), (3, "386"), (0x20003, "any"), (0, "386")]
)
def test_managed_code_runs_anywhere_unless_it_says_otherwise(flags: int, architecture: str) -> None:
    """Pure managed code is for any CPU, but where its header asks for 32 bits or has more in it."""
    facts = facts_of(bytes(replace(IMAGES["managed"], clr_flags=flags)))

    assert (facts["dotnet"], facts["architecture"]) == (True, architecture)


@pytest.mark.parametrize(
    ("change", "fact", "value"),
    [
        ({"dll_flags": 0x100}, "pie", False),
        ({"characteristics": 0x23}, "pie", False),
        ({"dll_flags": 0x40}, "nx", False),
        ({"dll_flags": 0x4000}, "guard_cf", True),
        ({"flags": 0xE0000020}, "rwx_load", True),
        ({"subsystem": 1}, "type", "driver"),
        ({"subsystem": 10}, "subsystem", "efi-application"),
        ({"timestamp": 0}, "timestamp", None),
        ({"guid": b""}, "build_id", None),
        ({"machine": 0x8664 ^ 0x7B79}, "architecture", "amd64"),
        ({"machine": 0x200}, "architecture", None),
        ({"extra_sections": ((b".bss", 0xC0000080),)}, "bss_size", 512),
        ({"extra_sections": ((b".bss", 0xC0000080),)}, "allocated_size", 1024),
    ],
)
def test_each_defect_shows_in_its_fact(change: dict[str, Any], fact: str, value: object) -> None:
    """What one image does differently is in the one fact that is about it."""
    assert facts_of(bytes(replace(AMD64, **change)))[fact] == value


def test_many_names_are_all_read() -> None:
    """Ten thousand imports and exports lose none of them on the way."""
    names = tuple(b"name_%05d" % number for number in range(10_000))
    image = replace(AMD64, soname=b"big.dll", exports=names, needed=((b"all.dll", names),))

    facts = facts_of(bytes(image))

    assert facts["imports_count"] == 10_000
    assert facts["exports"] == [name.decode() for name in names]


@pytest.mark.parametrize("name", ["amd64", "386", "library", "signed", "managed"])
def test_every_truncation_of_an_image_is_refused(name: str) -> None:
    """No byte can be cut off the end of an intact image without it being refused."""
    content = bytes(IMAGES[name])

    for length in range(len(content)):
        with pytest.raises(ArtifactError, match=r"a truncated|a damaged"):
            facts_of(content[:length])


@pytest.mark.parametrize(
    ("offset", "layout", "value", "complaint"),
    [
        (60, "<I", 0xFFFFFFF0, "PE header ends at"),
        (60, "<I", 80, "no PE header at byte 80"),
        (64 + 4, "<H", 0x1234, "machine"),
        (64 + 4, "<H", 0x14C, "another word size"),
        (64 + 20, "<H", 40, "optional header has 40 bytes"),
        (64 + 24, "<H", 0x107, "no known kind"),
        (64 + 24 + 32, "<I", 3, "aligned to 3"),
        (64 + 24 + 56, "<I", 0x1000, "beyond the end of its image"),
        (64 + 24 + 60, "<I", 64, "end before its table of sections"),
        (64 + 24 + 60, "<I", 0xFFFFFF, "its headers ends at"),
        (64 + 24 + 108, "<I", 17, "17 data directories"),
        (64 + 24 + 112 + 8, "<I", 0x900000, "directory 1 is in none"),
        (64 + 24 + 112 + 4 * 8, "<II", (0x400, 0x100000), "certificate table ends at"),
        (64 + 24 + 112 + 4 * 8, "<II", (0x400, 16), "certificate"),
        (64 + 24 + 240 + 16, "<I", 0x10000, "section 1 ends at"),
        (64 + 24 + 240 + 20, "<I", 0xFFFFFE00, "section 1 ends at"),
        (64 + 12, "<II", (0x400, 0x1000), "symbol table ends at"),
    ],
)
def test_damage_is_named(offset: int, layout: str, value: Any, complaint: str) -> None:
    """A header that can't be right is refused with what is wrong about it."""
    content = bytearray(bytes(AMD64))
    struct.pack_into(layout, content, offset, *(value if isinstance(value, tuple) else (value,)))

    with pytest.raises(ArtifactError, match=complaint):
        facts_of(bytes(content))


def test_an_import_table_that_names_nothing_is_refused() -> None:
    """A library's name that is nowhere in the file is damage, not one library fewer."""
    image = bytes(AMD64)
    name = struct.pack("<I", BASE + image.index(b"KERNEL32.dll") - 0x400)
    content = image.replace(name, struct.pack("<I", 0x700000))

    with pytest.raises(ArtifactError, match="names no library"):
        facts_of(content)


def test_facts_do_not_depend_on_sections_without_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """LIEF gets no more than a bound, and what it says of imports is the same."""
    image = replace(AMD64, extra_sections=((b".bss", 0xC0000080),))
    whole = facts_of(bytes(image))
    monkeypatch.setattr(pe, "MAX_CORE", len(bytes(image)) - 0x400)

    assert facts_of(bytes(image)) == whole
    monkeypatch.setattr(pe, "MAX_CORE", 100)
    with pytest.raises(ArtifactError, match="imports and exports are among"):
        facts_of(bytes(image))


def test_mutants_are_refused_or_read() -> None:
    """Whatever is wrong with a file, reading it gives facts or ArtifactError, nothing else."""
    outcomes = {
        outcome(facts_of, content)
        for content in mutants([bytes(image) for image in IMAGES.values()], 2000)
    }

    assert outcomes == OUTCOMES


def test_without_lief_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the optional reader is missing, the error names what to install."""
    monkeypatch.setitem(sys.modules, "lief", None)

    with pytest.raises(MissingReaderError, match=r'install "crossgate\[formats\]"$'):
        facts_of(bytes(AMD64))


def test_damage_is_told_without_lief_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A truncated file is called truncated, whether or not its reader is installed."""
    monkeypatch.setitem(sys.modules, "lief", None)

    with pytest.raises(ArtifactError, match="a truncated"):
        facts_of(bytes(AMD64)[:-1])


@pytest.mark.parametrize("architecture", COMPILERS)
def test_objdump_and_size_agree_on_a_real_library(architecture: str, tmp_path: Path) -> None:
    """GNU tools read the same libraries, exports, sections and sizes from what MinGW links."""
    compiler = COMPILERS[architecture]
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    source, file = tmp_path / "demo.c", tmp_path / "demo.dll"
    source.write_text(LIBRARY)
    subprocess.run([compiler, "-shared", "-o", file, source], check=True)
    tool = compiler.removesuffix("gcc")
    shown = _output(f"{tool}objdump", "-p", "-h", file).splitlines()
    sizes = _output(f"{tool}size", file).splitlines()[1].split()[:3]
    rows = [line.split() for line in shown if line[:4].strip().isdigit() and " 2**" in line]

    facts = facts_of(file.read_bytes())

    assert facts["architecture"] == architecture
    assert facts["soname"] == "demo.dll"
    assert facts["exports"] == ["demo_add", "demo_sub"]
    assert facts["needed"] == sorted(
        line.split(": ")[1] for line in shown if line.startswith("\tDLL Name")
    )
    assert facts["sections"] == [[row[1], int(row[2], 16)] for row in rows]
    assert [facts[f"{part}_size"] for part in ("text", "data", "bss")] == [int(n) for n in sizes]


def _output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
