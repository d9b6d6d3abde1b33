"""What `hardening` asks, word by word, and the baseline of the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from fixtures.core import claims, policy_rows
from fixtures.core.policy import DEFAULT, Policy
from fixtures.core.verdicts import Verdict
from suites.selftest.unit.judging import (
    OF_PROGRAMS,
    STRICT,
    STRICT_TARGET,
    failing,
    judged,
)
from suites.selftest.unit.samples import artifact, library_facts
from suites.selftest.unit.samples import target as target_of

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
