"""Finished artifacts: taken as they are, each a regular file in its own folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from fixtures.building import prebuilt
from fixtures.building.artifacts import PromiseError
from fixtures.core import targets
from fixtures.core.errors import ManifestError
from suites.selftest.unit.elf_images import ARM64
from suites.selftest.unit.samples import load

TEXT: Final = """
[projects.demo]
source = { prebuilt = "dist/{architecture}" }
architectures = ["arm64"]
artifacts = ["bin/*", "lib/*.so*"]
"""


def target(text: str = TEXT) -> targets.Target:
    """The one target of a manifest."""
    [found] = targets.expand(load(text), "amd64")
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a program, and a library under its names."""
    here = tmp_path / "dist" / "arm64"
    (here / "bin").mkdir(parents=True)
    (here / "lib").mkdir()
    (here / "bin" / "tool").write_bytes(bytes(ARM64))
    (here / "lib" / "libx.so.1").write_bytes(bytes(ARM64))
    (here / "lib" / "libx.so").symlink_to("libx.so.1")
    return here


def test_a_prebuilt_target_is_judged_and_not_built() -> None:
    """Its strategy says that it is not built, and its id that it has no toolchain."""
    assert target().strategy is targets.Strategy.PREBUILT
    assert target().id == "demo-arm64-prebuilt"


def test_promised_files_are_taken(folder: Path, tmp_path: Path) -> None:
    """What the patterns match is copied and read, a library once, under its own name."""
    found = prebuilt.take(target(), folder, tmp_path / "out", "out")

    assert [each.path for each in found] == ["bin/tool", "lib/libx.so.1"]
    assert found[0].facts["e_machine"] == "EM_AARCH64"
    assert (tmp_path / "out" / "bin" / "tool").read_bytes() == bytes(ARM64)


def test_the_folder_is_that_of_the_architecture(folder: Path, tmp_path: Path) -> None:
    """A placeholder in the folder's name is filled in; one that is not there is named."""
    assert prebuilt.folder_of(target(), tmp_path, "key") == folder.resolve()
    with pytest.raises(ManifestError, match=r"key: expected a folder, and .*arm64 is none"):
        prebuilt.folder_of(target(), tmp_path / "elsewhere", "key")


def test_a_change_is_another_source(folder: Path) -> None:
    """The digest is that of what the patterns match, by name and content, and of nothing else."""
    first = prebuilt.source_digest(target(), folder)
    (folder / "README").write_text("not an artifact", "utf-8")
    same = prebuilt.source_digest(target(), folder)
    (folder / "bin" / "tool").write_bytes(bytes(ARM64) + b"\0")
    changed = prebuilt.source_digest(target(), folder)
    (folder / "bin" / "tool").rename(folder / "bin" / "other")

    assert first == same
    assert len({first, changed, prebuilt.source_digest(target(), folder)}) == 3


@pytest.mark.parametrize(
    ("defect", "words"),
    [
        ("missing", 'the artifact pattern "bin/\\*" matched no file'),
        ("link", "bin/tool.* is a symbolic link to /etc/passwd"),
        ("outside", 'the artifact pattern "lib/libx.so.1" matched no file'),
        ("empty", "bin/tool.* is an empty file"),
    ],
)
def test_what_is_no_file_of_its_own_is_refused(
    folder: Path, tmp_path: Path, defect: str, words: str
) -> None:
    """A missing, empty or linked artifact is a broken promise, and no link is followed."""
    tool = folder / "bin" / "tool"
    match defect:
        case "missing":
            tool.unlink()
        case "link":
            tool.unlink()
            tool.symlink_to("/etc/passwd")
        case "outside":
            (folder / "lib").rename(tmp_path / "lib")
            (folder / "lib").symlink_to(tmp_path / "lib")
        case "empty":
            tool.write_bytes(b"")

    text = TEXT.replace('"bin/*", "lib/*.so*"', '"lib/libx.so.1"') if defect == "outside" else TEXT
    with pytest.raises(PromiseError, match=words):
        prebuilt.take(target(text), folder, tmp_path / "out", "out")
