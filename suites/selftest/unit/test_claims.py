"""The claims: each catches its mutants and lets their honest twins through."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import claims, rows, targets
from fixtures.core.claims import cpu, smoke
from fixtures.core.errors import ArtifactError
from fixtures.core.readers import Budget, TimeRatio
from fixtures.core.record import Artifact, Outcome, Record
from fixtures.core.record import Smoke as SmokeRun
from fixtures.core.targets import Target
from fixtures.core.text import printable
from fixtures.core.verdicts import Judgement, Verdict
from fixtures.inspection import identify
from fixtures.inspection.elf.facts import read_facts
from suites.selftest.harness import ROOT
from suites.selftest.unit.elf_images import ARM64, IMAGES, Image
from suites.selftest.unit.samples import HONEST, artifact, conditions, load, record, target

TARGET: Final = target()
BASE: Final = record(target("amd64"))
GATE: Final = ROOT / "suites" / "gate"
OF_EVERY_BUILD: Final = (
    *("built", "architecture", "smoke", "test", "size", "cpu_time", "time_ratio"),
)
"""What the honest manifest claims; what else it can is in the files test_*_claims.py."""


def judged(claim: str, one: Record, row: Target = TARGET, base: Record | None = None) -> Judgement:
    """The judgement, once it was seen to be complete."""
    judgement = claims.judge(claim, row, one, base)
    assert judgement.claim == claim
    assert judgement.manifest_key.startswith("projects.demo.")
    assert judgement.reason
    return judgement


# Which claims there are


def test_claims_are_listed_once() -> None:
    """Every claim has its place in reports, what was built comes first, and a test of its own."""
    tests = {file.stem.removeprefix("test_") for file in GATE.glob("test_*.py")}

    assert claims.CLAIMS[:2] == ("built", "architecture")
    assert set(claims.CLAIMS) == tests
    assert len(set(claims.CLAIMS)) == len(claims.CLAIMS)


@pytest.mark.parametrize("claim", OF_EVERY_BUILD)
def test_an_honest_record_passes_every_claim(claim: str) -> None:
    """Nothing is wrong with an honest record, so every claim lets it through."""
    assert judged(claim, record(TARGET), base=BASE).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("claim", "project"),
    [
        ("size", {"budget": Budget()}),
        ("cpu_time", {"budget": Budget()}),
        ("time_ratio", {"budget": Budget()}),
        ("time_ratio", {"budget": Budget(time_ratio=TimeRatio(to="arm64", maximum=2))}),
        ("smoke", {"smoke": None}),
    ],
)
def test_a_claim_that_nobody_made_does_not_apply(claim: str, project: dict[str, Any]) -> None:
    """Without its budget or command a claim is not made; with it, it is."""
    assert not claims.applies(claim, target(**project))
    assert claims.applies(claim, TARGET)


@pytest.mark.parametrize("claim", ["built", "architecture"])
def test_two_claims_are_made_of_every_target(claim: str) -> None:
    """A target can't get out of being built, and for the right architecture."""
    assert claims.applies(claim, target(budget=Budget(), smoke=None))


@pytest.mark.parametrize(
    "one", [record(TARGET), record(TARGET, outcome=Outcome.FAILED)], ids=["built", "failed"]
)
def test_an_unknown_claim_is_an_error(one: Record) -> None:
    """Nothing is judged under a name that no claim has, whatever the record."""
    with pytest.raises(ValueError, match="no claim is called 'nosuch'"):
        claims.applies("nosuch", TARGET)
    with pytest.raises(ValueError, match="no claim is called 'nosuch'"):
        claims.judge("nosuch", TARGET, one)


@pytest.mark.parametrize("claim", claims.CLAIMS)
@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INFRASTRUCTURE])
def test_a_build_that_failed_passes_no_claim(claim: str, outcome: Outcome) -> None:
    """However good the rest of its record looks, a failed build fails every claim."""
    one = record(TARGET, outcome=outcome, reason="the command exited with 2")

    judgement = judged(claim, one, base=BASE)

    assert judgement.verdict is Verdict.FAIL
    assert "the command exited with 2" in judgement.reason


@pytest.mark.parametrize("claim", claims.CLAIMS)
def test_a_failure_without_a_reason_is_still_put_in_words(claim: str) -> None:
    """A failed build whose record holds no reason is not explained by None."""
    judgement = judged(claim, record(TARGET, outcome=Outcome.FAILED), base=BASE)

    assert judgement.verdict is Verdict.FAIL
    assert "None" not in judgement.reason


@pytest.mark.parametrize("claim", ["architecture", "size", "cpu_time", "smoke", "built"])
def test_keys_of_projects_with_dots_are_quoted(claim: str) -> None:
    """The manifest key in a judgement is one that can be looked up in the file."""
    row = target(name="demo.so")

    judgement = claims.judge(claim, row, record(row))

    assert judgement.manifest_key.startswith('projects."demo.so".')


HOSTILE: Final = "a\n::error::x##[error]y\x1b[2J"


@pytest.mark.parametrize(
    ("claim", "one"),
    [
        pytest.param(
            "built", record(TARGET, artifacts=(artifact(TARGET, path=HOSTILE),)), id="built"
        ),
        pytest.param(
            "architecture",
            record(TARGET, artifacts=(artifact(TARGET, path=HOSTILE, facts={"e_flags": 1}),)),
            id="path",
        ),
        pytest.param(
            "architecture",
            record(TARGET, artifacts=(artifact(TARGET, facts={"interpreter": "/##[error]x"}),)),
            id="interpreter",
        ),
        pytest.param(
            "architecture",
            record(TARGET, artifacts=(artifact(TARGET, problem="a script (#!/##[error]x)"),)),
            id="problem",
        ),
        pytest.param(
            "smoke",
            record(
                TARGET,
                smoke=(SmokeRun(artifact=HOSTILE, runner="qemu", exit_code=1, wall_s=0.1),),
            ),
            id="smoke",
        ),
    ],
)
def test_names_that_a_build_made_can_not_command(claim: str, one: Record) -> None:
    """A path or an interpreter in a reason is no workflow command and no terminal code."""
    reason = judged(claim, one).reason

    assert not [line for line in reason.splitlines() if line.lstrip().startswith("::")]
    assert "##[" not in reason
    assert all(line == printable(line) for line in reason.splitlines())


# built


def test_a_failed_compile_shows_all_that_is_needed_to_mend_it() -> None:
    """Reason, command, end of the log, where the log lies and how to repeat the build."""
    one = record(
        TARGET,
        outcome=Outcome.FAILED,
        reason="the build command exited with 2",
        command="make\n::error::x",
        log_tail=("cc1: out of memory", "::set-output name=a::b", "##[error]x"),
    )

    reason = judged("built", one).reason

    assert reason.startswith("the build command exited with 2\n")
    assert "  | make" in reason
    assert "the last 3 lines of its log:\n  | cc1: out of memory\n" in reason
    assert f"log: {one.log}" in reason
    assert f"to repeat it: sh {one.reproducer}" in reason
    assert not [line for line in reason.splitlines() if line.lstrip().startswith("::")]
    assert "##[" not in reason


def test_built_names_the_key_that_the_record_blames() -> None:
    """Where a glob matched nothing, the key to edit is that of the artifacts."""
    key = "projects.demo.artifacts"
    one = record(TARGET, outcome=Outcome.FAILED, reason="nothing matches", manifest_key=key)

    assert judged("built", one).manifest_key == key
    assert judged("architecture", one).manifest_key == key


@pytest.mark.parametrize("claim", ["built", "architecture", "size", "smoke"])
def test_a_build_that_left_nothing_passes_nothing(claim: str) -> None:
    """Without an artifact nothing was looked at, and that is a failure."""
    one = record(TARGET, artifacts=(), smoke=())

    assert judged(claim, one).verdict is Verdict.FAIL


# architecture


def artifact_of(content: bytes) -> Any:
    """An artifact as a build records it: the file's facts, or why there are none."""
    try:
        facts = read_facts(io.BytesIO(content), len(content))
    except ArtifactError as error:
        return replace(
            artifact(TARGET), facts={}, format=identify.identify(content[:16]), problem=str(error)
        )
    return replace(artifact(TARGET), facts=facts, size_bytes=len(content))


@pytest.mark.parametrize("name", ["arm64", "library"])
def test_an_image_of_the_architecture_passes(name: str) -> None:
    """A program and a library for the declared architecture pass, and are counted."""
    judgement = judged(
        "architecture", record(TARGET, artifacts=(artifact_of(bytes(IMAGES[name])),))
    )

    assert judgement.verdict is Verdict.PASS
    assert judgement.reason == "1 file inspected, all arm64"
    assert judgement.manifest_key == "projects.demo.architectures"


@pytest.mark.parametrize("loader", TARGET.architecture.loaders)
def test_every_loader_of_the_row_passes(loader: str) -> None:
    """Programs for glibc and for musl are both programs for the architecture."""
    image = replace(ARM64, interpreters=(loader.encode(),))

    one = record(TARGET, artifacts=(artifact_of(bytes(image)),))

    assert judged("architecture", one).verdict is Verdict.PASS


def test_static_programs_and_gnu_extensions_pass() -> None:
    """No interpreter is needed, and what GNU's OS ABI marks runs on Linux."""
    image = replace(ARM64, interpreters=(), needed=(), e_type=2, os_abi=3)

    one = record(TARGET, artifacts=(artifact_of(bytes(image)),))

    assert judged("architecture", one).verdict is Verdict.PASS


def changed(**changes: Any) -> bytes:
    """The arm64 image with changes."""
    image: Image = replace(ARM64, **changes)
    return bytes(image)


MUTANTS: Final = {
    # name: (the file, what was expected, what was found)
    "the host's": (
        bytes(IMAGES["amd64"]),
        "expected arm64 (EM_AARCH64, 64-bit, little-endian)",
        "found amd64 (EM_X86_64, 64-bit, little-endian)",
    ),
    "machine": (
        changed(machine=243),
        "expected arm64 (EM_AARCH64, 64-bit, little-endian)",
        "found riscv64 (EM_RISCV, 64-bit, little-endian",
    ),
    "unknown machine": (changed(machine=0xFEDC), "EM_AARCH64", "found EM_0xfedc"),
    "class": (changed(bits=32), "EM_AARCH64, 64-bit", "found EM_AARCH64, 32-bit"),
    "byte order": (changed(endian="big"), "little-endian", "found EM_AARCH64, 64-bit, big-endian"),
    "flags": (changed(flags=5), "expected ABI flags 0x0", "found 0x5"),
    "OS ABI": (changed(os_abi=9), "expected the OS ABI System V or GNU/Linux", "found 9"),
    "interpreter": (
        changed(interpreters=IMAGES["amd64"].interpreters),
        "expected the interpreter /lib/ld-linux-aarch64.so.1 or /lib/ld-musl-aarch64.so.1",
        "found /lib64/ld-linux-x86-64.so.2",
    ),
    "interpreter of a build folder": (
        changed(interpreters=(b"/build/ld-linux-aarch64.so.1",)),
        "expected the interpreter /lib/ld-linux-aarch64.so.1",
        "found /build/ld-linux-aarch64.so.1",
    ),
    "empty interpreter": (changed(interpreters=(b"",)), "expected the interpreter", "found"),
    "truncated": (changed()[:-40], "expected an ELF file for arm64", "found a truncated ELF file"),
    "damaged": (
        changed().replace(b"ELF\x02", b"ELF\x07", 1),
        "expected an ELF file for arm64",
        "found a damaged ELF file",
    ),
    "script": (
        b"#!/bin/sh\nexec .libs/demo\n",
        "expected an ELF file for arm64",
        "not an ELF file but a script (#!/bin/sh)",
    ),
    "empty": (b"", "expected an ELF file for arm64", "not an ELF file but an empty file (0 bytes)"),
    "Windows": (b"MZ\x90\0", "expected an ELF file for arm64", "a Windows (PE) file"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_file_fails_architecture(name: str) -> None:
    """Each wrong file fails with what was expected, what was found, and the key that governs it."""
    content, expected, found = MUTANTS[name]
    one = record(TARGET, artifacts=(artifact_of(content),))

    judgement = judged("architecture", one)

    assert judgement.verdict is Verdict.FAIL
    assert judgement.reason.startswith("demo: ")
    assert expected in judgement.reason
    assert found in judgement.reason
    assert "projects.demo.architectures" in judgement.reason
    assert judgement.manifest_key == "projects.demo.architectures"


@pytest.mark.parametrize("name", MUTANTS)
@pytest.mark.parametrize("first", [True, False])
def test_one_wrong_file_among_good_ones_fails(name: str, first: bool) -> None:
    """A wrong file is found wherever it stands, and is named by its path."""
    good = replace(artifact(TARGET), path="good")
    wrong = replace(artifact_of(MUTANTS[name][0]), path="lib/wrong")
    one = record(TARGET, artifacts=(wrong, good) if first else (good, wrong))

    judgement = judged("architecture", one)

    assert judgement.verdict is Verdict.FAIL
    assert "lib/wrong: expected " in judgement.reason
    assert "good: " not in judgement.reason
    assert len(judgement.observed) == 2


def test_all_findings_are_told_at_once() -> None:
    """Two wrong files, and two wrongs in one file, are all in the reason."""
    image = replace(ARM64, flags=1, interpreters=(b"/x",), os_abi=9)
    wrong = replace(artifact_of(bytes(image)), path="a")
    one = record(TARGET, artifacts=(wrong, replace(wrong, path="b")))

    reason = judged("architecture", one).reason

    assert reason.count("ABI flags") == 2
    assert reason.count("the interpreter") == 2
    assert reason.count("the OS ABI") == 2


def test_facts_that_are_not_there_are_no_pass() -> None:
    """An artifact of which nothing is known fails; it is neither passed nor a crash."""
    one = record(TARGET, artifacts=(replace(artifact(TARGET), facts={}),))

    judgement = judged("architecture", one)

    assert judgement.verdict is Verdict.FAIL
    assert "demo" in judgement.reason


@pytest.mark.parametrize(
    ("name", "host"), [(name, host) for name in rows.architectures() for host in ("amd64", "arm64")]
)
def test_each_architecture_passes_as_itself_alone(name: str, host: str) -> None:
    """An intact program passes for its own architecture and fails for every other one."""
    own = target(name, host=host)

    for other in rows.architectures():
        row = target(other, host=host)
        judgement = judged("architecture", record(row, artifacts=(artifact(own),)), row)

        assert (judgement.verdict is Verdict.PASS) == (other == name)


def test_object_files_of_arm_carry_no_float_flag() -> None:
    """An object file is held against what its header can say, a linked one against all of it."""
    row = target("armv7")
    version = 0x05000000
    linked = artifact(row, facts={"e_flags": version})
    compiled = artifact(row, path="demo.o", facts={"e_flags": version, "e_type": "ET_REL"})
    old = artifact(row, path="demo.o", facts={"e_flags": 0x04000000, "e_type": "ET_REL"})

    def verdict(one: Artifact) -> Verdict:
        return judged("architecture", record(row, artifacts=(one,)), row).verdict

    assert verdict(linked) is Verdict.FAIL
    assert verdict(compiled) is Verdict.PASS
    assert verdict(old) is Verdict.FAIL


def test_a_program_bound_to_nothing_need_not_say_how_it_passes_numbers() -> None:
    """As Go's linker does. Soft float, an old ABI, a loader, a library or a PIE excuse nothing."""
    row = target("armv7")
    alone = {"e_flags": 0x05000002, "e_type": "ET_EXEC", "interpreter": None, "needed": []}

    def verdict(**changes: Any) -> Verdict:
        one = artifact(row, facts={**alone, **changes})
        return judged("architecture", record(row, artifacts=(one,)), row).verdict

    assert verdict() is Verdict.PASS
    assert verdict(e_flags=0x05000202) is Verdict.FAIL
    assert verdict(e_flags=0x04000002) is Verdict.FAIL
    assert verdict(interpreter="/lib/ld-linux-armhf.so.3") is Verdict.FAIL
    assert verdict(needed=["libc.so.6"]) is Verdict.FAIL
    assert verdict(e_type="ET_DYN") is Verdict.FAIL


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (None, "were not run"),
        ({"exit_code": 3, "output": ("one line",)}, "exit code 3 after 1.0 s under qemu-aarch64"),
        ({"exit_code": 137, "ended_early": "time"}, "longer than the limit of"),
        ({"exit_code": 0, "ended_early": "time"}, "longer than the limit of"),
    ],
)
def test_failing_tests_of_the_project_fail(run: dict[str, Any] | None, words: str) -> None:
    """Tests that failed, were stopped or never run are no pass; what they said stands beside."""
    honest = record(TARGET)
    assert honest.test is not None
    one = replace(honest, test=None if run is None else replace(honest.test, **run))

    judgement = judged("test", one)

    assert judgement.verdict is Verdict.FAIL
    assert words in judgement.reason
    assert all(line in judgement.reason for line in (run or {}).get("output", ()))
    assert judgement.manifest_key == "projects.demo.test"


def test_an_override_is_the_key_to_edit() -> None:
    """Where an override replaced a bound, it is the override that a failure names."""
    text = HONEST + '[projects.demo.overrides.arm64.budget]\nsize = "1 B"\n'
    found = {each.architecture.name: each for each in targets.expand(load(text), "amd64")}

    for name, key in (
        ("amd64", "projects.demo.budget.size"),
        ("arm64", "projects.demo.overrides.arm64.budget.size"),
    ):
        row = found[name]
        assert claims.judge("size", row, record(row), None).manifest_key == key


def test_flags_outside_the_mask_are_free() -> None:
    """Only the flags that the row's mask covers are judged."""
    architecture = replace(TARGET.architecture, flags_mask=0x6, flags=0x4)
    row = replace(TARGET, architecture=architecture)

    def verdict(flags: int) -> Verdict:
        one = record(row, artifacts=(artifact(row, facts={"e_flags": flags}),))
        return judged("architecture", one, row).verdict

    assert verdict(0x5) is Verdict.PASS
    assert verdict(0x6) is Verdict.FAIL
    assert verdict(0x1) is Verdict.FAIL


# size


@pytest.mark.parametrize(
    ("sizes", "verdict"),
    [
        ((1024**2,), Verdict.PASS),
        ((1024**2 + 1,), Verdict.FAIL),
        ((1024**2 - 5, 5), Verdict.PASS),
        ((1024**2 - 5, 6), Verdict.FAIL),
    ],
)
def test_size_counts_every_byte_of_all_artifacts(sizes: tuple[int, ...], verdict: Verdict) -> None:
    """Artifacts within the budget together pass; one byte more fails."""
    files = (
        artifact(TARGET, path=f"demo{number}", size_bytes=size) for number, size in enumerate(sizes)
    )
    one = record(TARGET, artifacts=tuple(files))

    judgement = judged("size", one)

    assert judgement.verdict is verdict
    assert (judgement.observed, judgement.expected) == (sum(sizes), 1024**2)
    assert judgement.manifest_key == "projects.demo.budget.size"
    assert ("1 bytes over" in judgement.reason) == (verdict is Verdict.FAIL)


# cpu_time


@pytest.mark.parametrize(
    ("cpu_s", "load", "verdict"),
    [
        pytest.param(59.9, 0.0, Verdict.PASS, id="within"),
        pytest.param(60.0, 0.0, Verdict.PASS, id="at the budget"),
        pytest.param(59.9, 0.9, Verdict.PASS, id="within, on a busy machine"),
        pytest.param(59.9, None, Verdict.PASS, id="within, load unknown"),
        pytest.param(60.1, 0.0, Verdict.FAIL, id="beyond"),
        pytest.param(60.1, cpu.QUIET, Verdict.FAIL, id="beyond, on a quiet machine"),
        pytest.param(65.0, 0.5, Verdict.UNMEASURABLE, id="a little beyond, on a busy machine"),
        pytest.param(65.0, None, Verdict.UNMEASURABLE, id="a little beyond, load unknown"),
        pytest.param(70.0, 0.9, Verdict.FAIL, id="far beyond, on a busy machine"),
        pytest.param(70.0, None, Verdict.FAIL, id="far beyond, load unknown"),
        pytest.param(None, 0.0, Verdict.UNMEASURABLE, id="no counter"),
    ],
)
def test_cpu_time_fails_only_beyond_the_noise(
    cpu_s: float | None, load: float | None, verdict: Verdict
) -> None:
    """Within the budget is a pass; beyond it is a failure unless other load can explain it."""
    judgement = judged("cpu_time", record(TARGET, cpu_s=cpu_s, conditions=conditions(load=load)))

    assert judgement.verdict is verdict
    assert (judgement.observed, judgement.expected) == (cpu_s, 60.0)
    assert judgement.manifest_key == "projects.demo.budget.cpu_time"
    assert cpu_s is None or "against a budget of 60.0 s" in judgement.reason


@pytest.mark.parametrize("missing", ["build", "conditions"])
def test_cpu_time_without_its_measurement_is_no_pass(missing: str) -> None:
    """What was not measured is unmeasurable, and load that is unknown is not ruled out."""
    absent: dict[str, Any] = {missing: None}

    judgement = judged("cpu_time", replace(record(TARGET, cpu_s=61.0), **absent))

    assert judgement.verdict is Verdict.UNMEASURABLE


def test_a_failure_shows_numbers_that_differ() -> None:
    """A time that fails reads as larger than its budget, however little it is over."""
    judgement = judged("cpu_time", record(TARGET, cpu_s=60.02))

    assert judgement.verdict is Verdict.FAIL
    assert "60.0 s of CPU against a budget of 60.0 s: over by 0%" not in judgement.reason


def test_a_budget_of_nothing_is_judged() -> None:
    """A budget of zero is exceeded by any time, without a division by it."""
    row = target(budget=Budget(cpu_time_s=0.0))

    assert judged("cpu_time", record(row, cpu_s=1.0), row).verdict is Verdict.FAIL
    assert judged("cpu_time", record(row, cpu_s=0.0), row).verdict is Verdict.PASS


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.none() | st.floats(0, 1))
def test_cpu_time_is_never_strict_under_load(
    cpu_s: float, budget: float, load: float | None
) -> None:
    """Load can turn a failure into unmeasurable; it never makes a pass or a new failure."""
    row = target(budget=Budget(cpu_time_s=budget))
    quiet = judged("cpu_time", record(row, cpu_s=cpu_s), row).verdict
    loaded = record(row, cpu_s=cpu_s, conditions=conditions(load=load))

    verdict = judged("cpu_time", loaded, row).verdict

    assert (quiet is Verdict.PASS) == (cpu_s <= budget)
    assert verdict is quiet or (quiet, verdict) == (Verdict.FAIL, Verdict.UNMEASURABLE)


# time_ratio


@pytest.mark.parametrize(
    ("own", "base", "load", "verdict"),
    [
        pytest.param(60.0, 40.0, 0.0, Verdict.PASS, id="at the bound"),
        pytest.param(60.0, 40.0, 0.9, Verdict.PASS, id="at the bound, on a busy machine"),
        pytest.param(61.0, 40.0, 0.0, Verdict.FAIL, id="beyond"),
        pytest.param(61.0, 40.0, 0.5, Verdict.UNMEASURABLE, id="beyond, on a busy machine"),
        pytest.param(61.0, 40.0, None, Verdict.UNMEASURABLE, id="beyond, load unknown"),
        pytest.param(80.0, 40.0, 0.9, Verdict.FAIL, id="far beyond, on a busy machine"),
        pytest.param(0.08, 0.05, 0.0, Verdict.UNMEASURABLE, id="too short to tell"),
        pytest.param(None, 40.0, 0.0, Verdict.UNMEASURABLE, id="no counter"),
        pytest.param(40.0, None, 0.0, Verdict.UNMEASURABLE, id="no counter of the other"),
        pytest.param(40.0, 0.0, 0.0, Verdict.UNMEASURABLE, id="the other took no time"),
    ],
)
def test_time_ratio_fails_only_beyond_the_noise(
    own: float | None, base: float | None, load: float | None, verdict: Verdict
) -> None:
    """Within the bound is a pass; beyond it fails only if noise in both can't explain it."""
    around = conditions(load=load)
    other = record(target("amd64"), cpu_s=base, conditions=around)

    judgement = judged("time_ratio", record(TARGET, cpu_s=own, conditions=around), base=other)

    assert judgement.verdict is verdict
    assert judgement.expected == {"to": "amd64", "max": 1.5}
    assert judgement.manifest_key == "projects.demo.budget.time_ratio"


@pytest.mark.parametrize("disturbed", ["own", "base"])
def test_load_on_either_side_counts(disturbed: str) -> None:
    """A disturbed measurement on one side is enough to make the ratio uncertain."""
    busy, quiet = conditions(load=0.5), conditions()
    own = record(TARGET, cpu_s=61.0, conditions=busy if disturbed == "own" else quiet)
    base = record(target("amd64"), conditions=quiet if disturbed == "own" else busy)

    assert judged("time_ratio", own, base=base).verdict is Verdict.UNMEASURABLE


@pytest.mark.parametrize(
    ("base", "words"),
    [
        pytest.param(None, "the other build is not there", id="absent"),
        pytest.param(
            replace(BASE, outcome=Outcome.FAILED), "demo-amd64-gcc did not build", id="failed"
        ),
        pytest.param(replace(BASE, conditions=None), "not recorded", id="no conditions"),
        pytest.param(
            replace(BASE, key_parts={"source": "another tree"}),
            "another state of the source",
            id="source",
        ),
        pytest.param(replace(BASE, conditions=conditions(cpus=4)), "CPUs 2 here, 4", id="cpus"),
        pytest.param(
            replace(BASE, conditions=conditions(memory_bytes=1)), "bytes of memory", id="memory"
        ),
        pytest.param(
            replace(BASE, conditions=conditions(cpu_model="b")),
            "CPU model a CPU here, b",
            id="model",
        ),
        pytest.param(
            replace(BASE, conditions=conditions(engine="b")),
            "engine an engine here, b",
            id="engine",
        ),
        pytest.param(
            replace(BASE, conditions=conditions(caches="warm")), "cold here, warm", id="caches"
        ),
    ],
)
def test_unequal_builds_are_not_compared(base: Record | None, words: str) -> None:
    """Times made under other conditions give no verdict, however they look, and it says why."""
    for cpu_s in (1.0, 1000.0):
        judgement = judged("time_ratio", record(TARGET, cpu_s=cpu_s), base=base)

        assert judgement.verdict is Verdict.NOT_APPLICABLE
        assert words in judgement.reason
        assert judgement.observed is None


def test_a_counter_of_zero_is_not_called_missing() -> None:
    """A build that took no measurable time is told apart from a counter that can't be read."""
    base = record(target("amd64"), cpu_s=0.0)

    judgement = judged("time_ratio", record(TARGET), base=base)

    assert judgement.verdict is Verdict.UNMEASURABLE
    assert "no CPU counter" not in judgement.reason


@given(st.floats(0, 1e5), st.floats(0.001, 1e5), st.floats(0.01, 100))
def test_time_ratio_passes_exactly_within_the_bound(own: float, base: float, bound: float) -> None:
    """A ratio within the bound passes, one beyond it never does."""
    row = target(budget=Budget(time_ratio=TimeRatio(to="amd64", maximum=bound)))
    other = record(target("amd64"), cpu_s=base)

    judgement = judged("time_ratio", record(row, cpu_s=own), row, other)

    assert judgement.observed == own / base
    assert (judgement.verdict is Verdict.PASS) == (own / base <= bound)


# smoke


def run(**changes: Any) -> SmokeRun:
    """An honest smoke run with changes."""
    honest = SmokeRun(artifact="demo", runner="qemu-aarch64", exit_code=0, wall_s=0.1)
    return replace(honest, **changes)


def test_smoke_says_what_ran_the_program() -> None:
    """A pass names the emulator or the CPU that executed the program."""
    judgement = judged("smoke", record(TARGET, smoke=(run(),)))

    assert judgement.verdict is Verdict.PASS
    assert judgement.reason == "1 program ran under qemu-aarch64"
    assert judgement.observed == [{"artifact": "demo", "runner": "qemu-aarch64", "exit_code": 0}]
    assert judgement.manifest_key == "projects.demo.smoke"


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        pytest.param((), "nothing was run", id="nothing ran"),
        pytest.param((run(exit_code=1),), "demo: exit code 1 under qemu-aarch64", id="failed"),
        pytest.param((run(exit_code=-11),), "exit code -11", id="killed"),
        pytest.param((run(exit_code=smoke.TIMED_OUT),), "demo: ran out of time", id="hung"),
        pytest.param((run(), run(artifact="b", exit_code=3)), "b: exit code 3", id="one of two"),
        pytest.param(
            (run(exit_code=1, output=("::error::x", "\x1b[2J")),),
            "  | ::error::x\n  | \\x1b[2J",
            id="hostile output",
        ),
    ],
)
def test_a_program_that_does_not_run_fails(runs: tuple[SmokeRun, ...], words: str) -> None:
    """A smoke command that fails, hangs or never ran is a failure that names the program."""
    judgement = judged("smoke", record(TARGET, smoke=runs))

    assert judgement.verdict is Verdict.FAIL
    assert words in judgement.reason
    assert all(line == printable(line) for line in judgement.reason.splitlines())


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(artifact(TARGET, facts={"e_machine": "EM_X86_64"}), id="the host's"),
        pytest.param(artifact(TARGET, problem="a script"), id="script"),
        pytest.param(replace(artifact(TARGET), facts={}), id="no facts"),
    ],
)
def test_that_it_ran_proves_nothing_of_a_foreign_file(wrong: Any) -> None:
    """A program of another architecture that ran was run by something else, and fails."""
    judgement = judged("smoke", record(TARGET, artifacts=(wrong,), smoke=(run(),)))

    assert judgement.verdict is Verdict.FAIL
    assert "it is no arm64 program" in judgement.reason


def test_a_run_of_what_is_no_artifact_fails() -> None:
    """A smoke run counts for an artifact that was inspected, not for any other file."""
    judgement = judged("smoke", record(TARGET, smoke=(run(artifact="elsewhere"),)))

    assert judgement.verdict is Verdict.FAIL
