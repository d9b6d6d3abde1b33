"""One comparison, measured for real from the command line: kept, gone on with, and tidied up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.bench.building import Builds
from fixtures.building import storage
from fixtures.core import comparisons
from fixtures.engine import setup
from fixtures.engine.client import Engine
from fixtures.manifest_file import load_manifest
from suites.selftest.harness import ROOT, TIMEOUT_S, environment
from suites.strategies import project

pytestmark = pytest.mark.integration

LIMIT: Final = ("--time-limit", "8 min", "--max-pairs", "3")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """The small project that the comparisons share."""
    return project.make(tmp_path / "small")


@pytest.fixture
def engine() -> Iterator[Engine]:
    """The engine that builds run on."""
    found = Engine(setup.find().address)
    yield found
    found.close()


def _command(manifest: Path, *words: str) -> list[str]:
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); sys.argv[0] = 'crossgate'\n"
    code += "from fixtures.cli.main import main; sys.exit(main())"
    return [
        *(sys.executable, "-W", "error", "-c", code, str(ROOT), "bench"),
        *(*words, "--manifest", str(manifest)),
    ]


def _run(manifest: Path, *words: str) -> str:
    done = subprocess.run(
        _command(manifest, *words),
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def _pairs(folder: Path) -> list[dict[str, Any]]:
    document = json.loads((folder / "strategies.json").read_text())
    return [pair for each in document["experiments"] for pair in each["pairs"]]


def _volumes(manifest: Path, engine: Engine) -> list[str]:
    """The volumes that are kept for the comparison's builds; other runs have theirs."""
    loaded = load_manifest(manifest, str(manifest))
    with Builds(manifest, loaded, "small", print) as builds:
        builds.state(comparisons.comparisons()["ccache"])
        kept = builds._scopes.values()
        assert len(kept) == 2
        return [name for each in kept for name in storage.names_for(engine, *each)]


def test_a_comparison_is_measured_told_and_not_measured_again(
    manifest: Path, engine: Engine
) -> None:
    """The cached side was cached and the other cold; a second session finds the pairs there, and
    no volume that the builds had is left."""
    folder, results = manifest.parent / "out", manifest.parent / "out" / "results.json"
    words = ("strategies", "--only", "ccache", *LIMIT, "--folder", str(folder))

    told = _run(manifest, *words, "--json", str(results))
    pairs = _pairs(folder)
    again = _run(manifest, *words)

    assert len(pairs) == 3
    assert {pair["way"]["caches"] for pair in pairs} == {"warm"}
    assert {pair["way"]["used"]["cache"] for pair in pairs} == {"ccache"}
    assert {pair["alternative"]["caches"] for pair in pairs} == {"cold"}
    assert [pair["way_first"] for pair in pairs] == [True, False, True]
    assert "ccache: 3 pairs are there from before" in again
    assert _pairs(folder) == pairs
    finding = json.loads(results.read_text())["comparisons"][0]
    assert finding["estimate"]["ratio"] > 1, told
    assert {path.suffix for path in folder.iterdir()} >= {".json", ".md", ".png", ".svg"}
    assert _volumes(manifest, engine) == []


def test_what_is_kept_for_the_builds_goes_with_them(manifest: Path, engine: Engine) -> None:
    """A cache that a comparison's builds had is there while it is measured, and then gone."""
    loaded = load_manifest(manifest, str(manifest))
    with Builds(manifest, loaded, "small", print) as builds:
        builds.state(comparisons.comparisons()["ccache"])
        way, *_ = (each for each in builds._scopes.values() if each[0].ways.cache)
        engine.volumes.ensure(storage._cache(*way))
        there = storage.names_for(engine, *way)

    assert len(there) == 1
    assert storage.names_for(engine, *way) == []


@pytest.mark.slow
def test_a_killed_session_goes_on_where_it_stopped(manifest: Path) -> None:
    """After SIGKILL the finished pairs are there and readable, and only the others are measured."""
    folder = manifest.parent / "out"
    words = ("strategies", "--only", "cpus", *LIMIT, "--folder", str(folder))
    process = subprocess.Popen(
        _command(manifest, *words),
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("cpus: pair 1"):
            os.kill(process.pid, signal.SIGKILL)
            break
    process.stdout.close()
    process.wait()
    kept = _pairs(folder)
    told = _run(manifest, *words)

    assert len(kept) == 1
    assert "cpus: 1 pairs are there from before" in told
    assert _pairs(folder)[:1] == kept
    assert len(_pairs(folder)) == 3


def test_the_matrix_is_of_cold_builds(manifest: Path, tmp_path: Path) -> None:
    """What is missing is said, built where that is asked for, and carried to another host's."""
    reports = ("--report-dir", str(tmp_path / "reports"))
    document = tmp_path / "here.json"

    before = _run(manifest, "matrix", *reports)
    built = _run(manifest, "matrix", *reports, "--build", "--json", str(document))
    there = json.loads(document.read_text())
    for row in there["rows"]:
        row["host"]["cpu_model"] = "another CPU"
    other = tmp_path / "there.json"
    other.write_text(json.dumps(there))
    merged = _run(manifest, "matrix", *reports, "--merge", str(other))

    assert before.count("it was never built here") == 2
    assert len(there["rows"]) == 2
    assert {row["strategy"] for row in there["rows"]} == {"native", "cross"}
    assert "missing" not in built
    assert "host A: " in merged
    assert "host B: " in merged
    assert sum(" small " in line for line in merged.splitlines()) == 4
