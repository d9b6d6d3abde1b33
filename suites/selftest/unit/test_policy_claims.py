"""The claims of a policy: each fails on its own mutant, by its own key, and on nothing else."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.core import claims, rows
from fixtures.core.claims import files
from fixtures.core.record import Outcome
from fixtures.core.verdicts import Verdict
from fixtures.inspection.elf.facts import read_facts
from suites.selftest.unit.elf_images import ARM64
from suites.selftest.unit.judging import (
    BUDGET,
    DEB,
    OF_PROGRAMS,
    SIZES,
    STRICT,
    STRICT_TARGET,
    failing,
    judged,
)
from suites.selftest.unit.samples import artifact, library_facts, nested, package, program
from suites.selftest.unit.samples import record as record_of
from suites.selftest.unit.samples import target as target_of

# What is intact passes


def test_the_sample_has_all_facts() -> None:
    """The program that these tests change has the facts that files are read with, and no other."""
    content = bytes(ARM64)
    read = read_facts(io.BytesIO(content), len(content))

    assert set(program(STRICT_TARGET)) == {*read, "compressed_size", "paths"}


@pytest.mark.parametrize("name", rows.toolchains()["gcc"].architectures)
def test_an_intact_program_passes_everything(name: str) -> None:
    """The strictest policy has nothing to say of a program that is as it should be."""
    row = target_of(name, policy=STRICT, budget=BUDGET)

    assert failing(row, artifact(row), (*OF_PROGRAMS, *SIZES)) == {}


def test_an_intact_library_passes_everything() -> None:
    """A library that has its name and its symbols passes what is asked of libraries."""
    row = target_of(policy=replace(STRICT, linkage=None, soname=("libdemo.so.1",), exports="abi"))
    one = artifact(row, path="libdemo.so.1.0", facts=library_facts())
    names = (*(name for name in OF_PROGRAMS if name != "linkage"), "soname", "exports")

    assert failing(row, one, names) == {}


def test_an_intact_package_passes_everything() -> None:
    """A package with the program in it passes like the program, and holds what was named."""
    row = target_of(policy=replace(STRICT, contents=("usr/bin/*",)))
    one = package(row, nested(row, "demo.deb!usr/bin/demo"))

    assert failing(row, one, (*OF_PROGRAMS, "contents")) == {}


# Each claim catches its own mutant, and no other claim is bothered


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """What is changed in an intact program's facts, which claim fails, and in which words."""

    claim: str
    facts: Mapping[str, Any]
    says: tuple[str, ...]
    key: str = ""
    policy: Mapping[str, Any] = field(default_factory=dict)


MUTANTS: Final[Mapping[str, Mutant]] = {
    "wrong machine": Mutant(
        claim="architecture",
        key="architectures",
        facts={"e_machine": "EM_RISCV"},
        says=("expected arm64 (EM_AARCH64", "found riscv64 (EM_RISCV"),
    ),
    "ABI flags": Mutant(
        claim="architecture",
        key="architectures",
        facts={"e_flags": 5},
        says=("expected ABI flags 0x0", "found 0x5"),
    ),
    "loader": Mutant(
        claim="interpreter",
        facts={"interpreter": "/opt/lib/ld-linux-aarch64.so.1"},
        says=(
            "expected the loader /lib/ld-linux-aarch64.so.1 or /lib/ld-musl-aarch64.so.1",
            "found /opt/lib/ld-linux-aarch64.so.1",
        ),
    ),
    "loader of the default that is not the named": Mutant(
        claim="interpreter",
        facts={},
        policy={"interpreter": ("/lib/ld-musl-aarch64.so.1",)},
        says=("expected the loader /lib/ld-musl-aarch64.so.1, found /lib/ld-linux",),
    ),
    "library": Mutant(
        claim="needed",
        facts={"needed": ["libc.so.6", "libm.so.6"]},
        says=("needs libm.so.6; allowed: libc.so.6, libstdc++.so.*",),
    ),
    "no library allowed": Mutant(
        claim="needed",
        facts={},
        policy={"needed": ()},
        says=("needs libc.so.6; allowed: none",),
    ),
    "denied library": Mutant(
        claim="needed",
        facts={"needed": ["libc.so.6", "libssl.so.3"]},
        policy={"needed": None},
        says=("needs libssl.so.3, which is denied",),
    ),
    "glibc": Mutant(
        claim="glibc",
        facts={"max_glibc": "2.38", "version_needs": ["GLIBC_2.38"]},
        says=("needs glibc 2.38, the ceiling is 2.36",),
    ),
    "glibc by an ABI": Mutant(
        claim="glibc",
        facts={"version_needs": ["GLIBC_2.34", "GLIBC_ABI_DT_RELR"]},
        policy={"glibc": "2.35"},
        says=("needs GLIBC_ABI_DT_RELR, which glibc has since 2.36", "the ceiling is 2.35"),
    ),
    "glibc by an unknown ABI": Mutant(
        claim="glibc",
        facts={"version_needs": ["GLIBC_ABI_OF_TOMORROW"]},
        says=("needs GLIBC_ABI_OF_TOMORROW, and nobody here knows",),
    ),
    "libstdc++": Mutant(
        claim="glibcxx",
        facts={"max_glibcxx": "3.4.32"},
        says=("needs libstdc++'s GLIBCXX_3.4.32, the ceiling is 3.4.30",),
    ),
    "static": Mutant(
        claim="linkage",
        facts={"interpreter": None, "needed": [], "dynamic": False},
        policy={"hardening": None, "glibc": None},
        says=("expected a dynamic program, found a static one", "needs no library"),
    ),
    "dynamic": Mutant(
        claim="linkage",
        facts={},
        policy={"linkage": "static"},
        says=(
            "expected a static program, found a dynamic one",
            "is loaded by /lib/ld-linux-aarch64.so.1 and needs libc.so.6",
        ),
    ),
    "static position-independent": Mutant(
        claim="linkage",
        facts={"interpreter": None, "needed": [], "fortified": [], "fortifiable": []},
        says=("expected a dynamic program, found a static one",),
    ),
    "RPATH": Mutant(
        claim="rpath",
        facts={"rpath": "/opt/lib"},
        says=('looks for libraries in "/opt/lib" (RPATH); allowed: none',),
    ),
    "RUNPATH": Mutant(
        claim="rpath",
        facts={"runpath": "$ORIGIN:/build"},
        policy={"rpath": ("$ORIGIN",)},
        says=('looks for libraries in "/build" (RUNPATH); allowed: $ORIGIN',),
    ),
    "empty folder in RUNPATH": Mutant(
        claim="rpath",
        facts={"runpath": "$ORIGIN:"},
        policy={"rpath": ("$ORIGIN",)},
        says=('looks for libraries in "" (RUNPATH)',),
    ),
    "symbols": Mutant(
        claim="stripped",
        facts={"stripped": False},
        says=("expected it stripped, found a table of symbols",),
    ),
    "debug information": Mutant(
        claim="stripped",
        facts={"stripped": False, "debug_info": True},
        says=("found a table of symbols and debug information",),
    ),
    "debug information alone": Mutant(
        claim="stripped",
        facts={"debug_info": True},
        says=("expected it stripped, found debug information",),
    ),
    "no symbols": Mutant(
        claim="stripped",
        facts={},
        policy={"stripped": False},
        says=("expected its symbols in it, found it stripped",),
    ),
    "no build-id": Mutant(
        claim="build_id",
        facts={"build_id": None},
        says=("expected a build-id, found none (link with -Wl,--build-id)",),
    ),
    "build-id": Mutant(
        claim="build_id",
        facts={"build_id": "c0ffee"},
        policy={"build_id": False},
        says=("expected no build-id, found c0ffee",),
    ),
    "path": Mutant(
        claim="paths",
        facts={"paths": ["/home/me/demo.c"]},
        says=("names /home/me/demo.c (compile with -ffile-prefix-map",),
    ),
    "paths": Mutant(
        claim="paths",
        facts={"paths": ["/root/a", "/root/b", "/root/c", "/root/d", "/usr/src/x"]},
        policy={"paths": ("/usr/src",)},
        says=("names /root/a, /root/b, /root/c and 1 more",),
    ),
    "not searched": Mutant(
        claim="paths",
        facts={"paths": None},
        says=("was not searched for paths",),
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_each_mutant_is_caught_by_its_claim_alone(name: str) -> None:
    """One thing wrong with a program fails the one claim about it, by its key of the manifest."""
    mutant = MUTANTS[name]
    row = target_of(policy=replace(STRICT, **mutant.policy), budget=BUDGET)
    one = artifact(row, facts=mutant.facts)
    if mutant.facts.get("paths", ()) is None:
        one = replace(one, facts={key: value for key, value in one.facts.items() if key != "paths"})

    found = failing(row, one, tuple(name for name in OF_PROGRAMS if claims.applies(name, row)))

    assert set(found) == {mutant.claim}
    assert found[mutant.claim].startswith("demo: ")
    for words in mutant.says:
        assert words in found[mutant.claim]
    expected = f"projects.demo.{mutant.key or f'policy.{mutant.claim}'}"
    assert judged(mutant.claim, row, one).manifest_key == expected


@pytest.mark.parametrize("claim", [name for name in OF_PROGRAMS if name != "architecture"])
def test_a_wrong_file_inside_is_named_by_its_path(claim: str) -> None:
    """A mutant inside a package fails as it does outside, under the path that leads to it."""
    mutant = (
        next(each for each in MUTANTS.values() if each.claim == claim)
        if (claim != "hardening")
        else Mutant(claim=claim, facts={"gnu_stack": "RWE"}, says=("its stack is executable",))
    )
    row = target_of(policy=replace(STRICT, **mutant.policy))
    path = "demo.deb!data.tar!usr/bin/demo"
    one = package(row, nested(row, path, facts=mutant.facts))

    judgement = judged(claim, row, one)

    assert judgement.verdict is Verdict.FAIL
    assert judgement.reason.startswith(f"{path}: ")
    assert mutant.says[0] in judgement.reason


# Nothing to look at, and what can't be read

FULL: Final = target_of(
    policy=replace(STRICT, baseline="v8", soname=("x",), exports="abi", contents=("*",)),
    budget=BUDGET,
)
EVIDENCE: Final = {
    name: claims.judge(name, FULL, record_of(FULL, outcome=Outcome.FAILED)).evidence
    for name in claims.CLAIMS
}
STATIC: Final = tuple(name for name, kind in EVIDENCE.items() if kind == "static")


@pytest.mark.parametrize("claim", STATIC)
def test_nothing_inspected_is_no_pass(claim: str) -> None:
    """Without an artifact, each claim about artifacts fails and says that none was looked at."""
    judgement = judged(claim, FULL)

    assert judgement.verdict in (Verdict.FAIL, Verdict.UNMEASURABLE)
    assert any(word in judgement.reason for word in ("no ", "none", "nothing", "removed"))


@pytest.mark.parametrize(
    ("claim", "inside"),
    [
        (name, inside)
        for name in STATIC
        for inside in (False, True)
        # The names in a package are known, whatever is in the files.
        if name not in SIZES and (name, inside) != ("contents", True)
    ],
)
def test_what_can_not_be_read_is_no_pass(claim: str, inside: bool) -> None:
    """A file that nobody could read, alone or in a package, fails every claim about files."""
    good = nested(FULL, "demo.deb!usr/bin/good")
    wrong = nested(FULL, DEB, problem="a truncated ELF file", facts={})
    one = (
        package(FULL, good, wrong)
        if inside
        else artifact(FULL, problem="a truncated ELF file", facts={})
    )

    judgement = judged(claim, FULL, one)

    assert judgement.verdict is Verdict.FAIL
    assert "a truncated ELF file" in judgement.reason
    assert (DEB if inside else "demo: ") in judgement.reason


def test_a_package_without_machine_code_has_been_judged_by_nobody() -> None:
    """A package in which no program was found fails."""
    row = target_of()

    assert (
        "no machine code was found in it"
        in failing(row, package(row), ("architecture",))["architecture"]
    )


@pytest.mark.parametrize("claim", STATIC)
def test_findings_are_counted_beyond_a_bound(claim: str) -> None:
    """A thousand findings do not make a reason of a thousand lines."""
    many = tuple(
        artifact(FULL, path=f"demo{number}", problem="damaged", facts={}) for number in range(1000)
    )

    assert len(judged(claim, FULL, *many).reason) < 60_000


@pytest.mark.parametrize("claim", STATIC)
def test_names_in_files_can_not_command(claim: str) -> None:
    """What a file names (a library, a folder, a symbol) is no workflow command in a reason."""
    hostile = "x\n::error::y##[error]z\x1b[2J"
    facts = {
        **{"interpreter": hostile, "needed": [hostile], "rpath": hostile, "soname": hostile},
        **{"paths": [hostile], "exports": [hostile], "version_needs": [f"GLIBC_ABI_{hostile}"]},
    }
    one = replace(artifact(FULL, facts=facts), path=hostile)

    reason = judged(claim, FULL, one).reason

    assert not [line for line in reason.splitlines() if line.lstrip().startswith("::")]
    assert "##[" not in reason


# Evidence


def test_evidence_is_told_apart() -> None:
    """What files say, what running them showed and what building them took are kept apart."""
    found = EVIDENCE

    assert {name for name, evidence in found.items() if evidence == "run"} == {"smoke", "test"}
    assert {"built", "cpu_time", "time_ratio"} <= {
        name for name, evidence in found.items() if evidence == "build"
    }
    assert set(found.values()) == {"static", "run", "build"}


def test_the_table_of_claims_is_complete() -> None:
    """Each claim about files has a mutant here, or in the file of its own tests."""
    tried = {each.claim for each in MUTANTS.values()} | set(SIZES)
    tried |= {"hardening", "baseline", "soname", "exports", "contents"}
    modules = {path.stem for path in Path(files.__file__).parent.glob("*.py")}

    assert set(STATIC) <= tried
    assert {"linkage", "hardening", "inside"} <= modules
