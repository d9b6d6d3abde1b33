"""What a build of these tests left: its part of the report, its record, its containers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

from fixtures.engine import probe
from suites.selftest.harness import (
    NATIVE,
    TIMEOUT_S,
    Result,
    environment,
)

HELLO: Final = '#include <stdio.h>\nint main(void) { puts("hi"); return 0; }\n'
COMPILE: Final = "{cc} -o hello hello.c"

BURN: Final = """
import os, sys, time
for _ in range(int(sys.argv[1])):
    if not os.fork():
        while time.process_time() < float(sys.argv[2]):
            pass
        os._exit(0)
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
print("burnt", os.times().children_user + os.times().children_system)
"""


def target_of(result: Result, name: str, architecture: str = NATIVE) -> dict[str, Any]:
    """The target of a project in a run's report."""
    wanted = f"{name}-{architecture}-gcc"
    found = next(each for each in result.report["targets"] if each["id"] == wanted)
    assert isinstance(found, dict)
    return found


def log_of(result: Result, name: str) -> str:
    """What the build of a project printed."""
    return Path(target_of(result, name)["log"]).read_text("utf-8", "backslashreplace")


def record_of(folder: Path, target: str) -> dict[str, Any]:
    """The record of a target of the manifest in a folder."""
    out = folder.with_name(f"{folder.name}-out")
    found = json.loads((out / "records" / target / "record.json").read_bytes())
    assert isinstance(found, dict)
    return found


def sha256(file: Path) -> str:
    """A file's digest."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def on_engine() -> dict[str, str]:
    """An environment in which the engine's command line speaks to the engine of these runs."""
    candidate, _ = probe.find()
    assert candidate is not None, "no engine answers"
    return environment(DOCKER_HOST=candidate.address)


def docker(*words: str) -> str:
    """What the engine's command line prints, of the engine of these runs."""
    return subprocess.run(
        ["docker", *words],
        env=on_engine(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    ).stdout


def containers_on(folder: Path) -> list[str]:
    """The containers, running or not, whose source is a folder of ours."""
    words = ("ps", "--all", "--quiet", "--no-trunc", "--filter", f"volume={folder.resolve()}")
    return docker(*words).split()


def reproduce(target: dict[str, Any], **changed: str) -> subprocess.CompletedProcess[str]:
    """Run what a target's record names to build it again by hand."""
    return subprocess.run(
        ["sh", target["reproducer"]],
        env={**on_engine(), **changed},
        cwd=os.sep,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
