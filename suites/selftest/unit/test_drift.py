"""Drift: seldom seen where there is none, seldom missed where there is, and told in one line."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from fixtures import history
from fixtures.cli import main as cli
from fixtures.core import drift
from fixtures.core.history import Row
from fixtures.run import Run
from reports import markdown, table
from reports.document import Report
from suites.selftest.harness import project
from suites.selftest.unit.test_history import row

pytest.importorskip("ruptures", reason="the extra history is not installed")

SERIES: Final = 1000
ID: Final = "demo-arm64-gcc"


def series(
    *levels: tuple[int, float], noise: float, chance: random.Random, target: str = "demo"
) -> list[Row]:
    """Builds on levels of CPU seconds, each of so many builds, with independent noise."""
    times = [
        level * (1 + noise * chance.gauss(0, 1)) for count, level in levels for _ in range(count)
    ]
    plain = row()
    return [
        replace(
            plain,
            target=target,
            cpu_s=max(0.001, time),
            started=f"2026-{1 + number // 28:02}-{1 + number % 28:02}T00:00:00Z",
            revision=f"r{number}",
        )
        for number, time in enumerate(times)
    ]


@pytest.mark.parametrize("count", [20, 50, 100, 300])
def test_noise_alone_is_seldom_a_drift(count: int) -> None:
    """At most 5 % of series of noise alone, its coefficient of variation 7 %, have one."""
    chance = random.Random(6)
    alarms = sum(
        drift.of_series(series((count, 40.0), noise=0.07, chance=chance)) is not None
        for _ in range(SERIES)
    )

    assert alarms <= 0.05 * SERIES


def test_a_step_is_seldom_missed() -> None:
    """At least 90 % of steps of 5 %, at a coefficient of variation of 2 %, are found and sized."""
    chance = random.Random(6)
    found = 0
    for _ in range(SERIES):
        before = chance.randrange(10, 91)
        levels = (before, 40.0), (100 - before, 42.0)
        seen = drift.of_series(series(*levels, noise=0.02, chance=chance))
        found += seen is not None and abs(seen.share - 0.05) < 0.025

    assert found >= 0.90 * SERIES


def test_many_small_steps_are_one_drift() -> None:
    """What no single change was over its budget for is told as a whole."""
    levels = [(25, 40.0 * 1.02**step) for step in range(4)]
    seen = drift.of_series(series(*levels, noise=0.005, chance=random.Random(1)))
    assert seen is not None

    assert seen.share == pytest.approx(0.0612, abs=0.01)
    assert len(seen.steps) == 3
    assert seen.builds == 75
    assert drift.words(seen, 0.05) == (
        f"cpu_time of demo drifted {100 * seen.share:+.1f} % since 2026-01-26 (revision r25) "
        "over 75 builds on a CPU, 2 CPUs, Docker Engine 20, cross: "
        "no single step was over its budget of 5 %"
    )


def test_a_large_step_is_named() -> None:
    """Where one change was over the budget the line doesn't say that none was."""
    levels = (30, 40.0), (30, 44.0)
    seen = drift.of_series(series(*levels, noise=0.01, chance=random.Random(1)))
    assert seen is not None

    assert "one step was +9.9 % (2026-02-03, revision r30)" in drift.words(seen, 0.05)
    assert "step" not in drift.words(seen)


def test_getting_faster_is_told_too() -> None:
    """The sign is that of the change."""
    levels = (30, 40.0), (30, 36.0)
    seen = drift.of_series(series(*levels, noise=0.01, chance=random.Random(1)))
    assert seen is not None

    assert "drifted -10." in drift.words(seen, 0.05)


def test_what_came_back_is_no_drift() -> None:
    """A week of a slow machine between two equal levels leaves nothing."""
    levels = (30, 40.0), (30, 44.0), (30, 40.0)

    assert drift.of_series(series(*levels, noise=0.002, chance=random.Random(1))) is None


def test_outliers_are_no_levels() -> None:
    """Some builds beside other load, far off, are not a change."""
    rows = series((100, 40.0), noise=0.02, chance=random.Random(1))
    for place in (10, 11, 50, 90):
        rows[place] = replace(rows[place], cpu_s=80.0)

    assert drift.of_series(rows) is None


def test_too_few_builds_say_nothing() -> None:
    """Below the least number of builds even a plain step is not reported."""
    levels = (drift.MIN_POINTS // 2, 40.0), (drift.MIN_POINTS // 2 - 1, 80.0)
    few = series(*levels, noise=0.01, chance=random.Random(1))

    assert drift.of_series(few) is None
    assert drift.of_series([*few, few[-1]]) is not None
    assert drift.of_series([replace(each, cpu_s=0.0) for each in few] * 2) is None


def test_times_that_never_differ_are_no_drift() -> None:
    """No noise at all is divided by nothing."""
    rows = [replace(row(number), cpu_s=40.0) for number in range(50)]

    assert drift.of_series(rows) is None


def test_classes_and_targets_are_kept_apart() -> None:
    """Builds on another machine are another series, however much slower it is."""
    chance = random.Random(1)
    here = series((30, 40.0), noise=0.01, chance=chance)
    there = [
        replace(each, cpu_s=each.cpu_s * 2, machine=replace(each.machine, cpu_model="slower"))
        for each in here
    ]
    moved = series((20, 40.0), (20, 50.0), noise=0.01, chance=chance, target="moved")
    mixed = [each for pair in zip(here, there, strict=True) for each in pair]

    assert [each.target for each in drift.of_history([*mixed, *moved])] == ["moved"]


MANIFEST: Final = """\
[projects.demo]
source = { path = "." }
toolchain = "gcc"
architectures = ["amd64", "arm64"]
build = "make"
artifacts = ["demo"]
budget.regression.cpu_time = "5%"
"""


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose target for arm64 became slower, by the history of this host."""
    monkeypatch.setenv("CROSSGATE_CACHE", str(tmp_path / "cache"))
    folder = project(tmp_path / "demo", MANIFEST, {"file": "x"})
    levels = (20, 40.0), (20, 41.0)
    for number, each in enumerate(series(*levels, noise=0.002, chance=random.Random(1))):
        own = replace(
            each,
            manifest=history.manifest_id(folder, "crossgate.toml"),
            run=str(number),
            target=ID,
        )
        assert history.append(history.place(), own) is None
    return folder


def test_the_command_tells_what_drifted(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for a person, an object for a program, and exit code 0 whatever it says."""
    words = ["baseline", "drift", "--manifest", str(demo / "crossgate.toml")]

    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"cpu_time of {ID} drifted +2.5 % since 2026-01-21 (revision r20)")
    assert "no single step was over its budget of 5 %" in said

    assert cli.main([*words, "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)
    assert (found["target"], found["builds"]) == (ID, 20)


def test_a_run_tells_the_drift_of_what_it_built(demo: Path) -> None:
    """The report has the line of a target that was built anew, and of no other."""
    own = Run(
        file=demo / "crossgate.toml",
        root=demo,
        reports=demo / "out",
        fresh=False,
        say=print,
        build_on="amd64",
    )

    assert len(own.drifts({ID})) == 1
    assert own.drifts({"demo-amd64-gcc"}) == ()


def test_a_note_is_in_every_report() -> None:
    """On the terminal, in Markdown and in the document, harmless wherever it came from."""
    report = Report(started="", host={}, claims=(), notes=("cpu_time <b> drifted\x1b[2J",))

    assert [line.text for line in table.lines(report, 80)][-1] == (
        "note: cpu_time <b> drifted\\x1b[2J"
    )
    assert "cpu&#95;time &#60;b&#62; drifted" in markdown.render(report)
    assert report.to_json()["notes"] == list(report.notes)
