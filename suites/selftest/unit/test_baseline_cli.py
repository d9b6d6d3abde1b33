"""``crossgate baseline`` and the gate: from finished files to a committed baseline and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from fixtures.cli import main as cli
from suites.selftest.harness import Result, project, run_gate
from suites.selftest.unit.elf_images import ARM64

ID: Final = "demo-arm64-prebuilt"
MANIFEST: Final = """\
[projects.demo]
source = { prebuilt = "dist" }
architectures = ["arm64"]
artifacts = ["tool"]
budget.regression = { size = "2%", size_compressed = "16 KiB" }
"""


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A project of one finished program."""
    return project(tmp_path / "demo", MANIFEST, {"dist/tool": bytes(ARM64)})


def gate(demo: Path) -> Result:
    """A run of the gate."""
    return run_gate(demo, "-n", "0", "-q")


def baseline(demo: Path, part: str, *words: str) -> int:
    """The exit code of a part of the subcommand."""
    given = ["baseline", part, *words, "--manifest", str(demo / "crossgate.toml")]
    if part != "show":
        given += ["--report-dir", str(demo.parent / "demo-out")]
    return cli.main(given)


def test_a_growth_is_caught_after_the_baseline_was_agreed_to(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Loud without a baseline, a pass with it, a failure that names the growth after it."""
    tool, place = demo / "dist" / "tool", demo / "reports" / "baseline.json"
    before = gate(demo).claims(ID)["size_regression"]

    assert before["verdict"] == "unmeasurable"
    assert f"crossgate baseline update {ID}" in before["reason"]
    assert baseline(demo, "check") == 1
    assert "has no entry" in capsys.readouterr().out

    assert baseline(demo, "update") == 1
    assert not place.exists()
    assert baseline(demo, "update", "--yes") == 0
    assert f"{ID}  tool  none -> " in capsys.readouterr().out
    assert set(json.loads(place.read_bytes())["targets"]) == {ID}
    assert baseline(demo, "check") == 0
    assert baseline(demo, "show") == 0

    agreed = gate(demo).claims(ID)["size_regression"]

    assert agreed["verdict"] == "pass"
    assert "0 bytes" in agreed["reason"]

    tool.write_bytes(bytes(ARM64) + b"\0" * (len(bytes(ARM64)) // 10))
    grown = gate(demo)

    assert grown.exit_code == 1
    assert "2 % is allowed" in grown.claims(ID)["size_regression"]["reason"]
    assert baseline(demo, "check") == 1
    assert "grew or shrank beyond its bound" in capsys.readouterr().out


def test_a_baseline_that_can_not_be_read_is_loud(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A half merged file is unmeasurable with the reason, and an update replaces it."""
    (demo / "reports").mkdir()
    (demo / "reports" / "baseline.json").write_text("<<<<<<< HEAD\n")

    claim = gate(demo).claims(ID)["size_regression"]

    assert claim["verdict"] == "unmeasurable"
    assert "not JSON" in claim["reason"]
    assert baseline(demo, "check") == 1
    assert baseline(demo, "show") == 4
    assert baseline(demo, "update", ID, "--yes") == 4
    assert baseline(demo, "update", "--yes") == 0
    assert baseline(demo, "check") == 0
    assert "Traceback" not in capsys.readouterr().out


def test_a_stale_record_is_refused(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was built of another state of the source is not what is agreed to."""
    gate(demo)
    (demo / "dist" / "tool").write_bytes(bytes(ARM64) + b"\0")

    assert baseline(demo, "update", "--yes") == 1
    assert f"refused: {ID}: the source changed" in capsys.readouterr().out
    assert not (demo / "reports" / "baseline.json").exists()


def test_a_target_that_is_not_there_is_named(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip in an id, and a target that was never built, are told and write nothing."""
    assert baseline(demo, "update", "demo-arm64-prebuild", "--yes") == 4
    assert f'did you mean "{ID}"?' in capsys.readouterr().err
    assert baseline(demo, "update", ID, "--yes") == 1
    assert "never built here" in capsys.readouterr().out
    assert baseline(demo, "update", "--yes") == 1
    assert "no record of any target" in capsys.readouterr().out


def test_an_entry_of_no_target_goes_with_an_update_of_all(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A target that was renamed leaves its entry, which check tells and update removes."""
    gate(demo)
    assert baseline(demo, "update", "--yes") == 0
    place = demo / "reports" / "baseline.json"
    document = json.loads(place.read_bytes())
    document["targets"]["demo-arm64-gcc"] = document["targets"][ID]
    place.write_text(json.dumps(document))

    assert baseline(demo, "check") == 1
    assert "demo-arm64-gcc: no target of the manifest has this id" in capsys.readouterr().out
    assert baseline(demo, "update", "--yes") == 0
    assert "demo-arm64-gcc  the entry  there -> none" in capsys.readouterr().out
    assert baseline(demo, "check") == 0


def test_the_baseline_is_no_part_of_a_source(tmp_path: Path) -> None:
    """Agreeing to what was built makes nothing of it stale."""
    text = MANIFEST.replace('"dist"', '"."')
    folder = project(tmp_path / "demo", text, {"tool": bytes(ARM64)})
    gate(folder)

    assert baseline(folder, "update", "--yes") == 0
    assert baseline(folder, "update", "--yes") == 0
    assert gate(folder).report["targets"][0]["reused"]
