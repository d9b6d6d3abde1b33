"""The claims of a policy: each fails on its own mutant, by its own key, and on nothing else."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.core import claims, policy_rows, rows
from fixtures.core.claims import abi, files
from fixtures.core.policy import DEFAULT, Policy
from fixtures.core.readers import Budget
from fixtures.core.record import Artifact, Outcome, Record
from fixtures.core.targets import Target
from fixtures.core.text import printable
from fixtures.core.verdicts import Judgement, Verdict
from fixtures.inspection.elf.facts import read_facts
from suites.selftest.unit.elf_images import ARM64
from suites.selftest.unit.samples import artifact, library_facts, nested, package, program
from suites.selftest.unit.samples import record as record_of
from suites.selftest.unit.samples import target as target_of

KIB: Final = 1024

# Nothing that an intact program, of any architecture, has not.
STRICT: Final = Policy(
    interpreter=DEFAULT,
    needed=("libc.so.6", "libstdc++.so.*"),
    needed_deny=("libssl*",),
    glibc="2.36",
    glibcxx="3.4.30",
    linkage="dynamic",
    rpath=(),
    hardening=(
        *("pie", "relro", "bind_now", "nx", "no_rwx", "no_textrel", "stack_protector", "fortify"),
    ),
    stripped=True,
    build_id=True,
    paths=(),
)
OF_PROGRAMS: Final = (
    *("architecture", "linkage", "interpreter", "needed", "glibc", "glibcxx", "rpath"),
    *("hardening", "stripped", "build_id", "paths"),
)
OF_LIBRARIES: Final = ("architecture", "soname", "exports")
BUDGET: Final = Budget(
    size_bytes=70_000, allocated_bytes=3608, stripped_bytes=66_000, compressed_bytes=1500
)
SIZES: Final = ("size", "size_allocated", "size_stripped", "size_compressed")
BASELINE: Final = ("demo_run@DEMO_1.0", "demo_count@DEMO_1.0 8")

STRICT_TARGET: Final = target_of(policy=STRICT, budget=BUDGET)


def judged(claim: str, row: Target, *artifacts: Artifact, symbols: Any = BASELINE) -> Judgement:
    """The judgement of a claim on artifacts, once it was seen to be fit for a report."""
    one: Record = record_of(row, artifacts=artifacts)
    judgement = claims.judge(claim, row, one, symbols=symbols)
    assert claims.applies(claim, row)
    assert judgement.claim == claim
    assert judgement.reason
    assert "None" not in judgement.reason
    assert all(line == printable(line) for line in judgement.reason.splitlines())
    return judgement


def failing(row: Target, one: Artifact, names: tuple[str, ...]) -> dict[str, str]:
    """The claims that fail on an artifact, with their reasons."""
    found = {name: judged(name, row, one) for name in names}
    return {
        name: judgement.reason
        for name, judgement in found.items()
        if judgement.verdict not in (Verdict.PASS, Verdict.UNMEASURABLE)
    }


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

HARDENING: Final[Mapping[str, tuple[str, Mapping[str, Any], str]]] = {
    # word: (an architecture that can have it, what is otherwise, what is said)
    "pie": ("arm64", {"e_type": "ET_EXEC", "pie": False}, "compile with -fPIE, link with -pie"),
    "relro": ("arm64", {"relro": "none"}, "link with -z relro"),
    "bind_now": ("arm64", {"bind_now": False, "relro": "partial"}, "link with -z now"),
    "nx": ("arm64", {"gnu_stack": "RWE"}, "its stack is executable; link with -z noexecstack"),
    "no_rwx": ("arm64", {"rwx_load": True}, "a segment is writable and executable at once"),
    "no_textrel": ("arm64", {"textrel": True}, "compile with -fPIC"),
    "stack_protector": (
        "arm64",
        {"stack_protector": False},
        "compile with -fstack-protector-strong",
    ),
    "fortify": (
        "arm64",
        {"fortified": [], "fortifiable": ["memcpy", "printf"]},
        "it calls memcpy, printf and no checking twin of any",
    ),
    "cet": ("amd64", {"gnu_property": {"x86 feature": ["IBT"]}}, "not marked for SHSTK"),
    "bti": ("arm64", {"gnu_property": {"AArch64 feature": ["PAC"]}}, "not marked for BTI"),
    "pac": ("arm64", {"gnu_property": {"AArch64 feature": ["BTI"]}}, "not marked for PAC"),
}
MARKED: Final = {"x86 feature": ["IBT", "SHSTK"], "AArch64 feature": ["BTI", "PAC"]}


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


@pytest.mark.parametrize("word", policy_rows.hardening_words())
def test_each_word_of_hardening_has_a_mutant(word: str) -> None:
    """What a word asks fails `hardening` alone, and only where the word was asked."""
    name, facts, says = HARDENING[word]
    row = target_of(name, policy=replace(STRICT, hardening=(word,)))
    intact = artifact(row, facts={"gnu_property": MARKED})
    wrong = artifact(row, facts={"gnu_property": MARKED, **facts})
    others = tuple(other for other in policy_rows.hardening_words() if other != word)
    without = target_of(name, policy=replace(STRICT, hardening=others))

    found = failing(row, wrong, OF_PROGRAMS)

    assert set(found) == {"hardening"}
    assert says in found["hardening"]
    assert found["hardening"].endswith(f"({word})")
    assert judged("hardening", row, wrong).manifest_key == "projects.demo.policy.hardening"
    assert judged("hardening", row, intact).verdict is Verdict.PASS
    assert judged("hardening", without, wrong).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"stack_protector": None}, "it can't be told whether functions have a canary"),
        ({"sections": [], "fortified": []}, "it can't be told whether it is fortified"),
        (
            {
                **dict.fromkeys(("interpreter", "soname")),
                **{"needed": [], "fortified": [], "fortifiable": ["memcpy"]},
            },
            "static, so whether it is fortified can't be told",
        ),
    ],
)
def test_what_can_not_be_told_does_not_pass(facts: Mapping[str, Any], says: str) -> None:
    """A property that the file does not show is no pass, and with a real defect a failure."""
    one = artifact(STRICT_TARGET, facts=facts)
    worse = artifact(STRICT_TARGET, facts={**facts, "gnu_stack": None})
    judgement = judged("hardening", STRICT_TARGET, one)

    assert judgement.verdict is Verdict.UNMEASURABLE
    assert says in judgement.reason
    assert judged("hardening", STRICT_TARGET, worse).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"e_type": "ET_EXEC", "pie": False, "policy": "pie"}, id="fixed address"),
        pytest.param(library_facts(), id="a library is no program to be position-independent"),
        pytest.param({"fortified": [], "fortifiable": []}, id="nothing that could be fortified"),
        pytest.param(
            {
                **{"dynamic": False, "interpreter": None, "needed": [], "bind_now": False},
                **{"fortified": [], "fortifiable": []},
            },
            id="nothing to bind",
        ),
        pytest.param({"relro": "partial", "policy": "bind_now"}, id="RELRO is no binding"),
    ],
)
def test_what_does_not_lack_a_property_passes(facts: dict[str, Any]) -> None:
    """A word asks nothing of what it is not about: `bind_now` nothing of what is static."""
    without = facts.pop("policy", None)
    left_out = {without, *(() if facts.get("dynamic", True) else ("stack_protector", "fortify"))}
    words = tuple(word for word in STRICT.hardening or () if word not in left_out)
    row = target_of(policy=replace(STRICT, hardening=words))

    assert judged("hardening", row, artifact(row, facts=facts)).verdict is Verdict.PASS


def test_hardening_asks_of_an_architecture_what_it_can_have() -> None:
    """A word of other CPUs is not asked; with no word left the claim is not made."""
    row = target_of("s390x", policy=Policy(hardening=("cet", "bti", "pac")))
    some = target_of("s390x", policy=Policy(hardening=("cet", "nx")))

    assert not claims.applies("hardening", row)
    assert judged("hardening", some, artifact(some)).expected == ["nx"]


def test_default_hardening_is_the_data_s() -> None:
    """ "default" is judged by the words of toolchain and architecture."""
    row = target_of(policy=Policy(hardening=DEFAULT))

    judgement = judged("hardening", row, artifact(row))

    assert judgement.expected == list(policy_rows.default_hardening("gcc", "arm64"))
    assert judgement.verdict is Verdict.PASS


# baseline

_NOTE: Final = "x86 ISA needed"

BASELINES: Final = {
    # name: (architecture, facts, the baseline, what fails in these words)
    "x86 beyond": (
        "amd64",
        {"gnu_property": {_NOTE: ["x86-64-baseline", "x86-64-v3"]}},
        "x86-64-v2",
        "declares to need x86-64-v3, beyond x86-64-v2",
    ),
    "x86 beyond the default": (
        "amd64",
        {"gnu_property": {_NOTE: ["x86-64-v2"]}},
        DEFAULT,
        "declares to need x86-64-v2, beyond x86-64",
    ),
    "x86 within": ("amd64", {"gnu_property": {_NOTE: ["x86-64-v2"]}}, "x86-64-v3", None),
    "ARM beyond": (
        "armv7",
        {"attributes": {"Tag_CPU_arch": "v8"}},
        DEFAULT,
        "declares to need v8, beyond v7",
    ),
    "ARM within": ("armv7", {"attributes": {"Tag_CPU_arch": "v7"}}, "v7", None),
    "older ARM": ("armv7", {"attributes": {"Tag_CPU_arch": "v6"}}, DEFAULT, None),
    "RISC-V beyond": (
        "riscv64",
        {"attributes": {"Tag_RISCV_arch": "rv64i2p1_m2p0_a2p1_f2p2_d2p2_c2p0_v1p0_zicsr2p0"}},
        DEFAULT,
        "declares to need v, beyond rv64gc",
    ),
    "RISC-V within": (
        "riscv64",
        {"attributes": {"Tag_RISCV_arch": "rv64i2p1_m2p0_a2p1_f2p2_d2p2_c2p0_zicsr2p0"}},
        "rva20",
        None,
    ),
}


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_bound_what_files_declare(name: str) -> None:
    """A file that declares to need a newer CPU fails; one that needs as much or less passes."""
    architecture, facts, wanted, says = BASELINES[name]
    row = target_of(architecture, policy=Policy(baseline=wanted))

    judgement = judged("baseline", row, artifact(row, facts=facts))

    assert judgement.verdict is (Verdict.FAIL if says else Verdict.PASS)
    assert (says or "a declaration") in judgement.reason
    assert judgement.manifest_key == "projects.demo.policy.baseline"


@pytest.mark.parametrize(
    ("architecture", "named"), [("amd64", DEFAULT), ("arm64", "armv8-a"), ("s390x", "z13")]
)
def test_what_declares_nothing_is_unmeasurable(architecture: str, named: str) -> None:
    """Without a declaration nobody can tell which CPU a file needs, and that is no pass."""
    row = target_of(architecture, policy=Policy(baseline=named))

    judgement = judged("baseline", row, artifact(row))

    assert judgement.verdict is Verdict.UNMEASURABLE
    assert "nothing in the file inspected" in judgement.reason


def test_one_silent_file_beside_one_that_declares_is_told() -> None:
    """A pass says of how many files it knows nothing."""
    row = target_of("amd64", policy=Policy(baseline=DEFAULT))
    declares = artifact(row, path="a", facts={"gnu_property": {_NOTE: ["x86-64-baseline"]}})

    judgement = judged("baseline", row, declares, artifact(row, path="b"))

    assert judgement.verdict is Verdict.PASS
    assert "2 files inspected" in judgement.reason
    assert "1 declare nothing" in judgement.reason


# Libraries

LIBRARY: Final = target_of(policy=Policy(soname=("libdemo.so.1",), exports="abi/{architecture}"))


def library(**facts: Any) -> Artifact:
    """The intact library with changes to its facts."""
    return artifact(LIBRARY, path="libdemo.so.1.0", facts=library_facts(**facts))


@pytest.mark.parametrize(
    ("claim", "facts", "says"),
    [
        (
            "soname",
            {"soname": "libdemo.so.2"},
            "libdemo.so.1.0: expected the SONAME libdemo.so.1, found libdemo.so.2",
        ),
        ("soname", {"soname": None}, "expected the SONAME libdemo.so.1, found none"),
        (
            "exports",
            {"exports": ["demo_count@DEMO_1.0"]},
            "demo_run@DEMO_1.0 was removed",
        ),
        (
            "exports",
            {"exports": ["demo_count@DEMO_1.0", "demo_run@DEMO_2.0"]},
            "demo_run@DEMO_1.0 changed to demo_run@DEMO_2.0",
        ),
        (
            "exports",
            {"export_sizes": {"demo_count@DEMO_1.0": 16}},
            "demo_count@DEMO_1.0 8 changed to demo_count@DEMO_1.0 16",
        ),
    ],
)
def test_each_break_of_a_library_fails_its_claim(
    claim: str, facts: Mapping[str, Any], says: str
) -> None:
    """A wrong name and a missing or changed symbol each fail the claim about it alone."""
    found = failing(LIBRARY, library(**facts), OF_LIBRARIES)

    assert set(found) == {claim}
    assert says in found[claim]
    assert judged(claim, LIBRARY, library(**facts)).manifest_key == f"projects.demo.policy.{claim}"


def test_new_symbols_break_nobody() -> None:
    """A symbol that the baseline has not is counted, and passes."""
    one = library(exports=["demo_count@DEMO_1.0", "demo_run@DEMO_1.0", "demo_stop@DEMO_1.1"])

    judgement = judged("exports", LIBRARY, one)

    assert judgement.verdict is Verdict.PASS
    assert "all 2 symbols of the baseline are there, 1 are new" in judgement.reason


def test_a_baseline_that_can_not_be_read_fails() -> None:
    """Without its baseline the claim fails by the reason that there is none."""
    judgement = judged("exports", LIBRARY, library(), symbols="the baseline abi/x can't be read")

    assert judgement.verdict is Verdict.FAIL
    assert judgement.reason == "the baseline abi/x can't be read"


def test_a_baseline_lists_data_with_its_size() -> None:
    """The lines of a baseline are those that a library is listed by."""
    one = library()

    assert abi.listed(files.Binary(path=one.path, facts=one.facts)) == sorted(
        BASELINE, key=lambda line: line.partition(" ")[0]
    )


@pytest.mark.parametrize("claim", ["soname", "exports"])
def test_programs_are_no_libraries(claim: str) -> None:
    """A claim about libraries that finds programs alone has judged nothing, and fails."""
    judgement = judged(claim, LIBRARY, artifact(LIBRARY))

    assert judgement.verdict is Verdict.FAIL
    assert "shared library" in judgement.reason or "was removed" in judgement.reason


def test_libraries_are_no_programs() -> None:
    """`linkage` is about programs: without one it has judged nothing, and fails."""
    row = target_of(policy=Policy(linkage="dynamic"))

    judgement = judged("linkage", row, artifact(row, facts=library_facts()))

    assert judgement.verdict is Verdict.FAIL
    assert "none of the files is a program" in judgement.reason


# Packages

DEB: Final = "demo.deb!usr/bin/demo"


def test_a_file_that_was_not_named_fails_contents() -> None:
    """What is in a package besides what the manifest names is told by its path."""
    row = target_of(policy=Policy(contents=("usr/bin/*",)))
    one = package(row, nested(row, DEB), facts={"names": ["usr/bin/demo", "etc/cron.d/x"]})

    judgement = judged("contents", row, one)

    assert judgement.verdict is Verdict.FAIL
    assert judgement.reason == "demo.deb: holds etc/cron.d/x, which the manifest does not name"
    assert judgement.manifest_key == "projects.demo.policy.contents"


@pytest.mark.parametrize("path", ["./usr/bin/demo", "data.tar!./usr/bin/demo", "usr/bin/demo"])
def test_patterns_fit_what_is_named_behind_a_dot(path: str) -> None:
    """An archive made of a folder says ./usr/bin/demo, and nobody writes that into a manifest."""
    row = target_of(policy=Policy(contents=("usr/bin/*",), foreign=("usr/bin/*",)))
    blob = nested(row, f"demo.tar!{path}", facts={"e_machine": "EM_RISCV"})
    one = package(row, nested(row, "demo.tar!./usr/bin2"), blob, facts={"names": [path]})

    assert failing(row, one, ("architecture", "contents")) == {}


def test_layers_are_no_files() -> None:
    """What an image's layer is called changes with each build; what is in it counts."""
    row = target_of(policy=Policy(contents=("usr/bin/*",)))
    layer = "linux/arm64!sha256:0123456789ab"
    names = [layer, f"{layer}!usr/bin/demo"]
    image = package(row, format="oci", facts={"names": names})
    other = package(row, format="oci", facts={"names": [*names, f"{layer}!etc/x"]})
    archive = package(row, format="tar", facts={"names": names})

    assert judged("contents", row, image).verdict is Verdict.PASS
    assert f"holds {layer}!etc/x, which" in judged("contents", row, other).reason
    assert f"holds {layer}, which" in judged("contents", row, archive).reason


def test_more_files_than_were_listed_fail_contents() -> None:
    """A list of files that was cut proves nothing of the rest."""
    row = target_of(policy=Policy(contents=("*",)))

    judgement = judged("contents", row, package(row, nested(row, DEB), facts={"names_cut": True}))

    assert judgement.verdict is Verdict.FAIL
    assert "more files than were listed" in judgement.reason


def test_contents_of_what_holds_nothing_fail() -> None:
    """A program is no package, so its contents can't be judged."""
    row = target_of(policy=Policy(contents=("*",)))

    assert "so nothing was judged" in judged("contents", row, artifact(row)).reason
    assert judged("contents", row, artifact(row)).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    "pattern",
    ["usr/bin/*", "demo.deb!usr/bin/demo", "**/demo", "usr/bin/demo", "*.deb!*/bin/*"],
)
def test_foreign_files_pass_only_by_the_list(pattern: str) -> None:
    """Another CPU's file in a package fails, and passes where the manifest allows its path."""
    row = target_of()
    wrong = nested(row, DEB, facts={"e_machine": "EM_RISCV"})
    good = nested(row, "demo.deb!usr/lib/demo.so")
    allowed = target_of(policy=Policy(foreign=(pattern,)))

    refused = judged("architecture", row, package(row, good, wrong))

    assert refused.verdict is Verdict.FAIL
    assert refused.reason.startswith(f"{DEB}: expected arm64")
    assert judged("architecture", allowed, package(row, good, wrong)).verdict is Verdict.PASS


@pytest.mark.parametrize("pattern", ["usr/lib/*", "demo", "bin/*", "other.deb!*"])
def test_a_list_of_other_files_allows_nothing(pattern: str) -> None:
    """A pattern allows the paths that it fits, from a level's start to the path's end."""
    row = target_of(policy=Policy(foreign=(pattern,)))
    wrong = nested(row, DEB, facts={"e_machine": "EM_RISCV"})

    assert judged("architecture", row, package(row, wrong)).verdict is Verdict.FAIL


@pytest.mark.parametrize("pattern", ["**", "*.deb!**"])
def test_a_list_of_everything_allows_no_more_than_other_cpus(pattern: str) -> None:
    """The target's own code is judged whatever the list says; without any, nothing passes."""
    row = target_of(policy=Policy(foreign=(pattern,), hardening=("nx",)))
    own = nested(row, DEB, facts={"gnu_stack": "RWE"})
    other = nested(row, DEB, facts={"e_machine": "EM_RISCV"})

    assert judged("architecture", row, package(row, own)).verdict is Verdict.PASS
    assert judged("hardening", row, package(row, own)).verdict is Verdict.FAIL
    assert judged("architecture", row, package(row, other)).verdict is Verdict.FAIL
    damaged = nested(row, DEB, problem="a truncated ELF file", facts={})
    assert judged("architecture", row, package(row, damaged)).verdict is Verdict.FAIL


def test_a_pass_counts_what_was_allowed() -> None:
    """The verdict names how many files were inspected, and how many only allowed, by which key."""
    row = target_of(policy=Policy(foreign=("firmware/*",)))
    blob = nested(row, "demo.deb!firmware/x", facts={"e_machine": "EM_RISCV"})

    judgement = judged("architecture", row, package(row, nested(row, DEB), blob))

    assert judgement.reason == (
        "1 file inspected, all arm64, 1 more allowed by projects.demo.policy.foreign"
    )


def test_foreign_files_are_held_to_no_policy() -> None:
    """What is allowed to be another CPU's is not asked for this one's properties."""
    row = target_of(policy=replace(STRICT, foreign=("firmware/*",)))
    facts = {"e_machine": "EM_RISCV", "stripped": False, "gnu_stack": "RWE", "needed": ["libx"]}
    blob = nested(row, "demo.deb!firmware/x", facts=facts)

    assert failing(row, package(row, nested(row, DEB), blob), OF_PROGRAMS) == {}


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


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        (
            {"by": "control field Architecture", "says": "armhf", "architecture": "armv7"},
            "its control field Architecture says armhf, where arm64 is declared",
        ),
        (
            {"by": "file name tag", "says": "mips64", "architecture": None},
            "its file name tag says mips64, where arm64 is declared",
        ),
    ],
)
def test_a_wrong_declaration_fails(declared: Mapping[str, Any], says: str) -> None:
    """A package that says another architecture fails, whatever is in it."""
    row = target_of()
    one = package(row, nested(row, DEB), facts={"declared": [declared]})

    found = failing(row, one, ("architecture",))

    assert says in found["architecture"]


def test_a_package_for_all_cpus_holds_no_code() -> None:
    """What declares to be for all CPUs is for none that has another than its machine code's."""
    row = target_of()
    said = {"by": "control field Architecture", "says": "all", "architecture": "any"}
    one = package(row, nested(row, DEB), facts={"declared": [said]})

    assert "for all CPUs, and it holds machine code" in judged("architecture", row, one).reason


def test_platforms_that_share_a_layer_with_machine_code_fail() -> None:
    """Two platforms of an image can share a layer of data, and none with a program in it."""
    row = target_of()
    layers = [f"sha256:{letter * 64}" for letter in "ab"]
    platforms = [{"platform": name, "layers": layers} for name in ("linux/arm64", "linux/amd64")]
    inside = nested(row, f"demo.tar!linux/arm64!{layers[1][:19]}!usr/bin/demo")

    def reason(*shared: int) -> str:
        some = [{**each, "layers": [layers[place] for place in shared]} for each in platforms]
        one = package(
            row, inside, path="demo.tar", format="oci", facts={"platforms": some, "declared": []}
        )
        return failing(row, one, ("architecture",)).get("architecture", "")

    assert reason(0) == ""
    assert "for linux/arm64 and linux/amd64 share the layer sha256:bbbbbbbbbbbb" in reason(0, 1)


def test_one_wrong_member_of_a_static_library_fails() -> None:
    """An object file of another CPU among good ones is found, by its name in the library."""
    row = target_of()
    members = [nested(row, f"libx.a!{name}.o", facts={"e_type": "ET_REL"}) for name in "abc"]
    wrong = replace(members[1], facts={**members[1].facts, "e_machine": "EM_X86_64"})
    one = package(row, *members, path="libx.a", format="ar", facts={"declared": []})
    other = replace(one, members=(members[0], wrong, members[2]))

    assert failing(row, one, ("architecture",)) == {}
    assert failing(row, other, ("architecture",))["architecture"].startswith("libx.a!b.o: expected")


def test_calling_conventions_of_objects_are_told_by_attributes() -> None:
    """A soft-float object of ARM, whose header can't say so, fails; assembly says nothing."""
    row = target_of("armv7")

    def one(**attributes: str) -> Artifact:
        facts = {"e_type": "ET_REL", "e_flags": 0x05000000, "attributes": attributes}
        return artifact(row, path="x.o", facts=facts)

    hard = one(Tag_ABI_enum_size="int", Tag_ABI_VFP_args="VFP registers")
    soft = one(Tag_ABI_enum_size="int")

    assert failing(row, hard, ("architecture",)) == {}
    assert failing(row, one(Tag_CPU_arch="v7"), ("architecture",)) == {}
    assert (
        "expected Tag_ABI_VFP_args to be VFP registers or compatible, found nothing"
        in failing(row, soft, ("architecture",))["architecture"]
    )


def test_an_object_file_in_the_place_of_a_program_fails() -> None:
    """What was never linked is no program, unless it is named as an object file."""
    row = target_of()
    compiled = artifact(row, facts={"e_type": "ET_REL"})

    assert (
        "an object file that was never linked"
        in failing(row, compiled, ("architecture",))["architecture"]
    )
    assert failing(row, replace(compiled, path="demo.o"), ("architecture",)) == {}


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


# Sizes


@pytest.mark.parametrize(
    ("claim", "change", "says"),
    [
        ("size", {"size_bytes": 70_001}, "1 bytes over"),
        ("size_allocated", {"allocated_size": 3609}, "in memory against a budget of"),
        ("size_stripped", {"stripped_size": 66_001}, "without symbols against a budget of"),
        ("size_compressed", {"compressed_size": 1501}, "compressed against a budget of"),
    ],
)
def test_one_byte_over_fails_its_own_budget(
    claim: str, change: Mapping[str, int], says: str
) -> None:
    """Each way of weighing is bounded on its own, and the largest sections are told."""
    row = STRICT_TARGET
    one = artifact(row, facts=change)
    if "size_bytes" in change:
        one = artifact(row, **change)

    found = failing(row, one, SIZES)

    assert set(found) == {claim}
    assert says in found[claim]
    assert ": 1 bytes over" in found[claim]
    assert "its largest sections: .text 1.95 KiB" in found[claim]
    key = "size" if claim == "size" else claim.removeprefix("size_")
    assert judged(claim, row, one).manifest_key == f"projects.demo.budget.{key}"


@pytest.mark.parametrize("claim", SIZES)
def test_nothing_to_weigh_fails(claim: str) -> None:
    """Without artifacts no budget is kept, however large."""
    assert judged(claim, STRICT_TARGET).verdict is Verdict.FAIL


@pytest.mark.parametrize("claim", ["size_allocated", "size_stripped", "size_compressed"])
def test_what_can_not_be_weighed_fails(claim: str) -> None:
    """A file without the size that is bounded fails: it counts as unknown, not as nothing."""
    one = artifact(STRICT_TARGET)
    unknown = replace(one, facts={"sections": []})

    assert "nothing in it can be weighed" in judged(claim, STRICT_TARGET, unknown).reason
    assert judged(claim, STRICT_TARGET, one, replace(unknown, path="b")).verdict is Verdict.FAIL


def test_a_package_weighs_what_is_in_it() -> None:
    """In memory the files of a package weigh; on the wire the package does, as it is packed."""
    row = target_of(budget=replace(BUDGET, allocated_bytes=2 * 3608, compressed_bytes=70_000))
    one = package(row, nested(row, DEB), nested(row, f"{DEB}2"))
    more = replace(one, members=(*one.members, nested(row, f"{DEB}3")))

    assert failing(row, one, SIZES[:2]) == {}
    assert judged("size_compressed", row, one).observed == 70_000
    assert set(failing(row, more, SIZES[:2])) == {"size_allocated"}


@pytest.mark.parametrize("pattern", ["lib/*.so", "lib/b.so"])
def test_bounds_by_pattern_hold_for_each_artifact(pattern: str) -> None:
    """A bound of a pattern is each artifact's own; a pattern that fits none has judged nothing."""
    row = target_of(budget=Budget(size_bytes={pattern: 10 * KIB}))
    small, large = (
        artifact(row, path=f"lib/{name}.so", size_bytes=size * KIB)
        for name, size in (("a", 10), ("b", 11))
    )
    bounded = "lib/b.so: 11.00 KiB against a budget of 10.00 KiB"

    assert judged("size", row, small, replace(large, size_bytes=9)).verdict is Verdict.PASS
    assert judged("size", row, small, large).verdict is Verdict.FAIL
    assert bounded in judged("size", row, small, large).reason
    assert "no artifact has that name" in judged("size", row, artifact(row)).reason


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
    """Each claim about files has a mutant in this file."""
    tried = {each.claim for each in MUTANTS.values()} | set(SIZES)
    tried |= {"hardening", "baseline", "soname", "exports", "contents"}
    modules = {path.stem for path in Path(files.__file__).parent.glob("*.py")}

    assert set(STATIC) <= tried
    assert {"linkage", "hardening", "inside"} <= modules
