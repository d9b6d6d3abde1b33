"""From a real build to the history, the baseline and back: what is judged is what was built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from fixtures import history
from fixtures.cli import main as cli
from suites.selftest.harness import NATIVE, manifest_text, project, run_gate

pytestmark = pytest.mark.integration

TARGET: Final = f"demo-{NATIVE}-gcc"
SOURCE: Final = "int main(void) { return 0; }\n"


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A project whose growth and time are bounded."""
    manifest = manifest_text(
        {
            "demo": {
                "architectures": [NATIVE],
                "build": "{cc} -o demo demo.c",
                "artifacts": ["demo"],
                "budget": {
                    "cpu_time": "60 s",
                    "regression": {"size": "2%", "size_allocated": "2%", "size_compressed": "2%"},
                },
            }
        }
    )
    return project(tmp_path / "demo", manifest, {"demo.c": SOURCE})


def baseline(demo: Path, part: str, *words: str) -> int:
    """The exit code of a part of the subcommand."""
    given = ["--manifest", str(demo / "crossgate.toml")]
    given += ["--report-dir", str(demo.parent / "demo-out")]
    return cli.main(["baseline", part, *words, *given])


def test_a_build_is_remembered_agreed_to_and_judged_by(demo: Path) -> None:
    """A cold build leaves a row and a reference; a growth of its source is caught by them."""
    first = run_gate(demo, "-n", "0", "-q")
    record = json.loads((demo.parent / f"demo-out/records/{TARGET}/record.json").read_bytes())
    rows, problem = history.rows(
        history.place(), history.manifest_id(demo, str(demo / "crossgate.toml"))
    )

    assert first.exit_code == 0, first.output
    assert first.verdicts(TARGET)["size_regression"] == "unmeasurable"
    assert first.verdicts(TARGET)["cpu_time"] == "pass"
    assert record["conditions"]["reference_s"] > 0.05
    assert problem is None
    assert [(row.target, row.cpu_s) for row in rows] == [(TARGET, record["build"]["cpu_s"])]

    assert baseline(demo, "update", "--yes") == 0
    entry = json.loads((demo / "reports" / "baseline.json").read_bytes())["targets"][TARGET]
    agreed = run_gate(demo, "-n", "0", "-q")

    assert entry["reference_s"] == record["conditions"]["reference_s"]
    assert agreed.claims(TARGET)["size_regression"]["reason"].count("0 bytes") >= 3
    assert agreed.verdicts(TARGET)["size_regression"] == "pass"
    assert agreed.report["targets"][0]["reused"]

    (demo / "demo.c").write_text("char more[9000] = {1};\n" + SOURCE)
    grown = run_gate(demo, "-n", "0", "-q")
    claim = grown.claims(TARGET)["size_regression"]

    assert grown.exit_code == 1
    assert claim["verdict"] == "fail"
    assert "2 % is allowed" in claim["reason"]
    assert baseline(demo, "check") == 1


def test_a_rebuild_of_the_same_source_weighs_the_same(demo: Path) -> None:
    """Identical builds differ by 0 bytes, and each of them is a row of its own."""
    run_gate(demo, "-n", "0", "-q")
    assert baseline(demo, "update", "--yes") == 0

    again = run_gate(demo, "-n", "0", "-q", "--fresh")
    rows, _ = history.rows(history.place(), history.manifest_id(demo, str(demo / "crossgate.toml")))

    assert not again.report["targets"][0]["reused"]
    assert again.verdicts(TARGET)["size_regression"] == "pass"
    assert "0 bytes, 2 % allowed" in again.claims(TARGET)["size_regression"]["reason"]
    assert len(rows) == 2
