"""The doctor's own files, and those of other hosts: broken ones are one warning or error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fixtures.core.auto import UNDECIDED
from fixtures.core.doctor import measured as measurements
from fixtures.core.doctor.measured import Measured
from fixtures.core.errors import ManifestError, RecordError
from fixtures.doctor import chosen, history

HUGE = 10**400
FILES = {
    "create_s": 1e-4,
    "stat_s": 0,
    "read_s": 0,
    "remove_s": 0,
    "write_bytes_s": 1e9,
    "read_bytes_s": 1e9,
}
BROKEN: list[dict[str, Any]] = [
    {"wall_s": None},
    {"wall_s": -1},
    {"native_s": 0},
    {"native_s": 5e-324},
    {"native_s": HUGE},
    {"native_s": True},
    {"start_s": "1"},
    {"cpus": 0},
    {"cpus": HUGE},
    {"speed_up": float("nan")},
    {"idle": float("inf")},
    {"emulated_s": {"any": 0}},
    {"emulated_s": {"any": float("nan")}},
    {"emulated_s": {"any": None}},
    {"task_s": {"long": 0}, "emulated_task_s": {"arm64": {"long": 1}}},
    {"task_s": {"long": 1}, "emulated_task_s": {"arm64": {"long": HUGE}}},
    {"task_s": {"long": 1}, "emulated_task_s": {"arm64": 1}},
    {"volume": {**FILES, "create_s": HUGE}},
    {"volume": {**FILES, "create_s": None}},
]
BUILD: dict[str, Any] = {
    "target": "demo-amd64-gcc",
    "project": "demo",
    "architecture": "amd64",
    "toolchain": "gcc",
    "strategy": "native",
    "cpu_s": 1.0,
    "wall_s": 1.0,
    "cpus": 1,
    "foreign_load": 0.0,
    "started": "2026-01-01T00:00:00Z",
}


@pytest.mark.parametrize("raw", BROKEN)
def test_measurements_that_can_not_be_are_refused(raw: dict[str, Any], tmp_path: Path) -> None:
    """What would be divided by nothing, or is no number, ends no doctor later on."""
    with pytest.raises(RecordError):
        measurements.from_json(raw)
    (tmp_path / history.FILE).write_text(
        json.dumps({"schema": 1, "measured": raw, "predictions": []})
    )
    said: list[object] = []

    assert history.load(tmp_path, said.append) == (None, [])
    [words] = said
    assert str(tmp_path / history.FILE) in str(words)
    assert "./crossgate doctor" in str(words)


def test_measurements_of_nothing_are_no_mistake() -> None:
    """No time at all for a look-up is one that was too short to be seen, and none was skipped."""
    taken = measurements.from_json({"volume": FILES, "idle": 0, "speed_up": 0, "source_files": 0})

    assert taken.volume is not None
    assert taken.wall_s == 0


@pytest.mark.parametrize("name", ["cpu_s", "wall_s", "cpus", "tasks", "objects", "foreign_load"])
def test_builds_of_another_host_that_can_not_be_are_one_error(tmp_path: Path, name: str) -> None:
    """A number of 400 digits is named with its file, and no traceback."""
    file = tmp_path / "there.json"
    file.write_text(json.dumps({"builds": [{**BUILD, name: HUGE}]}))

    with pytest.raises(ManifestError, match=r"there\.json: no build of demo-amd64-gcc"):
        history.others([str(file)])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 99}', "[" * 100_000, "\x00"])
def test_a_broken_file_is_one_warning_that_names_it(tmp_path: Path, text: str) -> None:
    """Whoever follows the doctor's decisions hears that there are none any more, and the mend."""
    for name in (history.FILE, chosen.FILE):
        (tmp_path / name).write_text(text)
    said: list[object] = []

    assert history.load(tmp_path, said.append) == (None, [])
    assert chosen.load(tmp_path, "amd64", None, said.append) == UNDECIDED
    assert [
        str(tmp_path / name) in str(words)
        for name, words in zip((history.FILE, chosen.FILE), said, strict=True)
    ] == [True, True]
    assert all("./crossgate doctor writes it anew" in str(words) for words in said)


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ({"cpu": "Z80"}, "on another CPU (6502)"),
        ({"engine": "unix:///b"}, "with another engine (unix:///a)"),
        ({"engine": None}, ""),
        ({"cpu": None}, ""),
        ({}, ""),
    ],
)
def test_what_was_measured_elsewhere_is_not_taken_for_this_host(
    tmp_path: Path, there: dict[str, str | None], words: str
) -> None:
    """A report folder that moves between hosts or engines misleads none; nobody knows: it stays."""
    here = {"cpu": "6502", "engine": "unix:///a"}
    history.keep(tmp_path, Measured(native_s=1.0), [], [], [], place=here)
    said: list[object] = []
    taken, _ = history.load(tmp_path, said.append, place={**here, **there})

    assert (taken is None) == bool(words)
    assert len(said) == bool(words)
    assert all(f"it was measured {words}" in str(each) for each in said)


def test_a_file_that_nobody_made_is_no_warning(tmp_path: Path) -> None:
    """Before the first doctor there is nothing to be said; nor of what is for another engine."""
    said: list[object] = []
    for folder in (tmp_path / "none", tmp_path / ("long" * 100)):
        history.load(folder, said.append)
        chosen.load(folder, "amd64", None, said.append)
    chosen.keep(tmp_path, "amd64", "unix:///a", UNDECIDED)
    chosen.load(tmp_path, "amd64", "unix:///b", said.append)

    assert said == []
