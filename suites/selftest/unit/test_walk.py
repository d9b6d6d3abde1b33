"""Looking into files that hold files: all is seen, nothing is followed, nothing is endless."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from fixtures.inspection.found import Found
from fixtures.inspection.limits import Limits
from fixtures.inspection.walk import inspect_path, inspect_stream
from suites.selftest.unit import archives
from suites.selftest.unit.elf_images import ARM64, IMAGES

ELF = bytes(ARM64)


def look(content: bytes, name: str = "file", *, deep: bool = False, **limits: Any) -> Found:
    """What is found of a file's content."""
    return inspect_stream(
        io.BytesIO(content), len(content), name, limits=Limits(**limits), deep=deep
    )


def findings(found: Found) -> list[str]:
    """All findings, of the file and of what is in it."""
    return [finding for each in (found, *found.members) for finding in each.findings]


def test_members_are_found_at_every_depth() -> None:
    """A program in a wheel in a package in an archive is found, with its way there as its path."""
    wheel = archives.wheel({"demo/core.so": ELF})
    package = archives.deb({"usr/share/demo.whl": wheel})
    found = look(gzip.compress(archives.tar({"all/demo.deb": package})), "all.tar.gz")

    assert findings(found) == []
    assert [member.path for member in found.members if member.format == "elf"] == [
        "all.tar.gz!all/demo.deb!usr/share/demo.whl!demo/core.so"
    ]
    assert [member.format for member in found.members] == ["tar", "deb", "wheel", "elf"]


def test_data_is_counted_and_not_listed() -> None:
    """A text in a package is no member of interest; that it is there is known."""
    found = look(archives.tar({"a/readme": b"words\n", "a/tool": ELF}), "a.tar")

    assert found.facts["contents"] == {"data": 1, "elf": 1}
    assert [member.path for member in found.members] == ["a.tar!a/tool"]


def test_names_are_listed_where_all_is_read() -> None:
    """With `deep` the names of all in a package are known, links and devices too."""
    link = archives.entry("a/link", tarfile.SYMTYPE, "tool")
    device = archives.entry("a/device", tarfile.CHRTYPE)
    folder = archives.entry("a/more", tarfile.DIRTYPE)
    content = archives.tar({"a/readme": b"words\n", "a/tool": ELF}, link, device, folder)
    found = look(content, "a.tar", deep=True)

    assert found.facts["names"] == ["a/device", "a/link", "a/readme", "a/tool"]
    assert found.facts["names_cut"] is False


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"max_depth": 2}, "nested more than 2 deep"),
        ({"max_members": 2}, "more than 2 files"),
        ({"max_bytes": 20_000}, "when unpacked"),
        ({"max_ratio": 3, "ratio_from_bytes": 4096}, "grows more than 3-fold"),
    ],
)
def test_each_limit_is_a_finding(limits: dict[str, Any], words: str) -> None:
    """What is too deep, too many, too large or grows too much is told, not endured."""
    content = archives.tar({"a": ELF, "b": ELF, "c": bytes(20_000)})
    for _ in range(3):
        content = archives.tar({"inner.gz": gzip.compress(content)})

    found = look(content, "bomb.tar", **limits)

    assert any(words in finding for finding in findings(found)), findings(found)


def test_levels_can_not_multiply_their_ratios() -> None:
    """Two levels that each grow within the limit grow beyond it together, and that is told."""
    inner = gzip.compress(bytes(2_000_000))
    outer = gzip.compress(archives.tar({f"{number}.gz": inner for number in range(40)}))

    found = look(outer, "bomb.tar.gz", max_ratio=1000, ratio_from_bytes=1_000_000)

    assert any("grows more than" in finding for finding in findings(found))


@pytest.mark.parametrize(
    "magic", [b"7z\xbc\xaf\x27\x1c\0\4", b"BC\xc0\xde    ", b"\x04\x22\x4d\x18    ", b"MSCF    "]
)
def test_what_can_hold_code_and_is_not_read_is_a_finding(magic: bytes) -> None:
    """An archive that nobody here can open is not passed over."""
    found = look(archives.tar({"a/plugin": magic + bytes(100), "a/tool": ELF}), "a.tar")

    assert any("can't be told" in finding for finding in findings(found))


def test_a_member_of_a_library_that_is_no_object_is_a_finding() -> None:
    """A static library holds object files; what else is in it would be linked by nobody."""
    library = archives.gnu_library([(b"a.o/", ELF), (b"b.o", b"not an object\n")])

    assert findings(look(library, "lib.a")) == [
        "its member b.o is no object file, but a text file (it starts with 6e 6f 74 20 61 6e 20 6f)"
    ]


def test_a_declaration_that_does_not_fit_is_a_remark() -> None:
    """A package for one CPU that holds another's code is unusual, and intact."""
    found = look(archives.deb({"usr/bin/tool": bytes(IMAGES["amd64"])}), "tool_1.0_arm64.deb")

    assert findings(found) == []
    assert any("is for arm64 and holds amd64" in remark for remark in found.remarks)


def test_folders_are_looked_into_and_links_are_not(tmp_path: Path) -> None:
    """A folder's files are seen, its links and pipes are counted and never opened."""
    outside = tmp_path / "outside"
    outside.write_bytes(ELF)
    folder = tmp_path / "folder"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "tool").write_bytes(ELF)
    (folder / "link").symlink_to(outside)
    (folder / "all").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")

    found = inspect_path(folder, "folder")

    assert [member.path for member in found.members] == ["folder/bin/tool"]
    assert found.facts["contents"] == {"elf": 1, "link": 1, "special": 1}


@pytest.mark.parametrize("kind", ["pipe", "missing", "device"])
def test_what_is_no_file_is_a_finding(kind: str, tmp_path: Path) -> None:
    """Nothing waits for a pipe, and a missing file is said."""
    path = Path("/dev/null") if kind == "device" else tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)

    assert inspect_path(path, kind).findings


def test_paths_of_the_build_machine_are_found_wherever_they_stand(tmp_path: Path) -> None:
    """A path is found across the pieces that a file is read in, and only where one begins."""
    elf = ELF + bytes(256 * 1024 - len(ELF) - 10)
    content = elf + b"\0/home/somebody/src/demo.c\0/usr/share/home/nobody\0/work/src/x.c\0"
    file = tmp_path / "tool"
    file.write_bytes(content)

    found = inspect_path(file, "tool", deep=True, build="/work/src")

    assert found.facts["paths"] == ["/home/somebody/src/demo.c", "/work/src/x.c"]


def test_what_is_not_asked_is_not_claimed() -> None:
    """Without `deep` there is no fact of paths at all, so none can be taken for none."""
    facts = look(ELF).facts

    assert "paths" not in facts
    assert "compressed_size" not in facts
