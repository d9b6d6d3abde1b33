"""The baseline: written so that it reviews well, read so that nothing wrong in it counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import baseline_changes, baselines
from fixtures.core.attribution import Kind, Part, Place
from fixtures.core.baselines import Baseline, Entry
from fixtures.core.compact_sizes import fold
from fixtures.core.errors import RecordError
from fixtures.core.readers import Budget
from fixtures.core.record import Outcome, Record
from fixtures.core.regression import Growth, Regression
from suites.selftest.unit.samples import artifact, conditions, record, target
from suites.selftest.unit.test_size_difference import code, of, padding

TARGET: Final = target(budget=Budget(regression=Regression(size=Growth(percent=2))))
RECORD: Final = record(
    TARGET,
    conditions=conditions(engine="Docker Engine 20.10.24+dfsg1", reference_s=1.25),
    key_parts={"image": "an image", "recipe": "a recipe", "source": "a tree"},
)


def entry(one: Record = RECORD) -> Entry:
    """The entry that a record makes."""
    made = baselines.entry_of(one)
    assert isinstance(made, Entry)
    return made


HONEST: Final = Baseline(entries={TARGET.id: entry()})


def test_a_baseline_survives_being_written() -> None:
    """What is dumped is what is loaded, to the value."""
    assert baselines.load(baselines.dump(HONEST).encode()) == HONEST


def test_one_value_a_line_and_sorted() -> None:
    """A diff names one value a line, and its place does not hang on the order of builds."""
    other = target("amd64").id
    entries = {TARGET.id: entry(), other: entry()}
    text = baselines.dump(Baseline(entries=entries))
    values = [line for line in text.splitlines() if ":" in line and not line.endswith("{")]

    assert text == baselines.dump(Baseline(entries=dict(reversed(entries.items()))))
    assert text.index(other) < text.index(TARGET.id)
    assert len(values) == text.count(": ") - text.count(": {")
    assert all(line.count('": ') == 1 for line in values)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (replace(RECORD, outcome=Outcome.FAILED, reason="cc failed"), "cc failed"),
        (replace(RECORD, conditions=conditions(caches="warm")), "build it cold"),
        (replace(RECORD, artifacts=()), "there is none"),
        (replace(RECORD, artifacts=(artifact(TARGET, problem="cut"),)), "can't be read: demo"),
    ],
    ids=["failed", "warm", "empty", "damaged"],
)
def test_no_entry_is_made_of_what_is_no_measure(one: Record, words: str) -> None:
    """A failed, warm, empty or damaged build is agreed to by nobody."""
    made = baselines.entry_of(one)

    assert isinstance(made, str)
    assert words in made


def changed(change: Callable[[dict[str, Any]], object]) -> Baseline:
    """The honest baseline after a change to the JSON of its one entry."""
    document = json.loads(baselines.dump(HONEST))
    change(document["targets"][TARGET.id])
    return baselines.load(json.dumps(document).encode())


def sizes(**values: Any) -> Callable[[dict[str, Any]], object]:
    """Sets weights of the one artifact."""
    return lambda raw: raw["artifacts"]["demo"].update(values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (sizes(size=0), "not empty"),
        (sizes(size=None), "whole bytes"),
        (sizes(size=68.4), "whole bytes"),
        (sizes(size=True), "whole bytes"),
        (sizes(allocated=-1), "whole bytes"),
        (sizes(size=2**60), "whole bytes"),
        (sizes(size=68), "other units"),
        (sizes(compressed=1_536_000), "other units"),
        (sizes(more=1), "expected the weights"),
        (lambda raw: raw["artifacts"]["demo"].pop("size"), "expected the weights"),
        (lambda raw: raw.update(artifacts={}), "at least one"),
        (lambda raw: raw.update(cpu_s="40 s"), "cpu_s"),
        (lambda raw: raw.update(cpu_s=-1), "cpu_s"),
        (lambda raw: raw.update(cpu_s=40e9), "another unit"),
        (lambda raw: raw.update(reference_s=1250), "another unit"),
        (lambda raw: raw.update(caches="warm"), "warm builds"),
        (lambda raw: raw.update(strategy="native"), "strategy"),
        (lambda raw: raw.update(date="2026-02-30"), "there is no 2026-02-30"),
        (lambda raw: raw.update(key="x"), "key"),
        (lambda raw: raw.update(machine={}), "no machine class"),
        (lambda raw: raw.update(parts={"source": "0" * 16}), "parts"),
        (lambda raw: raw.pop("key"), "expected the keys"),
    ],
)
def test_an_entry_that_can_not_be_right_is_refused(
    change: Callable[[dict[str, Any]], object], words: str
) -> None:
    """Swapped units, missing metrics and values of another type are told, and never judged by."""
    found = changed(change)

    assert found.entries == {}
    assert words in found.refused[TARGET.id]
    said = found.entry(TARGET)
    assert isinstance(said, str)
    assert words in said


def test_more_cpu_seconds_than_the_limit_allows_are_another_unit() -> None:
    """Milliseconds where seconds are meant are more than the build could have taken."""
    wrong = replace(entry(), cpu_s=40_000.0)

    said = Baseline(entries={TARGET.id: wrong}).entry(TARGET)

    assert isinstance(said, str)
    assert "another unit" in said
    assert HONEST.entry(TARGET) == entry()


def test_one_refused_entry_leaves_the_others() -> None:
    """A slip of a hand in one entry opens no other gate."""
    document = json.loads(baselines.dump(HONEST))
    document["targets"]["other"] = {"size": 3}

    found = baselines.load(json.dumps(document).encode())

    assert set(found.entries) == {TARGET.id}
    assert set(found.refused) == {"other"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "expected schema 1"),
        (b'{"schema": 2, "targets": {}}', "found 2"),
        (b'{"schema": true, "targets": {}}', "found true"),
        (b'{"schema": 1}', "expected schema and targets"),
        (b'{"schema": 1, "targets": {"a": 1, "a": 2}}', "stands twice"),
        (b" " * (baselines.MAX_BYTES + 1), "larger than"),
        (b"\xff", "not JSON"),
    ],
    ids=["empty", "deep", "list", "newer", "true", "short", "merged twice", "huge", "binary"],
)
def test_what_is_no_baseline_is_refused(content: bytes, words: str) -> None:
    """An unknown schema and what a merge left half done are told, with the file."""
    with pytest.raises(RecordError, match=words) as caught:
        baselines.load(content)

    assert str(caught.value).startswith("reports/baseline.json: ")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_any_value_in_an_entry_loads_or_is_refused(value: Any) -> None:
    """Whatever stands where, no traceback comes of it."""
    for name in json.loads(baselines.dump(HONEST))["targets"][TARGET.id]:
        found = changed(lambda raw, name=name: raw.update({name: value}))  # type: ignore[misc]

        assert {*found.entries, *found.refused} == {TARGET.id}


def test_a_difference_names_target_artifact_and_growth() -> None:
    """What an update changes is told with old, new, bytes and per cent."""
    grown = replace(RECORD, artifacts=(artifact(TARGET, size_bytes=71_400),))
    new = Baseline(entries={TARGET.id: replace(entry(grown), cpu_s=44.0)})

    lines = [each.line for each in baseline_changes.differences(HONEST, new)]

    assert lines == [
        "demo-arm64-gcc  demo  68.36 KiB -> 69.73 KiB  +1,400 bytes (+2.00 %)",
        "demo-arm64-gcc  CPU time  40.0 s -> 44.0 s  +10.0 %",
    ]
    assert baseline_changes.differences(HONEST, HONEST) == ()


def test_new_and_vanished_entries_are_differences() -> None:
    """An entry that comes or goes is told."""
    assert baseline_changes.differences(HONEST, Baseline())[0].new is None
    assert baseline_changes.differences(Baseline(), HONEST)[0].old is None
    assert len(baseline_changes.differences(Baseline(), HONEST)) > 4


def test_an_entry_of_no_target_is_stale() -> None:
    """What nobody builds any more is told, with the id that is near."""
    old = Baseline(entries={"demo-arm64-gc": entry()}, refused={"gone": "why"})

    found = baselines.stale(old, {TARGET.id})

    assert set(found) == {"demo-arm64-gc", "gone"}
    assert f'did you mean "{TARGET.id}"?' in found["demo-arm64-gc"]
    assert baselines.stale(HONEST, {TARGET.id}) == {}


def problems(baseline: Baseline, *fresh: Record) -> tuple[str, ...]:
    """What is out of date of a baseline, given the records that hold."""
    return baseline_changes.problems(
        baseline,
        {TARGET.id: TARGET},
        {each.target: entry(each) for each in fresh},
        {TARGET.id},
    )


def test_a_baseline_in_time_has_no_problems() -> None:
    """A change within the bound asks for no update."""
    slightly = replace(RECORD, artifacts=(artifact(TARGET, size_bytes=70_100),))

    assert problems(HONEST) == ()
    assert problems(HONEST, RECORD, slightly) == ()


@pytest.mark.parametrize("size", [75_000, 60_000], ids=["grown", "shrunk"])
def test_a_size_beyond_its_bound_is_out_of_date(size: int) -> None:
    """One that shrank would hide as much growth."""
    [line] = problems(HONEST, replace(RECORD, artifacts=(artifact(TARGET, size_bytes=size),)))

    assert f"demo is {size:,} bytes and 70,000 in it" in line


def test_a_target_without_entry_is_out_of_date_where_it_is_judged() -> None:
    """A bound without anything to hold it against is told, and no bound is no problem."""
    plain = target(budget=Budget())

    assert "has no entry" in problems(Baseline())[0]
    assert baseline_changes.problems(Baseline(), {plain.id: plain}, {}, {plain.id}) == ()


def test_other_artifacts_are_out_of_date() -> None:
    """A renamed artifact wants its entry renamed."""
    [line] = problems(HONEST, replace(RECORD, artifacts=(artifact(TARGET, path="demo2"),)))

    assert "demo2" in line


ATTRIBUTED: Final = Baseline(
    entries={
        TARGET.id: replace(
            entry(),
            attributed={
                "demo": fold(
                    of(
                        code("main", 3000, "demo"),
                        padding(600),
                        Part(section=".bss", kind=Kind.DATA, place=Place.MEMORY, bytes=8),
                        Part(section=".symtab", kind=Kind.SYMBOLS, place=Place.FILE, bytes=66_400),
                    )
                )
            },
        )
    }
)


def test_where_the_bytes_go_is_read_as_it_was_written() -> None:
    """A name a line, beside the sizes; an entry without them is as good as ever."""
    text = baselines.dump(ATTRIBUTED)

    assert baselines.load(text.encode()) == ATTRIBUTED
    assert '".symtab": 66400' in text
    assert "attributed" not in baselines.dump(HONEST)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda raw: raw["both"].update({".text": 3599}), "its parts are 69999 bytes"),
        (lambda raw: raw["memory"].update({".bss": 9}), "its parts are 3609 bytes"),
        (lambda raw: raw["file"].update({".symtab": "x"}), "whole bytes"),
        (lambda raw: raw.clear(), "expected some of"),
    ],
)
def test_parts_that_do_not_add_up_are_refused(
    change: Callable[[dict[str, Any]], object], words: str
) -> None:
    """A byte too few, by hand or by a merge, and the entry says what is wrong with it."""
    document = json.loads(baselines.dump(ATTRIBUTED))
    change(document["targets"][TARGET.id]["attributed"]["demo"])
    found = baselines.load(json.dumps(document).encode())

    assert not found.entries
    assert words in found.refused[TARGET.id]


def test_parts_of_no_artifact_are_refused() -> None:
    """They would explain nothing."""
    document = json.loads(baselines.dump(ATTRIBUTED))
    attributed = document["targets"][TARGET.id]["attributed"]
    attributed["other"] = attributed["demo"]

    assert "expected some of the artifacts" in str(
        baselines.load(json.dumps(document).encode()).refused
    )


def test_an_update_tells_that_the_bytes_go_elsewhere() -> None:
    """Where sizes alone say nothing: it is written to be reviewed."""
    lines = [each.line for each in baseline_changes.differences(HONEST, ATTRIBUTED)]

    assert lines == [f"{TARGET.id}  where the bytes go  none -> there"]
    assert baseline_changes.differences(ATTRIBUTED, ATTRIBUTED) == ()
