"""The subcommands, as a person meets them: help, mistakes, the plan."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.cli import main as cli
from suites.selftest.harness import ROOT, environment, project

MANIFEST = """
[projects.hello]
source = { path = "." }
toolchain = "gcc"
architectures = ["amd64", "arm64"]
build = "make"
artifacts = ["hello"]
"""


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    """A project's folder with a manifest and a source."""
    return project(tmp_path / "hello", MANIFEST, {"hello.c": "int main(void) { return 0; }\n"})


def _crossgate(
    *words: str, cwd: Path = ROOT, **changed: str | None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "crossgate"), *words],
        cwd=cwd,
        env=environment(**changed),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_help_names_every_subcommand(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word, or with --help, the subcommands are listed; that is no error."""
    assert cli.main([]) == 0
    assert cli.main(["--help"]) == 0

    shown = capsys.readouterr().out
    for name in ("verify", "plan", "test", "clean", "bench"):
        assert f"\n  {name} " in shown


def test_a_mistyped_subcommand_is_corrected(capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest subcommand is offered, with pytest's exit code for wrong usage."""
    assert cli.main(["verfiy"]) == 4

    assert "did you mean verify?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ends", "code", "runs"),
    [
        ((0, 0), 0, 2),
        ((1, 0), 1, 2),
        ((0, 1), 1, 2),
        ((1, 3), 1, 2),
        ((2, 0), 2, 1),
        ((5, 0), 0, 2),
        ((0, 5), 0, 2),
        ((5, 1), 1, 2),
        ((5, 5), 5, 2),
    ],
)
def test_what_measures_has_the_machine_for_itself(
    ends: tuple[int, ...], code: int, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Own tests are parallel, but for those that use the engine; no failure of either is lost."""
    asked: list[list[str]] = []

    def run(words: list[str]) -> int:
        asked.append(words)
        return ends[len(asked) - 1]

    monkeypatch.setattr(cli, "_pytest", run)
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k elf" if 5 in ends else "")

    assert cli.main(["test"]) == code
    assert len(asked) == runs
    assert all("testpaths=suites/selftest" in words for words in asked)
    assert "not slow and not integration" in asked[0]
    assert "-n" not in asked[0]
    for words in asked[1:]:
        assert "not slow and integration" in words
        assert words[words.index("-n") + 1] == "0"


def test_a_half_of_the_own_tests_that_is_empty_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody selected some: a mark or a folder is wrong, and all the others would pass for all."""
    ends = iter([0, 5])
    monkeypatch.setattr(cli, "_pytest", lambda _: next(ends))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    assert cli.main(["test"]) == 5


@pytest.mark.parametrize(
    ("words", "marks", "others"),
    [
        (["--slow"], "slow", []),
        (["-k", "elf"], "not slow", ["-k", "elf"]),
        (["--slow", "suites/selftest/unit"], "slow", ["suites/selftest/unit"]),
    ],
)
def test_some_of_the_own_tests_are_one_run(
    words: list[str], marks: str, others: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked for is passed on, after the marks: a `-m` of the user's counts."""
    asked: list[list[str]] = []

    def run(words: list[str]) -> int:
        asked.append(words)
        return 0

    monkeypatch.setattr(cli, "_pytest", run)

    assert cli.main(["test", *words]) == 0
    assert len(asked) == 1
    at = asked[0].index("-m")
    assert asked[0][at + 1] == marks
    assert asked[0][at + 2 :] == others


def test_the_plan_needs_no_engine_and_says_why(hello: Path) -> None:
    """With no engine in reach, the plan lists every target, its strategy and its reason."""
    done = _crossgate(
        "plan",
        *("--manifest", str(hello / "crossgate.toml"), "--report-dir", str(hello / "out")),
        DOCKER_HOST="unix:///nonexistent.sock",
    )

    assert done.returncode == 0, done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["hello-amd64-gcc", "build"],
        ["hello-arm64-gcc", "build"],
    ]
    assert "it was never built here" in done.stdout


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (("-k", "aarch64"), ["hello-arm64-gcc"]),
        (("-k", "hello and not arm64"), ["hello-amd64-gcc"]),
        (("--profile", "pr"), ["hello-amd64-gcc", "hello-arm64-gcc"]),
        (("--profile", "dev", "--host", "aarch64"), ["hello-arm64-gcc"]),
    ],
)
def test_the_plan_selects(hello: Path, words: tuple[str, ...], ids: list[str]) -> None:
    """The plan is of what the same words would have `verify` take."""
    done = _crossgate("plan", "--manifest", "crossgate.toml", *words, cwd=hello)

    assert [line.split()[0] for line in done.stdout.splitlines()] == ids, done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-k", "nosuchthing"), "no target is selected (there are hello-amd64-gcc"),
        (("-k", "a and ("), "-k 'a and ('"),
        (("--profile", "dev", "--host", "s390x"), "none in this profile"),
        (("--profile", "prod"), 'did you mean "pr"?'),
        (("--host", "arm46"), 'did you mean "arm64"?'),
    ],
)
def test_a_plan_of_nothing_is_a_mistake(hello: Path, words: tuple[str, ...], said: str) -> None:
    """An empty job matrix would let everything through: it is an error that says what there is."""
    done = _crossgate(
        "plan", "--format", "github", "--manifest", "crossgate.toml", *words, cwd=hello
    )

    assert (done.returncode, done.stdout) == (4, "")
    assert said in done.stderr


@pytest.mark.parametrize("format_words", [("--json",), ("--format", "github")])
def test_the_plan_speaks_json(hello: Path, format_words: tuple[str, ...]) -> None:
    """As JSON and as a job matrix of GitHub's, the plan holds the same targets."""
    done = _crossgate("plan", "--manifest", "crossgate.toml", *format_words, cwd=hello)

    document = json.loads(done.stdout)
    rows = document["include"] if isinstance(document, dict) else document
    assert [row["id"] for row in rows] == ["hello-amd64-gcc", "hello-arm64-gcc"]
    assert {row["architecture"] for row in rows} == {"amd64", "arm64"}


def test_a_wrong_manifest_is_one_message(hello: Path) -> None:
    """A mistake in the manifest ends with exit code 4 and no traceback, in plan and verify."""
    file = hello / "crossgate.toml"
    file.write_text(MANIFEST.replace("build =", "biuld ="))
    for command in ("plan", "verify"):
        done = _crossgate(command, "--manifest", str(file), "--report-dir", str(hello / "out"))

        assert done.returncode == 4
        assert 'projects.hello.biuld: unknown key; did you mean "build"?' in (
            done.stdout + done.stderr
        )
        assert "Traceback" not in done.stdout + done.stderr


def test_a_missing_manifest_is_one_message(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    done = _crossgate("verify", "--manifest", str(tmp_path / "none.toml"))

    assert done.returncode == 4
    assert "there is no such file" in done.stdout + done.stderr


def test_the_launcher_works_through_a_link_and_from_anywhere(tmp_path: Path, hello: Path) -> None:
    """A link to the launcher, called from another folder, takes paths from that folder."""
    link = tmp_path / "bin"
    link.symlink_to(ROOT / "crossgate")
    done = subprocess.run(
        [str(link), "plan", "--manifest", "crossgate.toml"],
        cwd=hello,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "hello-arm64-gcc" in done.stdout


def test_an_environment_that_is_not_ready_is_made_by_commands_that_are_printed(
    tmp_path: Path,
) -> None:
    """With CROSSGATE_SETUP=never nothing is made, and the exact commands are printed."""
    (tmp_path / "requirements.lock").write_text("")
    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / "fixtures" / "cli" / "environment.py"), str(tmp_path)],
        env=environment(CROSSGATE_SETUP="never"),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 3
    assert f"-m venv {tmp_path / '.venv'}" in done.stdout
    assert "--require-hashes" in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_an_environment_is_made_once_from_the_lock_file(tmp_path: Path) -> None:
    """The first call makes it and marks it with the lock file, the second leaves it alone."""
    (tmp_path / "requirements.lock").write_text("# nothing to install\n")
    command = [
        *(sys.executable, "-I", str(ROOT / "fixtures" / "cli" / "environment.py")),
        str(tmp_path),
    ]
    first = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    marker = tmp_path / ".venv" / "requirements.lock"
    made = marker.stat().st_mtime_ns
    second = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)

    assert first.returncode == 0, first.stderr
    assert "making" in first.stdout
    assert (second.returncode, second.stdout) == (0, "")
    assert marker.stat().st_mtime_ns == made
