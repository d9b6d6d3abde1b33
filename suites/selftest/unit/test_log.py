"""A build's log: all of a short one, both ends of a long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.building import log


def test_a_short_log_is_kept_whole(tmp_path: Path) -> None:
    """Every byte, decodable or not, arrives."""
    with log.Log(tmp_path / "build.log") as file:
        for number in range(256):
            file.write(bytes([number]))

    assert (tmp_path / "build.log").read_bytes() == bytes(range(256))


@pytest.mark.parametrize("piece", [1000, 70_000])
def test_a_long_log_keeps_both_ends_and_counts_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    """What is left out is said in bytes, and kept and left out add up to what was written."""
    monkeypatch.setattr(log, "HEAD_BYTES", 100_000)
    monkeypatch.setattr(log, "TAIL_BYTES", 50_000)
    with log.Log(tmp_path / "build.log") as file:
        for number in range(2_000_000 // piece):
            file.write(b"%d" % (number % 10) * piece)
        file.write(b"the end")
    total = 2_000_000 // piece * piece + len(b"the end")

    content = (tmp_path / "build.log").read_bytes()

    head, _, rest = content.partition(b"\n[crossgate: ")
    count, _, tail = rest.partition(b" bytes left out here]\n")
    assert len(head) == 100_000
    assert tail.endswith(b"the end")
    assert len(tail) >= 50_000
    assert len(head) + int(count) + len(tail) == total
