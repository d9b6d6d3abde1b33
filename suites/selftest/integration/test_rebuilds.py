"""Builds that come out the same in other conditions, and those that each condition shows up."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures import paths
from fixtures.building import layout, surroundings
from fixtures.core.conditions import Condition
from fixtures.engine import labels, probe
from suites.selftest.harness import (
    FOREIGN,
    NATIVE,
    ROOT,
    Result,
    command,
    environment,
    manifest_text,
    project,
    run_gate,
)
from suites.selftest.integration.test_kills import GONE_WITHIN_S, until

pytestmark = pytest.mark.integration

LOST_S: Final = 600
"""What a build would take that is not stopped, in seconds."""

BOTH: Final = (NATIVE, FOREIGN)
SECOND: Final = surroundings.others(2)

HELLO: Final = """\
#include <stdio.h>
#ifndef WORDS
#define WORDS "it says: nothing of where it was built"
#endif
int main(void) { puts(WORDS); return 0; }
"""

# Honest, and nothing that only looks so: make holds times against each other and `touch` sets
# them, tar keeps the times and modes of files, and every tool is asked to do so as it should.
MAKEFILE: Final = """\
all: hello hello.tar
hello: hello.c stamp
\t$(CC) -g -ffile-prefix-map=$(CURDIR)=. -o $@ $(CURDIR)/hello.c
stamp: hello.c
\ttouch $@
hello.tar: hello
\ttouch -r hello.c hello
\tLC_ALL=C tar --sort=name --mode=go=rX,u+rw -cf $@ hello hello.c
\ttouch stamp hello hello.tar
"""

# Below another clock only some programs have, and none of these: what is theirs alone is found
# in the image, or not varied.
BUSYBOX: Final = """\
ARG BASE
FROM ${BASE} AS tools
LABEL dev.crossgate.made="image"
RUN apt-get update \\
    && apt-get install -y --no-install-recommends busybox-static \\
    && mkdir -p /new/bin /new/tmp && chmod 1777 /new/tmp && cp /bin/busybox /new/bin/ \\
    && chroot /new /bin/busybox --install -s /bin
FROM scratch
COPY --from=tools /new /
"""


def saying(words: str) -> str:
    """A build of a program that says what a shell's words come to."""
    return f"""{{cc}} -DWORDS="\\"it says: {words}\\"" -o hello hello.c"""


# Each with what the first and the second build put in; a regular expression.
MUTANTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "clock": (
        "{cc} -DWORDS='__DATE__ \" \" __TIME__' -o hello hello.c",
        r"\w{3} [ \d]\d (\d{4}) [\d:]{8}",
        r"\w{3} [ \d]\d (\d{4}) [\d:]{8}",
    ),
    "file": ("{cc} -DWORDS=__FILE__ -o hello $PWD/hello.c", layout.TREE, SECOND.tree),
    "debug": ("{cc} -g -o hello hello.c", layout.TREE, SECOND.tree),
    "host": (saying("host $(uname -n)"), "host [0-9a-f]{12}", f"host {SECOND.hostname}"),
    "order": (
        saying("$(printf '%s\\n' Bravo alpha | sort | xargs)"),
        "Bravo alpha",
        "alpha Bravo",
    ),
    "zone": (saying("hour $(date -d @0 +%H)"), "hour 00", "hour 14"),
    "mask": (saying("mask $(umask)"), "mask 0022", f"mask {SECOND.umask}"),
    "home": (saying("home $HOME"), "home /tmp", f"home {SECOND.environment['HOME']}"),
    "processors": (saying("processors $(nproc)"), r"processors \d+", r"processors \d+"),
    "jobs": (saying("{jobs} jobs"), r"\d+ jobs", r"\d+ jobs"),
}
OF_CPUS: Final = ("processors", "jobs")

FAILING: Final = {
    "fragile": f'test "$PWD" = {layout.TREE} || echo "not in $PWD"; {{cc}} -o hello hello.c; '
    f'test "$PWD" = {layout.TREE}',
    "absent": f'{{cc}} -o hello hello.c; test "$PWD" = {layout.TREE} || rm hello',
    "named": '{cc} -o hello hello.c; cp hello "hello-of-$(uname -n)"',
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One manifest with an honest project, and those that are not."""
    builds = {name: build for name, (build, _, _) in MUTANTS.items()} | FAILING
    projects: dict[str, dict[str, object]] = {
        name: {"build": build, "artifacts": ["hello"]} for name, build in builds.items()
    }
    projects["named"]["artifacts"] = ["hello", "hello-of-*"]
    for name in FAILING:
        projects[name]["architectures"] = [NATIVE]
    projects["honest"] = {
        "build": "make CC={cc} && make -q CC={cc}",
        "artifacts": ["hello", "hello.tar"],
    }
    projects["bare"] = {
        "build": "cp /bin/busybox tool; echo >> tool",
        "artifacts": ["tool"],
        "toolchain": {"dockerfile": "busybox.dockerfile"},
        "architectures": [NATIVE],
    }
    text = manifest_text(
        projects, architectures=list(BOTH), reproducible=True, memory="512 MiB", timeout="5 min"
    )
    files = {"hello.c": HELLO, "Makefile": MAKEFILE, "busybox.dockerfile": BUSYBOX}
    return project(tmp_path_factory.mktemp("reproducible") / "work", text, files)


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    """The one run over all of them."""
    return run_gate(folder, "-n", "2")


def engine_cpus() -> int:
    """How many CPUs the engine has."""
    candidate, _ = probe.find()
    assert candidate is not None
    found: Any = probe.get_json(candidate.address, "/info", {})
    return int(found["NCPU"])


def claim(result: Result, name: str, architecture: str, toolchain: str = "gcc") -> dict[str, Any]:
    """The claim's judgement of a project's target."""
    return result.claims(f"{name}-{architecture}-{toolchain}")["reproducible"]


@pytest.mark.parametrize("architecture", BOTH)
def test_an_honest_build_passes(result: Result, architecture: str) -> None:
    """It comes out the same in all other conditions, times kept in an archive included."""
    judged = claim(result, "honest", architecture)
    same = [Condition.CPU_COUNT, Condition.JOBS] if engine_cpus() == 1 else []

    assert judged["verdict"] == "pass", judged["reason"]
    assert judged["reason"].startswith("2 artifacts came out the same again; varied: path (")
    assert [words.partition(" (")[0] for words in judged["observed"]["varied"]] == [
        each.value for each in Condition if each not in same
    ]


@pytest.mark.parametrize("architecture", BOTH)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_what_a_condition_shows_up_fails(result: Result, mutant: str, architecture: str) -> None:
    """A build that puts a condition into its artifact is caught, and both strings are shown."""
    if mutant in OF_CPUS and engine_cpus() == 1:
        pytest.skip("an engine with one CPU has no other number of them")
    judged = claim(result, mutant, architecture)
    _, first, second = MUTANTS[mutant]
    lines = [line.removeprefix("  | ").strip() for line in judged["reason"].split("\n")]
    gone = [found[0] for line in lines if (found := re.search(f"^- .*{first}", line))]
    new = [found[0] for line in lines if (found := re.search(f"^\\+ .*{second}", line))]

    assert judged["verdict"] == "fail"
    assert judged["manifest_key"] == "defaults.reproducible" or mutant in judged["manifest_key"]
    assert lines[0] == "1 of 1 artifact came out otherwise the second time: hello"
    assert gone, judged["reason"]
    assert new, judged["reason"]
    assert gone[0][1:] != new[0][1:]


def test_another_year_is_seen(result: Result) -> None:
    """The clock is not only a second later: the year differs, too."""
    reason = claim(result, "clock", NATIVE)["reason"]
    years = re.findall(r"\| +[-+] .*\w{3} [ \d]\d (\d{4}) [\d:]{8}", reason)

    assert len(years) >= 2
    assert int(years[1]) - int(years[0]) in (1, 2)


def test_a_second_build_that_fails_says_why(result: Result) -> None:
    """A build that only succeeds in one place is not reproducible, and its log's end is shown."""
    judged = claim(result, "fragile", NATIVE)

    assert judged["verdict"] == "fail"
    assert "the second build left nothing to compare: the build command ended" in judged["reason"]
    assert f"| not in {SECOND.tree}" in judged["reason"]
    assert "rebuild.log" in judged["reason"]


def test_a_second_build_without_its_artifact_fails(result: Result) -> None:
    """What only the first build left is not there to be compared."""
    judged = claim(result, "absent", NATIVE)

    assert judged["verdict"] == "fail"
    assert 'the artifact "hello" is not there' in judged["reason"]


def test_artifacts_of_other_names_are_told(result: Result) -> None:
    """What a pattern matched in one build alone differs, and the rest is compared."""
    judged = claim(result, "named", NATIVE)

    assert judged["verdict"] == "fail"
    assert re.search(r"hello-of-[0-9a-f]{12}: only the first build left it", judged["reason"])
    assert f"hello-of-{SECOND.hostname}: only the second build left it" in judged["reason"]
    assert judged["observed"]["compared"] == 1


def test_an_image_without_a_clock_claims_none(result: Result) -> None:
    """Where an image can't have them, clock and locale were not varied, and that is said."""
    judged = claim(result, "bare", NATIVE, "dockerfile")

    assert judged["verdict"] == "pass", judged["reason"]
    assert "host name (" in judged["reason"]
    assert "not varied here: clock, locale" in judged["reason"]


def test_what_failed_is_tried_again_and_what_passed_is_not(folder: Path, result: Result) -> None:
    """A second run reuses the honest record, and builds the other one anew."""
    assert result.exit_code == 1
    again = run_gate(folder, "-n", "0", "-k", f"{NATIVE} and (honest or host)")
    reused = {target["id"]: target["reused"] for target in again.report["targets"]}

    assert reused == {f"honest-{NATIVE}-gcc": True, f"host-{NATIVE}-gcc": False}


def containers(targets: Iterable[str]) -> list[str]:
    """The containers of some targets, running or not."""
    candidate, _ = probe.find()
    assert candidate is not None
    found: Any = [
        probe.get_json(
            candidate.address, "/containers/json", {"label": [f"{labels.TARGET}={each}"]}
        )
        for each in targets
    ]
    return [each["Id"] for some in found for each in some]


def folders_of(pids: Collection[int] | None) -> list[str]:
    """The folders with second artifacts that processes left; None for those that have ended."""
    scratch = paths.cache_dir() / "scratch"
    found = [each.name for each in scratch.glob("*_*_*_*_*") if "rebuild-" in each.name]
    owners = {name: int(name.split("_")[2]) for name in found}
    return [
        name
        for name, pid in owners.items()
        if (pid in pids if pids is not None else not Path(f"/proc/{pid}").exists())
    ]


def test_nothing_is_left(result: Result) -> None:
    """No container and no folder of the second artifacts outlives the run."""
    assert result.report["targets"]
    assert containers([*(each["id"] for each in result.report["targets"]), "diffoscope"]) == []
    assert folders_of(None) == []


@pytest.mark.skipif(sys.platform != "linux", reason="its processes are read from /proc")
def test_a_kill_in_the_second_build_leaves_nothing(
    folder: Path, result: Result, tmp_path: Path
) -> None:
    """After kill -9 its container is gone, and the next run removes its folder."""
    assert result.report["targets"]
    name = f"k{uuid.uuid4().hex[:8]}"
    build = f'{{cc}} -o hello hello.c; test "$PWD" = {layout.TREE} || sleep {LOST_S}'
    text = manifest_text(
        {name: {"build": build, "artifacts": ["hello"], "reproducible": True}},
        architectures=[NATIVE],
    )
    held = project(tmp_path / "held", text, {"hello.c": HELLO})
    with (tmp_path / "output").open("wb") as output:
        started = subprocess.Popen(
            command(held, "-n", "0"),
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    log = tmp_path / "held-out" / "records" / f"{name}-{NATIVE}-gcc" / "rebuild.log"
    try:
        until("the second build", lambda: log.exists() or started.poll() is not None)
        assert started.poll() is None, (tmp_path / "output").read_text("utf-8")
        assert folders_of([started.pid]) != []
    finally:
        started.kill()
        started.wait()

    until("nothing left", lambda: not containers([f"{name}-{NATIVE}-gcc"]), GONE_WITHIN_S)
    run_gate(folder, "-n", "0", "-k", f"honest and {NATIVE}")
    assert folders_of([started.pid]) == []
