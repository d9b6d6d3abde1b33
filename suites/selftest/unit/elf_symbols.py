"""Tiny ELF images with sections and symbols of one's choice, in each class and byte order.

Layouts: System V ABI, chapter 4 (https://gabi.xinuos.com/elf/03-sheader.html).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

ALLOC, WRITE, EXEC, TLS = 2, 1, 4, 0x400
PROGBITS, SYMTAB, STRTAB, NOTE, NOBITS = 1, 2, 3, 7, 8
NOTYPE, OBJECT, FUNC, TLS_SYMBOL = 0, 1, 2, 6
LOCAL, GLOBAL, WEAK = 0, 1, 2

MACHINES: Final = {
    "amd64": (62, 64, "<"),
    "arm64": (183, 64, "<"),
    "armv7": (40, 32, "<"),
    "riscv64": (243, 64, "<"),
    "s390x": (22, 64, ">"),
    "ppc64le": (21, 64, "<"),
}
"""e_machine, class and byte order."""

TEXT_AT: Final = 0x10000


@dataclass(frozen=True, kw_only=True)
class Sec:
    """A section; its content is zeros where only its size is given."""

    name: str
    content: bytes = b""
    size: int = 0
    type: int = PROGBITS
    flags: int = ALLOC
    address: int = 0
    alignment: int = 16


@dataclass(frozen=True, kw_only=True)
class Sym:
    """A symbol of the section `section`, counted from 1."""

    name: str
    value: int
    size: int = 0
    type: int = FUNC
    binding: int = GLOBAL
    section: int = 1


@dataclass(frozen=True, kw_only=True)
class Image:
    """An ELF file; `bytes()` of it is the file. `tail` stands behind all of it."""

    sections: tuple[Sec, ...]
    symbols: tuple[Sym, ...] = ()
    architecture: str = "amd64"
    e_type: int = 3
    stripped: bool = False
    build_id: bytes | None = None
    segments: tuple[tuple[int, ...], ...] = field(default=())
    tail: bytes = b""

    def __bytes__(self) -> bytes:
        machine, bits, order = MACHINES[self.architecture]
        header, entry = (64, 64) if bits == 64 else (52, 40)
        every = list(self.sections)
        if self.build_id is not None:
            note = struct.pack(f"{order}3I", 4, len(self.build_id), 3) + b"GNU\0" + self.build_id
            every.append(
                Sec(name=".note.gnu.build-id", content=note, type=NOTE, address=0x8000, alignment=4)
            )
        links: dict[str, int] = {}
        if not self.stripped:
            table, strings = self._symbols(bits, order)
            links[".symtab"] = len(every) + 2
            every.append(Sec(name=".symtab", content=table, type=SYMTAB, flags=0, alignment=8))
            every.append(Sec(name=".strtab", content=strings, type=STRTAB, flags=0, alignment=1))
        names = b"\0" + b"".join(each.name.encode() + b"\0" for each in every) + b".shstrtab\0"
        every.append(Sec(name=".shstrtab", content=names, type=STRTAB, flags=0, alignment=1))

        segment = 56 if bits == 64 else 32
        content = bytearray(header + segment * len(self.segments))
        rows = [(0,) * 10]
        for each in every:
            content += bytes(-len(content) % max(1, each.alignment))
            offset = len(content)
            raw = b"" if each.type == NOBITS else each.content or bytes(each.size)
            content += raw
            rows.append(
                (
                    *(names.index(b"\0" + each.name.encode() + b"\0") + 1, each.type, each.flags),
                    *(each.address, offset, each.size or len(raw), links.get(each.name, 0), 0),
                    *(each.alignment, (24 if bits == 64 else 16) if each.type == SYMTAB else 0),
                )
            )
        content += bytes(-len(content) % 8)
        table_at = len(content)
        layout = f"{order}IIQQQQIIQQ" if bits == 64 else f"{order}10I"
        for row in rows:
            content += struct.pack(layout, *row)
        word = "Q" if bits == 64 else "I"
        ident = bytes([0x7F, *b"ELF", bits // 32, 1 if order == "<" else 2, 1]).ljust(16, b"\0")
        content[:header] = ident + struct.pack(
            f"{order}HHI{word}{word}{word}I6H",
            *(self.e_type, machine, 1, 0, header, table_at, 0),
            *(header, segment, len(self.segments), entry, len(rows), len(rows) - 1),
        )
        for number, (kind, flags, *numbers) in enumerate(self.segments):
            at = header + number * segment
            offset, address, file_size, memory_size, alignment = numbers
            rest = (offset, address, address, file_size, memory_size)
            content[at : at + segment] = (
                struct.pack(f"{order}IIQQQQQQ", kind, flags, *rest, alignment)
                if bits == 64
                else struct.pack(f"{order}8I", kind, *rest, flags, alignment)
            )
        return bytes(content) + self.tail

    def _symbols(self, bits: int, order: str) -> tuple[bytes, bytes]:
        strings, table = bytearray(b"\0"), bytearray(24 if bits == 64 else 16)
        for each in self.symbols:
            name, info = len(strings), each.binding << 4 | each.type
            strings += each.name.encode() + b"\0"
            table += (
                struct.pack(f"{order}IBBHQQ", name, info, 0, each.section, each.value, each.size)
                if bits == 64
                else struct.pack(
                    f"{order}IIIBBH", name, each.value, each.size, info, 0, each.section
                )
            )
        return bytes(table), bytes(strings)


def text(content: bytes, **more: int) -> Sec:
    """A section of code at `TEXT_AT`."""
    return Sec(name=".text", content=content, flags=ALLOC | EXEC, address=TEXT_AT, **more)
