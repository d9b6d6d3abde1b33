"""Records come back from disk as they went there, or are refused."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import record
from fixtures.core.errors import RecordError
from fixtures.core.record import (
    Artifact,
    Build,
    Cache,
    Conditions,
    Execution,
    Outcome,
    Phase,
    Rebuild,
    Smoke,
    Used,
)
from suites.selftest.unit import samples

text = st.text()
maybe_text = st.none() | text
whole = st.integers(0, 2**63)
number = st.floats(allow_nan=False, allow_infinity=False)
maybe_number = st.none() | number
lines = st.lists(text, max_size=3).map(tuple)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | number | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
phases = st.builds(
    Phase,
    name=text,
    wall_s=number,
    cpu_s=maybe_number,
    peak_memory_bytes=st.none() | whole,
)
builds = st.builds(
    Build,
    exit_code=st.none() | st.integers(),
    cpu_s=maybe_number,
    wall_s=maybe_number,
    peak_memory_bytes=st.none() | whole,
    cpus=whole,
    phases=st.lists(phases, max_size=2).map(tuple),
)
records = st.builds(
    record.Record,
    **dict.fromkeys(("target", "project", "architecture", "toolchain", "strategy"), text),
    run=text,
    key=text,
    key_parts=st.dictionaries(text, text, max_size=3),
    started=text,
    outcome=st.sampled_from(Outcome),
    reason=maybe_text,
    manifest_key=maybe_text,
    command=text,
    log=maybe_text,
    log_tail=lines,
    reproducer=maybe_text,
    build=st.none() | builds,
    conditions=st.none()
    | st.builds(
        Conditions,
        cpus=whole,
        memory_bytes=whole,
        cpu_model=maybe_text,
        engine=text,
        caches=text,
        foreign_load=maybe_number,
    ),
    ways=st.none()
    | st.builds(
        Used,
        mount=text,
        workspace=text,
        dependencies=text,
        cache=st.none()
        | st.builds(
            Cache,
            tool=text,
            state=text,
            hits=st.none() | whole,
            misses=st.none() | whole,
            errors=st.none() | whole,
        ),
        workers=whole,
        changed_files=st.none() | whole,
        notes=lines,
    ),
    rebuild=st.none()
    | st.builds(
        Rebuild, exit_code=st.integers(), cpu_s=maybe_number, wall_s=number, reason=maybe_text
    ),
    execution=st.none()
    | st.builds(
        Execution,
        mode=text,
        engine_architecture=text,
        kernel_machine=text,
        container_machine=text,
        compiler_target=maybe_text,
    ),
    artifacts=st.lists(
        st.builds(
            Artifact,
            path=text,
            file=text,
            size_bytes=whole,
            sha256=text,
            format=text,
            facts=st.dictionaries(text, json_values, max_size=3),
            problem=maybe_text,
        ),
        max_size=2,
    ).map(tuple),
    smoke=st.lists(
        st.builds(
            Smoke, artifact=text, runner=text, exit_code=st.integers(), wall_s=number, output=lines
        ),
        max_size=2,
    ).map(tuple),
)

HONEST: Final = samples.record(samples.target())


def honest() -> dict[str, Any]:
    """An honest record as the JSON value that a file holds."""
    document: dict[str, Any] = json.loads(record.to_json(HONEST))
    return document


def read_or_refused(document: str | bytes) -> None:
    """A record that can be written again, or RecordError."""
    try:
        read = record.from_json(document)
    except RecordError:
        return
    # What was taken for a record can be written as one again, and means the same.
    assert record.from_json(record.to_json(read)) == read


@given(records)
def test_records_come_back_as_they_were(one: record.Record) -> None:
    """Writing and reading a record changes nothing in it."""
    assert record.from_json(record.to_json(one)) == one


@given(records)
def test_records_come_back_from_bytes(one: record.Record) -> None:
    """A file's bytes are as good as its text; a record is plain ASCII."""
    assert record.from_json(record.to_json(one).encode("ascii")) == one


def test_a_record_is_what_design_says() -> None:
    """The names in the JSON document are the dataclasses' own, so that reports can rely on them."""
    document = honest()

    assert list(document) == [each.name for each in fields(record.Record)]
    assert document["schema"] == record.SCHEMA
    assert document["outcome"] == "built"
    assert document["build"]["phases"][0]["name"] == "build"
    assert document["artifacts"][0]["facts"]["e_machine"] == "EM_AARCH64"


@given(st.binary())
def test_any_bytes_are_a_record_or_refused(document: bytes) -> None:
    """Whatever a file holds, reading it gives a Record or RecordError."""
    read_or_refused(document)


@given(st.text())
def test_any_text_is_a_record_or_refused(document: str) -> None:
    """Whatever a text holds, reading it gives a Record or RecordError."""
    read_or_refused(document)


@given(json_values)
def test_any_json_is_a_record_or_refused(value: Any) -> None:
    """Whatever JSON a file holds, it is no record unless it has a record's fields."""
    with pytest.raises(RecordError):
        record.from_json(json.dumps(value))


def places(value: Any, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a JSON document, as the steps that lead to it."""
    steps: list[str | int] = []
    if isinstance(value, dict):
        steps = list(value)
    elif isinstance(value, list):
        steps = list(range(len(value)))
    return [
        place for step in steps for place in [(*above, step), *places(value[step], (*above, step))]
    ]


def inside(document: Any, place: tuple[str | int, ...]) -> Any:
    """The object or list that holds the value at a place."""
    for step in place[:-1]:
        document = document[step]
    return document


@given(st.sampled_from(places(honest())), json_values, st.sampled_from(["set", "drop", "add"]))
def test_any_change_to_a_record_is_read_or_refused(
    place: tuple[str | int, ...], value: Any, change: str
) -> None:
    """One wrong value, one field too few or too many: a Record or RecordError."""
    document = honest()
    holder = inside(document, place)
    if change == "drop":
        del holder[place[-1]]
    elif change == "add" and isinstance(holder, dict):
        holder["more"] = value
    else:
        holder[place[-1]] = value

    read_or_refused(json.dumps(document))


STRUCTURED: Final = [
    place for place in places(honest()) if "facts" not in place and "key_parts" not in place[:-1]
]


@pytest.mark.parametrize(
    "place",
    [place for place in STRUCTURED if isinstance(place[-1], str)],
    ids=lambda place: ".".join(map(str, place)),
)
def test_every_field_has_its_kind(place: tuple[str | int, ...]) -> None:
    """A field that is missing, or of no kind that it takes, makes a file no record."""
    document = honest()
    holder, name = inside(document, place), place[-1]

    wrongs: tuple[Any, ...] = ({}, [[]], True, {"a": 1})
    for wrong in wrongs:
        if wrong == {} and name == "key_parts":
            continue
        holder[name] = wrong
        with pytest.raises(RecordError):
            record.from_json(json.dumps(document))
    del holder[name]
    if place in {("build", "tasks"), ("build", "objects"), ("build", "trials")}:
        # Builds of before they were counted.
        assert record.from_json(json.dumps(document)).build is not None
        return
    with pytest.raises(RecordError):
        record.from_json(json.dumps(document))


@pytest.mark.parametrize("place", [(), ("build",), ("conditions",), ("artifacts", 0), ("smoke", 0)])
def test_a_field_that_nobody_knows_is_refused(place: tuple[str | int, ...]) -> None:
    """A record of another version of Crossgate is not half understood."""
    document = honest()
    inside(document, (*place, "x"))["from_the_future"] = 1

    with pytest.raises(RecordError, match="wants the fields"):
        record.from_json(json.dumps(document))


def test_every_truncation_of_a_record_is_refused() -> None:
    """A record that was written half is no record."""
    document = record.to_json(HONEST).rstrip()

    for length in range(len(document)):
        with pytest.raises(RecordError):
            record.from_json(document[:length])


@pytest.mark.parametrize("schema", [0, 1, 2, 3, 4, 6, "5", 5.0, True, None, [5]])
def test_another_schema_is_refused(schema: Any) -> None:
    """Only records of this schema are read: the version is a whole number, not nearly one."""
    with pytest.raises(RecordError):
        record.from_json(json.dumps({**honest(), "schema": schema}))


@pytest.mark.parametrize(
    "written",
    ["NaN", "Infinity", "-Infinity", "1e999", pytest.param("1" + "0" * 400, id="10**400")],
)
def test_times_are_finite(written: str) -> None:
    """A number that no float holds, or that is none, makes a file no record."""
    document = honest()
    document["build"]["cpu_s"] = "@"

    with pytest.raises(RecordError):
        record.from_json(json.dumps(document).replace('"@"', written))


@pytest.mark.parametrize(
    "document",
    ["", "{", "[" * 100_000, '{"a":' * 100_000, "9" * 5000, "\ufeff{}", b"\xff\xfe", b"\x00"],
    ids=["empty", "half", "deep list", "deep object", "long number", "mark", "bytes", "nul"],
)
def test_what_is_no_json_is_refused(document: str | bytes) -> None:
    """Damage that json complains of in its own ways is a RecordError like any other."""
    with pytest.raises(RecordError):
        record.from_json(document)


def test_undecodable_output_survives_the_disk() -> None:
    """Even a lone surrogate in a log does not break the writing of its record."""
    one = replace(HONEST, log_tail=("\udcff", "\x1b[31m", "::error::x"))

    assert record.from_json(record.to_json(one).encode("utf-8")) == one
