"""`-k` knows an architecture by all of its names, and takes no other one for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixtures.core import rows
from suites.selftest.harness import manifest_text, project, run_gate

SERVED = rows.toolchains()["gcc"].architectures


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project for every architecture."""
    text = manifest_text(
        {
            "demo": {
                "build": "true",
                "artifacts": ["demo"],
                "architectures": list(SERVED),
            }
        }
    )
    return project(tmp_path_factory.mktemp("aliases") / "demo", text, {"demo.c": ""})


def taken(folder: Path, expression: str) -> set[str]:
    """The architectures of the tests that an expression selects."""
    ended = run_gate(folder, "--collect-only", "-q", "-k", expression, DOCKER_HOST="unix:///no")
    return set(re.findall(r"\[demo-([a-z0-9]+)-gcc\]", ended.output))


@pytest.mark.parametrize(
    ("word", "architecture"),
    [
        *((name, name) for name in SERVED),
        *(("x64", "amd64"), ("x86_64", "amd64"), ("aarch64", "arm64"), ("armhf", "armv7")),
        *(("i386", "386"), ("ppc64el", "ppc64le"), ("armv7l", "armv7"), ("AArch64", "arm64")),
    ],
)
def test_a_name_takes_its_architecture_alone(folder: Path, word: str, architecture: str) -> None:
    """A name or alias selects the targets of its architecture: arm64 is not armv7."""
    assert taken(folder, word) == {architecture}


def test_aliases_combine(folder: Path) -> None:
    """Aliases stand in expressions like any other word."""
    assert taken(folder, "aarch64 or armhf") == {"arm64", "armv7"}
    assert taken(folder, "not (x64 or i386)") == set(SERVED) - {"amd64", "386"}


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("windows", {"windows-amd64", "windows-arm64"}),
        ("win64", {"windows-amd64"}),
        ("macos", {"darwin-amd64", "darwin-arm64"}),
        ("macos-arm64", {"darwin-arm64"}),
        ("darwin and aarch64", {"darwin-arm64"}),
        ("arm64", {"arm64", "windows-arm64", "darwin-arm64"}),
        ("arm64 and not (windows or darwin)", {"arm64"}),
    ],
)
def test_other_systems_have_names_too(tmp_path: Path, word: str, names: set[str]) -> None:
    """`windows` takes all of its CPUs, and a CPU's name takes it on every system."""
    every = ["arm64", "windows-amd64", "windows-arm64", "darwin-amd64", "darwin-arm64"]
    keys = {"build": "true", "artifacts": ["demo"], "toolchain": "zig", "architectures": every}
    text = manifest_text({"demo": keys})

    ended = run_gate(
        project(tmp_path / "demo", text, {"demo.c": ""}),
        "--collect-only",
        "-q",
        "-k",
        word,
        DOCKER_HOST="unix:///no",
    )

    assert set(re.findall(r"\[demo-([a-z0-9-]+)-zig\]", ended.output)) == names
