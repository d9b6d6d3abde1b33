"""Real builds in real containers: what they may see and take, what is measured, what is kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from fixtures.building import layout
from suites.selftest.harness import (
    FOREIGN,
    NATIVE,
    Result,
    manifest_text,
    project,
    run_gate,
)
from suites.selftest.integration.built import (
    BURN,
    COMPILE,
    HELLO,
    containers_on,
    docker,
    log_of,
    record_of,
    reproduce,
    sha256,
    target_of,
)

pytestmark = pytest.mark.integration

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
fact killed sh -c 'cat /proc/self/oom_score_adj /proc/1/oom_score_adj'
fact quota first /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us
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
        # No more at once than its first process gets to wait for.
        "build": "for i in $(seq 200); do (true &); [ $((i % 30)) -gt 0 ] || sleep 0.5; done; "
        "sh -c 'echo enough'; " + COMPILE,
        "processes": 64,
    },
    "endless": {"build": f"trap '' TERM INT HUP; echo begun; sleep {LOST_S}", "timeout": "10 s"},
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
    log = Path(target_of(limited, "look")["log"]).read_text("utf-8")
    found = (line.split(" ", 2) for line in log.splitlines() if line.startswith("fact "))
    return {name: value.strip() for _, name, value in found}


def test_an_honest_cross_build_passes(limited: Result) -> None:
    """A configure script that heeds --host makes a program that passes and runs."""
    verdicts = limited.verdicts(f"honest-{FOREIGN}-gcc")

    assert verdicts == {"built": "pass", "architecture": "pass", "smoke": "pass"}
    assert target_of(limited, "honest", FOREIGN)["execution"]["mode"] == "cross"


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
    target = target_of(limited, "broken")
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
    log = Path(target_of(limited, "broken")["log"]).read_text("utf-8")

    assert log.splitlines()[-1] != "no"


def test_a_failed_build_is_not_reused(limited: Result, folder: Path) -> None:
    """The next run builds again what failed, over an unchanged tree, and fails again."""
    first = record_of(folder, f"broken-{NATIVE}-gcc")
    again = run_gate(folder, "-n", "0", "-k", "broken")
    second = record_of(folder, f"broken-{NATIVE}-gcc")

    assert again.exit_code == 1
    assert target_of(again, "broken")["reused"] is False
    assert second["run"] != first["run"]
    assert second["key"] == first["key"]


def test_want_of_memory_does_not_end_the_container_first(facts: dict[str, str]) -> None:
    """The kernel kills a build's processes before the first one, with which all would end."""
    own, first = map(int, facts["killed"].split())

    assert own > first


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
    assert target_of(limited, "look")["build"]["cpus"] == 1
    assert target_of(limited, "look")["conditions"]["cpus"] == 1


@pytest.mark.parametrize("name", ["hungry", "hungry-failing"])
def test_a_process_killed_for_memory_fails_the_build(limited: Result, name: str) -> None:
    """Want of memory fails a build and is named with its key, even if the recipe goes on."""
    claim = limited.claims(f"{name}-{NATIVE}-gcc")["built"]

    assert claim["verdict"] == "fail", claim["reason"]
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

    assert claim["verdict"] == "fail", claim["reason"]
    assert "64" in claim["reason"]
    assert f"projects.{name}.processes" in claim["reason"]


def test_processes_that_have_ended_do_not_count(limited: Result) -> None:
    """A build may start more processes in the background, one after the other, than its limit."""
    claim = limited.claims(f"orphaning-{NATIVE}-gcc")["built"]

    assert claim["verdict"] == "pass", claim["reason"]


def test_a_build_is_stopped_at_its_time_limit(limited: Result) -> None:
    """A build that ignores every signal it can is stopped at its limit, and says which that is."""
    claim = limited.claims(f"endless-{NATIVE}-gcc")["built"]
    target = target_of(limited, "endless")

    assert claim["verdict"] == "fail"
    assert "longer than its limit of 10" in claim["reason"]
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
    """The CPU seconds of a build are those of all its processes, and of nothing else.

    What else this one does is what the idle one does: to compile a line, and to begin.
    """
    beside = target_of(limited, "idle")["build"]["cpu_s"]
    burnt = float(re.findall(r"burnt (\S+)", log_of(limited, name))[0])
    measured = target_of(limited, name)["build"]["cpu_s"]

    assert burnt / measured <= 1.01
    assert 0.9 < burnt / (measured - beside) < 1.1


def test_a_sleeping_build_costs_no_cpu_seconds(limited: Result) -> None:
    """Time that a build only waits is wall time alone."""
    busy, idle = (target_of(limited, name)["build"] for name in ("busy", "idle"))

    assert idle["cpu_s"] < 0.5 * busy["cpu_s"]
    assert idle["cpu_s"] < 0.5 * idle["wall_s"]


def test_a_build_gets_no_more_cpus_than_it_may(limited: Result) -> None:
    """Two busy processes on one CPU take as long as their CPU seconds."""
    narrow = target_of(limited, "narrow")["build"]

    assert narrow["cpus"] == 1
    assert narrow["cpu_s"] / narrow["wall_s"] < 1.2


def test_memory_is_measured(limited: Result) -> None:
    """The high-water mark is of the order of what was used, and not above the limit."""
    hungry, idle = (target_of(limited, name)["build"] for name in ("hungry", "idle"))

    assert 0.9 * 64 * MIB < hungry["peak_memory_bytes"] <= 64 * MIB
    assert 0 < idle["peak_memory_bytes"] < 512 * MIB


def test_nothing_that_a_build_leaves_running_survives_it(limited: Result) -> None:
    """Background processes, detached ones too, are gone before anything else is done."""
    claims = limited.claims(f"leaving-{NATIVE}-gcc")
    wall = target_of(limited, "leaving")["build"]["wall_s"]

    assert {name: claim["verdict"] for name, claim in claims.items()} == dict.fromkeys(
        ("built", "architecture", "smoke"), "pass"
    ), claims["smoke"]["reason"]
    assert wall < 0.2 * LOST_S


def test_every_container_goes_with_its_build(limited: Result, folder: Path) -> None:
    """After the run there is no container of any of its builds, however each of them ended."""
    assert limited.report["targets"]
    assert containers_on(folder) == []


def test_the_reproducer_builds_the_same_again(
    limited: Result, folder: Path, tmp_path: Path
) -> None:
    """reproduce.sh needs the engine's command line alone; KEEP=1 keeps what it made."""
    target = target_of(limited, "honest", FOREIGN)
    done = reproduce(target, KEEP="1")
    kept = containers_on(folder)
    try:
        name = re.search(r"\b[0-9a-f]{12,64}\b", done.stdout + done.stderr)
        copied = tmp_path / "hello"
        docker("cp", f"{kept[0]}:{layout.TREE}/hello", str(copied))
    finally:
        if kept:
            docker("rm", "--force", "--volumes", *kept)

    assert done.returncode == 0, done.stderr
    assert len(kept) == 1
    assert name, "nobody can know which container was kept"
    assert kept[0].startswith(name[0]) or name[0].startswith(kept[0])
    assert sha256(copied) == target["artifacts"][0]["sha256"]


def test_the_reproducer_fails_as_the_build_did(limited: Result, folder: Path) -> None:
    """The exit code of reproduce.sh is the build's, and nothing is left of it."""
    target = target_of(limited, "broken")
    done = reproduce(target)

    assert done.returncode == target["build"]["exit_code"] == 1
    assert "nothing_of_this_name" in done.stdout + done.stderr
    assert containers_on(folder) == []
