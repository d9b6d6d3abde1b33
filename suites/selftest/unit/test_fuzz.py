"""Hostile files of every format: none crashes, hangs or is taken for whole when it is not."""

from __future__ import annotations

import io

import pytest

from fixtures.inspection import readers
from fixtures.inspection.walk import inspect_stream
from suites.selftest import fuzz

FORMATS = {name.partition("-")[0] for name in fuzz.seeds()}


@pytest.mark.parametrize("name", fuzz.seeds())
def test_every_seed_is_intact(name: str) -> None:
    """What is mutated is read without a finding at first, so that findings come of mutations."""
    content = fuzz.seeds()[name]
    found = inspect_stream(io.BytesIO(content), len(content), name)

    assert [each.findings for each in (found, *found.members) if each.findings] == []
    assert fuzz.judge(content, cut=False) is None
    assert "taken for whole" in (fuzz.judge(content, cut=True) or "")


def test_a_share_of_the_mutations() -> None:
    """A few thousand mutations of all formats, in processes with a limit on their memory."""
    problems, counted = fuzz.run(2_000, seed=20)

    assert problems == []
    assert set(counted) == FORMATS


@pytest.mark.slow
def test_all_of_the_mutations() -> None:
    """A hundred thousand of them."""
    problems, counted = fuzz.run(100_000, seed=21)

    assert problems == []
    assert sum(counted.values()) == 100_000


def test_a_reader_that_fails_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that a reader lets out is told as one, though users see a finding."""

    def broken(*_: object) -> dict[str, object]:
        raise IndexError("planted")

    monkeypatch.setattr(readers, "facts", broken)

    assert "IndexError: planted" in str(fuzz.judge(fuzz.seeds()["elf-arm64"], cut=False))
