"""Tables of a manifest are checked key by key, and each mistake is told with its place."""

from __future__ import annotations

import math
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import schema
from fixtures.core.errors import ManifestError
from fixtures.core.schema import Place, Table
from fixtures.core.text import printable

HERE: Final = Place(file="crossgate.toml", keys=("projects", "demo"))
INNER: Final = Table(keys={"deep": schema.whole(1, 3)})
TABLE: Final = Table(
    keys={"name": schema.text, "cpus": schema.whole(1, 8)},
    nested={"inner": INNER.read},
    required=("name",),
    later=("policy",),
)

SCALARS = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.dates(),
    st.datetimes(),
    st.times(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def complaint(raw: Any) -> str:
    """What is said of a table that is refused."""
    with pytest.raises(ManifestError) as caught:
        TABLE.read(raw, HERE)
    return str(caught.value)


def test_what_is_there_is_read() -> None:
    """A table gives the values of the keys that are there and invents none."""
    assert TABLE.read({"name": "x", "inner": {"deep": 2}}, HERE) == {
        "name": "x",
        "inner": {"deep": 2},
    }


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([], "crossgate.toml: projects.demo: expected a table, found a list of 0"),
        ({}, 'crossgate.toml: projects.demo: the key "name" is missing'),
        (
            {"name": "x", "cpu": 1},
            'crossgate.toml: projects.demo.cpu: unknown key; did you mean "cpus"? '
            "(known here: name, cpus, inner)",
        ),
        (
            {"name": "x", "zzz": 1},
            "crossgate.toml: projects.demo.zzz: unknown key (known here: name, cpus, inner)",
        ),
        (
            {"name": "x", "cpus": 9},
            "crossgate.toml: projects.demo.cpus: expected a whole number from 1 to 8, found 9",
        ),
        (
            {"name": "x", "cpus": True},
            "crossgate.toml: projects.demo.cpus: expected a whole number from 1 to 8, found true",
        ),
        (
            {"name": "x", "inner": {"deep": 0}},
            "crossgate.toml: projects.demo.inner.deep: "
            "expected a whole number from 1 to 3, found 0",
        ),
        (
            {"name": "x", "inner": {"Deep": 1}},
            'crossgate.toml: projects.demo.inner.Deep: unknown key; did you mean "deep"? '
            "(known here: deep)",
        ),
    ],
)
def test_each_mistake_names_place_and_mend(raw: Any, message: str) -> None:
    """A complaint is one line: file, dotted key, what was expected, what was found."""
    assert complaint(raw) == message


def test_a_key_of_a_later_version_is_refused_as_such() -> None:
    """A key that is designed but not ready is not read past: that would leave a gate open."""
    message = complaint({"name": "x", "policy": {}})

    assert message.startswith("crossgate.toml: projects.demo.policy: this key is not supported yet")
    assert "remove it" in message


@given(VALUES)
def test_any_value_can_be_described(value: Any) -> None:
    """Whatever a manifest holds, a complaint can name it: in one short, harmless line."""
    words = schema.describe(value)

    assert words == printable(words)
    assert len(words) < 1500


def test_a_number_of_absurd_length_can_be_described() -> None:
    """A number that Python won't write out in decimal is a mistake like any other."""
    # TOML's hexadecimal numbers get past the limit that tomllib would meet in decimal ones
    # (https://docs.python.org/3/library/stdtypes.html#int-max-str-digits).
    message = complaint({"name": "x", "cpus": int("f" * 5000, 16)})

    assert message.startswith("crossgate.toml: projects.demo.cpus: expected a whole number")
    assert len(message) < 2000


@given(st.dictionaries(st.one_of(st.sampled_from(["name", "cpus", "inner"]), st.text()), VALUES))
def test_any_table_is_read_or_refused(raw: dict[str, Any]) -> None:
    """Whatever a table holds, it is read, or refused with the file's name in front."""
    try:
        read = TABLE.read(raw, HERE)
    except ManifestError as error:
        message = str(error)
    else:
        message = "crossgate.toml: projects.demo"
        assert read.keys() == raw.keys()
    assert message.startswith("crossgate.toml: projects.demo")
    assert len(message.splitlines()) == 1


@given(st.text())
def test_any_key_gives_a_place_in_one_line(key: str) -> None:
    """A place can be shown whatever the key: keys that need quotes get them."""
    dotted = (HERE / key).dotted

    assert dotted.startswith("projects.demo.")
    assert len(dotted.splitlines()) == 1
    assert dotted == f"projects.demo.{key}" or dotted.endswith('"')


@pytest.mark.parametrize(
    ("key", "dotted"), [("a-b_1", "a-b_1"), ("a.b", '"a.b"'), ("", '""'), ("é", '"é"')]
)
def test_keys_are_quoted_as_toml_wants_them(key: str, dotted: str) -> None:
    """Bare keys of TOML stand bare, all others in quotes."""
    assert Place(file="f", keys=(key,)).dotted == dotted


def test_a_key_of_absurd_length_is_clipped() -> None:
    """A complaint stays short enough to be read, whatever the key."""
    message = complaint({"name": "x", "k" * 100_000: 1})

    assert len(message) < 2000


def test_a_place_without_keys_is_the_file() -> None:
    """A complaint about the whole file names the file alone."""
    assert str(Place(file="crossgate.toml").error("no")) == "crossgate.toml: no"


@pytest.mark.parametrize(
    ("word", "hint"),
    [("Budget", '; did you mean "budget"?'), ("bugdet", '; did you mean "budget"?'), ("zzz", "")],
)
def test_the_nearest_spelling_is_offered(word: str, hint: str) -> None:
    """A slip of the hand is mended; what is near to nothing gets no wild guess."""
    assert schema.nearest(word, ("budget", "artifacts")) == hint


@pytest.mark.parametrize("value", ["", " \t\n", "a\0b", 3, None, ["a"], True])
def test_texts_say_something(value: Any) -> None:
    """A text is a string with a visible character and without NUL, which no command can hold."""
    with pytest.raises(ValueError, match="expected a text"):
        schema.text(value)


@pytest.mark.parametrize(
    "value", [0, -1, 6, math.nan, math.inf, -math.inf, "1", True, None, 10**400]
)
def test_numbers_are_finite_and_within_bounds(value: Any) -> None:
    """A number outside its bounds, infinite or undefined is refused."""
    with pytest.raises(ValueError, match="expected a number"):
        schema.number(0, 5)(value)


@pytest.mark.parametrize("value", [1, 0.5, 5])
def test_numbers_within_bounds_are_floats(value: float) -> None:
    """Whole numbers are numbers too; the upper bound belongs to the range."""
    assert schema.number(0, 5)(value) == value


@pytest.mark.parametrize("value", ["Skip", "", 1, None, [], {}, ["skip"]])
def test_words_are_taken_as_they_are_written(value: Any) -> None:
    """A choice is one of its words, in their case."""
    with pytest.raises(ValueError, match='expected "skip" or "fail"'):
        schema.one_of("skip", "fail")(value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "expected a list of names that is not empty"),
        ("a", "expected a list of names that is not empty"),
        (["a", 3], "item 2 is 3: expected a text"),
        (["a", "b", "a"], "expected each of the names once; twice: a"),
    ],
)
def test_lists_hold_each_item_once(value: Any, words: str) -> None:
    """A list is not empty, repeats nothing, and a wrong item is named by its place."""
    with pytest.raises(ValueError, match="expected") as caught:
        schema.listed(schema.text, "names")(value)

    assert words in str(caught.value)
