"""Timings that tools write: read as they are, from real files; whatever else is refused.

The samples in ``timings/`` were written by cargo 1.85 and 1.95 (their data alone, without cargo's
page around it), ninja 1.11, 1.12 and 1.13 and clang 22.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.text import printable
from fixtures.core.timings import Difference, Step, TimingsError, cargo, clang, ninja, slowest
from fixtures.core.timings import steps as limits

SAMPLES: Final = Path(__file__).parent / "timings"
READERS: Final[dict[str, Callable[[bytes], tuple[Step, ...]]]] = {
    "cargo": cargo.read,
    "ninja": ninja.read,
    "clang": clang.read,
}
FILES: Final = sorted(file.name for file in SAMPLES.iterdir())


def sample(name: str) -> bytes:
    """A file that a tool wrote."""
    return (SAMPLES / name).read_bytes()


def read(name: str) -> tuple[Step, ...]:
    """The steps in a sample."""
    return READERS[name.partition("-")[0]](sample(name))


def test_cargo_1_85() -> None:
    """A unit each: libraries, build scripts, their runs and programs, with their own times."""
    assert read("cargo-1.85.html") == (
        Step(name="hello build script", wall_s=0.38, detail="0.1.0, from 0.28 s"),
        Step(name="inner", wall_s=0.16, detail="0.2.0, from 0.28 s, metadata after 0.11 s"),
        Step(name="hello build script (run)", wall_s=0.01, detail="0.1.0, from 0.66 s"),
        Step(name='hello bin "hello"', wall_s=0.38, detail="0.1.0, from 0.67 s"),
    )


def test_cargo_1_95() -> None:
    """Newer versions tell how long front end and code generation took instead."""
    found = {step.name: step for step in read("cargo-1.95.html")}

    assert list(found) == ["hello build-script", "inner", 'hello hello "bin"', *list(found)[3:]]
    assert found["inner"] == Step(
        name="inner", wall_s=0.13, detail="0.2.0, from 0.15 s, frontend 0.10 s, codegen 0.03 s"
    )
    assert len(found) == 4


def test_a_cargo_build_of_nothing_has_no_steps() -> None:
    """Where everything was fresh there is an empty list, which is no mistake."""
    assert cargo.read(b"<script>const UNIT_DATA = [];\n") == ()


@pytest.mark.parametrize(("name", "version"), [("1.11", 5), ("1.12", 6), ("1.13", 7)])
def test_ninja(name: str, version: int) -> None:
    """A step each command, named by its first output, in seconds, in three versions' logs."""
    file = f"ninja-{name}.log"
    found = {step.name: step for step in read(file)}

    assert sample(file).startswith(b"# ninja log v%d\n" % version)
    assert {"a.o", "b.o", "dir/prog"} <= set(found)
    # It slept for 50 ms.
    assert 0.05 <= found["b.o"].wall_s < 60


def test_ninja_counts_a_command_once() -> None:
    """A command with two outputs is one step; of one that ran twice the last run counts."""
    found = {step.name: step for step in read("ninja-1.11.log")}

    assert list(found) == ["gen.c", "a.o", "dir/prog", "b.o"]
    assert found["gen.c"] == Step(name="gen.c", wall_s=0.005, detail="from 0.002 s, 2 outputs")
    assert found["b.o"] == Step(name="b.o", wall_s=0.057, detail="from 0.002 s")


def test_clang() -> None:
    """A total for each kind of work, in seconds, with how often; the whole is no step of it."""
    found = {step.name: step for step in read("clang-22.json")}

    assert found["Frontend"] == Step(name="Frontend", wall_s=0.003011, detail="2 times")
    assert found["Backend"] == Step(name="Backend", wall_s=0.006458, detail="once")
    assert "ExecuteCompiler" not in found
    assert "OptFunction main" not in found


@pytest.mark.parametrize("name", FILES)
def test_every_sample_is_read(name: str) -> None:
    """Each file gives steps with names and times, and no reader takes another tool's file."""
    own = name.partition("-")[0]

    assert read(name)
    assert all(step.name and step.wall_s >= 0 for step in read(name))
    for other in READERS.keys() - {own}:
        with pytest.raises(TimingsError):
            READERS[other](sample(name))


UNIT: Final = {"name": "a", "version": "1", "target": "", "start": 0, "duration": 1}
TOTAL: Final = {"ph": "X", "name": "Total Frontend", "dur": 1000, "args": {"count": 1}}


def unit(**changes: Any) -> bytes:
    """A report of cargo's with one unit, changed."""
    return b"const UNIT_DATA = " + json.dumps([{**UNIT, **changes}]).encode()


def total(**changes: Any) -> bytes:
    """A time trace with one total, changed."""
    return json.dumps({"traceEvents": [{**TOTAL, **changes}]}).encode()


def log(*lines: str, version: str = "5") -> bytes:
    """A log of ninja's."""
    return "\n".join((f"# ninja log v{version}", *lines, "")).encode()


DAMAGED: Final = {
    "cargo: nothing": ("cargo", b"", "no UNIT_DATA"),
    "cargo: cut": ("cargo", sample("cargo-1.85.html")[:400], "UNIT_DATA is damaged"),
    "cargo: deep": ("cargo", b"UNIT_DATA = " + b"[" * 100_000, "UNIT_DATA is damaged"),
    "cargo: a number": ("cargo", b"UNIT_DATA = [1]", "unit 1 is no object"),
    "cargo: no name": ("cargo", unit(name=None), "the name of unit 1"),
    "cargo: empty name": ("cargo", unit(name=""), "the name of unit 1"),
    "cargo: no target": ("cargo", unit(target=7), "the target of unit 1"),
    "cargo: no duration": ("cargo", unit(duration=None), "the duration of unit 1 is no number"),
    "cargo: true": ("cargo", unit(duration=True), "the duration of unit 1 is no number"),
    "cargo: negative": ("cargo", unit(duration=-1), "is no time"),
    "cargo: absurd": ("cargo", unit(duration=10**400), "is no time"),
    "cargo: nan": ("cargo", unit(duration=float("nan")), "NaN is no number"),
    "cargo: rmeta": ("cargo", unit(rmeta_time="x"), "the rmeta_time of unit 1"),
    "cargo: sections": ("cargo", unit(sections=[["a"]]), "the sections of unit 1"),
    "cargo: a section": ("cargo", unit(sections=[["a", {"start": "x", "end": 1}]]), "a section of"),
    "ninja: nothing": ("ninja", b"", "no log of ninja"),
    "ninja: old": ("ninja", log(version="4"), "a log of version 4; versions 5 to 7"),
    "ninja: new": ("ninja", log(version="8"), "a log of version 8"),
    "ninja: four fields": ("ninja", log("0\t1\t2\ta"), "line 2 is damaged: expected five fields"),
    "ninja: a word": ("ninja", log("0\tx\t2\ta\tff"), "line 2 is damaged"),
    "ninja: backwards": ("ninja", log("2\t1\t2\ta\tff"), "it ends before it starts"),
    "ninja: absurd": ("ninja", log(f"0\t{'9' * 12}\t2\ta\tff"), "is no time"),
    "ninja: huge": ("ninja", log(f"0\t{'9' * 5000}\t2\ta\tff"), "line 2 is damaged"),
    "ninja: cut": ("ninja", log("0\t1\t2\ta\tff", "0\t1\t"), "line 3 is damaged"),
    "clang: nothing": ("clang", b"", "no time trace"),
    "clang: cut": ("clang", sample("clang-22.json")[:-9], "no time trace"),
    "clang: deep": ("clang", b"[" * 100_000, "no time trace"),
    "clang: a list": ("clang", b"[]", "it has no traceEvents"),
    "clang: no events": ("clang", b'{"traceEvents": 7}', "it has no traceEvents"),
    "clang: no totals": ("clang", b'{"traceEvents": [1, {"ph": "X"}]}', "without totals"),
    "clang: no dur": ("clang", total(dur=None), "the dur of Frontend"),
    "clang: negative": ("clang", total(dur=-1), "the dur of Frontend"),
    "clang: absurd": ("clang", total(dur=10**400), "the dur of Frontend"),
    "clang: nan": ("clang", total(dur=float("nan")), "no time trace: NaN is no number"),
    "clang: no count": ("clang", total(args=None), "the count of Frontend"),
    "clang: count of a half": ("clang", total(args={"count": 0.5}), "the count of Frontend"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_is_damaged_is_refused_with_its_reason(case: str) -> None:
    """A file that is none, cut or absurd is a TimingsError that says what is wrong with it."""
    reader, content, words = DAMAGED[case]

    with pytest.raises(TimingsError) as caught:
        READERS[reader](content)
    assert words in str(caught.value)
    assert str(caught.value) == printable(str(caught.value))


@pytest.mark.parametrize("reader", READERS)
def test_what_is_too_large_is_not_read(reader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are bounds of bytes and of steps, beyond which nothing is looked at."""
    content = {"cargo": unit(), "ninja": log("0\t1\t2\ta\tff"), "clang": total()}[reader]
    assert READERS[reader](content)
    monkeypatch.setattr(limits, "MAX_STEPS", 0)

    with pytest.raises(TimingsError, match="expected at most 0 steps"):
        READERS[reader](content)
    monkeypatch.setattr(limits, "MAX_BYTES", len(content) - 1)
    with pytest.raises(TimingsError, match=f"expected at most {len(content) - 1} bytes"):
        READERS[reader](content)


HOSTILE: Final = "\x1b[2J\u202e" + "x" * 5000


@pytest.mark.parametrize(
    ("reader", "content"),
    [
        ("cargo", unit(name=HOSTILE, version=HOSTILE)),
        ("ninja", log(f"0\t1\t2\t{HOSTILE}\tff") + b"0\t1\t2\t\xff\xfe\tfe\n"),
        ("clang", total(name=f"Total {HOSTILE}")),
    ],
)
def test_names_are_harmless(reader: str, content: bytes) -> None:
    """What a build called a step is printable and bounded, whatever bytes that was."""
    for step in READERS[reader](content):
        assert step.name == printable(step.name)
        assert step.detail == printable(step.detail)
        assert len(step.name) + len(step.detail) < 3000


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_mutated_files_are_read_or_refused(name: str, data: st.DataObject) -> None:
    """A file with any bytes cut out and others put in is read, or refused, and never a crash."""
    content = bytearray(sample(name))
    start = data.draw(st.integers(0, len(content)))
    content[start : start + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=20))

    try:
        found = READERS[name.partition("-")[0]](bytes(content))
    except TimingsError:
        return
    assert all(step.name == printable(step.name) for step in found)


def steps(**times: float) -> tuple[Step, ...]:
    """Steps of these names and times."""
    return tuple(Step(name=name, wall_s=wall_s) for name, wall_s in times.items())


def test_what_got_slower_most_comes_first() -> None:
    """Ranked by seconds and not by share; new steps count in full, gone ones are at the end."""
    now = steps(a=2.0, b=11.5, new=1.0, same=3.0)
    base = steps(a=1.0, b=10.0, gone=4.0, same=3.0)

    found = slowest(now, base)

    assert found == (
        Difference(name="b", wall_s=11.5, base_s=10.0),
        Difference(name="a", wall_s=2.0, base_s=1.0),
        Difference(name="new", wall_s=1.0, base_s=None),
        Difference(name="gone", wall_s=None, base_s=4.0),
    )
    assert [each.slower_s for each in found] == [1.5, 1.0, 1.0, -4.0]


def test_steps_of_one_name_are_taken_together() -> None:
    """A crate that is built twice, for the host and the target, is compared as a whole."""
    twice = (*steps(a=1.0), *steps(a=2.0))

    assert slowest(twice, steps(a=2.5)) == (Difference(name="a", wall_s=3.0, base_s=2.5),)
    assert slowest(twice, reversed(twice)) == ()


@given(st.permutations([("a", 0.1), ("a", 0.2), ("a", 0.3), ("b", 1.0), ("c", 2.0)]))
def test_the_order_of_steps_does_not_matter(shuffled: list[tuple[str, float]]) -> None:
    """Steps run beside each other, so their order differs from build to build, and says nothing."""
    now = [Step(name=name, wall_s=wall_s) for name, wall_s in shuffled]

    assert slowest(now, sorted(now, key=lambda step: step.wall_s)) == ()


def test_a_planted_slow_step_is_named_first() -> None:
    """Of the units of a real build, the one that was made slower is the first of the list."""
    base = read("cargo-1.85.html")
    for slowed in base:
        now = [
            Step(name=step.name, wall_s=step.wall_s + (0.3 if step is slowed else 0.01))
            for step in base
        ]
        assert slowest(now, base)[0].name == slowed.name
