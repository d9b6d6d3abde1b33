"""The doctor on a project of one target, and what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from suites.selftest.harness import NATIVE, ROOT, environment, project

MANIFEST = """
[projects.demo]
source = { path = "." }
toolchain = "gcc"
architectures = ["ARCHITECTURES"]
build = "make"
artifacts = ["demo"]
strategy = "STRATEGY"
memory = "64 MiB"
"""


def demo(folder: Path, architecture: str = NATIVE, strategy: str = "auto") -> Path:
    """A project of one target."""
    text = MANIFEST.replace("ARCHITECTURES", architecture).replace("STRATEGY", strategy)
    return project(folder, text, {"demo.c": "int main(void) { return 0; }\n"})


def doctor(folder: Path, *words: str, reports: Path | None = None) -> dict[str, Any]:
    """What the doctor says of a project, as JSON."""
    out = reports or folder.parent / "out"
    given = ["--manifest", str(folder / "crossgate.toml"), "--report-dir", str(out), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "fixtures.cli.main", "doctor", *given, *words],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    document: dict[str, Any] = json.loads(done.stdout)
    return document
