"""The table of planted defects: each is caught by the claim meant for it, and no twin by any."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.core import claims, manifest, rows
from suites.selftest.defects import generator
from suites.selftest.defects.generator import Defect
from suites.selftest.harness import FOREIGN, NATIVE, Result, run_gate

QUICK: Final = tuple(sorted({NATIVE, FOREIGN}))
ALL: Final = rows.toolchains()["gcc"].architectures
OTHERS: Final = tuple(name for name in ALL if name not in QUICK)
DEFECTS: Final = {defect.name: defect for defect in generator.defects()}

Claims = dict[str, dict[str, Any]]
"""The claims of a target in the report, by name."""

Judged = Callable[[str, str, str], Claims]
"""The claims of a row's twin, by architecture, row and twin."""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """What the gate says of each artifact; those of a tier are built in one run."""

    @cache
    def planted(architectures: tuple[str, ...]) -> Path:
        folder = tmp_path_factory.mktemp("planted") / "work"
        folder.mkdir()
        generator.write_build(folder, architectures)
        built = run_gate(folder, "-k", "test_built")
        assert built.exit_code == 0, built.output
        return folder.parent / "work-out" / "artifacts"

    @cache
    def result(architecture: str) -> Result:
        artifacts = planted(QUICK if architecture in QUICK else OTHERS)
        folder = tmp_path_factory.mktemp("judged") / "work"
        generator.write_judged(
            folder, architecture, artifacts / f"{generator.PROJECT}-{architecture}-gcc"
        )
        return run_gate(folder)

    def of(architecture: str, name: str, twin: str) -> Claims:
        return result(architecture).claims(f"{name}-{twin}-{architecture}-prebuilt")

    return of


# The table itself


def test_the_table_is_large_enough() -> None:
    """Forty defects and more can be planted on each of five architectures and more."""
    counts = {name: sum(each.is_of(name) for each in DEFECTS.values()) for name in ALL}

    assert len(DEFECTS) >= 45
    assert len([count for count in counts.values() if count >= 40]) >= 5
    assert set(ALL) >= {"amd64", "arm64", "armv7", "386", "riscv64", "s390x", "ppc64le"}


def test_each_claim_about_files_has_a_defect() -> None:
    """No claim that is judged from files alone goes without a defect that it must catch."""
    of_files = {claim for claim in claims.CLAIMS if claims.evidence(claim) == "static"}

    assert {each.claim for each in DEFECTS.values()} == of_files


@pytest.mark.parametrize("name", DEFECTS)
def test_rows_are_of_what_there_is(name: str) -> None:
    """A row's claim is made by its own policy or budget, its architectures and words exist."""
    row = DEFECTS[name]
    whole = generator.table()
    written = whole["defects"][name]
    known = {"kind", "claim", "intact", "defect", "says", "policy", "budget"}

    assert set(written) <= known | {"architectures", "without"}
    assert row.intact != row.defect
    assert re.compile(row.says)
    assert row.architectures is None or set(row.architectures) <= {*ALL, "foreign"}
    for word, of in whole["words"].items():
        if f"${word} " in row.defect:
            assert set(of) >= {each for each in ALL if row.is_of(each)}


def test_each_way_of_planting_is_tried_once() -> None:
    """No two rows plant the same defect for the same claim."""
    planted = Counter(
        (each.claim, each.defect, str(each.policy), str(each.budget)) for each in DEFECTS.values()
    )

    assert [row for row, count in planted.items() if count > 1] == []


def test_what_is_not_caught_is_told() -> None:
    """A gate that passes all, fails all, or blames another claim or key, fails the tests below."""
    row = DEFECTS["no-relro"]

    def saying(claim: str, reason: str, key: str = "policy.hardening") -> Judged:
        passed = {
            name: {"verdict": "pass", "reason": "", "manifest_key": ""} for name in row.policy
        }

        def of(_: str, name: str, twin: str) -> Claims:
            about = {"verdict": "fail", "reason": reason}
            return {**passed, claim: {**about, "manifest_key": f"projects.{name}-{twin}.{key}"}}

        return of

    caught = saying(
        "hardening",
        "demo: nothing of it is made read-only after relocation; link with -z relro (relro)",
    )

    assert _missed_of(row, caught("", row.name, "defect")) is None
    assert _alarms_of(row, caught("", row.name, "intact"))
    for wrong in (
        saying("needed", "demo: nothing of it is made read-only after relocation"),
        saying("hardening", "demo: something is wrong"),
        saying("hardening", row.says, "policy.glibc"),
    ):
        assert _missed_of(row, wrong("", row.name, "defect"))


def test_what_is_made_of_the_table_can_be_read(tmp_path: Path) -> None:
    """Both manifests load: the one that builds for all architectures, and those that judge."""
    (tmp_path / "build").mkdir()
    generator.write_build(tmp_path / "build", ALL)
    for name in ALL:
        generator.write_judged(tmp_path / name, name, tmp_path / "artifacts")

    for folder in tmp_path.iterdir():
        file = folder / "crossgate.toml"

        assert manifest.load(file.read_bytes(), str(file)).projects


# What the gate says


@pytest.mark.integration
@pytest.mark.parametrize("architecture", QUICK)
def test_defects_are_caught(judged: Judged, architecture: str) -> None:
    """Each defect fails the one claim meant for it, by a reason that names what is wrong."""
    assert _missed(judged, architecture) == {}


@pytest.mark.integration
@pytest.mark.parametrize("architecture", QUICK)
def test_intact_twins_pass(judged: Judged, architecture: str) -> None:
    """Nothing is said of what differs from a defective artifact in not having the defect."""
    assert _alarmed(judged, architecture) == {}


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.parametrize("architecture", OTHERS)
def test_defects_are_caught_on_all_architectures(judged: Judged, architecture: str) -> None:
    """What is caught on two architectures is caught on the others too, and no twin fails."""
    assert _missed(judged, architecture) == {}
    assert _alarmed(judged, architecture) == {}


def _missed(judged: Judged, architecture: str) -> dict[str, Any]:
    """The defects that were not caught by their claim alone, with what was said of each."""
    return {
        row.name: missed
        for row in _of(architecture)
        if (missed := _missed_of(row, judged(architecture, row.name, "defect")))
    }


def _missed_of(row: Defect, said: Claims) -> dict[str, str] | None:
    failed = _not_passed(row, said)
    # What can be acted on says where: in which file, and by which key of the manifest.
    key = said.get(row.claim, {}).get("manifest_key", "")
    about = f"policy.{row.claim}"
    if row.claim == "architecture":
        about = "architectures"
    elif row.claim.startswith("size"):
        about = f"budget.{row.claim.removeprefix('size_')}"
    placed = key == f"projects.{row.name}-defect.{about}"
    if set(failed) == {row.claim} and re.search(row.says, failed[row.claim]) and placed:
        return None
    return {"should say": row.says, "key": key, **failed}


def _alarmed(judged: Judged, architecture: str) -> dict[str, Any]:
    """The intact twins of which a claim says anything, with what it says."""
    return {
        row.name: alarms
        for row in _of(architecture)
        if (alarms := _alarms_of(row, judged(architecture, row.name, "intact")))
    }


def _alarms_of(row: Defect, said: Claims) -> dict[str, str]:
    failed = _not_passed(row, said)
    if row.claim not in said:
        failed[row.claim] = "it was not judged"
    return failed


def _of(architecture: str) -> list[Defect]:
    found = [each for each in DEFECTS.values() if each.is_of(architecture)]
    assert len(found) >= 40
    return found


def _not_passed(row: Defect, said: Claims) -> dict[str, str]:
    """The claims that did not pass; most CPUs are declared by no file, which is unmeasurable."""
    return {
        name: claim["reason"]
        for name, claim in said.items()
        if claim["verdict"] != "pass"
        and not (name == "baseline" != row.claim and claim["verdict"] == "unmeasurable")
    }
