"""zip archives and wheels: every file is read to its end, and held against what is said of it."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Final

import pytest

from fixtures.core.errors import ArtifactError
from fixtures.inspection.limits import LimitError
from suites.selftest.unit import archives

FILES: Final = {"bin/tool": bytes(range(256)) * 9, "empty": b"", "text": b"line\n" * 99}
METHODS: Final = {
    "stored": zipfile.ZIP_STORED,
    "deflate": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
}


@pytest.mark.parametrize("method", METHODS)
def test_files_have_their_names_and_content(method: str) -> None:
    """Whatever packs them, all files are read; what the archive's name says is told."""
    content = archives.zipped(FILES, METHODS[method])
    container = archives.opened("zip", content, "tool-x86_64-unknown-linux-musl.zip")

    assert archives.read(container) == FILES
    assert container.facts["entries"] == {"file": 3, "folder": 0, "symlink": 0}
    assert [each["architecture"] for each in container.facts["declared"]] == ["amd64"]
    assert "format" not in container.facts


@pytest.mark.parametrize("method", METHODS)
def test_every_truncation_is_refused(method: str) -> None:
    """The directory is at the end, so nothing can be cut; nor can a comment."""
    stream = io.BytesIO(archives.zipped(FILES, METHODS[method]))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.comment = b"a comment"
    content = stream.getvalue()

    for length in range(len(content)):
        with pytest.raises(ArtifactError, match=r"a (truncated|damaged) zip archive"):
            archives.read(archives.opened("zip", content[:length]))


def test_zip64_is_read() -> None:
    """Sizes and places of 64 bits are understood."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive, archive.open("big", "w", force_zip64=True) as big:
        big.write(b"content")
    plain = stream.getvalue()
    end = plain.rindex(b"PK\5\6")
    size, start = struct.unpack_from("<II", plain, end + 12)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, size, start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    content = plain[:end] + record + locator + plain[end : end + 8] + b"\xff" * 12 + bytes(2)

    for archive_bytes in (plain, content):
        assert archives.read(archives.opened("zip", archive_bytes)) == {"big": b"content"}


def test_what_is_skipped_is_checked_all_the_same() -> None:
    """A wrong checksum is found though nobody reads the file."""
    content = archives.zipped({"a": b"abcabc"}, zipfile.ZIP_STORED).replace(b"abcabc", b"abcabd")

    with pytest.raises(ArtifactError, match="a has a wrong checksum"):
        archives.skim(archives.opened("zip", content))


def test_a_size_that_is_wrong_is_refused() -> None:
    """Neither more nor less than the announced bytes may come out."""
    content = bytearray(archives.zipped({"a": bytes(100)}))
    at = content.index(b"PK\1\2") + 24
    for wrong in (99, 101):
        struct.pack_into("<I", content, at, wrong)
        with pytest.raises(ArtifactError, match=f"a has not the {wrong} bytes"):
            archives.read(archives.opened("zip", bytes(content)))


def test_overlapping_files_are_refused() -> None:
    """Files that share their packed bytes are how a zip bomb is made."""
    content = bytearray(archives.zipped({"a": b"x" * 50, "b": b"x" * 50}))
    second = content.index(b"PK\1\2", content.index(b"PK\1\2") + 4)
    struct.pack_into("<I", content, second + 42, 0)

    with pytest.raises(ArtifactError, match="overlaps another file"):
        archives.read(archives.opened("zip", bytes(content)))


def test_a_name_that_differs_at_the_content_is_refused() -> None:
    """Unpackers that read from the front would see another file than this one."""
    content = archives.zipped({"first": b"x"}).replace(b"first", b"other", 1)

    with pytest.raises(ArtifactError, match="first has another name"):
        archives.read(archives.opened("zip", content))


def test_encrypted_files_are_a_finding() -> None:
    """What can't be looked into is told, and the rest is looked into."""
    content = bytearray(archives.zipped({"secret": b"x", "open": b"y"}))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    container = archives.opened("zip", bytes(content))

    assert archives.read(container) == {"open": b"y"}
    assert container.findings == [
        "1 files are encrypted or packed in no known way, and not looked into, as secret"
    ]


def test_links_and_names_that_lead_out_are_no_members_of_this_host() -> None:
    """A symbolic link is counted; a name out of the folder is remarked on."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("../x", "y")
    container = archives.opened("zip", stream.getvalue())

    assert archives.read(container) == {"../x": b"y"}
    assert container.facts["entries"]["symlink"] == 1
    assert container.remarks == ["../x would be written outside its folder by a careless unpacker"]


def test_a_bomb_ends_by_the_limits() -> None:
    """Neither the sum of all files nor the growth of one may go beyond its limit."""
    content = archives.zipped({"a": bytes(10**6), "b": bytes(10**6)})

    with pytest.raises(LimitError, match="when unpacked"):
        archives.read(archives.opened("zip", content, max_bytes=1_500_000))
    with pytest.raises(LimitError, match="grows more than"):
        archives.read(archives.opened("zip", content, ratio_from_bytes=500_000))
    with pytest.raises(LimitError, match="files in it"):
        archives.read(archives.opened("zip", content, max_members=1))


NAME: Final = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"


def test_a_wheel_says_what_it_is_for() -> None:
    """Each tag in it and each of its name is told by Crossgate's names."""
    wheel = archives.opened("zip", archives.wheel({"demo/x.so": b"\x7fELF"}), NAME)

    assert set(archives.read(wheel)) == {
        *("demo/x.so", "demo-1.0.dist-info/WHEEL", "demo-1.0.dist-info/RECORD")
    }
    assert wheel.facts["format"] == "wheel"
    assert [
        (each["by"], each["says"], each["architecture"]) for each in wheel.facts["declared"]
    ] == [
        ("wheel tag", "cp311-cp311-linux_aarch64", "arm64"),
        ("file name tag", "manylinux_2_17_x86_64", "amd64"),
        ("file name tag", "manylinux2014_x86_64", "amd64"),
    ]
    assert wheel.findings == []


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        (f"demo/x.so,sha256={'A' * 43},4", "other than its RECORD says: demo/x.so"),
        ("", "not in its RECORD: demo/x.so"),
        ("demo/x.so,,4\ndemo/gone.so,,4", "missing, and in its RECORD: demo/gone.so"),
    ],
)
def test_a_wheel_is_held_against_its_record(line: str, finding: str) -> None:
    """Files that differ, that are not listed and that are missing are findings."""
    files = {"demo/x.so": b"\x7fELF"}
    wheel = archives.opened("zip", archives.wheel(files, **{"demo/x.so": line}), NAME)

    assert archives.skim(wheel) == [finding]


def test_a_wheel_without_record_or_tags_is_a_finding() -> None:
    """Both are mandatory in every wheel."""
    content = archives.zipped({"demo-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\n"})

    assert archives.skim(archives.opened("zip", content)) == [
        "its WHEEL file has no tag",
        "it has no RECORD of its files",
    ]


def test_a_file_of_raw_deflate_that_is_cut_is_refused() -> None:
    """Packed bytes that end before their stream does are an error."""
    packed = zlib.compress(bytes(1000))[2:-6]
    content = bytearray(archives.zipped({"a": bytes(1000)}))
    start = content.index(b"a") + 1
    content[start : start + len(packed)] = packed[:-1] + b"\0"

    with pytest.raises(ArtifactError):
        archives.read(archives.opened("zip", bytes(content)))
