"""SquashFS images and AppImages: every file is seen, and no table is believed."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Final

import pytest

from fixtures.core.errors import ArtifactError
from fixtures.inspection import identify
from fixtures.inspection.limits import LimitError
from suites.selftest.unit import archives

FILES: Final = {
    "blocks": bytes(range(256)) * 32,
    "empty": b"",
    "small": b"small",
    "tail": bytes(range(256)) * 20,
}
IMAGE: Final = archives.squashfs(FILES)


def test_files_have_their_names_and_content() -> None:
    """Whole blocks, the ends that files share, and empty files are read."""
    container = archives.opened("squashfs", IMAGE, "tool-riscv64.squashfs")

    assert archives.read(container) == FILES
    assert container.facts["entries"] == {"file": 4}
    assert container.facts["compression"] == "gzip"
    assert [each["architecture"] for each in container.facts["declared"]] == ["riscv64"]


@pytest.mark.parametrize("fill", [False, True])
def test_every_truncation_is_refused(fill: bool) -> None:
    """The superblock has the image's size, and what fills it up must be whole."""
    content = archives.squashfs(FILES, fill=fill)
    end = len(archives.squashfs(FILES, fill=False))

    for length in {*range(0, len(content), 13), *range(end - 9, len(content))} - {end}:
        with pytest.raises(ArtifactError, match=r"a (truncated|damaged) SquashFS image"):
            archives.read(archives.opened("squashfs", content[:length]))


def test_what_is_behind_an_image_is_refused() -> None:
    """Bytes that nobody mounts are told."""
    with pytest.raises(ArtifactError, match="something is behind its end"):
        archives.read(archives.opened("squashfs", IMAGE + b"x" * 4096))


# Offsets in the superblock: https://dr-emann.github.io/squashfs/#_the_superblock
@pytest.mark.parametrize(
    ("offset", "layout", "value", "words"),
    [
        (12, "I", 4097, "blocks of 4097 bytes"),
        (12, "I", 1 << 31, "blocks of 2147483648 bytes"),
        (16, "I", 0, "a fragment that it hasn't"),
        (28, "H", 5, "no superblock of version 4.0"),
        (32, "Q", 1 << 40, "a block outside of it"),
        (32, "Q", 9000, "an offset outside of its block"),
        (40, "Q", 1 << 60, "a truncated SquashFS image"),
        (64, "Q", 1 << 62, "a block outside of it"),
        (72, "Q", 1 << 62, "a block outside of it"),
        (80, "Q", 1 << 62, "a block outside of it"),
    ],
)
def test_no_field_of_the_superblock_is_believed(
    offset: int, layout: str, value: int, words: str
) -> None:
    """Sizes and places that lead out of the image are refused."""
    content = bytearray(IMAGE)
    struct.pack_into(f"<{layout}", content, offset, value)

    with pytest.raises(ArtifactError, match=words):
        archives.read(archives.opened("squashfs", bytes(content)))


def test_a_compression_that_python_lacks_is_a_finding() -> None:
    """What can't be looked into is told."""
    content = bytearray(IMAGE)
    struct.pack_into("<H", content, 20, 5)

    assert archives.skim(archives.opened("squashfs", bytes(content))) == [
        "SquashFS image packed by lz4, which is not looked into"
    ]


def test_a_bomb_ends_by_the_limits() -> None:
    """Blocks of which nothing is stored count as what they are read as."""
    bomb = archives.squashfs({"zeros": bytes(2_000_000)})

    with pytest.raises(LimitError, match="grows more than"):
        archives.read(archives.opened("squashfs", bomb, ratio_from_bytes=500_000))
    with pytest.raises(LimitError, match="when unpacked"):
        archives.read(archives.opened("squashfs", IMAGE, max_bytes=9000))
    with pytest.raises(LimitError, match="files in it"):
        archives.read(archives.opened("squashfs", IMAGE, max_members=3))


@pytest.mark.skipif(not shutil.which("mksquashfs"), reason="mksquashfs is not installed")
@pytest.mark.parametrize("compression", ["gzip", "xz", "zstd", "lzma"])
def test_what_mksquashfs_writes_is_read(tmp_path: Path, compression: str) -> None:
    """An image of the real tool has the files that went into it, in all folders."""
    files = {f"a/b/{number}": b"%d" % number * number for number in range(300)}
    files |= {"sparse": bytes(500_000), "c/random": os.urandom(300_000)}
    for name, content in files.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_bytes(content)
    (tmp_path / "root/out").symlink_to("../../etc/passwd")
    subprocess.run(
        ["mksquashfs", "root", "image", "-comp", compression, "-no-progress"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    container = archives.opened("squashfs", (tmp_path / "image").read_bytes())

    assert archives.read(container) == files
    assert container.remarks == ["1 symbolic links in it lead out of it"]


def test_an_appimage_is_its_runtime_and_its_files() -> None:
    """The runtime comes as an ELF file, without what would make it an AppImage again."""
    container = archives.opened("appimage", archives.appimage(IMAGE), "Tool-aarch64.AppImage")

    found = archives.read(container)

    runtime = found.pop("runtime")
    assert found == FILES
    assert identify.identify(runtime) == "elf"
    assert len(runtime) == 160
    assert container.facts["declared"] == [
        {"by": "file name tag", "says": "aarch64", "architecture": "arm64"}
    ]


def test_every_truncation_of_an_appimage_is_refused() -> None:
    """Neither the runtime nor the file system can be cut."""
    content = archives.appimage(archives.squashfs(FILES, fill=False))

    for length in {*range(0, len(content), 7), *range(len(content) - 9, len(content))}:
        with pytest.raises(ArtifactError, match=r"a (truncated|damaged) "):
            archives.read(archives.opened("appimage", content[:length]))


def test_other_appimages_are_told() -> None:
    """Type 1 is a finding, and so is a payload that is none."""
    first = archives.opened("appimage", archives.appimage(IMAGE, kind=1))

    assert archives.skim(first) == ["AppImage type 1 is not supported"]
    with pytest.raises(ArtifactError, match="no SquashFS image is behind its runtime"):
        archives.skim(archives.opened("appimage", archives.appimage(b"DWARFS" * 100)))
