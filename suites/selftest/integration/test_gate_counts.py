"""Instructions of compile steps: equal inputs give equal counts, and a little more is seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from fixtures.bench import gate_counts
from fixtures.bench.gate_live import Live
from fixtures.core import counts
from fixtures.engine import setup
from fixtures.engine.client import Engine
from suites.selftest.harness import NATIVE

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """Real builds of planted projects."""
    engine = Engine(setup.ensure(print).address)
    yield Live(engine=engine, architecture=NATIVE, say=lambda _: None)
    engine.close()


def test_equal_inputs_give_equal_counts_and_half_a_per_cent_is_seen(live: Live) -> None:
    """In each kind of step; what is added to one is named in one run.

    To the last instruction but for what a busy machine does to a link with optimisation.

    `crossgate bench gate --counts 200` does it 200 times, and for three steps.
    """
    first, again = gate_counts.repeated(live, 2)
    link = next(name for name in first if name.endswith(" lto.so"))
    # What is optimised at link time takes most of the minutes, and is in no other step.
    [some] = gate_counts.repeated(live, 1, gate_counts.SOME)
    [planted] = gate_counts.planted(live, some, gate_counts.SOME)

    assert counts.moved(first, again) == ()
    assert {name for name in first if again[name] != first[name]} <= {link}
    assert some.items() <= first.items()
    assert (len(first), len(some)) == (9, 5)
    assert min(first.values()) > 1_000_000
    assert planted.problem is None
    assert planted.share == pytest.approx(gate_counts.PLANTED, rel=0.1)
    assert dataclasses.replace(planted, named=()).problem
    assert dataclasses.replace(planted, others=("another",)).problem


def test_only_more_than_the_threshold_is_named() -> None:
    """A tenth of a per cent is not, a little more is; the most first, and all of a new step."""
    base = 1_000_000
    found = counts.slower(
        {
            "same": (base, base),
            "less": (base, base - 5000),
            "names": (base, base + 1000),
            "more": (base, base + 1001),
            "much": (base, base + 5000),
            "new": (0, 7000),
        }
    )

    assert found == ("new", "much", "more")


def test_counts_of_equal_inputs() -> None:
    """A millionth is nothing, more is something, and so is a step that one side alone has."""
    base = {"same": 10_000_000, "near": 10_000_000, "off": 10_000_000, "gone": 1}
    head = {"same": 10_000_000, "near": 10_000_010, "off": 9_999_989, "new": 1}

    assert counts.moved(base, head) == ("gone", "new", "off")
