"""Bundles: one plain tar of whatever archive, and nothing taken that no source may hold."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import io
import lzma
import os
import shutil
import stat
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.building.fetch import bundle, writer
from fixtures.core.errors import InfrastructureError

WHAT = "the archive x (crossgate.toml: projects.x.source)"

Member = tuple[str, bytes | None, dict[str, object]]


def _file(name: str, content: bytes = b"text", **fields: object) -> Member:
    return name, content, fields


def _other(name: str, kind: bytes, **fields: object) -> Member:
    return name, None, {"type": kind, **fields}


def _tar(*members: Member) -> bytes:
    """A tar as a stranger may write it: names and fields are taken as they are."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content, fields in members:
            member = tarfile.TarInfo(name)
            member.size = len(content or b"")
            for field, value in fields.items():
                setattr(member, field, value)
            archive.addfile(member, io.BytesIO(content or b""))
    return stream.getvalue()


def _zip(*members: tuple[str, bytes, int, int]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode, system in members:
            info = zipfile.ZipInfo("x", (2024, 5, 6, 7, 8, 10))
            info.filename, info.create_system, info.external_attr = name, system, mode << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _bundle(content: bytes, folder: Path) -> bundle.Bundle:
    file = folder / "given"
    file.write_bytes(content)
    return bundle.from_archive(file, folder / "made" / "tree.tar", WHAT)


def _members(made: bundle.Bundle) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(made.file, encoding="utf-8", errors="surrogateescape") as archive:
        return {member.name: member for member in archive}


def _content(made: bundle.Bundle, name: str) -> bytes:
    with tarfile.open(made.file) as archive:
        stream = archive.extractfile(name)
        assert stream is not None
        return stream.read()


def _refused(content: bytes, folder: Path) -> str:
    with pytest.raises(InfrastructureError) as caught:
        _bundle(content, folder)
    assert str(caught.value).startswith(WHAT)
    assert not (folder / "made" / "tree.tar").exists()
    assert not list((folder / "made").glob(".*")), "nothing is left beside it"
    return str(caught.value)


TREE = _tar(
    _other("x-1.0/", tarfile.DIRTYPE, mode=0o700, uname="them", uid=77),
    _file("x-1.0/src/a.c", b"int a;\n", mode=0o6640, mtime=1_700_000_000, uid=5, gname="us"),
    _file("x-1.0/configure", b"#!/bin/sh\n", mode=0o700, mtime=-5),
    _other("x-1.0/link", tarfile.SYMTYPE, linkname="/etc/passwd"),
    _other("x-1.0/src/same.c", tarfile.LNKTYPE, linkname="x-1.0/src/a.c"),
)


def _zstd(content: bytes) -> bytes:
    if shutil.which("zstd") is None:
        pytest.skip("the command zstd is not here")
    command = ["zstd", "-q", "-c"]
    return subprocess.run(command, input=content, capture_output=True, check=True).stdout


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda content: content,
    "gz": gzip.compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
    "zst": _zstd,
}


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_every_compression_gives_the_same_bundle(
    compress: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """Told by content: owners, odd modes and the top folder's name are gone, times are kept."""
    made = _bundle(compress(TREE), tmp_path)

    members = _members(made)
    assert list(members) == ["src", "src/a.c", "configure", "link", "src/same.c"]
    assert {(each.uid, each.gid, each.uname, each.gname) for each in members.values()} == {
        (1000, 1000, "", "")
    }
    modes = {name: each.mode for name, each in members.items() if each.isreg()}
    assert modes == {"src/a.c": 0o644, "configure": 0o755}
    assert (members["src/a.c"].mtime, members["configure"].mtime) == (1_700_000_000, 0)
    assert members["link"].linkname == "/etc/passwd"
    assert members["src/same.c"].linkname == "src/a.c"
    assert _content(made, "src/a.c") == b"int a;\n"
    assert made.sha256 == hashlib.sha256(made.file.read_bytes()).hexdigest()
    assert made.sha256 == _bundle(TREE, tmp_path).sha256


def test_without_a_common_top_folder_names_stay(tmp_path: Path) -> None:
    """The first member's folder is only taken off where all others are in it."""
    made = _bundle(_tar(_file("a/x"), _file("a/y"), _file("b/z")), tmp_path)

    assert list(_members(made)) == ["a", "a/x", "a/y", "b", "b/z"]


@pytest.mark.parametrize("name", ["./a", "a", "top//./a", "./top/a"])
def test_names_are_written_plainly(name: str, tmp_path: Path) -> None:
    """Dots and doubled slashes are nobody's names, and a lone file is no folder to take off."""
    assert list(_members(_bundle(_tar(_file(name)), tmp_path))) == ["a"]


HOSTILE = {
    "absolute": (_tar(_file("/etc/passwd")), "absolute"),
    "up": (_tar(_file("a/../../b")), "leads out"),
    "up by a hard link": (_tar(_other("a", tarfile.LNKTYPE, linkname="../b")), "leads out"),
    "a device": (_tar(_other("a", tarfile.CHRTYPE)), "neither a folder"),
    "a named pipe": (_tar(_other("a", tarfile.FIFOTYPE)), "neither a folder"),
    "below a link": (
        _tar(_other("a", tarfile.SYMTYPE, linkname="/tmp"), _file("a/b"), _file("c")),
        "a/b is below a, which is a symbolic link",
    ),
    "below a file": (_tar(_file("a"), _file("a/b")), "a/b is below a, which is a file"),
    "a link in place of a folder": (
        _tar(_file("t/a/b"), _other("t/a", tarfile.SYMTYPE, linkname="/tmp")),
        "a is in it twice",
    ),
    "a file twice": (_tar(_file("a"), _file("a")), "a is in it twice"),
    "a hard link to nothing": (_tar(_other("a", tarfile.LNKTYPE, linkname="b")), "no file before"),
    "a hard link to a link": (
        _tar(
            _other("a", tarfile.SYMTYPE, linkname="/etc/passwd"),
            _other("b", tarfile.LNKTYPE, linkname="a"),
        ),
        "no file before",
    ),
    "a long name": (_tar(_file("a" * 256)), "longer than"),
    "a zero byte": (_tar(_file("x", pax_headers={"path": "a\0b"})), "no name"),
    "no files": (_tar(_other("a", tarfile.DIRTYPE)), "holds no files"),
    "nothing at all": (bytes(10240), "holds no files"),
    "no archive": (b"<html>" * 500, "neither a tar"),
    "an empty file": (b"", "neither a tar"),
    "zip up": (_zip(("../a", b"", 0o644, 3)), "leads out"),
    "zip up, as DOS": (_zip(("..\\a", b"", 0, 0)), "leads out"),
    "zip device": (_zip(("a", b"", stat.S_IFCHR | 0o644, 3)), "neither a folder"),
    "zip below a link": (
        _zip(("t/a", b"/tmp", stat.S_IFLNK | 0o777, 3), ("t/a/b", b"", 0o644, 3)),
        "below",
    ),
    "zip with a terminal's code": (_zip(("a\x1b[31m/../b", b"", 0o644, 3)), "\\x1b"),
}


@pytest.mark.parametrize(("content", "words"), HOSTILE.values(), ids=HOSTILE)
def test_what_no_source_may_hold_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    """One printable error that begins with the archive's name, and nothing is written."""
    said = _refused(content, tmp_path)

    assert words in said
    assert said.isprintable()


def test_a_file_that_was_named_twice_to_tar_is_one(tmp_path: Path) -> None:
    """GNU tar writes it as a hard link to itself."""
    made = _bundle(_tar(_file("a"), _other("a", tarfile.LNKTYPE, linkname="a")), tmp_path)

    assert _members(made)["a"].isreg()


def test_zip_modes_links_and_times(tmp_path: Path) -> None:
    """Unix modes and links are kept, DOS has none; folders may be written by backslashes."""
    made = _bundle(
        _zip(
            ("run", b"#!", stat.S_IFREG | 0o755, 3),
            ("link", b"run", stat.S_IFLNK | 0o777, 3),
            ("dos\\a.c", b"int a;", 0o777, 0),
        ),
        tmp_path,
    )

    members = _members(made)
    assert {name: each.mode for name, each in members.items() if each.isreg()} == {
        "run": 0o755,
        "dos/a.c": 0o644,
    }
    assert members["link"].linkname == "run"
    assert members["run"].mtime == 1_714_979_290


def test_a_name_that_is_no_text_is_kept(tmp_path: Path) -> None:
    """Names are bytes on Linux; Latin-1 in an old archive stays what it is."""
    stream = io.BytesIO()
    with tarfile.open(
        fileobj=stream, mode="w", format=tarfile.GNU_FORMAT, encoding="latin-1"
    ) as archive:
        archive.addfile(tarfile.TarInfo("caf\xe9"))

    (name,) = _members(_bundle(stream.getvalue(), tmp_path))

    assert name.encode("utf-8", "surrogateescape") == b"caf\xe9"


BIG = _tar(*(_file(f"t/{number}", os.urandom(3000)) for number in range(20)))


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.5, 0.97])
def test_an_archive_that_ends_early_is_damaged(
    compress: Callable[[bytes], bytes], part: float, tmp_path: Path
) -> None:
    """Wherever it was cut: tarfile by itself takes many of these for whole."""
    whole = compress(BIG)
    # The end of a plain tar is padding, to lose some of which is no loss.
    cut = int((len(whole) if compress is not COMPRESSIONS["plain"] else 20 * (512 + 3072)) * part)

    assert "damaged" in _refused(whole[:cut], tmp_path)


def test_a_plain_tar_that_ends_between_two_members_is_damaged(tmp_path: Path) -> None:
    """Nothing else says that it was longer."""
    assert "ends early" in _refused(BIG[: 5 * (512 + 3072)], tmp_path)


def test_a_compressed_tar_may_leave_out_the_end(tmp_path: Path) -> None:
    """Some writers do, and the compression vouches for the length."""
    made = _bundle(gzip.compress(_tar(_file("a"))[:1024]), tmp_path)

    assert list(_members(made)) == ["a"]


def test_a_damaged_header_is_no_end(tmp_path: Path) -> None:
    """tarfile takes a header with a wrong sum for the end, and would drop all that follows."""
    raw = bytearray(BIG)
    raw[5 * (512 + 3072) + 3] ^= 1

    assert "damaged" in _refused(bytes(raw), tmp_path)


def test_a_wrong_checksum_is_damage(tmp_path: Path) -> None:
    """The CRC of gzip and of a zip's member are read and held against the content."""
    packed = bytearray(gzip.compress(TREE))
    packed[-6] ^= 1
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a", b"some content")
    changed = stored.getvalue().replace(b"some content", b"some CONTENT")

    assert "damaged" in _refused(bytes(packed), tmp_path)
    assert "damaged" in _refused(changed, tmp_path)


@pytest.mark.parametrize("make", ["tar", "zip"])
def test_a_bomb_is_not_unpacked(make: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What unpacks to absurdly more than it is, is given up when the limit is reached."""
    monkeypatch.setattr(bundle, "RATIO_FREE_BYTES", 1024)
    monkeypatch.setattr(bundle, "MAX_RATIO", 10)
    zeros = bytes(1024**2)
    content = gzip.compress(_tar(_file("a", zeros))) if make == "tar" else _zip(("a", zeros, 0, 3))

    assert "unpacks to more than" in _refused(content, tmp_path)


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders that are only named by what is in them count too."""
    monkeypatch.setattr(writer, "MAX_MEMBERS", 3)

    assert "more than 3 members" in _refused(_tar(_file("t/a/b/c/d"), _file("u")), tmp_path)


def test_an_endless_header_is_refused(tmp_path: Path) -> None:
    """The text of a header is read in one piece, so a bound holds for it."""
    content = _tar(_file("a", pax_headers={"comment": "x" * writer.BLOCK}))

    assert "absurdly long" in _refused(content, tmp_path)


def test_a_folder_gives_the_same_bundle_each_time(tmp_path: Path) -> None:
    """In the order of names, links as links, without what is skipped at any depth."""
    root = tmp_path / "root"
    (root / "b" / ".git").mkdir(parents=True)
    (root / "b" / ".git" / "config").write_text("x")
    (root / "empty").mkdir()
    (root / "b" / "run").write_text("#!/bin/sh\n")
    (root / "b" / "run").chmod(0o700)
    (root / "a").symlink_to("nowhere")

    def pack(name: str) -> bundle.Bundle:
        return bundle.from_folder(root, tmp_path / name, skip=frozenset({".git"}), mtime=7)

    made = pack("one.tar")
    members = _members(made)
    assert list(members) == ["a", "b", "b/run", "empty"]
    assert members["a"].linkname == "nowhere"
    assert members["b/run"].mode == 0o755
    assert {each.mtime for each in members.values()} == {7}
    assert pack("two.tar").sha256 == made.sha256


def test_a_pipe_in_a_folder_is_refused(tmp_path: Path) -> None:
    """It is named, and not waited for."""
    (tmp_path / "root").mkdir()
    os.mkfifo(tmp_path / "root" / "pipe")

    with pytest.raises(InfrastructureError, match="pipe is neither"):
        bundle.from_folder(tmp_path / "root", tmp_path / "x.tar", skip=frozenset())


def test_a_bundle_that_changed_is_seen(tmp_path: Path) -> None:
    """One flipped bit, or no file at all."""
    made = _bundle(TREE, tmp_path)
    before = bundle.check(made)
    raw = bytearray(made.file.read_bytes())
    raw[1000] ^= 1
    made.file.write_bytes(raw)
    changed = bundle.check(made)
    made.file.unlink()

    assert (before, changed, bundle.check(made)) == (True, False, False)


_parts = st.sampled_from(
    ["a", "b", "..", ".", "", "c\x1b", "…", "d" * 300, "e\0", "\udc80", "\ud800"]
)
_names = st.lists(_parts, min_size=1, max_size=4).map("/".join)


@given(_names)
def test_a_plain_name_never_leads_out(name: str) -> None:
    """Whatever a member is called: a relative name below the top, or a refusal."""
    with contextlib.suppress(writer.RefusedError):
        parts = writer.plain_name(name).split("/")

        assert parts == [""] or not {"", ".", ".."} & set(parts)


_kinds = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE])


@given(st.lists(st.tuples(_names, _kinds, _names), max_size=6))
def test_what_is_taken_can_be_unpacked_without_harm(
    given_members: list[tuple[str, bytes, str]],
) -> None:
    """Of any members: each name once, nothing below a link or file, hard links to files before."""
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(InfrastructureError):
        content = _tar(
            *(
                _file(member.replace("\ud800", "x").replace("\0", ""))
                if kind == tarfile.REGTYPE
                else _other(
                    member.replace("\ud800", "x").replace("\0", ""),
                    kind,
                    linkname=target.replace("\ud800", "x").replace("\0", ""),
                )
                for member, kind, target in given_members
            )
        )
        made = _bundle(content, Path(name))
        with tarfile.open(made.file, errors="surrogateescape") as archive:
            members = archive.getmembers()

        kinds: dict[str, bytes] = {}
        for member in members:
            parent = member.name.rpartition("/")[0]
            assert member.name not in kinds
            assert not parent or kinds[parent] == tarfile.DIRTYPE
            if member.islnk():
                assert kinds[member.linkname] in (tarfile.REGTYPE, tarfile.LNKTYPE)
            kinds[member.name] = member.type


@given(st.integers(0, len(TREE) - 1), st.binary(min_size=1, max_size=40))
def test_damage_anywhere_is_one_error_or_none(place: int, change: bytes) -> None:
    """Whatever bytes stand wherever in a tar: a bundle, or InfrastructureError."""
    raw = TREE[:place] + change + TREE[place + len(change) :]
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(InfrastructureError):
        assert bundle.check(_bundle(raw, Path(name)))


ZIP = _zip(("a/b", b"text" * 20, 0o644, 3), ("a/c", b"a", stat.S_IFLNK | 0o777, 3))


@given(st.integers(0, len(ZIP) - 1), st.binary(min_size=1, max_size=12))
def test_damage_anywhere_in_a_zip_is_one_error_or_none(place: int, change: bytes) -> None:
    """The same of a zip."""
    raw = ZIP[:place] + change + ZIP[place + len(change) :]
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(InfrastructureError):
        assert bundle.check(_bundle(raw, Path(name)))
