"""`--against`: a change held against its merge base, with real builds, step by step."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.against.measuring import Limits
from fixtures.bench import gate_project
from fixtures.bench.gate_live import Live
from fixtures.building import traced
from fixtures.core.slowdown import Decision
from fixtures.engine import setup
from fixtures.engine.client import Engine
from fixtures.inspection.elf.facts import read_facts
from suites.selftest.harness import NATIVE, Result, manifest_text, project, run_gate

pytestmark = pytest.mark.integration

FILES: Final = {
    "Makefile": "demo: main.o part.o\n\t$(CC) -o $@ $^\n"
    "%.o: %.c all.h\n\t$(CC) -O1 -g -c -o $@ $<\n",
    "main.c": "int part(void);\nint main(void) { return part(); }\n",
    "part.c": '#include "all.h"\nint part(void) { return ZERO; } /* said */\n',
    "all.h": "#define ZERO 0\n",
    "README.md": "A demo.\n",
}
TARGET: Final = f"demo-{NATIVE}-gcc"


def git(folder: Path, *words: str) -> None:
    """A command of git's, by somebody."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A program in a repository, with a branch for a change."""
    keys: dict[str, object] = {
        "architectures": [NATIVE],
        "build": "make CC={cc}",
        "artifacts": ["demo"],
        "budget": {"regression": {"cpu_time": "5%", "size": "1%"}},
    }
    folder = project(tmp_path / "demo", manifest_text({"demo": keys}), FILES)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    git(folder, "checkout", "-qb", "change")
    return folder


def commit(folder: Path, name: str, old: str, new: str) -> None:
    """Change a file and commit it."""
    file = folder / name
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")
    git(folder, "commit", "-qam", "a change")


def compared(folder: Path, *options: str) -> tuple[Result, dict[str, Any]]:
    """A run against main, and what it kept of the comparison."""
    result = run_gate(folder, "-n", "0", "--against", "main", *options)
    file = folder.parent / "demo-out" / "against" / f"{TARGET}.json"
    return result, json.loads(file.read_bytes()) if file.is_file() else {}


def test_documentation_measures_nothing(demo: Path) -> None:
    """Nor does a comment that moves no line: no build is timed, and the verdict is a pass."""
    commit(demo, "README.md", "A demo", "The demo")
    commit(demo, "part.c", "said", "said better")

    result, kept = compared(demo)

    assert result.exit_code == 0, result.output
    assert result.verdicts(TARGET)["cpu_regression"] == "pass"
    assert result.verdicts(TARGET)["size_regression"] == "pass"
    assert (kept["change"], kept["blocks"]) == (0.0, [])
    assert "no compile step" in kept["reason"]


def test_a_budget_that_base_is_over_fails_no_document(demo: Path) -> None:
    """It was inherited, and told; what grows the program beyond its bound is this change's."""
    git(demo, "checkout", "-q", "main")
    commit(
        demo,
        "crossgate.toml",
        "budget = { ",
        'budget = { size = "1 KiB", cpu_time = "1 ms", ',
    )
    git(demo, "checkout", "-q", "change")
    git(demo, "merge", "-q", "main")
    commit(demo, "README.md", "A demo", "The demo")

    result, _ = compared(demo)
    commit(demo, "part.c", "int part(", "char table[] = {[70000] = 1};\nint part(")
    grown, _ = compared(demo, "-k", "test_size")

    assert result.exit_code == 0, result.output
    assert result.verdicts(TARGET)["size"] == "not applicable"
    assert result.verdicts(TARGET)["cpu_time"] == "not applicable"
    assert "it was inherited" in result.output
    assert grown.verdicts(TARGET)["size"] == "fail"


def test_what_main_did_since_is_not_this_changes_doing(demo: Path) -> None:
    """The base is the merge base: a head that is behind is not held against what it lacks."""
    commit(demo, "README.md", "A demo", "The demo")
    git(demo, "checkout", "-q", "main")
    commit(demo, "all.h", "ZERO 0", "ZERO 1")
    git(demo, "checkout", "-q", "change")

    result, kept = compared(demo)

    assert result.verdicts(TARGET)["cpu_regression"] == "pass"
    assert kept["blocks"] == []
    assert kept["base_key"] != kept["head_key"], "the documentation differs"


def test_a_base_that_does_not_build_fails_nobody(demo: Path) -> None:
    """There is nothing to compare with, which is unmeasurable, and said."""
    git(demo, "checkout", "-q", "main")
    commit(demo, "part.c", "return ZERO", "return NOTHING")
    git(demo, "checkout", "-q", "change")
    git(demo, "rebase", "-q", "main")
    commit(demo, "part.c", "return NOTHING", "return ZERO")

    result, kept = compared(demo, "-k", "regression")

    assert result.exit_code == 0, result.output
    assert result.verdicts(TARGET) == {
        "cpu_regression": "unmeasurable", "size_regression": "unmeasurable"
    }  # fmt: skip
    assert "there is nothing to compare" in kept["reason"]


def test_a_grown_artifact_fails_against_the_base(demo: Path) -> None:
    """Held against the build of the merge base, without a baseline."""
    commit(demo, "part.c", "int part(", "char table[] = {[70000] = 1};\nint part(")

    result, _ = compared(demo, "-k", "size_regression")

    claim = result.claims(TARGET)["size_regression"]
    assert (result.exit_code, claim["verdict"]) == (1, "fail")
    assert "against the build of main" in claim["reason"]
    assert "+70," in claim["reason"]


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        ("nowhere", "there is no such commit, branch or tag"),
        ("--all", "expected a commit"),
    ],
)
def test_a_revision_that_is_none_is_a_usage_error(demo: Path, revision: str, words: str) -> None:
    """One line with the mend, before anything is built."""
    result = run_gate(demo, "-n", "0", f"--against={revision}")

    assert result.exit_code == 4
    assert words in result.output


def test_nothing_to_judge_is_a_usage_error(demo: Path) -> None:
    """Without a budget for a regression `--against` would look and say nothing."""
    file = demo / "crossgate.toml"
    lines = [line for line in file.read_text("utf-8").splitlines() if "budget" not in line]
    file.write_text("\n".join(lines), "utf-8")

    result = run_gate(demo, "-n", "0", "--against", "main")

    assert result.exit_code == 4
    assert "would judge nothing" in result.output


def test_without_a_base_the_claim_is_not_judged(demo: Path) -> None:
    """And is told of, with the option that names one."""
    result = run_gate(demo, "-n", "0")

    assert result.verdicts(TARGET)["cpu_regression"] == "not applicable"
    assert "--against REV" in result.claims(TARGET)["cpu_regression"]["reason"]


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """Real builds of planted projects."""
    engine = Engine(setup.ensure(print).address)
    yield Live(engine=engine, architecture=NATIVE, say=lambda _: None)
    engine.close()


def test_a_build_twice_as_slow_is_failed(live: Live) -> None:
    """Whatever the load of this machine, and the step that got slower is named first."""
    found = live.compare(0.05, slower=2.0)

    assert found.decision is Decision.FAIL, found
    assert found.low is not None
    assert found.low > 0
    assert "part0.c" in found.steps[0].id


def test_keys_are_of_all_that_a_step_reads(live: Live, tmp_path: Path) -> None:
    """Equal for equal builds; another one for another file; the same for another comment."""
    side = live._side(tmp_path / "one", "a", files=2, functions=1)
    other = live._side(tmp_path / "two", "b", files=2, functions=1)
    program = live.program(side)

    first = traced.keyed(live.engine, side.job, program)
    again = traced.keyed(live.engine, side.job, program)
    changed = traced.keyed(live.engine, other.job, program)

    assert first == again
    assert None not in first.keys.values()
    assert first.read is not None
    assert "Makefile" in first.read
    different = {name for name, key in first.keys.items() if changed.keys[name] != key}
    assert {name.rpartition(" ")[2] for name in different} == {"part0.o", "part1.o", "planted"}


def test_the_launcher_is_made_once(live: Live, tmp_path: Path) -> None:
    """And is a program for the container's CPU that is linked statically."""
    program = live.program(live._side(tmp_path / "one", "a", files=1, functions=1))

    assert program[:4] == b"\x7fELF"
    assert read_facts(io.BytesIO(program), len(program))["interpreter"] is None


def test_a_base_that_lacks_the_target_is_unmeasurable(demo: Path) -> None:
    """What can't be compared is not passed over as if nobody had asked."""
    file = demo / "crossgate.toml"
    file.write_text(file.read_text("utf-8").replace("projects.demo", "projects.renamed"), "utf-8")
    git(demo, "commit", "-qam", "another name")

    result, _ = compared(demo, "-k", "cpu_regression")

    claim = result.claims(f"renamed-{NATIVE}-gcc")["cpu_regression"]
    assert (result.exit_code, claim["verdict"]) == (0, "unmeasurable"), result.output
    assert f"has no target renamed-{NATIVE}-gcc" in claim["reason"]


def test_a_base_whose_source_is_gone_is_an_error_in_words(demo: Path) -> None:
    """Neither a traceback nor a pass: what failed while judging is said in one line."""
    git(demo, "checkout", "-q", "main")
    gone = f'{{ archive = "http://127.0.0.1:9/x.tar.gz", sha256 = "{"0" * 64}" }}'
    commit(demo, "crossgate.toml", 'source = { path = "." }', f"source = {gone}")
    git(demo, "checkout", "-q", "-B", "change")
    commit(demo, "crossgate.toml", f"source = {gone}", 'source = { path = "." }')

    result, _ = compared(demo, "-k", "cpu_regression")

    assert result.exit_code == 1, result.output
    assert "could not be fetched" in result.output
    assert "Traceback" not in result.output
    assert "cpu_regression" not in result.verdicts(TARGET) or (
        result.verdicts(TARGET)["cpu_regression"] != "pass"
    )


def test_a_manifest_that_is_a_link_out_of_the_repository_is_a_usage_error(demo: Path) -> None:
    """Base would be built by what the link names now: one line says so, with the mend."""
    file = demo / "crossgate.toml"
    outside = demo.parent / "shared.toml"
    file.rename(outside)
    file.symlink_to(outside)

    result = run_gate(demo, "-n", "0", "--against", "main")

    assert result.exit_code == 4
    assert "outside the repository" in result.output
    assert "Traceback" not in result.output


def test_the_limit_is_of_all_builds(live: Live, tmp_path: Path) -> None:
    """Those that tell what differs among them: out of time is unmeasurable, and says by what."""
    base = live.side_of(planted(tmp_path / "one", "a"))
    head = live.side_of(planted(tmp_path / "two", "b"))
    measuring = live.measuring(base, head, 0.05)

    found = dataclasses.replace(measuring, limits=Limits(seconds=0.0)).compare()

    assert found.decision is Decision.UNMEASURABLE
    assert "--against-limit" in found.reason
    with pytest.raises(traced.OutOfTimeError, match="want of more time"):
        traced.timed(live.engine, base.job, live.program(base), lambda: 0.02)


def planted(folder: Path, marker: str, build: str = gate_project.RECIPE) -> Path:
    """A small project of its own."""
    gate_project.write(folder, architecture=NATIVE, marker=marker, files=2, functions=1)
    (folder / "crossgate.toml").write_text(gate_project.manifest(NATIVE, build), "utf-8")
    return folder


def test_all_files_of_a_source_have_one_time(live: Live, tmp_path: Path) -> None:
    """Or make would remake something on the side that was checked out a moment ago."""
    check = "test ! Makefile -nt main.c; test ! Makefile -ot main.c; "
    folder = planted(tmp_path / "one", "a", check + gate_project.RECIPE)
    os.utime(folder / "Makefile", (1, 1))
    side = live.side_of(folder)

    assert traced.timed(live.engine, side.job, live.program(side)).steps
