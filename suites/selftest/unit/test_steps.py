"""Compile steps: read from the launcher's log, told apart, held against each other, ranked."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import counts, steps
from fixtures.core.errors import RecordError
from fixtures.core.steps import Changes, Costs, Keyed, Made, Step

TREE = "/work/src"
A, B, C = "a" * 64, "b" * 64, "c" * 64


def record(words: list[str], folder: str = TREE, cpu_us: int = 1500, name: str = "7-9") -> bytes:
    """One record as the launcher writes it."""
    body = b"".join(word.encode() + b"\0" for word in [folder, *words])
    return f"{name} {cpu_us} 2000 300 0 {len(body)}\n".encode() + body


def ids(*records: bytes) -> list[str]:
    """The ids of the steps in a log."""
    return [step.id for step in steps.parse(b"".join(records), TREE)]


def test_a_record_is_read_as_it_was_written() -> None:
    """Times in seconds, memory in bytes, arguments with spaces and line ends in them."""
    (step,) = steps.parse(record(["/usr/bin/gcc", "-c", "a b.c", "-DX=1\n2"]), TREE)

    assert (step.name, step.cpu_s, step.wall_s) == ("7-9", 0.0015, 0.002)
    assert step.peak_memory_bytes == 300 * 1024
    assert step.words == ("/usr/bin/gcc", "-c", "a b.c", "-DX=1\n2")


@pytest.mark.parametrize(
    ("words", "folder", "expected"),
    [
        (["/usr/bin/gcc", "-c", "-o", "x.o", "x.c"], TREE, "gcc x.c -> x.o"),
        (["/usr/bin/gcc", "-c", "../x.c"], f"{TREE}/sub", "gcc x.c"),
        (["/usr/bin/ld-gcc", "a.o", "-o", "prog"], TREE, "ld-gcc prog"),
        (["/usr/bin/rustc", "-vV"], TREE, "rustc (asked about itself)"),
        (
            ["/bin/rustc", "--crate-name", "png", "--crate-type", "lib", "--target", "x"],
            TREE,
            "rustc png (lib)",
        ),
        (
            ["/bin/rustc", "--crate-name", "build_script_build", "--crate-type", "bin"],
            TREE,
            "rustc build_script_build (bin) for the host",
        ),
        (
            ["/go/pkg/tool/linux_amd64/compile", "-o", "/tmp/go-build17/b1/_pkg_.a", "-p", "fmt"],
            TREE,
            "go compile fmt",
        ),
    ],
)
def test_a_step_has_the_same_name_in_every_build(
    words: list[str], folder: str, expected: str
) -> None:
    """By the tool and what it makes; what another run calls otherwise is not in it."""
    assert ids(record(words, folder)) == [expected]


@given(st.binary(max_size=200))
def test_a_damaged_log_is_an_error(noise: bytes) -> None:
    """Whatever a build wrote over its log is refused, or read as records that are whole."""
    log = record(["/usr/bin/gcc", "a.c"]) + noise
    found: tuple[Step, ...] | None = None
    with contextlib.suppress(RecordError):
        found = steps.parse(log, TREE)

    assert found is None or found[0].id == "gcc a.c"
    assert found is not None or noise


def test_half_a_record_is_an_error() -> None:
    """A build that was killed while it wrote has no costs."""
    with pytest.raises(RecordError, match="ends within a record"):
        steps.parse(record(["/usr/bin/gcc", "a.c"])[:-3], TREE)


def test_what_a_step_is_made_of_is_read() -> None:
    """The key, and its files relative to the source wherever it was called."""
    text = f"key {A}\nfolder {TREE}/sub\nfile ../x.h\nfile /usr/include/stdio.h\n"

    made = steps.made_of(text, TREE)

    assert made == Made(key=A, files=frozenset({"x.h", "/usr/include/stdio.h"}))
    assert steps.made_of("key nonsense\n", TREE).key is None


def step(name: str, id: str, tool: str = "/usr/bin/gcc") -> Step:
    """A step of a build."""
    return Step(
        name=name, id=id, cpu_s=1.0, wall_s=1.0, peak_memory_bytes=0, status=0, folder=TREE,
        words=(tool, id),
    )  # fmt: skip


def test_steps_of_one_name_are_one() -> None:
    """In whichever order they ended; one of them without a key leaves all without."""
    both = [step("1-1", "x"), step("2-2", "x")]
    made = {"1-1": Made(key=A), "2-2": Made(key=B)}
    swapped = {"1-1": Made(key=B), "2-2": Made(key=A)}

    assert steps.keyed(both, made, None).keys == steps.keyed(both, swapped, None).keys
    assert steps.keyed(both, {"1-1": Made(key=A)}, None).keys == {"x": None}


def build(files: Iterable[str] = (), read: Iterable[str] | None = (), **keys: str | None) -> Keyed:
    """A build of steps with keys."""
    return Keyed(keys=keys, files=frozenset(files), read=None if read is None else frozenset(read))


def test_equal_keys_are_no_change() -> None:
    """Where only what the build does not read differs, nothing is to be measured."""
    base = build({"a.c"}, {"a.c", "Makefile"}, x=A)

    found = steps.changes(base, base, frozenset({"README.md", "a.c"}))

    assert found.none


def test_what_differs_is_named() -> None:
    """Steps with another key, those that only one side has, and those that nobody knows."""
    base, head = build(same=A, other=A, gone=A, dark=None), build(same=A, other=B, new=A, dark=None)

    found = steps.changes(base, head, frozenset())

    assert found.steps == {"other", "gone", "new", "dark"}
    assert found.added == {"new"}
    assert found.removed == {"gone"}
    assert found.unknown == 1
    assert not found.none


def test_a_file_that_no_step_reads_is_unexplained() -> None:
    """What make or a script reads may make anything slower: it is measured."""
    base = build({"a.c"}, {"a.c", "Makefile"}, x=A)

    found = steps.changes(base, base, frozenset({"Makefile"}))

    assert found.unexplained == {"Makefile"}
    assert not found.none


def test_unseen_reads_leave_every_file_unexplained() -> None:
    """Where nobody can say what was read, a changed README may be what made it slower."""
    base = build({"a.c"}, None, x=A)

    assert steps.changes(base, base, frozenset({"README.md"})).unexplained == {"README.md"}
    assert steps.changes(base, base, frozenset({"a.c"})).none


def test_keys_survive_being_kept() -> None:
    """And what is kept damaged is an error, not another build's keys."""
    base = build({"a.c"}, {"a.c"}, x=A, y=None)

    assert steps.keyed_from_json(steps.keyed_to_json(base)) == base
    damages: list[Any] = [{}, {"keys": {}, "files": None, "read": None}, []]
    for damaged in damages:
        with pytest.raises(RecordError, match="no list of compile steps"):
            steps.keyed_from_json(damaged)


def test_what_counts_is_the_changed_steps_and_the_rest() -> None:
    """Steps that are the same on both sides count as no change; what is in no step counts."""
    costs = Costs(total_s=10.0, steps={"x": 3.0, "y": 5.0})

    assert costs.rest_s() == 2.0
    assert costs.counted_s(frozenset({"x"})) == 5.0
    assert costs.counted_s(frozenset({"x", "elsewhere"})) == 5.0


def test_steps_that_took_more_than_all_are_refused() -> None:
    """A launcher's log in milliseconds, or one that a build wrote itself."""
    assert Costs(total_s=1.0, steps={"x": 1.01}).problem() is None
    assert "all of the build" in (Costs(total_s=1.0, steps={"x": 1000.0}).problem() or "")


def test_a_slowed_step_is_named_first() -> None:
    """Of 200 that all differ, in at least 99 of 100 trials at two per cent of noise."""
    rng = random.Random(11)
    first = 0
    for _ in range(100):
        slowed = f"s{rng.randrange(200)}"
        base, head = (
            [Costs(total_s=9.0, steps=_noisy(rng, slowed if side else None)) for _ in range(4)]
            for side in (0, 1)
        )
        ranking = steps.ranked(base, head, frozenset(f"s{at}" for at in range(200)))
        first += ranking[0].id == slowed

    assert first >= 99


def _noisy(rng: random.Random, slowed: str | None) -> dict[str, float]:
    took = {f"s{at}": 0.04 * rng.gauss(1, 0.02) for at in range(200)}
    if slowed:
        took[slowed] *= 1.25
    return took


def test_nothing_is_ranked_of_nothing() -> None:
    """A side without a build has no mean."""
    with pytest.raises(ValueError, match="without a build"):
        steps.ranked([], [Costs(total_s=1.0)], frozenset())


CHANGED = Changes(steps=frozenset({"x"}))


def test_instructions_answer_where_only_gnu_compilers_changed() -> None:
    """Not for rustc, which shares its work out; not for what no step reads; not emulated."""
    gnu, rust = step("1-1", "x"), step("1-1", "x", "/usr/bin/rustc")
    unexplained = Changes(steps=frozenset({"x"}), unexplained=frozenset({"Makefile"}))

    assert counts.refusal(CHANGED, [gnu], emulated=False) is None
    assert "rustc" in (counts.refusal(CHANGED, [rust], emulated=False) or "")
    assert "no compile step" in (counts.refusal(unexplained, [gnu], emulated=False) or "")
    assert "emulated" in (counts.refusal(CHANGED, [gnu], emulated=True) or "")


def test_a_change_of_instructions_is_one_of_time_in_proportion() -> None:
    """Half a per cent more of a step that is a tenth of the build is a twentieth of a per cent."""
    found = counts.conclude(
        CHANGED, {"x": 1_000_000}, {"x": 1_005_000}, Costs(total_s=10.0, steps={"x": 1.0})
    )

    assert isinstance(found, counts.Counted)
    assert found.change == pytest.approx(0.0005)
    assert found.steps == {"x": (1_000_000, 1_005_000)}


def test_a_step_that_was_not_counted_is_no_answer() -> None:
    """An empty result is not zero instructions."""
    costs = Costs(total_s=10.0, steps={"x": 1.0})

    assert "was not counted" in str(counts.conclude(CHANGED, {}, {"x": 5}, costs))
    assert "was not counted" in str(counts.conclude(CHANGED, {"x": 5}, {}, costs))
    new = Changes(steps=frozenset({"x"}), added=frozenset({"x"}))
    assert "base has none" in str(counts.conclude(new, {}, {"x": 5}, costs))


def test_a_step_that_leads_further_than_it_tells_has_no_key() -> None:
    """Where nobody watched what an argument leads to, the step counts as changed."""
    text = f"key {A}\nfolder {TREE}\nfile x.ld\n"

    assert steps.made_of(text, TREE).key == A
    assert steps.made_of(f"{text}blind -Tx.ld\n", TREE) == Made(key=None, files=frozenset({"x.ld"}))
