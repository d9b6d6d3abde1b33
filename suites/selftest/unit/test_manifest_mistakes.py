"""Mistakes in a manifest: each is refused with the file, the dotted key and the mend."""

from __future__ import annotations

import re
from typing import Final

import pytest

from fixtures.core import manifest, rows
from fixtures.core.errors import ManifestError
from fixtures.core.text import printable
from suites.selftest.unit.samples import HONEST, SHA256

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


def complaint(text: str | bytes, file: str = "crossgate.toml") -> str:
    """What is said of a manifest that is refused."""
    with pytest.raises(ManifestError) as caught:
        manifest.load(text.encode() if isinstance(text, str) else text, file)
    return str(caught.value)


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


def test_every_supported_key_is_tried_above() -> None:
    """The table of mistakes touches each key that the manifest supports."""
    touched = {where.rpartition(".")[2] for _, _, where, _ in MISTAKES.values() if where}
    message = complaint(HONEST.replace("build =", "xyzzy = 1\nbuild ="))
    match = re.search(r"known here: (.*)\)", message)

    assert match is not None
    assert {"build", "budget", "cpus"} <= set(match[1].split(", ")) <= touched
