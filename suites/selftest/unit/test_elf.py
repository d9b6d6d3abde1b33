"""The facts of ELF files: true ones are read, false ones are refused, none is believed."""

from __future__ import annotations

import contextlib
import io
import json
import re
import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.errors import ArtifactError
from fixtures.core.text import printable
from fixtures.inspection import identify
from fixtures.inspection.elf.dynamic import MAX_DYNAMIC
from fixtures.inspection.elf.facts import MAX_INTERPRETER, read_facts
from fixtures.inspection.elf.layout import MAX_NAME
from suites.selftest.unit.elf_images import ARM64, IMAGES, MACHINES

REAL: Final = tuple(
    sorted({Path(name).resolve() for name in ("/bin/sh", sys.executable) if name}, key=str)
)
HEADS: Final = {
    "empty": b"",
    "elf": bytes(ARM64),
    "script": b"#!/bin/sh\n",
    "pe": b"MZ\x90\0",
    "data": b"\1\2\3\4",
}


def facts_of(content: bytes) -> dict[str, Any]:
    """The facts of a file's content."""
    return read_facts(io.BytesIO(content), len(content))


def real_elf(path: Path) -> bytes:
    """The content of one of this machine's programs."""
    content = path.read_bytes()
    if identify.identify(content[:16]) != "elf":
        pytest.skip(f"{path.name} of this machine is no ELF file")
    return content


@pytest.mark.parametrize("name", IMAGES)
def test_facts_are_what_the_image_says(name: str) -> None:
    """Machine, class, byte order, flags, OS ABI and libraries are read for every architecture."""
    image = IMAGES[name]

    facts = facts_of(bytes(image))

    expected = {
        "e_machine": MACHINES[name],
        "bits": image.bits,
        "endian": image.endian,
        "e_flags": image.flags,
        "e_type": "ET_DYN",
        "os_abi": image.os_abi,
        "interpreter": image.interpreters[0].decode() if image.interpreters else None,
        "needed": ["libm.so.6", "libc.so.6"],
        "soname": "libdemo.so.1" if name == "library" else None,
        "rpath": "/opt/old" if name == "library" else None,
        "runpath": "$ORIGIN/../lib" if name == "library" else None,
    }
    assert {fact: facts[fact] for fact in expected} == expected


@pytest.mark.parametrize("name", IMAGES)
def test_every_truncation_of_an_image_is_refused(name: str) -> None:
    """No byte can be cut off the end of an intact image without it being refused."""
    content = bytes(IMAGES[name])

    for length in range(len(content)):
        with pytest.raises(ArtifactError):
            facts_of(content[:length])


@pytest.mark.parametrize("path", REAL, ids=lambda path: str(path.name))
def test_truncations_of_real_programs_are_refused(path: Path) -> None:
    """A real program cut short anywhere is refused: at its head, its end, and in between."""
    content = real_elf(path)
    size = len(content)
    facts_of(content)
    lengths = {*range(300), *range(size - 300, size), *range(0, size, max(1, size // 500))}

    for length in sorted(lengths):
        with pytest.raises(ArtifactError):
            read_facts(io.BytesIO(content[:length]), length)


def test_a_truncated_file_is_called_that() -> None:
    """The complaint about a file cut short says where it should end and where it does."""
    content = bytes(ARM64)[:-1]

    with pytest.raises(ArtifactError) as caught:
        facts_of(content)

    assert re.search(
        rf"truncated.* ends at byte {len(content) + 1}, the file at", str(caught.value)
    )


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_or_read(content: bytes) -> None:
    """Whatever a file holds, reading it gives facts or ArtifactError, nothing else."""
    read_or_refused(content)


@given(st.sampled_from(sorted(IMAGES)), st.binary(max_size=200))
def test_any_bytes_behind_an_elf_head_are_refused_or_read(name: str, rest: bytes) -> None:
    """A file that only starts like an ELF file gives facts or ArtifactError, nothing else."""
    read_or_refused(bytes(IMAGES[name])[:16] + rest)


@given(
    st.sampled_from(sorted(IMAGES)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8))),
)
def test_any_mutation_of_an_image_is_refused_or_read(
    name: str, changes: list[tuple[float, bytes]]
) -> None:
    """Bytes overwritten anywhere in an image give facts or ArtifactError, nothing else."""
    content = bytearray(bytes(IMAGES[name]))
    for share, piece in changes:
        at = int(share * len(content))
        content[at : at + len(piece)] = piece

    read_or_refused(bytes(content))


@pytest.mark.parametrize("name", ["amd64", "mips"])
@pytest.mark.parametrize("value", [0x00, 0x01, 0x80, 0xFF])
def test_each_overwritten_byte_is_refused_or_read(name: str, value: int) -> None:
    """One wrong byte, at each place of an image, gives facts or ArtifactError, nothing else."""
    content = bytes(IMAGES[name])

    for at in range(len(content)):
        read_or_refused(content[:at] + bytes([value]) + content[at + 1 :])


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=8))
def test_mutations_of_a_real_program_are_refused_or_read(changes: list[tuple[int, int]]) -> None:
    """Bytes overwritten in the head of this machine's shell give facts or ArtifactError."""
    content = bytearray(real_elf(Path("/bin/sh").resolve()))
    for at, value in changes:
        content[at % len(content)] = value

    read_or_refused(bytes(content))


def read_or_refused(content: bytes) -> None:
    """Facts that any report can carry, or a complaint that any terminal can show."""
    try:
        facts = facts_of(content)
    except ArtifactError as error:
        shown = str(error)
    else:
        # What is read goes into records and reports: plain JSON that any encoder takes.
        shown = json.dumps(facts, ensure_ascii=False).encode().decode()
    assert shown == printable(shown)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "an empty file (0 bytes)"),
        (b"#!/bin/sh\nexec ./real\n", "a script (#!/bin/sh)"),
        (b"#!/bin/\x1b[31msh\n", r"a script (#!/bin/\x1b[31msh)"),
        (b"MZ\x90\0", "a Windows (PE) file"),
        (b"\xcf\xfa\xed\xfe\x07\0\0\x01", "a Mach-O file"),
        (b"!<arch>\n/     ", "a static library (ar)"),
        (b"BC\xc0\xde", "LLVM bitcode"),
        (b"\x01\x02\x03\x04\x05\x06\x07\x08\x09", "it starts with 01 02 03 04 05 06 07 08"),
    ],
)
def test_what_is_no_elf_file_is_named(head: bytes, words: str) -> None:
    """What is found where an ELF file was promised is said in words, and nothing of it is run."""
    with pytest.raises(ArtifactError, match=r"^not an ELF file but ") as caught:
        facts_of(head)

    assert words in str(caught.value)


@pytest.mark.parametrize("format_", HEADS)
def test_formats_are_told_by_their_first_bytes(format_: str) -> None:
    """A file's format is told from its first bytes, never from its name."""
    assert identify.identify(HEADS[format_][:16]) == format_


def test_unknown_numbers_are_shown_as_numbers() -> None:
    """A machine that nobody has a name for is shown by its number, never guessed."""
    facts = facts_of(bytes(replace(ARM64, machine=0xFEDC)))

    assert facts["e_machine"] == "EM_0xfedc"


def test_terminal_codes_in_facts_are_escaped() -> None:
    """Names inside a file can't steer the terminal, nor break any encoder."""
    image = replace(
        ARM64,
        interpreters=(b"/lib/\x1b[2J\xff\n",),
        needed=(b"lib\x1b[31m\xfe.so\r",),
        soname=b"\x07",
    )

    facts = facts_of(bytes(image))

    assert facts["interpreter"] == r"/lib/\x1b[2J\xff\n"
    assert facts["needed"][0] == printable(facts["needed"][0])
    assert facts["soname"] == r"\x07"


def test_the_first_interpreter_counts() -> None:
    """Of two interpreters the first is the fact: it is the one that Linux loads."""
    # load_elf_binary leaves its loop at the first PT_INTERP.
    image = replace(ARM64, interpreters=(b"/tmp/evil", b"/lib/ld-linux-aarch64.so.1"))

    facts = facts_of(bytes(image))

    assert facts["interpreter"] == "/tmp/evil"


def test_an_interpreter_of_absurd_length_is_refused() -> None:
    """An interpreter longer than any path is damage, and is not quoted."""
    image = replace(ARM64, interpreters=(b"/" * (MAX_INTERPRETER + 1),))

    with pytest.raises(ArtifactError, match="interpreter of unreasonable length"):
        facts_of(bytes(image))


def test_a_dynamic_section_of_absurd_length_is_refused() -> None:
    """A dynamic section beyond the bound is refused before it is walked."""
    image = replace(ARM64, needed=(b"libc.so.6",) * (MAX_DYNAMIC // 16 + 1))

    with pytest.raises(ArtifactError, match="dynamic section of unreasonable length"):
        facts_of(bytes(image))


def test_facts_do_not_outgrow_the_file() -> None:
    """A small file can't make a large record by naming one long library again and again."""
    content = bytes(replace(ARM64, needed=(b"x" * MAX_NAME,) * 3000))

    try:
        shown = len(json.dumps(facts_of(content)))
    except ArtifactError:
        shown = 0

    assert shown <= 8 * len(content)


class Counted(io.BytesIO):
    """A file that counts the bytes that were read of it."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(size)
        self.count += len(piece)
        return piece


def test_reading_does_not_outgrow_the_file() -> None:
    """A small file can't cost minutes by naming one long string again and again."""
    content = bytes(replace(ARM64, needed=(b"x" * 100_000,) * 500))
    stream = Counted(content)

    with contextlib.suppress(ArtifactError):
        read_facts(stream, len(content))

    assert stream.count <= 8 * len(content)


class Vast(io.RawIOBase):
    """A sparse file of absurd size that only starts like an ELF file; a large read fails."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._at = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset if whence == io.SEEK_SET else 1 << 50
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        assert 0 <= size <= 64 * 1024**2, f"{size} bytes were read at once"
        piece = self._head[self._at : self._at + size]
        self._at += size
        return piece.ljust(size, b"\0")


@pytest.mark.parametrize("table", ["program", "section"])
def test_a_table_of_absurd_length_is_not_read(table: str) -> None:
    """A table that fills a sparse file of a petabyte is refused, not read into memory."""
    content = bytearray(bytes(ARM64))
    [table_at] = struct.unpack_from("<Q", content, 40)
    if table == "section":
        struct.pack_into("<H", content, 60, 0)  # e_shnum: the count stands in the first section
        struct.pack_into("<Q", content, table_at + 32, 1 << 40)
    else:
        struct.pack_into("<H", content, 56, 0xFFFF)  # e_phnum: the same
        struct.pack_into("<I", content, table_at + 44, (1 << 32) - 1)

    with pytest.raises(ArtifactError):
        read_facts(Vast(bytes(content)), 1 << 50)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("offset", "layout", "value"),
    [
        pytest.param(4, "<B", 3, id="class"),
        pytest.param(5, "<B", 0, id="byte order"),
        pytest.param(6, "<B", 2, id="identification version"),
        pytest.param(20, "<I", 2, id="version"),
        pytest.param(52, "<H", 63, id="header size"),
        pytest.param(54, "<H", 55, id="program header size"),
        pytest.param(58, "<H", 63, id="section header size"),
        pytest.param(32, "<Q", 1 << 63, id="program table offset"),
        pytest.param(40, "<Q", (1 << 64) - 1, id="section table offset"),
        pytest.param(40, "<Q", 0, id="sections without a table"),
    ],
)
def test_an_impossible_header_is_refused(offset: int, layout: str, value: int) -> None:
    """A header that contradicts itself or the file's size is damage, and is called so."""
    content = bytearray(bytes(ARM64))
    struct.pack_into(layout, content, offset, value)

    with pytest.raises(ArtifactError, match=r"^a (damaged|truncated) ELF file: "):
        facts_of(bytes(content))


@pytest.mark.parametrize(
    ("what", "kind_without_bytes"), [("segment", 0), ("section", 8)], ids=["segment", "section"]
)
def test_only_what_takes_bytes_has_to_lie_in_the_file(what: str, kind_without_bytes: int) -> None:
    """A part that ends beyond the file is a truncation, unless it is of a kind without bytes."""
    content = bytearray(bytes(ARM64))
    [table_at] = struct.unpack_from("<Q", content, 40)
    # PT_INTERP, the first program header; .dynstr, the second section header.
    row_at, kind_at = (64, 0) if what == "segment" else (table_at + 64, 4)
    struct.pack_into("<Q", content, row_at + 32, 1 << 20)

    with pytest.raises(ArtifactError, match=f"truncated ELF file: a {what} ends at byte"):
        facts_of(bytes(content))

    # PT_NULL is an unused row, SHT_NOBITS is memory that starts as zeros (.bss).
    struct.pack_into("<I", content, row_at + kind_at, kind_without_bytes)

    assert facts_of(bytes(content))["needed"] == ["libm.so.6", "libc.so.6"]
