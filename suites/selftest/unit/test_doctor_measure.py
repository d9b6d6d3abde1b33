"""Measuring a host whose engine refuses a folder, and what is kept where little was measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from fixtures.cli import doctor as cli
from fixtures.core.doctor import measured as measurements
from fixtures.core.doctor.detect import detect
from fixtures.core.doctor.facts import HostFacts
from fixtures.core.doctor.measured import Files, Measured
from fixtures.core.doctor.snapshot import Snapshot
from fixtures.core.errors import EngineRefusalError
from fixtures.doctor import history, look, measure
from fixtures.engine.client import Engine
from fixtures.engine.container import ExecResult
from fixtures.engine.spec import ContainerSpec

FILES = Files(
    create_s=1e-4,
    stat_s=1e-5,
    read_s=1e-5,
    remove_s=1e-5,
    write_bytes_s=1e9,
    read_bytes_s=1e9,
)
WHOLE = Measured(
    native_s=0.1,
    task_s={"short": 0.02, "long": 0.05},
    emulated_task_s={"arm64": {"short": 0.9, "long": 1.3}},
    how={"arm64": "a container of that CPU"},
    bind=FILES,
    volume=FILES,
    start_s=0.3,
    cpus=2,
    speed_up=2.0,
    idle=0.0,
    source_files=7,
    wall_s=6.0,
)


class FakeContainer:
    """A container in which the script finds what it is told to find."""

    id = "0123abcd" * 8

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        """Print some objects, a line each."""
        self.lines = lines

    def __enter__(self) -> FakeContainer:
        """As a container's own."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left of it."""

    def exec(
        self, command: list[str], *, sink: Callable[[bytes], object], **_: object
    ) -> ExecResult:
        """Print only what the script was asked for."""
        asked = json.loads(command[-1])
        for line in self.lines:
            if "files" not in line or line["files"][0] in asked["folders"]:
                sink(json.dumps(line).encode() + b"\n")
        return ExecResult(exit_code=0, wall_s=0.0)


class FakeEngine:
    """An engine at this host's socket that refuses whatever has a folder of this host's."""

    address = "unix:///engine.sock"

    def __init__(self, lines: list[dict[str, Any]], refusal: str | None) -> None:
        """Find some lines in each container, and refuse folders with some words."""
        self.lines = lines
        self.refusal = refusal
        self.asked: list[ContainerSpec] = []

    def start(self, spec: ContainerSpec) -> FakeContainer:
        """A container, or the refusal."""
        self.asked.append(spec)
        if self.refusal and (spec.binds or spec.shared):
            raise EngineRefusalError(self.refusal)
        return FakeContainer(self.lines)


def facts() -> HostFacts:
    """A host of two CPUs with an engine."""
    taken = Snapshot(
        system="Linux",
        release="6",
        machine="x86_64",
        cpus=2,
        address=FakeEngine.address,
        info={"NCPU": 2, "Architecture": "x86_64", "KernelVersion": "6"},
    )
    return detect(taken)


def own(engine: FakeEngine, source: Path) -> Measured:
    """What is measured in a container of the engine's own CPU."""
    images = measure._Images(own="crossgate/gcc:1", foreign={})
    return measure._own(cast("Engine", engine), facts(), images, source, 1.0)[0]


LINES: list[dict[str, Any]] = [
    {"native": 0.1},
    {"files": ["bind", FILES.__dict__]},
    {"files": ["volume", FILES.__dict__]},
    {"together": [2.0, 0.0]},
]


@pytest.mark.skipif("sys.platform == 'win32'", reason="an engine at a socket sees no drive")
def test_a_folder_that_is_refused_costs_nothing_but_its_own_measurement(tmp_path: Path) -> None:
    """FUSE, snap, a folder that isn't shared: the rest is measured without, and why is said."""
    words = "the engine could not start a build container: invalid mount config for type bind"
    engine = FakeEngine(LINES, words)
    taken = own(engine, tmp_path)
    all_of_it = own(FakeEngine(LINES, None), tmp_path)

    assert [bool(each.shared) for each in engine.asked] == [True, False]
    assert (taken.native_s, taken.bind, taken.volume, taken.speed_up) == (0.1, None, FILES, 2.0)
    assert taken.skipped == {"bind": words}
    assert (all_of_it.bind, all_of_it.skipped) == (FILES, {})


def test_what_was_measured_stands_until_it_is_measured_again() -> None:
    """A look that measures nothing, or a part, takes away nothing that was known."""
    nothing = measurements.over(WHOLE, Measured(skipped={"everything": "no image"}))
    part = measurements.over(WHOLE, Measured(native_s=0.2, cpus=4, skipped={"bind": "refused"}))
    again = replace(WHOLE, native_s=0.3, wall_s=5.0)

    assert replace(nothing, skipped={}, wall_s=6.0) == WHOLE
    assert nothing.skipped["everything"] == "no image"
    assert nothing.skipped["this time"].startswith("the compile, emulation, folders, ")
    assert (part.native_s, part.bind, part.volume) == (0.2, None, FILES)
    assert (part.cpus, part.speed_up) == (4, None)
    assert part.emulation == WHOLE.emulation
    assert measurements.over(WHOLE, again) == again
    assert measurements.over(None, again) is again


def test_a_doctor_that_measures_nothing_keeps_the_file_of_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an image, or with an engine that refuses, the last good measurements stay on disk."""
    (tmp_path / "crossgate.toml").write_text(
        '[projects.a]\nsource = { path = "." }\ntoolchain = "gcc"\n'
        'architectures = ["amd64"]\nbuild = "make"\nartifacts = ["a"]\n'
    )
    history.keep(tmp_path, WHOLE, [], [], [])
    nothing = Measured(skipped={"everything": "no image"})
    monkeypatch.setattr(cli, "detect", lambda _taken: facts())
    monkeypatch.setattr(look, "take", lambda *_, **__: None)
    monkeypatch.setattr(measure, "measure", lambda *_: (nothing, measure.Seen()))
    given = ["--manifest", str(tmp_path / "crossgate.toml"), "--report-dir", str(tmp_path)]

    assert cli.main(given, tmp_path) == 0
    kept, _ = history.load(tmp_path)
    assert kept is not None
    assert (kept.native_s, kept.emulation, kept.volume) == (0.1, WHOLE.emulation, FILES)
