"""Debian packages: what they declare, and that nothing of them is missing."""

from __future__ import annotations

import bz2
import lzma
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import zstandard

from fixtures.core.errors import ArtifactError
from suites.selftest.unit import archives

PACK: dict[str, Any] = {
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.ZstdCompressor().compress,
    ".lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
    "": bytes,
}


@pytest.mark.parametrize("suffix", [".gz", *PACK])
def test_a_package_has_its_files_and_says_what_it_is_for(suffix: str) -> None:
    """Name, version, architecture and files are read, whatever packs them."""
    content = archives.deb(suffix=suffix, pack=PACK[suffix]) if suffix in PACK else archives.deb()
    package = archives.opened("deb", content, "tool_1.0-2_armhf.deb")

    assert archives.read(package) == archives.FILES
    assert package.facts["package"] == "tool"
    assert package.facts["version"] == "1.0-2"
    assert package.facts["declared"] == [
        {"by": "control field Architecture", "says": "arm64", "architecture": "arm64"},
        {"by": "file name tag", "says": "armhf", "architecture": "armv7"},
    ]
    assert package.findings == package.remarks == []


@pytest.mark.parametrize("suffix", [".xz", ""])
def test_every_truncation_is_refused(suffix: str) -> None:
    """No package can be cut, not even by the byte that fills its last part."""
    content = archives.deb(suffix=suffix, pack=PACK[suffix])

    for length in {*range(0, len(content), 97), *range(len(content) - 70, len(content))}:
        with pytest.raises(ArtifactError, match=r"a (truncated|damaged) "):
            archives.read(archives.opened("deb", content[:length]))


PARTS = {
    "debian-binary": b"2.0\n",
    "control.tar": archives.tar({"control": archives.CONTROL}),
    "data.tar": archives.tar({"a": b"x"}),
}


def package_of(*names: str, **other: bytes) -> bytes:
    """A package of some parts in some order."""
    parts = {**PARTS, **{name.replace("_", "-"): content for name, content in other.items()}}
    return archives.ar([(name.encode(), parts.get(name, b"")) for name in names])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (package_of("debian-binary", "control.tar"), "its part data.tar is missing"),
        (package_of("debian-binary"), "its part control.tar is missing"),
        (package_of("control.tar"), "control.tar where debian-binary belongs"),
        (package_of("debian-binary", "data.tar"), "data.tar where control.tar belongs"),
        (package_of("debian-binary", "control.tar.rar"), "packed in no known way"),
        (package_of("debian-binary", debian_binary=b"3.0\n"), "format 3.0"),
    ],
)
def test_a_package_without_its_parts_in_their_order_is_refused(content: bytes, words: str) -> None:
    """What is missing, misplaced or of another version is named."""
    with pytest.raises(ArtifactError, match=words):
        archives.read(archives.opened("deb", content))


def test_parts_of_other_tools_are_passed_over_and_extra_ones_found() -> None:
    """dpkg ignores names that begin with an underscore, and nothing else."""
    signed = package_of("debian-binary", "_gpgbuilder", "control.tar", "data.tar", "_gpgorigin")
    stuffed = archives.opened("deb", package_of(*PARTS, "data.tar.gz"))

    assert archives.read(archives.opened("deb", signed)) == {"a": b"x"}
    assert archives.read(stuffed) == {"a": b"x"}
    assert stuffed.findings == ["a part that no package has: data.tar.gz"]


def test_a_package_without_an_architecture_is_a_finding() -> None:
    """The field is mandatory, so its absence is a defect."""
    package = archives.opened("deb", archives.deb(control=b"Package: tool\n"))

    archives.read(package)

    assert package.findings == ["its control file has no field Architecture"]


def test_a_package_without_a_control_file_is_refused() -> None:
    """No unpacker would take it."""
    content = archives.ar([*((name.encode(), part) for name, part in PARTS.items())])
    content = content.replace(b"control\0", b"contro1\0")

    with pytest.raises(ArtifactError):
        archives.read(archives.opened("deb", content))


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not installed")
def test_what_dpkg_writes_is_read(tmp_path: Path) -> None:
    """A package of the real tool has the files that went into it."""
    (tmp_path / "root/DEBIAN").mkdir(parents=True, mode=0o755)
    (tmp_path / "root/usr").mkdir()
    fields = archives.CONTROL + b"Maintainer: nobody <nobody@example.org>\n"
    (tmp_path / "root/DEBIAN/control").write_bytes(fields)
    (tmp_path / "root/usr/tool").write_bytes(b"content")
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", "root", "tool.deb"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )

    package = archives.opened("deb", (tmp_path / "tool.deb").read_bytes())

    assert archives.read(package) == {"usr/tool": b"content"}
    assert package.facts["declared"][0]["architecture"] == "arm64"
