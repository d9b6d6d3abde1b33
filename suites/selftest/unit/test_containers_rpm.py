"""RPM packages and the cpio archives in them: what they declare, and that nothing is missing."""

from __future__ import annotations

import bz2
import lzma
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import zstandard

from fixtures.core.errors import ArtifactError
from suites.selftest.unit import archives

PACK: Final[dict[str, Any]] = {
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
    "none": bytes,
}


@pytest.mark.parametrize("compressor", ["gzip", *PACK])
def test_a_package_has_its_files_and_says_what_it_is_for(compressor: str) -> None:
    """Name, version, architecture and files are read, whatever packs them."""
    known = {"compressor": compressor, "pack": PACK[compressor]} if compressor in PACK else {}
    package = archives.opened("rpm", archives.rpm(**known), "tool-1.0-2.i686.rpm")

    assert archives.read(package) == archives.FILES
    assert package.facts["package"] == "tool"
    assert package.facts["version"] == "1.0-2"
    assert package.facts["compression"] == compressor
    assert package.facts["declared"] == [
        {"by": "header tag ARCH", "says": "aarch64", "architecture": "arm64"},
        {"by": "file name tag", "says": "i686", "architecture": "386"},
    ]
    assert package.findings == package.remarks == []


@pytest.mark.parametrize("compressor", ["xz", "none"])
def test_every_truncation_is_refused(compressor: str) -> None:
    """The signature has the size of all that follows it, so nothing can be cut."""
    content = archives.rpm(compressor=compressor, pack=PACK[compressor])

    for length in range(len(content)):
        with pytest.raises(ArtifactError, match="a truncated RPM package"):
            archives.read(archives.opened("rpm", content[:length]))


def test_a_changed_header_is_refused() -> None:
    """The signature has the header's digest, so what it declares can't be changed alone."""
    content = archives.rpm().replace(b"aarch64\0", b"riscv64\0")

    with pytest.raises(ArtifactError, match="its header is not what its sha256 says"):
        archives.read(archives.opened("rpm", content))


def test_a_changed_payload_is_refused() -> None:
    """The header has the payload's digest, also where nothing is packed."""
    content = archives.rpm(compressor="none", pack=bytes).replace(b"one line", b"two line")

    with pytest.raises(ArtifactError, match="its payload is not what its digest says"):
        archives.read(archives.opened("rpm", content))


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (4, b"\x09", "no lead"),
        (96, b"\x8f", "no header at byte 96"),
        (104, b"\xff\xff\xff\xff", "a header of"),
        (112 + 8, b"\x7f\xff\xff\xff", "a tag that is not in its header"),
    ],
)
def test_no_count_or_offset_is_believed(place: int, value: bytes, words: str) -> None:
    """What leads out of a header is refused before it is read."""
    content = bytearray(archives.rpm())
    content[place : place + len(value)] = value

    with pytest.raises(ArtifactError, match=words):
        archives.read(archives.opened("rpm", bytes(content)))


@pytest.mark.parametrize("magic", [b"070701", b"070702"])
@pytest.mark.parametrize("fill", [4, 512])
def test_a_bare_archive_is_read(magic: bytes, fill: int) -> None:
    """With sums or without, filled up or not, the files are the same."""
    content = archives.cpio(archives.FILES, magic=magic, fill=fill)

    assert archives.read(archives.opened("cpio", content)) == archives.FILES


@pytest.mark.parametrize("fill", [4, 512])
def test_every_truncation_of_a_bare_archive_is_refused(fill: int) -> None:
    """The trailer must be there, and what fills the last record whole."""
    content = archives.cpio(archives.FILES, fill=fill)
    end = len(archives.cpio(archives.FILES))

    for length in {*range(len(content))} - {end}:
        with pytest.raises(ArtifactError, match="a truncated cpio archive"):
            archives.read(archives.opened("cpio", content[:length]))


def test_a_wrong_sum_is_refused() -> None:
    """The sums of the format that has them are held against the files."""
    content = archives.cpio({"a": b"abc"}, magic=b"070702").replace(b"abc", b"abd")

    with pytest.raises(ArtifactError, match="a has a wrong checksum"):
        archives.read(archives.opened("cpio", content))


def test_what_is_behind_the_trailer_is_refused() -> None:
    """A second archive, which unpackers don't see, is told."""
    content = archives.cpio({"a": b"x"}) + archives.cpio({"b": b"y"})

    with pytest.raises(ArtifactError, match="something is behind its trailer"):
        archives.read(archives.opened("cpio", content))


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (0, b"070709", "no entry's header at byte 0"),
        (6, b"zzzzzzzz", "no entry's header at byte 0"),
        (94, b"00FFFFFF", "a name of 16777215 bytes"),
        (94, b"00000000", "a name of 0 bytes"),
        (54, b"FFFFFFFF", "ends after"),
    ],
)
def test_a_damaged_entry_is_refused(place: int, value: bytes, words: str) -> None:
    """Names and sizes are bounded by the archive."""
    content = bytearray(archives.cpio({"a": b"x"}))
    content[place : place + len(value)] = value

    with pytest.raises(ArtifactError, match=words):
        archives.read(archives.opened("cpio", bytes(content)))


SPEC: Final = """\
Name: tool
Version: 1.0
Release: 2
Summary: a tool
License: none
%description
A tool.
%install
mkdir -p %{buildroot}/usr
echo content > %{buildroot}/usr/tool
ln %{buildroot}/usr/tool %{buildroot}/usr/again
%files
/usr/*
"""


@pytest.mark.skipif(not shutil.which("rpmbuild"), reason="rpmbuild is not installed")
def test_what_rpmbuild_writes_is_read(tmp_path: Path) -> None:
    """A package of the real tool has the files that went into it, a linked one once."""
    (tmp_path / "tool.spec").write_text(SPEC)
    subprocess.run(
        [
            *("rpmbuild", "-bb", "--target", "aarch64", "tool.spec"),
            *("--define", f"_topdir {tmp_path}", "--define", "__os_install_post %{nil}"),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    package = archives.opened("rpm", next(tmp_path.glob("RPMS/*/*.rpm")).read_bytes())

    assert list(archives.read(package).values()) == [b"content\n"]
    assert package.facts["entries"]["hardlink"] == 1
    assert package.facts["declared"][0]["architecture"] == "arm64"
