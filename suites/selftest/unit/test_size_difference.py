"""Differences of sizes: what is shown adds up to the byte, and is told in a word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.attribution import Attribution, Kind, Part, Place
from fixtures.core.size_difference import Measure, SizeDifference, Table, compare
from fixtures.core.size_word import word
from fixtures.core.symbol_names import stable


def of(*parts: Part) -> Attribution:
    """The attribution of some parts."""
    return Attribution(
        file_bytes=sum(part.bytes for part in parts if part.place is not Place.MEMORY),
        allocated_bytes=sum(part.bytes for part in parts if part.place is not Place.FILE),
        parts=parts,
    )


def code(symbol: str, size: int, crate: str | None = None) -> Part:
    """A function."""
    return Part(section=".text", symbol=symbol, crate=crate, kind=Kind.CODE, bytes=size)


def padding(size: int, place: Place = Place.BOTH) -> Part:
    """What only aligns."""
    section = "(between sections)" if place is Place.FILE else ".text"
    return Part(section=section, kind=Kind.PADDING, place=place, bytes=size)


BASE = of(code("main", 100), code("f", 50, "demo"), padding(10), padding(1000, Place.FILE))

parts = st.builds(
    Part,
    section=st.sampled_from([".text", ".data", ".bss"]),
    symbol=st.sampled_from([None, *"abcdefgh"]),
    crate=st.sampled_from([None, "serde", "core"]),
    kind=st.sampled_from(list(Kind)),
    place=st.sampled_from(list(Place)),
    bytes=st.integers(1, 10**9),
)
attributions = st.lists(parts, max_size=30).map(lambda each: of(*each))


def tables(difference: SizeDifference) -> tuple[Table, ...]:
    """All tables of a difference."""
    return difference.kinds, difference.sections, difference.crates, difference.symbols


@given(attributions, attributions, st.integers(0, 6), st.sampled_from(list(Measure)))
def test_what_is_shown_adds_up(
    base: Attribution, head: Attribution, limit: int, measure: Measure
) -> None:
    """Rows and signed remainder of each table are the total difference, to the byte."""
    difference = compare(base, head, measure=measure, limit=limit)
    sizes = {
        Measure.ALLOCATED: head.allocated_bytes - base.allocated_bytes,
        Measure.FILE: head.file_bytes - base.file_bytes,
    }

    assert difference.change == sizes[measure]
    for table in tables(difference):
        assert table.change == sizes[measure]
        assert len(table.rows) <= limit
        changes = [abs(row.change) for row in table.rows]
        assert changes == sorted(changes, reverse=True)
        assert table.others_count or not table.others


@given(attributions)
def test_identical_files_differ_by_nothing(whole: Attribution) -> None:
    """There is no row, no remainder, and no change."""
    for measure in Measure:
        difference = compare(whole, whole, measure=measure)

        assert difference.change == 0
        assert all(not table.rows and not table.others_count for table in tables(difference))


def test_the_largest_change_is_first_whatever_its_sign() -> None:
    """What shrank by more goes before what grew by less, and a name says what became of it."""
    head = of(code("main", 20), code("g", 70), padding(10), padding(1000, Place.FILE))
    rows = compare(BASE, head).symbols.rows

    assert [(row.name, row.change, row.word) for row in rows] == [
        ("main", -80, "shrank"),
        ("g", 70, "is new"),
        ("f", -50, "is gone"),
    ]


def test_a_remainder_has_its_sign() -> None:
    """What is left out may shrink where what is shown grows."""
    head = of(code("main", 200), code("f", 45, "demo"), padding(9), padding(1000, Place.FILE))
    table = compare(BASE, head, limit=1).symbols

    assert [(row.name, row.change) for row in table.rows] == [("main", 100)]
    assert (table.others, table.others_count) == (-6, 2)


def test_a_new_hash_is_no_new_symbol() -> None:
    """The same Rust function with another hash is the same; with them it would be two changes."""
    mangled = [f"_ZN4demo3run17h{digit * 16}E" for digit in "ab"]
    base, head = (of(code(stable(name).text, 100)) for name in mangled)
    raw_base, raw_head = (of(code(name, 100)) for name in mangled)

    assert compare(base, head).symbols.rows == ()
    assert len(compare(raw_base, raw_head).symbols.rows) == 2


def test_memory_and_file_are_two_measures() -> None:
    """Debug information and gaps count in the file alone, zeros in memory alone."""
    bss = Part(section=".bss", symbol="b", kind=Kind.DATA, place=Place.MEMORY, bytes=7)
    debug = Part(section=".debug_info", kind=Kind.DEBUG, place=Place.FILE, bytes=11)
    head = of(*BASE.parts, bss, debug)

    assert compare(BASE, head).change == 7
    assert compare(BASE, head, measure=Measure.FILE).change == 11


# The word


def differences(heads: Mapping[str, Attribution], measure: Measure) -> dict[str, SizeDifference]:
    """Those of each architecture against `BASE`."""
    return {name: compare(BASE, head, measure=measure) for name, head in heads.items()}


def plus(*more: Part, base: Attribution = BASE) -> Attribution:
    """The base and some more; a part of the same name takes its place."""
    names = {(part.section, part.symbol, part.place) for part in more}
    kept = (each for each in base.parts if (each.section, each.symbol, each.place) not in names)
    return of(*kept, *more)


SERDE = plus(code("serde::a", 300, "serde"), code("core::b", 200, "core"), code("main", 150))


@pytest.mark.parametrize(
    ("heads", "said"),
    [
        ({"amd64": BASE, "arm64": BASE}, "no change"),
        ({}, "nothing was compared"),
        (
            {"amd64": BASE, "arm64": plus(padding(65000, Place.FILE))},
            "arm64 only: alignment",
        ),
        ({"amd64": SERDE, "arm64": SERDE, "s390x": SERDE}, "all: new dependency serde"),
        (
            {"amd64": plus(code("main", 400)), "arm64": plus(code("main", 300))},
            "all: symbol main grew",
        ),
        (
            {"amd64": plus(code("main", 90)), "arm64": plus(code("main", 90)), "386": BASE},
            "amd64, arm64: symbol main shrank",
        ),
        (
            {"amd64": plus(code("main", 400)), "arm64": plus(padding(65000, Place.FILE))},
            "amd64 only: symbol main grew; arm64 only: alignment",
        ),
        ({"amd64": plus(code("new", 9))}, "amd64: symbol new is new"),
        (
            # Another symbol leads on each, the same dependency is behind both.
            {
                "amd64": plus(code("serde::a", 300, "serde"), code("x", 310)),
                "arm64": plus(code("serde::a", 300, "serde"), code("y", 310)),
            },
            "all: new dependency serde",
        ),
        (
            {"amd64": plus(code("demo::a", 60, "demo"), code("demo::b", 60, "demo"))},
            "amd64: symbol demo::a is new",
        ),
        (
            {"amd64": plus(*(code(f"demo::{n}", 20, "demo") for n in range(8)))},
            "amd64: crate demo grew",
        ),
        (
            {"amd64": of(code("main", 100), padding(10), padding(1000, Place.FILE))},
            "amd64: dependency demo is gone",
        ),
    ],
)
def test_the_word_across_architectures(heads: dict[str, Attribution], said: str) -> None:
    """Alignment of one, a dependency or a symbol of all: told once, for those that share it."""
    assert word(differences(heads, Measure.FILE)) == said


@given(st.dictionaries(st.sampled_from(["amd64", "arm64", "s390x"]), attributions))
def test_there_is_always_a_word(heads: dict[str, Attribution]) -> None:
    """Whatever changed where, each architecture that changed is in it."""
    found = differences(heads, Measure.ALLOCATED)
    said = word(found)
    changed = [name for name, each in found.items() if each.change]

    assert said
    assert said.startswith("all:") or all(name in said for name in changed)


def test_a_name_in_the_word_is_tame() -> None:
    """A name of 10,000 characters is cut, and no escape code is passed on."""
    head = plus(replace(code("x", 50), symbol="\x1b[31m" + "x" * 10000))
    said = word(differences({"amd64": head}, Measure.FILE))

    assert len(said) < 200
    assert "\x1b" not in said
