"""tar archives: every file is seen, and nothing that is cut, hidden or damaged is taken."""

from __future__ import annotations

import tarfile
from typing import Final

import pytest

from fixtures.core.errors import ArtifactError
from fixtures.inspection.containers import tar as reader
from fixtures.inspection.limits import LimitError
from suites.selftest.unit import archives

FORMS: Final = {
    "pax": tarfile.PAX_FORMAT,
    "gnu": tarfile.GNU_FORMAT,
    "ustar": tarfile.USTAR_FORMAT,
}
LONG: Final = "folder/" * 12 + "name" * 20
FILES: Final = {"a": b"x" * 511, "b": b"", LONG: b"y" * 513, "c/ü": b"z"}


@pytest.mark.parametrize("form", FORMS)
def test_files_have_their_names_and_content(form: str) -> None:
    """Long and foreign names, empty files and all formats of headers are read."""
    container = archives.opened("tar", archives.tar(FILES, form=FORMS[form]), "tool-s390x.tar")

    assert archives.read(container) == FILES
    assert container.facts["entries"] == {"file": 4}
    assert [each["says"] for each in container.facts["declared"]] == ["s390x"]


def test_only_files_are_members() -> None:
    """Links, devices and folders are counted, and lead to nothing on this host."""
    container = archives.opened(
        "tar",
        archives.tar(
            {"file": b"x"},
            archives.entry("link", tarfile.SYMTYPE, "/etc/passwd"),
            archives.entry("hard", tarfile.LNKTYPE, "file"),
            archives.entry("null", tarfile.CHRTYPE),
            archives.entry("pipe", tarfile.FIFOTYPE),
            archives.entry("folder", tarfile.DIRTYPE),
        ),
    )

    assert archives.read(container) == {"file": b"x"}
    assert container.facts["entries"] == {
        **{"device": 1, "fifo": 1, "file": 1, "folder": 1, "hardlink": 1, "symlink": 1}
    }
    assert container.findings == container.remarks == []


@pytest.mark.parametrize(
    "entry",
    [
        archives.entry("/etc/cron.d/x", tarfile.DIRTYPE),
        archives.entry("a/../../x", tarfile.DIRTYPE),
        archives.entry("a/link", tarfile.SYMTYPE, "../../x"),
    ],
    ids=lambda entry: entry.name,
)
def test_what_leads_out_is_remarked_on(entry: tarfile.TarInfo) -> None:
    """A name or a link out of the folder is no defect, and is told."""
    container = archives.opened("tar", archives.tar({}, entry))

    assert archives.read(container) == {}
    assert container.findings == []
    assert container.remarks == [
        f"{entry.name} would be written outside its folder by a careless unpacker"
    ]


@pytest.mark.parametrize("form", FORMS)
def test_every_truncation_is_refused(form: str) -> None:
    """No archive can be cut, at whatever block, but to the very end of its end marker."""
    content = archives.tar(FILES, form=FORMS[form])
    end = len(content.rstrip(b"\0"))
    end += -end % reader.BLOCK_SIZE + 2 * reader.BLOCK_SIZE
    lengths = {*range(0, len(content), 512), *range(0, len(content), 97), len(content) - 1}

    for length in sorted(lengths - {end}):
        with pytest.raises(ArtifactError, match=r"a (truncated|damaged) tar archive"):
            archives.read(archives.opened("tar", content[:length]))


def test_an_archive_without_filling_is_whole() -> None:
    """Go's and Rust's archives end with the two blocks that mark the end."""
    content = archives.tar({"a": b"x"})[: 4 * reader.BLOCK_SIZE]

    assert archives.read(archives.opened("tar", content)) == {"a": b"x"}


def test_a_damaged_header_is_not_taken_for_the_end() -> None:
    """What a header should be and isn't ends the reading by an error, not in silence."""
    content = bytearray(archives.tar({"a": b"x", "b": b"y"}))
    content[1024] ^= 1

    with pytest.raises(ArtifactError, match=r"a damaged tar archive: .* at byte 1024"):
        archives.read(archives.opened("tar", bytes(content)))


def test_what_is_behind_the_end_marker_is_refused() -> None:
    """A second archive behind the first, which unpackers don't see, is told."""
    content = archives.tar({"a": b"x"}) + archives.tar({"b": b"y"})

    with pytest.raises(ArtifactError, match="something is behind its end marker"):
        archives.read(archives.opened("tar", content))


def test_pax_records_are_obeyed() -> None:
    """A size and a name in an extended header hold, also those for all entries that follow."""
    info = tarfile.TarInfo("short")
    info.pax_headers = {"path": "renamed"}
    content = archives.tar({}, info, form=tarfile.PAX_FORMAT)

    assert archives.read(archives.opened("tar", content)) == {"renamed": b""}


@pytest.mark.parametrize("record", [b"x", b"99 a=b\n", b"6 a=b\n9", b"6 abc\n", b"07 size=-1\n"])
def test_a_damaged_extended_header_is_refused(record: bytes) -> None:
    """A record of a wrong length or without a value is an error."""
    info = tarfile.TarInfo("PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, len(record)
    content = info.tobuf() + record.ljust(512, b"\0") + archives.tar({"a": b"x"})

    with pytest.raises(ArtifactError, match="a damaged tar archive"):
        archives.read(archives.opened("tar", content))


def test_an_extended_header_is_bounded() -> None:
    """A name of gigabytes is refused before it is read."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 4 * 1024**3

    with pytest.raises(ArtifactError, match="an extended header of 4294967296 bytes"):
        archives.read(archives.opened("tar", info.tobuf(tarfile.GNU_FORMAT)))


def test_sparse_files_are_a_finding() -> None:
    """What is not looked into is told."""
    container = archives.opened(
        "tar", archives.tar({}, archives.entry("holes", tarfile.GNUTYPE_SPARSE))
    )

    assert archives.read(container) == {}
    assert container.findings == ["1 sparse files, which are not looked into"]


def test_an_unknown_type_is_a_file() -> None:
    """POSIX wants it unpacked as a regular file, so it is looked into as one."""
    container = archives.opened("tar", archives.tar({}, archives.entry("odd", b"Q")))

    assert archives.read(container) == {"odd": b""}


def test_entries_that_are_no_members_count_too() -> None:
    """An archive of links alone comes to the limit of members."""
    links = [archives.entry(f"link{number}", tarfile.SYMTYPE, "x") for number in range(20)]

    with pytest.raises(LimitError):
        archives.read(archives.opened("tar", archives.tar({}, *links), max_members=19))
