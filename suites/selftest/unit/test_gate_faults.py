"""Faults that are planted in the gate itself: what each would let through is caught.

Each test shows the honest case beside it, so that it is the fault that is caught. REGRESSIONS.md
names what else holds against each of them.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from fixtures.against import revision
from fixtures.core import against, baseline_changes, baselines, claims, counts, replay, slowdown
from fixtures.core import steps as core_steps
from fixtures.core.baselines import Baseline, Entry
from fixtures.core.claims.cpu_regression import cpu_regression
from fixtures.core.errors import RecordError
from fixtures.core.readers import Budget
from fixtures.core.regression import Growth, Regression
from fixtures.core.slowdown import Block, Decision
from fixtures.core.steps import Changes, Costs
from fixtures.core.verdicts import Verdict
from suites.selftest.harness import ROOT
from suites.selftest.unit.samples import artifact, record, target
from suites.selftest.unit.test_gate_replay import MEASURED
from suites.selftest.unit.test_waivers import heavy, judged, waiver

BOUND: Final = target(budget=Budget(regression=Regression(size=Growth(percent=2), cpu_time=0.05)))


def test_an_empty_result_is_no_pass() -> None:
    """Nothing was built, counted, recorded or kept: an error, or unmeasurable, and never 0 %."""
    changed = Changes(steps=frozenset({"x"}))
    costs = Costs(total_s=1.0, steps={"x": 0.5})

    assert isinstance(counts.conclude(changed, {"x": 5}, {"x": 5}, costs), counts.Counted)
    assert "was not counted" in str(counts.conclude(changed, {}, {}, costs))
    with pytest.raises(ValueError, match="one block says nothing"):
        slowdown.look([], 0.05)
    with pytest.raises(RecordError, match="not one series"):
        replay.from_json({"schema": 1, "machine": "m", "series": [], "steps": []})
    with pytest.raises(RecordError, match="no comparison"):
        against.from_json({})
    nothing = dataclasses.replace(
        MEASURED, decision=Decision.UNMEASURABLE, change=None, low=None, high=None, blocks=()
    )
    assert cpu_regression(BOUND, nothing).verdict is Verdict.UNMEASURABLE
    assert claims.judge("size_regression", BOUND, record(BOUND, artifacts=())).verdict not in (
        Verdict.PASS,
        Verdict.NOT_APPLICABLE,
    )


def test_swapped_units_are_told() -> None:
    """Milliseconds for seconds, or the other way round, in a build, its steps or a baseline."""
    seconds = Block(base_s=(1.0, 1.0), head_s=(1.0, 1.0), total_s=2.0)
    swapped = dataclasses.replace(seconds, head_s=(1000.0, 1000.0))
    steps = {"x": 0.9}

    assert seconds.problem() is None
    assert "another unit" in (swapped.problem() or "")
    assert Costs(total_s=1.0, steps=steps).problem() is None
    assert "its steps say" in (Costs(total_s=0.001, steps=steps).problem() or "")
    honest = baselines.entry_of(record(BOUND))
    assert isinstance(honest, Entry)
    more = dataclasses.replace(honest, cpu_s=1000 * BOUND.project.limits.timeout_s)
    assert baselines.implausible(honest, BOUND) is None
    assert baselines.implausible(more, BOUND)


@pytest.mark.parametrize("name", ["change", "low", "high", "detectable", "blocks", "rule"])
def test_a_missing_metric_is_no_comparison(name: str) -> None:
    """A verdict whose measurements are not there is measured again, not believed."""
    document = json.loads(json.dumps(against.to_json(MEASURED)))
    lacking = {key: value for key, value in document.items() if key != name}

    assert against.from_json(document) == MEASURED
    with pytest.raises(RecordError, match="no comparison"):
        against.from_json(lacking)


def test_a_step_without_a_key_counts_as_changed() -> None:
    """What nothing is known of is measured, and is not the same on both sides."""
    known = core_steps.Keyed(keys={"x": "a" * 64}, read=frozenset())
    dark = core_steps.Keyed(keys={"x": None}, read=frozenset())

    assert core_steps.changes(known, known, frozenset()).none
    assert core_steps.changes(dark, dark, frozenset()).steps == {"x"}


def test_a_stale_baseline_is_told() -> None:
    """One of a target that is no more, and one whose sizes are not those of the build."""
    honest = baselines.entry_of(record(BOUND))
    grown = baselines.entry_of(record(BOUND, artifacts=(artifact(BOUND, size_bytes=90_000),)))
    assert isinstance(honest, Entry)
    assert isinstance(grown, Entry)
    kept = Baseline(entries={BOUND.id: honest})

    def problems(fresh: Entry) -> tuple[str, ...]:
        return baseline_changes.problems(kept, {BOUND.id: BOUND}, {BOUND.id: fresh}, {BOUND.id})

    assert problems(honest) == ()
    assert "bytes and" in problems(grown)[0]
    assert baselines.stale(kept, {"another-arm64-gcc"}).keys() == {BOUND.id}


def test_a_stale_comparison_is_measured_again() -> None:
    """Another source, budget, rule or launcher: what was found then answers another question."""
    kept = dataclasses.replace(MEASURED, rule="r")

    assert kept.holds_for("a", "b", 0.05, "r")
    for question in (("x", "b", 0.05, "r"), ("a", "x", 0.05, "r"), ("a", "b", 0.02, "r")):
        assert not kept.holds_for(*question)
    assert not kept.holds_for("a", "b", 0.05, "another")


def test_an_expired_waiver_fails() -> None:
    """Whether what it waived is still wrong or not."""
    last = datetime.date(2027, 1, 31)
    late = last + datetime.timedelta(days=1)
    fine = record(target())

    assert judged(heavy(), waiver(), today=last).verdict is Verdict.WAIVED
    assert judged(heavy(), waiver(), today=late).verdict is Verdict.FAIL
    assert judged(fine, waiver(), today=late).verdict is Verdict.FAIL


def git(folder: Path, *words: str) -> str:
    """A command of git's, by somebody."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def committed(folder: Path, text: str) -> str:
    """A commit with this text in the one file."""
    (folder / "file").write_text(text, "utf-8")
    git(folder, "add", "file")
    git(folder, "commit", "-qm", text)
    return git(folder, "rev-parse", "HEAD")


def test_the_base_is_the_merge_base(tmp_path: Path) -> None:
    """Neither what the branch has come to since, nor HEAD, nor an ancestor of the fork."""
    git(tmp_path, "init", "-q")
    committed(tmp_path, "before")
    fork = committed(tmp_path, "fork")
    git(tmp_path, "checkout", "-qb", "change")
    own = committed(tmp_path, "own")
    git(tmp_path, "checkout", "-q", "main")
    since = committed(tmp_path, "since")
    git(tmp_path, "checkout", "-q", "change")

    found = revision.find(tmp_path, "main")

    assert (found.commit, found.branch) == (fork, since)
    assert found.commit != own
    with revision.checked_out(found) as folder:
        assert (folder / "file").read_text("utf-8") == "fork"
    assert (tmp_path / "file").read_text("utf-8") == "own"


def test_every_fault_is_in_the_table() -> None:
    """The page names a test for each fault, and each test that it names is there."""
    text = (ROOT / "suites/gate/REGRESSIONS.md").read_text("utf-8")
    table = text.partition("## Planted faults")[2].partition("\n## ")[0]
    tests = re.findall(r"`(test_\w+)\.(test_\w+)`", table)

    assert table.count("\n| ") == 2 + 6
    assert len(tests) > 12
    for module, name in tests:
        [file] = (ROOT / "suites/selftest").rglob(f"{module}.py")
        assert f"def {name}(" in file.read_text("utf-8"), (module, name)
