"""Tiny WebAssembly modules and components.

Layouts: https://webassembly.github.io/spec/core/binary/modules.html
"""

from __future__ import annotations

from typing import Final

HEADER: Final = b"\0asm\1\0\0\0"
COMPONENT: Final = b"\0asm\x0d\0\1\0"


def number(value: int) -> bytes:
    """An unsigned LEB128 number."""
    raw = bytearray()
    while value > 0x7F:
        raw.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*raw, value])


def name(text: str) -> bytes:
    """A name, with its length before it."""
    return number(len(text.encode())) + text.encode()


def section(kind: int, content: bytes) -> bytes:
    """A section of a kind."""
    return bytes([kind]) + number(len(content)) + content


def custom(title: str, content: bytes) -> bytes:
    """A custom section."""
    return section(0, name(title) + content)


TYPES: Final = section(1, b"\1\x60\0\0")
IMPORTS: Final = section(
    2,
    b"\2"
    + (name("wasi_snapshot_preview1") + name("proc_exit") + b"\0\0")
    + (name("env") + name("table") + b"\1\x70\1\1\2"),
)
FUNCTIONS: Final = section(3, b"\1\0")
MEMORY: Final = section(5, b"\1\0\2")
MEMORY64: Final = section(5, b"\1\4\2")
EXPORTS: Final = section(7, b"\2" + name("memory") + b"\2\0" + name("_start") + b"\0\1")
DATA_COUNT: Final = section(12, b"\1")
CODE: Final = section(10, b"\1\2\0\x0b")
DATA: Final = section(11, b"\1\0\x41\0\x0b\2hi")
FEATURES: Final = custom("target_features", b"\2+" + name("sign-ext") + b"-" + name("atomics"))
PRODUCERS: Final = custom(
    "producers",
    b"\2"
    + (name("language") + b"\1" + name("C11") + name(""))
    + (name("processed-by") + b"\1" + name("clang") + name("22.1")),
)

PROGRAM: Final = HEADER + b"".join(
    (TYPES, IMPORTS, FUNCTIONS, MEMORY, EXPORTS, DATA_COUNT, CODE, DATA)
)
"""A program whose counts say of each section after them that it must be there."""

COMMENTED: Final = PROGRAM + FEATURES + PRODUCERS + custom(".debug_info", b"\1\2")
