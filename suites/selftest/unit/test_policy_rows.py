"""The data that policies are held against: complete, and only of what there is."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, Final

import pytest

from fixtures.core import policy_rows, rows

ARCHITECTURES: Final = tuple(rows.of_linux())
SERVED: Final = rows.toolchains()["gcc"].architectures
VERSION: Final = re.compile(r"2(\.[0-9]+){1,2}")
WORDS: Final = policy_rows.hardening_words()
DEFAULTS: Final = policy_rows.data()["hardening"]["default"]
WITHOUT: Final = policy_rows.data()["hardening"]["without"]
FAMILIES: Final = {
    name: table for name, table in policy_rows.data()["baseline"].items() if name != "default"
}


def test_tables_are_known() -> None:
    """Nothing stands in the file that nobody reads."""
    data = policy_rows.data()

    assert set(data) == {"inapplicable", "glibc", "hardening", "baseline"}
    assert set(data["glibc"]) == {"lowest", "abi"}
    assert set(data["hardening"]) == {"words", "only", "formats", "default", "without"}


def test_every_architecture_has_a_lowest_glibc() -> None:
    """A ceiling can be held against the lowest version of each architecture, and of no other."""
    assert set(policy_rows.data()["glibc"]["lowest"]) == set(ARCHITECTURES)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_lowest_versions_are_versions(name: str) -> None:
    """The lowest glibc of an architecture is a version of glibc 2."""
    assert VERSION.fullmatch(policy_rows.lowest_glibc(name))


@pytest.mark.parametrize(
    ("name", "lowest"),
    [("arm64", "2.17"), ("ppc64le", "2.17"), ("riscv64", "2.27"), ("loong64", "2.36")],
)
def test_lowest_versions_that_were_measured(name: str, lowest: str) -> None:
    """What was seen in real binaries of an architecture is what the table says."""
    assert policy_rows.lowest_glibc(name) == lowest


def test_versions_of_the_abi_are_versions() -> None:
    """Each GLIBC_ABI version stands for the release that first had it; others for none."""
    for name, version in policy_rows.data()["glibc"]["abi"].items():
        assert re.fullmatch(r"GLIBC_ABI_[A-Z0-9_]+", name)
        assert VERSION.fullmatch(version)
        assert policy_rows.glibc_of_abi(name) == version
    assert policy_rows.glibc_of_abi("GLIBC_ABI_DT_RELR") == "2.36"
    assert policy_rows.glibc_of_abi("GLIBC_ABI_NOSUCH") is None


def test_every_word_says_what_it_asks() -> None:
    """A word of `hardening` is one identifier, with its meaning beside it."""
    assert all(re.fullmatch(r"[a-z_]+", word) for word in WORDS)
    assert all(text and text == text.strip() for text in WORDS.values())


@pytest.mark.parametrize(("name", "words"), [*DEFAULTS.items(), *WITHOUT.items()])
def test_only_known_words_are_defaults(name: str, words: list[str]) -> None:
    """A default names words that there are, each once, and is not empty."""
    assert words
    assert len(set(words)) == len(words)
    assert set(words) <= set(WORDS)


def test_defaults_are_of_toolchains_that_there_are() -> None:
    """The defaults are keyed by toolchains, with one for all others."""
    known = {"", "prebuilt", *rows.toolchains()}

    assert set(DEFAULTS) <= known
    assert {"", *rows.toolchains()} <= set(DEFAULTS)


@pytest.mark.parametrize("table", ["only", "without"])
def test_exceptions_are_of_known_words_and_architectures(table: str) -> None:
    """What only some architectures have, or lack, is said of words and architectures there are."""
    found = policy_rows.data()["hardening"][table]
    named = {name for names in found.values() for name in names}
    architectures, words = (named, set(found)) if table == "only" else (set(found), named)

    assert all(found.values())
    assert architectures <= set(ARCHITECTURES)
    assert words <= set(WORDS)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_defaults_are_possible(name: str) -> None:
    """By default nothing is asked of an architecture that it can't have, and never nothing."""
    for toolchain in ("gcc", "zig", "prebuilt", "musl"):
        words = policy_rows.default_hardening(toolchain, name)
        assert words
        assert all(policy_rows.can_have(word, name) for word in words)


def test_defaults_differ_by_toolchain_and_architecture() -> None:
    """zig makes no position-independent programs; MIPS has an executable stack."""
    assert "pie" in policy_rows.default_hardening("gcc", "arm64")
    assert "pie" not in policy_rows.default_hardening("zig", "arm64")
    assert "nx" in policy_rows.default_hardening("gcc", "arm64")
    assert "nx" not in policy_rows.default_hardening("gcc", "mips64le")
    assert policy_rows.default_hardening("of my own", "arm64") == ("nx", "no_rwx", "no_textrel")


@pytest.mark.parametrize(
    ("word", "has"), [("cet", {"amd64", "386", "x32"}), ("bti", {"arm64"}), ("pac", {"arm64"})]
)
def test_what_only_some_can_have(word: str, has: set[str]) -> None:
    """A word of one CPU's is asked of that one alone."""
    assert {name for name in ARCHITECTURES if policy_rows.can_have(word, name)} == has


@pytest.mark.parametrize("family", FAMILIES)
def test_families_have_levels(family: str) -> None:
    """A family of baselines has architectures, and levels or profiles, each once."""
    table: dict[str, Any] = FAMILIES[family]
    levels = table.get("levels") or list(table["profiles"])

    assert table["architectures"]
    assert set(table["architectures"]) <= set(ARCHITECTURES)
    assert levels
    assert len(set(levels)) == len(levels)
    assert all(policy_rows.levels(name) == tuple(levels) for name in table["architectures"])


def test_families_do_not_overlap() -> None:
    """An architecture is of one family."""
    named = [name for table in FAMILIES.values() for name in table["architectures"]]

    assert len(set(named)) == len(named)


def test_architectures_without_a_family_have_no_levels() -> None:
    """Where nothing in a file tells the CPU, there is neither a level nor a default."""
    assert policy_rows.levels("s390x") == ()
    assert policy_rows.default_baseline("s390x") is None


@pytest.mark.parametrize("name", policy_rows.data()["baseline"]["default"])
def test_default_baselines_are_levels(name: str) -> None:
    """What "default" stands for is one of the levels of the architecture's family."""
    assert policy_rows.default_baseline(name) in policy_rows.levels(name)


def test_profiles_grow() -> None:
    """A later RISC-V profile has all that an earlier one has."""
    profiles = [policy_rows.extensions(name) for name in policy_rows.levels("riscv64")]

    assert all(old < new for old, new in pairwise(profiles))
    assert {"i", "m", "a", "f", "d", "c"} <= profiles[0]


def test_what_a_compiler_is_there_for_has_defaults() -> None:
    """Each architecture of the gcc toolchain is hardened by default."""
    assert all(policy_rows.default_hardening("gcc", name) for name in SERVED)
