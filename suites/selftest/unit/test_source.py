"""Source trees: which files belong to one, and what changes its digest."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.building import source
from fixtures.core.errors import InfrastructureError, ManifestError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with a file in a folder, an executable, a link and an empty folder."""
    root = tmp_path / "tree"
    (root / "src").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "src" / "a.c").write_text("int a;\n")
    (root / "configure").write_text("#!/bin/sh\n")
    (root / "configure").chmod(0o755)
    (root / "link").symlink_to("src/a.c")
    return root


def _read(root: Path, *, without: tuple[Path, ...] = (), system: str = sys.platform) -> source.Tree:
    key = "crossgate.toml: projects.x.source.path"
    return source.read_tree(root, key=key, without=without, system=system)


def _git(root: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True)


def test_outside_git_every_file_belongs(tree: Path) -> None:
    """Files, links and empty folders; version control's own folder does not."""
    (tree / ".git").mkdir()
    (tree / ".git" / "broken").write_text("no repository")

    found = _read(tree)

    assert found.files == (b"configure", b"link", b"src/a.c")
    assert found.folders == (b"empty",)


def test_in_git_what_is_ignored_does_not_belong(tree: Path) -> None:
    """Tracked and new files belong, ignored and deleted ones do not."""
    _git(tree, "init", "-q")
    (tree / ".gitignore").write_text("*.o\n")
    (tree / "a.o").write_text("object")
    (tree / "gone.c").write_text("")
    _git(tree, "add", "-A")
    (tree / "gone.c").unlink()
    (tree / "new.c").write_text("")

    assert _read(tree).files == (b".gitignore", b"configure", b"link", b"new.c", b"src/a.c")


def test_an_ignored_folder_inside_a_repository_is_a_tree_of_its_own(tmp_path: Path) -> None:
    """A project in a folder that an outer repository ignores is not an empty one."""
    _git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("build/\n")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "a.c").write_text("")

    assert _read(tmp_path / "build").files == (b"a.c",)


def test_a_repository_inside_a_repository_belongs(tree: Path) -> None:
    """A submodule's files belong, though git names only its folder."""
    _git(tree, "init", "-q")
    (tree / "sub").mkdir()
    (tree / "sub" / "b.c").write_text("")
    _git(tree / "sub", "init", "-q")

    assert b"sub/b.c" in _read(tree).files


def test_our_own_reports_do_not_belong(tree: Path) -> None:
    """A run's reports inside the source would change it with every run."""
    (tree / "out").mkdir()
    (tree / "out" / "report.json").write_text("{}")

    assert b"out/report.json" not in _read(tree, without=(tree / "out",)).files


def test_the_digest_is_of_the_content_alone(tree: Path, tmp_path: Path) -> None:
    """Another place and other times give the same digest."""
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-R", "-P", str(tree), str(copy)], check=True)
    os.utime(copy / "src" / "a.c", (1, 1))

    assert _read(copy).digest == _read(tree).digest


def _rename(root: Path) -> None:
    (root / "src" / "a.c").rename(root / "src" / "b.c")


def _relink(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("configure")


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda root: (root / "src" / "a.c").write_text("int b;\n"),
    "name": _rename,
    "executable bit": lambda root: (root / "configure").chmod(0o644),
    "link": _relink,
    "new file": lambda root: (root / "new").write_text(""),
    "empty folder": lambda root: (root / "empty").rmdir(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_changes_the_digest(tree: Path, change: Callable[[Path], object]) -> None:
    """Content, name, executable bit, link, a new file, an empty folder: each counts."""
    before = _read(tree).digest
    change(tree)

    assert _read(tree).digest != before


def test_a_missing_or_empty_folder_names_the_key(tmp_path: Path) -> None:
    """The mend is in the manifest, so its key is named."""
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "missing"):
        with pytest.raises(ManifestError, match=r"crossgate\.toml: projects\.x\.source\.path"):
            _read(folder)


def test_a_pipe_in_the_source_is_refused_by_name(tree: Path) -> None:
    """Reading a FIFO would hang; the error says which file it is."""
    os.mkfifo(tree / "pipe")
    with pytest.raises(InfrastructureError, match="pipe"):
        _read(tree)
