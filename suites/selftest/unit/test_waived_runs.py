"""Runs with waivers: every reporter shows what is waived, and what is wrong with a waiver."""

from __future__ import annotations

import datetime
import json
import subprocess
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pytest

from fixtures.progress import Event, Kind
from reports import live_lines, markdown, table
from reports.document import Claim, Report
from suites.selftest.harness import ROOT, Result, environment, run_gate
from suites.selftest.unit.elf_images import IMAGES

LINK: Final = "https://example.org/issues/7"
TARGETS: Final = ("demo-amd64-prebuilt", "demo-arm64-prebuilt")
LATER: Final = "2999-12-31"
WORDS: Final = f"waived until {LATER} (a | codec; {LINK}): "


def project(folder: Path, waivers: str) -> Path:
    """Finished artifacts of two architectures, all over their budget of a byte."""
    for architecture in ("amd64", "arm64"):
        file = folder / "dist" / architecture / "demo"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(IMAGES[architecture]))
    (folder / "crossgate.toml").write_text(
        '[projects.demo]\nsource = { prebuilt = "dist/{architecture}" }\nartifacts = ["demo"]\n'
        f'architectures = ["amd64", "arm64"]\nbudget = {{ size = 1 }}\n{waivers}',
        "utf-8",
    )
    return folder


def waiver(name: str, claim: str = "size", expires: str = LATER, more: str = "") -> str:
    """A waiver as the manifest has it."""
    return (
        f'[[waivers]]\ntarget = "{name}"\nclaim = "{claim}"\nreason = "a | codec"\n'
        f'link = "{LINK}"\nexpires = {expires}\n{more}'
    )


@pytest.fixture(scope="module", params=["0", "2"])
def waived(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Result]:
    """A run in which all that fails is waived, with and without workers."""
    folder = project(tmp_path_factory.mktemp("waived") / "demo", waiver("demo-*"))
    summary = folder.parent / "summary.md"
    return folder, run_gate(folder, "-n", request.param, GITHUB_STEP_SUMMARY=str(summary))


def test_a_waived_claim_fails_nothing(waived: tuple[Path, Result]) -> None:
    """The run's exit code is 0, and pytest calls the claims xfailed, not passed."""
    _, ended = waived

    assert ended.exit_code == 0, ended.output
    assert "4 passed, 2 xfailed" in ended.output
    assert f"XFAIL suites/gate/test_size.py::test_size[{TARGETS[1]}]" in ended.output


def test_the_table_shows_it(waived: tuple[Path, Result]) -> None:
    """On the terminal the verdict is waived, with until when and why, and it is counted as such."""
    _, ended = waived
    [row] = [
        line
        for line in ended.output.splitlines()
        if line.startswith(f"{TARGETS[1]}  size") and "waived" in line
    ]

    assert WORDS in row
    assert "2 targets, 6 claims: 4 pass, 2 waived" in ended.output


def test_the_document_shows_it(waived: tuple[Path, Result]) -> None:
    """report.json has the verdict, what was seen and expected, and the waiver in parts."""
    _, ended = waived
    claims = ended.claims(TARGETS[1])

    assert ended.verdicts(TARGETS[1])["size"] == "waived"
    assert claims["size"]["expected"] == 1
    assert claims["size"]["observed"] > 1
    assert claims["size"]["reason"].startswith(WORDS)
    assert claims["size"]["waiver"] == {
        "key": "waivers.1",
        "state": "in force",
        "reason": "a | codec",
        "link": LINK,
        "expires": LATER,
        "ceiling": None,
    }
    assert "waiver" not in claims["built"]


def test_junit_shows_it(waived: tuple[Path, Result]) -> None:
    """JUnit has it skipped as an expected failure, with the words and the verdict."""
    folder, _ = waived
    junit = ElementTree.parse(folder.parent / "demo-out" / "junit.xml")
    [case] = [case for case in junit.iter("testcase") if case.get("name") == _test(TARGETS[1])]
    [skipped] = case.iter("skipped")
    known = {each.get("name"): each.get("value") for each in case.iter("property")}

    assert skipped.get("type") == "pytest.xfail"
    assert WORDS in (skipped.get("message") or "")
    assert known["verdict"] == "waived"


def test_markdown_shows_it(waived: tuple[Path, Result]) -> None:
    """The pull request's summary has its sign, its verdict and its words."""
    folder, _ = waived
    for file in (folder.parent / "summary.md", folder.parent / "demo-out" / "report.md"):
        text = file.read_text("utf-8")
        [row] = [line for line in text.splitlines() if line.startswith(f"| {TARGETS[1]} | size |")]

        assert "🏷️ waived" in row
        assert f"waived until {LATER} (a &#124; codec; {LINK})" in row


def _test(target: str) -> str:
    return f"test_size[{target}]"


def day(days: int) -> str:
    """A day so many days from today."""
    today = datetime.datetime.now(datetime.UTC).date()
    return (today + datetime.timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("waivers", "claim", "state", "words"),
    [
        (waiver("demo-*", expires=day(-3)), "size", "expired", f"expired on {day(-3)}, "),
        (waiver("demo-aarch64-*", "built"), "built", "unused", "not needed any more; remove it"),
        (
            waiver("demo-*", more="ceiling = 9"),
            "size",
            "exceeded",
            "the ceiling of its waiver, 9 B",
        ),
    ],
)
def test_what_is_wrong_with_a_waiver_fails_the_run(
    tmp_path: Path, waivers: str, claim: str, state: str, words: str
) -> None:
    """Expired, unused, exceeded: the claim fails, and everything that reports says why."""
    ended = run_gate(project(tmp_path / "demo", waivers), "-n", "0", "-k", f"arm64 and {claim}")
    told = ended.claims(TARGETS[1])[claim]
    document = (tmp_path / "demo-out" / "report.md").read_text("utf-8")
    junit = (tmp_path / "demo-out" / "junit.xml").read_text("utf-8")

    assert ended.exit_code == 1
    assert (told["verdict"], told["waiver"]["state"]) == ("fail", state)
    assert all(words in text for text in (told["reason"], ended.output, document, junit))


def test_only_what_was_judged_can_be_unused(tmp_path: Path) -> None:
    """A waiver of a target that -k leaves out, needed or not, makes no run fail."""
    waivers = waiver("demo-arm64-*", "built") + waiver("demo-amd64-*")
    folder = project(tmp_path / "demo", waivers)

    assert run_gate(folder, "-n", "0", "-k", "amd64").exit_code == 0
    assert run_gate(folder, "-n", "0", "-k", "arm64 and built").exit_code == 1


def test_what_is_waived_never_passes(tmp_path: Path) -> None:
    """With pytest's --runxfail, under which nothing is expected to fail, it fails."""
    ended = run_gate(project(tmp_path / "demo", waiver("demo-*")), "-n", "0", "--runxfail")

    assert ended.exit_code == 1
    assert "4 passed" in ended.output
    assert "2 failed" in ended.output


def test_a_wrong_waiver_is_one_message(tmp_path: Path) -> None:
    """A waiver of no target ends the run before anything is judged, by pytest's usage error."""
    ended = run_gate(project(tmp_path / "demo", waiver("demo-s390x-*")), "-n", "0")

    assert ended.exit_code == 4
    assert "waivers.1.target: demo-s390x-* is none of this manifest's targets" in ended.output
    assert "Traceback" not in ended.output


def plan(folder: Path, *words: str) -> str:
    """What the plan of a project is."""
    done = subprocess.run(
        [str(ROOT / "crossgate"), "plan", "--manifest", str(folder / "crossgate.toml"), *words],
        env=environment(DOCKER_HOST="unix:///nonexistent.sock"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return "\n".join(line for line in done.stdout.splitlines() if "crossgate: " not in line)


def test_the_plan_shows_what_is_waived(tmp_path: Path) -> None:
    """Each waived claim of a target is named with its last day, and one that expired as such."""
    waivers = waiver("demo-arm64-*") + waiver("demo-arm64-*", "built", day(-1))
    folder = project(tmp_path / "demo", waivers)
    first, second = plan(folder).splitlines()
    rows: list[dict[str, Any]] = json.loads(plan(folder, "--json"))

    assert "waived" not in first
    assert second.endswith(f"; waived: built expired on {day(-1)}, size until {LATER}")
    assert rows[0]["waivers"] == []
    assert [(each["claim"], each["expired"]) for each in rows[1]["waivers"]] == [
        ("built", True),
        ("size", False),
    ]
    assert {each["link"] for each in rows[1]["waivers"]} == {LINK}


def test_the_live_lines_show_a_build_that_may_fail(tmp_path: Path) -> None:
    """Where the promised file is missing, the line of the failed build says that it is waived."""
    folder = project(tmp_path / "demo", waiver("demo-arm64-*", "built"))
    (folder / "dist" / "arm64" / "demo").rename(folder / "dist" / "arm64" / "other")
    ended = run_gate(folder, "-n", "0", "-k", "arm64")

    assert ended.exit_code == 0, ended.output
    assert f"crossgate: {TARGETS[1]}: failed, waived until {LATER}" in ended.output
    assert set(ended.verdicts(TARGETS[1]).values()) == {"waived"}


def test_every_reporter_tells_waived_from_pass() -> None:
    """No reporter counts or signs what is waived as passed."""
    claims = tuple(
        Claim(target="t", name=name, verdict=name, reason="why") for name in ("pass", "waived")
    )
    report = Report(started="", host={}, claims=claims)
    event = Event(target="t", kind=Kind.FINISHED, at=0, words="failed, waived until 2999-12-31")

    assert table.summary(report) == "1 target, 2 claims: 1 pass, 1 waived"
    assert [line.verdict for line in table.lines(report, 80)] == [None, "pass", "waived", None]
    assert markdown.render(report).count("✅") == 1
    assert live_lines.plain(event) == "crossgate: t: failed, waived until 2999-12-31"
