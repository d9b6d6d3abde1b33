"""What the doctor foretells of builds: its arithmetic, its intervals, and what it never claims."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.doctor import factors, measured, prediction
from fixtures.core.doctor.measured import Measured
from fixtures.core.doctor.prediction import Sample, Wanted, predict
from fixtures.core.errors import ManifestError, RecordError
from fixtures.doctor import history


def sample(**changed: Any) -> Sample:
    """A quiet native build of 100 CPU seconds on one CPU."""
    values: dict[str, Any] = {
        "target": "demo-amd64-gcc",
        "project": "demo",
        "architecture": "amd64",
        "toolchain": "gcc",
        "strategy": "native",
        "cpu_s": 100.0,
        "wall_s": 100.0,
        "cpus": 1,
        "foreign_load": 0.0,
        "started": "2026-01-01T00:00:00Z",
    }
    return Sample(**{**values, **changed})


def target(**changed: Any) -> Wanted:
    """The target that the sample is of."""
    values = {
        "id": "demo-amd64-gcc",
        "project": "demo",
        "architecture": "amd64",
        "toolchain": "gcc",
        "strategy": "native",
    }
    return Wanted(**{**values, **changed})


EMULATED = target(id="demo-arm64-gcc-emulated", architecture="arm64", strategy="emulated")
CROSS = target(id="demo-arm64-gcc", architecture="arm64", strategy="cross")


def seconds(wanted: Wanted, *samples: Sample, on: Measured | None = None, cpus: int = 1) -> float:
    """The wall seconds that are foretold."""
    found = predict(wanted, samples, on, cpus).wall_s
    assert found is not None
    return found


def test_a_build_that_is_known_takes_what_it_took() -> None:
    """On as many CPUs, the last one's time is the next one's."""
    assert seconds(target(), sample()) == pytest.approx(100)


def test_nothing_is_foretold_of_a_project_that_nobody_built() -> None:
    """Another project's time says nothing of it; what to do is said."""
    found = predict(target(project="other"), [sample()], None, 1)

    assert (found.wall_s, found.cpu_s, found.low_s) == (None, None, None)
    assert "--from FILE" in found.why


def test_emulation_has_a_factor_of_its_own() -> None:
    """Measured on this host where it was; else the usual, and then with a wide interval."""
    host = Measured(native_s=2.0, emulated_s={"arm64": 30.0})
    known = predict(EMULATED, [sample()], host, 1)
    usual = predict(EMULATED, [sample()], None, 1)

    assert known.wall_s == pytest.approx(1500)
    assert usual.wall_s == pytest.approx(100 * factors.EMULATED)
    assert known.high_s
    assert usual.high_s
    assert usual.wall_s
    assert known.high_s / 1500 < usual.high_s / usual.wall_s


def test_another_projects_ratio_is_learned() -> None:
    """How much longer cross builds took of what was built both ways counts for what was not."""
    other = [
        sample(project="other", target="o"),
        sample(project="other", target="o2", architecture="arm64", strategy="cross", cpu_s=140.0),
    ]

    assert seconds(CROSS, sample(), *other) == pytest.approx(140)
    assert seconds(CROSS, sample()) == pytest.approx(100 * factors.usual_cross("gcc", "arm64"))


def test_another_hosts_build_counts_by_the_reference_compile() -> None:
    """A host of half the speed takes twice the time; without a reference it is anybody's guess."""
    there = sample(here=False, reference_s=1.0)
    slow = Measured(native_s=2.0)
    known = predict(target(), [there], slow, 1)
    guess = predict(target(), [replace(there, reference_s=None)], slow, 1)

    assert known.wall_s == pytest.approx(200)
    assert guess.wall_s == pytest.approx(100)
    assert known.high_s
    assert guess.high_s
    assert known.high_s / 200 < guess.high_s / 100


def test_this_hosts_build_is_preferred_to_anothers() -> None:
    """The donor with the least doubt is taken."""
    there = sample(here=False, reference_s=1.0, cpu_s=900.0)

    assert seconds(target(), there, sample(), on=Measured(native_s=1.0)) == pytest.approx(100)


def test_cpus_share_what_they_can_share() -> None:
    """Amdahl's law, with the share that a quiet build on two CPUs has shown."""
    two = sample(cpus=2, wall_s=60.0)
    one = seconds(target(cpus=1), two, cpus=8)
    four = seconds(target(cpus=4), two, cpus=8)

    assert seconds(target(cpus=2), two, cpus=8) == pytest.approx(60)
    assert one == pytest.approx(100)
    assert four == pytest.approx(100 * (0.2 + 0.8 / 4))


def test_no_build_has_more_cpus_than_its_host() -> None:
    """What a manifest allows is a limit: on a host of two, four CPUs are two."""
    found = predict(target(cpus=4), [sample(cpus=2, wall_s=60.0)], None, 2)

    assert found.cpus == 2
    assert found.wall_s == pytest.approx(60)


@pytest.mark.parametrize("load", [0.6, None])
def test_what_is_assumed_of_a_busy_donor_widens_its_interval(load: float | None) -> None:
    """How it shared its CPUs can't be told, of as many as of others; one CPU is never shared."""

    def doubt(cpus: int) -> float:
        donor = sample(cpus=cpus, wall_s=100.0 / cpus, foreign_load=load)
        found = predict(target(), [donor], None, cpus)
        assert found.high_s
        assert found.wall_s
        return math.log(found.high_s / found.wall_s) / prediction._Z_80

    alone = math.hypot(prediction._AGAIN, prediction._DISTURBED)
    assert doubt(1) == pytest.approx(alone)
    assert doubt(4) == pytest.approx(math.hypot(alone, prediction._SERIAL_ASSUMED))


def test_a_build_whose_load_nobody_saw_is_checked_by_its_cpu_seconds() -> None:
    """Unknown is not quiet: others may have had the CPUs for half of its wall time."""
    foretold = predict(target(), [sample()], None, 1)
    built = sample(started="2026-02-02T00:00:00Z", wall_s=250.0)
    made = "2026-02-01T00:00:00Z"

    [quiet] = prediction.check([(made, foretold)], [built])
    [unknown] = prediction.check([(made, foretold)], [replace(built, foreign_load=None)])
    assert (quiet.real_s, unknown.real_s) == (250.0, 100.0)


def test_a_busy_hosts_wall_time_is_not_believed() -> None:
    """Half of it was others': what the build's own CPU seconds take is foretold."""
    busy = sample(wall_s=250.0, foreign_load=0.6)

    assert seconds(target(), busy) == pytest.approx(100)


@given(
    cpu=st.floats(0.01, 1e6),
    stretch=st.floats(0.05, 50),
    cpus=st.integers(1, 256),
    on=st.integers(1, 256),
    load=st.none() | st.floats(0, 1),
    here=st.booleans(),
    reference=st.none() | st.floats(1e-3, 1e3),
)
def test_an_interval_holds_its_own_middle(
    cpu: float,
    stretch: float,
    cpus: int,
    on: int,
    load: float | None,
    here: bool,
    reference: float | None,
) -> None:
    """Whatever is known, low ≤ expected ≤ high, all of them finite and above nothing."""
    donor = sample(
        cpu_s=cpu,
        wall_s=cpu * stretch,
        cpus=cpus,
        foreign_load=load,
        here=here,
        reference_s=reference,
    )
    for wanted in (target(), CROSS, EMULATED):
        found = predict(wanted, [donor], Measured(native_s=1.0), on)
        assert found.low_s is not None
        assert found.wall_s is not None
        assert found.high_s is not None
        assert 0 < found.low_s < found.wall_s < found.high_s < math.inf


def test_what_was_foretold_is_held_against_what_came() -> None:
    """Only a build after the prediction counts, and one within its interval is inside."""
    made = "2026-02-01T00:00:00Z"
    foretold = predict(CROSS, [sample()], None, 1)
    near = sample(
        target=CROSS.id,
        strategy="cross",
        cpu_s=130.0,
        wall_s=130.0,
        started="2026-02-02T00:00:00Z",
    )

    [checked] = prediction.check([(made, foretold)], [near])
    assert checked.inside
    assert checked.ratio == pytest.approx(130 / (100 * factors.usual_cross("gcc", "arm64")))
    [far] = prediction.check([(made, foretold)], [replace(near, cpu_s=500.0, wall_s=500.0)])
    assert not far.inside
    assert prediction.check([(made, foretold)], [replace(near, started="2026-01-31")]) == ()
    assert prediction.check([(made, foretold)], [replace(near, here=False)]) == ()


def test_predictions_are_kept_until_they_can_be_checked(tmp_path: Path) -> None:
    """What was foretold of a target stays until it is built; then the next takes its place."""
    first = predict(CROSS, [sample()], None, 1)
    later = replace(first, wall_s=999.0, high_s=9999.0)
    history.keep(tmp_path, Measured(native_s=1.5), [first], [], [])
    taken, before = history.load(tmp_path)
    history.keep(tmp_path, taken, [later], before, [])
    _, again = history.load(tmp_path)
    built = sample(target=CROSS.id, started="2999-01-01T00:00:00Z")
    history.keep(tmp_path, taken, [later], again, [built])
    _, last = history.load(tmp_path)

    assert taken is not None
    assert taken.native_s == 1.5
    assert [each.wall_s for _, each in again] == [first.wall_s]
    assert [each.wall_s for _, each in last] == [999.0]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"schema": 1, "measured": 3}'])
def test_a_damaged_file_of_the_doctors_is_as_none(tmp_path: Path, text: str) -> None:
    """What it measured and foretold before is lost then, and nothing else."""
    (tmp_path / history.FILE).write_text(text)

    assert history.load(tmp_path) == (None, [])


def test_another_hosts_document_is_read_and_no_other(tmp_path: Path) -> None:
    """What `doctor --json` prints gives its builds; anything else is one error with the name."""
    file = tmp_path / "there.json"
    document = {"measured": {"native_s": 2.0}, "builds": [sample().to_json()]}
    file.write_text(json.dumps(document))
    [there] = history.others([str(file)])

    assert (there.here, there.reference_s, there.cpu_s) == (False, 2.0, 100.0)
    for text in ("", "[]", "{}", '{"builds": [1]}', '{"builds": [{"target": 1}]}'):
        file.write_text(text)
        with pytest.raises(ManifestError, match=r"there\.json"):
            history.others([str(file)])
    with pytest.raises(ManifestError, match="can't be read"):
        history.others([str(tmp_path / "none.json")])


@pytest.mark.parametrize("key", ["cpu_s", "wall_s", "cpus", "target", "foreign_load"])
def test_a_build_of_another_form_is_refused(key: str) -> None:
    """A time that is none, a name that is a number: never taken for a build."""
    raw = sample().to_json() | {key: [] if key != "cpu_s" else -1}

    with pytest.raises(RecordError):
        prediction.sample_from_json(raw, here=True, reference_s=None)


def test_a_compiler_for_all_cpus_takes_no_longer_for_another() -> None:
    """Go's is one and the same: without anything learned, cross takes what native takes."""
    native = sample(toolchain="go")

    assert seconds(replace(CROSS, toolchain="go"), native) == pytest.approx(100)


def test_measurements_survive_json() -> None:
    """What is written is read again as it was; what is none is refused."""
    taken = Measured(native_s=1.0, emulated_s={"arm64": 14.0}, how={"arm64": "x"}, cpus=2)

    assert measured.from_json(json.loads(json.dumps(taken.to_json()))) == taken
    others: list[Any] = [
        None,
        {"native_s": "a"},
        {"native_s": math.inf},
        {"bind": {}},
        {"how": {"a": 1}},
    ]
    for raw in others:
        with pytest.raises(RecordError):
            measured.from_json(raw)
