"""Files out of a stream of tar: regular ones of a bounded size, and nothing else."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.building import extract
from fixtures.core.errors import ArtifactError

CONTENT = b"\x7fELF" + bytes(5000)


def _tar(change: Callable[[tarfile.TarInfo], None] = lambda _: None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("../../etc/passwd")
        member.size, member.mode = len(CONTENT), 0o755
        change(member)
        archive.addfile(member, io.BytesIO(CONTENT) if member.isreg() else None)
    return buffer.getvalue()


def _pieces(raw: bytes, size: int = 700) -> Iterator[bytes]:
    return (raw[start : start + size] for start in range(0, len(raw), size))


def test_a_regular_file_arrives_whole_under_our_name(tmp_path: Path) -> None:
    """The archive's own path is not used, however it tries to climb out."""
    extracted = extract.one_file(_pieces(_tar()), tmp_path / "a" / "tool", max_bytes=10**6)

    assert (tmp_path / "a" / "tool").read_bytes() == CONTENT
    assert extracted.size_bytes == len(CONTENT)
    assert extracted.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "tool"]


def _kind(kind: bytes) -> Callable[[tarfile.TarInfo], None]:
    def change(member: tarfile.TarInfo) -> None:
        member.type, member.linkname = kind, "/etc/passwd"
        if kind != tarfile.REGTYPE:
            member.size = 0

    return change


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "a symbolic link to /etc/passwd"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.DIRTYPE, "a folder"),
        (tarfile.FIFOTYPE, "a named pipe"),
        (tarfile.CHRTYPE, "a device"),
    ],
)
def test_anything_but_a_regular_file_is_refused(tmp_path: Path, kind: bytes, words: str) -> None:
    """A link, folder, pipe or device is named for what it is, and nothing is written."""
    with pytest.raises(ArtifactError, match=words):
        extract.one_file(_pieces(_tar(_kind(kind))), tmp_path / "tool", max_bytes=10**6)

    assert list(tmp_path.iterdir()) == []


def test_the_announced_size_is_checked_before_a_byte_is_written(tmp_path: Path) -> None:
    """A file larger than allowed is refused by what its header says."""
    with pytest.raises(ArtifactError, match="more than the 100 B allowed"):
        extract.one_file(_pieces(_tar()), tmp_path / "tool", max_bytes=100)

    assert list(tmp_path.iterdir()) == []


def test_a_link_where_the_file_is_to_go_is_not_followed(tmp_path: Path) -> None:
    """What stands in the way on the host is never written through."""
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "tool").symlink_to(tmp_path / "victim")
    with pytest.raises(ArtifactError, match="takes for the same"):
        extract.one_file(_pieces(_tar()), tmp_path / "tool", max_bytes=10**6)

    assert (tmp_path / "victim").read_text() == "mine"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_stream_is_an_artifact_error_or_the_file(
    tmp_path: Path, data: st.DataObject
) -> None:
    """Cut or changed anywhere, a stream gives the file or ArtifactError, nothing else."""
    raw = bytearray(_tar())
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    del raw[data.draw(st.integers(0, len(raw))) :]
    destination = tmp_path / "tool"
    destination.unlink(missing_ok=True)
    try:
        extracted = extract.one_file(_pieces(bytes(raw)), destination, max_bytes=10**6)
    except ArtifactError:
        return

    assert destination.stat().st_size == extracted.size_bytes


@pytest.mark.parametrize(
    "name",
    [
        *(
            "a:b",
            "C:evil",
            "C:/evil",
            "..\\..\\evil",
            "\\\\server\\share\\evil",
            "a\\b",
            "tool.exe:stream",
        ),
        *("lib/a?", "a*", 'a"b', "<a>", "a|b", "a\x07b", "a.", "a ", "a./b", "a/..", "lib /b"),
        *("CON", "nul.txt", "lib/aux.o", "COM1", "lpt9.so.1", "conout$"),
    ],
)
def test_a_name_that_windows_takes_for_something_else_is_refused(tmp_path: Path, name: str) -> None:
    """A drive, a stream, a device or another folder is never written to; a Linux has such names."""
    with pytest.raises(ArtifactError, match="a file whose name can't be used on Windows"):
        extract.place(tmp_path, name, "win32")

    assert extract.place(tmp_path, name, "linux") == tmp_path / name


@pytest.mark.parametrize("name", ["hello", "lib/libz.so.1.3", ".config", "a b", "é", "console.o"])
def test_usual_names_are_their_own_everywhere(tmp_path: Path, name: str) -> None:
    """What a build usually makes keeps its name on every system."""
    for system in ("linux", "darwin", "win32"):
        assert extract.place(tmp_path, name, system) == tmp_path / name


def test_names_that_a_file_system_folds_are_told(tmp_path: Path) -> None:
    """Of two artifacts that become one file the second is refused, and the first stays whole."""
    extract.one_file(_pieces(_tar()), tmp_path / "Tool", max_bytes=10**6)
    for second in (tmp_path / "Tool", tmp_path / "Tool" / "part"):
        with pytest.raises(ArtifactError, match="one of two whose names"):
            extract.one_file(_pieces(_tar()), second, max_bytes=10**6)

    assert (tmp_path / "Tool").read_bytes() == CONTENT


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG])
def test_a_name_that_a_file_system_refuses_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """It is the artifact's failure; a full disk is not."""

    def refuse(*_: object) -> int:
        raise OSError(number, "refused")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ArtifactError, match="name this host's file system does not take"):
        extract.create(tmp_path / "a", executable=False)
    number = errno.ENOSPC
    with pytest.raises(OSError, match="refused"):
        extract.create(tmp_path / "a", executable=False)
