"""Whatever bytes differ in a container, its reader ends by an answer or by its own error."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from typing import Final

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.core.errors import ArtifactError
from fixtures.inspection.containers.openers import OPENERS
from fixtures.inspection.limits import LimitError
from suites.selftest.unit import archives

FILES: Final = {"a": b"content" * 20, "folder/b": b"x" * 700}

INTACT: Final = {
    "appimage": archives.appimage(archives.squashfs({"a": b"x" * 5000, "b": b"y"})),
    "ar": archives.gnu_library([(b"a.o", b"x"), (b"a_name_of_many_letters.o", b"yy")]),
    "bzip2": bz2.compress(bytes(3000)),
    "cpio": archives.cpio(FILES),
    "deb": archives.deb(FILES, suffix="", pack=bytes),
    "gzip": gzip.compress(bytes(3000)),
    "rpm": archives.rpm(FILES, compressor="none", pack=bytes),
    "squashfs": archives.squashfs({"a": b"x" * 5000, "b": b"y"}),
    "tar": archives.tar(FILES),
    "xz": lzma.compress(bytes(3000)),
    "zip": archives.wheel(FILES),
    "zstd": zstandard.ZstdCompressor().compress(bytes(3000)),
}
OTHER: Final = {
    "bsd": ("ar", archives.bsd_library([(b"a.o", b"x"), (b"b.o", b"yy")])),
    "oci": ("tar", archives.tar(archives.oci({"linux/arm64": [b"layer"]}))),
    "docker": ("tar", archives.tar(archives.docker_save([b"layer"]))),
}
ALL: Final = {**{kind: (kind, content) for kind, content in INTACT.items()}, **OTHER}


def answer(kind: str, content: bytes) -> None:
    """Read all of a container, which may be refused by its reader's own error alone."""
    words = ""
    try:
        archives.read(archives.opened(kind, content, max_bytes=8 * 1024**2, max_members=1000))
    except LimitError:
        return
    except ArtifactError as error:
        words = str(error)

    assert not words or words.startswith(("a damaged ", "a truncated "))


def test_every_format_is_tried() -> None:
    """No reader is left out here; fat Mach-O files are tried with their own."""
    assert set(INTACT) == set(OPENERS) - {"macho-fat"}


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=50)
@given(data=st.data())
def test_changed_bytes_are_answered(name: str, data: st.DataObject) -> None:
    """A few bytes that differ, anywhere, lead to nothing but members, findings and errors."""
    kind, intact = ALL[name]
    content = bytearray(intact)
    places = st.one_of(st.integers(0, len(content) - 1), st.integers(0, min(len(content), 700) - 1))
    for place in data.draw(st.lists(places, min_size=1, max_size=6)):
        content[place] = data.draw(st.sampled_from([0, 1, 0x30, 0x39, 0x7F, 0x80, 0xFE, 0xFF]))

    answer(kind, bytes(content))


@pytest.mark.parametrize("kind", INTACT)
@settings(max_examples=50)
@given(rest=st.binary(max_size=300), kept=st.integers(4, 64))
def test_arbitrary_bytes_are_answered(kind: str, rest: bytes, kept: int) -> None:
    """Behind a format's first bytes may come anything."""
    answer(kind, INTACT[kind][:kept] + rest)


@pytest.mark.parametrize("kind", INTACT)
def test_nothing_is_closed_or_written(kind: str) -> None:
    """A reader leaves the stream open for its owner, and does not change it."""
    stream = io.BytesIO(INTACT[kind])

    archives.read(OPENERS[kind](stream, len(INTACT[kind]), archives.guard(), "file"))

    assert stream.getvalue() == INTACT[kind]
