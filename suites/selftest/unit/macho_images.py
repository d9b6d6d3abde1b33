"""Tiny Mach-O images, thin and fat, of any byte order.

Layouts: <mach-o/loader.h> and <mach-o/fat.h>,
https://github.com/apple-oss-distributions/xnu/tree/main/EXTERNAL_HEADERS/mach-o
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final

UUID: Final = bytes(range(16))

X86_64: Final = 0x01000007
ARM64: Final = 0x0100000C
I386: Final = 7
ARM: Final = 12
POWERPC: Final = 18


@dataclass(frozen=True, kw_only=True)
class Image:
    """What one image says of itself; `bytes()` of it is the file."""

    cpu: int = ARM64
    subtype: int = 0
    bits: int = 64
    endian: str = "little"
    type: int = 2
    flags: int = 0x200085
    needed: tuple[bytes, ...] = (b"/usr/lib/libSystem.B.dylib",)
    soname: bytes | None = None
    rpath: tuple[bytes, ...] = ()
    build: tuple[int, int, int] | None = (1, 0x000B0000, 0x000C0300)
    version_min: tuple[int, int, int] | None = None
    uuid: bytes = UUID
    exports: tuple[bytes, ...] = (b"_main",)
    imports: tuple[bytes, ...] = (b"_puts", b"_exit")
    locals: tuple[bytes, ...] = ()
    trie: bytes | None = None
    signature: bytes = b""
    encrypted: int | None = None
    protection: int = 5
    debug: bool = False

    @property
    def order(self) -> str:
        """The byte order as `struct` has it."""
        return "<" if self.endian == "little" else ">"

    def __bytes__(self) -> bytes:
        # Twice: where the tables lie depends on the length of the commands before them.
        return self._build(len(b"".join(self._commands(0, 0)[0])))

    def _build(self, commands_size: int) -> bytes:
        header_size = 32 if self.bits == 64 else 28
        text_at = header_size + commands_size
        commands, tail = self._commands(text_at, text_at + 16)
        magic = 0xFEEDFACF if self.bits == 64 else 0xFEEDFACE
        header = struct.pack(
            f"{self.order}7I",
            *(magic, self.cpu, self.subtype, self.type, len(commands), commands_size, self.flags),
        ).ljust(header_size, b"\0")
        return header + b"".join(commands) + b"\x90" * 16 + tail

    def _commands(self, text_at: int, tail_at: int) -> tuple[list[bytes], bytes]:
        strings, symbols = bytearray(b"\0"), bytearray()
        entry = f"{self.order}IBBH{'Q' if self.bits == 64 else 'I'}"
        for names, kind, place, value in (
            (self.locals, 0x0E, 1, 16),
            (self.exports, 0x0F, 1, 16),
            (self.imports, 0x01, 0, 0),
        ):
            for name in names:
                symbols += struct.pack(entry, len(strings), kind, place, 0, value)
                strings += name + b"\0"
        tail, places = bytearray(), []
        for piece in (bytes(symbols), bytes(strings), self.trie or b"", self.signature):
            places.append((tail_at + len(tail), len(piece)))
            tail += piece
        (symbols_at, length), strings_at, trie_at, signature_at = places
        count = length // struct.calcsize(entry)
        segment = b"__DWARF" if self.debug else b"__TEXT"
        section = b"__debug_info" if self.debug else b"__text"
        commands = [
            self._segment(b"__TEXT", text_at, 16, self.protection, (section, segment)),
            self._segment(b"__LINKEDIT", tail_at, len(tail), 1, None),
            self._command(0x2, struct.pack(f"{self.order}4I", symbols_at, count, *strings_at)),
        ]
        commands += [self._library(0xC, name) for name in self.needed]
        if self.soname is not None:
            commands.append(self._library(0xD, self.soname))
        for path in self.rpath:
            raw = struct.pack(f"{self.order}I", 12) + path + b"\0"
            commands.append(self._command(0x8000001C, raw))
        if self.build:
            raw = struct.pack(f"{self.order}4I", *self.build, 0)
            commands.append(self._command(0x32, raw))
        if self.version_min:
            kind, *versions = self.version_min
            commands.append(self._command(kind, struct.pack(f"{self.order}2I", *versions)))
        if self.uuid:
            commands.append(self._command(0x1B, self.uuid))
        if self.trie is not None:
            commands.append(self._command(0x80000033, struct.pack(f"{self.order}2I", *trie_at)))
        if self.signature:
            commands.append(self._command(0x1D, struct.pack(f"{self.order}2I", *signature_at)))
        if self.encrypted is not None:
            raw = struct.pack(f"{self.order}4I", text_at, 16, self.encrypted, 0)
            commands.append(self._command(0x2C, raw))
        return commands, bytes(tail)

    def _segment(
        self, name: bytes, at: int, size: int, protection: int, section: tuple[bytes, bytes] | None
    ) -> bytes:
        word = "Q" if self.bits == 64 else "I"
        raw = struct.pack(
            f"{self.order}16s4{word}4I",
            *(name, 0, 0x4000, at, size, 7, protection, 1 if section else 0, 0),
        )
        if section:
            rest = (0,) * (3 if self.bits == 64 else 2)
            raw += struct.pack(
                f"{self.order}16s16s2{word}5I{len(rest)}I",
                *(*section, 0, size, at, 0, 0, 0, 0),
                *rest,
            )
        return self._command(0x19 if self.bits == 64 else 0x1, raw)

    def _library(self, kind: int, name: bytes) -> bytes:
        return self._command(kind, struct.pack(f"{self.order}4I", 24, 2, 1, 1) + name + b"\0")

    def _command(self, kind: int, raw: bytes) -> bytes:
        step = self.bits // 8
        raw += bytes(-len(raw) % step)
        return struct.pack(f"{self.order}II", kind, 8 + len(raw)) + raw


def trie_of(name: bytes) -> bytes:
    """A table of exports with one name: a root with one edge to a leaf."""
    leaf = 4 + len(name)
    return bytes([0, 1]) + name + bytes([0, leaf]) + bytes([2, 0, 16, 0])


def fat(
    parts: tuple[tuple[int, int, bytes], ...], *, wide: bool = False, alignment: int = 6
) -> bytes:
    """A fat file of (CPU type, subtype, content)."""
    step = 1 << alignment
    content, rows = bytearray(8 + len(parts) * (32 if wide else 20)), []
    for cpu, subtype, part in parts:
        content += bytes(-len(content) % step)
        row = (cpu, subtype, len(content), len(part), alignment)
        rows.append(struct.pack(">IIQQII" if wide else ">5I", *row, *((0,) if wide else ())))
        content += part
    table = b"".join(rows)
    content[: 8 + len(table)] = struct.pack(">II", 0xCAFEBABF if wide else 0xCAFEBABE, len(parts))
    content[8:8] = table
    return bytes(content)


MAIN: Final = Image()

IMAGES: Final = {
    "arm64": MAIN,
    "amd64": replace(MAIN, cpu=X86_64, subtype=0x80000003),
    "386": replace(MAIN, cpu=I386, subtype=3, bits=32),
    "armv7": replace(MAIN, cpu=ARM, subtype=9, bits=32, build=None, version_min=(0x25, 0x70000, 0)),
    "ppc": replace(MAIN, cpu=POWERPC, bits=32, endian="big", build=None),
    "library": replace(
        MAIN,
        type=6,
        flags=0x85,
        soname=b"@rpath/libdemo.dylib",
        rpath=(b"@loader_path/../lib",),
        exports=(b"_demo", b"_not_in_the_trie"),
        trie=trie_of(b"_demo"),
    ),
    "object": replace(MAIN, type=1, flags=0, protection=7, debug=True, locals=(b"_local",)),
    "signed": replace(MAIN, signature=b"\xfa\xde\x0c\xc0 and so on", encrypted=1),
}
"""One image per word size and byte order, and per thing that only some images have."""
