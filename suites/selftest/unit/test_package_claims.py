"""What is inside packages: files that were not named, of other CPUs, with wrong declarations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from fixtures.core.policy import Policy
from fixtures.core.record import Artifact
from fixtures.core.verdicts import Verdict
from suites.selftest.unit.judging import (
    DEB,
    OF_PROGRAMS,
    STRICT,
    failing,
    judged,
)
from suites.selftest.unit.samples import artifact, nested, package
from suites.selftest.unit.samples import target as target_of


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
