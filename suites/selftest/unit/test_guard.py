"""The guard: a run that lost a worker, a test or a report never exits 0, and says what is lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import pytest

from fixtures.guard import LOST, Guard
from suites.selftest.harness import ROOT, environment

MANIFEST: Final = """
[projects.demo]
source = { path = "." }
toolchain = "gcc"
architectures = ["amd64", "arm64"]
build = "true"
artifacts = ["demo"]
"""
SIX: Final = """
import os, pytest, signal

@pytest.mark.parametrize("number", range(6))
def test_one(number, request):
    {body}
"""
WORKERS: Final = ("0", "2")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run of pytest ended: its exit code, its output, and each test's JUnit elements."""

    exit_code: int
    output: str
    cases: Mapping[str, frozenset[str]]


def run(folder: Path, *arguments: str, ci: bool = False, **files: str) -> Ended:
    """Run pytest with our plugins on files (``name="content"`` makes name.py); no engine."""
    (folder / "crossgate.toml").write_text(MANIFEST, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content, "utf-8")
    options = ["-p", "fixtures.plugin", "-p", "reports.plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-p", "no:hypothesispytest", *arguments],
        cwd=folder,
        env=environment(
            PYTHONPATH=str(ROOT),
            DOCKER_HOST=f"unix://{folder}/nothing.sock",
            CROSSGATE_CACHE=str(folder / "cache"),
            CI="true" if ci else None,
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    junit = folder / "reports" / "out" / "junit.xml"
    cases = ElementTree.parse(junit).iter("testcase") if junit.is_file() else []
    return Ended(
        exit_code=done.returncode,
        output=done.stdout.decode("utf-8", "backslashreplace"),
        cases={case.get("name", ""): frozenset(part.tag for part in case) for case in cases},
    )


def problems(ended: Ended) -> str:
    """What the guard itself says of a run."""
    lines = ended.output.splitlines()
    return "\n".join(line for line in lines if line.startswith("crossgate: "))


@pytest.mark.parametrize("workers", WORKERS)
def test_honest_run(tmp_path: Path, workers: str) -> None:
    """A run in which nothing is lost keeps pytest's exit code, and the guard has no say."""
    ended = run(tmp_path, "-n", workers, test_it=SIX.format(body="pass"))

    assert ended.exit_code == 0, ended.output
    assert problems(ended) == ""
    assert len(ended.cases) == 6


@pytest.mark.parametrize("death", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_worker_dies_inside_a_test(tmp_path: Path, death: str) -> None:
    """A worker that dies inside a test fails the run by that test's name; the others still run."""
    ended = run(tmp_path, "-n", "2", test_it=SIX.format(body=f"if number == 2: {death}"))

    assert ended.exit_code != 0, ended.output
    assert "test_it.py::test_one[2]" in ended.output
    assert "crossgate: the worker gw" in problems(ended)
    assert "5 passed" in ended.output


@pytest.mark.parametrize("name", ["PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"])
def test_a_run_inside_a_run_is_one_of_its_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a worker of the one outside, nor with what is asked of that one."""
    monkeypatch.setenv(name, "gw0")

    assert name not in environment()
    assert environment(**{name: "gw1"})[name] == "gw1"


@pytest.mark.parametrize("hook", ["pytest_runtest_logfinish(nodeid)", "pytest_runtest_teardown()"])
def test_worker_dies_between_two_tests(tmp_path: Path, hook: str) -> None:
    """A worker that dies after a test passed, before the next one began, fails the run."""
    dying = f"""
import os, pytest
done = []

@pytest.hookimpl(trylast=True)
def {hook}:
    done.append(1)
    if os.environ.get("PYTEST_XDIST_WORKER") == "gw0" and len(done) == 2:
        os._exit(0)
"""
    ended = run(tmp_path, "-n", "2", test_it=SIX.format(body="pass"), conftest=dying)

    assert ended.exit_code != 0, ended.output
    assert "crossgate: the worker gw0 died" in problems(ended)


def test_worker_dies_when_all_is_done(tmp_path: Path) -> None:
    """A worker that dies after its last report, when xdist calls all tests passed, fails it."""
    dying = """
import os

def pytest_sessionfinish():
    if os.environ.get("PYTEST_XDIST_WORKER") == "gw0":
        os._exit(0)
"""
    ended = run(tmp_path, "-n", "2", test_it=SIX.format(body="pass"), conftest=dying)

    assert ended.exit_code == LOST, ended.output
    assert "6 passed" in ended.output
    assert "crossgate: the worker gw0 died" in problems(ended)


def test_worker_is_not_replaced(tmp_path: Path) -> None:
    """Where a dead worker takes tests with it that nobody runs then, each is named."""
    body = "if number == 2: os._exit(0)"
    arguments = ("-n", "2", "--max-worker-restart=0", "--dist=loadfile")
    ended = run(tmp_path, *arguments, test_it=SIX.format(body=body))

    assert ended.exit_code == LOST, ended.output
    for number in (3, 4, 5):
        assert f"test_it.py::test_one[{number}]" in problems(ended)


@pytest.mark.parametrize("workers", WORKERS)
def test_lost_test(tmp_path: Path, workers: str) -> None:
    """A test that was collected and then never run nor reported is named, and ends in 3."""
    losing = 'def pytest_runtest_protocol(item):\n    return "[3]" in item.nodeid or None\n'
    ended = run(tmp_path, "-n", workers, test_it=SIX.format(body="pass"), conftest=losing)

    assert ended.exit_code == LOST, ended.output
    assert "1 of 6 tests were collected but never reported" in problems(ended)
    assert "test_it.py::test_one[3]" in problems(ended)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (r"if number == 2: pytest.fail('bad \udcff byte', pytrace=False)", "utf-8 encodable"),
        ("request.node.user_properties += [('x', object())] * (number == 2)", "can't serialize"),
    ],
    ids=["surrogate", "object"],
)
def test_report_that_cannot_be_delivered(tmp_path: Path, body: str, cause: str) -> None:
    """A report that no worker can send is never a pass: cause and test are named."""
    ended = run(tmp_path, "-n", "2", test_it=SIX.format(body=body))

    assert ended.exit_code != 0, ended.output
    assert cause in problems(ended)
    assert "test_it.py::test_one[2]" in problems(ended)


def test_surrogate_in_one_process(tmp_path: Path) -> None:
    """Without workers, a failure whose message no encoding can carry is still just a failure."""
    body = r"if number == 2: pytest.fail('bad \udcff byte', pytrace=False)"
    ended = run(tmp_path, "-n", "0", test_it=SIX.format(body=body))

    assert ended.exit_code == 1
    assert "1 failed, 5 passed" in ended.output


def test_exit_with_zero_in_mid_run(tmp_path: Path) -> None:
    """A test that ends the whole run with exit code 0 does not get away with it."""
    body = "if number == 2: pytest.exit('enough', returncode=0)"
    ended = run(tmp_path, "-n", "0", test_it=SIX.format(body=body))

    assert ended.exit_code == LOST, ended.output
    assert "test_it.py::test_one[5]" in problems(ended)


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("option", ["-x", "--maxfail=2"])
def test_run_that_was_told_to_stop(tmp_path: Path, workers: str, option: str) -> None:
    """Tests that -x or --maxfail left out are not called lost; the run fails all the same."""
    body = "assert number not in (0, 1)"
    ended = run(tmp_path, "-n", workers, option, test_it=SIX.format(body=body))

    assert ended.exit_code in (1, 2)
    assert problems(ended) == ""


@pytest.mark.parametrize("workers", WORKERS)
def test_broken_test_file(tmp_path: Path, workers: str) -> None:
    """A test file that can't be imported fails the run, whatever else passes."""
    good = SIX.format(body="pass")
    ended = run(tmp_path, "-n", workers, test_bad="import nosuchmodule\n", test_it=good)

    assert ended.exit_code != 0, ended.output
    assert "nosuchmodule" in ended.output


@pytest.mark.parametrize("workers", WORKERS)
def test_missing_path(tmp_path: Path, workers: str) -> None:
    """A path that is not there is named and never exits 0, though xdist's workers swallow it."""
    ended = run(tmp_path, "-n", workers, "gone/test_it.py", ci=True)

    assert ended.exit_code != 0, ended.output
    assert "gone/test_it.py" in ended.output


@pytest.mark.parametrize("ci", [False, True])
@pytest.mark.parametrize("workers", WORKERS)
def test_nothing_selected(tmp_path: Path, workers: str, ci: bool) -> None:
    """A selection of no test at all says so: 5 as pytest has it, and 1 in CI."""
    arguments = ("-n", workers, "-k", "nosuchthing")
    ended = run(tmp_path, *arguments, ci=ci, test_it=SIX.format(body="pass"))

    assert ended.exit_code == (1 if ci else 5)
    assert "no target was selected" in problems(ended)


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_ci_variable_that_says_no(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """CI set to nothing, 0 or false is no CI job."""
    monkeypatch.setenv("CI", value)

    assert Guard().exit_code(0, stopped=False, empty="nothing") == 5


@pytest.mark.parametrize("code", [2, 4])
def test_exit_codes_that_stay(code: int) -> None:
    """An interrupted run or a wrong command line keeps its own exit code and its own words."""
    guard = Guard()
    guard.collected = {"a"}

    assert guard.exit_code(code, stopped=False, empty=None) == code
    assert guard.problems == []


def test_many_lost_tests() -> None:
    """Of many lost tests the first ten are named and the others counted."""
    guard = Guard()
    guard.collected = {f"test_{number:02}" for number in range(25)}

    assert guard.exit_code(0, stopped=False, empty=None) == LOST
    assert "test_09" in guard.problems[0]
    assert "test_10" not in guard.problems[0]
    assert "and 15 more" in guard.problems[0]


def test_hostile_words() -> None:
    """What a dying worker or a test's id says can't put terminal codes into the summary."""
    guard = Guard()
    guard.collected = {"test_it[\x1b[31m\n::error::]"}
    guard.pytest_testnodedown(node=None, error="\x1b]0;title\x07")
    guard.pytest_internalerror("")
    guard.exit_code(0, stopped=False, empty=None)

    assert len(guard.problems) == 3
    assert all(problem.isprintable() for problem in guard.problems)
