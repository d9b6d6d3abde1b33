"""Runs of the gate on projects that a test makes up, as a user would start them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fixtures import host

ROOT: Final = Path(__file__).resolve().parents[2]
TIMEOUT_S: Final = 1800
"""After which a run is given up; nothing depends on how long it takes."""

NATIVE: Final = "arm64" if host.architecture() == "arm64" else "amd64"
FOREIGN: Final = "amd64" if NATIVE == "arm64" else "arm64"
"""The two architectures that there is a toolchain for: this host's, and the one cross-built."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a run ended: its exit code, all its output, and the report that it wrote."""

    exit_code: int
    output: str
    report: dict[str, Any]

    def claims(self, target: str) -> dict[str, dict[str, Any]]:
        """The claims of a target in the report, by name."""
        found = next(each for each in self.report["targets"] if each["id"] == target)
        return {claim["name"]: claim for claim in found["claims"]}

    def verdicts(self, target: str) -> dict[str, str]:
        """The verdicts of a target in the report, by claim."""
        return {name: claim["verdict"] for name, claim in self.claims(target).items()}


def manifest_text(projects: Mapping[str, Mapping[str, object]], **defaults: object) -> str:
    """The text of a crossgate.toml with these projects, all built with gcc from its folder."""
    tables = {"defaults": {"toolchain": "gcc", **defaults}}
    for name, keys in projects.items():
        tables[f"projects.{name}"] = {"source": {"path": "."}, **keys}
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in keys.items())
        for name, keys in tables.items()
    )


def _toml(value: object) -> str:
    """A value as TOML writes it: as JSON does, but for tables."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)


def project(folder: Path, manifest: str, files: Mapping[str, str | bytes] | None = None) -> Path:
    """A project folder with a crossgate.toml and files; executable where they begin with #!."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "crossgate.toml").write_text(manifest, "utf-8")
    for name, content in (files or {}).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        raw = content.encode() if isinstance(content, str) else content
        file.write_bytes(raw)
        if raw.startswith(b"#!"):
            file.chmod(0o755)
    return folder


def command(folder: Path, *arguments: str) -> list[str]:
    """The command line of a gate run on a project, its reports kept in ``FOLDER-out`` beside it."""
    return [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(ROOT),
        "-p",
        "no:cacheprovider",
        "-W",
        "error",
        "--manifest",
        str(folder / "crossgate.toml"),
        "--report-dir",
        str(folder.parent / f"{folder.name}-out"),
        *arguments,
        str(ROOT / "suites" / "gate"),
    ]


def environment(**changed: str | None) -> dict[str, str]:
    """This process's environment without what would make a run a CI job's, or another one.

    None removes a variable.
    """
    # pytest's own among them: a worker's variables would make a worker of the run's controller.
    values: dict[str, str | None] = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")
    }
    values |= {"CI": None, "GITHUB_STEP_SUMMARY": None, "NO_COLOR": "1", **changed}
    return {name: value for name, value in values.items() if value is not None}


def run_gate(folder: Path, *arguments: str, **changed: str | None) -> Result:
    """Run the gate on a project; `changed` are environment variables (None removes one)."""
    done = subprocess.run(
        command(folder, *arguments),
        cwd=ROOT,
        env=environment(**changed),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT_S,
        check=False,
    )
    report = folder.parent / f"{folder.name}-out" / "report.json"
    return Result(
        exit_code=done.returncode,
        output=done.stdout.decode("utf-8", "backslashreplace"),
        report=json.loads(report.read_bytes()) if report.is_file() else {"targets": []},
    )
