"""Sending a source: the tar holds what was hashed, nothing else, and belongs to the build."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import pytest

from fixtures.building import layout, pack, source, stage
from fixtures.building.fetch.bundle import Bundle
from fixtures.core.errors import InfrastructureError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with everything that a source may hold."""
    here = tmp_path / "source"
    (here / "a" / "empty").mkdir(parents=True)
    (here / "a" / "b c.txt").write_bytes(b"content")
    (here / "ü.sh").write_bytes(b"#!/bin/sh\n")
    (here / "ü.sh").chmod(0o755)
    (here / "link").symlink_to("a/b c.txt")
    (here / "away").symlink_to("/etc/passwd")
    return here


def test_a_tree_arrives_as_it_is(folder: Path, tmp_path: Path) -> None:
    """Files, links, empty folders and executable bits are there, owned by the build's user."""
    pack.pack(source.read_tree(folder, key="x"), tmp_path / "tar")

    with tarfile.open(tmp_path / "tar") as tar:
        members = {member.name: member for member in tar}
        assert set(members) == {"a", "a/empty", "a/b c.txt", "ü.sh", "link", "away"}
        assert {(each.uid, each.gid) for each in members.values()} == {(layout.BUILDER_ID,) * 2}
        assert members["ü.sh"].mode == 0o755
        assert members["a/b c.txt"].mode == 0o644
        assert members["a/empty"].isdir()
        assert members["away"].linkname == "/etc/passwd"
        content = tar.extractfile("a/b c.txt")
        assert content is not None
        assert content.read() == b"content"


def test_parents_come_before_what_is_in_them(folder: Path, tmp_path: Path) -> None:
    """Every folder is named before its content, so that no engine has to make one up."""
    pack.pack(source.read_tree(folder, key="x"), tmp_path / "tar")

    with tarfile.open(tmp_path / "tar") as tar:
        names = tar.getnames()
    for name in names:
        parent = name.rpartition("/")[0]
        assert not parent or names.index(parent) < names.index(name)


def test_what_a_source_holds_is_told_by_name(folder: Path, tmp_path: Path) -> None:
    """The sums of a tree's and of a bundle's regular files, of names with escapes too."""
    strange = folder / "new\nline\\"
    strange.write_bytes(b"x")
    tree = source.read_tree(folder, key="x")
    pack.pack(tree, tmp_path / "tar")
    bundle = Bundle(file=tmp_path / "tar", sha256="")
    names = ["a/b c.txt", "new\nline\\", "ü.sh", "link", "nothing", "a"]
    expected = {
        "a/b c.txt": hashlib.sha256(b"content").hexdigest(),
        "new\nline\\": hashlib.sha256(b"x").hexdigest(),
        "ü.sh": hashlib.sha256(b"#!/bin/sh\n").hexdigest(),
    }

    assert stage.sums_in(tree, names) == stage.sums_in(bundle, names) == expected


def test_a_part_of_a_tree_is_packed(folder: Path, tmp_path: Path) -> None:
    """An image's context holds what is asked for, in its folders."""
    pack.pack(source.read_tree(folder, key="x"), tmp_path / "tar", only=frozenset({"ü.sh"}))

    with tarfile.open(tmp_path / "tar") as tar:
        assert [member.name for member in tar if not member.isdir()] == ["ü.sh"]


@pytest.mark.parametrize("change", ["content", "gone", "link"])
def test_a_source_that_changed_is_told(folder: Path, tmp_path: Path, change: str) -> None:
    """What is not any more what was hashed is not sent."""
    tree = source.read_tree(folder, key="x")
    file = folder / "a" / "b c.txt"
    if change == "content":
        file.write_bytes(b"changed")
    else:
        file.unlink()
        if change == "link":
            file.symlink_to("/etc/passwd")

    with pytest.raises(InfrastructureError, match=r"changed while it was read|can't be read"):
        pack.pack(tree, tmp_path / "tar")
