"""Where the bytes go, in the baseline's few lines: what is told against them adds up."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import compact_sizes
from fixtures.core.attribution import Attribution, Kind, Part, Place
from fixtures.core.compact_sizes import CRATES, PADDING, REST, Compact, fold
from fixtures.core.size_difference import NO_CRATE, Measure
from suites.selftest.unit.test_size_difference import code, of, padding

parts = st.builds(
    Part,
    section=st.sampled_from([f".s{number}" for number in range(14)]),
    symbol=st.sampled_from([None, *"abc"]),
    crate=st.sampled_from([None, *(f"c{number}" for number in range(CRATES + 6))]),
    kind=st.sampled_from(list(Kind)),
    place=st.sampled_from(list(Place)),
    bytes=st.integers(1, 10**9),
)
attributions = st.lists(parts, max_size=80).map(lambda each: of(*each))


@given(attributions, attributions, st.sampled_from(list(Measure)))
def test_what_is_told_adds_up(base: Attribution, head: Attribution, measure: Measure) -> None:
    """Rows and remainder of each table are the difference of the files, whatever has no line."""
    difference = fold(base).difference(head, measure)
    total = {
        Measure.ALLOCATED: (base.allocated_bytes, head.allocated_bytes),
        Measure.FILE: (base.file_bytes, head.file_bytes),
    }

    assert (difference.base, difference.head) == total[measure]
    for table in difference.tables.values():
        assert table.change == difference.change


@given(attributions)
def test_it_is_small_and_survives_being_written(whole: Attribution) -> None:
    """A few lines however many parts there are; the same when read again, to the byte."""
    compact = fold(whole)
    document = json.loads(json.dumps(compact_sizes.to_json(compact)))

    assert sum(len(names) for names in document.values()) <= 8 + 1 + 2 + 1 + 4 + 1 + CRATES
    if document:
        read = compact_sizes.from_json(document)
        assert compact_sizes.to_json(read) == compact_sizes.to_json(compact)
        for measure in Measure:
            assert read.total(measure) == compact.total(measure)


@given(attributions)
def test_what_is_as_it_was_differs_by_nothing(whole: Attribution) -> None:
    """Nothing is told of a file that has not changed."""
    for measure in Measure:
        difference = fold(whole).difference(whole, measure)

        assert difference.change == 0
        assert all((t.rows, t.others) == ((), 0) for t in difference.tables.values())


BASE: Final = of(code("main", 100), code("f", 50, "demo"), padding(10), padding(1000, Place.FILE))


def test_a_new_crate_is_named_with_all_of_its_bytes() -> None:
    """Where all crates have their line, one without was not there."""
    head = of(*BASE.parts, code("serde::a", 300, "serde"), code("x", 7))
    rows = fold(BASE).difference(head, Measure.ALLOCATED).crates.rows

    assert [(row.name, row.change, row.word) for row in rows] == [
        ("serde", 300, "is new"),
        (NO_CRATE, 7, "grew"),
    ]


def test_padding_is_told_as_such() -> None:
    """Alignment of one architecture is the word for it against a baseline, too."""
    head = of(code("main", 100), code("f", 50, "demo"), padding(10), padding(65_000, Place.FILE))
    difference = fold(BASE).difference(head, Measure.FILE)

    assert [(row.name, row.change) for row in difference.sections.rows] == [(PADDING, 64_000)]
    assert [row.name for row in difference.kinds.rows] == [Kind.PADDING.value]


def test_what_had_no_line_is_told_where_it_can_not_have_been_so_large() -> None:
    """Of many crates the small ones are one line; one of them that is large now is named."""
    many = [code(f"s{number}", 1000 + number, f"c{number:02}") for number in range(CRATES)]
    base = of(*many, code("t", 5, "tiny"), code("u", 3, "wee"))
    head = of(*many, code("t", 9000, "tiny"), code("u", 4, "wee"))
    table = fold(base).difference(head, Measure.ALLOCATED).crates

    assert [(row.name, row.change, row.word) for row in table.rows] == [("tiny", 9000, "grew")]
    assert (table.others, table.change) == (4 - 8, 8996)


def test_a_section_of_our_own_name_is_not_taken_for_the_rest() -> None:
    """A file may call its sections anything."""
    odd = of(Part(section=REST, kind=Kind.OTHER, place=Place.FILE, bytes=5))

    assert fold(odd).total(Measure.FILE) == 5
    assert REST not in fold(odd).sections[Place.FILE]


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        [],
        {"elsewhere": {}},
        {"file": {"a": 0}},
        {"file": {"a": -1}},
        {"file": {"a": 1.5}},
        {"file": {"a": True}},
        {"file": {"a": 2**63}},
        {"file": {"a" * 1000: 1}},
        {"file": {f"s{number}": 1 for number in range(6)}},
        {"both": {".text": 10}, "crates": {"serde": 11}},
        {"file": [1]},
    ],
)
def test_what_can_not_be_right_is_refused(raw: Any) -> None:
    """A baseline may be edited by hand: what does not add up, or is none, counts for nothing."""
    with pytest.raises(ValueError, match=r"expected|crates of more"):
        compact_sizes.from_json(raw)


def test_nothing_has_no_lines() -> None:
    """An artifact that is not there is none of any place."""
    empty = fold(of())

    assert empty == Compact(sections={})
    assert empty.difference(BASE, Measure.FILE).change == BASE.file_bytes
