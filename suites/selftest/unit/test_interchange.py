"""Interchange: what a run measured reaches other tools whole, apart, and with its conditions."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.cli import main as cli
from fixtures.core import interchange, series
from fixtures.core.record import Outcome, Rebuild, Record, Used
from fixtures.core.series import Point, ReportError, Series
from fixtures.core.text import printable
from reports.document import Claim, Report
from suites.selftest.harness import ROOT, environment
from suites.selftest.unit.samples import artifact, conditions, nested, package, record, target

ARM64: Final = target()
AMD64: Final = target("amd64")
COLD: Final = "demo-arm64-gcc [cross, cold caches, 2 CPUs, 4096 MiB, a CPU, an engine]"
RATIO: Final = Claim(
    target="demo-arm64-gcc",
    name="time_ratio",
    verdict="pass",
    reason="why",
    observed=1.25,
    expected={"to": "amd64", "max": 1.5},
)


def report(*records: Record, claims: tuple[Claim, ...] = ()) -> bytes:
    """The report.json of a run, as its reporter writes it."""
    built = tuple(
        Claim(target=each.target, name="built", verdict="pass", reason="why", reused=False)
        for each in records
    )
    made = Report(
        started="2000-01-01T00:00:00Z",
        host={},
        claims=(*built, *claims),
        records={each.target: each for each in records},
    )
    return json.dumps(made.to_json()).encode()


def read(*records: Record, claims: tuple[Claim, ...] = (), warm: bool = False) -> Series:
    """The series of a report."""
    return series.read(report(*records, claims=claims), warm=warm)


def values(found: Series) -> dict[tuple[str, str], float]:
    """The values by name and measure."""
    return {(point.name, point.measure.slug): point.value for point in found.points}


def is_bmf(document: Any) -> bool:
    """Whether a document is Bencher Metric Format, by the rules of https://bencher.dev/bmf.json.

    The page's limits of names are held, too: 1024 characters of a benchmark's, 64 of a measure's.
    """
    return isinstance(document, dict) and all(
        isinstance(measures, dict)
        and 0 < len(name) <= 1024
        and all(
            isinstance(metric, dict)
            and 0 < len(slug) <= 64
            and "value" in metric
            and all(
                _is_number(metric[key])
                for key in ("value", "lower_value", "upper_value")
                if key in metric
            )
            for slug, metric in measures.items()
        )
        for name, measures in document.items()
    )


def is_smaller_is_better(document: Any) -> bool:
    """Whether a document is what github-action-benchmark takes as ``customSmallerIsBetter``.

    Its reader (src/extract.ts) takes a list of name, value and unit, with range and extra where
    they are there, and wants at least one.
    """
    return (
        isinstance(document, list)
        and bool(document)
        and all(
            isinstance(each, dict)
            and isinstance(each.get("name"), str)
            and isinstance(each.get("unit"), str)
            and _is_number(each.get("value"))
            and all(isinstance(each.get(key, ""), str) for key in ("range", "extra"))
            and each.keys() <= {"name", "unit", "value", "range", "extra"}
            for each in document
        )
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


VALID: Final = {"bencher": is_bmf, "github-action-benchmark": is_smaller_is_better}

# The examples of the formats' own pages, with other numbers.
DOCUMENTS: Final = [
    ("bencher", {"a": {"latency": {"value": 8.0, "lower_value": 7, "upper_value": 9}}}, True),
    ("bencher", {"/bin/sh -c ./x.sh": {"build-time": {"value": 87.0}}}, True),
    ("bencher", {"tool": {"file-size": {"value": 42}}}, True),
    ("bencher", {"a": {"latency": {"lower_value": 7}}}, False),
    ("bencher", {"a": {"latency": {"value": "8"}}}, False),
    ("bencher", {"a": {"latency": 8}}, False),
    ("bencher", {"a": {"l" * 65: {"value": 8}}}, False),
    ("bencher", [{"a": {"latency": {"value": 8}}}], False),
    ("github-action-benchmark", [{"name": "a", "unit": "Percent", "value": 50}], True),
    (
        "github-action-benchmark",
        [{"name": "a", "unit": "MB", "value": 1.5, "range": "3", "extra": "b\nc"}],
        True,
    ),
    ("github-action-benchmark", [{"name": "a", "value": 50}], False),
    ("github-action-benchmark", [{"name": "a", "unit": "s", "value": "50"}], False),
    ("github-action-benchmark", [], False),
    ("github-action-benchmark", {"name": "a", "unit": "s", "value": 50}, False),
]


@pytest.mark.parametrize(("name", "document", "valid"), DOCUMENTS)
def test_the_checks_know_the_formats(name: str, document: Any, valid: bool) -> None:
    """What the formats' pages show is valid, and what breaks one of their rules is not."""
    assert VALID[name](document) is valid


@pytest.mark.parametrize("name", interchange.FORMATS)
def test_what_is_written_is_of_the_format(name: str) -> None:
    """Every point is in the document, which its reader takes."""
    found = read(record(AMD64), record(ARM64), claims=(RATIO,))
    document = json.loads(interchange.render(found.points, name))
    entries = sum(map(len, document.values())) if name == "bencher" else len(document)

    assert VALID[name](document)
    assert entries == len(found.points) == 15


def test_every_measure_is_there() -> None:
    """Times, memory and the ratio under their conditions; each way of weighing by artifact."""
    again = Rebuild(exit_code=0, cpu_s=4.0, wall_s=2.0, reason=None)
    found = values(read(record(ARM64, rebuild=again), claims=(RATIO,)))

    assert found == {
        (COLD, "build-cpu-seconds"): 40.0,
        (COLD, "build-time"): 22.0,
        (COLD, "build-peak-memory-bytes"): 100 * 1024**2,
        (COLD, "rebuild-cpu-seconds"): 4.0,
        (f"{COLD} to amd64", "build-cpu-ratio"): 1.25,
        ("demo-arm64-gcc demo", "file-size"): 70_000,
        ("demo-arm64-gcc demo", "allocated-size-bytes"): 3608,
        ("demo-arm64-gcc demo", "stripped-size-bytes"): 66_000,
        ("demo-arm64-gcc demo", "compressed-size-bytes"): 1500,
    }


def test_units_are_told() -> None:
    """Each value has its unit: in a slug of ours, or by a measure that Bencher has itself."""
    words = {"s": "seconds", "B": "bytes", "ratio": "ratio"}

    for measure in series.MEASURES:
        own = measure.slug in ("build-time", "file-size")
        assert own or measure.slug.endswith(words[measure.unit])
    assert {measure.unit for measure in series.MEASURES} == set(words)
    assert len({measure.slug for measure in series.MEASURES}) == len(series.MEASURES)


WAYS: Final = Used(mount="copy", workspace="fresh", dependencies="built", cache=None, workers=3)
OTHERS: Final[dict[str, dict[str, Any]]] = {
    "CPUs": {"conditions": replace(conditions(), cpus=1)},
    "memory": {"conditions": conditions(memory_bytes=4 * 1024**3 + 1)},
    "model": {"conditions": conditions(cpu_model="another")},
    "unknown model": {"conditions": conditions(cpu_model=None)},
    "engine": {"conditions": conditions(engine="another")},
    "caches": {"conditions": conditions(caches="warm")},
    "strategy": {"strategy": "native"},
    "company": {"ways": WAYS},
}


@pytest.mark.parametrize("name", OTHERS)
def test_times_that_can_not_be_compared_share_no_series(name: str) -> None:
    """One condition changed: no time, memory or ratio goes on in the same series; sizes do."""
    one = read(record(ARM64), claims=(RATIO,))
    other = read(record(ARM64, **OTHERS[name]), claims=(RATIO,), warm=True)
    shared = set(values(one)) & set(values(other))

    assert len(values(one)) == len(values(other))
    assert {slug for _, slug in shared} == {
        *("file-size", "allocated-size-bytes", "stripped-size-bytes", "compressed-size-bytes"),
    }


def test_load_and_start_are_no_series() -> None:
    """What moves from run to run stands beside the value, and splits no series."""
    quiet, busy = record(ARM64), record(ARM64, conditions=conditions(load=0.5), started="2001")
    extra = {point.measure.slug: point.extra for point in read(busy).points}

    assert set(values(read(quiet))) == set(values(read(busy)))
    assert "other load on the CPUs 50%" in extra["build-cpu-seconds"]
    assert "started 2001" in extra["build-cpu-seconds"]


def test_warm_times_are_left_out_unless_asked_for() -> None:
    """A warm build's sizes are exported, its times only by --warm, under a name of their own."""
    warm = record(ARM64, conditions=conditions(caches="warm"))
    found, asked = read(warm), read(warm, warm=True)

    assert not [point for point in found.points if point.measure.unit == "s"]
    assert found.left_out == ("demo-arm64-gcc: a warm build, whose times --warm exports",)
    assert "warm caches" in next(iter(asked.points[-1:])).name
    assert asked.left_out == ()


def test_what_is_missing_is_left_out_and_never_zero() -> None:
    """Without a counter, a fact, a rebuild that worked or a ratio that was judged: no point."""
    broken = Rebuild(exit_code=2, cpu_s=9.0, wall_s=2.0, reason="it exited with 2")
    facts = dict.fromkeys(("allocated_size", "stripped_size", "compressed_size"))
    one = record(ARM64, cpu_s=None, rebuild=broken, artifacts=(artifact(ARM64, facts=facts),))
    noisy = replace(RATIO, verdict="unmeasurable")

    found = values(read(one, claims=(noisy,)))

    assert {slug for _, slug in found} == {"build-time", "build-peak-memory-bytes", "file-size"}
    assert 0 not in found.values()


def test_a_failed_build_has_no_series() -> None:
    """How long it took to fail is no time of the build, and it is said that it is left out."""
    found = read(record(ARM64, outcome=Outcome.FAILED), record(AMD64))

    assert {point.name.partition(" ")[0] for point in found.points} == {"demo-amd64-gcc"}
    assert found.left_out == ("demo-arm64-gcc: it was not built",)


def test_a_time_without_its_conditions_is_none() -> None:
    """A record that does not say how it was measured gives sizes alone."""
    found = read(record(ARM64, conditions=None))

    assert {point.measure.unit for point in found.points} == {"B"}
    assert not [point for point in found.points if "[" in point.name]


def test_a_package_weighs_what_its_files_do() -> None:
    """Of a package, the machine code in it is weighed, all members together."""
    inner = (nested(ARM64, "demo.deb!bin/a"), nested(ARM64, "demo.deb!bin/b"))
    found = values(read(record(ARM64, artifacts=(package(ARM64, *inner),))))

    assert found["demo-arm64-gcc demo.deb", "allocated-size-bytes"] == 2 * 3608


def test_long_paths_stay_apart() -> None:
    """Two artifacts whose long paths differ at the end are two series, within Bencher's limit."""
    files = tuple(artifact(ARM64, path="x" * 2000 + end) for end in "ab")
    found = read(record(ARM64, artifacts=files))

    assert len({point.name for point in found.points if point.measure is series.SIZE}) == 2
    assert is_bmf(interchange.bencher(found.points))


def test_names_can_not_command() -> None:
    """A path that a build made is no command of a CI system's, in whichever format."""
    hostile = artifact(ARM64, path="##[error]x\x1b[2J\n::error::y")

    for name in interchange.FORMATS:
        text = interchange.render(read(record(ARM64, artifacts=(hostile,))).points, name)
        assert "##[" not in text
        assert "\x1b" not in text
        assert not [line for line in text.splitlines() if line.startswith("::")]


def changed(path: str, value: Any) -> bytes:
    """A report with one value, by its path in the document, replaced by another."""
    document = json.loads(report(record(ARM64), claims=(RATIO,)))
    at = document
    *above, last = path.split(".")
    for key in above:
        at = at[int(key) if isinstance(at, list) else key]
    at[int(last) if isinstance(at, list) else last] = value
    return json.dumps(document).encode()


DAMAGED: Final = {
    "empty": b"",
    "cut": report(record(ARM64))[:-40],
    "no object": b"[]",
    "another schema": changed("schema", 2),
    "absurdly nested": b"[" * 100_000,
    "no UTF-8": b"\xff\xfe\xfa",
    "not a number": report(record(ARM64)).replace(b"40.0", b"NaN"),
    "no targets": changed("targets", None),
    "a target that is none": changed("targets.0", 7),
    "an id that is none": changed("targets.0.id", None),
    "seconds as a text": changed("targets.0.build.cpu_s", "40"),
    "seconds as a truth": changed("targets.0.build.cpu_s", True),
    "negative seconds": changed("targets.0.build.cpu_s", -1),
    "infinite seconds": changed("targets.0.build.cpu_s", 10**400),
    "no CPUs": changed("targets.0.conditions.cpus", None),
    "conditions of a list": changed("targets.0.conditions", [1]),
    "artifacts of a number": changed("targets.0.artifacts", 1),
    "facts of a text": changed("targets.0.artifacts.0.facts", "x"),
    "a ratio of nothing": changed("targets.0.claims.1.expected", None),
    "twice": report(
        record(ARM64, artifacts=(artifact(ARM64, path="a"), artifact(ARM64, path="a")))
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_report_is_one_message(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused with its file and the mend in one printable line, and nothing is written."""
    file = tmp_path / "report.json"
    file.write_bytes(DAMAGED[name])
    words = ["export", "--format", "bencher", "--report", str(file)]
    code = cli.main([*words, "--output", str(tmp_path / "out.json")])
    said = capsys.readouterr()

    assert (code, said.out) == (4, "")
    assert said.err.startswith(f"crossgate: {file}: it is ")
    assert "make one by: crossgate verify" in said.err
    assert said.err == printable(said.err.rstrip("\n")) + "\n"
    assert not (tmp_path / "out.json").exists()


@given(st.data())
def test_no_report_is_a_crash(data: st.DataObject) -> None:
    """Whatever stands in place of a value, the report is read or refused, and never a traceback."""
    document: Any = json.loads(report(record(ARM64), claims=(RATIO,)))
    at, last = document, "targets"
    while isinstance(at[last], dict | list) and at[last] and data.draw(st.booleans()):
        at = at[last]
        last = data.draw(st.sampled_from(list(at) if isinstance(at, dict) else range(len(at))))
    at[last] = data.draw(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.just([])
        | st.just({})
    )
    try:
        found = series.read(json.dumps(document).encode())
    except ReportError:
        return
    for name in interchange.FORMATS:
        json.loads(interchange.render(found.points, name))


def test_nothing_to_export_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty document would be a chart that nobody notices has ended: exit code 1."""
    file, output = tmp_path / "report.json", tmp_path / "out.json"
    file.write_bytes(report(record(ARM64, outcome=Outcome.FAILED)))
    words = ["export", "--format", "bencher", "--report", str(file), "--output", str(output)]

    assert cli.main(words) == 1
    assert not output.exists()
    said = capsys.readouterr().err
    assert "left out: demo-arm64-gcc: it was not built" in said
    assert "nothing was measured, so nothing is exported" in said


def test_a_missing_report_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there was no run yet, the message says how to make a report."""
    missing = tmp_path / "report.json"

    assert cli.main(["export", "--format", "bencher", "--report", str(missing)]) == 4
    assert f"{missing}: it can't be read (No such file or directory); make one by" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--format", "bencer"], 4, "invalid choice: 'bencer'"),
        ([], 4, "--format"),
        (["--format", "bencher", "--output", "report.json/x"], 3, "report.json/x: "),
    ],
)
def test_wrong_usage_is_one_message(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    said: str,
) -> None:
    """A format that is none, none at all, or a file that can't be written: said in words."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.json").write_bytes(report(record(ARM64)))

    assert cli.main(["export", "--report", "report.json", *words]) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", interchange.FORMATS)
def test_the_command_writes_what_the_format_wants(tmp_path: Path, name: str) -> None:
    """From the launcher, paths are those of the caller's folder; stdout has the same document."""
    (tmp_path / "report.json").write_bytes(report(record(ARM64), record(AMD64)))
    command = [str(ROOT / "crossgate"), "export", "--format", name, "--report", "report.json"]
    run = {"cwd": tmp_path, "env": environment(), "capture_output": True, "check": False}
    printed = subprocess.run(command, **run)  # type: ignore[call-overload]
    written = subprocess.run([*command, "--output", "out.json"], **run)  # type: ignore[call-overload]

    assert (printed.returncode, written.returncode, written.stdout) == (0, 0, b"")
    assert printed.stdout == (tmp_path / "out.json").read_bytes()
    assert VALID[name](json.loads(printed.stdout))


def test_a_point_knows_its_unit() -> None:
    """The list of github-action-benchmark has name, unit, value and what else there is to know."""
    point = Point(name="a", measure=series.CPU, value=1.5, extra=("b", "c"))

    assert interchange.github_action_benchmark([point, replace(point, extra=())]) == [
        {"name": "a: CPU time of the build", "unit": "s", "value": 1.5, "extra": "b\nc"},
        {"name": "a: CPU time of the build", "unit": "s", "value": 1.5},
    ]
