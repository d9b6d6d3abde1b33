"""The key of a build covers all that can change its result, and nothing else."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import keys, record
from fixtures.core.readers import Budget, Limits
from fixtures.core.targets import Target
from fixtures.core.toolchains import OwnToolchain
from suites.selftest.unit.samples import target

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def parts(row: Target, source: str = "s", image: str = "i") -> dict[str, str]:
    """The parts of a target's key."""
    return keys.parts(row, source=source, image=image)


def test_every_part_has_words() -> None:
    """What a key is made of is what a rebuild can be explained by."""
    assert parts(target()).keys() == keys.PARTS.keys()


@pytest.mark.parametrize(
    ("project", "part"),
    [
        ({"build": "make all"}, "recipe"),
        ({"artifacts": ("other",)}, "recipe"),
        ({"smoke": None}, "recipe"),
        ({"smoke": "{artifact} -V"}, "recipe"),
        ({"limits": Limits(cpus=3)}, "limits"),
        ({"limits": Limits(memory_bytes=2**30)}, "limits"),
        ({"limits": Limits(processes=99)}, "limits"),
        ({"limits": Limits(timeout_s=9.0)}, "limits"),
        ({"name": "other"}, "strategy"),
    ],
)
def test_what_a_build_can_see_is_in_the_key(project: dict[str, Any], part: str) -> None:
    """A change to recipe, limits or target changes the key, and is named as the reason."""
    before, after = parts(target()), parts(target(**project))

    assert keys.key(before) != keys.key(after)
    assert keys.changes(before, after) == [keys.PARTS[part]]


def test_the_tests_and_the_environment_are_in_the_key() -> None:
    """Other tests of the project, or another variable's value, are another build."""
    one, other = (
        keys.parts(target(), source="s", image="i", environment={"A": value}) for value in "12"
    )

    assert keys.changes(parts(target()), parts(target(test="make test"))) == [keys.PARTS["recipe"]]
    assert keys.changes(one, other) == [keys.PARTS["environment"]]


def test_where_an_emulator_looks_is_in_the_key() -> None:
    """What programs are run with decides whether they run, placeholder or not."""
    here, there = (
        OwnToolchain(name="mine", image="x", sysroot=sysroot) for sysroot in ("/a", "/b")
    )

    assert keys.changes(parts(target(toolchain=here)), parts(target(toolchain=there))) == [
        keys.PARTS["recipe"]
    ]


def test_source_and_image_are_in_the_key() -> None:
    """Another source tree or toolchain image is another build."""
    before = parts(target())

    assert keys.changes(before, parts(target(), source="t")) == [keys.PARTS["source"]]
    assert keys.changes(before, parts(target(), image="j")) == [keys.PARTS["image"]]


def test_the_schema_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of another schema are not reused."""
    before = parts(target())
    monkeypatch.setattr(keys, "SCHEMA", record.SCHEMA + 1)

    assert keys.changes(before, parts(target())) == [keys.PARTS["schema"]]


def test_the_strategy_is_in_the_key() -> None:
    """The same target built natively is another build than the crossed one."""
    crossed, native = parts(target(host="amd64")), parts(target(host="arm64"))

    assert keys.changes(crossed, native) == [keys.PARTS["strategy"]]


def test_architectures_differ_in_their_keys() -> None:
    """No two architectures share a build."""
    assert keys.key(parts(target("arm64"))) != keys.key(parts(target("amd64")))


def test_the_toolchains_tools_are_in_the_key() -> None:
    """Another name for the compiler in the toolchain's row is another build."""
    row = target()
    tools = {**row.toolchain.placeholders, "cc": "{triplet}-gcc-14"}
    changed = target(toolchain=replace(row.toolchain, placeholders=tools))

    assert keys.changes(parts(row), parts(changed)) == [keys.PARTS["recipe"]]


@pytest.mark.parametrize(
    "project",
    [
        {"budget": Budget()},
        {"budget": Budget(size_bytes=1)},
        {"on_unmeasurable": "fail"},
        {"architectures": ("arm64",)},
    ],
)
def test_what_only_a_judge_can_see_is_not_in_the_key(project: dict[str, Any]) -> None:
    """A changed budget or verdict rule judges the same build anew, without building it."""
    before, after = parts(target()), parts(target(**project))

    assert keys.key(before) == keys.key(after)
    assert keys.changes(before, after) == []


def test_a_part_that_an_old_record_lacks_is_a_change() -> None:
    """What an earlier version did not record is taken as changed."""
    after = parts(target())

    assert keys.changes({}, after) == list(keys.PARTS.values())


def test_keys_name_their_hash() -> None:
    """A key says by which function it was made, and is its 64 digits."""
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", keys.key(parts(target())))


def test_a_digest_is_that_of_the_canonical_form() -> None:
    """Two machines and two versions of Python arrive at the same digest of a value."""
    canonical = b'{"a":[1,null,true],"b":"\\u00e9"}'

    assert keys.digest({"b": "é", "a": [1, None, True]}) == hashlib.sha256(canonical).hexdigest()


@given(st.dictionaries(st.text(), JSON, min_size=2, max_size=4))
def test_the_order_of_keys_changes_no_digest(value: dict[str, Any]) -> None:
    """What was read in another order is still the same."""
    assert keys.digest(dict(reversed(value.items()))) == keys.digest(value)


@given(JSON, JSON)
def test_different_values_have_different_digests(one: Any, other: Any) -> None:
    """Digests agree exactly where the canonical forms do."""
    assert (keys.digest(one) == keys.digest(other)) == (repr_of(one) == repr_of(other))


def repr_of(value: Any) -> str:
    """A form that tells 1, 1.0 and true apart, as JSON does, and knows no order of keys."""
    if isinstance(value, dict):
        return f"{{{sorted((key, repr_of(inner)) for key, inner in value.items())}}}"
    if isinstance(value, list):
        return f"[{[repr_of(inner) for inner in value]}]"
    return repr(value)
