"""What a build promised and did not deliver: one planted defect each, beside the intact twin."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from suites.selftest.harness import FOREIGN, NATIVE, Result, manifest_text, project, run_gate

pytestmark = pytest.mark.integration

FILES: Final = {
    "hello.c": '#include <stdio.h>\nint main(void) { puts("hi"); return 0; }\n',
    "share/data.txt": "a file of the source\n",
}
COMPILE: Final = "{cc} -o hello hello.c"
ALL: Final = ("architecture", "built", "smoke")


@dataclass(frozen=True, kw_only=True)
class Defect:
    """What a recipe does to a good program, the claim that must fail for it, and its words."""

    then: str
    artifacts: tuple[str, ...] = ("hello",)
    fails: str = "built"
    says: tuple[str, ...]


INTACT: Final = {
    "program": ("true", ("hello",), {"hello"}),
    "hard-link": ("ln hello twin", ("twin",), {"twin"}),
    "object": ("{cc} -c -o hello.o hello.c", ("hello", "hello.o"), {"hello", "hello.o"}),
    "library": (
        "{cc} -shared -fPIC -o libhello.so hello.c",
        ("hello", "libhello.so"),
        {"hello", "libhello.so"},
    ),
    "star": (
        "mkdir -p out/deep && cp hello out/one && cp hello out/two && cp share/data.txt out/deep",
        ("out/*",),
        {"out/one", "out/two"},
    ),
    "stars": (
        "mkdir -p a/b/c && cp hello x && cp hello a/b/x && cp hello a/b/c/x && cp hello a/b/y",
        ("**/x",),
        {"x", "a/b/x", "a/b/c/x"},
    ),
    "links-beside-libraries": (
        "{cc} -shared -fPIC -o libhello.so.1.0 hello.c && ln -s libhello.so.1.0 libhello.so.1 "
        "&& ln -s libhello.so.1 libhello.so",
        ("hello", "libhello.so*"),
        {"hello", "libhello.so.1.0"},
    ),
    "odd-names": (
        "mkdir out && cp hello 'out/with blank' && cp hello out/grüße && cp hello 'out/-x$(id)'",
        ("out/*",),
        {"out/with blank", "out/grüße", "out/-x$(id)"},
    ),
}
"""What follows the compilation, the promised artifacts, and what they are found to be."""

DEFECTS: Final = {
    "glob-of-nothing": Defect(
        then="true", artifacts=("hello", "out/*.bin"), says=('"out/*.bin" matched no file',)
    ),
    "glob-of-folders": Defect(
        then="mkdir -p out/deep", artifacts=("out/*",), says=('"out/*" matched no file',)
    ),
    "missing": Defect(then="rm hello", says=('"hello" is not there',)),
    "missing-folder": Defect(
        then="true", artifacts=("out/hello",), says=('"out/hello" is not there',)
    ),
    "file-as-folder": Defect(
        then="true", artifacts=("hello/hello",), says=('"hello/hello" is not there',)
    ),
    "zero-bytes": Defect(then=": > hello", says=('"hello" is an empty file (0 bytes)',)),
    "link-to-host": Defect(
        then="ln -sf /etc/passwd hello",
        says=('"hello" is a symbolic link to /etc/passwd', "a regular file is expected"),
    ),
    "link-up": Defect(
        then="ln -sf ../../../../../../etc/passwd hello",
        says=('"hello" is a symbolic link to ', "/etc/passwd,"),
    ),
    "link-inside": Defect(
        then="mv hello real && ln -s real hello", says=('"hello" is a symbolic link to ', "real,")
    ),
    "link-to-itself": Defect(
        then="rm hello && ln -s hello hello", says=('"hello" is a symbolic link to ', "hello,")
    ),
    "link-to-nothing": Defect(
        then="ln -sf gone hello", says=('"hello" is a symbolic link to ', "gone,")
    ),
    "link-in-glob": Defect(
        then="mkdir out && cp hello out/a && ln -s /etc/passwd out/b",
        artifacts=("out/*",),
        says=('"out/b" is a symbolic link to /etc/passwd',),
    ),
    "folder-link": Defect(
        then="ln -s /etc out", artifacts=("out/passwd",), says=('"out/passwd"', "symbolic link")
    ),
    "folder-link-in-glob": Defect(
        then="ln -s /etc out", artifacts=("out/pass*",), says=('"out/pass*" matched no file',)
    ),
    "folder-link-to-root": Defect(
        then="ln -s /proc/1/root out", artifacts=("out/etc/passwd",), says=('"out/etc/passwd"',)
    ),
    "stale": Defect(
        then="true",
        artifacts=("hello", "share/data.txt"),
        says=('"share/data.txt" was in the source already',),
    ),
    "folder": Defect(then="rm hello && mkdir hello", says=('"hello" is a folder',)),
    "fifo": Defect(then="rm hello && mkfifo hello", says=('"hello" is a named pipe',)),
    "socket": Defect(
        then="rm hello && python3 -c 'import socket; socket.socket(1).bind(\"hello\")'",
        says=('"hello" is',),
    ),
    "huge": Defect(then="truncate -s 9G hello", says=('"hello" is 9.00 GiB', "8.00 GiB allowed")),
    "name-with-newline": Defect(
        then="mkdir out && cp hello \"$(printf 'out/a\\n::error::b')\"",
        artifacts=("out/*",),
        says=("an unusable name: out/a\\n::error::b",),
    ),
    "name-with-escape": Defect(
        then="mkdir out && cp hello \"$(printf 'out/a\\033[31mb')\"",
        artifacts=("out/*",),
        says=("an unusable name: out/a\\x1b[31mb",),
    ),
    "name-of-no-text": Defect(
        then="mkdir out && cp hello \"$(printf 'out/a\\377b')\"",
        artifacts=("out/*",),
        says=("an unusable name: out/a\\",),
    ),
    "truncated-header": Defect(
        then="head -c 40 hello > cut && mv cut hello",
        fails="architecture",
        says=(f"hello: expected an ELF file for {FOREIGN}, found", "truncated"),
    ),
    "truncated-half": Defect(
        then="head -c $(( $(stat -c %s hello) / 2 )) hello > cut && mv cut hello",
        fails="architecture",
        says=(f"hello: expected an ELF file for {FOREIGN}, found", "truncated"),
    ),
    "truncated-by-a-byte": Defect(
        then="truncate -s -1 hello",
        fails="architecture",
        says=(f"hello: expected an ELF file for {FOREIGN}, found", "truncated"),
    ),
    "zeroed": Defect(
        then="dd if=/dev/zero of=hello bs=1 seek=16 count=200 conv=notrunc 2> dd.log",
        fails="architecture",
        says=("hello: expected",),
    ),
    "script": Defect(
        then="printf '#!/bin/sh\\nexit 0\\n' > hello",
        fails="architecture",
        says=(f"hello: expected an ELF file for {FOREIGN}, found a script (#!/bin/sh)",),
    ),
    "archive": Defect(
        then="gzip -c hello > packed && mv packed hello",
        fails="architecture",
        says=(f"expected an ELF file for {FOREIGN}, found gzip data",),
    ),
    "text": Defect(
        then="echo done > hello",
        fails="architecture",
        says=(f"expected an ELF file for {FOREIGN}, found a text file (it starts with 64",),
    ),
    "other-architecture": Defect(
        then="gcc -c -o hello.o hello.c",
        artifacts=("hello", "hello.o"),
        fails="architecture",
        says=(f"hello.o: expected {FOREIGN} (", f"found {NATIVE} ("),
    ),
    "one-of-many": Defect(
        then="mkdir out && cp hello out/a && gcc -o out/b hello.c && cp hello out/c",
        artifacts=("out/*",),
        fails="architecture",
        says=(f"out/b: expected {FOREIGN} (", f"found {NATIVE} ("),
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One manifest with every defect and every intact twin as a project of its own."""
    recipes = {name: (then, artifacts) for name, (then, artifacts, _) in INTACT.items()}
    recipes |= {name: (each.then, each.artifacts) for name, each in DEFECTS.items()}
    projects = {
        name: {"build": f"{COMPILE}\n{then}", "artifacts": artifacts, "smoke": "{artifact}"}
        for name, (then, artifacts) in recipes.items()
    }
    text = manifest_text(projects, architectures=[FOREIGN], memory="512 MiB", timeout="2 min")
    return project(tmp_path_factory.mktemp("artifacts") / "work", text, FILES)


@pytest.fixture(scope="module")
def judged(folder: Path) -> Result:
    """The one run that all tests here look at."""
    return run_gate(folder, "-n", "0")


@pytest.mark.parametrize("name", sorted(INTACT))
def test_the_intact_twin_passes(judged: Result, name: str) -> None:
    """A project that delivers what it promised passes every claim, glob or not."""
    target = f"{name}-{FOREIGN}-gcc"
    found = next(each for each in judged.report["targets"] if each["id"] == target)

    assert judged.verdicts(target) == dict.fromkeys(ALL, "pass"), judged.claims(target)
    assert {artifact["path"] for artifact in found["artifacts"]} == INTACT[name][2]


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_a_defect_fails_the_claim_that_it_breaks(judged: Result, name: str) -> None:
    """A planted defect fails its own claim, in words that name the file and what it is."""
    defect, claims = DEFECTS[name], judged.claims(f"{name}-{FOREIGN}-gcc")
    claim = claims[defect.fails]

    assert claim["verdict"] == "fail"
    assert [words for words in defect.says if words not in claim["reason"]] == [], claim["reason"]


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_a_defect_is_traced_to_its_key_of_the_manifest(judged: Result, name: str) -> None:
    """What was not delivered is governed by `artifacts`, what is of no use by `architectures`."""
    claim = judged.claims(f"{name}-{FOREIGN}-gcc")[DEFECTS[name].fails]
    key = "artifacts" if DEFECTS[name].fails == "built" else "architectures"

    assert claim["manifest_key"] == f"projects.{name}.{key}"


@pytest.mark.parametrize(
    "name", sorted(name for name, each in DEFECTS.items() if each.fails == "built")
)
def test_without_its_artifacts_nothing_of_a_build_passes(judged: Result, name: str) -> None:
    """No claim passes on a build that did not deliver, and no file of it is kept."""
    target = f"{name}-{FOREIGN}-gcc"
    found = next(each for each in judged.report["targets"] if each["id"] == target)

    assert judged.verdicts(target) == dict.fromkeys(ALL, "fail")
    assert found["artifacts"] == []


def test_the_whole_run_fails(judged: Result) -> None:
    """A run with a defect in it exits 1, and every project of the manifest is in its report."""
    names = {each["project"] for each in judged.report["targets"]}

    assert judged.exit_code == 1
    assert names == {*INTACT, *DEFECTS}


def test_nothing_is_read_from_the_host(judged: Result, folder: Path) -> None:
    """However a build points at files outside of it, none of them is in any report or artifact."""
    assert judged.report["targets"]

    secret = Path("/etc/passwd").read_bytes()
    leaks = [file for file in _files(_out(folder)) if secret in file.read_bytes()]

    assert leaks == []
    assert secret.decode("utf-8", "replace") not in judged.output


def test_kept_artifacts_are_regular_files_as_reported(judged: Result, folder: Path) -> None:
    """What lies in the artifacts' folder are plain files, each with the size and hash reported."""
    reported = {
        Path(each["id"], artifact["path"]): (artifact["size_bytes"], artifact["sha256"])
        for each in judged.report["targets"]
        for artifact in each["artifacts"]
    }
    kept = _out(folder) / "artifacts"
    found = {
        file.relative_to(kept): (
            file.stat().st_size,
            hashlib.sha256(file.read_bytes()).hexdigest(),
        )
        for file in _files(kept)
    }

    assert not [path for path in kept.rglob("*") if path.is_symlink()]
    assert found == reported


def test_an_empty_list_of_artifacts_is_refused(tmp_path: Path) -> None:
    """A project that promises nothing is refused at load: there would be nothing to judge."""
    text = manifest_text({"none": {"build": "true", "artifacts": []}}, architectures=[FOREIGN])
    result = run_gate(project(tmp_path / "work", text, FILES), "-n", "0")

    assert result.exit_code == 4
    assert "projects.none.artifacts" in result.output
    assert "Traceback" not in result.output


def _out(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}-out")


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
