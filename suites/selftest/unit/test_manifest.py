"""The manifest: what it may say, and what is read of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.core import manifest, rows
from fixtures.core.readers import Budget, Limits, TimeRatio
from fixtures.core.regression import Growth, Regression
from fixtures.core.sources import (
    ArchiveSource,
    DebianSource,
    GitSource,
    PathSource,
    RegistrySource,
)
from fixtures.core.toolchains import OwnToolchain
from suites.selftest.unit.samples import HONEST, SHA256, load


def test_an_honest_manifest_is_read_in_full() -> None:
    """Each key of the manifest arrives in the project, in its unit."""
    [project] = load(HONEST).projects

    assert project == manifest.Project(
        name="demo",
        source=PathSource(path="."),
        toolchain=rows.toolchains()["gcc"],
        architectures=("amd64", "arm64"),
        build="make CC={cc} -j{jobs} demo",
        artifacts=("demo",),
        smoke="{artifact} --version",
        test="make check",
        limits=Limits(),
        budget=Budget(
            size_bytes=1024**2,
            cpu_time_s=60.0,
            time_ratio=TimeRatio(to="amd64", maximum=1.5),
        ),
        on_unmeasurable="skip",
    )


def test_limits_and_a_debian_source_are_read() -> None:
    """Limits come in bytes and seconds, a Debian source with its version and hash."""
    limits = 'cpus = 2\nmemory = "1 GiB"\nprocesses = 512\ntimeout = "10 min"\n'
    source = f'source = {{ debian = "zstd", version = "1:1.5~rc1-1", sha256 = "{SHA256.upper()}" }}'
    text = HONEST.replace('source = { path = "." }\n', f"{source}\n{limits}")

    [project] = load(text).projects

    assert project.limits == Limits(cpus=2, memory_bytes=1024**3, processes=512, timeout_s=600.0)
    assert project.source == DebianSource(name="zstd", version="1:1.5~rc1-1", sha256=SHA256)


def test_defaults_fill_in_what_a_project_leaves_out() -> None:
    """A default holds for each project that does not say otherwise; budgets merge key by key."""
    text = (
        '[defaults]\ntoolchain = "gcc"\narchitectures = ["amd64"]\non_unmeasurable = "fail"\n'
        'budget = { size = "2 MiB", cpu_time = "9 s" }\n'
        '[projects.a]\nsource = { path = "a" }\nbuild = "make"\nartifacts = ["a"]\n'
        '[projects.b]\nsource = { path = "b" }\nbuild = "make"\nartifacts = ["b"]\n'
        'architectures = ["arm64"]\non_unmeasurable = "skip"\nbudget = { size = "1 MiB" }\n'
    )

    first, second = load(text).projects

    assert (first.architectures, first.on_unmeasurable) == (("amd64",), "fail")
    assert first.budget == Budget(size_bytes=2 * 1024**2, cpu_time_s=9.0)
    assert (second.architectures, second.on_unmeasurable) == (("arm64",), "skip")
    assert second.budget == Budget(size_bytes=1024**2, cpu_time_s=9.0)


def test_a_pyproject_holds_the_same_tables() -> None:
    """Under [tool.crossgate] of a pyproject.toml stands the same manifest."""
    text = HONEST.replace("[projects.", "[tool.crossgate.projects.")

    assert load(text, "sub/pyproject.toml").projects == load(HONEST).projects


def test_a_toolchain_of_the_users_own_is_read() -> None:
    """An image or a Dockerfile stands for a toolchain, with placeholders of its own."""
    own = (
        '{ dockerfile = "docker/{architecture}/Dockerfile", arguments = { T = "{triplet}" }, '
        'placeholders = { cc = "{triplet}-cc" }, sysroot = "/opt/{debian}", name = "musl" }'
    )
    text = HONEST.replace('"gcc"', own)

    toolchain = load(text).projects[0].toolchain
    armv7 = rows.architectures()["armv7"]

    assert isinstance(toolchain, OwnToolchain)
    assert (toolchain.name, toolchain.image) == ("musl", None)
    assert toolchain.placeholders_for(armv7)["cc"] == "arm-linux-gnueabihf-cc"
    assert toolchain.sysroot_for(armv7) == "/opt/armhf"
    assert load(HONEST.replace('"gcc"', '{ image = "x" }').replace("{cc}", "cc")).projects[
        0
    ].toolchain == OwnToolchain(name="image", image="x")


def test_each_kind_of_source_is_read() -> None:
    """A source arrives as what it is, a whole commit as both name and pin."""
    commit = "0123456789" * 4
    expected = {
        f'{{ git = "https://x.example/y.git", rev = "{commit}" }}': GitSource(
            url="https://x.example/y.git", rev=commit, commit=commit
        ),
        f'{{ git = "git@x.example:y", rev = "v1", commit = "{commit}" }}': GitSource(
            url="git@x.example:y", rev="v1", commit=commit
        ),
        '{ git = "../y", rev = "feature/x" }': GitSource(url="../y", rev="feature/x", commit=None),
        f'{{ archive = "x.tar.gz", sha256 = "{SHA256.upper()}" }}': ArchiveSource(
            url="x.tar.gz", sha256=SHA256
        ),
        f'{{ crate = "x", version = "1.0.0", sha256 = "{SHA256}" }}': RegistrySource(
            registry="crate", name="x", version="1.0.0", sha256=SHA256
        ),
        f'{{ pypi = "x.y", version = "1", sha256 = "{SHA256}", environment = ["T"] }}': (
            RegistrySource(
                registry="pypi", name="x.y", version="1", sha256=SHA256, environment=("T",)
            )
        ),
        f'{{ go = "x.example/y", version = "v1.0.0", sum = "h1:{"a" * 43}=" }}': RegistrySource(
            registry="go", name="x.example/y", version="v1.0.0", sha256=None, sum=f"h1:{'a' * 43}="
        ),
    }

    for text, source in expected.items():
        assert load(HONEST.replace('{ path = "." }', text)).projects[0].source == source


def test_a_prebuilt_project_needs_no_recipe() -> None:
    """What is judged and not built has neither command nor toolchain."""
    text = (
        '[defaults]\ntoolchain = "gcc"\n[projects.a]\nsource = { prebuilt = "dist" }\n'
        'architectures = ["arm64"]\nartifacts = ["a"]\n'
    )

    [project] = load(text).projects

    assert project.prebuilt
    assert project.build == ""


def test_overrides_hold_for_their_architecture_alone() -> None:
    """A key is overridden for one architecture, bounds of a budget one by one."""
    text = HONEST + (
        '[projects.demo.overrides.aarch64]\nbuild = "make small"\nmemory = "1 GiB"\n'
        'budget = { size = "2 MiB" }\n[projects.demo.overrides.emulated]\ntimeout = "2 h"\n'
    )

    [project] = load(text).projects
    plain = project.variant("amd64", emulated=False)
    arm64 = project.variant("arm64", emulated=False)
    emulated = project.variant("arm64", emulated=True)

    assert plain.build == project.build == load(HONEST).projects[0].build
    assert plain.budget == project.budget
    assert (arm64.build, arm64.limits.memory_bytes) == ("make small", 1024**3)
    assert arm64.budget == replace(project.budget, size_bytes=2 * 1024**2)
    assert emulated.limits == replace(arm64.limits, timeout_s=7200.0)
    assert arm64.places["budget.size"] == "projects.demo.overrides.arm64.budget.size"


def test_bounds_of_a_regression_are_inherited_and_overridden_one_by_one() -> None:
    """Whoever sets one bound for one architecture loses none of the others."""
    text = (
        '[defaults]\nbudget.regression = { size = "2%", size_compressed = "16 KiB" }\n' + HONEST
    ).replace(
        'size = "1 MiB"',
        'size = "1 MiB"\nregression = { size_stripped = "0.5 %", cpu_time = "5%" }',
    ) + '[projects.demo.overrides.arm64]\nbudget = { regression = { size = "3%" } }\n'

    [project] = load(text).projects
    arm64 = project.variant("arm64", emulated=False)
    plain = Regression(
        size=Growth(percent=2),
        size_stripped=Growth(percent=0.5),
        size_compressed=Growth(size_bytes=16 * 1024),
        cpu_time=0.05,
    )

    assert project.budget.regression == plain
    assert arm64.budget.regression == replace(plain, size=Growth(percent=3))
    assert arm64.places["budget.regression.size"] == (
        "projects.demo.overrides.arm64.budget.regression.size"
    )


@pytest.mark.parametrize(
    ("growth", "allowed"),
    [
        (Growth(percent=29), 29),
        (Growth(percent=7), 7),
        (Growth(percent=0.5), 0),
        (Growth(percent=0), 0),
        (Growth(size_bytes=16), 16),
        (Growth(size_bytes=0), 0),
    ],
    ids=str,
)
def test_a_growth_allows_its_bound_to_the_byte(growth: Growth, allowed: int) -> None:
    """What grew by exactly the bound is within it, a byte more is not, and less always is."""
    assert growth.allows(100, 100 + allowed)
    assert not growth.allows(100, 101 + allowed)
    assert growth.allows(100, 0)
    assert growth.allows(0, 0)


def test_profiles_are_there_and_can_be_replaced() -> None:
    """dev, pr and release need not be written; a manifest may say what they mean, or add some."""
    text = HONEST.replace(
        "[projects.demo]",
        '[profiles]\npr = ["riscv64", "host"]\nnightly = { projects = ["demo"] }\n[projects.demo]',
        1,
    )

    found = load(text).profiles

    assert set(found) == {"dev", "pr", "release", "nightly"}
    assert load(HONEST).profiles["pr"].takes("demo", "arm64", "amd64")
    assert not load(HONEST).profiles["pr"].takes("demo", "riscv64", "amd64")
    assert found["pr"].takes("demo", "riscv64", "amd64")
    assert found["pr"].takes("demo", "amd64", "amd64")
    assert not found["pr"].takes("demo", "arm64", "amd64")
    assert found["nightly"].takes("demo", "s390x", "amd64")
    assert not found["nightly"].takes("other", "s390x", "amd64")
    assert found["dev"].takes("demo", "arm64", "arm64")
    assert not found["dev"].takes("demo", "arm64", "amd64")


def test_the_environment_is_an_allow_list() -> None:
    """A name is passed through, a name with a value is set."""
    text = HONEST.replace("build =", 'environment = ["CFLAGS", "A=b=c", "E="]\nbuild =')

    assert load(text).projects[0].environment == {"CFLAGS": None, "A": "b=c", "E": ""}


@pytest.mark.parametrize("spelling", ["arm64", "aarch64", "ARM64", "AArch64", "arm64v8"])
def test_aliases_name_the_same_architecture(spelling: str) -> None:
    """Every accepted spelling of an architecture means the one row."""
    text = HONEST.replace('"amd64", "arm64"]', f'"x86_64", "{spelling}"]')

    assert load(text).projects == load(HONEST).projects


def test_a_byte_order_mark_is_read_past() -> None:
    """What some editors on Windows write before the first character is no mistake."""
    assert manifest.load(b"\xef\xbb\xbf" + HONEST.encode(), "crossgate.toml") == load(HONEST)


@pytest.mark.parametrize(
    ("path", "taken"),
    [("a", "a"), ("./a//b/", "a/b"), ("bin/*", "bin/*"), ("**/lib*.so", "**/lib*.so")],
)
def test_artifacts_are_paths_inside_the_build(path: str, taken: str) -> None:
    """An artifact is a relative path or glob, in its shortest spelling."""
    assert load(HONEST.replace('"demo"]', f'"{path}"]')).projects[0].artifacts == (taken,)
