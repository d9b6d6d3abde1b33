"""What compiler caches say of themselves, and what of it is believed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.cache_statistics import Counts, changed_entries, parse

CCACHE = "cache_miss\t3\ndirect_cache_hit\t4\npreprocessed_cache_hit\t5\ninternal_error\t1\n"
SCCACHE = {
    "stats": {
        "cache_hits": {"counts": {"Rust": 7, "C/C++": 2}, "adv_counts": {}},
        "cache_misses": {"counts": {"Rust": 1}},
        "cache_errors": {"counts": {}},
        "cache_timeouts": 1,
        "cache_write_errors": 2,
    }
}


def test_counts_of_ccache_are_added_up() -> None:
    """A hit is one whether the preprocessor ran for it or not."""
    assert parse("ccache", CCACHE) == Counts(hits=9, misses=3, errors=1)


def test_counts_of_sccache_are_added_up_over_languages() -> None:
    """Hits of Rust and of C are hits; what timed out or was not written is an error."""
    assert parse("sccache", json.dumps(SCCACHE)) == Counts(hits=9, misses=1, errors=3)


@pytest.mark.parametrize("form", ["ccache", "sccache"])
@pytest.mark.parametrize("output", ["", "{}", "cache_miss\tmany", '{"stats": []}', "[" * 9999])
def test_what_is_no_statistics_counts_nothing(form: str, output: str) -> None:
    """A cache that did not tell has unknown counts, which are not zero."""
    assert parse(form, output) is None


@given(st.text(), st.sampled_from(["ccache", "sccache"]))
def test_any_output_is_read_or_not(output: str, form: str) -> None:
    """Nothing that stands in place of statistics raises anything."""
    parse(form, output)


def test_entries_that_a_cache_never_rewrites_are_seen_to_change() -> None:
    """What is known and has another content is named, what is new or mutable is not."""
    before = {"data/a/1R": "x", "data/a/2R": "y", "data/stats": "s", "data/gone": "g"}
    after = {"data/a/1R": "x", "data/a/2R": "Y", "data/stats": "S", "data/a/3R": "z"}

    assert changed_entries(before, after, ["data/**/stats"]) == ["data/a/2R"]
