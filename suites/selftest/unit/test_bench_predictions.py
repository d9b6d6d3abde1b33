"""The benchmark of predictions: what it takes, what it prints, and what it never lets through."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.cli import bench_predictions
from fixtures.core.doctor import trials
from fixtures.core.doctor.trials import Trial
from fixtures.core.errors import InfrastructureError
from fixtures.core.targets import Strategy, Target, expand
from fixtures.manifest_file import load_manifest
from suites.selftest.harness import ROOT, environment
from suites.selftest.unit.test_doctor_prediction import sample
from suites.selftest.unit.test_doctor_trials import FORETOLD

RIGHT = Trial(
    target="demo-arm64-gcc",
    strategy="cross",
    donor="demo-amd64-gcc",
    basis="CPU",
    predicted_s=10.0,
    low_s=8.0,
    high_s=12.0,
    real_s=11.0,
)

USED = {
    *("zstd", "lzip", "pigz", "bzip2", "lz4", "tinyxml2", "tally"),
    *("lua", "zlib", "cjson", "dash", "fmt"),
}
"""What usual factors are from, or a model of emulation was made or judged by."""


def bundled(host: str = "amd64") -> tuple[Target, ...]:
    """The targets that are foretold, on a host of a CPU."""
    file = bench_predictions.MANIFEST
    return expand(load_manifest(file, file.name), host)


def test_ten_targets_are_foretold_and_about_half_of_them_emulated() -> None:
    """Each of a project that is built natively here too, and none that usual factors are from."""
    every = bundled()
    others = [each for each in every if each.strategy is not Strategy.NATIVE]
    native = {each.project.name for each in every if each.strategy is Strategy.NATIVE}

    emulated = sum(each.strategy is Strategy.EMULATED for each in others)
    assert len(others) >= trials.LEAST
    assert 0.4 <= emulated / len(others) <= 0.6
    assert {each.project.name for each in others} == native
    assert not native & USED
    assert len({each.architecture.name for each in others}) >= 4


def test_the_model_sees_no_build_of_what_is_foretold() -> None:
    """A build of a target on this host is hidden; another host's, and another target's, are not."""
    own = sample(target="demo-arm64-gcc", strategy="cross", architecture="arm64")
    there = replace(own, here=False)
    native = sample()

    assert bench_predictions.unseen([own, there, native], {"demo-arm64-gcc"}) == [there, native]


def test_the_table_counts_what_is_right() -> None:
    """A line each, those that are off and those that did not build marked, and the count."""
    wrong = replace(RIGHT, target="slow", real_s=100.0)
    failed = replace(RIGHT, target="broken", real_s=None, why="exit code 2")
    lines = bench_predictions.table([RIGHT, wrong, failed])

    assert "within" in lines[1]
    assert "OFF" in lines[2]
    assert "not built: exit code 2" in lines[3]
    assert lines[4].startswith("1 of 3 within 30%")
    assert lines[-1] == "fewer than 10: nothing is judged"
    assert "nothing is judged" not in "\n".join(bench_predictions.table([RIGHT] * 10))


def test_what_the_network_failed_is_no_miss() -> None:
    """It is marked and not counted, and nothing is judged; what does not build is a miss."""
    failed = replace(RIGHT, target="lost", real_s=None, why="no route to host")
    trials_ = [*([RIGHT] * 10), failed]
    lines = bench_predictions.table(trials_, {"lost"})

    assert "not built: no route to host" in lines[11]
    assert lines[12].startswith("10 of 10 within 30%")
    assert lines[-1] == "the engine or the network failed 1: nothing is judged"
    assert bench_predictions.verdict(trials_, {"lost"}) == 3
    assert bench_predictions.verdict([failed] * 10, ()) == 1
    assert bench_predictions.verdict([RIGHT] * 10, ()) == 0
    assert bench_predictions.verdict([RIGHT] * 9, ()) == 3


@pytest.mark.parametrize(
    ("failure", "judged"), [(InfrastructureError("no engine"), False), ("exit code 2", True)]
)
def test_a_trial_knows_whose_failure_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failure: Exception | str, judged: bool
) -> None:
    """The engine's is told from that of the build."""

    def built(*_: object) -> str:
        if isinstance(failure, Exception):
            raise failure
        return failure

    monkeypatch.setattr(bench_predictions, "_built", built)
    target = bundled()[0]
    found, can_be = bench_predictions._tried(
        target, replace(FORETOLD, target=target.id), tmp_path, tmp_path
    )

    assert (found.why, can_be) == (str(failure), judged)


def test_a_target_that_is_named_twice_is_tried_once() -> None:
    """Ten trials are ten targets."""
    every = bundled()
    name = next(each.id for each in every if each.strategy is Strategy.CROSS)

    assert [each.id for each in bench_predictions._chosen(every, [name, name])] == [name]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--target", "libyaml-s390x-gc"), "libyaml-s390x-gcc"),
        (("--target", "libyaml-amd64-gcc"), "--target libyaml-amd64-gcc: there is none"),
        (("--manifest", "none.toml"), "none.toml"),
        (("--from", "none.json"), "--from none.json"),
        (("--json", "README.md/none.json"), "README.md/none.json can't be written"),
        (("--json", "suites"), "suites can't be written: it is a folder"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """What is not there is named, with the nearest that is; nothing is built."""
    done = subprocess.run(
        [sys.executable, "-m", "fixtures.cli.main", "bench", "predictions", *words],
        cwd=ROOT,
        env=environment(DOCKER_HOST=f"unix://{tmp_path}/nobody.sock"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
