"""The laboratory's guest: what it wrote is believed whole or not at all, and judged as measured."""

from __future__ import annotations

import contextlib
import json
import random
import re
import shlex
import tarfile
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.bench import guest_project, laboratory, mounts_report
from fixtures.bench.laboratory import Run
from fixtures.cli.main import main
from fixtures.core.comparing import Finding
from fixtures.core.errors import InfrastructureError, ManifestError, RecordError
from fixtures.core.hosts import Machine
from fixtures.core.laboratory import judging, lines, tables
from fixtures.core.laboratory.judging import Judged
from fixtures.core.laboratory.lines import Readings
from fixtures.core.laboratory.tables import OPERATIONS, Claim
from suites.selftest.unit.mutants import mutants

PLACES = tables.places()
MACHINE = Machine(architecture="amd64", cpu_model="made up", cpus=2, engine="Engine 1")
HEAD: Final = (
    "lab1 native 1 500000000\nlab1 machine tcg 10.0.13\nlab1 guest 6.12.57+deb13-amd64 1 1000000\n"
)
FACTORS: Final = {"disk": 1.0, "9p": 15.0, "virtiofs": 5.0, "memory": 0.5}
CLAIMS: Final = {claim.name: claim for claim in tables.claims()}


def _noisy(seed: int, spread: float = 0.02) -> Callable[[], float]:
    chance = random.Random(seed)
    return lambda: chance.lognormvariate(0, spread)


def written(
    rounds: int = 4,
    factors: Mapping[str, float] = FACTORS,
    build: Mapping[str, float] | None = None,
    drift: float = 1.0,
    spread: float = 0.02,
) -> str:
    """What a guest writes whose places take so many times the own disk's time."""
    noise = _noisy(11, spread)
    text = HEAD
    for place in PLACES.values():
        text += f"lab1 mount {place.name} {place.type} {place.options}\n"
    for number in range(1, rounds + 1):
        for name in sorted(PLACES):
            for operation in OPERATIONS:
                factor = (build or factors)[name] if operation == "build" else factors[name]
                count = 1 if operation == "build" else 300
                took = 1e8 * factor * drift**number * noise()
                text += f"lab1 took {number} {name} {operation} {count} {took:.0f}\n"
        text += f"lab1 round {number}\n"
    return text + "lab1 end\n"


def _parse(text: str | bytes) -> Readings:
    content = text.encode() if isinstance(text, str) else text
    return lines.parse(content, PLACES, tuple(OPERATIONS))


def _judged(name: str, text: str) -> Judged:
    return judging.judge(CLAIMS[name], _parse(text))


def test_what_a_guest_wrote_is_read() -> None:
    """Facts, mounts, counts and the seconds of every operation of every round."""
    readings = _parse(written(rounds=3))

    assert readings.guest is not None
    assert (readings.guest.accelerator, readings.guest.qemu) == ("tcg", "10.0.13")
    assert readings.guest.native_s == 0.5
    assert readings.guest.mounts["9p"] == PLACES["9p"].options
    assert readings.counts["create"] == 300
    assert len(readings.rounds) == 3
    assert all(len(one) == len(PLACES) * len(OPERATIONS) for one in readings.rounds)
    assert readings.rounds[0]["9p", "stat"] == pytest.approx(1.5, rel=0.2)
    assert readings.ended
    assert readings.failed is None


def test_a_guest_that_is_cut_off_anywhere_leaves_its_whole_rounds() -> None:
    """However few bytes came, no round is made up, none is taken by halves, and it is not done."""
    content = written(rounds=2).encode()
    honest = _parse(content).rounds
    for end in range(len(content)):
        readings = _parse(content[:end])

        assert readings.rounds == honest[: len(readings.rounds)]
        assert len(readings.rounds) == content[:end].count(b"\nlab1 round 1\n") + content[
            :end
        ].count(b"\nlab1 round 2\n")
        assert not readings.ended


def test_a_guest_says_why_it_gave_up() -> None:
    """Whole rounds before it count, and the reason is kept."""
    text = written(rounds=2).removesuffix("lab1 end\n") + "lab1 failed no space left\n"
    readings = _parse(text)

    assert readings.failed == "no space left"
    assert not readings.ended
    assert len(readings.rounds) == 2
    assert _parse("lab1 failed there is no disk\n").failed == "there is no disk"


def test_nothing_is_nothing() -> None:
    """A guest that wrote nothing was not there; that is told, and is no round."""
    readings = _parse(b"")

    assert readings.guest is None
    assert readings.rounds == ()
    assert not readings.ended


WRONG: Final = [
    # What is mounted is not what it is called.
    ("mount 9p 9p", "mount 9p ext4", "9P should be 9p"),
    ("mount virtiofs virtiofs", "mount virtiofs tmpfs", "VirtioFS should be virtiofs"),
    ("mount virtiofs virtiofs", "mount 9p 9p", "is there already"),
    ("mount virtiofs virtiofs", "mount other virtiofs", "not asked for"),
    # Times that are none, or of something else.
    (r"took 1 disk stat 300 \d+", "took 1 disk stat 300 0", "no time"),
    (r"took 1 disk stat 300", "took 1 disk stat 200", "not for what it took elsewhere"),
    (r"took 1 disk stat 300", "took 1 disk stat 0", "no time"),
    (r"took 1 disk stat", "took 1 disk read", "it was measured in this round"),
    (r"took 1 disk stat", "took 2 disk stat", "this is round 1"),
    (r"took 1 disk stat", "took 1 disk guess", "it was not asked for"),
    (r"took 1 disk stat", "took 1 other stat", "it was not asked for"),
    (r"lab1 took 1 disk stat 300 \d+\n", "", "lacks stat in disk"),
    ("lab1 round 1\n", "lab1 round 2\n", "a round that lacks"),
    ("lab1 round 2\n", "", "this is round 2"),
    ("lab1 round 4\nlab1 end", "lab1 end", "a round was not whole"),
    # Lines of no kind, and more than there may be.
    ("took 1 disk stat 300", "took 1 disk stat 300 5", "none of the kinds"),
    ("took 1 disk stat 300", "took 1 disk stat -300", "none of the kinds"),
    ("took 1 disk stat 300", "took 1 disk stat 3e2", "none of the kinds"),
    ("took 1 disk stat 300", "took 1 disk stat ٣٠٠", "none of the kinds"),
    (r"took 1 disk stat 300 \d+", "took 1 disk stat 300 " + "9" * 5000, "none of the kinds"),
    ("lab1 round 1", "lab2 round 1", "none of the kinds"),
    ("lab1 round 1", "##vso[task.complete]\nlab1 round 1", "none of the kinds"),
    ("lab1 round 1", "\x1b[2Jlab1 round 1", "none of the kinds"),
    ("lab1 round 1", "\nlab1 round 1", "none of the kinds"),
    ("lab1 end\n", "lab1 end\nlab1 end\n", "the guest had ended"),
    ("machine tcg", "machine hvf", "none of the kinds"),
    ("lab1 machine tcg 10.0.13\n", "lab1 machine tcg 10.0.13\n" * 2, "said before"),
    ("lab1 machine tcg 10.0.13\n", "", "before it said what it is"),
    ("lab1 native 1 500000000\n", "", "before it said what it is"),
    ("lab1 native 1 500000000\n", "lab1 native 1 0\n", "no CPU, no memory, or no time"),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG)
def test_what_does_not_fit_is_refused(old: str, new: str, said: str) -> None:
    """One wrong line, and nothing of it is believed; the complaint is harmless to show."""
    text = re.sub(old, lambda _: new, written(), count=1)
    assert text != written()
    with pytest.raises(RecordError, match=re.escape(said)) as caught:
        _parse(text)

    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_more_than_a_guest_writes_is_refused() -> None:
    """A guest that floods its port is not read to its end."""
    with pytest.raises(RecordError, match="more than 1048576 bytes"):
        _parse(written().encode() + b"x" * lines.MAX_BYTES)


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_read_or_refused(content: bytes) -> None:
    """There is no third end."""
    rounds: tuple[object, ...] = ()
    with contextlib.suppress(RecordError):
        rounds = _parse(HEAD.encode() + content).rounds

    assert rounds == ()


def test_mutants_are_read_or_refused() -> None:
    """What is read of a damaged output has whole rounds and times that can be."""
    outcomes = set()
    for content in mutants([written(rounds=2).encode()], 3000):
        try:
            readings = _parse(content)
        except RecordError:
            outcomes.add("refused")
            continue
        outcomes.add("read")
        for one in readings.rounds:
            assert len(one) == len(PLACES) * len(OPERATIONS)
            assert all(took > 0 for took in one.values())

    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize(
    ("name", "factor", "finding"),
    [
        ("small-files-9p", 15, Finding.HOLDS),
        ("small-files-9p", 5, Finding.WORSE),
        ("small-files-9p", 150, Finding.BETTER),
        ("small-files-9p", 9.1, Finding.UNTOLD),
        ("virtiofs", 15, Finding.HOLDS),
        ("virtiofs", 5, Finding.WORSE),
        ("virtiofs", 60, Finding.BETTER),
        ("build-9p", 1 / 0.7, Finding.HOLDS),
        ("build-9p", 1.05, Finding.WORSE),
        ("build-9p", 2.5, Finding.BETTER),
    ],
)
def test_figures_are_judged_by_what_was_measured(
    name: str, factor: float, finding: Finding
) -> None:
    """Fifteen times is between ten and a hundred; a build of which 30 % is saved, 20 to 40 %."""
    text = written(factors={**FACTORS, "9p": float(factor)}).replace("tcg", "kvm")
    judged = _judged(name, text)

    assert judged.finding is finding
    assert judged.rounds == 4
    assert judged.bounds is None


def test_a_build_on_an_emulated_cpu_is_judged_by_what_a_real_one_could_take() -> None:
    """Compiling took 31 times as long, and files may not have: 5 % as measured may be much more on
    a real CPU, but what was more than is published stays more, and nothing stays nothing."""

    def found(factor: float, spread: float = 0.0003) -> Judged:
        build = {**dict.fromkeys(PLACES, 10.0), "9p": 10.0 * factor}
        text = written(build=build, spread=spread).replace(
            "native 1 500000000", "native 1 32000000"
        )
        return _judged("build-9p", text)

    little, much, none = found(1.05), found(3.0), found(1.0)

    assert little.finding is Finding.UNTOLD
    assert little.reason is not None
    assert "the guest's CPU is emulated" in little.reason
    assert little.measured.startswith("5 %")
    assert little.bounds is not None
    # A twentieth of a second more beside 32 ms.
    assert little.bounds.high == pytest.approx(1 + 0.05 / 0.032, rel=0.1)
    assert much.finding is Finding.BETTER
    assert none.finding is Finding.WORSE


def test_only_builds_are_bounded() -> None:
    """Small files are judged by what was measured, whatever the CPU."""
    assert _judged("small-files-9p", written()).bounds is None


def test_the_slow_side_is_the_one_that_is_said_to_be() -> None:
    """Own disk and 9P the other way round must not hold."""
    swapped = written(factors={**FACTORS, "disk": 15.0, "9p": 1.0})

    assert _judged("small-files-9p", swapped).finding is Finding.WORSE


def test_too_few_or_too_different_rounds_say_nothing() -> None:
    """Two rounds that agree prove nothing, nor do four that don't, nor none."""
    few = _judged("small-files-9p", written(rounds=2, spread=0.0001))
    wide = _judged("small-files-9p", written(factors={**FACTORS, "9p": 11.0}, spread=0.8))
    none = judging.judge(CLAIMS["small-files-9p"], _parse(b""))

    assert (few.finding, few.reason) == (Finding.UNTOLD, "3 rounds are the least")
    assert (wide.finding, wide.reason) == (Finding.UNTOLD, "the interval is too wide")
    assert (none.finding, none.reason) == (Finding.UNTOLD, "it was not measured")
    assert none.measured == "-"


def test_a_drift_of_the_machine_is_no_width_of_an_interval() -> None:
    """A machine that gets twice as slow with each round leaves the factors as they are."""
    factors = {
        (each.operation, each.place): each.estimate
        for each in judging.factors(_parse(written(drift=2.0)))
    }

    assert factors["create", "9p"].low > 12
    assert factors["create", "9p"].high < 18
    assert factors["small-files", "virtiofs"].value == pytest.approx(5, rel=0.1)
    assert ("create", "disk") not in factors


def test_small_files_are_the_four_parts_of_their_life() -> None:
    """As the doctor measures them; what is read first, with nothing in memory, is not one."""
    one = {("disk", name): 2.0**at for at, name in enumerate(OPERATIONS)}

    total = judging.seconds(one, "disk", "small-files")
    assert total == sum(one["disk", name] for name in ("create", "stat", "read", "remove"))


def _told(text: str, load: float | None = 0.01) -> tuple[Run, Sequence[Judged]]:
    readings = _parse(text)
    judged = [judging.judge(claim, readings) for claim in tables.claims()]
    return Run(readings=readings, foreign_load=load), judged


def test_the_table_says_that_the_guest_was_emulated() -> None:
    """Under TCG the ratios are the laboratory's own; on the CPU itself there is no such line."""
    emulated = mounts_report.table(*_told(written()), MACHINE)
    itself = mounts_report.table(*_told(written().replace("tcg", "kvm")), MACHINE)

    assert "the guest's CPU is emulated (TCG, no KVM here)" in emulated
    assert "emulated" not in itself


def test_the_table_has_each_figure_beside_what_was_measured() -> None:
    """Operations by place with intervals, and a finding for each published figure."""
    table = mounts_report.table(*_told(written()), MACHINE)
    document = mounts_report.markdown(*_told(written(), load=0.5), MACHINE)

    assert re.search(r"small files: create +1\.\d ms|small files: create +0\.3\d ms", table)
    for claim in CLAIMS.values():
        assert re.search(rf"^{claim.name}  .*(holds|better|worse|can't)", table, re.M)
        assert f"Said: {claim.claim}." in document
        assert all(source.url in document for source in claim.sources)
    assert "others' load 1%;" not in table
    assert "(disturbed)" not in table
    assert "others' load 50% (disturbed)" in document


def test_the_document_is_json_with_every_round() -> None:
    """Of one round there is no interval, which is null and no number."""
    one = json.loads(json.dumps(mounts_report.document(*_told(written(rounds=1)), MACHINE)))
    four = json.loads(json.dumps(mounts_report.document(*_told(written()), MACHINE)))

    assert {each["low"] for each in one["factors"]} == {None}
    assert len(four["rounds"]) == 4
    assert {each["finding"] for each in four["claims"]} <= {str(each) for each in Finding}
    assert four["guest"]["accelerator"] == "tcg"


@given(st.lists(st.integers(1, 60), max_size=40))
def test_rounds_are_told_once_however_they_come(sizes: list[int]) -> None:
    """A line that comes in pieces is told when it is whole, and nothing is told twice."""
    content, said = written(rounds=3).encode(), list[str]()
    heard = laboratory._Heard(3, said.append)
    at = content.index(b"lab1 round 1") - 30
    for size in (at, *sizes, len(content)):
        heard.take(content[:size])
        content = content[size:]

    assert said == [
        "the guest boots, its CPU emulated (TCG)",
        *(f"  round {number} of 3 is measured" for number in (1, 2, 3)),
    ]
    assert bytes(heard.content) == written(rounds=3).encode()


def test_what_a_guest_floods_is_not_kept_nor_shown() -> None:
    """Of a guest that writes without end only so much is kept that it is refused."""
    said: list[str] = []
    heard = laboratory._Heard(3, said.append)
    for _ in range(40):
        heard.take(b"\x1b[2J##vso[task.complete] lab1 round \xff\nlab1 round ten\n" * 1000)

    assert said == []
    assert len(heard.content) == lines.MAX_BYTES + 1
    with pytest.raises(RecordError):
        _parse(bytes(heard.content))


def test_what_boots_the_guest_is_all_sent() -> None:
    """Scripts, settings, mounts and project, all the build user's; settings are a shell's words."""
    plan = laboratory.Plan(rounds=2, files=3, large_bytes=2**20, sources=2, seconds=90)
    packed = laboratory._packed(plan, tables.guest("amd64"), 1)
    with tarfile.open(fileobj=packed) as tar:
        members = {member.name.partition("/")[2]: member for member in tar}
        settings = tar.extractfile("laboratory/settings")
        assert settings is not None
        words = dict(
            shlex.split(line)[0].split("=", 1) for line in settings.read().decode().splitlines()
        )

    assert {"boot.sh", "init", "rounds.sh", "measure.c", "mounts", "project/Makefile"} <= set(
        members
    )
    assert {member.uid for member in members.values()} == {1000}
    assert words["cpus"] == "1"
    assert int(words["until_s"]) < int(words["limit_s"]) < int(words["kill_s"])


def test_every_claim_is_of_places_and_operations_that_there_are() -> None:
    """The published figures of the advice, each with its sources; the own disk is ext4."""
    shown = {claim.name: claim.published for claim in CLAIMS.values()}

    assert shown == {
        "small-files-9p": "10 to 100 ×",
        "virtiofs": "2 to 5 ×",
        "build-9p": "20 to 40 %",
        "build-virtiofs": "20 to 40 %",
    }
    assert all(claim.sources for claim in CLAIMS.values())
    assert PLACES[tables.own_disk()].type == "ext4"
    assert {"9p", "virtiofs"} <= {place.type for place in PLACES.values()}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('alternative = "9p"', 'alternative = "disk"', "another place than the way"),
        ('of = "build"', 'of = "builds"', 'did you mean "build"'),
        ('way = "disk"', 'way = "floppy"', "way"),
        ("[20, 40]", "[20, 140]", "below 100"),
        ("{published}", "40 %", "{published}"),
        ("[row]", "[row", "not valid TOML"),
    ],
)
def test_a_wrong_row_is_refused(old: str, new: str, said: str) -> None:
    """A mistake in a row is one error that names the file."""
    row = (
        '[row]\nsays = "saves {published}"\npublished = [20, 40]\nunit = "saved"\nof = "build"\n'
        'way = "disk"\nalternative = "9p"\nsources = [{ url = "https://example.org/", says = "x" }]'
    )
    assert isinstance(tables.load(row.encode(), "rows.toml")[0], Claim)
    with pytest.raises(ManifestError, match=re.escape(said)) as caught:
        tables.load(row.replace(old, new, 1).encode(), "rows.toml")

    assert str(caught.value).startswith("rows.toml")


def test_what_runs_in_the_guest_measures_what_is_asked_for() -> None:
    """The program and the script name each operation as the table of operations does."""
    program = (tables.BOOT / "measure.c").read_text()
    named = set(re.findall(r'\{"([a-z-]+)", \w+, \w+\}', program))
    script = (tables.BOOT / "rounds.sh").read_text()

    assert named | {"build"} == set(OPERATIONS)
    assert all(f" {operation}" in script for operation in OPERATIONS)


def test_a_cpu_without_a_row_is_told() -> None:
    """Where nobody knows what boots a guest, one error names the table."""
    with pytest.raises(InfrastructureError, match=r"s390x: docker/laboratory/laboratory\.toml has"):
        tables.guest("s390x")

    assert tables.guest("amd64").qemu == "qemu-system-x86_64"


def test_the_project_that_is_built_is_whole() -> None:
    """Always the same; each header and part that a file names is there."""
    files = guest_project.files(5)
    named = {match for text in files.values() for match in re.findall(r'#include "(.+?)"', text)}

    assert files == guest_project.files(5)
    assert named <= set(files)
    assert len(named) > 30
    assert all(f"part{number}.o" in files["Makefile"] for number in range(5))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rounds", "0"], "--rounds 0: expected a number from 1 to 999"),
        (["--files", "-3"], "--files -3: expected a number from 1"),
        (["--large", "64"], "--large 64: expected a size"),
        (["--large", "1.5 MiB"], "expected whole MiB"),
        (["--large", "4 GiB"], "from 1 MiB to 512 MiB"),
        (["--sources", "9999"], "--sources 9999"),
        (["--time-limit", "soon"], "--time-limit soon: expected a time"),
        (["--time-limit", "2 s"], 'expected "1 min" to "24 h"'),
    ],
)
def test_a_wrong_option_is_one_error(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad input is told before anything is started."""
    code = main(["bench", "mounts", *words])

    assert code == 4
    assert said in capsys.readouterr().err
