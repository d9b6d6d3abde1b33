"""The manifest: what it may say, and what is said of each mistake in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import manifest, rows
from fixtures.core.errors import ManifestError
from fixtures.core.readers import Budget, Limits, TimeRatio
from fixtures.core.regression import Growth, Regression
from fixtures.core.sources import (
    ArchiveSource,
    DebianSource,
    GitSource,
    PathSource,
    RegistrySource,
)
from fixtures.core.text import printable
from fixtures.core.toolchains import OwnToolchain
from suites.selftest.unit.samples import HONEST, load

SHA256: Final = "0123456789abcdef" * 4

# Every key that the manifest knows or will know, so that drawn documents get past the first one.
KEYS: Final = (
    *("defaults", "projects", "profiles", "tool", "crossgate", "demo"),
    *("source", "path", "debian", "version", "sha256", "git", "toolchain", "architectures"),
    *("build", "artifacts", "smoke", "budget", "size", "cpu_time", "time_ratio", "to", "max"),
    *("waivers", "target", "claim", "ceiling", "reason", "link", "expires"),
    *("cpus", "memory", "processes", "timeout", "on_unmeasurable", "policy", "regression"),
)
WORDS: Final = ("gcc", "arm64", "amd64", "x64", ".", "zig", "1 MiB", "60 s", "skip", "{cc}", "make")

texts = st.one_of(st.sampled_from(WORDS), st.text(st.characters(codec="utf-8")))
scalars = st.one_of(
    texts, st.booleans(), st.floats(), st.integers(-(2**63), 2**63 - 1), st.dates(), st.datetimes()
)
keys = st.one_of(st.sampled_from(KEYS), st.text(st.characters(codec="utf-8")))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


def toml(value: Any) -> str:
    """A value as TOML writes it, tables inline."""
    match value:
        case str():
            # JSON's escapes are TOML's too, but for DEL, which TOML wants escaped.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case bool():
            return str(value).lower()
        case dict():
            pairs = ", ".join(f"{toml(key)} = {toml(inner)}" for key, inner in value.items())
            return f"{{ {pairs} }}"
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case int() | float():
            return repr(value)
        case _:
            return str(value.isoformat())


def document(tables: dict[str, Any]) -> str:
    """A document with a line for each table."""
    return "".join(f"{toml(key)} = {toml(value)}\n" for key, value in tables.items())


def honest() -> dict[str, Any]:
    """An honest manifest as the tables that TOML makes of it."""
    return {
        "defaults": {"memory": "1 GiB"},
        "projects": {
            "demo": {
                "source": {"debian": "zstd", "version": "1.5.7+dfsg-1", "sha256": SHA256},
                "toolchain": "gcc",
                "architectures": ["amd64", "arm64"],
                "build": "make CC={cc} -j{jobs}",
                "artifacts": ["demo"],
                "smoke": "{artifact} --version",
                "budget": {"size": "1 MiB", "time_ratio": {"to": "amd64", "max": 1.5}},
            }
        },
    }


def complaint(text: str | bytes, file: str = "crossgate.toml") -> str:
    """What is said of a manifest that is refused."""
    with pytest.raises(ManifestError) as caught:
        manifest.load(text.encode() if isinstance(text, str) else text, file)
    return str(caught.value)


def loads_or_complains(content: bytes, file: str = "crossgate.toml") -> None:
    """A manifest with projects, or a complaint that a person can read."""
    try:
        loaded = manifest.load(content, file)
    except ManifestError as error:
        message = str(error)
    else:
        message = file
        assert loaded.projects
    # One line that no terminal acts on, and that a person can read to its end.
    assert message.startswith(file)
    assert message == printable(message)
    assert len(message) < 4000


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


MISTAKES: Final = {
    # name: (what to replace in the honest manifest, by what, where it complains, with what words)
    "no projects": (HONEST, "", None, 'the key "projects" is missing'),
    "empty projects": (HONEST, "[projects]", "projects", "no project is named"),
    "projects is a list": (HONEST, "projects = []", "projects", "expected a table, found a list"),
    "project is a text": (HONEST, 'projects.demo = "x"', "projects.demo", "expected a table"),
    "project name": ("projects.demo", 'projects."a b"', 'projects."a b"', "a project name of"),
    "long project name": ("projects.demo", f"projects.{'a' * 65}", f"projects.{'a' * 65}", "64"),
    "twins": (
        HONEST,
        HONEST + HONEST.replace("demo", "Demo"),
        "projects.Demo",
        'differs from "demo" only in upper and lower case',
    ),
    "misspelt key": ("build =", "biuld =", "projects.demo.biuld", 'did you mean "build"?'),
    "misspelt table": ("demo.budget", "demo.bugdet", "projects.demo.bugdet", '"budget"?'),
    "misspelt top": ("[projects.demo]", "[project.demo]", "project", 'did you mean "projects"?'),
    "unknown key": ("build =", "xyzzy = 1\nbuild =", "projects.demo.xyzzy", "known here: "),
    "waivers of a project": (
        "build =",
        "waivers = []\nbuild =",
        "projects.demo.waivers",
        "unknown",
    ),
    "policy": (
        "build =",
        'policy = "defualt"\nbuild =',
        "projects.demo.policy",
        'expected a table or "default"; did you mean "default"?, found "defualt"',
    ),
    "reproducible": (
        "build =",
        'reproducible = "yes"\nbuild =',
        "projects.demo.reproducible",
        'expected true or false, found "yes"',
    ),
    "a cache of another name": (
        "build =",
        'cache = "scache"\nbuild =',
        "projects.demo.cache",
        'did you mean "sccache"?',
    ),
    "a workspace that is neither": (
        "build =",
        'workspace = "keep"\nbuild =',
        "projects.demo.workspace",
        'did you mean "kept"?',
    ),
    "dependencies without files": (
        "build =",
        'dependencies = { build = "make deps" }\nbuild =',
        "projects.demo.dependencies",
        'the key "files" is missing',
    ),
    "dependencies of files elsewhere": (
        "build =",
        'dependencies = { build = "make deps", keep = ["x"], files = ["../x"] }\nbuild =',
        "projects.demo.dependencies.files",
        "expected a path inside the source",
    ),
    "dependencies that keep a pattern": (
        "build =",
        'dependencies = { build = "make", keep = ["x/*"], files = ["Makefile"] }\nbuild =',
        "projects.demo.dependencies.keep",
        "expected a path, not a pattern",
    ),
    "dependencies with an unknown placeholder": (
        "build =",
        'dependencies = { build = "{xc}", keep = ["x"], files = ["Makefile"] }\nbuild =',
        "projects.demo.dependencies",
        "unknown placeholder {xc}",
    ),
    "a change that changes nothing": (
        "build =",
        'change = { file = "a.c", find = "1", replace = "1" }\nbuild =',
        "projects.demo.change.replace",
        'expected another text than "find"',
    ),
    "a rebuild without a change": (
        'cpu_time = "60 s"',
        'rebuild_time = "60 s"',
        "projects.demo.budget.rebuild_time",
        'give it "change',
    ),
    "a mount of another kind": (
        '{ path = "." }',
        '{ path = ".", mount = "rsync" }',
        "projects.demo.source.mount",
        'expected "auto" or "bind" or "volume" or "copy"',
    ),
    "a kept workspace of finished artifacts": (
        HONEST,
        '[projects.demo]\nsource = { prebuilt = "dist" }\narchitectures = ["arm64"]\n'
        'artifacts = ["demo"]\nworkspace = "kept"\n',
        "projects.demo.workspace",
        "judged and not built",
    ),
    "prebuilt and reproducible": (
        HONEST,
        '[projects.demo]\nsource = { prebuilt = "dist" }\narchitectures = ["arm64"]\n'
        'artifacts = ["demo"]\nreproducible = true\n',
        "projects.demo.reproducible",
        "judged and not built",
    ),
    "later top": (
        "[projects.demo]",
        "[architectures]\n[projects.demo]",
        "architectures",
        "not supported yet",
    ),
    "waivers as a table": (
        "[projects.demo]",
        "[waivers]\n[projects.demo]",
        "waivers",
        "expected a list of tables ([[waivers]]), found a table",
    ),
    "later budget": (
        'size = "1 MiB"',
        'memory = "1 GiB"',
        "projects.demo.budget.memory",
        "not supported yet",
    ),
    "a regression of nothing": (
        'size = "1 MiB"',
        "regression = {}",
        "projects.demo.budget.regression",
        "expected a bound at least",
    ),
    "a regression by the budget's name": (
        'size = "1 MiB"',
        'regression = { compressed = "2%" }',
        "projects.demo.budget.regression.compressed",
        'did you mean "size_compressed"?',
    ),
    "a regression that is a text": (
        'size = "1 MiB"',
        'regression = "2%"',
        "projects.demo.budget.regression",
        'expected a table, found "2%"',
    ),
    "a growth without a unit": (
        'size = "1 MiB"',
        "regression = { size = 2 }",
        "projects.demo.budget.regression.size",
        'as in "2%" or "16 KiB", found 2',
    ),
    "a growth in an unknown unit": (
        'size = "1 MiB"',
        'regression = { size_stripped = "2 MiP" }',
        "projects.demo.budget.regression.size_stripped",
        "units: B,",
    ),
    "a growth below zero": (
        'size = "1 MiB"',
        'regression = { size = "-2%" }',
        "projects.demo.budget.regression.size",
        'found "-2%"',
    ),
    "an absurd growth": (
        'size = "1 MiB"',
        'regression = { size_allocated = "1001%" }',
        "projects.demo.budget.regression.size_allocated",
        "at most 1000%",
    ),
    "a growth of a time in seconds": (
        'size = "1 MiB"',
        'regression = { cpu_time = "5 s" }',
        "projects.demo.budget.regression.cpu_time",
        'as in "5%"',
    ),
    "a growth of a time of nothing": (
        'size = "1 MiB"',
        'regression = { cpu_time = "0%" }',
        "projects.demo.budget.regression.cpu_time",
        "more than 0%",
    ),
    "a time's regression of finished artifacts": (
        HONEST,
        '[projects.demo]\nsource = { prebuilt = "dist" }\narchitectures = ["arm64"]\n'
        'artifacts = ["demo"]\nbudget.regression = { size = "2%", cpu_time = "5%" }\n',
        "projects.demo.budget.regression.cpu_time",
        "judged and not built",
    ),
    "no source": ('source = { path = "." }', "", "projects.demo", 'the key "source" is missing'),
    "no build": (
        'build = "make CC={cc} -j{jobs} demo"',
        "",
        "projects.demo",
        'the key "build" is missing',
    ),
    "no artifacts": ('artifacts = ["demo"]', "", "projects.demo", 'the key "artifacts" is missing'),
    "no toolchain": (
        'toolchain = "gcc"',
        "",
        "projects.demo",
        '"toolchain" is missing, here and in',
    ),
    "no architectures": (
        'architectures = ["amd64", "arm64"]',
        "",
        "projects.demo",
        '"architectures" is missing, here and in defaults',
    ),
    "source is a text": ('{ path = "." }', '"."', "projects.demo.source", '{ path = "." }'),
    "source of no kind": ("{ path =", "{ paht =", "projects.demo.source", 'did you mean "path"?'),
    "source of two kinds": (
        '{ path = "." }',
        '{ path = ".", debian = "zstd" }',
        "projects.demo.source",
        "expected one kind of source, found path and debian",
    ),
    "git without rev": (
        '{ path = "." }',
        '{ git = "x" }',
        "projects.demo.source",
        'the key "rev" is missing',
    ),
    "git that is an option": (
        '{ path = "." }',
        '{ git = "--upload-pack=x", rev = "y" }',
        "projects.demo.source.git",
        "not beginning with a dash",
    ),
    "git by a helper": (
        '{ path = "." }',
        '{ git = "ext::sh", rev = "y" }',
        "projects.demo.source.git",
        "expected a URL or a path",
    ),
    "two commits": (
        '{ path = "." }',
        f'{{ git = "x", rev = "{"a" * 40}", commit = "{"b" * 40}" }}',
        "projects.demo.source.commit",
        "which rev names already",
    ),
    "short commit": (
        '{ path = "." }',
        '{ git = "x", rev = "v1", commit = "abc" }',
        "projects.demo.source.commit",
        "a whole commit hash",
    ),
    "archive without hash": (
        '{ path = "." }',
        '{ archive = "x.tar.gz" }',
        "projects.demo.source",
        'the key "sha256" is missing',
    ),
    "go without sum": (
        '{ path = "." }',
        '{ go = "example.org/x", version = "v1.0.0" }',
        "projects.demo.source",
        'the key "sum" is missing',
    ),
    "go's sum": (
        '{ path = "." }',
        '{ go = "example.org/x", version = "v1.0.0", sum = "h1:x" }',
        "projects.demo.source.sum",
        "as in go.sum",
    ),
    "crate without version": (
        '{ path = "." }',
        f'{{ crate = "x", sha256 = "{SHA256}" }}',
        "projects.demo.source",
        'the key "version" is missing',
    ),
    "range of versions": (
        '{ path = "." }',
        f'{{ pypi = "x", version = ">=1", sha256 = "{SHA256}" }}',
        "projects.demo.source.version",
        "an exact version",
    ),
    "variable of a source": (
        '{ path = "." }',
        f'{{ crate = "x", version = "1", sha256 = "{SHA256}", environment = ["A=b"] }}',
        "projects.demo.source.environment",
        "the name of an environment variable",
    ),
    "prebuilt and built": (
        '{ path = "." }',
        '{ prebuilt = "dist" }',
        "projects.demo.build",
        "judged and not built",
    ),
    "empty path": ('path = "."', 'path = ""', "projects.demo.source.path", "not empty"),
    "path with more": (
        'path = "."',
        'path = ".", sha256 = "x"',
        "projects.demo.source.sha256",
        "known here: path",
    ),
    "debian without hash": (
        'path = "."',
        'debian = "zstd", version = "1"',
        "projects.demo.source",
        'the key "sha256" is missing',
    ),
    "debian without version": (
        'path = "."',
        f'debian = "zstd", sha256 = "{SHA256}"',
        "projects.demo.source",
        'the key "version" is missing',
    ),
    "hash": (
        'path = "."',
        'debian = "zstd", version = "1", sha256 = "123"',
        "projects.demo.source.sha256",
        "64 hexadecimal digits",
    ),
    "package name": (
        'path = "."',
        f'debian = "../x", version = "1", sha256 = "{SHA256}"',
        "projects.demo.source.debian",
        "the name of a Debian source package",
    ),
    "package version": (
        'path = "."',
        f'debian = "zstd", version = "1/../2", sha256 = "{SHA256}"',
        "projects.demo.source.version",
        "a Debian version",
    ),
    "toolchain": ('"gcc"', '"gc"', "projects.demo.toolchain", 'did you mean "gcc"?'),
    "libc that there is not": (
        '"gcc"',
        '{ zig = { libc = "muslc" } }',
        "projects.demo.toolchain.zig.libc",
        'expected "glibc" or "musl"; did you mean "musl"?',
    ),
    "musl of a version of glibc": (
        '"gcc"',
        '{ zig = { libc = "musl", glibc = "2.28" } }',
        "projects.demo.toolchain.zig.glibc",
        "remove one",
    ),
    "glibc that zig has not": (
        '"gcc"',
        '{ zig = { glibc = "2.99" } }',
        "projects.demo.toolchain.zig",
        "expected a glibc from 2.17 to 2.44 for amd64, found 2.99",
    ),
    "glibc below an architecture's floor": (
        '"gcc"\narchitectures = ["amd64", "arm64"]',
        '{ zig = { glibc = "2.26" } }\narchitectures = ["amd64", "riscv64"]',
        "projects.demo.toolchain.zig",
        "expected a glibc from 2.27 to 2.44 for riscv64, found 2.26",
    ),
    "glibc that is no version": (
        '"gcc"',
        '{ zig = { glibc = "two" } }',
        "projects.demo.toolchain.zig.glibc",
        "expected a version",
    ),
    "unknown choice of a toolchain": (
        '"gcc"',
        '{ zig = { glib = "2.28" } }',
        "projects.demo.toolchain.zig.glib",
        'did you mean "glibc"?',
    ),
    "key beside a toolchain's table": (
        '"gcc"',
        '{ zig = {}, glibc = "2.28" }',
        "projects.demo.toolchain.glibc",
        'beside "zig"',
    ),
    "toolchain without a choice": (
        '"gcc"',
        '{ gcc = { libc = "musl" } }',
        "projects.demo.toolchain.gcc",
        'say "gcc"',
    ),
    "system that a toolchain does not serve": (
        '"arm64"]',
        '"win64"]',
        "projects.demo.architectures",
        'the toolchain "gcc" does not serve windows-amd64 yet',
    ),
    "toolchain of two kinds": (
        '"gcc"',
        '{ image = "x", dockerfile = "y" }',
        "projects.demo.toolchain",
        'expected either "image" or "dockerfile", found image and dockerfile',
    ),
    "toolchain of no kind at all": (
        '"gcc"',
        '{ name = "x" }',
        "projects.demo.toolchain",
        "found neither",
    ),
    "image that is an option": (
        '"gcc"',
        '{ image = "-x" }',
        "projects.demo.toolchain.image",
        "the name of an image",
    ),
    "placeholder of an image": (
        '"gcc"',
        '{ image = "x-{arch}" }',
        "projects.demo.toolchain.image",
        "unknown placeholder {arch} (known here: {architecture}",
    ),
    "arguments of an image": (
        '"gcc"',
        '{ image = "x", arguments = { A = "b" } }',
        "projects.demo.toolchain.arguments",
        "goes with a dockerfile",
    ),
    "own placeholder": (
        '"gcc"',
        '{ image = "x", placeholders = { jobs = "b" } }',
        "projects.demo.toolchain.placeholders",
        "is Crossgate's own",
    ),
    "name of a toolchain": (
        '"gcc"',
        '{ image = "x", name = "A-b" }',
        "projects.demo.toolchain.name",
        "a short name",
    ),
    "compiler of no toolchain": (
        '"gcc"',
        '{ image = "x" }',
        "projects.demo.build",
        "unknown placeholder {cc}",
    ),
    "strategy": (
        "build =",
        'strategy = "corss"\nbuild =',
        "projects.demo.strategy",
        'did you mean "cross"?',
    ),
    "strategy twice": (
        "build =",
        'strategy = ["auto", "auto"]\nbuild =',
        "projects.demo.strategy",
        "twice: auto",
    ),
    "package of the target": (
        "build =",
        'packages = ["zlib1g-dev; rm"]\nbuild =',
        "projects.demo.packages",
        "the name of a Debian package",
    ),
    "package of the builder": (
        "build =",
        'build_packages = ["--x"]\nbuild =',
        "projects.demo.build_packages",
        "the name of a Debian package",
    ),
    "fetch-environment": (
        "build =",
        'fetch_environment = ["TOKEN=x"]\nbuild =',
        "projects.demo.fetch_environment",
        "the name of an environment variable",
    ),
    "environment": (
        "build =",
        'environment = ["A B"]\nbuild =',
        "projects.demo.environment",
        "the name of a variable to pass through",
    ),
    "variable twice": (
        "build =",
        'environment = ["A", "A=1"]\nbuild =',
        "projects.demo.environment",
        "twice: A",
    ),
    "override of the unbuilt": (
        "build =",
        "overrides.riscv64 = { cpus = 1 }\nbuild =",
        "projects.demo.overrides.riscv64",
        "is not built for riscv64 (it is for amd64, arm64)",
    ),
    "override of nothing": (
        "build =",
        "overrides.arm46 = { cpus = 1 }\nbuild =",
        "projects.demo.overrides.arm46",
        'did you mean "arm64"?',
    ),
    "override twice": (
        "build =",
        "overrides.arm64 = { cpus = 1 }\noverrides.aarch64 = { cpus = 2 }\nbuild =",
        "projects.demo.overrides.aarch64",
        "arm64 is overridden twice",
    ),
    "override of an override": (
        "build =",
        "overrides.arm64 = { architectures = [] }\nbuild =",
        "projects.demo.overrides.arm64.architectures",
        "unknown key",
    ),
    "overridden recipe": (
        "build =",
        'overrides.arm64 = { build = "{jobz}" }\nbuild =',
        "projects.demo.overrides.arm64.build",
        "did you mean {jobs}?",
    ),
    "overridden limit": (
        "build =",
        "overrides.arm64 = { cpus = 0 }\nbuild =",
        "projects.demo.overrides.arm64.cpus",
        "a whole number from 1 to 1024",
    ),
    "overrides are no table": (
        "build =",
        "overrides = 3\nbuild =",
        "projects.demo.overrides",
        "expected a table",
    ),
    "profile": (
        "[projects.demo]",
        'profiles.pr = ["arm46"]\n[projects.demo]',
        "profiles.pr.architectures",
        'did you mean "arm64"?',
    ),
    "profile of no project": (
        "[projects.demo]",
        'profiles.x = { projects = ["domo"] }\n[projects.demo]',
        "profiles.x.projects",
        'did you mean "demo"?',
    ),
    "empty test": ('"make check"', '" "', "projects.demo.test", "not empty"),
    "runner in build": ("{jobs}", "{run}", "projects.demo.build", "unknown placeholder {run}"),
    "toolchain of no kind": ('"gcc"', "3", "projects.demo.toolchain", "expected a toolchain (gcc"),
    "architecture": (
        '"arm64"]',
        '"arm46"]',
        "projects.demo.architectures",
        f'item 2 is "arm46": expected an architecture ({", ".join(rows.architectures())}); '
        'did you mean "arm64"?',
    ),
    "architecture twice": (
        '"arm64"]',
        '"arm64", "aarch64"]',
        "projects.demo.architectures",
        "twice: arm64",
    ),
    "architectures is a text": (
        '["amd64", "arm64"]',
        '"arm64"',
        "projects.demo.architectures",
        'expected a list of architectures that is not empty, found "arm64"',
    ),
    "no architecture": ('["amd64", "arm64"]', "[]", "projects.demo.architectures", "not empty"),
    "empty build": ('"make CC={cc} -j{jobs} demo"', '" "', "projects.demo.build", "not empty"),
    "build is a list": ('"make CC={cc} -j{jobs} demo"', "[1]", "projects.demo.build", "a text"),
    "placeholder": ("-j{jobs}", "-j{job}", "projects.demo.build", "did you mean {jobs}?"),
    "shell variable": ("{cc}", "${CC}", "projects.demo.build", "write a literal brace twice"),
    "artifact in build": ("{jobs}", "{artifact}", "projects.demo.build", "placeholder {artifact}"),
    "brace": ("{artifact}", "{artifact", "projects.demo.smoke", "write a literal brace twice"),
    "smoke of nothing": ('"{artifact} --version"', '"true"', "projects.demo.smoke", "{artifact}"),
    "compiler in smoke": ("{artifact}", "{cc}", "projects.demo.smoke", "unknown placeholder {cc}"),
    "absolute artifact": ('["demo"]', '["/etc/passwd"]', "projects.demo.artifacts", "and no .."),
    "artifact above": ('["demo"]', '["a/../../b"]', "projects.demo.artifacts", "and no .."),
    "artifact of Windows": ('["demo"]', "['a\\b']", "projects.demo.artifacts", "forward slashes"),
    "all as artifact": (
        '["demo"]',
        '["."]',
        "projects.demo.artifacts",
        "inside the build's folder",
    ),
    "artifacts is a text": ('["demo"]', '"demo"', "projects.demo.artifacts", "a list of artifacts"),
    "no artifact": ('["demo"]', "[]", "projects.demo.artifacts", "not empty"),
    "artifact twice": ('["demo"]', '["demo", "./demo"]', "projects.demo.artifacts", "twice: demo"),
    "budget is a number": (
        HONEST,
        HONEST.partition("[projects.demo.budget]")[0] + "budget = 3",
        "projects.demo.budget",
        "expected a table, found 3",
    ),
    "size": ('"1 MiB"', '"1 mb"', "projects.demo.budget.size", 'such as "1.5 MiB"'),
    "negative size": ('"1 MiB"', "-1", "projects.demo.budget.size", "found -1"),
    "size is a float": ('"1 MiB"', "1.5", "projects.demo.budget.size", "found 1.5"),
    "size is a truth": ('"1 MiB"', "true", "projects.demo.budget.size", "found true"),
    "size beyond floats": ('"1 MiB"', f'"{"9" * 400} B"', "projects.demo.budget.size", "expected"),
    "size beyond decimals": (
        '"1 MiB"',
        f"0x{'f' * 5000}",
        "projects.demo.budget.size",
        "expected",
    ),
    "time": ('"60 s"', '"60"', "projects.demo.budget.cpu_time", 'such as "60 s" or "5 min"'),
    "infinite time": ('"60 s"', "inf", "projects.demo.budget.cpu_time", "found inf"),
    "no time at all": ('"60 s"', "nan", "projects.demo.budget.cpu_time", "found nan"),
    "long time": ('"60 s"', '"999999999 h"', "projects.demo.budget.cpu_time", "below 1e9 s"),
    "ratio is a number": (
        '{ to = "amd64", max = 1.5 }',
        "1.5",
        "projects.demo.budget.time_ratio",
        "expected a table, found 1.5",
    ),
    "ratio to nothing": (
        'to = "amd64", ',
        "",
        "projects.demo.budget.time_ratio",
        'the key "to" is missing',
    ),
    "ratio without bound": (
        ", max = 1.5",
        "",
        "projects.demo.budget.time_ratio",
        'the key "max" is missing',
    ),
    "ratio to the unbuilt": (
        '["amd64", "arm64"]',
        '["arm64"]',
        "projects.demo.budget.time_ratio.to",
        "(arm64), found amd64",
    ),
    "ratio of zero": ("max = 1.5", "max = 0", "projects.demo.budget.time_ratio.max", "above 0"),
    "ratio of nan": ("max = 1.5", "max = nan", "projects.demo.budget.time_ratio.max", "found nan"),
    "cpus": ("build =", "cpus = 0\nbuild =", "projects.demo.cpus", "a whole number from 1 to 1024"),
    "half a cpu": ("build =", "cpus = 0.5\nbuild =", "projects.demo.cpus", "found 0.5"),
    "cpus is a truth": ("build =", "cpus = true\nbuild =", "projects.demo.cpus", "found true"),
    "cpus beyond decimals": (
        "build =",
        f"cpus = 0x{'f' * 5000}\nbuild =",
        "projects.demo.cpus",
        "a whole number from 1 to 1024",
    ),
    "little memory": ("build =", 'memory = "1 MiB"\nbuild =', "projects.demo.memory", '"64 MiB"'),
    "few processes": ("build =", "processes = 2\nbuild =", "projects.demo.processes", "from 16"),
    "short timeout": (
        "build =",
        "timeout = 0\nbuild =",
        "projects.demo.timeout",
        '"1 s" to "24 h"',
    ),
    "verdict": (
        "build =",
        'on_unmeasurable = "pass"\nbuild =',
        "projects.demo.on_unmeasurable",
        'expected "skip" or "fail"',
    ),
    "build in defaults": (
        "[projects.demo]",
        '[defaults]\nbuild = "make"\n[projects.demo]',
        "defaults.build",
        "unknown key",
    ),
    "default of the wrong kind": (
        "[projects.demo]",
        "[defaults]\ncpus = 0\n[projects.demo]",
        "defaults.cpus",
        "a whole number from 1 to 1024",
    ),
    "not TOML": ("[projects.demo]", "[projects.demo", None, "not valid TOML"),
    "key twice": ("build =", 'build = "x"\nbuild =', None, "not valid TOML"),
    "absurd nesting": (HONEST, f"a = {'[' * 5000}", None, "not valid TOML"),
    "absurd number": (HONEST, f"a = {'9' * 5000}", None, "not valid TOML"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_names_key_and_mend(name: str) -> None:
    """A mistake in the manifest is refused with the file, the dotted key and the mend."""
    old, new, where, words = MISTAKES[name]
    assert old in HONEST

    message = complaint(HONEST.replace(old, new))

    assert message.startswith(f"crossgate.toml: {where}: " if where else "crossgate.toml: ")
    assert words in message
    assert len(message.splitlines()) == 1
    assert len(message) < 2000


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "tool.crossgate: this table is missing"),
        ("[tool.other]", "tool.crossgate: this table is missing"),
        ("[tool]\ncrossgate = 3", "tool.crossgate: expected a table, found 3"),
        ("tool = 3", "tool: expected a table, found 3"),
        ("tool = [{ crossgate = {} }]", "tool: expected a table, found a list of 1"),
        ("[tool.crossgate]", 'tool.crossgate: the key "projects" is missing'),
        (
            HONEST.replace("projects.", "tool.crossgate.projects.").replace("build", "biuld"),
            "tool.crossgate.projects.demo.biuld: unknown key",
        ),
    ],
)
def test_mistakes_in_a_pyproject_are_placed(text: str, where: str) -> None:
    """A complaint about a pyproject.toml names the key with all that stands above it."""
    assert complaint(text, "pyproject.toml").startswith(f"pyproject.toml: {where}")


def test_a_ratio_in_the_defaults_is_mended_there() -> None:
    """A time_ratio that stands in the defaults is complained about where it stands."""
    text = (
        '[defaults]\nbudget = { time_ratio = { to = "amd64", max = 2 } }\n'
        '[projects.demo]\nsource = { path = "." }\nbuild = "make"\nartifacts = ["demo"]\n'
        'toolchain = "gcc"\narchitectures = ["arm64"]\n'
    )

    message = complaint(text)

    assert "defaults.budget.time_ratio.to" in message
    assert "projects.demo" in message


def test_a_manifest_that_is_no_text_is_refused() -> None:
    """A file that is not UTF-8 is told the first byte that is not."""
    assert complaint(b"a = 1 # \xff") == "crossgate.toml: expected UTF-8 text; byte 8 is not"


def test_a_manifest_of_absurd_size_is_refused() -> None:
    """A file that is too large to be a manifest is not parsed at all."""
    assert "at most" in complaint(b" " * (manifest.MAX_BYTES + 1))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(('"demo"]', r'"a\u001b[2J", "a\u001b[2J"]'), id="artifact twice"),
        pytest.param(("{jobs}", r"{a\u001bc}"), id="placeholder"),
        pytest.param(("{jobs}", r"{jobs!\u001b}"), id="conversion"),
        pytest.param(('"amd64", ', r'"\u001b[2J", '), id="architecture"),
        pytest.param(("build =", r'"\u001b[2J" = 1' + "\nbuild ="), id="key"),
        pytest.param(("projects.demo", r'projects."\u001b[2J"'), id="project"),
    ],
)
def test_complaints_are_harmless(change: tuple[str, str]) -> None:
    """A complaint that quotes the manifest shows terminal codes instead of sending them."""
    message = complaint(HONEST.replace(*change))

    assert message == printable(message)


@given(st.binary())
def test_any_bytes_load_or_are_refused(content: bytes) -> None:
    """Whatever bytes a manifest holds, they give a Manifest or ManifestError."""
    loads_or_complains(content)


@given(st.text(st.characters(codec="utf-8")), st.sampled_from(["crossgate.toml", "pyproject.toml"]))
def test_any_text_loads_or_is_refused(text: str, file: str) -> None:
    """Whatever text a manifest holds, it gives a Manifest or ManifestError."""
    loads_or_complains(text.encode(), file)


@given(st.dictionaries(keys, values, max_size=4), st.sampled_from(["x.toml", "pyproject.toml"]))
def test_any_tables_load_or_are_refused(tables: dict[str, Any], file: str) -> None:
    """Whatever tables a manifest holds, they give a Manifest or ManifestError."""
    loads_or_complains(document(tables).encode(), file)


def places(table: dict[str, Any]) -> list[tuple[str, ...]]:
    """Every dotted place in an honest manifest, as a tuple of keys."""
    found: list[tuple[str, ...]] = []
    for key, value in table.items():
        found.append((key,))
        if isinstance(value, dict):
            found += [(key, *inner) for inner in places(value)]
    return found


@given(st.sampled_from(places(honest())), keys, values, st.sampled_from(["set", "drop", "add"]))
def test_any_change_to_an_honest_manifest_loads_or_is_refused(
    place: tuple[str, ...], key: str, value: Any, change: str
) -> None:
    """One wrong value, one key too few or too many: a Manifest or ManifestError."""
    tables = honest()
    inner = tables
    for step in place[:-1]:
        inner = inner[step]
    match change:
        case "set":
            inner[place[-1]] = value
        case "drop":
            del inner[place[-1]]
        case _:
            inner[key] = value

    loads_or_complains(document(tables).encode())


projects = st.fixed_dictionaries(
    {
        "source": st.just({"path": "."}),
        "toolchain": st.just("gcc"),
        "architectures": st.lists(
            st.sampled_from(rows.toolchains()["gcc"].architectures), min_size=1, unique=True
        ),
        "build": st.sampled_from(["make", "make {cc}", "make -j{jobs} {{x}}"]),
        "artifacts": st.lists(
            st.from_regex(r"[a-z*]{1,8}(/[a-z*]{1,8})?", fullmatch=True),
            min_size=1,
            max_size=3,
            unique=True,
        ),
    },
    optional={
        "smoke": st.just("{artifact} -V"),
        "cpus": st.integers(1, 1024),
        "memory": st.integers(64 * 1024**2, 2**40),
        "processes": st.integers(16, 1_000_000),
        "timeout": st.integers(1, 86400),
        "on_unmeasurable": st.sampled_from(["skip", "fail"]),
        "budget": st.fixed_dictionaries(
            {}, optional={"size": st.integers(0, 2**40), "cpu_time": st.integers(0, 10**6)}
        ),
    },
)
names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)


@given(st.dictionaries(names, projects, min_size=1, max_size=4))
def test_what_an_honest_manifest_says_is_what_is_read(tables: dict[str, dict[str, Any]]) -> None:
    """Every honest manifest loads, in its order, with each value as it was written."""
    loaded = load(document({"projects": tables}))

    assert [project.name for project in loaded.projects] == list(tables)
    for project, raw in zip(loaded.projects, tables.values(), strict=True):
        budget = raw.get("budget", {})

        assert project.architectures == tuple(raw["architectures"])
        assert (project.build, project.smoke) == (raw["build"], raw.get("smoke"))
        assert project.artifacts == tuple(raw["artifacts"])
        assert project.budget.size_bytes == budget.get("size")
        assert project.budget.cpu_time_s == budget.get("cpu_time")
        assert project.limits.cpus == raw.get("cpus")
        assert project.limits.memory_bytes == raw.get("memory", Limits().memory_bytes)
        assert project.limits.processes == raw.get("processes", Limits().processes)
        assert project.limits.timeout_s == raw.get("timeout", Limits().timeout_s)
        assert project.on_unmeasurable == raw.get("on_unmeasurable", "skip")


def test_every_supported_key_is_tried_above() -> None:
    """The table of mistakes touches each key that the manifest supports."""
    touched = {where.rpartition(".")[2] for _, _, where, _ in MISTAKES.values() if where}
    message = complaint(HONEST.replace("build =", "xyzzy = 1\nbuild ="))
    match = re.search(r"known here: (.*)\)", message)

    assert match is not None
    assert {"build", "budget", "cpus"} <= set(match[1].split(", ")) <= touched
