"""Unstripped twins: kept before a tool takes their symbols, and nothing of the build changes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import pytest

from fixtures.building import twins
from fixtures.core import rows
from fixtures.core.readers import Budget
from fixtures.core.regression import Growth, Regression
from fixtures.core.ways import Ways
from suites.selftest.unit.elf_symbols import MACHINES, Image, Sym, text
from suites.selftest.unit.samples import artifact, target

LINKED: Final = bytes(Image(sections=(text(b"\xf4" * 64),), symbols=(Sym(name="f", value=0),)))
OBJECT: Final = bytes(Image(sections=(text(b"\xf4" * 64),), e_type=1))
TOOL: Final = """#!/bin/sh
printf '%s\\n' "$@" > "{log}"
cat >> "{log}"
[ ! -f "$1" ] || : > "$1"
exit {code}
"""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A folder with tools, ours before them, and a program to strip."""

    folder: Path

    @property
    def place(self) -> Path:
        return self.folder / "twins"

    def tool(self, name: str, code: int = 0) -> Path:
        """A tool that empties its first file and ends with a code."""
        file = self.folder / "tools" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(TOOL.format(log=self.folder / "called", code=code))
        file.chmod(0o755)
        return file

    def install(self, *names: str) -> None:
        """Put ours before the tools, as in a container."""
        self.place.mkdir()
        script = self.script()
        (self.place / "strip.sh").write_text(script)
        (self.place / "strip.sh").chmod(0o755)
        owner = f"{os.getuid()}:{os.getgid()}"
        words = [twins._INSTALL, "install", str(self.place), owner, *(names or twins._names())]
        subprocess.run(["sh", "-c", *words], env=self.environment(), check=True)

    def script(self) -> str:
        """Our script, for this folder; and as much room as any disk has."""
        script = (rows.DOCKER_DIR / "twins" / "strip.sh").read_text("utf-8")
        return script.replace(twins.PLACE, str(self.place)).replace(
            "LEFT_KIB=1048576", "LEFT_KIB=0"
        )

    def environment(self) -> dict[str, str]:
        """That of a build; what it finds on PATH are its tools, then the system's."""
        return {"PATH": f"{self.folder / 'tools'}:/usr/bin:/bin"}

    def call(self, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Call a tool as a build does."""
        path = f"{self.place / 'bin'}:{self.environment()['PATH']}"
        return subprocess.run(
            ["sh", "-c", '"$@"', "sh", *words],
            cwd=self.folder,
            env={"PATH": path},
            input=given,
            capture_output=True,
            check=False,
        )

    def called(self) -> bytes:
        """The words and the input that the tool got."""
        return (self.folder / "called").read_bytes()

    def kept(self) -> list[bytes]:
        """What was kept."""
        return sorted(file.read_bytes() for file in (self.place / "kept").iterdir())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Tools of a native and of a cross compiler."""
    made = Bench(folder=tmp_path)
    for name in ("strip", "arm-linux-gnueabihf-strip", "llvm-strip", "objcopy"):
        made.tool(name)
    made.install()
    (tmp_path / "demo").write_bytes(LINKED)
    return made


@pytest.mark.parametrize("name", ["strip", "arm-linux-gnueabihf-strip", "llvm-strip"])
def test_a_program_is_kept_before_it_is_stripped(bench: Bench, name: str) -> None:
    """The tool gets the same words and input, and the copy is of the file as it was."""
    done = bench.call(name, "demo", "-s", "--strip-unneeded", "a b", given=b"said")

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert bench.called() == b"demo\n-s\n--strip-unneeded\na b\nsaid"
    assert (bench.folder / "demo").read_bytes() == b""
    assert bench.kept() == [LINKED]


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["--strip-debug", "demo"], 1),
        (["-S", "demo", "out"], 1),
        (["-g", "demo"], 1),
        (["demo", "--strip-all"], 1),
        (["-O", "binary", "demo", "demo.bin"], 0),
        (["--only-keep-debug", "demo", "demo.debug"], 0),
    ],
)
def test_objcopy_keeps_only_where_it_strips(bench: Bench, words: Sequence[str], count: int) -> None:
    """What it does besides takes no names away."""
    bench.call("objcopy", *words)

    assert len(bench.kept()) == count
    assert bench.called() == "".join(f"{word}\n" for word in words).encode()


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_linked_files_of_each_cpu_are_kept(bench: Bench, name: str) -> None:
    """In either class and byte order, programs and libraries."""
    for e_type in (2, 3):
        image = bytes(Image(sections=(text(b"\xf4" * 64),), architecture=name, e_type=e_type))
        (bench.folder / "demo").write_bytes(image)
        bench.call("strip", "demo")

    assert len(bench.kept()) == 2


@pytest.mark.parametrize("content", [OBJECT, b"!<arch>\n", b"", b"#!/bin/sh\n", LINKED[:17]])
def test_what_is_not_linked_is_not_kept(bench: Bench, content: bytes) -> None:
    """Object files are stripped by the thousand, and nobody's artifact is one."""
    (bench.folder / "demo").write_bytes(content)

    assert bench.call("strip", "demo").returncode == 0
    assert bench.kept() == []


def test_the_tool_gets_the_builds_environment(bench: Bench) -> None:
    """Whatever the build exports, under the names that our script has for itself too."""
    names = ("PLACE", "name", "folder", "word", "size", "number", "new", "MOST")
    given = {name: f"of the build, {name}" for name in names}
    tool = bench.folder / "tools" / "strip"
    tool.write_text(
        f"#!{sys.executable} -I\nimport json, os; print(json.dumps(dict(os.environ)))\n"
    )
    path = f"{bench.place / 'bin'}:{bench.environment()['PATH']}"

    done = subprocess.run(
        [bench.place / "bin" / "strip", "demo"],
        cwd=bench.folder,
        env={"PATH": path, **given},
        capture_output=True,
        check=True,
    )

    seen = json.loads(done.stdout)
    assert {name: seen[name] for name in names} == given
    assert seen["PATH"] == path
    assert "crossgate_tool" not in seen
    assert bench.kept() == [LINKED]


def test_the_exit_code_is_the_tools(bench: Bench) -> None:
    """A tool that fails, fails the build as it did without us."""
    bench.tool("strip", code=7)

    assert bench.call("strip", "demo").returncode == 7


@pytest.mark.parametrize("gone", ["part", "kept", "both"])
def test_nowhere_to_keep_is_no_failure_of_the_build(bench: Bench, gone: str) -> None:
    """Without the folders nothing is kept, the tool runs, and nothing is said."""
    for name in ("part", "kept") if gone == "both" else (gone,):
        shutil.rmtree(bench.place / name)

    done = bench.call("strip", "demo")

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (bench.folder / "demo").read_bytes() == b""


@pytest.mark.parametrize(
    ("limit", "now"),
    [
        ("MOST=200", "MOST=2"),
        ("MOST_KIB=2097152", "MOST_KIB=1"),
        ("LEFT_KIB=0", f"LEFT_KIB={2**52}"),
    ],
)
def test_what_is_kept_is_bounded(bench: Bench, limit: str, now: str) -> None:
    """In number, in size, and by what is left of the disk: a build is not to suffer from it."""
    script = bench.script()
    assert limit in script
    (bench.place / "strip.sh").write_text(script.replace(limit, now))

    for _ in range(5):
        (bench.folder / "demo").write_bytes(LINKED)
        assert bench.call("strip", "demo").returncode == 0

    assert len(bench.kept()) <= 2
    assert bench.called() == b"demo\n"


def test_only_what_is_there_is_stood_before(tmp_path: Path) -> None:
    """A name without a tool stays one that is not found; other tools are left alone."""
    bench = Bench(folder=tmp_path)
    bench.tool("riscv64-linux-gnu-strip")
    bench.tool("stripes")
    bench.install()
    there = {file.name for file in (bench.place / "bin").iterdir()}

    assert "riscv64-linux-gnu-strip" in there
    assert "stripes" not in there
    assert "mips9-none-strip" not in there
    assert bench.call("mips9-none-strip", "demo").returncode == 127


def test_a_tool_that_vanished_is_not_found(bench: Bench) -> None:
    """In the words of a shell, and not called for ever."""
    (bench.folder / "tools" / "llvm-strip").unlink()
    path = bench.place / "bin"

    done = subprocess.run(
        [path / "llvm-strip", "demo"], env={"PATH": str(path)}, capture_output=True, check=False
    )

    assert (done.returncode, done.stderr) == (127, b"llvm-strip: not found\n")


def test_a_pipe_is_not_waited_for(bench: Bench) -> None:
    """Nor read from: what the tool is told to read is the tool's."""
    os.mkfifo(bench.folder / "pipe")
    assert stat.S_ISFIFO((bench.folder / "pipe").stat().st_mode)

    assert bench.call("strip", "pipe").returncode == 0
    assert bench.kept() == []


# Who is watched

SIZED: Final = target(budget=Budget(regression=Regression(size=Growth(percent=2))))
TIMED: Final = target(budget=Budget(regression=Regression(cpu_time=0.05)))


def test_only_builds_whose_size_is_compared_are_watched() -> None:
    """Cold ones of them: nothing stands in a tree that is kept which is not there next time."""
    warm = replace(SIZED, ways=replace(SIZED.ways, workspace="kept"))

    assert isinstance(SIZED.ways, Ways)
    assert twins.watched(SIZED)
    assert not twins.watched(TIMED)
    assert not twins.watched(target())
    assert twins.wanted(warm)
    assert not twins.watched(warm)


def test_the_tools_of_each_toolchain_are_known() -> None:
    """What a recipe may call `{strip}` and `{objcopy}` is found on PATH, by a name of ours."""
    for toolchain in rows.toolchains().values():
        for architecture in rows.architectures().values():
            if architecture.name not in toolchain.architectures:
                continue
            placeholders = toolchain.placeholders_for(architecture)
            for tool in ("strip", "objcopy"):
                name = placeholders.get(tool, tool)
                assert any(fnmatch(name, pattern) for pattern in twins._names()), name


def test_only_stripped_elf_files_lack_names() -> None:
    """What has its symbols is its own twin, and what is packed has none."""
    assert twins.lacks_names(artifact(SIZED, facts={"stripped": True}))
    assert not twins.lacks_names(artifact(SIZED, facts={"stripped": False}))
    assert not twins.lacks_names(artifact(SIZED, format="tar"))


def test_a_kept_name_is_the_files_own_again() -> None:
    """The number that it was kept under is no part of it, and a tree's names have none."""
    assert twins._name_of(f"{twins.PLACE}/kept/17-2-demo") == "demo"
    assert twins._name_of("/work/src/17-2-demo") == "17-2-demo"
