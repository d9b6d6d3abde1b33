"""The order of measuring, when it stops, and that it goes on where it was stopped."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fixtures.bench.kept import Kept, State
from fixtures.bench.rounds import Limits, Session, TimeUpError
from fixtures.core import comparisons
from fixtures.core.comparing import Finding
from fixtures.core.comparisons import Comparison, Side
from fixtures.core.errors import InfrastructureError
from fixtures.core.hosts import Machine
from fixtures.core.pairs import Measured

MACHINE = Machine(architecture="amd64", cpu_model="made up", cpus=2, engine="Engine 1")
ROWS = comparisons.comparisons()


class Played:
    """Builds that take what a table says, with noise, on a clock of their own."""

    def __init__(self, took_s: Callable[[Side], float], state: str = "one") -> None:
        self.took_s = took_s
        self.now_s = 0.0
        self.built: list[tuple[Side, bool]] = []
        self.refused: dict[str, str] = {}
        self._state = state
        self._source = random.Random(7)

    def refusal(self, row: Comparison) -> str | None:
        return self.refused.get(row.name)

    def state(self, row: Comparison) -> State:
        return State(digest=self._state, project="played", machine=MACHINE)

    def measure(self, side: Side, *, change: bool, limit_s: float) -> Measured:
        took = self.took_s(side) * self._source.lognormvariate(0, 0.03)
        self.now_s += min(took, limit_s)
        if took > limit_s:
            raise TimeUpError
        self.built.append((side, change))
        keys = ("strategy", "mount", "cache", "dependencies", "workspace")
        return Measured(
            cpu_s=took,
            wall_s=took,
            cpus=2,
            caches=side.caches,
            foreign_load=0.0,
            used={key: getattr(side, key) for key in keys},
        )


def _session(
    played: Played,
    file: Path,
    names: Sequence[str],
    said: list[str] | None = None,
    limit_s: float = 1e9,
    max_pairs: int = 30,
) -> Session:
    say = (said if said is not None else []).append
    return Session(
        rows=[ROWS[name] for name in names],
        kind="any",
        builder=played,
        kept=Kept(file, say),
        limits=Limits(seconds=limit_s, max_pairs=max_pairs, clock=lambda: played.now_s),
        say=say,
    )


def _by_strategy(side: Side) -> float:
    return {"emulated": 130.0, "cross": 10.0, "native": 9.5}.get(side.strategy, 10.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where pairs are kept."""
    return tmp_path / "strategies.json"


def test_pairs_are_measured_forth_and_back(file: Path) -> None:
    """Which side comes first changes with each pair, so that a drift helps neither."""
    played = Played(_by_strategy)

    _session(played, file, ["emulation"]).run()

    order = [side.strategy for side, _ in played.built]
    assert order[:6] == ["cross", "emulated", "emulated", "cross", "cross", "emulated"]
    first = [pair["way_first"] for pair in json.loads(file.read_text())["experiments"][0]["pairs"]]
    assert first == [number % 2 == 0 for number in range(len(first))]


def test_rows_share_what_they_measure_in_common(file: Path) -> None:
    """Two figures of the same builds, and a third that holds one of these against another, want
    three builds in a round."""
    played = Played(_by_strategy)
    session = _session(played, file, ["emulation", "emulation-in-user-mode", "cross"], max_pairs=3)

    session.run()

    assert len(played.built) == 9
    assert [result.pairs for result in session.results()] == [3, 3, 3]


def test_it_stops_where_something_can_be_said(file: Path) -> None:
    """A settled row is not measured on, one that is not gets its pairs up to the limit."""
    noisy = random.Random(3)
    took = {"emulated": 240.0, "cross": 10.0, "native": 9.5}
    played = Played(lambda side: took[side.strategy] * noisy.lognormvariate(0, 0.15))
    session = _session(played, file, ["cross", "emulation"], max_pairs=9)

    session.run()
    cross, emulation = session.results()

    assert (cross.pairs, cross.finding) == (9, Finding.UNTOLD)
    assert cross.reason == "after 9 pairs the interval is too wide"
    assert emulation.pairs < 9
    assert emulation.finding is not Finding.UNTOLD


def test_a_warm_side_is_made_ready_once_and_changed_each_time(file: Path) -> None:
    """What a warm way is to find is built first, uncounted; then each build follows a change."""
    played = Played(lambda side: 1.0 if side.caches == "warm" else 10.0)

    _session(played, file, ["sccache"], max_pairs=3).run()

    warm = [change for side, change in played.built if side.cache == "sccache"]
    cold = [change for side, change in played.built if side.cache == "none"]
    assert warm == [False, True, True, True]
    assert cold == [True, True, True]


def test_a_killed_session_goes_on_where_it_stopped(file: Path) -> None:
    """Pairs that were finished are there for the next session, a half one is measured again."""

    class Killed(Played):
        def measure(self, side: Side, *, change: bool, limit_s: float) -> Measured:
            if len(self.built) == 3:
                raise KeyboardInterrupt
            return super().measure(side, change=change, limit_s=limit_s)

    with pytest.raises(KeyboardInterrupt):
        _session(Killed(_by_strategy), file, ["emulation"]).run()
    kept = json.loads(file.read_text())["experiments"][0]["pairs"]
    said: list[str] = []
    session = _session(Played(_by_strategy), file, ["emulation"], said)
    session.run()

    assert len(kept) == 1
    assert json.loads(file.read_text())["experiments"][0]["pairs"][:1] == kept
    assert "emulation: 1 pairs are there from before" in said
    assert session.results()[0].finding is Finding.HOLDS


def test_nothing_is_measured_twice(file: Path) -> None:
    """A session over what is settled builds nothing and says the same."""
    first = _session(Played(_by_strategy), file, ["emulation"])
    first.run()
    again = Played(_by_strategy)
    second = _session(again, file, ["emulation"])
    second.run()

    assert again.built == []
    assert second.results() == first.results()


def test_pairs_of_another_state_are_not_mixed_in(file: Path) -> None:
    """Another source, manifest or host begins anew, and the old pairs stay for theirs."""
    _session(Played(_by_strategy), file, ["emulation"]).run()
    said: list[str] = []
    slower = Played(
        lambda side: _by_strategy(side) * (6 if side.strategy == "emulated" else 1), "two"
    )
    session = _session(slower, file, ["emulation"], said)
    session.run()
    back = _session(Played(_by_strategy), file, ["emulation"])
    back.run()

    assert session.results()[0].finding is Finding.BETTER
    assert back.results()[0].finding is Finding.HOLDS
    assert any("of another state or host are left aside" in line for line in said)


def test_the_time_limit_is_kept(file: Path) -> None:
    """No build runs beyond the limit, none begins that will not fit, and what fits still runs."""
    played = Played(_by_strategy)
    session = _session(played, file, ["emulation", "cross"], limit_s=200)

    session.run()
    emulation, cross = session.results()

    assert played.now_s <= 200
    assert emulation.pairs == 1
    assert emulation.reason == "the time limit leaves no room for another pair"
    assert cross.pairs >= 3
    assert session.failed == set()


def test_no_time_is_no_measurement(file: Path) -> None:
    """Without any time left nothing is built, and that is said of every row."""
    played = Played(_by_strategy)
    session = _session(played, file, ["emulation"], limit_s=0)

    session.run()

    assert played.built == []
    assert session.results()[0].reason == "the time limit was reached"


def test_what_does_not_build_leaves_the_others_be(file: Path) -> None:
    """A side that fails is the reason of the rows that need it; the others are measured."""

    def took(side: Side) -> float:
        if side.strategy == "emulated":
            raise InfrastructureError("there is no handler for arm64")
        return 10.0

    session = _session(Played(took), file, ["emulation", "cross"])
    session.run()
    emulation, cross = session.results()

    assert session.failed == {"emulation"}
    assert (emulation.finding, emulation.reason) == (
        Finding.UNTOLD,
        "there is no handler for arm64",
    )
    assert cross.finding is Finding.HOLDS


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"cpu_s": 0.0}, "which no build does"),
        ({"cpu_s": 9000.0}, "in another unit"),
        ({"caches": "warm"}, "were to be cold"),
        ({"used": {"strategy": "native"}}, "built with strategy native, and not emulated"),
    ],
)
def test_an_incoherent_measurement_is_not_kept(
    file: Path, wrong: dict[str, object], said: str
) -> None:
    """A measurement that can't be one, or is of another way, is a failure and no pair."""

    class Wrong(Played):
        def measure(self, side: Side, *, change: bool, limit_s: float) -> Measured:
            right = super().measure(side, change=change, limit_s=limit_s)
            return (
                dataclasses.replace(right, **wrong) if side.strategy == "emulated" else right  # type: ignore[arg-type]
            )

    session = _session(Wrong(_by_strategy), file, ["emulation"])
    session.run()
    result = session.results()[0]

    assert session.failed == {"emulation"}
    assert result.finding is Finding.UNTOLD
    assert said in str(result.reason)
    assert not file.exists()


def test_a_refusal_and_another_host_are_reasons(file: Path) -> None:
    """What a project can't be measured by, and what needs another host, is said and not built."""
    played = Played(_by_strategy)
    played.refused = {"sccache": "the manifest names no change"}
    session = _session(played, file, ["wsl", "sccache"])

    session.run()
    wsl, sccache = session.results()

    assert played.built == []
    assert wsl.finding is Finding.OTHER_HOST
    assert (sccache.finding, sccache.reason) == (Finding.UNTOLD, "the manifest names no change")
    assert session.failed == set()


@pytest.mark.parametrize(
    "content", ["{", '{"schema": 99, "experiments": []}', "[]", '{"schema": 1}']
)
def test_a_file_that_cant_be_read_is_put_aside(file: Path, content: str) -> None:
    """What is no file of pairs is kept under another name, said, and begun anew."""
    file.write_text(content)
    said: list[str] = []
    session = _session(Played(_by_strategy), file, ["emulation"], said, max_pairs=3)
    session.run()

    assert file.with_suffix(".unreadable").read_text() == content
    assert "can't be read" in said[0]
    assert session.results()[0].pairs == 3


def test_a_pair_that_was_changed_by_hand_is_left_out(file: Path) -> None:
    """Pairs that can't be read are said and not counted; incoherent ones fail their row."""
    _session(Played(_by_strategy), file, ["emulation"], max_pairs=3).run()
    document = json.loads(file.read_text())
    document["experiments"][0]["pairs"][0]["way"]["cpu_s"] = "ten"
    file.write_text(json.dumps(document))
    said: list[str] = []
    unread = _session(Played(_by_strategy), file, ["emulation"], said)

    document["experiments"][0]["pairs"][0]["way"]["cpu_s"] = 0
    file.write_text(json.dumps(document))
    incoherent = _session(Played(_by_strategy), file, ["emulation"])
    incoherent.run()

    assert "experiment 1 is left out" in said[0]
    assert unread.results()[0].pairs == 0
    assert incoherent.failed == {"emulation"}
    assert "incoherent" in str(incoherent.results()[0].reason)
