"""The README tells the truth: its commands run, its manifests load, its test works."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from fixtures.core import manifest, manifest_tables, policy, policy_rows, readers
from suites.selftest.harness import ROOT, environment

pytestmark = pytest.mark.integration

README = (ROOT / "README.md").read_text("utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def _commands() -> list[str]:
    lines = "\n".join(_blocks("console")).splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def test_there_is_something_to_check() -> None:
    """The README has commands and a manifest in the form that these tests look for."""
    assert len(_commands()) >= 2
    assert _blocks("toml")


@pytest.mark.parametrize("block", _blocks("toml"))
def test_each_manifest_in_the_readme_loads(block: str) -> None:
    """Every TOML block is a manifest that Crossgate accepts."""
    assert manifest.load(block.encode(), "README.md").projects


@pytest.mark.parametrize("command", _commands())
def test_each_command_in_the_readme_runs(command: str) -> None:
    """Every command of a console block ends well, and prints the columns that are shown."""
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "zstd-arm64-gcc" in done.stdout


def test_the_tests_in_the_readme_pass(tmp_path: Path) -> None:
    """Its examples of own tests are collected once for each artifact, and hold for a real one."""
    file = tmp_path / "test_links.py"
    file.write_text("\n".join(_blocks("python")))
    done = subprocess.run(
        ["./crossgate", "verify", "-k", "zstd and arm64", file],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_every_key_of_a_project_is_in_the_readme() -> None:
    """A key that the manifest takes and the README does not name would be found by nobody."""
    table = README.partition("| key of a project |")[2].partition("\n\n")[0]

    for key in (
        *manifest_tables.PROJECT.keys,
        *manifest_tables.PROJECT.nested,
        *readers._BUDGET.keys,
    ):
        assert f"`{key}`" in table, key


def test_every_key_of_a_policy_is_in_the_readme() -> None:
    """The example of a policy has each key, with the words of `hardening` in it or below."""
    section = README.partition("### Policy")[2].partition("### ")[0]

    for key in (*policy._TABLE.keys, *policy._TABLE.nested):
        assert f"\n{key} = " in section, key
    for word in policy_rows.hardening_words():
        assert word in section, word
