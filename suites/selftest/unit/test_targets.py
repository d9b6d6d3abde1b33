"""Targets: the same tuple in every process, each with an id of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import rows, targets
from fixtures.core.errors import ManifestError
from fixtures.core.manifest import Manifest
from fixtures.core.readers import Budget, TimeRatio
from fixtures.core.targets import Strategy
from suites.selftest.unit.samples import HONEST, load, target

ARCHITECTURES = tuple(rows.architectures())
# Names that try to look like parts of an id.
NAMES = st.from_regex(r"(a|b|arm64|amd64|gcc)([-._](a|arm64|amd64|gcc|1)){0,3}", fullmatch=True)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Manifests with several projects, each for some architectures, in any order."""
    [honest] = load(HONEST).projects
    projects = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique_by=str.lower)):
        chosen = draw(st.lists(st.sampled_from(ARCHITECTURES), min_size=1, unique=True))
        ratio = draw(
            st.none() | st.sampled_from(chosen).map(lambda to: TimeRatio(to=to, maximum=2))
        )
        projects.append(
            replace(honest, name=name, architectures=tuple(chosen), budget=Budget(time_ratio=ratio))
        )
    return Manifest(file="crossgate.toml", projects=tuple(projects))


hosts = st.sampled_from(tuple(rows.of_linux()))


@given(manifests(), hosts)
def test_every_architecture_of_every_project_is_a_target(manifest: Manifest, host: str) -> None:
    """Nothing that the manifest names is left out, nothing is added, the order is its order."""
    found = targets.expand(manifest, host)

    assert [(each.project.name, each.architecture.name) for each in found] == [
        (project.name, name) for project in manifest.projects for name in project.architectures
    ]


@given(manifests(), hosts)
def test_ids_are_unique_whatever_the_case(manifest: Manifest, host: str) -> None:
    """No two targets share an id, on file systems that fold case neither."""
    ids = [each.id.lower() for each in targets.expand(manifest, host)]

    assert len(set(ids)) == len(ids)


@given(manifests(), hosts)
def test_expanding_twice_gives_the_same(manifest: Manifest, host: str) -> None:
    """Every worker arrives at the same targets in the same order."""
    assert targets.expand(manifest, host) == targets.expand(manifest, host)


@given(manifests(), hosts)
def test_only_the_host_builds_natively(manifest: Manifest, host: str) -> None:
    """A target is native where its CPU is the host's, and crossed everywhere else."""
    for each in targets.expand(manifest, host):
        assert (each.strategy is Strategy.NATIVE) == (each.architecture.name == host)


@given(manifests(), hosts)
def test_a_ratio_compares_with_a_target_that_exists(manifest: Manifest, host: str) -> None:
    """The base of time_ratio is another target of the same project, or there is no claim."""
    found = {each.id: each for each in targets.expand(manifest, host)}

    for each in found.values():
        base, ratio = each.ratio_base_id, each.project.budget.time_ratio

        assert (base is None) == (ratio is None or ratio.to == each.architecture.name)
        if base is not None:
            assert base != each.id
            assert found[base].project == each.project


def test_ids_are_made_of_project_architecture_and_toolchain() -> None:
    """An id reads as in reports: project, architecture, toolchain."""
    assert target().id == "demo-arm64-gcc"
    assert target().ratio_base_id == "demo-amd64-gcc"
    assert target("amd64").ratio_base_id is None


def test_projects_that_would_share_a_folder_are_refused() -> None:
    """Two projects whose targets differ in case only are told to be renamed."""
    [honest] = load(HONEST).projects
    manifest = Manifest(file="crossgate.toml", projects=(honest, replace(honest, name="DEMO")))

    with pytest.raises(ManifestError) as caught:
        targets.expand(manifest, "amd64")

    assert str(caught.value).startswith("crossgate.toml: projects.DEMO")
    assert "projects.demo" in str(caught.value)
    assert "rename one" in str(caught.value)


def test_targets_are_values() -> None:
    """A target can't be changed, and two of the same fields are the same."""
    changed: Any = target()

    assert target() == changed
    with pytest.raises(AttributeError):
        changed.strategy = Strategy.NATIVE


def expanded(text: str, host: str = "amd64") -> dict[str, str]:
    """The targets of a manifest's text on a host: id to strategy and platform of the container."""
    return {
        each.id: f"{each.strategy} on {each.container.platform}"
        for each in targets.expand(load(text), host)
    }


def test_strategies_follow_from_the_host() -> None:
    """What is native on one host is crossed on the other; an emulated twin has its own CPU."""
    text = HONEST.replace("build =", 'strategy = ["auto", "emulated"]\nbuild =')

    assert expanded(text, "amd64") == {
        "demo-amd64-gcc": "native on linux/amd64",
        "demo-arm64-gcc": "cross on linux/amd64",
        "demo-arm64-gcc-emulated": "emulated on linux/arm64",
    }
    assert expanded(text, "arm64") == {
        "demo-amd64-gcc": "cross on linux/arm64",
        "demo-amd64-gcc-emulated": "emulated on linux/amd64",
        "demo-arm64-gcc": "native on linux/arm64",
    }


def test_native_needs_a_host_of_that_cpu() -> None:
    """A target that was asked to be native and can't be is refused, with what to say instead."""
    text = HONEST.replace("build =", 'strategy = "native"\nbuild =')

    with pytest.raises(
        ManifestError, match=r'projects\.demo\.strategy: "native" for arm64.*"auto"'
    ):
        expanded(text)


def test_an_override_makes_one_architecture_emulated() -> None:
    """The strategy is a key like any other: overridden for one architecture alone."""
    text = HONEST.replace("build =", 'overrides.arm64.strategy = "emulated"\nbuild =')

    assert expanded(text) == {
        "demo-amd64-gcc": "native on linux/amd64",
        "demo-arm64-gcc-emulated": "emulated on linux/arm64",
    }


def test_an_emulated_build_is_compared_with_none() -> None:
    """An emulated build's time says nothing of a compiler's, on neither side of a ratio."""
    text = HONEST.replace("build =", 'strategy = ["auto", "emulated"]\nbuild =')
    bases = {each.id: each.ratio_base_id for each in targets.expand(load(text), "arm64")}

    assert bases == {
        "demo-amd64-gcc": None,
        "demo-amd64-gcc-emulated": None,
        "demo-arm64-gcc": "demo-amd64-gcc",
    }


def test_a_profile_takes_targets() -> None:
    """A profile selects among the targets, and all of them without one."""
    manifest = load(HONEST)
    every = targets.expand(manifest, "amd64")

    def taken(name: str | None) -> list[str]:
        profile = manifest.profiles[name] if name else None
        return [each.id for each in targets.select(every, profile, "amd64")]

    assert taken(None) == taken("release") == taken("pr") == ["demo-amd64-gcc", "demo-arm64-gcc"]
    assert taken("dev") == ["demo-amd64-gcc"]
