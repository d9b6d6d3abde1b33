"""What the reporter makes of a test's phases, and how it bounds what it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from reports import markdown
from reports.document import Claim, Report
from suites.selftest.unit.test_guard import run

PHASES: Final = """
import json, pytest

def tell(request, **more):
    about = {{"target": "demo-amd64-gcc", "claim": "size", **more}}
    request.node.user_properties.append(("crossgate", json.dumps(about)))

def judge(request, verdict):
    known = dict.fromkeys(("observed", "expected", "manifest_key", "reused", "evidence"))
    tell(request, verdict=verdict, reason="as judged", **known)

@pytest.fixture
def torn(request):
    tell(request)
    yield
    raise OSError("the teardown's")

@pytest.fixture
def ready(torn):
    {setup}

def test_size(ready, request):
    {test}
"""


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(
    ("setup", "test", "verdict", "reason"),
    [
        ("raise OSError('the set-up')", "pass", "error", "OSError: the set-up"),
        ("pytest.fail('the set-up', pytrace=False)", "pass", "error", "the set-up"),
        (
            "pass",
            "judge(request, 'pass')",
            "error",
            "the test's teardown failed: OSError: the teardown's",
        ),
        (
            "pytest.skip('no engine')",
            "pass",
            "error",
            "the test's teardown failed: OSError: the teardown's",
        ),
        ("pass", "judge(request, 'fail'); pytest.fail('x')", "fail", "as judged"),
    ],
)
def test_a_failing_teardown(
    tmp_path: Path, workers: str, setup: str, test: str, verdict: str, reason: str
) -> None:
    """A claim whose test's teardown fails never passes, and what failed before it is told."""
    test_file = PHASES.format(setup=setup, test=test)
    ended = run(tmp_path, "-n", workers, test_it=test_file)
    document = json.loads((tmp_path / "reports" / "out" / "report.json").read_bytes())
    [claim] = document["targets"][0]["claims"]

    assert ended.exit_code == 1
    assert (claim["verdict"], claim["reason"]) == (verdict, reason)


def report(count: int, **changed: Any) -> Report:
    """A report of so many failed claims, each with a long reason."""
    claims = tuple(
        Claim(target=f"t{number}", name="size", verdict="fail", reason="é" * 300, **changed)
        for number in range(count)
    )
    return Report(started="", host={}, claims=claims)


def test_a_summary_is_bounded() -> None:
    """A summary too long for GitHub ends with how many claims it leaves out, and only then."""
    small = markdown.render(report(1000))
    large = markdown.render(report(5000))
    rows = large.count("| t")

    assert len(large.encode()) <= markdown.MAX_BYTES + 100
    assert small.count("| t") == 1001
    assert "more claims" not in small
    assert large.endswith(f"\n{5001 - rows} more claims are in report.json.\n")
