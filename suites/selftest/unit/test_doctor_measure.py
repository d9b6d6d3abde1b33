"""Measuring a host whose engine refuses a folder, and what is kept where little was measured."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures.cli import doctor as cli
from fixtures.core.doctor import measured as measurements
from fixtures.core.doctor.detect import detect
from fixtures.core.doctor.facts import HostFacts
from fixtures.core.doctor.measured import Files, Measured
from fixtures.core.doctor.snapshot import Snapshot
from fixtures.core.errors import EngineRefusalError
from fixtures.doctor import history, inside, look, measure
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

    def __init__(self, engine: FakeEngine) -> None:
        """Print what its engine finds, a line each, and note how long there is time for it."""
        self.engine = engine

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
        self.engine.seconds.append(asked["seconds"])
        self.engine.meanwhile()
        for line in self.engine.lines:
            if "files" not in line or line["files"][0] in asked.get("folders", {}):
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
        self.seconds: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def close(self) -> None:
        """Nothing is open."""

    def start(self, spec: ContainerSpec) -> FakeContainer:
        """A container, or the refusal."""
        self.asked.append(spec)
        if self.refusal and (spec.binds or spec.shared):
            raise EngineRefusalError(self.refusal)
        return FakeContainer(self)


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
    return measure._own(cast("Engine", engine), facts(), images, source, time.monotonic() + 5)[0]


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


def test_an_emulation_of_which_less_was_measured_does_not_replace_the_whole() -> None:
    """A busy host had no time for all kinds of work: those of a quieter hour are worth more."""
    less = {"arm64": {"short": 1.0}}
    now = measurements.over(WHOLE, replace(WHOLE, emulated_task_s=less, skipped={"arm64": "late"}))

    assert now.emulated_task_s == WHOLE.emulated_task_s
    assert now.skipped["this time"] == "emulation; what was measured before stands"
    slow = replace(WHOLE, emulated_task_s=less)
    again = replace(slow, emulated_task_s={"arm64": {"short": 2.0}})
    assert measurements.over(slow, again) == again


def test_an_emulator_that_has_become_another_one_is_measured_by_what_there_is() -> None:
    """Rosetta was turned off: as slow as that, less is measured, and the old figures are none."""

    def now(emulated: dict[str, dict[str, float]], before: Measured = WHOLE) -> Measured:
        return measurements.over(before, replace(WHOLE, emulated_task_s=emulated, skipped={}))

    assert WHOLE.emulated_task_s == {"arm64": {"short": 0.9, "long": 1.3}}
    for other in (9.0, 0.9 * 1.51, 0.9 / 1.51):
        assert now({"arm64": {"short": other}}).emulated_task_s == {"arm64": {"short": other}}
    for same in (0.9 * 1.49, 0.9 / 1.49):
        assert now({"arm64": {"short": same}}).emulated_task_s == WHOLE.emulated_task_s
    # A kind more and a kind less, and another CPU's: nothing of what was measured before is lost.
    assert now({"arm64": {"short": 0.9, "trial": 0.5}}).emulated_task_s == WHOLE.emulated_task_s
    assert now({"riscv64": {"short": 9.0}}).emulated_task_s == WHOLE.emulated_task_s
    more = {"arm64": {"short": 0.9, "long": 1.3, "trial": 0.5}}
    assert now(more).emulated_task_s == more


@pytest.mark.parametrize(
    ("done", "missing"),
    [
        (("short", "trial"), "not done within 6 s: long, start"),
        (("long",), "not done within 6 s: short, trial, start"),
        (("trial", "start"), "not done within 6 s: short, long"),
        ((), "not done within 6 s"),
    ],
)
def test_what_an_emulator_had_time_for_is_kept(
    done: tuple[str, ...], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what it had none for is named; without a compile there is no emulation."""
    ran = measure._Ran(
        found=[{"work": [kind, [0.9, 9]]} for kind in done], start_s=0.5, why="not done within 6 s"
    )
    monkeypatch.setattr(measure, "_run", lambda *_: ran)
    rounds = dict.fromkeys(measure._TIMES, 3.0)
    taken = measure._foreign(
        cast("Engine", None), Measured(), rounds, "arm64", "image", 1.0, measure._LANES
    )

    assert taken.skipped == {"arm64": missing}
    kept = {"arm64": dict.fromkeys(done, 0.9 / 3)} if {"short", "long"} & {*done} else {}
    assert taken.emulated_task_s == kept
    assert taken.how.keys() == kept.keys()


def test_an_emulator_is_asked_for_what_was_done_without_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing can be said of what has no native counterpart; that is no fault of the image's."""
    asked: list[dict[str, Any]] = []

    def ran(_engine: object, _spec: object, words: dict[str, Any], _until: float) -> measure._Ran:
        asked.append(words)
        found = [{"work": [kind, [0.9, 9]]} for kind in words["work"]]
        return measure._Ran(found=found, start_s=0.5, why="")

    monkeypatch.setattr(measure, "_run", ran)

    def foreign(*kinds: str) -> Measured:
        rounds = dict.fromkeys(kinds, 3.0)
        return measure._foreign(
            cast("Engine", None), Measured(), rounds, "arm64", "image", 1.0, measure._LANES
        )

    taken = foreign("short", "trial")
    assert asked[0]["work"] == {"short": 1, "trial": 1}
    assert asked[0]["lanes"] == [[], ["short", "trial"]]
    assert taken.emulated_task_s["arm64"].keys() == {"short", "trial"}
    assert taken.skipped == {}
    assert foreign().skipped == {"arm64": "the same work was not done without an emulator"}
    assert len(asked) == 1


def test_a_container_that_starts_late_has_some_seconds_all_the_same(tmp_path: Path) -> None:
    """A busy engine takes its time; without any for the container nothing would be known."""
    engine = FakeEngine(LINES, None)
    images = measure._Images(own="crossgate/gcc:1", foreign={})
    measure._own(cast("Engine", engine), facts(), images, tmp_path, time.monotonic() - 1)

    assert engine.seconds == [measure._LEAST_S]
    assert 1 < measure._LEAST_S < measure.ALL_S - measure.FOREIGN_S


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


def test_own_and_foreign_container_share_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first one did not use is left to the other, and no more than that to both."""
    work = [{"work": [kind, [0.3, 9]]} for kind in ("long", "short", "start", "trial")]
    engine = FakeEngine([*LINES, *work], None)
    images = measure._Images(own="crossgate/gcc:1", foreign={"arm64": "crossgate/gcc-arm64:1"})
    monkeypatch.setattr(measure, "Engine", lambda _address: engine)
    monkeypatch.setattr(measure, "_images", lambda *_: images)
    now = [100.0]
    monkeypatch.setattr("fixtures.doctor.measure.time", SimpleNamespace(monotonic=lambda: now[0]))
    engine.meanwhile = lambda: now.append(now.pop() + 3)
    taken, _ = measure.measure(facts(), tmp_path, lambda _words: None)

    assert measure.ALL_S < 10
    assert engine.seconds == [measure.ALL_S - measure.FOREIGN_S, measure.ALL_S - 3]
    assert "arm64" in taken.emulated_task_s
    assert taken.wall_s == 6


@pytest.mark.parametrize(
    ("idle", "speed_up", "quota", "lanes"),
    [(0.0, 2.0, "", 2), (0.5, 1.0, "", 1), (0.0, 2.0, "100000 100000", 1), (None, None, "", 2)],
)
def test_only_as_much_is_done_side_by_side_as_builds_get_cpus(
    idle: float | None, speed_up: float | None, quota: str, lanes: int
) -> None:
    """On one of two CPUs both lanes would take twice the time, and neither be done."""
    taken = Measured(cpus=2, speed_up=speed_up, idle=idle)
    seen = measure.Seen(above={"/sys/fs/cgroup/cpu.max": quota} if quota else {})
    found = measure._lanes(facts().cpu, taken, seen)

    assert len(found) == lanes
    # In one, what takes the most comes last.
    assert found[0][-1] == ("long" if lanes == 1 else "start")
    assert sorted(kind for lane in found for kind in lane) == ["long", "short", "start", "trial"]


def test_cpus_are_measured_before_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a disk that takes all the time, CPUs are known all the same, and what was done first.

    A look at the files comes before the kinds of work: on a slow CPU those take all the time.
    """
    done: list[str] = []
    monkeypatch.setattr(inside, "side_by_side", lambda *_: done.append("work"))

    def together(number: int) -> tuple[int, float]:
        done.append("cpus")
        return number, 0.0

    def files(place: str, count: int, part_s: float) -> dict[str, float]:
        done.append(f"files for {part_s} s")
        if place == "/closed":
            raise PermissionError(13, "Permission denied")
        return {"create_s": 1.0 / len(done), "write_bytes_s": float(count)}

    monkeypatch.setattr(inside, "together", together)
    monkeypatch.setattr(inside, "files", files)
    before = os.umask(0o22)
    try:
        inside.main({"cpus": 2, "folders": {"volume": "/v", "bind": "/closed"}, "seconds": 60})
    finally:
        os.umask(before)
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    looks = [f"files for {inside.GLANCE_S} s"] * 2
    assert done == ["cpus", "cpus", *looks, "work", *[f"files for {inside.PART_S} s"] * 2]
    assert inside.GLANCE_S < inside.PART_S
    assert [each for each in said if "skipped" in each] == [
        {"skipped": ["bind", "a container can't write there: Permission denied"]}
    ]
    assert [each["files"][1]["create_s"] for each in said if "files" in each] == [1 / 3, 1 / 6]


def test_a_second_round_is_only_made_where_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one's values are said at once, and stay; a killed container says nothing more."""
    done: list[str] = []

    def files(place: str, _count: int, part_s: float) -> dict[str, float]:
        done.append(place)
        now.append(now.pop() + 4 * part_s)
        return {"create_s": 1.0}

    now = [0.0]
    monkeypatch.setattr(inside, "files", files)
    monkeypatch.setattr("fixtures.doctor.inside.time", SimpleNamespace(monotonic=lambda: now[0]))
    folders = inside.Folders({"volume": "/v", "bind": "/b"})
    for part_s in (1.0, 0.4, 1.0):
        folders.round(part_s, 10.0)

    # Of the third only what ends in time, by how long the others took for their length.
    assert done == ["/v", "/b", "/v"]


@pytest.mark.skipif("sys.platform == 'win32'", reason="there are no modes")
def test_what_a_killed_container_leaves_can_be_removed_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Root makes it in a folder of the user's: whoever owns that may empty and remove it."""
    modes: list[int] = []
    looked = inside.each

    def each(names: list[Path], act: Callable[[Path], object], part_s: float) -> tuple[float, int]:
        modes.append(names[0].parent.stat().st_mode & 0o777)
        return looked(names, act, part_s)

    monkeypatch.setattr(inside, "each", each)
    before = os.umask(0o22)
    try:
        inside.main({"folders": {"bind": str(tmp_path)}})
    finally:
        os.umask(before)

    assert "files" in capsys.readouterr().out
    assert {*modes} == {0o777}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/sys/kernel/pid_max").exists(), reason="no /proc here")
def test_processes_are_counted_where_their_numbers_begin_anew() -> None:
    """The kernel gives numbers up to a highest one, and then from 300 on."""
    highest = int(Path("/proc/sys/kernel/pid_max").read_text())

    assert inside.since(1000, 1013) == 13
    assert inside.since(highest - 6, 307) == 13


def test_on_a_busy_host_fewer_rounds_have_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of each kind of work there is one at least, and CPUs come before what is only better."""
    now, done = [0.0], []

    def run(command: list[str], **_: object) -> SimpleNamespace:
        done.append(command[0])
        now.append(now.pop() + 0.6)
        return SimpleNamespace(returncode=0)

    def compiled(_prefix: object, _functions: object, times: int) -> float:
        done.append(f"native {times}")
        now.append(now.pop() + 0.5 * times)
        return 0.5

    def together(number: int) -> tuple[int, float]:
        done.append("cpus")
        return number, 0.0

    monkeypatch.setattr(inside, "compiled", compiled)
    monkeypatch.setattr(inside, "together", together)
    monkeypatch.setattr("fixtures.doctor.inside.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr("fixtures.doctor.inside.subprocess", SimpleNamespace(run=run))
    monkeypatch.setattr(inside, "latest", lambda: 5)
    asked = {"native": [3, 4], "work": {"start": 10}, "cpus": 2}
    before = os.umask(0o22)
    try:
        for seconds in (3, 60):
            inside.main({**asked, "seconds": seconds})
    finally:
        os.umask(before)
    capsys.readouterr()

    assert done == [
        *("native 3", "cpus", "cpus", "sh"),
        *("native 3", "cpus", "cpus", *["sh"] * 10, "native 4"),
    ]
