"""What a compile step is made of: whatever it reads is in its key, named by an argument or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from fixtures.bench import gate_project
from fixtures.bench.gate_live import Live
from fixtures.building import traced
from fixtures.core import steps
from fixtures.core.steps import Keyed
from fixtures.engine import setup
from fixtures.engine.client import Engine
from suites.selftest.harness import NATIVE

pytestmark = pytest.mark.integration

# Each step makes something that is called as in the tables below.
BUILD: Final = r"""
set -e
cc -c -o same.o main.c
cc -c -o comment.o comment.c
cc -c -fPIC -o pic.o pic.c
cc -shared -o control.so pic.o
cc @words.rsp -c -o response.o
cc -shared -o plugin.so plugin.c
cc -fplugin=./plugin.so -c -o plugged.o main.c
cc -shared -Wl,-T,outer.ld -o script.so pic.o
cc -shared -Wl,--version-script=names.map -o versions.so pic.o
cc -shared -Wl,--dynamic-list=names.list -o dynamic.so pic.o
cc -specs=own.specs -c -o specs.o main.c
cc -Btools/ -c -o tools.o main.c
cc -c -o one.o one.c
mkdir -p lib && ar rc lib/libone.a one.o
cc -shared -Llib -Wl,--whole-archive -lone -Wl,--no-whole-archive -o library.so
cc -c -o two.o two.c
ar rcT thin.a two.o
cc -shared -Wl,--whole-archive thin.a -Wl,--no-whole-archive -o thin.so
cc -x c-header -o all.h.gch other.h
cc -include all.h -c -o precompiled.o main.c
cc -fprofile-use=used.gcda -Wno-missing-profile -c -o profile.o main.c 2> /dev/null
SOURCE_DATE_EPOCH=$(cat day) cc -c -o day.o day.c
as -o included.o included.s
cc -c -o binary.o binary.c
cp same.o demo
"""

BASE: Final = {
    "build.sh": BUILD,
    "main.c": "int main(void) { return 0; }\n",
    "comment.c": '#include "comment.h"\nint comment = COMMENT;\n',
    "comment.h": "#define COMMENT 1 /* said */\n",
    "pic.c": "int pic(void) { return 0; }\n",
    "words.rsp": "-DWORD=1 response.c\n",
    "response.c": "int response = 1;\n",
    "plugin.c": "int plugin_is_GPL_compatible; int plugin_init(void *a, void *b) { return 0; }\n",
    "outer.ld": "INCLUDE inner.ld\n",
    "inner.ld": "SECTIONS { .inner : { LONG(1) } } INSERT AFTER .data;\n",
    "names.map": "{ global: pic; local: *; };\n",
    "names.list": "{ pic; };\n",
    "own.specs": "*cc1_options:\n+ -fno-inline\n",
    "tools/as": '#!/bin/sh\nexec /usr/bin/as "$@"\n',
    "one.c": "int one = 1;\n",
    "two.c": "int two = 1;\n",
    "all.h": "int all;\n",
    "other.h": "int other;\n",
    "used.gcda": "none\n",
    "day": "1000000000\n",
    "day.c": "const char day[] = __DATE__;\n",
    "included.s": '.include "inner.s"\n',
    "inner.s": ".data\n.long 1\n",
    "binary.c": '__asm__(".data\\n.incbin \\"blob\\"\\n");\n',
    "blob": "1",
}

HEAD: Final = {
    "comment.h": "#define COMMENT 1 /* said better */\n",
    "words.rsp": "-DWORD=2 response.c\n",
    "plugin.c": "int plugin_is_GPL_compatible; int plugin_init(void *a, void *b) { return !a; }\n",
    "inner.ld": "SECTIONS { .inner : { LONG(2) } } INSERT AFTER .data;\n",
    "names.map": "{ global: pic*; local: *; };\n",
    "names.list": "{ pic*; };\n",
    "own.specs": "*cc1_options:\n+ -fno-inline -fno-ipa-cp\n",
    "tools/as": '#!/bin/sh\nexec  /usr/bin/as "$@"\n',
    "one.c": "int one = 2;\n",
    "two.c": "int two = 2;\n",
    "other.h": "int other, another;\n",
    "used.gcda": "other\n",
    "day": "1100000000\n",
    "inner.s": ".data\n.long 2\n",
    "blob": "2",
}

SAME: Final = {"same.o", "comment.o", "pic.o", "control.so"}
"""What is made of the same on both sides, or of what differs in comments alone."""

DIFFERENT: Final = {
    "response.o", "plugin.so", "plugged.o", "script.so", "versions.so", "dynamic.so", "specs.o",
    "tools.o", "one.o", "library.so", "two.o", "thin.so", "all.h.gch", "precompiled.o",
    "profile.o", "day.o", "included.o", "binary.o",
}  # fmt: skip

UNSEEN: Final = {"included.o", "binary.o"}
"""What only watching the step tells: nothing that is said of it says that it reads more."""


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """Real builds of planted projects."""
    engine = Engine(setup.ensure(print).address)
    yield Live(engine=engine, architecture=NATIVE, say=lambda _: None)
    engine.close()


def keyed(live: Live, folder: Path, changed: dict[str, str], watched: bool) -> Keyed:
    """What the steps of the project are made of, with these files changed."""
    manifest = gate_project.manifest(NATIVE, "sh build.sh").replace('"planted"', '"demo"')
    for name, text in {**BASE, **changed, "crossgate.toml": manifest}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        if text.startswith("#!"):
            file.chmod(0o755)
    side = live.side_of(folder)
    return traced.keyed(live.engine, side.job, live.program(side), watched=watched)


def made(ids: frozenset[str] | set[str]) -> set[str]:
    """What steps make, of their ids."""
    return {each.rpartition(" ")[2] for each in ids}


@pytest.mark.parametrize("watched", [True, False], ids=["watched", "by its arguments"])
def test_whatever_a_step_reads_is_in_its_key(live: Live, tmp_path: Path, watched: bool) -> None:
    """One that reads something else has another key; one that can't be told has none."""
    base = keyed(live, tmp_path / "base", {}, watched)
    head = keyed(live, tmp_path / "head", HEAD, watched)
    found = steps.changes(base, head, frozenset(HEAD))

    changed = made(found.steps)
    known = made({name for name, key in base.keys.items() if key})
    assert changed >= DIFFERENT - (set() if watched else UNSEEN)
    assert not changed & SAME
    assert known >= SAME
    if watched:
        assert known >= SAME | DIFFERENT
        assert not found.unexplained & (set(HEAD) - {"day"})


def test_equal_builds_have_equal_keys(live: Live, tmp_path: Path) -> None:
    """What is another in each run, such as a process's number, is in none.

    gcc makes a precompiled header another each time: what takes it counts as changed.
    """
    first = keyed(live, tmp_path / "one", {}, True)
    again = keyed(live, tmp_path / "two", {}, True)

    assert made(steps.changes(first, again, frozenset()).steps) <= {"precompiled.o"}
