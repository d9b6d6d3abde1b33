"""One commit is one source, whatever the file system that it is checked out on can hold."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from fixtures.building import pack, source
from fixtures.core.errors import InfrastructureError

SCRIPT = b"#!/bin/sh\necho built\n"

AS_WINDOWS = {"core.fileMode": "false", "core.symlinks": "false", "core.autocrlf": "true"}
"""What Git for Windows sets up unless asked for something else."""


@pytest.fixture(autouse=True)
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the user's or the system's: the test's own decide."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def commit(tmp_path: Path) -> Path:
    """A repository with a commit of a script, a program's source, a link and a binary file."""
    root = tmp_path / "origin"
    (root / "src").mkdir(parents=True)
    (root / "configure").write_bytes(SCRIPT)
    (root / "configure").chmod(0o755)
    (root / "src" / "notes.sh").write_bytes(SCRIPT)
    (root / "src" / "a.c").write_bytes(b"int a;\nint b;\n")
    (root / "data").write_bytes(b"\x00\r\n\x01")
    (root / "windows.bat").write_bytes(b"@echo off\r\n")
    (root / "link").symlink_to("src/a.c")
    _git(root, "init", "-q")
    return _commit(root)


def _git(root: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@x", *words],
        check=True,
        capture_output=True,
    )


def _commit(root: Path) -> Path:
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "-m", "x")
    return root


def _clone(origin: Path, into: Path, **settings: str) -> Path:
    """A checkout with these settings, without executable bits where git is not to tell them."""
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    _git(origin, "clone", "-q", *words, str(origin), str(into))
    if settings.get("core.fileMode") == "false":
        for file in into.rglob("*"):
            if file.is_file() and not file.is_symlink() and ".git" not in file.parts:
                file.chmod(0o644)
    return into


def _read(root: Path, system: str = "linux") -> source.Tree:
    return source.read_tree(root, key="x", system=system)


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
@pytest.mark.parametrize("settings", [{}, AS_WINDOWS], ids=["plain", "as Windows has it"])
def test_a_commit_has_one_digest(
    commit: Path, tmp_path: Path, system: str, settings: dict[str, str]
) -> None:
    """Lost executable bits, links as text and CRLF of git's making don't change a source."""
    clone = _clone(commit, tmp_path / "clone", **settings)
    converted = b"\r\n" in (clone / "configure").read_bytes()
    before, after = _read(commit), _read(clone, system)

    assert converted == bool(settings)
    assert after.digest == before.digest
    assert after.sums == before.sums
    assert after.exact == (not settings and system != "win32")


@pytest.mark.parametrize("name", sorted(AS_WINDOWS))
def test_each_loss_alone_is_made_good(commit: Path, tmp_path: Path, name: str) -> None:
    """Each of the settings is looked at for itself, on every system; what it loses can be sent."""
    clone = _clone(commit, tmp_path / "clone", **{name: AS_WINDOWS[name]})

    assert _read(clone).digest == _read(commit).digest
    assert not _read(clone).exact


def test_what_is_sent_is_what_was_hashed(commit: Path, tmp_path: Path) -> None:
    """From a checkout of Windows go the commit's own bits, links and line ends."""
    clone = _clone(commit, tmp_path / "clone", **AS_WINDOWS)
    pack.pack(_read(clone, "win32"), tmp_path / "tar")

    with tarfile.open(tmp_path / "tar") as tar:
        script, notes, data = (tar.extractfile(each) for each in ("configure", "src/a.c", "data"))
        assert script is not None
        assert notes is not None
        assert data is not None
        assert (script.read(), notes.read()) == (SCRIPT, b"int a;\nint b;\n")
        assert data.read() == b"\x00\r\n\x01"
        assert tar.getmember("configure").mode == 0o755
        assert tar.getmember("src/notes.sh").mode == 0o644
        assert tar.getmember("link").linkname == "src/a.c"
        assert tar.getmember("link").issym()


def test_a_submodule_is_told_of_by_its_own_git(commit: Path, tmp_path: Path) -> None:
    """The bits, links and line ends of a repository inside another are as the inner one says."""
    outer = tmp_path / "outer"
    outer.mkdir()
    _git(outer, "init", "-q")
    (outer / "Makefile").write_bytes(b"all:\n")
    _git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(commit), "sub")
    _commit(outer)
    before = _read(outer)
    (outer / "sub" / "configure").chmod(0o644)

    assert b"sub/configure" in before.executable
    assert _read(outer, "win32").digest == before.digest


def test_a_change_counts_though_bits_do_not(commit: Path, tmp_path: Path) -> None:
    """Content and links that were changed in such a checkout change the source."""
    clone = _clone(commit, tmp_path / "clone", **AS_WINDOWS)
    seen = {_read(clone, "win32").digest}
    (clone / "src" / "a.c").write_bytes(b"int a;\r\nint c;\r\n")
    seen.add(_read(clone, "win32").digest)
    (clone / "link").write_bytes(b"configure")
    seen.add(_read(clone, "win32").digest)
    _git(clone, "update-index", "--chmod=+x", "src/notes.sh")
    seen.add(_read(clone, "win32").digest)

    assert len(seen) == 4


def test_crlf_that_is_meant_stays(commit: Path, tmp_path: Path) -> None:
    """Committed CRLF, or CRLF that an attribute asks for, is the file's own."""
    (commit / ".gitattributes").write_bytes(b"*.txt text eol=crlf\n*.raw -text\n")
    (commit / "a.txt").write_bytes(b"a\r\n")
    (commit / "a.raw").write_bytes(b"a\r\n")
    _commit(commit)
    for file in ("a.txt", "a.raw"):
        (commit / file).unlink()
        _git(commit, "checkout", "-q", file)
    clone = _clone(commit, tmp_path / "clone", **{"core.autocrlf": "true"})
    found = _read(clone)

    assert found.crlf >= {b"configure", b"src/a.c"}
    assert not found.crlf & {b"a.txt", b"a.raw", b"windows.bat", b"data"}
    assert found.digest == _read(commit).digest


def test_a_new_script_on_windows_is_executable(tmp_path: Path) -> None:
    """What says what runs it is meant to be run where nothing else tells, in git or not."""
    for name, content in {"run": SCRIPT, "a.c": b"int a;\n", "empty": b""}.items():
        (tmp_path / name).write_bytes(content)
    bare = _read(tmp_path, "win32")
    _git(tmp_path, "init", "-q")

    assert bare.executable == _read(tmp_path, "win32").executable == {b"run"}
    assert _read(tmp_path).executable == frozenset()


def test_a_link_of_windows_leads_where_it_led(tmp_path: Path) -> None:
    """Names and targets have the container's slashes."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"")
    (tmp_path / "link").symlink_to("a\\b")

    assert _read(tmp_path, "win32").links == {b"link": b"a/b"}
    assert _read(tmp_path).links == {b"link": b"a\\b"}


def test_names_that_became_one_are_told(tmp_path: Path) -> None:
    """Where a file system folds case, a source with both names is refused and not built in half."""
    for name in ("A", "b", "B"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_bytes(b"")
    # As a file system that folds case has it: two names lead to one file that has one name.
    (tmp_path / "a").symlink_to("A")
    (tmp_path / "c").write_bytes(b"")
    os.link(tmp_path / "c", tmp_path / "C")
    source.refuse_folded(tmp_path, [b"C", b"c", b"b/x", b"B/x"])

    with pytest.raises(InfrastructureError, match="A/x and a/x, which differ only in case"):
        source.refuse_folded(tmp_path, [b"A/x", b"a/x"])


def test_git_is_asked_no_more_than_needed(commit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system holds everything, git reads no file: its names alone are asked for."""
    asked: list[str] = []
    run = subprocess.run

    def note(words: list[str], **options: object) -> object:
        asked.append(" ".join(words[3:5]))
        return run(words, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", note)
    _read(commit, sys.platform if sys.platform != "win32" else "linux")

    assert asked == ["ls-files -z", "config -z"]
