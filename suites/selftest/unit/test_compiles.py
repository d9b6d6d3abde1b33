"""How often a build compiled: what is counted in its tree, and what never is."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.building import compiles, layout
from fixtures.building.compiles import Compiles

CONFIG_LOG = """\
configure:4009: checking for gcc
configure:4009: gcc --version >&5
configure:4062: gcc    conftest.c  >&5
configure:4307: gcc -c -g -O2  conftest.c >&5
conftest.c:9:10: fatal error: none.h: No such file or directory
configure:4307: $? = 1
configure: failed program was:
| #include "conftest.c"
configure:4433: g++ -o conftest -g  conftest.cpp -lm >&5
configure:4500: ./conftest
"""

CMAKE_LOG = """\
events:
  -
    kind: "message-v1"
    message: |
      Compiling the C compiler identification source file "CMakeCCompilerId.c" succeeded.
      Compiler: /usr/bin/cc
  -
    kind: "try_compile-v1"
    buildResult:
      stdout: |
        [1/2] /usr/bin/cc -c try.c
  -
    kind: "try_run-v1"
"""


def counted(tree: Path, staged: Path | None = None, **environment: str) -> Compiles:
    """What the script counts in a tree, of what is newer than when it was staged."""
    script = compiles.SCRIPT.replace(layout.STAGED, str(staged or tree / "no such file"))
    done = subprocess.run(
        ["/bin/sh", "-c", script, "count", str(tree)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return compiles.parse(done.stdout)


def write(tree: Path, *names: str, text: str = "") -> None:
    """Files of a tree."""
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)


def test_each_object_file_is_counted_once(tmp_path: Path) -> None:
    """What libtool compiles twice is two, its .lo is none; nor is a part of what rustc makes."""
    write(tmp_path, "a.o", ".libs/a.o", "out/CMakeFiles/x.dir/b.c.o", "with space.obj")
    write(tmp_path, "a.lo", "a.c", "lib.a", "target/x.0.rcgu.o", "prog.o.d")
    (tmp_path / "folder.o").mkdir()
    (tmp_path / "link.o").symlink_to("a.o")

    assert counted(tmp_path) == Compiles(objects=4, trials=0)


def test_each_trial_of_configure_and_cmake_is_counted(tmp_path: Path) -> None:
    """One for each compile that their logs name, and for no other line of them."""
    write(tmp_path, "config.log", "sub/config.log", text=CONFIG_LOG)
    write(tmp_path, "build of it/CMakeFiles/CMakeConfigureLog.yaml", text=CMAKE_LOG)
    write(tmp_path, "notes.log", text=CONFIG_LOG)

    assert counted(tmp_path) == Compiles(objects=0, trials=3 + 3 + 3)


def test_what_came_with_the_source_is_not_the_builds(tmp_path: Path) -> None:
    """Object files and logs of before the tree was staged are nobody's compiles."""
    tree, staged = tmp_path / "tree", tmp_path / "staged"
    write(tree, "a.o")
    write(tree, "config.log", text=CONFIG_LOG)
    staged.touch()
    later = time.time() + 1000
    os.utime(staged, (later, later))
    before = counted(tree, staged)
    os.utime(staged, (0, 0))

    assert before == Compiles(objects=0, trials=0)
    assert counted(tree, staged) == Compiles(objects=1, trials=3)


def test_a_tree_that_is_gone_counts_nothing(tmp_path: Path) -> None:
    """It is not known then, which is not the same as none."""
    assert counted(tmp_path / "gone") == Compiles()
    assert compiles.parse("sh: timeout: not found\n") == Compiles()


def test_an_image_without_tools_counts_nothing(tmp_path: Path) -> None:
    """What can't be looked for is not known, and not told as none."""
    write(tmp_path, "a.o")

    assert counted(tmp_path, PATH=str(tmp_path)) == Compiles()


@pytest.mark.parametrize(
    "mutant", ["objects -1", "objects 1e3", "objects", "objects ٣", "objects 1 2"]
)
def test_a_malformed_count_is_missing_not_guessed(mutant: str) -> None:
    """A number of any other form is none."""
    assert compiles.parse(mutant).objects is None


@given(st.text())
def test_any_output_gives_counts(output: str) -> None:
    """What is no count is passed over; nothing raises."""
    assert (compiles.parse(output).objects or 0) >= 0
