"""The plugin as a user meets it: runs of the gate, here on records made by hand, so no engine."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pytest

from fixtures import host, inspection, paths
from fixtures.building import recipe, source
from fixtures.core import keys, manifest, record, targets
from fixtures.core.record import Outcome, Record
from fixtures.core.verdicts import Verdict
from reports import markdown
from reports.document import Claim, Report
from suites.selftest.harness import ROOT, Result, command, environment, project, run_gate
from suites.selftest.unit import samples

WORKERS: Final = ("0", "2")
DEMO: Final = """
[projects.demo]
source = { path = "." }
toolchain = "gcc"
architectures = ["amd64", "arm64"]
build = "make CC={cc} -j{jobs} demo"
artifacts = ["demo"]
smoke = "{artifact} --version"

[projects.demo.budget]
size = "1 MiB"
cpu_time = "60 s"
time_ratio = { to = "amd64", max = 1.5 }
"""
CLAIMS: Final = ("built", "architecture", "smoke", "size", "cpu_time")


class Planted:
    """A project with records as earlier runs left them, and a host on which no engine answers."""

    def __init__(self, folder: Path, text: str = DEMO) -> None:
        self.folder = project(folder / "demo", text, {"demo.c": "int main(void) {}\n"})
        self.reports = folder / "demo-out"
        self._cache = folder / "cache"
        architecture = host.architecture()
        assert architecture is not None
        loaded = manifest.load(text.encode(), "crossgate.toml")
        self.targets = {each.id: each for each in targets.expand(loaded, architecture)}

    def plant(self, target_id: str, **changes: Any) -> Record:
        """Leave an honest build's record of a target, with changes to it."""
        target = self.targets[target_id]
        folder = self.reports / "artifacts" / target_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "demo").write_bytes(b"a program")
        artifact = samples.artifact(target, sha256=hashlib.sha256(b"a program").hexdigest())
        manifest_file = (self.folder / "crossgate.toml").resolve()
        tree = source.read_tree(self.folder, key="source", without=(manifest_file,))
        parts = keys.parts(
            target,
            source=tree.digest,
            image=self._identity(target),
            readers=inspection.identity(),
        )
        made = samples.record(
            target,
            artifacts=(artifact,),
            key=keys.key(parts),
            key_parts=parts,
            log=f"{target_id}/build.log",
        )
        made = replace(made, **changes)
        file = self.reports / "records" / target_id / "record.json"
        paths.write_atomically(file, record.to_json(made))
        return made

    def plant_all(self) -> None:
        """Leave a record of every target."""
        for target_id in self.targets:
            self.plant(target_id)

    def run(self, *arguments: str, **changed: str | None) -> Result:
        """Run the gate with no engine in reach."""
        return run_gate(self.folder, *arguments, **self.environment(**changed))

    def environment(self, **changed: str | None) -> dict[str, str | None]:
        """What makes a run find these records and no engine."""
        nothing = f"unix://{self._cache}/nothing.sock"
        return {"DOCKER_HOST": nothing, "CROSSGATE_CACHE": str(self._cache), **changed}

    def load(self, target_id: str) -> Record:
        """A target's record as it is now."""
        return record.from_json((self.reports / "records" / target_id / "record.json").read_bytes())

    def junit(self) -> list[ElementTree.Element]:
        """The cases of the last run's JUnit file."""
        return list(ElementTree.parse(self.reports / "junit.xml").iter("testcase"))

    def _identity(self, target: targets.Target) -> str:
        """Have the target's image known on this host: a cache file names what it is made of."""
        image = recipe.of_target(target, self.folder, "crossgate.toml")
        file = self._cache / "images" / recipe.identity_file(image).name
        identity = hashlib.sha256(image.tag.encode()).hexdigest()
        paths.write_atomically(file, json.dumps({"identity": identity, "given": None}))
        return identity


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    """The demo project, everything built."""
    made = Planted(tmp_path)
    made.plant_all()
    return made


@pytest.fixture(scope="module", params=WORKERS)
def reused(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Planted, Result]:
    """A run over an unchanged tree, with none and with two workers."""
    made = Planted(tmp_path_factory.mktemp("reused"))
    made.plant_all()
    summary = made.folder.parent / "summary.md"
    summary.write_text("# Another step\n", "utf-8")
    return made, made.run("-n", request.param, GITHUB_STEP_SUMMARY=str(summary))


def test_reused_run_needs_no_engine(reused: tuple[Planted, Result]) -> None:
    """Over an unchanged tree all is judged on the records: no engine is asked, each row says so."""
    _, ended = reused
    rows = [line for line in ended.output.splitlines() if "-gcc  " in line and "  pass" in line]

    assert ended.exit_code == 0, ended.output
    assert len(rows) == 11
    assert all("  reused  " in row for row in rows)
    assert "2 targets, 11 claims: 11 pass; 2 judged on an earlier record" in ended.output
    assert [target["reused"] for target in ended.report["targets"]] == [True, True]


def test_report_document(reused: tuple[Planted, Result]) -> None:
    """report.json has the documented shape, and says nothing that the record does not."""
    planted, ended = reused
    known = planted.load("demo-arm64-gcc")
    report = ended.report
    target = report["targets"][1]
    (artifact,) = target["artifacts"]

    assert report["schema"] == 1
    assert report["started"].endswith("Z")
    assert {"system", "architecture", "cpus"} <= report["host"].keys()
    assert {"backend", "cpu", "engine", "source"} <= report["host"]["facts"].keys()
    assert [each["id"] for each in report["targets"]] == ["demo-amd64-gcc", "demo-arm64-gcc"]
    assert (target["project"], target["architecture"]) == ("demo", "arm64")
    assert (target["toolchain"], target["strategy"]) == ("gcc", known.strategy)
    assert target["key"] == known.key
    assert target["build"].keys() == {
        "exit_code",
        "cpu_s",
        "wall_s",
        "peak_memory_bytes",
        "cpus",
        "phases",
        "tasks",
        "objects",
        "trials",
    }
    assert {"name", "cpu_s", "wall_s"} <= target["build"]["phases"][0].keys()
    assert artifact.keys() >= {"path", "file", "size_bytes", "sha256", "format", "facts"}


def test_claims_in_the_report_document(reused: tuple[Planted, Result]) -> None:
    """Each claim in report.json has its verdict, what was seen and expected, why, and its key."""
    _, ended = reused
    claims = ended.claims("demo-arm64-gcc")
    keys_of_a_claim = {
        *("name", "verdict", "observed", "expected", "reason", "manifest_key", "evidence"),
    }

    assert list(claims) == [*CLAIMS, "time_ratio"]
    assert all(claim.keys() == keys_of_a_claim for claim in claims.values())
    assert all(claim["verdict"] == "pass" and claim["reason"] for claim in claims.values())
    assert all(claim["manifest_key"].startswith("projects.demo.") for claim in claims.values())
    assert claims["size"]["expected"] == 1024**2


def test_one_junit_case_for_each_claim(reused: tuple[Planted, Result]) -> None:
    """JUnit has one case for each claim of each target, named by both."""
    planted, _ = reused
    names = sorted(case.get("name", "") for case in planted.junit())

    assert names == sorted(
        [f"test_{claim}[demo-{cpu}-gcc]" for claim in CLAIMS for cpu in ("amd64", "arm64")]
        + ["test_time_ratio[demo-arm64-gcc]"]
    )


def test_summary_for_a_pull_request(reused: tuple[Planted, Result]) -> None:
    """The step's summary gets the table as Markdown, after what other steps wrote there."""
    planted, _ = reused
    text = (planted.folder.parent / "summary.md").read_text("utf-8")

    assert text.startswith("# Another step\n")
    assert "| target | claim | verdict | record | evidence | finding |\n| --- |" in text
    assert text.count("| demo-arm64-gcc |") == 6
    assert text.count(" reused |") == 11


def test_summary_stays_below_the_limit() -> None:
    """However much there is to say, the summary stays below the 1 MiB at which GitHub drops it."""
    claims = tuple(
        Claim(target=f"demo-{number}", name="size", verdict="fail", reason="<é>" * 300)
        for number in range(1500)
    )
    text = markdown.render(Report(started="", host={}, claims=claims, problems=("lost",)))

    assert 500_000 < len(text.encode()) < 1024**2
    assert text.rstrip().endswith("more claims are in report.json.")
    assert "1500 fail" in text
    assert "**lost**" in text


def test_auto_takes_no_workers_where_nothing_is_built(planted: Planted) -> None:
    """With the default -n auto, a run that builds nothing starts no worker processes."""
    ended = planted.run("--verbose")

    assert ended.exit_code == 0, ended.output
    assert "created: " not in ended.output
    assert "[gw" not in ended.output


def on_terminal(planted: Planted, **changed: str | None) -> bytes:
    """The output of a reused run on a terminal of 120 columns."""
    controller, terminal = pty.openpty()
    values = environment(**planted.environment(COLUMNS="120", TERM="xterm", **changed))
    with subprocess.Popen(
        command(planted.folder, "-n", "0"), cwd=ROOT, env=values, stdout=terminal, stderr=terminal
    ):
        os.close(terminal)
        output = bytearray()
        # Linux ends a terminal's stream with EIO instead of an end of file.
        try:
            while piece := os.read(controller, 65536):
                output += piece
        except OSError:
            pass
        os.close(controller)
    return bytes(output)


def test_colours_on_a_terminal_only(planted: Planted) -> None:
    """Colours are for terminals: none in a pipe, and none under NO_COLOR."""
    coloured = on_terminal(planted, NO_COLOR=None)
    plain = on_terminal(planted, NO_COLOR="1")
    piped = planted.run("-n", "0", NO_COLOR=None)

    assert b"\x1b[32mdemo-arm64-gcc  built" in coloured
    assert b"demo-arm64-gcc  built" in plain
    assert b"\x1b" not in plain
    assert "demo-arm64-gcc  built" in piped.output
    assert "\x1b" not in piped.output


OUTCOMES: Final = """
from fixtures.core.verdicts import Judgement, Verdict
from fixtures.judging import conclude
import pytest

@pytest.mark.parametrize("verdict", list(Verdict), ids=[each.name for each in Verdict])
@pytest.mark.parametrize("mode", ["skip", "fail"])
def test_it(verdict, mode):
    conclude(
        Judgement(
            claim="size", verdict=verdict, observed=2, expected=1,
            reason="two against one", manifest_key="projects.demo.budget.size",
        ),
        mode,
    )
"""


@pytest.fixture(scope="module", params=WORKERS)
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Result, Mapping[str, tuple[str, str]]]:
    """What pytest made of each verdict: outcome and words, by the test's id."""
    planted = Planted(tmp_path_factory.mktemp("outcomes"))
    planted.plant_all()
    (planted.folder / "test_it.py").write_text(OUTCOMES, "utf-8")
    ended = planted.run("-n", request.param, str(planted.folder / "test_it.py"))
    found = {}
    for case in planted.junit():
        part = next(iter(case), None)
        kind = "passed" if part is None else part.get("type") or part.tag
        words = "" if part is None else f"{part.get('message')} {part.text}"
        found[case.get("name", "")] = (kind, words)
    return ended, found


@pytest.mark.parametrize(
    ("verdict", "mode", "kind"),
    [
        (Verdict.PASS, "skip", "passed"),
        (Verdict.PASS, "fail", "passed"),
        (Verdict.FAIL, "skip", "failure"),
        (Verdict.FAIL, "fail", "failure"),
        (Verdict.WAIVED, "skip", "pytest.xfail"),
        (Verdict.WAIVED, "fail", "pytest.xfail"),
        (Verdict.UNMEASURABLE, "skip", "pytest.skip"),
        (Verdict.UNMEASURABLE, "fail", "failure"),
        (Verdict.NOT_APPLICABLE, "skip", "pytest.skip"),
        (Verdict.NOT_APPLICABLE, "fail", "pytest.skip"),
    ],
)
def test_verdict_to_outcome(
    outcomes: tuple[Result, Mapping[str, tuple[str, str]]], verdict: Verdict, mode: str, kind: str
) -> None:
    """Only a pass passes; each other verdict has its own outcome, with claim and reason."""
    _, found = outcomes
    outcome, words = found[f"test_it[{mode}-{verdict.name}]"]

    assert outcome == kind
    assert "size: two against one" in words or kind == "passed"
    assert "projects.demo.budget.size" in words or kind != "failure"


def test_unmeasurable_is_loud(outcomes: tuple[Result, Mapping[str, tuple[str, str]]]) -> None:
    """An unmeasurable claim has a line of its own in the summary, in capitals."""
    ended, _ = outcomes
    lines = [line for line in ended.output.splitlines() if line.startswith("SKIPPED")]

    assert any("UNMEASURABLE: size: two against one" in line for line in lines)
    assert ended.exit_code == 1


@pytest.mark.parametrize(("workers", "mode", "code"), [("0", "skip", 0), ("2", "fail", 1)])
def test_unmeasurable_budget(tmp_path: Path, workers: str, mode: str, code: int) -> None:
    """A time that can't be told from noise is no pass: skipped with exit 0, or failed if wanted."""
    planted = Planted(tmp_path, DEMO.replace("smoke =", f'on_unmeasurable = "{mode}"\nsmoke ='))
    over = samples.record(planted.targets["demo-arm64-gcc"], cpu_s=62.0)
    noisy = samples.conditions(load=0.9)
    planted.plant("demo-arm64-gcc", build=over.build, conditions=noisy)
    ended = planted.run("-n", workers, "-k", "arm64 and cpu_time")

    assert ended.exit_code == code, ended.output
    assert ended.verdicts("demo-arm64-gcc")["cpu_time"] == "unmeasurable"
    assert "1 unmeasurable" in ended.output


@pytest.mark.parametrize("workers", WORKERS)
def test_failing_claim(planted: Planted, workers: str) -> None:
    """A claim that fails fails the run; its reason stands in test, table, report and JUnit."""
    target = planted.targets["demo-arm64-gcc"]
    big = samples.artifact(
        target, size_bytes=2 * 1024**2, sha256=hashlib.sha256(b"a program").hexdigest()
    )
    planted.plant("demo-arm64-gcc", artifacts=(big,))
    ended = planted.run("-n", workers)

    assert ended.exit_code == 1, ended.output
    assert ended.verdicts("demo-arm64-gcc")["size"] == "fail"
    assert ended.verdicts("demo-amd64-gcc")["size"] == "pass"
    assert "against a budget of 1" in ended.output
    assert "manifest key: projects.demo.budget.size" in ended.output
    (failed,) = [case for case in planted.junit() if case.find("failure") is not None]
    assert failed.get("name") == "test_size[demo-arm64-gcc]"


def collected(planted: Planted, *arguments: str) -> list[str]:
    """The ids of the tests that a run would take, in their order."""
    ended = planted.run("-n", "0", "--collect-only", "-q", *arguments)
    assert ended.exit_code in (0, 5), ended.output
    return [line.rpartition("::")[2] for line in ended.output.splitlines() if "::" in line]


def test_builds_first_longest_first(tmp_path: Path) -> None:
    """Builds are collected before any other claim, those expected to take longest first."""
    text = DEMO + DEMO.replace("demo", "other")
    planted = Planted(tmp_path, text)
    for number, target_id in enumerate(planted.targets):
        honest = samples.record(planted.targets[target_id])
        assert honest.build is not None
        build = replace(honest.build, wall_s=10.0 * number)
        planted.plant(target_id, build=build, outcome=Outcome.FAILED, reason="it failed")
    ids = collected(planted)

    assert ids[:4] == [f"test_built[{each}]" for each in reversed(planted.targets)]
    assert not any(each.startswith("test_built") for each in ids[4:])


def test_unknown_builds_come_before_known_ones(planted: Planted) -> None:
    """A target that was never built goes first, one that is fresh last."""
    (planted.reports / "records" / "demo-arm64-gcc" / "record.json").unlink()

    assert collected(planted)[:2] == ["test_built[demo-arm64-gcc]", "test_built[demo-amd64-gcc]"]


def test_each_worker_begins_with_a_build(planted: Planted) -> None:
    """Two workers begin with a build each, though xdist gives each two consecutive tests."""
    (planted.folder / "demo.c").write_text("int main(void) { return 0; }\n", "utf-8")
    ended = planted.run("-n", "2", "--verbose")
    builds = re.findall(r"\[(gw\d)\] .* suites/gate/test_built.py::", ended.output)

    assert sorted(builds) == ["gw0", "gw1"], ended.output


@pytest.mark.parametrize(
    ("expression", "architectures"),
    [
        ("arm64", {"arm64"}),
        ("AArch64", {"arm64"}),
        ("x86_64", {"amd64"}),
        ("not x64", {"arm64"}),
        ("demo and gcc", {"amd64", "arm64"}),
    ],
)
def test_architecture_by_any_name(
    planted: Planted, expression: str, architectures: set[str]
) -> None:
    """-k knows an architecture by all its names, and takes no target of any other."""
    found = {
        each.partition("-")[2].partition("-")[0] for each in collected(planted, "-k", expression)
    }

    assert found == architectures


@pytest.mark.parametrize(("workers", "ci"), [("0", None), ("0", "true"), ("2", "true")])
def test_nothing_selected(planted: Planted, workers: str, ci: str | None) -> None:
    """-k nosuchthing says what there is to select from; in CI that is exit code 1."""
    ended = planted.run("-n", workers, "-k", "nosuchthing", CI=ci)

    assert ended.exit_code == (1 if ci else 5)
    assert "'nosuchthing' matches none of demo-amd64-gcc, demo-arm64-gcc" in ended.output
    assert ended.report["problems"]


@pytest.mark.parametrize("workers", WORKERS)
def test_stale_without_an_engine(planted: Planted, workers: str) -> None:
    """What would have to be built is skipped with the reason; what holds is judged all the same."""
    (planted.folder / "demo.c").write_text("int main(void) { return 0; }\n", "utf-8")
    ended = planted.run("-n", workers)

    assert ended.exit_code == 0, ended.output
    assert "11 skipped" in ended.output
    assert "no engine: no container engine answers" in ended.output
    assert set(ended.verdicts("demo-arm64-gcc").values()) == {"not applicable"}


@pytest.mark.parametrize("workers", WORKERS)
def test_stale_without_an_engine_in_ci(planted: Planted, workers: str) -> None:
    """In CI a target that can't be built for want of an engine is an error, and fails the run."""
    (planted.reports / "records" / "demo-arm64-gcc" / "record.json").unlink()
    ended = planted.run("-n", workers, CI="true")
    claims = ended.claims("demo-arm64-gcc").values()

    assert ended.exit_code == 1, ended.output
    assert {claim["verdict"] for claim in claims} == {"error"}
    assert all("no container engine answers" in claim["reason"] for claim in claims)
    assert set(ended.verdicts("demo-amd64-gcc").values()) == {"pass"}
    assert "DOCKER_HOST: unix://" in ended.output


def test_damaged_record_is_not_trusted(planted: Planted) -> None:
    """A record that can't be read is never judged on, and the run says why it is rebuilt."""
    file = planted.reports / "records" / "demo-arm64-gcc" / "record.json"
    file.write_bytes(file.read_bytes()[:-20])
    ended = planted.run("-n", "0", CI="true")

    assert ended.exit_code == 1
    assert "demo-arm64-gcc is built again: its record can't be read" in ended.output


def test_changed_artifact_is_not_trusted(planted: Planted) -> None:
    """A record whose artifact on disk is another one is not judged on."""
    (planted.reports / "artifacts" / "demo-arm64-gcc" / "demo").write_bytes(b"something else")
    ended = planted.run("-n", "0", CI="true")

    assert set(ended.verdicts("demo-arm64-gcc").values()) == {"error"}
    assert set(ended.verdicts("demo-amd64-gcc").values()) == {"pass"}


def test_failed_build_is_not_reused(planted: Planted) -> None:
    """A record of a failed build is never judged on again, even if nothing has changed since."""
    planted.plant("demo-arm64-gcc", outcome=Outcome.FAILED, reason="it failed")
    ended = planted.run("-n", "0", CI="true")

    assert set(ended.verdicts("demo-arm64-gcc").values()) == {"error"}


def test_failed_tests_are_run_again(planted: Planted) -> None:
    """A failure of smoke or test may have been the machine's: it is not reused either."""
    honest = planted.load("demo-arm64-gcc")
    assert honest.test is not None
    for changes in (
        {"test": replace(honest.test, exit_code=1)},
        {"test": replace(honest.test, ended_early="time")},
        {"smoke": (replace(honest.smoke[0], exit_code=1),)},
    ):
        planted.plant("demo-arm64-gcc", **changes)
        ended = planted.run("-n", "0", "-k", "arm64", CI="true")

        assert set(ended.verdicts("demo-arm64-gcc").values()) <= {"error", "not applicable"}


@pytest.mark.parametrize("workers", WORKERS)
def test_a_malformed_expression(planted: Planted, workers: str) -> None:
    """What pytest can't read as an expression is one usage error, with workers too."""
    ended = planted.run("-n", workers, "-k", "arm64 and (")

    assert ended.exit_code == 4, ended.output
    assert "-k 'arm64 and ('" in ended.output
    assert "Traceback" not in ended.output


def test_fresh_reuses_nothing(planted: Planted) -> None:
    """--fresh takes no record for an answer."""
    ended = planted.run("-n", "0", "--fresh", CI="true")

    assert ended.exit_code == 1
    assert set(ended.verdicts("demo-amd64-gcc").values()) == {"error"}


def test_ratio_without_its_base(planted: Planted) -> None:
    """A ratio to a build that is neither selected nor there is not collected; reports say why."""
    (planted.reports / "records" / "demo-amd64-gcc" / "record.json").unlink()
    ended = planted.run("-n", "0", "-k", "arm64")
    claim = ended.claims("demo-arm64-gcc")["time_ratio"]

    assert ended.exit_code == 0, ended.output
    assert not any("time_ratio" in case.get("name", "") for case in planted.junit())
    assert claim["verdict"] == "not applicable"
    assert "demo-amd64-gcc is not selected and it has no record" in claim["reason"]


def test_waiver_of_a_ratio_without_its_base(planted: Planted) -> None:
    """A waiver of what is not even collected is shown as idle, and makes no run fail."""
    (planted.reports / "records" / "demo-amd64-gcc" / "record.json").unlink()
    waiver = (
        '[[waivers]]\ntarget = "demo-arm64-*"\nclaim = "time_ratio"\nreason = "known"\n'
        'link = "https://example.org/7"\nexpires = 2999-12-31\n'
    )
    (planted.folder / "crossgate.toml").write_text(DEMO + waiver, "utf-8")
    ended = planted.run("-n", "0", "-k", "arm64")
    claim = ended.claims("demo-arm64-gcc")["time_ratio"]

    assert ended.exit_code == 0, ended.output
    assert claim["verdict"] == "not applicable"
    assert "its waiver until 2999-12-31 is idle (known; https://example.org/7)" in claim["reason"]


@pytest.mark.parametrize("workers", WORKERS)
def test_manifest_error(tmp_path: Path, workers: str) -> None:
    """A mistake in the manifest is one usage error with file and key, and without a traceback."""
    folder = project(tmp_path / "demo", DEMO.replace("artifacts", "artefacts"))
    ended = run_gate(folder, "-n", workers, DOCKER_HOST=f"unix://{tmp_path}/nothing.sock")

    assert ended.exit_code == 4, ended.output
    assert ended.output.count("artefacts") == 1
    assert "crossgate.toml" in ended.output
    assert "Traceback" not in ended.output
