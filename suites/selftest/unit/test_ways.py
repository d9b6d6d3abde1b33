"""The ways to build: what is asked for, what comes of it, and what an everyday change is."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import keys, rows, targets, ways
from fixtures.core.errors import ManifestError
from fixtures.core.targets import Choice
from fixtures.core.ways import Asked, Change, Staged, Ways
from suites.selftest.unit.samples import HONEST, load, target

asked = st.builds(
    Asked,
    mount=st.sampled_from([ways.AUTO, *ways.MOUNTS]),
    cache=st.sampled_from([ways.AUTO, ways.NO_CACHE, *rows.caches()]),
    dependencies=st.sampled_from([ways.AUTO, *ways.DEPENDENCIES]),
    workspace=st.sampled_from([ways.AUTO, *ways.WORKSPACES]),
)
STAGED = Staged(files=("Makefile",), build="make deps", keep=("deps",))


def resolved(one: Asked, **changes: Any) -> Ways:
    """What is asked for as the ways of a project that stages, with a toolchain that caches."""
    given = {"warm": False, "own_cache": "ccache", "stages": True, "where": "m: p", **changes}
    return ways.resolve(one, **given)


def test_nothing_of_an_earlier_build_is_used_unless_asked_for() -> None:
    """Without a word from anybody, a build is cold and its source copied."""
    assert resolved(Asked()) == ways.COLD
    assert ways.COLD.cold


def test_daily_work_takes_what_is_fastest() -> None:
    """Warm, everything that the project and its toolchain have is used."""
    assert resolved(Asked(), warm=True) == Ways(
        mount="copy", cache="ccache", dependencies="built", workspace="kept"
    )
    assert resolved(Asked(workspace="fresh"), warm=True).dependencies == "staged"


def test_daily_work_asks_nothing_of_those_who_have_nothing() -> None:
    """Without a cache in the toolchain, and without a word on dependencies, there are none."""
    found = resolved(Asked(), warm=True, own_cache=None, stages=False)

    assert (found.cache, found.dependencies, found.workspace) == (None, "built", "kept")


def test_nothing_is_kept_in_an_image_of_the_users_own_unless_asked_for() -> None:
    """What tools are in such an image is not known, so daily work builds there from nothing."""
    assert resolved(Asked(), warm=True, own=True, own_cache=None).workspace == "fresh"
    assert resolved(Asked(workspace="kept"), own=True).workspace == "kept"


@given(asked, st.booleans())
def test_what_is_asked_for_is_done_or_refused(one: Asked, warm: bool) -> None:
    """No word of a manifest or command line is passed over."""
    if (one.mount == "bind" and one.workspace == "kept") or one.cache == "sccache":
        with pytest.raises(ManifestError, match=r"^m: p: "):
            resolved(one, warm=warm)
        return
    found = resolved(one, warm=warm)

    for each in fields(Asked):
        word = getattr(one, each.name)
        if word != ways.AUTO:
            assert getattr(found, each.name) == (None if word == ways.NO_CACHE else word)


@given(asked, asked)
def test_a_command_line_stands_above_the_manifest(upper: Asked, lower: Asked) -> None:
    """What is said above counts, and what is not said leaves what is below."""
    found = upper.over(lower)

    for each in fields(Asked):
        own, below = getattr(upper, each.name), getattr(lower, each.name)
        assert getattr(found, each.name) == (below if own == ways.AUTO else own)


def test_staging_wants_to_be_told_how() -> None:
    """Who asks for staged dependencies of a project that declares none is told what to write."""
    with pytest.raises(ManifestError, match=r"m: p: .*files = "):
        resolved(Asked(dependencies="staged"), stages=False)


def test_a_command_line_sets_strategy_and_cpus_of_all() -> None:
    """Strategy and CPUs of a command line stand above those of the manifest."""
    choice = Choice(strategy="emulated", cpus=1)
    found = targets.expand(load(HONEST), "amd64", choice)

    assert [each.id for each in found] == ["demo-amd64-gcc", "demo-arm64-gcc-emulated"]
    assert [each.project.limits.cpus for each in found] == [1, 1]


def test_a_change_is_made_once_and_numbered() -> None:
    """The text that is looked for becomes the other one, with its number."""
    change = Change(file="a.c", find="int n = 0;", replace="int n = {n};")

    assert change.apply(b"x\r\nint n = 0;\n", 7) == b"x\r\nint n = 7;\n"


@pytest.mark.parametrize("content", [b"", b"int n = 0; int n = 0;"], ids=["never", "twice"])
def test_a_change_that_fits_not_once_is_refused(content: bytes) -> None:
    """A change whose place is not there, or not alone, would measure something else."""
    change = Change(file="a.c", find="int n = 0;", replace="")

    with pytest.raises(ManifestError, match=r"once in a\.c, found it"):
        change.apply(content, 1)


def test_ways_are_no_part_of_the_key() -> None:
    """What is built is the same however: but for what is built first where that is asked for."""
    plain = target(dependencies=STAGED)
    others = [
        replace(plain, ways=Ways(mount="volume", cache="ccache", workspace="kept")),
        replace(plain, ways=Ways(dependencies="staged")),
    ]
    cold, warm, staged = (keys.parts(each, source="s", image="i") for each in (plain, *others))

    assert warm == cold
    assert staged["recipe"] != cold["recipe"]
    assert {**staged, "recipe": ""} == {**cold, "recipe": ""}


def test_caches_are_linted() -> None:
    """Each toolchain's cache is a row, and a row names its folder among its variables."""
    assert {each.cache for each in rows.toolchains().values()} - {None} <= set(rows.caches())
    for row in rows.caches().values():
        assert any("{data}" in text for text in row.environment.values())
        assert row.format in ("ccache", "sccache")
        assert row.statistics
