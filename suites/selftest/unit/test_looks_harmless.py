"""What looks like plain data and is not, and what looks wrong and is not."""

from __future__ import annotations

import io
import struct
import tarfile
from pathlib import Path

import pytest
import zstandard

from fixtures.inspection import objects
from fixtures.inspection.found import Found
from fixtures.inspection.walk import inspect_path, inspect_stream
from suites.selftest.unit import archives
from suites.selftest.unit.elf_images import ARM64, IMAGES

ELF = bytes(ARM64)
OTHER = bytes(IMAGES["amd64"])
COFF = struct.pack("<HHIIIHH", 0xAA64, 1, 0, 0, 0, 0, 0) + bytes(60)


def look(content: bytes, name: str = "file") -> Found:
    """What is found of a file's content."""
    return inspect_stream(io.BytesIO(content), len(content), name)


def findings(found: Found) -> list[str]:
    """All findings, of the file and of what is in it."""
    return [finding for each in (found, *found.members) for finding in each.findings]


def paths(found: Found) -> list[str]:
    """The members with machine code."""
    return [member.path for member in found.members if member.format == "elf"]


def old_tar() -> bytes:
    """A tar of before POSIX: headers without a magic."""
    stream = io.BytesIO()
    info = tarfile.TarInfo("bin/tool")
    info.size = len(ELF)
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    header[257:500] = bytes(243)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    stream.write(header + ELF + bytes(-len(ELF) % 512) + bytes(1024))
    return stream.getvalue()


def test_an_old_tar_is_looked_into() -> None:
    """A tar without a magic is told by its header's checksum."""
    assert paths(look(archives.tar({"a/old": old_tar()}), "a.tar")) == ["a.tar!a/old!bin/tool"]


def test_zstd_behind_a_skippable_frame_is_looked_into() -> None:
    """What may be skipped at a zstd file's beginning does not hide the rest."""
    packed = struct.pack("<II", 0x184D2A50, 4) + b"skip"
    packed += zstandard.ZstdCompressor().compress(archives.tar({"bin/tool": ELF}))
    found = look(archives.tar({"a/b.zst": packed}), "a.tar")

    assert findings(found) or paths(found)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a/x.tar.lzma", b"\x5d\0\0\x80\0" + bytes(100)),
        ("a/x.Z", b"\x1f\x9d\x90" + bytes(100)),
        ("a/x.lz4", b"\x02\x21\x4c\x18" + bytes(100)),
        ("a/lib.so", bytes(5000)),
        ("a/lib.so.1.2", b""),
        ("a/tool.exe", b"no program\n"),
        ("a/app", b"#!/usr/bin/env python3\n" + archives.zipped({"core.so": ELF})),
        ("a/install", b"#!/bin/sh\nexit\n\0\1\2" + bytes(100)),
    ],
)
def test_what_may_hide_code_is_a_finding(name: str, content: bytes) -> None:
    """What nobody here can read, or is named as code and is none, is not passed over."""
    assert findings(look(archives.tar({name: content, "a/tool": ELF}), "a.tar"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("usr/lib/libc.so", b"/* GNU ld script */\nGROUP ( /lib/libc.so.6 )\n"),
        ("usr/lib/python/__init__.py", b""),
        ("usr/bin/script", b"#!/bin/sh\necho words\n"),
        ("usr/share/solution.o.txt", b"words\n"),
    ],
)
def test_what_is_as_it_should_be_is_no_finding(name: str, content: bytes) -> None:
    """Linker scripts, empty files and plain scripts are what packages have."""
    assert findings(look(archives.tar({name: content, "usr/bin/tool": ELF}), "a.tar")) == []


@pytest.mark.parametrize(
    ("content", "kind", "architecture"),
    [
        (COFF, "coff", "arm64"),
        (struct.pack("<HHHH", 0, 0xFFFF, 0, 0x8664) + bytes(60), "coff", "amd64"),
        (b"go object linux riscv64 go1.22 X:none\n!\n" + bytes(60), "goobj", "riscv64"),
    ],
)
def test_other_object_files_are_known_in_static_libraries(
    content: bytes, kind: str, architecture: str
) -> None:
    """Windows' and Go's object files are machine code of a CPU, and intact."""
    found = look(archives.gnu_library([(b"a.o", content)]), "a.lib")

    assert findings(found) == []
    assert [(member.format, member.facts["architecture"]) for member in found.members] == [
        (kind, architecture)
    ]


def test_plain_data_is_no_object_file() -> None:
    """A machine's number alone does not make an object file."""
    assert objects.identify(b"words that say nothing, but are long enough") == "data"
    assert objects.identify(b"d\x86") == "data"


def test_programs_of_a_package_s_maintainer_are_members() -> None:
    """What runs when a package is installed is looked into as what it installs is."""
    control = archives.tar({"./control": archives.CONTROL, "./postinst": OTHER})
    package = archives.ar(
        [
            (b"debian-binary", b"2.0\n"),
            (b"control.tar", control),
            (b"data.tar", archives.tar({"./usr/bin/tool": ELF})),
        ]
    )
    found = look(package, "tool_1_arm64.deb")

    assert paths(found) == ["tool_1_arm64.deb!DEBIAN/postinst", "tool_1_arm64.deb!usr/bin/tool"]
    assert any("is for arm64 and holds amd64" in remark for remark in found.remarks)


def test_a_name_can_not_claim_to_be_deeper() -> None:
    """What separates levels in a path is escaped where it stands in a name."""
    found = look(archives.tar({"bin/u!lib/firmware/x": ELF}), "a.tar")

    assert paths(found) == ["a.tar!bin/u\\x21lib/firmware/x"]


@pytest.mark.parametrize("name", ["tool-1.2.rpm", "tool_latest.deb"])
def test_a_version_in_a_name_is_no_cpu(name: str) -> None:
    """A file's name declares a CPU only where it names one."""
    content = archives.rpm() if name.endswith(".rpm") else archives.deb({"usr/bin/tool": ELF})
    declared = look(content, name).facts["declared"]

    assert [each["by"] for each in declared if each["by"] == "file name tag"] == []


def test_a_folder_is_read_as_far_as_it_can_be(tmp_path: Path) -> None:
    """An empty file in a folder is nothing, and what can't be read is named."""
    (tmp_path / "empty").touch()
    (tmp_path / "tool").write_bytes(ELF)
    found = inspect_path(tmp_path, "folder")

    assert findings(found) == []
    assert [member.path for member in found.members] == ["folder/tool"]


def test_a_path_behind_an_option_is_a_path(tmp_path: Path) -> None:
    """Recorded compiler options name the build machine's folders right behind a letter."""
    file = tmp_path / "tool"
    file.write_bytes(ELF + b"\0gcc -I/home/bob/include -L/home/bob/lib\0")

    assert inspect_path(file, "tool", deep=True).facts["paths"] == [
        "/home/bob/include",
        "/home/bob/lib",
    ]
