"""``crossgate bench strategies``: what is refused, what is written, and the pictures."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from fixtures import host, paths
from fixtures.bench import chart, readings, report, workplace
from fixtures.bench.building import Builds
from fixtures.building.source import read_tree
from fixtures.cli import main as cli
from fixtures.core import comparing, comparisons, manifest
from fixtures.core.comparing import Result
from fixtures.core.comparisons import Side
from fixtures.core.errors import InfrastructureError, ManifestError
from fixtures.core.hosts import Machine
from fixtures.core.pairs import Measured, Pair
from fixtures.core.record import Build, Conditions, Outcome, Phase, Record
from fixtures.core.ways import Change
from suites.selftest.harness import ROOT

MACHINE = Machine(architecture="amd64", cpu_model="made up", cpus=2, engine="Engine 1")
ROWS = comparisons.comparisons()


def _measured(side: Side, took_s: float) -> Measured:
    keys = ("strategy", "mount", "cache", "dependencies", "workspace")
    return Measured(
        cpu_s=took_s,
        wall_s=took_s,
        cpus=2,
        caches=side.caches,
        foreign_load=0.2,
        used={key: getattr(side, key) for key in keys},
    )


def _pairs(name: str, ratio: float) -> list[Pair]:
    row = ROWS[name]
    return [
        Pair(
            way=_measured(row.way, 10.0 + jitter),
            alternative=_measured(row.alternative, 10 * ratio),
            way_first=True,
        )
        for jitter in (0.1, -0.1, 0.0, 0.05)
    ]


def _results() -> tuple[list[Result], list[list[Pair]]]:
    measured = {"emulation": 14.0, "volume": 1.0, "sccache": 9.0}
    pairs = [_pairs(name, measured[name]) if name in measured else [] for name in ROWS]
    results = [
        comparing.elsewhere(row) if not row.here("any") else comparing.judge(row, own)
        for row, own in zip(ROWS.values(), pairs, strict=True)
    ]
    return results, pairs


def test_the_table_has_a_line_for_each_figure() -> None:
    """Published and measured figures, pairs, findings; and the conditions below."""
    results, _ = _results()

    lines = report.table(results, "zstd", MACHINE).splitlines()
    found = {line.split()[0]: line for line in lines if line.split()}

    assert "10 to 50 ×" in found["emulation"]
    assert found["emulation"].endswith("holds")
    assert "4 (4 disturbed)" in found["emulation"]
    assert found["volume"].endswith("worse")
    assert found["sccache"].endswith("better")
    assert "other host: it is measured on wsl2" in found["wsl"]
    assert "can't be told here: it was not measured" in found["cpus"]
    assert "project zstd on made up, 2 CPUs, Engine 1" in lines


def test_markdown_and_json_say_the_same() -> None:
    """Every row with its sources, its times and its finding; infinite ends are null."""
    results, pairs = _results()

    text = report.markdown(results, pairs, "zstd", MACHINE)
    document = json.loads(
        json.dumps(report.document(results, pairs, "zstd", MACHINE), allow_nan=False)
    )
    by_name = {each["name"]: each for each in document["comparisons"]}

    assert all(f"### {name}\n" in text for name in ROWS)
    assert all(source.url in text for row in ROWS.values() for source in row.sources)
    assert "Medians of 4 pairs: 10.0 s against 2 min 20 s" in text
    assert by_name["emulation"]["finding"] == "holds"
    assert by_name["emulation"]["estimate"]["ratio"] == pytest.approx(14, rel=0.01)
    assert by_name["emulation"]["pairs"][0]["alternative_s"] == 140
    assert by_name["wsl"]["estimate"] is None
    assert document["host"] == MACHINE.to_json()


def test_charts_are_the_same_each_time(tmp_path: Path) -> None:
    """A PNG and a well-formed SVG, whose bytes depend on the results alone."""
    results, _ = _results()
    first = [tmp_path / f"one{suffix}" for suffix in chart.FORMATS]
    second = [tmp_path / f"two{suffix}" for suffix in chart.FORMATS]

    for files in (first, second):
        chart.write(results, "zstd", MACHINE, files)

    assert [each.read_bytes() for each in first] == [each.read_bytes() for each in second]
    assert first[0].read_bytes().startswith(b"\x89PNG")
    assert ElementTree.parse(first[1]).getroot().tag.endswith("svg")


def test_without_matplotlib_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its absence is one clear error, and nothing else of the bench needs it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(InfrastructureError, match=r"install crossgate\[charts\]"):
        chart.write(_results()[0], "zstd", MACHINE, [tmp_path / "a.png"])


def test_the_bench_loads_no_charts_before_it_draws() -> None:
    """Importing all of it leaves matplotlib out: other commands don't pay for pictures."""
    code = "import sys, fixtures.cli.bench; sys.exit('matplotlib' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "emulatoin"], 'did you mean "emulation"'),
        (["--time-limit", "soon"], "--time-limit soon: expected a time"),
        (["--time-limit", "0 s"], "expected some time"),
        (["--max-pairs", "2"], "expected at least 3"),
        (["--chart", "a.pdf"], "--chart a.pdf: expected a name that ends in .png or .svg"),
        (["--project", "pigs"], 'did you mean "pigz"'),
        (["--manifest", "nowhere.toml"], "there is no such file"),
    ],
)
def test_wrong_options_are_one_error(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can't be measured as asked is refused before anything is, with exit code 4."""
    assert cli.main(["bench", "strategies", *words]) == 4

    assert said in capsys.readouterr().err


def test_two_sessions_do_not_measure_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second session into the same folder is refused while the first is there."""
    with paths.lock("bench", tmp_path):
        assert cli.main(["bench", "strategies", "--folder", str(tmp_path)]) == 3

    assert "another session" in capsys.readouterr().err


def test_the_list_needs_no_engine(capsys: pytest.CaptureFixture[str]) -> None:
    """``--list`` tells the comparisons and their claims."""
    assert cli.main(["bench", "strategies", "--list", "--only", "cpus", "cross"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["cross", "cpus"]


def _builds(text: str, machine: Machine = MACHINE) -> Builds:
    loaded = manifest.load(text.encode(), "crossgate.toml")
    builds = Builds(Path("crossgate.toml"), loaded, loaded.projects[0].name, print)
    builds.machine = machine
    return builds


MANIFEST = """
[projects.hello]
source = { path = "." }
toolchain = "gcc"
architectures = ["amd64", "armv7"]
build = "make"
artifacts = ["hello"]
"""
CHANGE = 'change = { file = "a.c", find = "a", replace = "b {n}" }\n'


@pytest.mark.parametrize(
    ("text", "row", "why"),
    [
        (MANIFEST, "emulation", None),
        (MANIFEST, "cpus", None),
        (MANIFEST, "sccache", "the toolchain gcc is not rust"),
        (MANIFEST, "ccache", "projects.hello.change"),
        (MANIFEST + CHANGE, "ccache", None),
        (MANIFEST + CHANGE, "volume", None),
        (MANIFEST + CHANGE, "staged-dependencies", "stages no dependencies"),
        (MANIFEST.replace(', "armv7"', ""), "emulation", "for no other CPU than amd64"),
        (MANIFEST.replace('"amd64", ', ""), "cpus", "not built for this host's CPU"),
        (
            (MANIFEST + CHANGE).replace(
                '{ path = "." }',
                '{ crate = "a", version = "1.0.0", sha256 = "' + 64 * "a" + '" }',
            ),
            "volume",
            "only a folder is mounted",
        ),
    ],
)
def test_what_a_project_cant_be_measured_by_is_said(text: str, row: str, why: str | None) -> None:
    """A row that a project has nothing for is refused with the key that is missing."""
    said = _builds(text).refusal(ROWS[row])

    assert said is None if why is None else why in str(said)


def test_a_machine_with_one_cpu_compares_no_cpus() -> None:
    """One CPU against one is nothing, nor are two builds at once on it."""
    builds = _builds(MANIFEST, dataclasses.replace(MACHINE, cpus=1))

    assert builds.refusal(ROWS["cpus"]) == "the engine has only 1 CPU"
    assert "at once" in str(builds.refusal(ROWS["parallel-architectures"]))


def _record(strategy: str, cpu_s: float | None, wall_s: float, **changed: Any) -> Record:
    return Record(
        target="a",
        project="a",
        architecture="amd64",
        toolchain="gcc",
        strategy=strategy,
        run="",
        key="",
        key_parts={},
        started="",
        outcome=Outcome.BUILT,
        build=Build(
            exit_code=0,
            cpu_s=cpu_s,
            wall_s=wall_s,
            peak_memory_bytes=None,
            cpus=2,
            phases=(
                Phase(name="stage", wall_s=0.5, cpu_s=0.1, peak_memory_bytes=None),
                Phase(name="build", wall_s=wall_s, cpu_s=cpu_s, peak_memory_bytes=None),
            ),
        ),
        conditions=Conditions(
            cpus=2, memory_bytes=0, cpu_model="", engine="", **{"foreign_load": 0.1, **changed}
        ),
    )


def test_a_record_is_a_measurement() -> None:
    """CPU seconds are the build phase's, the wall's from the begin of staging."""
    side = Side(architecture="host", strategy="native")

    one = readings.measured_of(side, [_record("native", 4.0, 3.0)], 9.0, 2)

    assert (one.cpu_s, one.wall_s, one.caches, one.foreign_load) == (4.0, 3.5, "cold", 0.1)
    assert one.problem(side) is None


def test_several_records_are_one_measurement() -> None:
    """Of builds at once the other one's load is not foreign; mixed caches are no condition."""
    side = Side(architecture="both", workers=2)
    records = [
        _record("native", 4.0, 4.0, foreign_load=0.6),
        _record("cross", 4.0, 4.0, foreign_load=0.55),
    ]
    mixed = [_record("native", 4.0, 4.0), _record("cross", 4.0, 4.0, caches="warm")]

    both = readings.measured_of(side, records, 9.0, 2)

    assert (both.cpu_s, both.wall_s) == (8.0, 9.0)
    assert both.foreign_load == pytest.approx(0.1)
    assert "strategy" not in both.used
    assert readings.measured_of(side, mixed, 9.0, 2).problem(side) is not None


def test_no_counter_is_no_measurement() -> None:
    """An engine that shows no CPU counter can't tell."""
    side = Side(architecture="host")

    with pytest.raises(InfrastructureError, match="no CPU counter"):
        readings.measured_of(side, [_record("native", None, 3.0)], 9.0, 2)
    unseen = _record("native", 1.0, 3.0, foreign_load=None)
    assert readings.measured_of(side, [unseen], 9.0, 2).foreign_load is None


def test_the_copy_is_changed_and_not_the_source(tmp_path: Path) -> None:
    """Links, executable bits and content come along; a change has another number each time."""
    source = tmp_path / "source"
    (source / "src").mkdir(parents=True)
    (source / "src/main.c").write_text("int n = 0;\n")
    (source / "configure").write_text("#!/bin/sh\n")
    (source / "configure").chmod(0o755)
    (source / "link").symlink_to("src/main.c")
    change = Change(file="src/main.c", find="n = 0", replace="n = {n}")

    with workplace.copied(read_tree(source, key="source.path"), "here") as copy:
        edited = workplace.Edited(copy, change, "here")
        contents = []
        for _ in range(2):
            edited.make()
            contents.append((copy / "src/main.c").read_text())
        edited.undo()

        assert (copy / "src/main.c").read_text() == "int n = 0;\n"
        assert (copy / "configure").stat().st_mode & 0o100
        assert (copy / "link").readlink() == Path("src/main.c")
    assert not copy.exists()
    assert len({*contents, "int n = 0;\n"}) == 3
    assert (source / "src/main.c").read_text() == "int n = 0;\n"


def test_a_change_of_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The file that the manifest names is there, is inside, and has what is to be changed."""
    (tmp_path / "a.c").write_text("b")
    (tmp_path / "out").symlink_to("/etc")
    for file, why in (("b.c", "can't be read"), ("out/passwd", "leads out of the source")):
        with pytest.raises(InfrastructureError, match=why):
            workplace.Edited(tmp_path, Change(file=file, find="a", replace="c"), "here")
    edited = workplace.Edited(tmp_path, Change(file="a.c", find="a", replace="c"), "here")
    with pytest.raises(ManifestError, match=r"change\.find"):
        edited.make()


def test_without_a_windows_drive_nothing_is_copied_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is none that is an error; where there is, the copy lies there and goes again."""
    source, drive = tmp_path / "source", tmp_path / "c"
    source.mkdir()
    drive.mkdir()
    (source / "a").write_text("a")
    tree = read_tree(source, key="source.path")
    monkeypatch.setattr(host, "windows_drives", lambda: [])
    with (
        pytest.raises(InfrastructureError, match="no drive of Windows"),
        workplace.copied(tree, "windows-drive"),
    ):
        pass

    monkeypatch.setattr(host, "windows_drives", lambda: [drive])
    with workplace.copied(tree, "windows-drive") as copy:
        assert copy.is_relative_to(drive)
    assert list(drive.iterdir()) == []
