"""Judging made-up artifacts by claims: the strictest policy, what it asks of what, what fails."""

from __future__ import annotations

from typing import Any, Final

from fixtures.core import claims
from fixtures.core.policy import DEFAULT, Policy
from fixtures.core.readers import Budget
from fixtures.core.record import Artifact, Record
from fixtures.core.targets import Target
from fixtures.core.text import printable
from fixtures.core.verdicts import Judgement, Verdict
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

DEB: Final = "demo.deb!usr/bin/demo"

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
