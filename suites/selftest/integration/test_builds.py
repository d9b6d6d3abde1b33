"""Real builds in real containers: what they may see and take, what is measured, what is kept."""

from __future__ import annotations

import hashlib
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

from fixtures.building import layout
from fixtures.core.keys import PARTS
from fixtures.core.record import SCHEMA
from fixtures.engine import probe
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

pytestmark = pytest.mark.integration

HELLO: Final = '#include <stdio.h>\nint main(void) { puts("hi"); return 0; }\n'
COMPILE: Final = "{cc} -o hello hello.c"
MIB: Final = 1024**2
SECRET: Final = "a secret of the host's environment"
LOST_S: Final = 600
"""What a build of these would take that is not stopped, in seconds."""

CONFIGURE: Final = """#!/bin/sh
set -eu
printf 'hello: hello.c\\n\\t%s -o hello hello.c\\n' {compiler} > Makefile
"""

# One fact a line, with its name first.
LOOK: Final = rf"""#!/bin/sh
source={layout.SOURCE}
fact() {{ printf 'fact %s %s\n' "$1" "$(shift; "$@" 2>&1 | tr '\n' ' ')"; }}
first() {{ for file in "$@"; do [ -r "$file" ] && cat "$file" && return; done; echo none; }}
fact uid id -u
fact groups id -G
fact capabilities sh -c 'grep -E "^Cap(Inh|Prm|Eff|Amb)" /proc/self/status'
fact privileges grep NoNewPrivs /proc/self/status
fact interfaces ls /sys/class/net
fact lookup getent hosts example.org
fact connect timeout 20 bash -c ': < /dev/tcp/192.0.2.1/80'
fact source touch $source/new
fact change sh -c 'echo more >> "$1"' change $source/hello.c
fact open chmod 0777 $source/..
fact mounted awk -v place=$source '$5 == place {{ print $6 }}' /proc/self/mountinfo
fact copy sh -c 'echo >> hello.c && echo changed'
fact root touch /usr/bin/new
fact device mknod /tmp/device c 1 3
fact mount mount -t tmpfs none /mnt
fact socket sh -c 'ls -d /var/run/docker.sock /run/docker.sock; true'
fact environment env
fact jobs echo "$1"
fact memory first /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes
fact pids first /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max
fact quota first /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us
"""

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
"""Busy for so many processes and so many CPU seconds each; prints what the kernel counted."""

# A process that has ended but is not waited for yet (Z) does nothing any more.
ALONE: Final = """#!/bin/sh
for process in /proc/[0-9]*; do
    read -r number name state rest < "$process/stat" || continue
    case $name-$state in
        "(leftover)-Z") ;;
        "(leftover)"*) echo "$number is still running"; exit 1 ;;
    esac
done 2> /dev/null
"""

FILES: Final = {
    "hello.c": HELLO,
    "broken.c": "int main(void) { return nothing_of_this_name; }\n",
    "configure": CONFIGURE.format(compiler='"${1#--host=}-gcc"'),
    "configure-lying": CONFIGURE.format(compiler="gcc"),
    "look.sh": LOOK,
    "burn.py": BURN,
    "alone.sh": ALONE,
}

LIMITED: Final[dict[str, dict[str, object]]] = {
    "honest": {
        "build": "./configure --host={triplet} && make -j{jobs}",
        "architectures": [FOREIGN],
        "smoke": "{artifact} | grep -x hi",
    },
    "lying": {
        "build": "./configure-lying --host={triplet} && make -j{jobs}",
        "architectures": [FOREIGN],
    },
    "look": {
        "build": f"./look.sh {{jobs}}; {COMPILE}",
        "cpus": 1,
        "memory": "300 MiB",
        "processes": 123,
    },
    "broken": {
        "build": "for i in $(seq 40); do echo \"line $i\"; done; {cc} -o hello broken.c\necho 'no'"
    },
    "hungry": {
        "build": f"{COMPILE}; head -c 400M /dev/zero | tail -c 400M > tail || true; true",
        "memory": "64 MiB",
    },
    "hungry-failing": {
        "build": f"{COMPILE}; head -c 400M /dev/zero | tail -c 400M > tail",
        "memory": "64 MiB",
    },
    "forking": {
        "build": f"{COMPILE}; i=0; while [ $i -lt 500 ]; do sleep {LOST_S} & i=$((i + 1)); done",
        "processes": 64,
    },
    "bombing": {"build": f"{COMPILE}; b() {{{{ b | b & }}}}; b; exit 0", "processes": 64},
    "orphaning": {
        "build": "for i in $(seq 200); do (true &); done; sh -c 'echo enough'; " + COMPILE,
        "processes": 64,
    },
    "endless": {"build": f"trap '' TERM INT HUP; echo begun; sleep {LOST_S}", "timeout": "3 s"},
    "busy": {"build": f"{COMPILE}; python3 burn.py 2 1"},
    "idle": {"build": f"{COMPILE}; sleep 2"},
    "narrow": {"build": f"{COMPILE}; python3 burn.py 2 1", "cpus": 1},
    "leaving": {
        "build": f"{COMPILE}; cp /bin/sleep leftover; ./leftover {LOST_S} & "
        f"setsid nohup sh -c 'trap \"\" TERM HUP; ./leftover {LOST_S}' > /dev/null 2>&1 & exit 0",
        "smoke": "{artifact} && ./alone.sh",
    },
    "killed": {"build": f"{COMPILE}; kill -KILL $$"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One manifest with all builds that try their limits."""
    text = manifest_text(
        {name: {"artifacts": ["hello"], **keys} for name, keys in LIMITED.items()},
        architectures=[NATIVE],
        memory="512 MiB",
        timeout="5 min",
    )
    return project(tmp_path_factory.mktemp("builds") / "work", text, FILES)


@pytest.fixture(scope="module")
def limited(folder: Path) -> Result:
    """The one run over all of them, each with the whole machine."""
    return run_gate(folder, "-n", "0", CROSSGATE_TEST_SECRET=SECRET)


@pytest.fixture(scope="module")
def facts(limited: Result) -> dict[str, str]:
    """What a build sees of its container, by the names that look.sh gives."""
    log = Path(_target(limited, "look")["log"]).read_text("utf-8")
    found = (line.split(" ", 2) for line in log.splitlines() if line.startswith("fact "))
    return {name: value.strip() for _, name, value in found}


def test_an_honest_cross_build_passes(limited: Result) -> None:
    """A configure script that heeds --host makes a program that passes and runs."""
    verdicts = limited.verdicts(f"honest-{FOREIGN}-gcc")

    assert verdicts == {"built": "pass", "architecture": "pass", "smoke": "pass"}
    assert _target(limited, "honest", FOREIGN)["execution"]["mode"] == "cross"


def test_a_configure_script_that_ignores_the_cross_compiler_fails(limited: Result) -> None:
    """A build for the host, exit code 0, fails on its architecture.

    The sentence says what was expected, what came out, and which key of the manifest governs it.
    """
    claims = limited.claims(f"lying-{FOREIGN}-gcc")
    reason = claims["architecture"]["reason"]

    assert claims["built"]["verdict"] == "pass"
    assert claims["architecture"]["verdict"] == "fail"
    assert f"expected {FOREIGN} (" in reason
    assert f"found {NATIVE} (" in reason
    assert "projects.lying.architectures" in reason
    assert reason in limited.output


def test_a_failed_compile_shows_what_is_needed_to_act(limited: Result) -> None:
    """Command, exit code, the last 30 lines of the log, its path and the reproducer are shown."""
    claim = limited.claims(f"broken-{NATIVE}-gcc")["built"]
    target = _target(limited, "broken")
    reason = claim["reason"]
    quoted = reason.partition("the last 30 lines of its log:\n")[2].partition("\nlog: ")[0]
    log = Path(target["log"]).read_text("utf-8").splitlines()

    assert claim["verdict"] == "fail"
    assert claim["manifest_key"] == "projects.broken.build"
    assert reason.startswith("the build command ended with exit code 1\n")
    assert "-gcc -o hello broken.c" in reason
    assert "nothing_of_this_name" in quoted
    assert quoted.splitlines() == [f"  | {line}" for line in log[-30:]]
    assert f"\nlog: {target['log']}\n" in reason
    assert f"\nto repeat it: sh {target['reproducer']}" in reason
    assert reason in limited.output


def test_a_recipe_ends_at_its_first_failure(limited: Result) -> None:
    """A failed line of a recipe is the end of it: no later one can cover it up."""
    log = Path(_target(limited, "broken")["log"]).read_text("utf-8")

    assert log.splitlines()[-1] != "no"


def test_a_failed_build_is_not_reused(limited: Result, folder: Path) -> None:
    """The next run builds again what failed, over an unchanged tree, and fails again."""
    first = _record(folder, f"broken-{NATIVE}-gcc")
    again = run_gate(folder, "-n", "0", "-k", "broken")
    second = _record(folder, f"broken-{NATIVE}-gcc")

    assert again.exit_code == 1
    assert _target(again, "broken")["reused"] is False
    assert second["run"] != first["run"]
    assert second["key"] == first["key"]


def test_a_build_has_no_network(facts: dict[str, str]) -> None:
    """In its build phase a build has the loopback device alone: no names, no connections."""
    assert facts["interfaces"] == "lo"
    assert facts["lookup"] == ""
    assert "Network is unreachable" in facts["connect"]


def test_the_source_is_read_only(facts: dict[str, str], folder: Path) -> None:
    """A build can neither add to its source nor change it: it works on a copy of its own."""
    assert re.search("Read-only|denied", facts["source"])
    assert re.search("Read-only|denied", facts["change"])
    assert re.search("Read-only|not permitted|denied", facts["open"])
    assert facts["mounted"].split(",")[0] == "ro"
    assert facts["copy"] == "changed"
    assert (folder / "hello.c").read_text("utf-8") == HELLO
    assert not (folder / "new").exists()


def test_a_build_has_no_privileges(facts: dict[str, str]) -> None:
    """A build is not root, has no capability, can get none, and has no engine to ask."""
    capabilities = dict(re.findall(r"Cap(\w+):\s*(\w+)", facts["capabilities"]))

    assert facts["uid"] != "0"
    assert "0" not in facts["groups"].split()
    assert {name: int(capabilities[name], 16) for name in ("Prm", "Eff", "Amb")} == {
        "Prm": 0,
        "Eff": 0,
        "Amb": 0,
    }
    assert facts["privileges"].split() == ["NoNewPrivs:", "1"]
    assert "Permission denied" in facts["root"]
    assert "not permitted" in facts["device"]
    assert "mounted" not in facts["mount"]
    assert facts["socket"].count("No such file") == 2


def test_a_build_sees_nothing_of_this_environment(facts: dict[str, str]) -> None:
    """No variable of the process that runs Crossgate reaches a build, so no token does."""
    assert "HOME=" in facts["environment"]
    assert SECRET not in facts["environment"]
    assert "CROSSGATE" not in facts["environment"]


def test_limits_of_the_manifest_are_the_containers(facts: dict[str, str]) -> None:
    """Memory, processes and CPUs of the manifest are what the kernel enforces."""
    quota = facts["quota"].split()

    assert int(facts["memory"]) == 300 * MIB
    assert int(facts["pids"]) == 123
    # cgroup v2 gives the period beside the quota; in v1 it is the kernel's default.
    assert int(quota[0]) / int([*quota, "100000"][1]) == 1


def test_jobs_are_the_cpus_that_a_build_has(limited: Result, facts: dict[str, str]) -> None:
    """``{jobs}`` is the number of CPUs of the build, which its record names."""
    assert facts["jobs"] == "1"
    assert _target(limited, "look")["build"]["cpus"] == 1
    assert _target(limited, "look")["conditions"]["cpus"] == 1


@pytest.mark.parametrize("name", ["hungry", "hungry-failing"])
def test_a_process_killed_for_memory_fails_the_build(limited: Result, name: str) -> None:
    """Want of memory fails a build and is named with its key, even if the recipe goes on."""
    claim = limited.claims(f"{name}-{NATIVE}-gcc")["built"]

    assert claim["verdict"] == "fail"
    assert "memory" in claim["reason"]
    assert "64.00 MiB" in claim["reason"]
    assert f"projects.{name}.memory" in claim["reason"]


@pytest.mark.parametrize("name", ["forking", "bombing"])
def test_a_build_that_fills_its_processes_fails(limited: Result, name: str) -> None:
    """A fork bomb is bounded, ends with its build, and fails it with the key that bounds it.

    Even where the recipe ends well: what it left would go on beside extraction and smoke test,
    and nothing can be measured of a container in which no process can be started.
    """
    claim = limited.claims(f"{name}-{NATIVE}-gcc")["built"]

    assert claim["verdict"] == "fail"
    assert "64" in claim["reason"]
    assert f"projects.{name}.processes" in claim["reason"]


def test_processes_that_have_ended_do_not_count(limited: Result) -> None:
    """A build may start more processes in the background, one after the other, than its limit."""
    claim = limited.claims(f"orphaning-{NATIVE}-gcc")["built"]

    assert claim["verdict"] == "pass", claim["reason"]


def test_a_build_is_stopped_at_its_time_limit(limited: Result) -> None:
    """A build that ignores every signal it can is stopped at its limit, and says which that is."""
    claim = limited.claims(f"endless-{NATIVE}-gcc")["built"]
    target = _target(limited, "endless")

    assert claim["verdict"] == "fail"
    assert "longer than its limit of 3" in claim["reason"]
    assert "projects.endless.timeout" in claim["reason"]
    assert "  | begun" in claim["reason"]
    assert target["build"]["wall_s"] < 0.2 * LOST_S


def test_a_killed_build_says_so(limited: Result) -> None:
    """A build that is killed, and not for memory, is said to be killed."""
    claim = limited.claims(f"killed-{NATIVE}-gcc")["built"]

    assert claim["verdict"] == "fail"
    assert "exit code 137" in claim["reason"]
    assert "SIGKILL" in claim["reason"]


@pytest.mark.parametrize("name", ["busy", "narrow"])
def test_cpu_seconds_are_what_the_kernel_counted(limited: Result, name: str) -> None:
    """The CPU seconds of a build are those of all its processes, and of nothing else."""
    burnt = float(re.findall(r"burnt (\S+)", _log(limited, name))[0])
    measured = _target(limited, name)["build"]["cpu_s"]

    assert 0.9 < burnt / measured <= 1.01


def test_a_sleeping_build_costs_no_cpu_seconds(limited: Result) -> None:
    """Time that a build only waits is wall time alone."""
    busy, idle = (_target(limited, name)["build"] for name in ("busy", "idle"))

    assert idle["cpu_s"] < 0.5 * busy["cpu_s"]
    assert idle["cpu_s"] < 0.5 * idle["wall_s"]


def test_a_build_gets_no_more_cpus_than_it_may(limited: Result) -> None:
    """Two busy processes on one CPU take as long as their CPU seconds."""
    narrow = _target(limited, "narrow")["build"]

    assert narrow["cpus"] == 1
    assert narrow["cpu_s"] / narrow["wall_s"] < 1.2


def test_memory_is_measured(limited: Result) -> None:
    """The high-water mark is of the order of what was used, and not above the limit."""
    hungry, idle = (_target(limited, name)["build"] for name in ("hungry", "idle"))

    assert 0.9 * 64 * MIB < hungry["peak_memory_bytes"] <= 64 * MIB
    assert 0 < idle["peak_memory_bytes"] < 512 * MIB


def test_nothing_that_a_build_leaves_running_survives_it(limited: Result) -> None:
    """Background processes, detached ones too, are gone before anything else is done."""
    claims = limited.claims(f"leaving-{NATIVE}-gcc")
    wall = _target(limited, "leaving")["build"]["wall_s"]

    assert {name: claim["verdict"] for name, claim in claims.items()} == dict.fromkeys(
        ("built", "architecture", "smoke"), "pass"
    ), claims["smoke"]["reason"]
    assert wall < 0.2 * LOST_S


def test_every_container_goes_with_its_build(limited: Result, folder: Path) -> None:
    """After the run there is no container of any of its builds, however each of them ended."""
    assert limited.report["targets"]
    assert _containers_on(folder) == []


def test_the_reproducer_builds_the_same_again(
    limited: Result, folder: Path, tmp_path: Path
) -> None:
    """reproduce.sh needs the engine's command line alone; KEEP=1 keeps what it made."""
    target = _target(limited, "honest", FOREIGN)
    done = _reproduce(target, KEEP="1")
    kept = _containers_on(folder)
    try:
        name = re.search(r"\b[0-9a-f]{12,64}\b", done.stdout + done.stderr)
        copied = tmp_path / "hello"
        _docker("cp", f"{kept[0]}:{layout.TREE}/hello", str(copied))
    finally:
        if kept:
            _docker("rm", "--force", "--volumes", *kept)

    assert done.returncode == 0, done.stderr
    assert len(kept) == 1
    assert name, "nobody can know which container was kept"
    assert kept[0].startswith(name[0]) or name[0].startswith(kept[0])
    assert _sha256(copied) == target["artifacts"][0]["sha256"]


def test_the_reproducer_fails_as_the_build_did(limited: Result, folder: Path) -> None:
    """The exit code of reproduce.sh is the build's, and nothing is left of it."""
    target = _target(limited, "broken")
    done = _reproduce(target)

    assert done.returncode == target["build"]["exit_code"] == 1
    assert "nothing_of_this_name" in done.stdout + done.stderr
    assert _containers_on(folder) == []


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
    before = _record(kept.folder, kept.id)
    result, started = _watched(kept, kept.gate)

    assert result.exit_code == 0
    assert started == 0
    assert _record(kept.folder, kept.id) == before
    assert result.report["targets"][0]["reused"] is True
    assert re.findall(rf"^{kept.id} +built +pass +reused", result.output, re.MULTILINE)
    assert "1 judged on an earlier record" in result.output
    assert kept.plan()["action"] == "reuse"
    assert kept.plan()["reasons"] == []


def test_a_fresh_run_builds_again(kept: Kept) -> None:
    """--fresh builds what would be reused, in one container, and gets the same key."""
    before = _record(kept.folder, kept.id)
    result, started = _watched(kept, lambda: kept.gate("--fresh"))
    after = _record(kept.folder, kept.id)

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
    after = _record(kept.folder, kept.id)

    assert plan["action"] == "build"
    assert len(plan["reasons"]) == 1
    assert plan["reasons"][0].startswith(reason)
    assert result.exit_code == 0, result.output
    assert result.report["targets"][0]["reused"] is False
    assert _sha256(_artifact(kept)) == after["artifacts"][0]["sha256"]
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
        files = {f"src/{name}": content for name, content in FILES.items()}
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
    mine, other = (_target(good, "ratio", each)["build"]["cpu_s"] for each in (FOREIGN, NATIVE))

    assert good.exit_code == 0, good.output
    assert claim["verdict"] == "pass"
    assert claim["observed"] == pytest.approx(mine / other)
    assert "time_ratio" not in good.claims(f"ratio-{NATIVE}-gcc")
    assert bad.exit_code == 1
    assert caught["verdict"] == "fail"
    assert caught["manifest_key"] == "projects.ratio.budget.time_ratio"
    assert {each["reused"] for each in bad.report["targets"]} == {True}


def _target(result: Result, name: str, architecture: str = NATIVE) -> dict[str, Any]:
    wanted = f"{name}-{architecture}-gcc"
    found = next(each for each in result.report["targets"] if each["id"] == wanted)
    assert isinstance(found, dict)
    return found


def _log(result: Result, name: str) -> str:
    return Path(_target(result, name)["log"]).read_text("utf-8", "backslashreplace")


def _record(folder: Path, target: str) -> dict[str, Any]:
    out = folder.with_name(f"{folder.name}-out")
    found = json.loads((out / "records" / target / "record.json").read_bytes())
    assert isinstance(found, dict)
    return found


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _on_engine() -> dict[str, str]:
    """An environment in which the engine's command line speaks to the engine of these runs."""
    candidate, _ = probe.find()
    assert candidate is not None, "no engine answers"
    return environment(DOCKER_HOST=candidate.address)


def _docker(*words: str) -> str:
    return subprocess.run(
        ["docker", *words],
        env=_on_engine(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    ).stdout


def _containers_on(folder: Path) -> list[str]:
    """The containers, running or not, whose source is a folder of ours."""
    words = ("ps", "--all", "--quiet", "--no-trunc", "--filter", f"volume={folder.resolve()}")
    return _docker(*words).split()


def _watched(kept: Kept, run: Callable[[], Result]) -> tuple[Result, int]:
    """A run's result, and how many containers of its target started meanwhile."""
    begin = time.time()
    result = run()
    events = _docker(
        *("events", "--since", f"{begin:.9f}", "--until", f"{time.time():.9f}"),
        *("--filter", "event=start", "--filter", f"label=dev.crossgate.target={kept.id}"),
        *("--format", "{{.ID}}"),
    )
    return result, len(events.split())


def _reproduce(target: dict[str, Any], **changed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", target["reproducer"]],
        env={**_on_engine(), **changed},
        cwd=os.sep,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


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
