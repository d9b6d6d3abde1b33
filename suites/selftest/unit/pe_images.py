"""Tiny PE images with imports, exports, debug data, symbols and a certificate table.

Layouts: https://learn.microsoft.com/windows/win32/debug/pe-format
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final

HEADERS: Final = 0x400
BASE: Final = 0x1000
"""Address of the only section with content, at `HEADERS` in the file."""

GUID: Final = bytes(range(16))


@dataclass(frozen=True, kw_only=True)
class Image:
    """What one image says of itself; `bytes()` of it is the file."""

    machine: int = 0x8664
    wide: bool = True
    characteristics: int = 0x22
    dll_flags: int = 0x0160
    subsystem: int = 3
    timestamp: int = 0x5F000000
    needed: tuple[tuple[bytes, tuple[bytes, ...]], ...] = ()
    soname: bytes = b""
    exports: tuple[bytes, ...] = ()
    guid: bytes = b""
    reproducible: bool = False
    cet: bool = False
    clr_flags: int | None = None
    flags: int = 0xE0000020 & ~0x80000000
    extra_sections: tuple[tuple[bytes, int], ...] = ()
    symbols: int = 0
    certificate: bytes = b""

    def __bytes__(self) -> bytes:
        content = bytearray()
        directories = [(0, 0)] * 16
        if self.soname:
            directories[0] = self._exports(content)
        if self.needed:
            directories[1] = self._imports(content)
        if entries := self._debug(content):
            directories[6] = entries
        if self.clr_flags is not None:
            clr = struct.pack("<IHHIII", 72, 2, 5, 0, 0, self.clr_flags).ljust(72, b"\0")
            directories[14] = (_append(content, clr), 72)
        raw = bytes(content).ljust(-(-max(1, len(content)) // 512) * 512, b"\0")
        tail = bytearray()
        symbols_at = HEADERS + len(raw) if self.symbols else 0
        if self.symbols:
            tail += bytes(18 * self.symbols) + struct.pack("<I", 20) + b"a_long_name____\0"
        if self.certificate:
            tail += bytes(-(HEADERS + len(raw) + len(tail)) % 8)
            entry = struct.pack("<IHH", 8 + len(self.certificate), 0x200, 2) + self.certificate
            directories[4] = (HEADERS + len(raw) + len(tail), len(entry))
            tail += entry
        return self._headers(directories, len(raw), symbols_at) + raw + tail

    def _headers(self, directories: list[tuple[int, int]], length: int, symbols_at: int) -> bytes:
        sections = [
            struct.pack(
                *("<8sIIIIIIHHI", b".text", length, BASE, length, HEADERS, 0, 0, 0, 0, self.flags)
            )
        ]
        end = BASE + -(-length // 0x1000) * 0x1000
        for name, flags in self.extra_sections:
            sections.append(struct.pack("<8sIIIIIIHHI", name, 0x200, end, 0, 0, 0, 0, 0, 0, flags))
            end += 0x1000
        tables = b"".join(struct.pack("<II", *each) for each in directories)
        optional = struct.pack("<HBBIIIII", 0x20B if self.wide else 0x10B, 14, 0, 0, 0, 0, 0, BASE)
        optional += struct.pack("<Q", 1 << 32) if self.wide else struct.pack("<II", 0, 1 << 22)
        optional += struct.pack("<IIHHHHHHI", 0x1000, 512, 6, 0, 0, 0, 6, 0, 0)
        optional += struct.pack("<IIIHH", end, HEADERS, 0, self.subsystem, self.dll_flags)
        optional += struct.pack("<4QII" if self.wide else "<6I", 1, 1, 1, 1, 0, 16) + tables
        coff = struct.pack(
            "<4sHHIIIHH",
            b"PE\0\0",
            self.machine,
            len(sections),
            self.timestamp,
            symbols_at,
            self.symbols,
            len(optional),
            self.characteristics,
        )
        dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
        return (dos + coff + optional + b"".join(sections)).ljust(HEADERS, b"\0")

    def _imports(self, content: bytearray) -> tuple[int, int]:
        word = "<Q" if self.wide else "<I"
        rows = []
        for library, names in self.needed:
            hints = [_append(content, struct.pack("<H", 0) + name + b"\0") for name in names]
            table = b"".join(struct.pack(word, at) for at in (*hints, 0))
            lookup, addresses = _append(content, table), _append(content, table)
            rows.append((lookup, 0, 0, _append(content, library + b"\0"), addresses))
        raw = b"".join(struct.pack("<5I", *row) for row in (*rows, (0,) * 5))
        return _append(content, raw), len(raw)

    def _exports(self, content: bytearray) -> tuple[int, int]:
        places = [_append(content, name + b"\0") for name in self.exports]
        soname = _append(content, self.soname + b"\0")
        count = len(places)
        functions = _append(content, struct.pack(f"<{count}I", *(BASE + 8,) * count))
        names = _append(content, struct.pack(f"<{count}I", *places))
        ordinals = _append(content, struct.pack(f"<{count}H", *range(count)))
        raw = struct.pack(
            "<IIHHIIIIIII", 0, 0, 0, 0, soname, 1, count, count, functions, names, ordinals
        )
        return _append(content, raw), len(raw)

    def _debug(self, content: bytearray) -> tuple[int, int] | None:
        rows = []
        if self.guid:
            rows.append((2, b"RSDS" + self.guid + struct.pack("<I", 1) + b"demo.pdb\0"))
        if self.cet:
            rows.append((20, struct.pack("<I", 1)))
        if self.reproducible:
            rows.append((16, b""))
        raw = b""
        for kind, data in rows:
            at = _append(content, data)
            raw += struct.pack(
                "<IIHHIIII", 0, 0, 0, 0, kind, len(data), at, at - BASE + HEADERS if data else 0
            )
        return (_append(content, raw), len(raw)) if raw else None


def _append(content: bytearray, piece: bytes) -> int:
    """The address of a piece that is put at the end of the section, aligned to 8 bytes."""
    content += bytes(-len(content) % 8)
    at = BASE + len(content)
    content += piece
    return at


AMD64: Final = Image(
    needed=((b"KERNEL32.dll", (b"ExitProcess", b"Sleep")), (b"ADVAPI32.dll", (b"RegCloseKey",))),
    guid=GUID,
)

IMAGES: Final = {
    "amd64": AMD64,
    "arm64": replace(AMD64, machine=0xAA64),
    "386": replace(AMD64, machine=0x14C, wide=False, dll_flags=0x140),
    "armv7": replace(AMD64, machine=0x1C4, wide=False, dll_flags=0x140),
    "riscv64": replace(AMD64, machine=0x5064),
    "loong64": replace(AMD64, machine=0x6264),
    "library": replace(
        AMD64,
        characteristics=0x2022,
        soname=b"demo.dll",
        exports=(b"demo_add", b"demo_sub"),
        cet=True,
        symbols=2,
    ),
    "signed": replace(AMD64, certificate=b"a signature in DER", reproducible=True),
    "driver": replace(AMD64, subsystem=1, needed=()),
    "managed": replace(
        AMD64, machine=0x14C, wide=False, needed=((b"mscoree.dll", (b"_CorExeMain",)),), clr_flags=1
    ),
}
"""One image per word size and architecture, and per thing that only some images have."""
