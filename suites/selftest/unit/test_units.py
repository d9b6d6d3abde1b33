"""Sizes and times: what a manifest may write, and what a person reads."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import units


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0 B", 0),
        ("800 kB", 800_000),
        ("800 KB", 800_000),
        ("1.5 MiB", 1_572_864),
        ("1.5MiB", 1_572_864),
        ("  2 GB\t", 2_000_000_000),
        ("2 GiB", 2_147_483_648),
    ],
)
def test_sizes_are_bytes(text: str, size: int) -> None:
    """Prefixes are IEC's: k, M and G are powers of 1000, Ki, Mi and Gi of 1024."""
    assert units.parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250 ms", 0.25), ("60 s", 60), ("60s", 60), ("5 min", 300), ("5 m", 300), ("1.5 h", 5400)],
)
def test_times_are_seconds(text: str, seconds: float) -> None:
    """Every accepted time is turned into seconds."""
    assert units.parse_time(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MiB",
        "1.5",
        "-1 MiB",
        "1e3 B",
        "1,5 MiB",
        "1 mib",
        "1 Mb",
        "nan B",
        "inf B",
        "٣ B",
        "1 B B",
    ],
)
def test_what_is_no_size_is_told_what_one_looks_like(text: str) -> None:
    """A complaint about a size shows an example and lists all units."""
    with pytest.raises(ValueError, match=r'"1\.5 MiB" or "800 kB" \(units: B, .*, GiB\)'):
        units.parse_size(text)


@pytest.mark.parametrize("text", ["", "60", "-1 s", "1 S", "1 d", "1 sec", "1:30 min"])
def test_what_is_no_time_is_told_what_one_looks_like(text: str) -> None:
    """A complaint about a time shows an example and lists all units."""
    with pytest.raises(ValueError, match=r'"60 s" or "5 min" \(units: ms, .*, h\)'):
        units.parse_time(text)


@pytest.mark.parametrize("digits", [309, 400, 5000])
def test_a_size_beyond_all_bounds_is_refused(digits: int) -> None:
    """A number that no float holds is a wrong size, not a crash."""
    with pytest.raises(ValueError, match="expected"):
        units.parse_size(f"{'9' * digits} GiB")


@given(st.integers(0, 2**53), st.sampled_from(["", " ", "   "]))
def test_whole_bytes_are_exact(size: int, space: str) -> None:
    """A size in bytes is read to the last byte."""
    assert units.parse_size(f"{size}{space}B") == size


@given(st.text())
def test_any_text_is_a_size_or_refused(text: str) -> None:
    """Whatever stands for a size gives a number of bytes or ValueError."""
    try:
        read = units.parse_size(text)
    except ValueError as error:
        read, said = 0, str(error)
    else:
        said = "expected a size"

    assert read >= 0
    assert "expected a size" in said


@given(st.text())
def test_any_text_is_a_time_or_refused(text: str) -> None:
    """Whatever stands for a time gives seconds or ValueError."""
    try:
        read = units.parse_time(text)
    except ValueError as error:
        read, said = 0, str(error)
    else:
        said = "expected a time"

    assert read >= 0
    assert "expected a time" in said


@given(st.integers(0, 2**45))
def test_a_shown_size_can_be_written_in_a_manifest(size: int) -> None:
    """What reports show of a size is read back as nearly that size, and exactly below a KiB."""
    read = units.parse_size(units.show_size(size))

    assert read == size if size < 1024 else math.isclose(read, size, rel_tol=0.006)


@given(st.floats(0.001, 119.9))
def test_a_shown_time_can_be_written_in_a_manifest(seconds: float) -> None:
    """What reports show of a time up to two minutes is read back as nearly that time."""
    read = units.parse_time(units.show_time(seconds))

    assert read == pytest.approx(seconds, rel=0.06, abs=0.0006)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 ms"),
        (0.085, "85 ms"),
        (1, "1.0 s"),
        (41.23, "41.2 s"),
        (120, "2 min 0 s"),
        (200, "3 min 20 s"),
    ],
)
def test_times_are_shown_in_the_unit_a_person_would_take(seconds: float, shown: str) -> None:
    """Milliseconds below a second, seconds below two minutes, minutes beyond."""
    assert units.show_time(seconds) == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (1_510_000, "1.44 MiB"),
        (2**31, "2.00 GiB"),
    ],
)
def test_sizes_are_shown_in_the_unit_a_person_would_take(size: int, shown: str) -> None:
    """Bytes below a KiB, and the largest binary prefix that fits beyond."""
    assert units.show_size(size) == shown
