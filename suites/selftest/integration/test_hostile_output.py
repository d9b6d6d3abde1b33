"""Builds that print what breaks readers: verdicts stay, and nothing reaches a terminal or CI."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from suites.selftest.harness import (
    NATIVE,
    ROOT,
    TIMEOUT_S,
    Result,
    command,
    environment,
    manifest_text,
    project,
    run_gate,
)

pytestmark = pytest.mark.integration

COMPILE: Final = "{cc} -o hello hello.c"
MIB: Final = 1024**2
PROCESS_BYTES: Final = 200 * MIB
LOG_BYTES: Final = 40 * MIB

# In octal, the one spelling that every printf knows. A megabyte of one line comes first, so that
# all the others are among the last lines, which a failure quotes.
NOISE: Final = r"""
head -c 1000000 /dev/zero | tr '\000' 'x'
printf '\nundecodable \377\376\200\300\257 bytes\n'
printf '\033[2J\033[1;31mred\033[0m \033]0;title\007 \033]8;;http://example.org\033\\link\n'
printf 'C1 \302\233 31m and \302\205 next line and \342\200\250 separator \342\200\256 override\n'
printf 'nul \000 bell \007 backspace \b\b\b vertical \v feed \f\n'
printf '::error::at the start\n'
printf '   ::warning file=hello.c,line=1::after blanks\n'
printf '\t::notice::after a tab\n'
printf 'in the ::error::middle\n'
printf 'progress 10%%\r::error::after a carriage return\n'
printf 'progress 20%%\r   ##[error]after a carriage return\r\n'
printf '\r::set-output name=token::stolen\r\n'
printf '::stop-commands::crossgate\n::add-mask::a\n'
printf '##[group]a group\n'
printf 'in the ##[error]middle\n'
printf '<script>alert(1)</script> ]]> &amp; </failure> | a `b` **c** [d](e)\n'
"""
"""What a hostile build prints; its last line goes without a line end."""

FILES: Final = {
    "hello.c": '#include <stdio.h>\nint main(void) { puts("hi"); return 0; }\n',
    "noise.sh": f"#!/bin/sh\n{NOISE}\nprintf '::error::without a line end'\n",
}
INTERPRETER: Final = "/lib/ld\\n::error::by the interpreter\\n\\033[31m##[error]"

PROJECTS: Final[dict[str, dict[str, object]]] = {
    "quiet": {"build": COMPILE, "artifacts": ["hello"], "smoke": "{artifact}"},
    "loud": {
        "build": f"./noise.sh\n{COMPILE}\n./noise.sh >&2",
        "artifacts": ["hello"],
        "smoke": "./noise.sh; {artifact}",
    },
    "loud-failing": {
        "build": f"./noise.sh\n{COMPILE}\n./noise.sh >&2; exit 7",
        "artifacts": ["hello"],
    },
    "loud-smoke": {
        "build": COMPILE,
        "artifacts": ["hello"],
        "smoke": "{artifact}; tail -n 11 noise.sh | sh; exit 9",
    },
    "named": {
        "build": f"{COMPILE} && mkdir out && for name in '::error::a' '::error::b' '##[error]c'; "
        'do cp hello "out/$name"; done; cp hello ::error::d; cp hello ::error::e',
        "artifacts": ["out/*", "::*"],
        "smoke": "{artifact} && exit 3",
    },
    "linked": {
        "build": "{cc} -o hello hello.c "
        f"-Wl,--dynamic-linker=\"$(printf '{INTERPRETER.replace('%', '%%')}')\"",
        "artifacts": ["hello"],
    },
    "pointing": {
        "build": f"{COMPILE} && ln -sf \"$(printf 'a\\n::error::b\\n##[error]c\\033[31m')\" hello",
        "artifacts": ["hello"],
    },
}


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """All that a run left for somebody to read, by name, and how the run ended."""

    result: Result
    folder: Path
    texts: dict[str, str]


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """One run in CI, with two workers, over all the hostile projects."""
    folder = tmp_path_factory.mktemp("hostile") / "work"
    text = manifest_text(PROJECTS, architectures=[NATIVE], memory="512 MiB", timeout="2 min")
    summary = folder.parent / "summary.md"
    result = run_gate(
        project(folder, text, FILES),
        *("-n", "2", "-v"),
        CI="true",
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(summary),
    )
    out = folder.with_name("work-out")
    files = {name: out / name for name in ("report.json", "report.md", "junit.xml")}
    read = {name: _text(file.read_bytes()) for name, file in files.items()}
    return Outputs(
        result=result,
        folder=folder,
        texts={**read, "summary.md": _text(summary.read_bytes()), "output": result.output},
    )


# C0 but for tab and line feed, DEL and C1; separators, overrides and isolates of directions.
STEERING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
TEXTS: Final = ("output", "report.json", "report.md", "junit.xml", "summary.md")


def test_noise_does_not_change_a_verdict(loud: Outputs) -> None:
    """A build that prints everything that breaks readers passes just as its quiet twin does."""
    verdicts = loud.result.verdicts(f"loud-{NATIVE}-gcc")

    assert verdicts == loud.result.verdicts(f"quiet-{NATIVE}-gcc")
    assert set(verdicts.values()) == {"pass"}


def test_a_failing_build_fails_however_it_prints(loud: Outputs) -> None:
    """With two workers and a hostile log a failed build is a failed run, exit code 1."""
    claims = loud.result.claims(f"loud-failing-{NATIVE}-gcc")

    assert loud.result.exit_code == 1
    assert {claim["verdict"] for claim in claims.values()} == {"fail"}
    assert "exit code 7" in claims["built"]["reason"]


def test_every_test_is_reported_in_spite_of_the_noise(loud: Outputs) -> None:
    """No report is lost between worker and controller, whatever it has to carry."""
    wanted = {
        (name, claim)
        for name, keys in PROJECTS.items()
        for claim in ("built", "architecture", *(["smoke"] if "smoke" in keys else []))
    }
    found = {
        (each["project"], claim["name"])
        for each in loud.result.report["targets"]
        for claim in each["claims"]
    }

    assert found == wanted
    assert not re.search(r"INTERNALERROR|Traceback|never reported|worker \S+ died", _all(loud))


def test_a_hostile_log_is_quoted_where_a_build_failed(loud: Outputs) -> None:
    """The noise is shown, not hidden: escaped, one bar before each line."""
    reason = loud.result.claims(f"loud-failing-{NATIVE}-gcc")["built"]["reason"]

    assert "  | undecodable \\xff\\xfe\\x80\\xc0\\xaf bytes" in reason
    assert "  | \\x1b[2J\\x1b[1;31mred" in reason
    assert "  | ::error::at the start" in reason


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_is_a_workflow_command(loud: Outputs, name: str) -> None:
    """No line that anybody may print starts with ``::``, and none holds ``##[``."""
    text = loud.texts[name]
    lines = [line for line in text.splitlines() if line.strip().startswith("::")]
    commands = re.findall(r".*##\[.*", text)

    assert text
    assert lines == []
    assert commands == []


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_steers_a_terminal(loud: Outputs, name: str) -> None:
    """No report holds a control character, a direction override or a line separator."""
    found = STEERING.findall(loud.texts[name])

    assert found == []


def test_junit_is_well_formed_and_complete(loud: Outputs) -> None:
    """junit.xml parses, and has a case for each claim, failed where the claim failed."""
    root = ET.fromstring(loud.texts["junit.xml"])
    cases = {case.get("name"): case for case in root.iter("testcase")}
    claims = {
        f"test_{claim['name']}[{each['id']}]": claim["verdict"]
        for each in loud.result.report["targets"]
        for claim in each["claims"]
    }

    assert set(cases) == set(claims)
    assert {name: case.find("failure") is not None for name, case in cases.items()} == {
        name: verdict == "fail" for name, verdict in claims.items()
    }


def test_markdown_is_one_table(loud: Outputs) -> None:
    """No cell of the summary breaks out of its table or brings markup of its own."""
    rows = [line for line in loud.texts["report.md"].splitlines() if line.startswith("|")]

    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}
    assert "<script>" not in loud.texts["report.md"]
    assert loud.texts["summary.md"] == loud.texts["report.md"]


def test_the_log_keeps_what_was_really_printed(loud: Outputs) -> None:
    """The log file itself is evidence: the bytes as they came, not the harmless rendering."""
    log = loud.folder.with_name("work-out") / "records" / f"loud-{NATIVE}-gcc" / "build.log"
    raw = log.read_bytes()

    assert b"undecodable \xff\xfe\x80\xc0\xaf bytes\n" in raw
    assert b"progress 10%\r::error::after a carriage return\n" in raw
    assert b"x" * 1_000_000 in raw


def test_names_of_artifacts_command_nothing(loud: Outputs) -> None:
    """A file may be called like a workflow command: it fails as what it is, and commands nothing.

    A claim with several findings must not begin a line with a file's name.
    """
    claims = loud.result.claims(f"named-{NATIVE}-gcc")
    lines = [line for claim in claims.values() for line in claim["reason"].splitlines()]

    assert "fail" in {claim["verdict"] for claim in claims.values()}
    assert [line for line in lines if line.strip().startswith("::")] == []


def test_a_hostile_interpreter_is_quoted(loud: Outputs) -> None:
    """What a linked program names as its loader fails, escaped and on one line."""
    reason = loud.result.claims(f"linked-{NATIVE}-gcc")["architecture"]["reason"]

    assert "found /lib/ld\\n::error::by the interpreter\\n\\x1b[31m" in reason


def test_a_hostile_link_is_quoted(loud: Outputs) -> None:
    """Where a symbolic link points to is shown, escaped and on one line."""
    reason = loud.result.claims(f"pointing-{NATIVE}-gcc")["built"]["reason"]

    first = reason.splitlines()[0]

    assert "is a symbolic link to " in first
    assert "a\\n::error::b\\n" in first


@pytest.mark.parametrize(
    "size", [pytest.param(200, id="200M"), pytest.param(1000, marks=pytest.mark.slow, id="1G")]
)
def test_a_flood_of_log_is_bounded(tmp_path: Path, size: int) -> None:
    """However much a build prints, memory, log and reports stay small, and its verdict stays.

    Lines, one line without end, and undecodable bytes: each kind is a third of the flood, and
    the build that prints it to its end and fails is seen to fail.
    """
    part = size * MIB // 3
    flood = (
        f"yes '::error::flood' | head -c {part}; head -c {part} /dev/zero | tr '\\000' 'x'; "
        f"head -c {part} /dev/zero | tr '\\000' '\\377'; echo; echo the end"
    )
    text = manifest_text(
        {
            "flood": {"build": f"{COMPILE}; {flood}", "artifacts": ["hello"]},
            "flood-failing": {"build": f"{flood}; exit 7", "artifacts": ["hello"]},
        },
        architectures=[NATIVE],
        memory="512 MiB",
    )
    folder = project(tmp_path / "work", text, FILES)
    measured = _measure(command(folder, "-n", "0"))
    out = folder.with_name("work-out")
    logs = [file.stat().st_size for file in out.rglob("build.log")]
    report = json.loads((out / "report.json").read_bytes())
    verdicts = {
        each["project"]: {claim["verdict"] for claim in each["claims"]}
        for each in report["targets"]
    }

    assert measured.exit_code == 1, measured.output
    assert verdicts == {"flood": {"pass"}, "flood-failing": {"fail"}}
    assert measured.peak_bytes < PROCESS_BYTES
    assert len(logs) == 2
    assert MIB < max(logs) < LOG_BYTES
    assert "  | the end" in measured.output
    assert len(measured.output) < MIB
    assert sum((out / name).stat().st_size for name in TEXTS[1:4]) < MIB


def test_the_memory_of_workers_is_bounded_too(tmp_path: Path) -> None:
    """Controller and two workers together stay below what one process is allowed."""
    flood = f"yes '##[error]flood' | head -c {100 * MIB}; {COMPILE}"
    text = manifest_text(
        {name: {"build": flood, "artifacts": ["hello"]} for name in ("one", "two")},
        architectures=[NATIVE],
        memory="512 MiB",
    )
    measured = _measure(command(project(tmp_path / "work", text, FILES), "-n", "2"))

    assert measured.exit_code == 0, measured.output
    # The largest of them is known, and there are three.
    assert 3 * measured.peak_bytes < PROCESS_BYTES


@dataclass(frozen=True, kw_only=True)
class Measured:
    """How a measured run ended; `peak_bytes` is the most that any one process had in memory."""

    exit_code: int
    output: str
    peak_bytes: int


_MEASURE: Final = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def _measure(words: list[str]) -> Measured:
    """Run a command below a small process of its own that measures it."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", _MEASURE, *words],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT_S,
        check=False,
    )
    output = _text(done.stdout)
    # getrusage(2): in KiB, but on macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = int(output.rpartition("peak ")[2]) * unit
    return Measured(exit_code=done.returncode, output=output, peak_bytes=peak)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _all(outputs: Outputs) -> str:
    return "\n".join(outputs.texts.values())
