"""Architectures of other systems: what a manifest can ask of them, and how they are judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from fixtures.core import claims, policy_rows, rows, targets
from fixtures.core.errors import ManifestError
from fixtures.core.record import Artifact
from fixtures.core.targets import Choice, Strategy
from fixtures.core.verdicts import Judgement, Verdict
from suites.selftest.unit.samples import artifact, load, nested, package, record, target

FOREIGN: Final = tuple(name for name, row in rows.architectures().items() if not row.is_linux)
WINDOWS: Final = target("windows-amd64")
MAC: Final = target("darwin-arm64")

MANIFEST: Final = """\
[projects.demo]
source = { path = "." }
toolchain = "zig"
architectures = [ARCHITECTURES]
build = "make CC={cc}"
artifacts = ["demo"]
"""


def text(architectures: str, more: str = "", plain: str = "") -> str:
    """A manifest for some architectures; `plain` are keys of the project, `more` comes after."""
    return MANIFEST.replace("ARCHITECTURES", architectures) + plain + more


def complaint(manifest: str) -> str:
    """The one line that a manifest is refused with."""
    with pytest.raises(ManifestError) as error:
        targets.expand(load(manifest), "amd64")
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def judged(one: Artifact, of: targets.Target, claim: str = "architecture") -> Judgement:
    """The judgement of a record with one artifact."""
    return claims.judge(claim, of, record(of, artifacts=(one,)))


@pytest.mark.parametrize(
    ("key", "value", "none"),
    [
        ("smoke", '"{artifact}"', "false"),
        ("test", '"make check"', "false"),
        ("packages", '["zlib1g-dev"]', "[]"),
    ],
)
def test_what_nothing_here_runs_is_left_out_by_an_override(key: str, value: str, none: str) -> None:
    """A smoke test, tests and Debian's packages are refused for Windows until they are left out."""
    plain = f"{key} = {value}\n"
    mend = f"overrides.windows-amd64.{key} = {none}"

    message = complaint(text('"amd64", "win64"', plain=plain))
    linux, windows = targets.expand(load(text('"amd64", "win64"', plain=plain + mend)), "amd64")

    assert message.startswith(f"crossgate.toml: projects.demo.{key}: ")
    assert message.endswith(mend)
    assert getattr(linux.project, key)
    assert not getattr(windows.project, key)


@pytest.mark.parametrize("asked", ["native", "emulated"])
def test_only_a_cross_compiler_makes_them(asked: str) -> None:
    """No container is another system's: the strategies that want one are refused, by one line."""
    message = complaint(text('"windows-amd64"', plain=f'strategy = "{asked}"\n'))
    [plain] = targets.expand(load(text('"windows-amd64"')), "amd64")

    assert message.startswith("crossgate.toml: projects.demo.strategy: no container is for windows")
    assert plain.strategy is Strategy.CROSS
    assert plain.container.name == "amd64"


def test_a_strategy_of_the_command_line_leaves_them() -> None:
    """`--strategy emulated` is about those targets that have a choice."""
    manifest = load(text('"arm64", "darwin-arm64"'))

    linux, mac = targets.expand(manifest, "amd64", Choice(strategy="emulated"))

    assert (linux.strategy, mac.strategy) == (Strategy.EMULATED, Strategy.CROSS)


def test_a_toolchain_can_be_another_ones_by_an_override() -> None:
    """gcc does not serve Windows; an override that names zig does."""
    manifest = text('"amd64", "windows-amd64"').replace('"zig"', '"gcc"')
    more = '[projects.demo.overrides.win64]\ntoolchain = "zig"\n'

    found = targets.expand(load(manifest + more), "amd64")

    assert 'the toolchain "gcc" does not serve windows-amd64' in complaint(manifest)
    assert [each.toolchain.name for each in found] == ["gcc", "zig"]


def test_a_claim_that_nothing_could_keep_is_refused() -> None:
    """A claim is refused where it claims nothing: of all architectures, or in one's override."""
    plain = 'policy = { glibc = "2.28" }\n'
    more = "[projects.demo.overrides.darwin-arm64]\npolicy = { rpath = ['x'] }\n"

    alone = complaint(text('"darwin-arm64", "windows-arm64"', plain=plain))
    overridden = complaint(text('"amd64", "darwin-arm64"', more=more))
    mixed = load(text('"amd64", "darwin-arm64"', plain=plain)).projects[0]

    assert "projects.demo.policy.glibc: this would claim nothing of darwin-arm64 nor " in alone
    assert "projects.demo.overrides.darwin-arm64.policy.rpath: this would claim" in overridden
    assert mixed.policy.glibc == "2.28"


@pytest.mark.parametrize("name", FOREIGN)
def test_the_default_policy_is_for_every_system(name: str) -> None:
    """`policy = "default"` stands for what each system's programs can be asked."""
    [project] = load(text(f'"{name}"', plain='policy = "default"\n')).projects
    of = target(name, policy=project.policy)

    verdicts = {
        claim: claims.judge(claim, of, record(of)).verdict
        for claim in ("interpreter", "rpath", "hardening", "paths")
        if claims.applies(claim, of)
    }

    assert verdicts == {
        "interpreter": Verdict.NOT_APPLICABLE,
        "rpath": Verdict.NOT_APPLICABLE,
        "hardening": Verdict.PASS,
        "paths": Verdict.PASS,
    }


@pytest.mark.parametrize("kind", ["pe", "macho"])
def test_reasons_are_of_claims_that_there_are(kind: str) -> None:
    """What can't be claimed of a format is a claim that there is, with its reason."""
    reasons = policy_rows.data()["inapplicable"][kind]

    assert set(reasons) <= set(claims.CLAIMS)
    assert all(reasons.values())
    assert not {"built", "architecture", "size"} & set(reasons)


@pytest.mark.parametrize("claim", ["glibc", "interpreter", "size_stripped"])
def test_what_is_not_applicable_is_no_pass(claim: str) -> None:
    """Of a Windows program nothing is said that it has no part in, whatever its record holds."""
    for outcome in (record(WINDOWS), record(WINDOWS, artifacts=())):
        judgement = claims.judge(claim, WINDOWS, outcome)

        assert judgement.verdict is Verdict.NOT_APPLICABLE
        assert "Windows" in judgement.reason


def facts(of: targets.Target, **changes: Any) -> Judgement:
    """The judgement of an intact program with some facts changed."""
    return judged(artifact(of, facts=changes), of)


@pytest.mark.parametrize(
    ("of", "changes", "words"),
    [
        (
            WINDOWS,
            {"machine": "IMAGE_FILE_MACHINE_ARM64", "architecture": "arm64"},
            "found arm64 (IMAGE_FILE_MACHINE_ARM64, 64-bit)",
        ),
        (
            MAC,
            {"machine": "CPU_TYPE_X86_64", "architecture": "amd64", "cpu_subtype": "x86_64"},
            "expected darwin-arm64 (CPU_TYPE_ARM64, 64-bit), found amd64 (CPU_TYPE_X86_64, 64-bit)",
        ),
        (MAC, {"cpu_subtype": "arm64e"}, "the CPU subtype arm64, found arm64e"),
        (MAC, {"platform": "ios"}, "a file for macos, found one for ios"),
        (MAC, {"platform": None}, "a file for macos, found one for no system"),
        (MAC, {"type": "core"}, "found a Mach-O file of type core"),
        (MAC, {"type": "object"}, "found a Mach-O file of type object"),
    ],
)
def test_a_wrong_program_is_told(of: targets.Target, changes: dict[str, Any], words: str) -> None:
    """Each way in which a program can be another CPU's, or another system's, fails by its name."""
    honest, judgement = facts(of), facts(of, **changes)

    assert honest.verdict is Verdict.PASS
    assert judgement.verdict is Verdict.FAIL
    assert words in judgement.reason


def test_another_systems_program_is_told() -> None:
    """An ELF program where a Windows one should be fails, and each of the others likewise."""
    elf = artifact(target("amd64"))

    assert "expected a Windows (PE) file for windows-amd64, found an ELF file for amd64" in (
        judged(elf, WINDOWS).reason
    )
    assert "expected a Mach-O file for darwin-arm64, found a Windows (PE) file for amd64" in (
        judged(artifact(WINDOWS), MAC).reason
    )
    assert "expected an ELF file for amd64, found a Mach-O file for arm64" in (
        judged(artifact(MAC), target("amd64")).reason
    )


def test_damaged_and_packed_files_are_told_for_what_they_should_be() -> None:
    """A script, or an archive that was never unpacked, is not the Windows program either."""
    script = artifact(WINDOWS, format="script", problem="a shell script", facts={})
    packed = artifact(WINDOWS, format="zip", facts={"description": "a zip archive"})

    for one in (script, packed):
        judgement = judged(one, WINDOWS)
        assert judgement.verdict is Verdict.FAIL
        assert "expected a Windows (PE) file for windows-amd64, found a" in judgement.reason


@pytest.mark.parametrize(
    ("kind", "machine", "verdict"),
    [("coff", "amd64", Verdict.PASS), ("coff", "arm64", Verdict.FAIL), ("elf", "", Verdict.FAIL)],
)
def test_static_libraries_hold_object_files(kind: str, machine: str, verdict: Verdict) -> None:
    """A library for Windows is of COFF objects, each for its CPU."""
    member = nested(
        WINDOWS,
        "demo.lib!demo.o",
        format=kind,
        facts={"machine": machine, "architecture": machine},
    )
    if kind == "elf":
        member = replace(nested(target("amd64"), "demo.lib!demo.o"), path="demo.lib!demo.o")
    library = artifact(WINDOWS, path="demo.lib", format="ar", facts={}, members=(member,))

    assert judged(library, WINDOWS).verdict is verdict


def test_a_universal_binary_holds_another_cpu() -> None:
    """The part for another CPU in a fat Mach-O file fails unless the manifest allows it."""
    parts = (
        nested(MAC, "demo!arm64"),
        nested(target("darwin-amd64"), "demo!x86_64"),
    )
    fat = artifact(MAC, format="macho-fat", facts={}, members=parts)
    allowed = target("darwin-arm64", policy=replace(MAC.project.policy, foreign=("demo!x86_64",)))

    assert "demo!x86_64: expected darwin-arm64" in judged(fat, MAC).reason
    assert judged(fat, allowed).verdict is Verdict.PASS


def test_its_own_files_are_never_foreign() -> None:
    """An allow-list does not keep the target's own program from being judged."""
    own = nested(WINDOWS, "demo.zip!demo.exe", facts={"bits": 64})
    everything = target(
        "windows-amd64", policy=replace(WINDOWS.project.policy, foreign=("**", "*!**"))
    )
    packed = package(WINDOWS, own, path="demo.zip", format="zip", facts={"declared": []})

    assert "1 file inspected" in judged(packed, everything).reason
