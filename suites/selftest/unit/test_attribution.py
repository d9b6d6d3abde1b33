"""Attribution of sizes: every byte once, by the symbol that it belongs to, whatever a file says."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.attribution import (
    Attribution,
    Kind,
    Part,
    Place,
    Section,
    Symbol,
    attribute,
)
from fixtures.core.attribution_json import MAX_TEXT, SCHEMA, from_json, to_json
from fixtures.core.errors import ArtifactError, RecordError
from fixtures.inspection.attribution.read import read
from fixtures.inspection.elf import sizes
from fixtures.inspection.elf.layout import open_elf
from suites.selftest.unit.elf_symbols import (
    ALLOC,
    EXEC,
    LOCAL,
    MACHINES,
    NOBITS,
    NOTYPE,
    OBJECT,
    TEXT_AT,
    TLS,
    TLS_SYMBOL,
    WEAK,
    WRITE,
    Image,
    Sec,
    Sym,
    text,
)

CODE: Final = Section(name=".text", kind=Kind.CODE, size=100)
TRAP: Final = b"\xf4"
"""hlt: no assembler fills with it."""


def swept(*symbols: Symbol, section: Section = CODE, padding: bool = False) -> dict[str, int]:
    """Bytes of one section by name; what has none is under its kind."""
    done = attribute(
        file_bytes=section.size,
        sections=[section],
        symbols=[symbols],
        rest=(),
        gap=lambda *_: Kind.PADDING if padding else None,
    )
    return {part.symbol or part.kind.value: part.bytes for part in done.parts}


def sym(name: str, start: int, size: int = 0, **more: Any) -> Symbol:
    """A symbol of a section."""
    return Symbol(name=name, start=start, size=size, **more)


def read_bytes(content: bytes, twin: bytes | None = None) -> Attribution:
    """The attribution of a file's content."""
    other = (io.BytesIO(twin), len(twin)) if twin is not None else None
    return read(io.BytesIO(content), len(content), other)


def named(image: Image) -> dict[str, int]:
    """Allocated bytes of an image by symbol, or by kind."""
    sums: dict[str, int] = {}
    for part in read_bytes(bytes(image)).parts:
        if part.place is not Place.FILE:
            name = part.symbol or part.kind.value
            sums[name] = sums.get(name, 0) + part.bytes
    return sums


# The sweep


def test_aliases_count_once() -> None:
    """Of names for the same bytes one gets them: the lowest rank, then the first by name."""
    same = [sym("b", 0, 100, rank=1), sym("c", 0, 100), sym("a", 0, 100, rank=1)]

    assert swept(*same) == {"c": 100}
    assert swept(*same[::2]) == {"a": 100}


def test_the_innermost_symbol_has_the_byte() -> None:
    """A nested symbol has its own bytes, the one around it what is left, before and behind."""
    assert swept(sym("outer", 0, 100), sym("inner", 40, 10)) == {"outer": 90, "inner": 10}


def test_of_two_that_start_together_the_shorter_has_its_bytes() -> None:
    """The longer one goes on where the shorter ends."""
    assert swept(sym("long", 0, 100), sym("short", 0, 30)) == {"long": 70, "short": 30}


def test_overlapping_symbols_share_nothing() -> None:
    """Where two overlap, the later one has the overlap."""
    assert swept(sym("first", 0, 60), sym("second", 40, 60)) == {"first": 40, "second": 60}


def test_a_symbol_without_a_size_reaches_to_the_next() -> None:
    """Of size 0 it names what follows, up to the next one or the section's end."""
    found = swept(sym("a", 10), sym("b", 30, 20), sym("c", 60))

    assert found == {"no name": 20, "a": 20, "b": 20, "c": 40}


def test_a_symbol_without_a_size_takes_nothing_from_one_with() -> None:
    """A label inside of a function names nothing, nor does one for padding alone."""
    assert swept(sym("f", 0, 100), sym("label", 50)) == {"f": 100}
    assert swept(sym("f", 0, 90), sym("end", 90), padding=True) == {
        "f": 90,
        "alignment padding": 10,
    }


def test_a_mark_reaches_no_further_than_its_word() -> None:
    """What has a word of its own names that word, and nothing behind it."""
    assert swept(sym("__dso_handle", 20, reach=8), sym("g", 50, 50)) == {
        "no name": 42,
        "__dso_handle": 8,
        "g": 50,
    }


def test_what_lies_outside_is_cut_off() -> None:
    """A symbol beyond the section's end has what is inside of it; one before or behind, nothing."""
    found = swept(sym("long", 90, 2**62), sym("behind", 100, 5), sym("far", 2**62, 5))

    assert found == {"long": 10, "no name": 90}


def test_sections_that_linkers_make_are_named_by_themselves() -> None:
    """No symbol takes anything of them."""
    got = Section(name=".got", kind=Kind.LINKING, size=100)

    assert swept(sym("_GLOBAL_OFFSET_TABLE_", 0, 100), section=got) == {"made for linking": 100}


symbols = st.builds(
    Symbol,
    start=st.integers(-5, 130),
    size=st.one_of(st.just(0), st.integers(0, 140), st.just(2**63)),
    name=st.sampled_from("abcdef"),
    crate=st.sampled_from([None, "serde"]),
    rank=st.integers(0, 2),
    reach=st.sampled_from([None, 1, 8, 500]),
)


@given(st.lists(symbols, max_size=25), st.sampled_from([Kind.CODE, Kind.CONSTANTS, Kind.PLT]))
def test_any_table_of_symbols_adds_up(table: list[Symbol], kind: Kind) -> None:
    """Aliases, overlaps, nesting, no sizes, out of range: the parts are the whole, to the byte."""
    section = Section(name=".x", kind=kind, size=120)
    bss = Section(name=".bss", kind=Kind.DATA, size=77, in_file=False)
    done = attribute(
        file_bytes=123,
        sections=[section, bss],
        symbols=[table, table],
        rest=[Part(section="(file header)", kind=Kind.HEADERS, place=Place.FILE, bytes=3)],
        gap=lambda _, start, end: Kind.PADDING if end - start < 3 else None,
    )

    assert done.allocated_bytes == 197
    assert sum(part.bytes for part in done.parts if part.place is not Place.FILE) == 197
    assert sum(part.bytes for part in done.parts if part.place is not Place.MEMORY) == 123


@given(st.lists(symbols, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_the_table_does_not_matter(table: list[Symbol], random: Any) -> None:
    """Two linkers that write the same symbols in another order give the same attribution."""
    shuffled = list(table)
    random.shuffle(shuffled)

    assert swept(*table) == swept(*shuffled)


@given(st.lists(symbols.filter(lambda each: each.size > 0), max_size=12))
def test_each_byte_is_its_innermost_symbols(table: list[Symbol]) -> None:
    """Byte by byte, the owner is the one that starts last, ends first, ranks lowest."""
    expected: dict[str, int] = {}
    for byte in range(100):
        over = [
            (-each.start, min(100, each.start + each.size), each.rank, each.name)
            for each in table
            if 0 <= each.start <= byte < each.start + each.size
        ]
        name = min(over)[3] if over else "no name"
        expected[name] = expected.get(name, 0) + 1
    done = attribute(file_bytes=100, sections=[CODE], symbols=[table], rest=(), gap=lambda *_: None)
    found: dict[str, int] = {}
    for part in done.parts:
        found[part.symbol or "no name"] = found.get(part.symbol or "no name", 0) + part.bytes

    assert found == expected


def test_parts_that_do_not_add_up_are_none() -> None:
    """An attribution with a byte too few, too many, or of no bytes can't be made."""
    part = Part(section=".text", kind=Kind.CODE, bytes=10)

    assert Attribution(file_bytes=10, allocated_bytes=10, parts=(part,))
    for wrong in (
        {"file_bytes": 11, "allocated_bytes": 10, "parts": (part,)},
        {"file_bytes": 10, "allocated_bytes": 9, "parts": (part,)},
        {"file_bytes": 10, "allocated_bytes": 10, "parts": (part, replace(part, bytes=0))},
    ):
        with pytest.raises(ValueError, match="part"):
            Attribution(**wrong)  # type: ignore[arg-type]


# Reading files


def image(architecture: str, **more: Any) -> Image:
    """A file with code, constants, data and thread-local data, and names for most of it."""
    return Image(
        architecture=architecture,
        sections=(
            text(TRAP * 96),
            Sec(name=".rodata", content=b"x" * 40, address=0x20000),
            Sec(name=".data", content=b"d" * 24, flags=ALLOC | WRITE, address=0x30000),
            Sec(name=".tbss", size=16, type=NOBITS, flags=ALLOC | WRITE | TLS, address=0x40000),
            Sec(name=".bss", size=64, type=NOBITS, flags=ALLOC | WRITE, address=0x40000),
            Sec(name=".got", content=b"g" * 8, flags=ALLOC | WRITE, address=0x50000),
            Sec(name=".comment", content=b"GCC", flags=0, alignment=1),
        ),
        symbols=(
            Sym(name="main", value=TEXT_AT, size=60),
            Sym(name="helper", value=TEXT_AT + 60, size=36, binding=LOCAL),
            Sym(name="table", value=0x20000, size=30, type=OBJECT, section=2),
            Sym(name="state", value=0x30000, size=24, type=OBJECT, section=3),
            Sym(name="mine", value=0, size=16, type=TLS_SYMBOL, section=4),
            Sym(name="buffer", value=0x40000, size=64, type=OBJECT, section=5),
        ),
        segments=((7, 4, 0, 0x40000, 0, 16, 8),),
        **more,
    )


EXPECTED: Final = {
    **{"main": 60, "helper": 36, "table": 30, "constants without a symbol": 10, "state": 24},
    **{"mine": 16, "buffer": 64, "made for linking": 8},
}


@pytest.mark.parametrize("architecture", MACHINES)
def test_each_architecture_is_read(architecture: str) -> None:
    """Class, byte order, thread-local storage and memory without bytes in the file are told."""
    whole = bytes(image(architecture))
    done = read_bytes(whole)

    assert named(image(architecture)) == EXPECTED
    assert done.file_bytes == len(whole)
    assert (
        done.allocated_bytes
        == sizes.read(open_elf(io.BytesIO(whole), len(whole)))["allocated_size"]
    )
    assert done.unnamed_share == 0


def test_the_rest_of_the_file_is_told() -> None:
    """Headers, table of symbols, sections that are not loaded, gaps and what is behind the end."""
    done = read_bytes(bytes(image("amd64", tail=b"appended")))
    rest = {part.section: part for part in done.parts if part.place is Place.FILE}

    assert rest["(file header)"].bytes == 64
    assert rest["(program headers)"].bytes == 56
    assert rest["(section headers)"].bytes == 64 * 11
    assert rest[".symtab"].kind is Kind.SYMBOLS
    assert rest[".comment"].kind is Kind.OTHER
    assert rest["(between sections)"].bytes >= len(b"appended")


def test_the_bit_of_thumb_is_no_address() -> None:
    """A Thumb function's odd address is where its instructions are, less one."""
    symbols = (
        Sym(name="thumb", value=TEXT_AT + 1, size=8),
        Sym(name="next", value=TEXT_AT + 9, size=8),
    )
    file = Image(architecture="armv7", sections=(text(b"\x01\x20" * 8),), symbols=symbols)

    assert named(file) == {"thumb": 8, "next": 8}
    # Elsewhere an odd address is one.
    assert named(replace(file, architecture="amd64"))["thumb"] == 8
    assert named(replace(file, architecture="amd64"))["no name"] == 1


@pytest.mark.parametrize("mark", ["$x", "$d.12", "$a", ".L42", "__bss_start", "__start_names"])
def test_marks_name_nothing(mark: str) -> None:
    """Mapping symbols, labels of the compiler and the linker's marks are no names for bytes."""
    symbols = (Sym(name=mark, value=TEXT_AT, type=NOTYPE, binding=LOCAL),)

    assert named(Image(sections=(text(TRAP * 16),), symbols=symbols)) == {"no name": 16}


def test_object_files_count_from_their_sections() -> None:
    """In an object file a symbol's value is its place in its section, wherever that is."""
    file = Image(
        e_type=1,
        sections=(
            Sec(name=".text.f", content=TRAP * 8, flags=ALLOC | EXEC),
            Sec(name=".text.g", content=TRAP * 12, flags=ALLOC | EXEC),
        ),
        symbols=(Sym(name="f", value=0, size=8), Sym(name="g", value=0, size=12, section=2)),
    )

    assert named(file) == {"f": 8, "g": 12}


def test_a_global_name_goes_before_a_weak_and_a_local_one() -> None:
    """Of aliases the one that others link to gives the name."""
    symbols = [
        Sym(name="a_local", value=TEXT_AT, size=16, binding=LOCAL),
        Sym(name="a_weak", value=TEXT_AT, size=16, binding=WEAK),
        Sym(name="the_global", value=TEXT_AT, size=16),
    ]

    assert named(Image(sections=(text(TRAP * 16),), symbols=tuple(symbols))) == {"the_global": 16}
    assert named(Image(sections=(text(TRAP * 16),), symbols=tuple(symbols[:2]))) == {"a_weak": 16}


FILL: Final = {
    "amd64": b"\x66\x2e\x0f\x1f\x84\0\0\0\0\0\x66\x90\xcc\xcc\x0f\x1f\0\x90",
    "arm64": b"\x1f\x20\x03\xd5" * 3,
    "armv7": b"\0\xbf\xaf\xf3\0\x80\0\xf0\x20\xe3",
    "riscv64": b"\x13\0\0\0\x01\0",
    "s390x": b"\x07\x07\x07\0\x47\0\0\0",
    "ppc64le": b"\0\0\0\x60\0\0\x42\x60",
}


@pytest.mark.parametrize("architecture", FILL)
def test_fill_is_padding_and_code_is_not(architecture: str) -> None:
    """Instructions that do nothing are padding; code without a symbol has no name, beside them."""
    fill = FILL[architecture]
    symbols = (Sym(name="f", value=TEXT_AT, size=8),)

    def found(gap: bytes) -> dict[str, int]:
        code = b"\x99" * 8 + gap
        return named(
            Image(architecture=architecture, sections=(text(code, alignment=4),), symbols=symbols)
        )

    assert found(fill) == {"f": 8, "alignment padding": len(fill)}
    assert found(fill + b"\x99\x99") == {"f": 8, "no name": len(fill) + 2}
    assert found(b"\0\0") == {"f": 8, "alignment padding": 2}
    # More zeros than alignment asks for are nobody's padding.
    assert found(b"\0" * 4) == {"f": 8, "no name": 4}


def test_stubs_for_an_erratum_are_told_from_code() -> None:
    """On arm64 a gap that jumps over itself is a linker's stubs; another is not."""
    symbols = (Sym(name="f", value=TEXT_AT, size=8),)

    def found(words: int) -> dict[str, int]:
        jump = (0x14000000 | words).to_bytes(4, "little")
        code = b"\x99" * 8 + jump + b"\x99" * 56 + b"\0" * 4
        return named(
            Image(architecture="arm64", sections=(text(code, alignment=8),), symbols=symbols)
        )

    assert found(16)["stubs that the linker put in"] == 64
    assert found(15)["stubs that the linker put in"] == 64
    assert found(17) == {"f": 8, "no name": 64}
    assert found(0) == {"f": 8, "no name": 64}
    assert found(4) == {"f": 8, "no name": 64}


def test_a_file_without_sections_has_no_names() -> None:
    """What is loaded is told by its segments, and all of it has no name."""
    content = bytearray(bytes(image("amd64", tail=b"z" * 50)))
    content[32 + 8 : 32 + 16] = bytes(8)  # e_shoff
    content[60:64] = bytes(4)  # e_shnum, e_shstrndx
    content[64:68] = (1).to_bytes(4, "little")  # PT_LOAD
    content[64 + 32 : 64 + 48] = (200).to_bytes(8, "little") + (260).to_bytes(8, "little")
    done = read_bytes(bytes(content))

    assert done.allocated_bytes == done.bytes_of(Kind.UNNAMED) == 260
    assert done.unnamed_share == 1


# The twin


@pytest.mark.parametrize("architecture", MACHINES)
@pytest.mark.parametrize("build_id", [None, b"\x01\x02\x03\x04"])
def test_the_unstripped_twin_names_the_stripped_file(
    architecture: str, build_id: bytes | None
) -> None:
    """The stripped file's own bytes are attributed, by the symbols of its twin."""
    whole = image(architecture, build_id=build_id)
    stripped = bytes(replace(whole, stripped=True))
    done = read_bytes(stripped, bytes(whole))

    assert done.file_bytes == len(stripped)
    assert {part.symbol for part in done.parts} >= {"main", "table", "mine", "buffer"}
    assert done.unnamed_share == 0
    assert read_bytes(stripped).unnamed_share > 0.5


def changed(whole: Image, number: int, **more: Any) -> Image:
    """The image with another section of that number."""
    sections = list(whole.sections)
    sections[number] = replace(sections[number], **more)
    return replace(whole, sections=tuple(sections))


WHOLE: Final = image("amd64", build_id=b"\x01\x02\x03\x04")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (image("arm64"), "it is for EM_AARCH64"),
        (image("s390x"), "big-endian"),
        (image("armv7"), "32-bit"),
        (replace(WHOLE, build_id=b"\x01\x02\x03\x05"), "its build-id is 01020305"),
        (replace(WHOLE, build_id=None), "its build-id is missing"),
        (replace(WHOLE, e_type=2), "linked in another way"),
        (replace(WHOLE, sections=WHOLE.sections[1:]), "sections are loaded of it"),
        (changed(WHOLE, 0, content=TRAP * 95 + b"\x90"), "the content of .text differs"),
        (changed(WHOLE, 2, content=b"e" * 24), "the content of .data differs"),
        (changed(WHOLE, 2, address=0x30008), ".data has another place"),
        (changed(WHOLE, 4, size=65), ".bss has another place"),
        (changed(WHOLE, 1, name=".rodata1"), ".rodata has another place"),
    ],
)
def test_what_is_no_twin_is_refused(wrong: Image, why: str) -> None:
    """Another CPU, build, layout or content: refused, with what is other about it."""
    with pytest.raises(ArtifactError, match=f"not the unstripped twin of this file: .*{why}"):
        read_bytes(bytes(replace(WHOLE, stripped=True)), bytes(wrong))


def test_debug_information_alone_is_a_twin_by_its_build_id() -> None:
    """A file with no content to compare is taken where its build-id is the same, and only there."""
    hollow = tuple(
        replace(each, type=NOBITS, size=each.size or len(each.content), content=b"")
        if each.flags & ALLOC
        else each
        for each in WHOLE.sections
    )

    def read_with(build_id: bytes | None) -> Attribution:
        whole = replace(WHOLE, build_id=build_id)
        return read_bytes(
            bytes(replace(whole, stripped=True)), bytes(replace(whole, sections=hollow))
        )

    assert read_with(b"\x01\x02").unnamed_share == 0
    with pytest.raises(ArtifactError, match="neither has a build-id"):
        read_with(None)


# Hostile files


def test_sections_that_share_bytes_are_refused() -> None:
    """Where two sections have the same bytes of the file, no sum would be true."""
    content = bytearray(bytes(image("amd64")))
    table = int.from_bytes(content[40:48], "little")
    first, second = table + 64 + 24, table + 128 + 24
    content[second : second + 8] = content[first : first + 8]

    with pytest.raises(ArtifactError, match="sections share bytes of the file"):
        read_bytes(bytes(content))


def test_memory_of_absurd_size_is_refused() -> None:
    """A .bss beyond any memory is damage."""
    with pytest.raises(ArtifactError, match="unreasonable size"):
        read_bytes(bytes(changed(image("amd64"), 4, size=2**63)))


@given(st.data())
def test_damage_is_refused_or_adds_up(data: st.DataObject) -> None:
    """Whatever bytes are changed, the answer adds up or is one error."""
    architecture = data.draw(st.sampled_from(sorted(MACHINES)))
    content = bytearray(bytes(image(architecture, build_id=b"\1\2\3\4")))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    twin = data.draw(st.sampled_from([None, bytes(image(architecture, build_id=b"\1\2\3\4"))]))
    try:
        done = read_bytes(bytes(content), twin)
    except ArtifactError:
        return

    assert sum(part.bytes for part in done.parts if part.place is not Place.MEMORY) == len(content)


@given(st.integers(0, 2500))
def test_a_cut_file_is_refused_or_adds_up(length: int) -> None:
    """A file that ends early is never attributed beyond its end."""
    content = bytes(image("arm64"))[:length]
    try:
        done = read_bytes(content)
    except ArtifactError:
        return

    assert done.file_bytes == len(content)


def test_names_can_not_steer_a_terminal() -> None:
    """What is no plain text in a name is escaped where it is read, and a long name is cut."""
    symbols = (Sym(name="\x1b[2J" + "x" * 5000, value=TEXT_AT, size=16),)
    [name] = named(Image(sections=(text(TRAP * 16),), symbols=symbols))

    assert name.startswith(r"\x1b[2Jxxx")
    assert len(name) < 600


# The document


@given(st.lists(symbols, max_size=25), st.integers(0, 10))
def test_a_document_has_every_byte(table: list[Symbol], limit: int) -> None:
    """Written and read again it is the same; beyond the limit names go, and no byte does."""
    done = attribute(file_bytes=100, sections=[CODE], symbols=[table], rest=(), gap=lambda *_: None)

    assert from_json(json.loads(json.dumps(to_json(done)))) == done
    folded = from_json(to_json(done, limit))
    assert (folded.file_bytes, folded.allocated_bytes) == (100, 100)
    assert sum(part.symbol is not None for part in folded.parts) <= limit


@pytest.mark.parametrize(
    "change",
    [
        {"schema": SCHEMA + 1},
        {"file_bytes": 1},
        {"allocated_bytes": -1},
        {"allocated_bytes": True},
        {"sections": None},
        {"sections": ["x" * (MAX_TEXT + 1)]},
        {"parts": {}},
        {"parts": [[0]]},
        {"parts": [[9, "f", None, "code", "both", 100]]},
        {"parts": [[-1, "f", None, "code", "both", 100]]},
        {"parts": [[0, 5, None, "code", "both", 100]]},
        {"parts": [[0, "f", 3, "code", "both", 100]]},
        {"parts": [[0, "f", None, "nothing", "both", 100]]},
        {"parts": [[0, "f", None, "code", "nowhere", 100]]},
        {"parts": [[0, "f", None, [], "both", 100]]},
        {"parts": [[0, "f", None, "code", "both", 1e2]]},
        {"parts": [[0, "f", None, "code", "both", 99]]},
        {"parts": [[0, "f", None, "code", "both", 10**30]]},
    ],
)
def test_a_wrong_document_is_refused(change: dict[str, Any]) -> None:
    """One error, whatever is wrong with it; what does not add up is wrong too."""
    done = attribute(
        file_bytes=100, sections=[CODE], symbols=[[sym("f", 0, 100)]], rest=(), gap=lambda *_: None
    )
    document = to_json(done)

    assert from_json(document) == done
    with pytest.raises(RecordError, match="an attribution of sizes can't be read"):
        from_json({**document, **change})


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_no_document_is_refused(value: object) -> None:
    """What is no document at all is refused likewise."""
    with pytest.raises(RecordError):
        from_json(value)
