"""The matrix of build times: cold builds of known hosts, and nothing mixed in."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from fixtures.cli import main as cli
from fixtures.core import matrix
from fixtures.core.errors import RecordError
from fixtures.core.hosts import Machine
from fixtures.core.matrix import Missing, Row
from fixtures.core.record import Build, Conditions, Outcome, Record

HERE = Machine(architecture="amd64", cpu_model="AMD EPYC", cpus=2, engine="Docker Engine 20.10")
THERE = Machine(architecture="arm64", cpu_model=None, cpus=8, engine="Docker Desktop 29.1")


def _record(**changed: Any) -> Record:
    record = Record(
        target="zstd-arm64-gcc",
        project="zstd",
        architecture="arm64",
        toolchain="gcc",
        strategy="cross",
        run="1",
        key="",
        key_parts={"source": "abc"},
        started="2026-11-25T02:00:00Z",
        outcome=Outcome.BUILT,
        build=Build(exit_code=0, cpu_s=51.7, wall_s=30.6, peak_memory_bytes=None, cpus=2),
        conditions=Conditions(
            cpus=2,
            memory_bytes=2 * 1024**3,
            cpu_model="AMD EPYC",
            engine="Docker Engine 20.10",
            foreign_load=0.03,
        ),
    )
    return dataclasses.replace(record, **changed)


def _row(**changed: Any) -> Row:
    row = matrix.row_of(_record(), HERE)
    assert isinstance(row, Row)
    return dataclasses.replace(row, **changed)


def test_a_record_is_a_row_with_its_conditions() -> None:
    """The build phase's times, and what they were measured under."""
    row = _row()

    assert (row.cpu_s, row.wall_s, row.cpus, row.foreign_load) == (51.7, 30.6, 2, 0.03)
    assert row.machine.words == "AMD EPYC, 2 CPUs, Docker Engine 20.10"
    assert THERE.words == "a CPU of arm64, 8 CPUs, Docker Desktop 29.1"


def _conditions(**changed: Any) -> Conditions:
    conditions = _record().conditions
    assert conditions is not None
    return dataclasses.replace(conditions, **changed)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"conditions": _conditions(caches="warm")}, "with warm caches"),
        ({"conditions": _conditions(cpu_model="another")}, "of another host"),
        ({"conditions": _conditions(engine="Podman 5")}, "of another host"),
        ({"conditions": None}, "no CPU counter"),
        ({"build": None}, "no CPU counter"),
        ({"outcome": Outcome.FAILED}, "does not build"),
    ],
)
def test_what_is_no_cold_build_of_this_host_has_no_row(changed: dict[str, Any], why: str) -> None:
    """Warm builds, other hosts' records and failed builds are not mixed in."""
    said = matrix.row_of(_record(**changed), HERE)

    assert isinstance(said, str)
    assert why in said


def test_rows_are_merged_by_host_target_and_strategy() -> None:
    """Of the same host, target and strategy the latest counts; the others stand beside it."""
    old = _row(started="2026-11-24T02:00:00Z", cpu_s=99.0)
    emulated = _row(strategy="emulated", target="zstd-arm64-gcc-emulated")
    there = _row(machine=THERE)

    merged = matrix.merge([_row(), there, old, emulated])

    assert merged == [_row(), there, emulated]


def test_the_matrix_comes_back_from_its_json() -> None:
    """What one host writes, another reads as it was."""
    rows = [_row(), _row(machine=THERE, foreign_load=None)]

    document = json.loads(json.dumps(matrix.document(rows, [Missing(target="a", reason="b")])))

    assert matrix.read(document) == rows


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema": 2}, "no matrix of schema 1"),
        ({"caches": "warm"}, "not those of cold builds"),
        ({"rows": None}, "no list of rows"),
        ({"rows": [{"cpu_s": 1}]}, "row 1 has other fields"),
    ],
)
def test_what_is_no_matrix_is_refused(change: dict[str, Any], why: str) -> None:
    """Another file, another version or another meaning is an error that says which."""
    with pytest.raises(RecordError, match=why):
        matrix.read({**matrix.document([_row()], []), **change})


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("cpu_s", "51.7", "cpu_s is not a number"),
        ("wall_s", -1, "wall_s is not a number"),
        ("cpus", True, "cpus is not a number"),
        ("target", 1, "target is not a text"),
        ("host", {"cpu_model": "x"}, "no host"),
        ("host", {**HERE.to_json(), "cpus": "2"}, "no host: cpus is a str"),
    ],
)
def test_a_wrong_row_is_refused(field: str, value: Any, why: str) -> None:
    """Each field of a row is of its kind."""
    document = matrix.document([_row()], [])
    document["rows"][0][field] = value

    with pytest.raises(RecordError, match=why):
        matrix.read(document)


def test_the_table_says_all_conditions() -> None:
    """Hosts have letters that are explained, load and another state of the source are marked."""
    rows = matrix.merge(
        [
            _row(),
            _row(machine=THERE, foreign_load=0.4, source="old", started="2026-01-01T00:00:00Z"),
        ]
    )
    missing = [Missing(target="lz4-amd64-gcc", reason="it was never built here")]

    text, markdown = matrix.table(rows, missing), matrix.markdown(rows, missing)

    assert "host A: AMD EPYC" in text or "host B: AMD EPYC" in text
    assert "40% (disturbed)" in text
    assert "zstd*" in text
    assert "missing: lz4-amd64-gcc: it was never built here" in text
    assert "cold builds" in text
    assert markdown.count("\n| ") == 3
    assert "51.7 s" in markdown


def test_a_file_that_is_no_matrix_is_one_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can't be merged is named, with exit code 4."""
    other = tmp_path / "other.json"
    for content, why in (("{", "not JSON"), ("{}", "no matrix"), (None, "can't be read")):
        if content is None:
            other.unlink()
        else:
            other.write_text(content)
        assert cli.main(["bench", "matrix", "--project", "pigz", "--merge", str(other)]) == 4
        assert f"--merge {other}: " in (said := capsys.readouterr().err)
        assert why in said
