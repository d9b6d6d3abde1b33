"""Tiny ELF images of any architecture, with what a linker puts into a dynamic program.

Layouts: System V ABI, chapters 4 and 5 (https://gabi.xinuos.com/elf/02-eheader.html).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final

_DT_NULL: Final = 0
_DT_NEEDED: Final = 1
_DT_STRTAB: Final = 5
_DT_STRSZ: Final = 10
_DT_SONAME: Final = 14
_DT_RPATH: Final = 15
_DT_RUNPATH: Final = 29

_PT_LOAD: Final = 1
_PT_DYNAMIC: Final = 2
_PT_INTERP: Final = 3

_SHT_STRTAB: Final = 3
_SHT_DYNAMIC: Final = 6

_SECTION_NAMES: Final = b"\0.dynstr\0.dynamic\0.shstrtab\0"


@dataclass(frozen=True, kw_only=True)
class Image:
    """What one image says of itself; `bytes()` of it is the file."""

    machine: int
    bits: int = 64
    endian: str = "little"
    flags: int = 0
    e_type: int = 3
    os_abi: int = 0
    interpreters: tuple[bytes, ...] = ()
    needed: tuple[bytes, ...] = ()
    soname: bytes | None = None
    rpath: bytes | None = None
    runpath: bytes | None = None

    def __bytes__(self) -> bytes:
        order, word = "<" if self.endian == "little" else ">", "Q" if self.bits == 64 else "I"
        header_size, segment_size = (64, 56) if self.bits == 64 else (52, 32)
        strings, tags = self._dynamic()
        dynamic = b"".join(struct.pack(f"{order}{word}{word}", *tag) for tag in tags)

        content = bytearray(header_size + segment_size * (2 + len(self.interpreters)))
        interpreters = [_append(content, path + b"\0") for path in self.interpreters]
        strings_at = _append(content, strings)
        dynamic = dynamic.replace(
            struct.pack(f"{order}{word}{word}", _DT_STRTAB, 0),
            struct.pack(f"{order}{word}{word}", _DT_STRTAB, strings_at[0]),
            1,
        )
        dynamic_at = _append(content, dynamic)
        names_at = _append(content, _SECTION_NAMES)
        sections = [
            (0, 0, (0, 0), 0, 0),
            (1, _SHT_STRTAB, strings_at, 0, 0),
            (9, _SHT_DYNAMIC, dynamic_at, 1, 16 if self.bits == 64 else 8),
            (18, _SHT_STRTAB, names_at, 0, 0),
        ]
        table_at = len(content)
        for name, kind, (offset, length), link, entry in sections:
            content += struct.pack(
                f"{order}IIQQQQIIQQ" if self.bits == 64 else f"{order}10I",
                *(name, kind, 0, offset, offset, length, link, 0, 1, entry),
            )
        segments = [
            *((_PT_INTERP, at) for at in interpreters),
            (_PT_LOAD, (0, len(content))),
            (_PT_DYNAMIC, dynamic_at),
        ]
        content[:header_size] = self._header(order, table_at, len(segments), len(sections))
        for index, (kind, (offset, length)) in enumerate(segments):
            rest = (offset, offset, offset, length, length)
            packed = (
                struct.pack(f"{order}IIQQQQQQ", kind, 4, *rest, 1)
                if self.bits == 64
                else struct.pack(f"{order}8I", kind, *rest, 4, 1)
            )
            at = header_size + index * segment_size
            content[at : at + segment_size] = packed
        return bytes(content)

    def _header(self, order: str, table_at: int, segments: int, sections: int) -> bytes:
        ident = bytes([0x7F, *b"ELF", self.bits // 32, 1 if order == "<" else 2, 1, self.os_abi])
        word, sizes = ("Q", (64, 56, 64)) if self.bits == 64 else ("I", (52, 32, 40))
        header, segment, section = sizes
        return ident.ljust(16, b"\0") + struct.pack(
            f"{order}HHI{word}{word}{word}I6H",
            *(self.e_type, self.machine, 1, 0, header, table_at, self.flags),
            *(header, segment, segments, section, sections, sections - 1),
        )

    def _dynamic(self) -> tuple[bytes, list[tuple[int, int]]]:
        strings, tags = bytearray(b"\0"), []
        places: dict[bytes, int] = {}
        named = [(_DT_NEEDED, name) for name in self.needed]
        named += [
            (tag, name)
            for tag, name in (
                (_DT_SONAME, self.soname),
                (_DT_RPATH, self.rpath),
                (_DT_RUNPATH, self.runpath),
            )
            if name is not None
        ]
        for tag, name in named:
            if name not in places:
                places[name] = _append(strings, name + b"\0")[0]
            tags.append((tag, places[name]))
        return bytes(strings), [*tags, (_DT_STRTAB, 0), (_DT_STRSZ, len(strings)), (_DT_NULL, 0)]


def _append(content: bytearray, piece: bytes) -> tuple[int, int]:
    offset = len(content)
    content += piece
    return offset, len(piece)


ARM64: Final = Image(
    machine=183,
    interpreters=(b"/lib/ld-linux-aarch64.so.1",),
    needed=(b"libm.so.6", b"libc.so.6"),
)

IMAGES: Final = {
    "amd64": replace(ARM64, machine=62, interpreters=(b"/lib64/ld-linux-x86-64.so.2",)),
    "arm64": ARM64,
    "386": replace(ARM64, machine=3, bits=32, interpreters=(b"/lib/ld-linux.so.2",)),
    "armv7": replace(
        ARM64,
        machine=40,
        bits=32,
        flags=0x05000400,
        os_abi=3,
        interpreters=(b"/lib/ld-linux-armhf.so.3",),
    ),
    "riscv64": replace(
        ARM64, machine=243, flags=5, interpreters=(b"/lib/ld-linux-riscv64-lp64d.so.1",)
    ),
    "s390x": replace(ARM64, machine=22, endian="big", interpreters=(b"/lib/ld64.so.1",)),
    "ppc64le": replace(ARM64, machine=21, flags=2, interpreters=(b"/lib64/ld64.so.2",)),
    "mips": replace(
        ARM64, machine=8, bits=32, endian="big", flags=0x70001007, interpreters=(b"/lib/ld.so.1",)
    ),
    "library": replace(
        ARM64,
        interpreters=(),
        soname=b"libdemo.so.1",
        rpath=b"/opt/old",
        runpath=b"$ORIGIN/../lib",
    ),
}
"""One image per class and byte order, and per architecture of DESIGN; a library among them."""

MACHINES: Final = {
    "amd64": "EM_X86_64",
    "arm64": "EM_AARCH64",
    "386": "EM_386",
    "armv7": "EM_ARM",
    "riscv64": "EM_RISCV",
    "s390x": "EM_S390",
    "ppc64le": "EM_PPC64",
    "mips": "EM_MIPS",
    "library": "EM_AARCH64",
}
