"""Static libraries: every member is seen, whatever tool wrote them, and none is missed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures.core.errors import ArtifactError
from fixtures.inspection.limits import LimitError
from suites.selftest.unit import archives

MEMBERS = [
    (b"short.o", b"odd"),
    (b"a_rather_long_name_of_an_object.o", b"even"),
    (b"empty.o", b""),
    (b"another_rather_long_name.o", b"5 odd"),
]
CONTENT = {name.decode(): content for name, content in MEMBERS}
LIBRARIES = {
    "gnu": archives.gnu_library(MEMBERS),
    "gnu-64": archives.gnu_library(MEMBERS, wide=True),
    "bsd": archives.bsd_library(MEMBERS),
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_members_have_their_names_and_content(name: str) -> None:
    """GNU's and Apple's ways to write long names and indexes give the same members."""
    library = archives.opened("ar", LIBRARIES[name])

    assert archives.read(library) == CONTENT
    assert library.facts == {"declared": [], "members": 4, "symbols": 4}
    assert library.findings == library.remarks == []


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_truncation_is_refused(name: str) -> None:
    """A library with an index can't be cut anywhere, not even between two members."""
    content = LIBRARIES[name]

    for length in range(9, len(content)):
        with pytest.raises(ArtifactError, match=r"a (truncated|damaged) static library"):
            archives.read(archives.opened("ar", content[:length]))


def test_a_library_without_an_index_is_held_against_its_names() -> None:
    """A cut between members is seen by a long name in the table that no member has."""
    table = b"a_rather_long_name_of_an_object.o/\nanother_rather_long_name.o/\n"
    first, second = (b"/0", b"one!"), (b"/35", b"two!")
    whole = archives.ar([(b"//", table), first, second])
    cut = archives.ar([(b"//", table), first])

    assert len(archives.read(archives.opened("ar", whole))) == 2
    with pytest.raises(ArtifactError, match=r"another_rather_long_name\.o is in its table"):
        archives.read(archives.opened("ar", cut))


def test_microsofts_second_index_is_an_index() -> None:
    """The librarian's two indexes, of different byte orders, are both held against the members."""
    start = 8 + 60 + 10 + 60 + 16
    first = b"\0\0\0\1" + start.to_bytes(4, "big") + b"f\0"
    second = b"\1\0\0\0" + start.to_bytes(4, "little") + b"\1\0\0\0" + b"\1\0f\0"
    library = archives.opened("ar", archives.ar([(b"/", first), (b"/", second), (b"a.o/", b"!")]))

    assert archives.read(library) == {"a.o": b"!"}
    assert library.facts["symbols"] == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (archives.ar([(b"/", b"\xff\xff\xff\xff")]), "an index longer than its member"),
        (archives.ar([(b"/", b"\0")]), "an index without a count"),
        (archives.ar([(b"__.SYMDEF", b"\x07\0\0\0")]), "an index longer than its member"),
        (archives.ar([(b"/", b"\0\0\0\1\0\0\0\x09a\0")]), "leads to byte 9, where no member"),
        (archives.ar([(b"/7", b"")]), "a name that isn't in its table"),
        (archives.ar([(b"#1/9", b"a")]), "a name longer than its member"),
        (b"!<arch>\n" + b"x" * 60, "no member's header at byte 8"),
        (archives.ar([(b"a.o/", b"")])[:-2] + b"??", "no member's header at byte 8"),
    ],
)
def test_what_leads_nowhere_is_refused(content: bytes, words: str) -> None:
    """No count, offset or name of a library is believed."""
    with pytest.raises(ArtifactError, match=words):
        archives.read(archives.opened("ar", content))


def test_an_empty_library_is_remarked_on() -> None:
    """Libraries without members exist (glibc's libpthread.a), and are no defect."""
    library = archives.opened("ar", b"!<arch>\n")

    assert archives.read(library) == {}
    assert library.findings == []
    assert library.remarks == ["a static library without members"]


def test_names_are_made_harmless() -> None:
    """What a member calls itself is shown without terminal codes, and clipped."""
    name = b"\x1b[2J" + b"x" * 2000
    library = archives.opened("ar", archives.ar([(b"#1/%d" % len(name), name)]))

    (shown,) = archives.read(library)

    assert shown.startswith("\\x1b[2Jxxx")
    assert len(shown) == 1000


def test_members_are_counted() -> None:
    """More members than the limit end the reading."""
    content = archives.ar([(b"a.o/", b"")] * 10)

    with pytest.raises(LimitError):
        archives.read(archives.opened("ar", content, max_members=9))


@pytest.mark.skipif(not shutil.which("ar"), reason="ar is not installed")
def test_what_ar_writes_is_read(tmp_path: Path) -> None:
    """A library of the real tool has the members that went into it."""
    for name, content in CONTENT.items():
        (tmp_path / name).write_bytes(content)
    subprocess.run(["ar", "rc", "lib.a", *CONTENT], cwd=tmp_path, check=True)

    found = archives.read(archives.opened("ar", (tmp_path / "lib.a").read_bytes()))

    assert found == CONTENT
