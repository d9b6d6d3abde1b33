"""Compressed streams: whole ones are unpacked within limits, all others refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zlib
from collections.abc import Callable
from typing import Final

import pytest
import zstandard

from fixtures.core.errors import ArtifactError
from fixtures.inspection.containers.compressed import decompressed
from fixtures.inspection.limits import BLOCK, LimitError
from suites.selftest.unit import archives

Pack = Callable[[bytes], bytes]

PACK: Final[dict[str, Pack]] = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}
CONTENT: Final = bytes(range(256)) * 40


def unpack(kind: str, packed: bytes, **limits: int) -> bytes:
    """All that a stream holds, which comes in blocks of bounded size."""
    guard = archives.guard(**limits)
    stream = decompressed(io.BytesIO(packed), kind, guard, len(packed))
    pieces = list(iter(lambda: stream.read(BLOCK), b""))
    assert all(len(piece) <= BLOCK for piece in pieces)
    return b"".join(pieces)


@pytest.mark.parametrize("kind", PACK)
def test_the_one_member_has_the_content(kind: str) -> None:
    """A compressed file holds one file, called as it is without the suffix."""
    suffix = {"gzip": "gz", "xz": "xz", "bzip2": "bz2", "zstd": "zst"}[kind]
    container = archives.opened(kind, PACK[kind](CONTENT), f"tool-arm64.tar.{suffix}")

    assert archives.read(container) == {"tool-arm64.tar": CONTENT}
    assert [each["architecture"] for each in container.facts["declared"]] == ["arm64"]


@pytest.mark.parametrize("kind", PACK)
def test_every_truncation_is_refused(kind: str) -> None:
    """No stream can be cut anywhere."""
    packed = PACK[kind](CONTENT)

    for length in range(len(packed)):
        with pytest.raises(ArtifactError, match=r"a (truncated|damaged) "):
            unpack(kind, packed[:length])


@pytest.mark.parametrize("kind", PACK)
def test_what_is_skipped_is_unpacked_all_the_same(kind: str) -> None:
    """A truncation is found though nobody reads the member."""
    packed = PACK[kind](CONTENT)

    with pytest.raises(ArtifactError):
        archives.skim(archives.opened(kind, packed[:-1]))


@pytest.mark.parametrize("kind", PACK)
def test_several_streams_are_one(kind: str) -> None:
    """Streams one after another hold their contents one after another."""
    assert unpack(kind, PACK[kind](CONTENT) + PACK[kind](b"more")) == CONTENT + b"more"


@pytest.mark.parametrize("kind", PACK)
def test_something_else_behind_a_stream_is_refused(kind: str) -> None:
    """What no unpacker would give is told, not passed over."""
    with pytest.raises(ArtifactError):
        unpack(kind, PACK[kind](CONTENT) + b"trailing garbage")


@pytest.mark.parametrize("kind", PACK)
def test_a_wrong_checksum_is_refused(kind: str) -> None:
    """A bit that differs in what is held is found."""
    packed = bytearray(PACK[kind](CONTENT))
    packed[-6 if kind == "gzip" else len(packed) - 2] ^= 1

    with pytest.raises(ArtifactError):
        unpack(kind, bytes(packed))


def test_filling_behind_gzip_and_xz_is_taken() -> None:
    """Zeros that fill up a block are no garbage, in xz by fours."""
    assert unpack("gzip", gzip.compress(b"x") + bytes(7)) == b"x"
    assert unpack("xz", lzma.compress(b"x") + bytes(8)) == b"x"
    with pytest.raises(ArtifactError, match="7 zeros"):
        unpack("xz", lzma.compress(b"x") + bytes(7))


@pytest.mark.parametrize("kind", PACK)
def test_a_bomb_ends_by_the_limits(kind: str) -> None:
    """What grows too much is ended after the limit, not after it is unpacked."""
    bomb = PACK[kind](bytes(4 * 1024**2))

    with pytest.raises(LimitError, match="when unpacked"):
        unpack(kind, bomb, max_bytes=1024**2)
    with pytest.raises(LimitError, match="grows more than"):
        unpack(kind, bomb, ratio_from_bytes=1024**2)


def test_zstd_frames_are_followed() -> None:
    """Frames to skip, frames without a checksum or a size, and repeated bytes are understood."""
    frame = zstandard.ZstdCompressor(write_checksum=False, write_content_size=False)
    skipped = struct.pack("<II", 0x184D2A53, 3) + b"abc"

    assert unpack("zstd", skipped + frame.compress(CONTENT) + skipped) == CONTENT
    assert unpack("zstd", frame.compress(bytes(10**6))) == bytes(10**6)
    with pytest.raises(ArtifactError, match="no frame is left"):
        unpack("zstd", skipped)


def test_zstd_without_a_checksum_can_not_be_cut_either() -> None:
    """The last block says that it is the last, so its absence is seen."""
    packed = zstandard.ZstdCompressor(write_checksum=False, write_content_size=False).compress(
        CONTENT
    )

    for length in range(len(packed)):
        with pytest.raises(ArtifactError):
            unpack("zstd", packed[:length])


def test_an_xz_stream_may_not_ask_for_all_the_memory() -> None:
    """A dictionary larger than the limit is refused before it is allocated."""
    # The dictionary's size is one byte of the block's header, whose checksum follows.
    packed = bytearray(lzma.compress(b"x"))
    packed[packed.index(b"\x21\x01", 12) + 2] = 38
    start, size = 12, (packed[12] + 1) * 4
    packed[start + size - 4 : start + size] = zlib.crc32(packed[start : start + size - 4]).to_bytes(
        4, "little"
    )

    with pytest.raises(LimitError, match="to unpack"):
        unpack("xz", bytes(packed))
