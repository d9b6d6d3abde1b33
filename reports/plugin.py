"""The reporting plugin: on the controller alone, from reports and records to files and table."""

from __future__ import annotations

import datetime
import json
import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures import host, paths
from fixtures.build_host import usable_cpus
from fixtures.core import claims as known_claims
from fixtures.core import record as records
from fixtures.core.errors import RecordError
from fixtures.core.record import Record
from fixtures.core.text import clip, printable, tame, tame_json
from fixtures.core.timings import kept
from fixtures.core.timings.kept import Units
from fixtures.doctor import quick
from fixtures.progress import Queued
from fixtures.session import INFRASTRUCTURE, PROPERTY, is_gate, report_dir, run_of

from . import across, live, markdown, table
from .document import Claim, Report, in_order

_COLOURS: Final = {
    "pass": {"green": True},
    "fail": {"red": True},
    "error": {"red": True, "bold": True},
    "waived": {"yellow": True},
    "unmeasurable": {"yellow": True, "bold": True},
    "not applicable": {},
}


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Report on the controller alone; JUnit goes beside the other reports unless moved."""
    if hasattr(config, "workerinput") or config.option.collectonly or not is_gate(config):
        return
    if not config.option.xmlpath:
        config.option.xmlpath = str(report_dir(config) / "junit.xml")
    config.pluginmanager.register(Reporter(config), "crossgate-reporter")


class Reporter:
    """Gathers what the claims' tests report, and writes it all at the end."""

    def __init__(self, config: pytest.Config) -> None:
        now = datetime.datetime.now(datetime.UTC)
        self._config = config
        self._started = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._claims: dict[tuple[str, str], Claim] = {}
        self._problems: list[str] = []
        self._report: Report | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_crossgate_watch(self, folder: Path, queue: Sequence[Queued]) -> None:
        """Show how the builds go on."""
        records = report_dir(self._config) / "records"
        live.start(self._config, folder=folder, records=records, queue=queue)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a claim's judgement, or the error that kept it from one."""
        documents = [
            json.loads(value)
            for name, value in report.user_properties
            if name == PROPERTY and isinstance(value, str)
        ]
        if not documents:
            if report.outcome == "failed":
                # A test that judges no claim, or the word of a worker's crash.
                self._problems.append(f"failed: {printable(report.nodeid)}: {_reason(report)}")
            return
        about: dict[str, Any] = {}
        for document in documents:
            about |= document
        key = about["target"], about["claim"]
        if report.when == "teardown":
            if report.outcome == "failed" and key in self._claims:
                self._claims[key] = _torn(self._claims[key], _reason(report))
        elif "verdict" in about:
            self._claims[key] = _claim(about)
        if report.outcome != "passed":
            error = Claim(
                target=about["target"],
                name=about["claim"],
                verdict="not applicable" if report.outcome == "skipped" else "error",
                reason=_reason(report),
            )
            self._claims.setdefault(key, error)

    def pytest_crossgate_not_judged(self, target: str, claim: str, reason: str) -> None:
        """Note a claim that was not even collected."""
        self._claims[target, claim] = Claim(
            target=target, name=claim, verdict="not applicable", reason=f"not judged: {reason}"
        )

    def pytest_crossgate_collected(self, target: str, claim: str, missing: str) -> None:
        """Note a claim that was collected and has no verdict: that must not look like a pass."""
        if (target, claim) not in self._claims:
            self._claims[target, claim] = Claim(
                target=target, name=claim, verdict="error", reason=f"not judged: {missing}"
            )

    def pytest_crossgate_problem(self, problem: str) -> None:
        """Note what is wrong with the run itself."""
        self._problems.append(problem)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write report.json, report.md and the CI job's summary."""
        if not self._claims and not self._problems:
            return
        folder = report_dir(self._config)
        targets = {target for target, _ in self._claims}
        loaded = {
            target: record for target in targets if (record := _load(folder, target)) is not None
        }
        sizes = across.of_projects(self._claims.values(), loaded)
        self._report = Report(
            started=self._started,
            host=_host(self._config),
            claims=in_order(self._claims.values(), known_claims.CLAIMS),
            records=loaded,
            problems=tuple(self._problems),
            notes=(*across.notes(sizes), *self._drifts()),
            sizes=sizes,
            timings={target: _timings(folder, record) for target, record in loaded.items()},
            exit_code=int(session.exitstatus),
        )
        document = tame_json(json.dumps(self._report.to_json(), indent=1, ensure_ascii=True))
        paths.write_atomically(folder / "report.json", document + "\n")
        text = markdown.render(self._report)
        paths.write_atomically(folder / "report.md", text)
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            try:
                with Path(summary).open("a", encoding="utf-8") as file:
                    file.write(text)
            except OSError as error:
                raise pytest.UsageError(
                    f"GITHUB_STEP_SUMMARY: {summary}: {error.strerror}"
                ) from None

    def _drifts(self) -> tuple[str, ...]:
        """What is known of drift, where something was built: else nothing is new."""
        built = {claim.target for claim in self._claims.values() if claim.reused is False}
        return run_of(self._config).drifts(built) if built else ()

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the verdict table."""
        if self._report is None or not self._report.claims:
            return
        terminalreporter.section("crossgate")
        width = shutil.get_terminal_size().columns if terminalreporter.isatty else 200
        for line in table.lines(self._report, max(80, width)):
            terminalreporter.write_line(line.text, **_COLOURS.get(line.verdict or "", {}))
        folder = report_dir(self._config)
        terminalreporter.write_line(f"reports: {folder}")


def _torn(claim: Claim, reason: str) -> Claim:
    """A claim after its test's teardown failed: what was wrong before says more, if anything."""
    if claim.verdict in ("fail", "error"):
        return claim
    return replace(claim, verdict="error", reason=f"the test's teardown failed: {reason}")


def _claim(about: dict[str, Any]) -> Claim:
    return Claim(
        target=about["target"],
        name=about["claim"],
        verdict=about["verdict"],
        reason=about["reason"],
        observed=about["observed"],
        expected=about["expected"],
        manifest_key=about["manifest_key"],
        reused=about["reused"],
        evidence=about["evidence"],
        waiver=about.get("waiver"),
        attribution=about.get("attribution"),
    )


def _reason(report: pytest.TestReport) -> str:
    """Why a test ended before its verdict, from what pytest kept of it."""
    crash = report.longrepr
    if isinstance(crash, tuple):
        return clip(printable(str(crash[2]).removeprefix("Skipped: ").partition("\n")[0]))
    traceback = getattr(crash, "reprtraceback", None)
    if getattr(traceback, "style", "value") != "value":
        # Of an exception that nobody expected, the message; the text begins with source code.
        message = str(getattr(getattr(crash, "reprcrash", None), "message", ""))
        return clip(printable(message.partition("\n")[0] or "no reason was given"))
    # xdist puts a line with the worker's name in front.
    lines = [line for line in report.longreprtext.splitlines() if not line.startswith("[gw")]
    if lines and lines[0].startswith(INFRASTRUCTURE):
        # Our own words, of which the later lines are what an engine or client said last.
        return tame("\n".join(clip(line) for line in lines[:_LINES]))
    return clip(printable(lines[0] if lines else "no reason was given"))


_LINES: Final = 40


def _load(folder: Path, target: str) -> Record | None:
    try:
        return records.from_json((folder / "records" / target / "record.json").read_bytes())
    except (OSError, RecordError):
        return None


def _timings(folder: Path, record: Record) -> tuple[Units, ...]:
    try:
        content = (folder / "records" / record.target / kept.FILE).read_bytes()
        return kept.from_json(content, record.run, record.key)
    except (OSError, RecordError):
        return ()


def _host(config: pytest.Config) -> dict[str, Any]:
    manifest = config.getoption("manifest", None)
    source = Path(manifest).absolute().parent if manifest else config.rootpath
    return {
        "system": platform.system(),
        "release": platform.release(),
        "architecture": host.architecture(),
        "cpu_model": host.cpu_model(),
        "cpus": usable_cpus(),
        "facts": quick.facts(source, report_dir(config)),
    }
