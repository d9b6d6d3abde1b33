"""Timings that a build's tools left: found, kept with their build, and told where time fails."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.building import layout, timings
from fixtures.core import claims
from fixtures.core.errors import RecordError
from fixtures.core.readers import Budget
from fixtures.core.regression import Growth, Regression
from fixtures.core.text import printable
from fixtures.core.timings import Step, TimingsError, clang, kept
from fixtures.core.timings.kept import MAX_UNITS, Units
from fixtures.core.verdicts import Verdict
from reports.document import Claim, Report
from suites.selftest.unit.samples import record, target
from suites.selftest.unit.test_timings import sample

NINJA: Final = b"# ninja log v5\n" + b"".join(
    b"%d\t%d\t1\to%d\tab\n" % (number, number + 1000 * number, number) for number in range(1, 41)
)


def units(*times: float, file: str = ".ninja_log") -> Units:
    """Steps `a`, `b`, … that took so long, as ninja tells."""
    steps = tuple(Step(name=name, wall_s=time) for name, time in zip("abcdef", times, strict=False))
    return Units(tool=kept.NINJA, file=file, count=len(steps), steps=steps)


def test_each_tool_is_told_by_its_file() -> None:
    """cargo's and ninja's steps, and of clang's traces one step a compilation."""
    trace = sample("clang-22.json")
    found = kept.read(
        [
            ("target/cargo-timings/cargo-timing.html", sample("cargo-1.95.html")),
            ("build/.ninja_log", sample("ninja-1.13.log")),
            ("build/a.cpp.json", trace),
            ("build/b.cpp.json", trace),
        ]
    )

    assert [(each.tool, each.file) for each in found] == [
        ("cargo", "target/cargo-timings/cargo-timing.html"),
        ("ninja", "build/.ninja_log"),
        ("clang", "*.json"),
    ]
    assert [step.name for step in found[2].steps] == ["build/a.cpp", "build/b.cpp"]
    assert found[2].steps[0].wall_s == clang.whole(trace) > 0


def test_the_whole_of_a_compilation_is_its_longest_part() -> None:
    """The parts of a trace lie within it; one without it tells of no whole."""
    trace = sample("clang-22.json")
    document = json.loads(trace)
    document["traceEvents"] = [
        each for each in document["traceEvents"] if each["name"] != "Total ExecuteCompiler"
    ]

    assert clang.whole(trace) >= max(step.wall_s for step in clang.read(trace))
    with pytest.raises(TimingsError, match="without the total"):
        clang.whole(json.dumps(document).encode())


def test_what_can_not_be_read_is_passed_over() -> None:
    """Anything may be called like a tool's file, and what is damaged hides nothing else."""
    good = (".ninja_log", NINJA)
    bad = [
        ("x.html", b"<html>"),
        ("x.json", b"{}"),
        (".ninja_log", b"\xff"),
        ("x.json", b"[" * 9999),
    ]

    assert kept.read(bad) == ()
    assert kept.read([*bad, good]) == kept.read([good])


def test_the_slowest_are_kept() -> None:
    """Of many steps the slowest, slowest first, and how many there were."""
    [found] = kept.read([(".ninja_log", NINJA)])

    assert (found.count, len(found.steps)) == (40, MAX_UNITS)
    assert [step.name for step in found.steps[:2]] == ["o40", "o39"]


def test_what_is_kept_is_of_one_build() -> None:
    """Read again as it was; and refused for another run's record, or another key."""
    found = kept.read([(".ninja_log", NINJA)])
    document = kept.to_json(found, "run-1", "sha256:1").encode()

    assert kept.from_json(document, "run-1", "sha256:1") == found
    for run, key in (("run-2", "sha256:1"), ("run-1", "sha256:2")):
        with pytest.raises(RecordError):
            kept.from_json(document, run, key)


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.update(schema=2),
        lambda raw: raw.pop("files"),
        lambda raw: raw.update(files=None),
        lambda raw: raw["files"][0].update(tool="make"),
        lambda raw: raw["files"][0].update(count=1),
        lambda raw: raw["files"][0].update(count=True),
        lambda raw: raw["files"][0]["steps"][0].update(wall_s="1"),
        lambda raw: raw["files"][0]["steps"][0].update(wall_s=-1),
        lambda raw: raw["files"][0]["steps"][0].update(name=1),
        lambda raw: raw["files"][0]["steps"][0].pop("detail"),
    ],
)
def test_a_damaged_document_is_none(change: Any) -> None:
    """Nothing is told from what does not hold."""
    raw = json.loads(kept.to_json(kept.read([(".ninja_log", NINJA)]), "r", "k"))
    change(raw)

    with pytest.raises(RecordError):
        kept.from_json(json.dumps(raw).encode(), "r", "k")
    with pytest.raises(RecordError):
        kept.from_json(b"[" * 10_000, "r", "k")


# In words


def test_the_words_name_the_slowest() -> None:
    """Three of them, and of how many; of nothing, nothing."""
    assert kept.words([units(12.3, 4.0, 2.0, 1.0)]) == (
        "slowest by ninja's log: a 12.3 s, b 4.0 s, c 2.0 s (of 4)"
    )
    assert kept.words([]) == ""


def test_what_took_longer_than_in_base_is_told() -> None:
    """By the name of a step, where both tell of it, from a file of the same name."""
    now, base = units(12.0, 4.0, 9.0), units(12.0, 2.0)

    assert kept.words([now], [base]).endswith("(of 3), longer than base's: b +2.0 s")
    assert "longer" not in kept.words([now], [units(1.0, file="other/.ninja_log")])
    assert "longer" not in kept.words([now], [now])
    assert "longer" not in kept.words([now], [units(11.0, 3.8, 8.6)])


def test_names_of_a_build_are_tame() -> None:
    """No escape code from a file of the build's gets to a terminal, and no end of a name."""
    log = b"# ninja log v5\n1\t2\t1\t\x1b[2J" + b"x" * 5000 + b"\tab\n"
    said = kept.words(kept.read([("\x1b/.ninja_log", log)]))

    assert printable(said) == said
    assert len(said) < 300


TIMED: Final = target(
    budget=Budget(cpu_time_s=30.0, regression=Regression(cpu_time=0.05, size=Growth(percent=2)))
)


def test_a_failing_time_names_them_and_a_passing_one_does_not() -> None:
    """Nor does a claim of anything else."""
    slow, quick = record(TIMED, cpu_s=90.0), record(TIMED, cpu_s=10.0)

    failed = claims.judge("cpu_time", TIMED, slow, slowest="slowest by ninja's log: a 9 s")
    passed = claims.judge("cpu_time", TIMED, quick, slowest="slowest by ninja's log: a 9 s")
    other = claims.judge("size_regression", TIMED, slow, slowest="slowest by ninja's log: a 9 s")

    assert failed.verdict is Verdict.FAIL
    assert failed.reason.endswith("; slowest by ninja's log: a 9 s")
    assert passed.verdict is Verdict.PASS
    assert "ninja" not in passed.reason
    assert "ninja" not in other.reason


def test_the_report_has_them() -> None:
    """With their target; of others nothing is said."""
    claims_of = tuple(
        Claim(target=name, name="cpu_time", verdict="pass", reason="") for name in ("one", "two")
    )
    report = Report(
        started="", host={}, claims=claims_of, timings={"one": (units(2.0),), "two": ()}
    )
    one, two = report.to_json()["targets"]

    assert one["timings"][0]["steps"][0]["name"] == "a"
    assert "timings" not in two


# From a tree


def script(folder: Path) -> bytes:
    """What our script prints of a tree, in this host's shell."""
    staged = folder.parent / "staged"
    return subprocess.run(
        ["sh", "-c", timings._READ.replace(layout.STAGED, str(staged)), "read", str(folder)],
        capture_output=True,
        check=True,
    ).stdout


def tree(folder: Path, **files: bytes) -> Path:
    """A tree with files, by names in which `__` is a slash and `_DOT_` a dot."""
    for name, content in files.items():
        file = folder / name.replace("__", "/").replace("_DOT_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


def test_the_files_of_a_tree_are_found(tmp_path: Path) -> None:
    """cargo's report, ninja's log, and a trace beside its object file; no other JSON."""
    made = tree(
        tmp_path / "tree",
        target__cargo_DOT_html=b"no",
        build__a_DOT_cpp_DOT_json=b"trace",
        build__a_DOT_cpp_DOT_o=b"",
        build__package_DOT_json=b"no",
    )
    (made / "target/cargo-timings").mkdir()
    (made / "target/cargo-timings/cargo-timing.html").write_bytes(b"of cargo")
    (made / "build/.ninja_log").write_bytes(b"line 1\nline 2\n")
    (made / "build/link").symlink_to("/etc/passwd")

    assert dict(timings.framed(script(made))) == {
        "build/a.cpp.json": b"trace",
        "target/cargo-timings/cargo-timing.html": b"of cargo",
        "build/.ninja_log": b"line 1\nline 2\n",
    }


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """What a build links to is not the build's."""
    made = tree(tmp_path / "tree", a_DOT_o=b"")
    (tmp_path / "secret").write_text("secret")
    (made / ".ninja_log").symlink_to(tmp_path / "secret")
    (made / "a.json").symlink_to(tmp_path / "secret")

    assert b"secret" not in script(made)


def test_what_came_with_the_source_is_no_timing(tmp_path: Path) -> None:
    """A log that somebody committed tells of no build of ours."""
    made = tree(tmp_path / "tree", old__x=b"")
    (made / "old/.ninja_log").write_bytes(b"old")
    staged = tmp_path / "staged"
    staged.touch()
    # Changed at another time than the files before it, as staging sees to.
    while (made / "old/.ninja_log").stat().st_ctime_ns >= staged.stat().st_ctime_ns:
        staged.touch()
    (made / "new").mkdir()
    while True:
        (made / "new/.ninja_log").write_bytes(b"new")
        if (made / "new/.ninja_log").stat().st_ctime_ns > staged.stat().st_ctime_ns:
            break

    assert dict(timings.framed(script(made))) == {"new/.ninja_log": b"new"}


@given(st.binary(max_size=200))
def test_whatever_is_printed_is_no_crash(output: bytes) -> None:
    """The frames are a build's to write."""
    for name, content in timings.framed(output):
        assert isinstance(name, str)
        assert len(content) < 200


def test_a_frame_that_is_cut_off_ends_them() -> None:
    """Half of a file is none."""
    whole = b"3 a\nabc5 b\nabcde"

    assert dict(timings.framed(whole)) == {"a": b"abc", "b": b"abcde"}
    assert dict(timings.framed(whole[:-1])) == {"a": b"abc"}
    assert dict(timings.framed(b"x" + whole)) == {}


def test_only_builds_whose_time_is_bounded_are_asked() -> None:
    """Cold ones: a kept tree has what earlier builds noted."""
    sized = target(budget=Budget(regression=Regression(size=Growth(percent=2))))
    warm = replace(TIMED, ways=replace(TIMED.ways, workspace="kept"))

    assert timings.wanted(TIMED)
    assert timings.wanted(target(budget=Budget(cpu_time_s=1.0)))
    assert timings.wanted(target(budget=Budget(regression=Regression(cpu_time=0.05))))
    assert not timings.wanted(sized)
    assert not timings.wanted(warm)
