"""Records of real builds: when they hold, when a target is built again, what times are compared."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.core.keys import PARTS
from fixtures.core.record import SCHEMA
from suites.selftest.harness import (
    FOREIGN,
    NATIVE,
    ROOT,
    TIMEOUT_S,
    Result,
    environment,
    manifest_text,
    project,
    run_gate,
)
from suites.selftest.integration.built import (
    BURN,
    COMPILE,
    HELLO,
    docker,
    record_of,
    sha256,
    target_of,
)

pytestmark = pytest.mark.integration


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A project that was built once, with its record; `id` is that of its one target."""

    folder: Path
    id: str

    @property
    def out(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-out")

    @property
    def manifest(self) -> Path:
        return self.folder / "crossgate.toml"

    def gate(self, *arguments: str) -> Result:
        return run_gate(self.folder, "-n", "0", *arguments)

    def plan(self) -> dict[str, Any]:
        """What ``crossgate plan`` says of the target."""
        done = _crossgate(
            "plan", "--json", "--manifest", str(self.manifest), "--report-dir", str(self.out)
        )
        found = next(each for each in json.loads(done) if each["id"] == self.id)
        assert isinstance(found, dict)
        return found


@pytest.fixture(scope="module")
def _kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    # A name that no other run on this engine has, since the engine's events are asked for it.
    name = f"kept-{uuid.uuid4().hex[:12]}"
    text = manifest_text(
        {
            name: {
                "source": {"path": "src"},
                "build": COMPILE,
                "artifacts": ["hello"],
                "memory": "500 MiB",
            }
        },
        architectures=[NATIVE],
    )
    folder = project(tmp_path_factory.mktemp("records") / "work", text, {"src/hello.c": HELLO})
    return Kept(folder=folder, id=f"{name}-{NATIVE}-gcc")


@pytest.fixture
def kept(_kept: Kept) -> Kept:
    """The project with a record that holds, whatever the test before did to it."""
    result = _kept.gate()
    assert result.exit_code == 0, result.output
    return _kept


def test_the_same_key_is_not_built_again(kept: Kept) -> None:
    """Over an unchanged tree nothing is built and no container starts; every row says so."""
    before = record_of(kept.folder, kept.id)
    result, started = _watched(kept, kept.gate)

    assert result.exit_code == 0
    assert started == 0
    assert record_of(kept.folder, kept.id) == before
    assert result.report["targets"][0]["reused"] is True
    assert re.findall(rf"^{kept.id} +built +pass +reused", result.output, re.MULTILINE)
    assert "1 judged on an earlier record" in result.output
    assert kept.plan()["action"] == "reuse"
    assert kept.plan()["reasons"] == []


def test_a_fresh_run_builds_again(kept: Kept) -> None:
    """--fresh builds what would be reused, in one container, and gets the same key."""
    before = record_of(kept.folder, kept.id)
    result, started = _watched(kept, lambda: kept.gate("--fresh"))
    after = record_of(kept.folder, kept.id)

    assert result.exit_code == 0
    assert started == 1
    assert result.report["targets"][0]["reused"] is False
    assert after["run"] != before["run"]
    assert after["key"] == before["key"]


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def _more_memory(kept: Kept) -> None:
    text = kept.manifest.read_text("utf-8")
    kept.manifest.write_text(
        re.sub(r"(\d+) MiB", lambda found: f"{int(found[1]) + 1} MiB", text), "utf-8"
    )


def _artifact(kept: Kept) -> Path:
    return kept.out / "artifacts" / kept.id / "hello"


def _json(kept: Kept) -> Path:
    return kept.out / "records" / kept.id / "record.json"


CHANGES: Final[dict[str, tuple[Callable[[Kept], object], str]]] = {
    "source": (
        lambda kept: _edit(kept.folder / "src" / "hello.c", "#include", "/* more */\n#include"),
        "the source changed",
    ),
    "new file": (
        lambda kept: (kept.folder / "src" / uuid.uuid4().hex).touch(),
        "the source changed",
    ),
    "executable bit": (
        lambda kept: (kept.folder / "src" / "hello.c").chmod(
            (kept.folder / "src" / "hello.c").stat().st_mode ^ 0o111
        ),
        "the source changed",
    ),
    "recipe": (
        lambda kept: _edit(kept.manifest, "-o hello", "-O1 -o hello"),
        f"{PARTS['recipe']} changed",
    ),
    "limit": (_more_memory, "the limits that the build can see"),
    "changed artifact": (
        lambda kept: _artifact(kept).write_bytes(_artifact(kept).read_bytes()[:-1] + b"?"),
        "the artifact hello was changed since it was built",
    ),
    "lost artifact": (
        lambda kept: _artifact(kept).unlink(),
        "the artifact hello is not there any more",
    ),
    "artifact made a link": (
        lambda kept: _artifact(kept).symlink_to(
            _artifact(kept).rename(kept.folder.with_name("moved"))
        ),
        "the artifact hello is not there any more",
    ),
    "half a record": (
        lambda kept: _json(kept).write_bytes(_json(kept).read_bytes()[:400]),
        "its record can't be read",
    ),
    "record of bytes": (
        lambda kept: _json(kept).write_bytes(b"\xff\xfe\x1b[31m"),
        "its record can't be read",
    ),
    "record of the future": (
        lambda kept: _edit(_json(kept), f'"schema": {SCHEMA}', '"schema": 99'),
        "its record can't be read",
    ),
    "no record": (lambda kept: _json(kept).unlink(), "it was never built here"),
}
"""What somebody does to a built project, and why it is then built again."""


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_change_is_built_again(kept: Kept, name: str) -> None:
    """What could change a result is built again, for the reason that ``crossgate plan`` gives."""
    change, reason = CHANGES[name]
    change(kept)
    plan = kept.plan()
    result = kept.gate()
    after = record_of(kept.folder, kept.id)

    assert plan["action"] == "build"
    assert len(plan["reasons"]) == 1
    assert plan["reasons"][0].startswith(reason)
    assert result.exit_code == 0, result.output
    assert result.report["targets"][0]["reused"] is False
    assert sha256(_artifact(kept)) == after["artifacts"][0]["sha256"]
    assert not _artifact(kept).is_symlink()
    assert kept.plan()["action"] == "reuse"


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_damaged_record_is_built_again_loudly(kept: Kept, workers: str) -> None:
    """A record that can't be read is said to be so, whichever process finds it."""
    _json(kept).write_bytes(b"{")
    result = run_gate(kept.folder, "-n", workers)

    assert result.exit_code == 0
    assert result.report["targets"][0]["reused"] is False
    assert re.search(rf"{kept.id} .*its record can't be read", result.output)


def test_a_budget_is_judged_on_the_record_there(kept: Kept) -> None:
    """A budget changes no build: a new one is judged without building, and catches its mutant."""
    text = kept.manifest.read_text("utf-8")
    size = _artifact(kept).stat().st_size
    try:
        kept.manifest.write_text(f"{text}budget.size = {size}\n", "utf-8")
        within = kept.gate()
        kept.manifest.write_text(f"{text}budget.size = {size - 1}\n", "utf-8")
        beyond = kept.gate()
    finally:
        kept.manifest.write_text(text, "utf-8")

    assert within.verdicts(kept.id)["size"] == "pass"
    assert beyond.verdicts(kept.id)["size"] == "fail"
    assert "1 bytes over" in beyond.claims(kept.id)["size"]["reason"]
    assert [each.report["targets"][0]["reused"] for each in (within, beyond)] == [True, True]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Result]]:
    """Runs a project for two architectures with a `time_ratio` of a given maximum."""
    folder = tmp_path_factory.mktemp("ratio") / "work"

    def run(maximum: float, *arguments: str) -> Result:
        ratio = {"to": NATIVE, "max": maximum}
        keys = {
            "source": {"path": "src"},
            "build": f"{COMPILE}; python3 burn.py 1 0.5",
            "artifacts": ["hello"],
        }
        text = manifest_text(
            {"ratio": {**keys, "budget": {"time_ratio": ratio}}},
            architectures=[NATIVE, FOREIGN],
            cpus=1,
        )
        files = {"src/hello.c": HELLO, "src/burn.py": BURN}
        return run_gate(project(folder, text, files), *arguments)

    yield run
    shutil.rmtree(folder)


def test_a_ratio_is_not_judged_without_its_other_side(compared: Callable[..., Result]) -> None:
    """With one architecture selected and no record of the other, the report says why."""
    result = compared(1000, "-n", "0", "-k", f"{FOREIGN} and ratio")
    claim = result.claims(f"ratio-{FOREIGN}-gcc").get("time_ratio")

    assert result.exit_code == 0, result.output
    assert claim is not None
    assert claim["verdict"] == "not applicable"
    assert f"ratio-{NATIVE}-gcc is not selected and it has no record" in claim["reason"]
    assert f"ratio-{NATIVE}-gcc" not in {each["id"] for each in result.report["targets"]}


def test_a_ratio_is_judged_between_two_builds(compared: Callable[..., Result]) -> None:
    """With both sides there, their ratio is judged on the side that is compared, and only there.

    A mutant of the budget, far below any ratio, fails on the same records.
    """
    good = compared(1000, "-n", "2")
    bad = compared(0.001, "-n", "0")
    claim = good.claims(f"ratio-{FOREIGN}-gcc")["time_ratio"]
    caught = bad.claims(f"ratio-{FOREIGN}-gcc")["time_ratio"]
    mine, other = (target_of(good, "ratio", each)["build"]["cpu_s"] for each in (FOREIGN, NATIVE))

    assert good.exit_code == 0, good.output
    assert claim["verdict"] == "pass"
    assert claim["observed"] == pytest.approx(mine / other)
    assert "time_ratio" not in good.claims(f"ratio-{NATIVE}-gcc")
    assert bad.exit_code == 1
    assert caught["verdict"] == "fail"
    assert caught["manifest_key"] == "projects.ratio.budget.time_ratio"
    assert {each["reused"] for each in bad.report["targets"]} == {True}


def _watched(kept: Kept, run: Callable[[], Result]) -> tuple[Result, int]:
    """A run's result, and how many containers of its target started meanwhile."""
    begin = time.time()
    result = run()
    events = docker(
        *("events", "--since", f"{begin:.9f}", "--until", f"{time.time():.9f}"),
        *("--filter", "event=start", "--filter", f"label=dev.crossgate.target={kept.id}"),
        *("--format", "{{.ID}}"),
    )
    return result, len(events.split())


def _crossgate(*words: str) -> str:
    return subprocess.run(
        [str(ROOT / "crossgate"), *words],
        env=environment(),
        cwd=os.sep,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    ).stdout
