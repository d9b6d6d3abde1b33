"""The facts of Mach-O files and the parts of fat ones: true ones are read, damaged ones refused."""

from __future__ import annotations

import io
import struct
import sys
from dataclasses import replace
from typing import Any, Final

import pytest

from fixtures.core.errors import ArtifactError
from fixtures.inspection import macho_symbols
from fixtures.inspection.macho import read_facts, read_slices
from fixtures.inspection.optional import MissingReaderError
from suites.selftest.unit.macho_images import ARM64, IMAGES, MAIN, X86_64, fat, trie_of
from suites.selftest.unit.mutants import OUTCOMES, mutants, outcome

PARTS: Final = ((X86_64, 3, bytes(IMAGES["amd64"])), (ARM64, 0, bytes(MAIN)))
UUID: Final = "000102030405060708090a0b0c0d0e0f"


def facts_of(content: bytes) -> dict[str, Any]:
    """The facts of a file's content."""
    return read_facts(io.BytesIO(content), len(content))


def slices_of(content: bytes) -> list[tuple[str, int, int]]:
    """The parts of a fat file's content."""
    return read_slices(io.BytesIO(content), len(content))


@pytest.mark.parametrize(
    ("name", "machine", "subtype"),
    [
        ("arm64", "ARM64", "arm64"),
        ("amd64", "X86_64", "x86_64"),
        ("386", "X86", "i386"),
        ("armv7", "ARM", "armv7"),
        ("ppc", "POWERPC", "ppc"),
    ],
)
def test_facts_are_what_the_image_says(name: str, machine: str, subtype: str) -> None:
    """CPU, word size, byte order, libraries and symbols are read for every architecture."""
    facts = facts_of(bytes(IMAGES[name]))

    expected = {
        "machine": f"CPU_TYPE_{machine}",
        "cpu_subtype": subtype,
        "architecture": name,
        "bits": IMAGES[name].bits,
        "endian": IMAGES[name].endian,
        "type": "executable",
        "needed": ["/usr/lib/libSystem.B.dylib"],
        "soname": None,
        "rpath": [],
        "build_id": UUID,
        "pie": True,
        "nx": True,
        "rwx_load": False,
        "stripped": True,
        "debug_info": False,
        "signed": False,
        "encrypted": False,
        "exports": ["_main"],
        "imports_count": 2,
        "text_size": 16,
        "data_size": 0,
        "bss_size": 0,
        "allocated_size": 0x8000,
        "sections": [["__TEXT,__text", 16]],
    }
    assert {fact: facts[fact] for fact in expected} == expected


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("arm64", ("macos", "11.0", "12.3")),
        ("armv7", ("ios", "7.0", None)),
        ("ppc", (None, None, None)),
    ],
)
def test_the_system_comes_from_either_command(name: str, system: tuple[str | None, ...]) -> None:
    """System and versions are read from the newer and the older command, and not made up."""
    facts = facts_of(bytes(IMAGES[name]))

    assert (facts["platform"], facts["min_os"], facts["sdk"]) == system


def test_a_library_says_what_it_exports() -> None:
    """A library's name, search paths and exports are read; the loader's table beats the symbols."""
    facts = facts_of(bytes(IMAGES["library"]))

    assert (facts["type"], facts["pie"]) == ("library", True)
    assert facts["soname"] == "@rpath/libdemo.dylib"
    assert facts["rpath"] == ["@loader_path/../lib"]
    assert facts["exports"] == ["_demo"]


def test_libraries_keep_their_order() -> None:
    """The order in which libraries are looked through is part of what the file says."""
    names = (b"/usr/lib/libz.dylib", b"/usr/lib/liba.dylib")

    assert facts_of(bytes(replace(MAIN, needed=names)))["needed"] == [
        "/usr/lib/libz.dylib",
        "/usr/lib/liba.dylib",
    ]


@pytest.mark.parametrize("kind", [0x80000018, 0x8000001F, 0x20, 0x80000023])
def test_each_way_to_load_a_library_is_read(kind: int) -> None:
    """Weak, re-exported, lazy and upward libraries are needed like any other."""
    content = bytes(MAIN).replace(struct.pack("<II", 0xC, 56), struct.pack("<II", kind, 56))

    assert content != bytes(MAIN)
    assert facts_of(content)["needed"] == ["/usr/lib/libSystem.B.dylib"]


def test_an_object_file_has_no_hardening() -> None:
    """What the linker decides is absent in an object file, and its open segment is no defect."""
    facts = facts_of(bytes(IMAGES["object"]))

    assert facts["type"] == "object"
    assert (facts["pie"], facts["nx"], facts["rwx_load"]) == (None, None, False)
    assert (facts["debug_info"], facts["stripped"]) == (True, False)


@pytest.mark.parametrize(
    ("change", "fact", "value"),
    [
        ({"flags": 0x85}, "pie", False),
        ({"flags": 0x220085}, "nx", False),
        ({"protection": 7}, "rwx_load", True),
        ({"locals": (b"_a", b"_b")}, "stripped", False),
        ({"locals": (b"radr://5614542",)}, "stripped", True),
        ({"uuid": b""}, "build_id", None),
        ({"signature": b"\xfa\xde"}, "signed", True),
        ({"encrypted": 1}, "encrypted", True),
        ({"encrypted": 0}, "encrypted", False),
        ({"subtype": 0x80000002}, "cpu_subtype", "arm64e"),
        ({"type": 8}, "type", "bundle"),
        ({"build": (2, 0x000E0102, 0)}, "min_os", "14.1.2"),
        ({"trie": b""}, "exports", []),
    ],
)
def test_each_difference_shows_in_its_fact(
    change: dict[str, Any], fact: str, value: object
) -> None:
    """What one image does differently is in the one fact that is about it."""
    assert facts_of(bytes(replace(MAIN, **change)))[fact] == value


@pytest.mark.parametrize("name", IMAGES)
def test_every_truncation_of_an_image_is_refused(name: str) -> None:
    """No byte can be cut off the end of an intact image without it being refused."""
    content = bytes(IMAGES[name])

    for length in range(len(content)):
        with pytest.raises(ArtifactError, match=r"a truncated|a damaged"):
            facts_of(content[:length])


@pytest.mark.parametrize(
    ("offset", "layout", "value", "complaint"),
    [
        (4, "<I", 99, "CPU type"),
        (4, "<I", 7, "another word size"),
        (12, "<I", 77, "file type"),
        (16, "<I", 1000, "do not fit their size"),
        (20, "<I", 0xFFFFFFF0, "load commands ends at"),
        (36, "<I", 4, "a load command of 4 bytes"),
        (36, "<I", 81, "a load command of 81 bytes"),
        (32 + 40, "<Q", 1 << 40, "a segment ends at"),
        (32 + 64, "<I", 1000, "1000 sections do not fit"),
        (32 + 72 + 40, "<Q", 1 << 40, "a section ends at"),
        (32, "<I", 1, "another word size"),
    ],
)
def test_damage_is_named(offset: int, layout: str, value: int, complaint: str) -> None:
    """A header that can't be right is refused with what is wrong about it."""
    content = bytearray(bytes(MAIN))
    struct.pack_into(layout, content, offset, value)

    with pytest.raises(ArtifactError, match=complaint):
        facts_of(bytes(content))


@pytest.mark.parametrize(
    "trie", [trie_of(b"_demo")[:-1], b"\0\1a\0\0", b"\0\2a\0\7b\0\7\0", b"\xff"]
)
def test_a_table_of_exports_that_is_no_tree_is_refused(trie: bytes) -> None:
    """A table of exports that loops, or joins again, or ends early, is damage."""
    with pytest.raises(ArtifactError, match="table of exports"):
        facts_of(bytes(replace(MAIN, trie=trie)))


def test_a_symbol_without_a_name_in_the_table_is_refused() -> None:
    """A symbol whose name lies outside of the table of names is damage."""
    content = bytes(replace(MAIN, exports=(b"_main", b"_second")))
    second = struct.pack("<IBB", 7, 0x0F, 1)

    with pytest.raises(ArtifactError, match="outside of its table"):
        facts_of(content.replace(second, struct.pack("<IBB", 70_000, 0x0F, 1)))


def test_a_long_table_of_names_is_read_name_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the names are too many to hold at once, they are the same."""
    image = bytes(replace(MAIN, exports=(b"_b", b"_a")))
    whole = facts_of(image)
    monkeypatch.setattr(macho_symbols, "MAX_STRINGS", 1)

    assert facts_of(image) == whole


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
        facts_of(bytes(MAIN))


@pytest.mark.parametrize("wide", [False, True])
def test_a_fat_file_has_a_part_for_each_cpu(wide: bool) -> None:
    """The parts of a fat file are named by CPU, and each is a file that can be read."""
    content = fat(PARTS, wide=wide)

    parts = slices_of(content)

    assert [name for name, *_ in parts] == ["x86_64", "arm64"]
    assert [content[at : at + size] for _, at, size in parts] == [part for *_, part in PARTS]


@pytest.mark.parametrize("wide", [False, True])
def test_every_truncation_of_a_fat_file_is_refused(wide: bool) -> None:
    """No byte can be cut off the end of a fat file without it being refused."""
    content = fat(PARTS, wide=wide)

    for length in range(len(content)):
        with pytest.raises(ArtifactError, match=r"a truncated|a damaged"):
            slices_of(content[:length])


@pytest.mark.parametrize(
    ("offset", "value", "complaint"),
    [
        (4, 0, "0 architectures"),
        (4, 33, "33 architectures"),
        (8, 99, "CPU type"),
        (8, 12, "for another CPU"),
        (16, 8, "not aligned"),
        (16, 0, "overlaps"),
        (20, 0, "empty"),
        (20, 0xFFFFFFFF, "ends at"),
        (24, 40, "not aligned"),
        (28, X86_64, "two parts for x86_64"),
    ],
)
def test_damage_of_a_fat_file_is_named(offset: int, value: int, complaint: str) -> None:
    """Parts that can't be where the table says are refused with what is wrong about them."""
    content = bytearray(fat(PARTS))
    struct.pack_into(">I", content, offset, value)
    if complaint.startswith("two"):
        struct.pack_into(">I", content, 32, 3)

    with pytest.raises(ArtifactError, match=complaint):
        slices_of(bytes(content))


def test_overlapping_parts_are_refused() -> None:
    """Two parts that share bytes are damage, in whatever order they are listed."""
    content = bytearray(fat(PARTS))
    [first] = struct.unpack_from(">I", content, 16)
    struct.pack_into(">I", content, 20, len(content) - first)

    with pytest.raises(ArtifactError, match="overlaps"):
        slices_of(bytes(content))
