"""Waivers: what the manifest may say of them, and what each makes of a verdict."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any, Final

import pytest

from fixtures.core import claims, targets, waived, waiving
from fixtures.core.errors import ManifestError
from fixtures.core.readers import Budget
from fixtures.core.record import Outcome, Rebuild, Record
from fixtures.core.targets import Choice, Target
from fixtures.core.verdicts import Judgement, Verdict
from fixtures.core.waived import Waived
from fixtures.core.waivers import Ceiling
from suites.selftest.unit.samples import HONEST, artifact, conditions, load, record, target

LINK: Final = "https://example.org/issues/7"
TODAY: Final = datetime.date(2026, 11, 25)
LATER: Final = "2027-01-31"
TARGET: Final = target()
DEMO: Final = "demo-arm64-gcc"


def waiver(name: str = DEMO, claim: str = "size", **keys: str) -> str:
    """A waiver as the manifest has it; a key of None is left out, others are raw TOML."""
    words = {
        "target": f'"{name}"',
        "claim": f'"{claim}"',
        "reason": '"a new codec"',
        "link": f'"{LINK}"',
        "expires": LATER,
        **keys,
    }
    return "[[waivers]]\n" + "".join(f"{key} = {value}\n" for key, value in words.items() if value)


def bound(*waivers: str, text: str = HONEST, host: str = "amd64", **choice: Any) -> Waived:
    """The waivers of the honest manifest with these added to it."""
    manifest = load("\n".join((text, *waivers)))
    return waived.bind(manifest, targets.expand(manifest, host, Choice(**choice)))


def complaint(*waivers: str, text: str = HONEST) -> str:
    """What is said of a manifest with these waivers."""
    with pytest.raises(ManifestError) as caught:
        bound(*waivers, text=text)
    return str(caught.value)


def heavy(size: int = 2 * 1024**2, row: Target = TARGET) -> Record:
    """The record of a build that is over its budget of 1 MiB."""
    return record(row, artifacts=(artifact(row, size_bytes=size),))


def judged(
    one: Record,
    *waivers: str,
    claim: str = "size",
    row: Target = TARGET,
    today: datetime.date = TODAY,
    **keys: Any,
) -> Judgement:
    """The judgement of a claim once the waivers had their say."""
    plain = claims.judge(claim, row, one, record(target("amd64")))
    return waiving.apply(plain, row.id, one, bound(*waivers, **keys), today)


# What the manifest may say


def test_a_waiver_is_read_in_full() -> None:
    """Each key arrives, the ceiling in its unit, and it is of the claim of the one target."""
    known = bound(waiver(ceiling='"1.5 MiB"'))
    found = known.of(DEMO, "size")

    assert found is not None
    assert (found.key, found.reason, found.link) == ("waivers.1", "a new codec", LINK)
    assert found.expires == datetime.date(2027, 1, 31)
    assert found.ceiling == Ceiling(value=1.5 * 1024**2, kind="size")
    assert list(known.by_claim) == [(DEMO, "size")]


def test_a_pyproject_may_hold_them() -> None:
    """Under [tool.crossgate] the same list is read, and complaints name it there."""
    text = (HONEST + waiver(claim="sise")).replace("[projects.", "[tool.crossgate.projects.")
    manifest = load(text.replace("[[waivers]]", "[[tool.crossgate.waivers]]"), "pyproject.toml")

    with pytest.raises(ManifestError, match=r"^pyproject.toml: tool.crossgate.waivers.1.claim: "):
        waived.bind(manifest, targets.expand(manifest, "amd64"))


@pytest.mark.parametrize(
    ("ceiling", "claim", "value"),
    [
        ('"1.5 MiB"', "size", 1.5 * 1024**2),
        ("2000000", "size", 2e6),
        ('"90 s"', "cpu_time", 90.0),
        ('"2 m"', "cpu_time", 120.0),
        ("90.5", "cpu_time", 90.5),
        ("1.7", "time_ratio", 1.7),
        ('"170 %"', "time_ratio", 1.7),
    ],
)
def test_a_ceiling_is_of_the_claims_kind(ceiling: str, claim: str, value: float) -> None:
    """Sizes are in bytes, times in seconds, shares as ratios; a bare number may be any of them."""
    found = bound(waiver(claim=claim, ceiling=ceiling)).of(DEMO, claim)

    assert found is not None
    assert found.ceiling is not None
    assert found.ceiling.value == pytest.approx(value)


@pytest.mark.parametrize(
    "name",
    [DEMO, "demo-aarch64-gcc", "DEMO-AARCH64-gcc", "*-arm64-*", "demo-aarch64-*", "d?mo-arm64-gcc"],
)
def test_a_target_may_go_by_an_alias_and_by_a_glob(name: str) -> None:
    """An id names its target by every name of the architecture, in any case; so does a glob."""
    assert list(bound(waiver(name)).by_claim) == [(DEMO, "size")]


def test_a_glob_is_of_every_target_that_makes_the_claim() -> None:
    """Several targets are waived by one; those that don't make the claim are none of them."""
    assert {name for name, _ in bound(waiver("demo-*")).by_claim} == {"demo-amd64-gcc", DEMO}
    # amd64 is what the ratio is to.
    assert {name for name, _ in bound(waiver("*", "time_ratio")).by_claim} == {DEMO}


def test_a_manifest_is_right_on_every_host() -> None:
    """A waiver of a target that another host, or a strategy, would have is no mistake here."""
    text = HONEST.replace("build =", 'strategy = ["auto", "emulated"]\nbuild =')
    emulated = waiver(f"{DEMO}-emulated")

    assert bound(emulated, text=text, host="amd64").by_claim
    assert not bound(emulated, text=text, host="arm64").by_claim
    assert not bound(waiver(), strategy="emulated").by_claim
    assert "is none of this manifest's targets" in complaint(waiver("demo-riscv64-gcc"))


MISTAKES: Final = {
    # name: (the waivers, where it complains, with what words)
    "no target": ((waiver(target=""),), "waivers.1", 'the key "target" is missing'),
    "no claim": ((waiver(claim="size", link=""),), "waivers.1", 'the key "link" is missing'),
    "no reason": ((waiver(reason=""),), "waivers.1", 'the key "reason" is missing'),
    "empty reason": ((waiver(reason='" "'),), "waivers.1.reason", "not empty"),
    "long reason": ((waiver(reason=f'"{"x" * 1001}"'),), "waivers.1.reason", "at most 1000"),
    "no expiry": ((waiver(expires=""),), "waivers.1", 'the key "expires" is missing'),
    "expiry in quotes": ((waiver(expires=f'"{LATER}"'),), "waivers.1.expires", "without quotes"),
    "expiry at noon": (
        (waiver(expires=f"{LATER}T12:00:00Z"),),
        "waivers.1.expires",
        "expected its last day as a date",
    ),
    "link of no scheme": ((waiver(link='"example.org/7"'),), "waivers.1.link", "followed up"),
    "link to a file": ((waiver(link='"file:///etc"'),), "waivers.1.link", "followed up"),
    "link of no host": ((waiver(link='"https:///7"'),), "waivers.1.link", "followed up"),
    "link with a blank": ((waiver(link='"https://a.b/ c"'),), "waivers.1.link", "followed up"),
    "link that is none": ((waiver(link='"https://[x/"'),), "waivers.1.link", "followed up"),
    "misspelt key": ((waiver(expire=LATER),), "waivers.1.expire", 'did you mean "expires"?'),
    "misspelt claim": (
        (waiver(claim="cpu_tme"),),
        "waivers.1.claim",
        'no claim is called cpu_tme; did you mean "cpu_time"?',
    ),
    "misspelt target": (
        (waiver("demo-arm46-gcc"),),
        "waivers.1.target",
        f'did you mean "{DEMO}"? (there are demo-amd64-gcc, {DEMO}',
    ),
    "a glob of nothing": ((waiver("zstd-*"),), "waivers.1.target", "none of this manifest's"),
    "a claim that nobody makes": (
        (waiver(claim="glibc"),),
        "waivers.1.claim",
        f"glibc is not claimed of {DEMO}, so there is nothing to waive",
    ),
    "a ceiling of nothing": (
        (waiver(claim="built", ceiling="1"),),
        "waivers.1.ceiling",
        "the claim built has no number",
    ),
    "a time of a size": (
        (waiver(ceiling='"90 s"'),),
        "waivers.1.ceiling",
        'expected a size, as in "2 MiB", which the claim size is of, found a time',
    ),
    "a size of a time": (
        (waiver(claim="cpu_time", ceiling='"1 MiB"'),),
        "waivers.1.ceiling",
        "found a size",
    ),
    "a ceiling of no unit": ((waiver(ceiling='"9 x"'),), "waivers.1.ceiling", "a share"),
    "a ceiling below 0": ((waiver(ceiling="-1"),), "waivers.1.ceiling", "not negative"),
    "a ceiling of true": ((waiver(ceiling="true"),), "waivers.1.ceiling", "expected a size"),
    "a ceiling of nan": ((waiver(ceiling="nan"),), "waivers.1.ceiling", "not negative"),
    "twice": (
        (waiver(), waiver("*-aarch64-*")),
        "waivers.2",
        f"size of {DEMO} is waived twice, also by waivers.1",
    ),
    "a text": (('waivers = "x"\n',), "waivers", "expected a list of tables"),
    "a list of texts": (('waivers = ["x"]\n',), "waivers.1", "expected a table"),
    "too many": (("waivers = [" + "1," * 1001 + "]\n",), "waivers", "at most 1000"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_refused(name: str) -> None:
    """A waiver that could never do what it says is one message with its place and the mend."""
    waivers, place, words = MISTAKES[name]
    plain = [each for each in waivers if not each.startswith("[[")]
    said = complaint(HONEST, *waivers, text="") if not plain else complaint(HONEST, text=plain[0])

    assert said.startswith(f"crossgate.toml: {place}: ")
    assert words in said


def test_every_claim_with_a_number_takes_a_ceiling() -> None:
    """What has a budget can be waived up to a value; a new budget is not forgotten here."""
    numbered = {
        claim for claim in claims.CLAIMS if {"size", "time", "regression"} & set(claim.split("_"))
    }

    assert set(waived.CEILINGS) == numbered
    assert set(waived.CEILINGS) <= set(claims.CLAIMS)
    assert set(waiving.NEAR) < set(waived.CEILINGS)


# What a waiver makes of a verdict


def test_a_failure_within_its_waiver_is_waived() -> None:
    """It says until when, by whose word and what is wrong; what was seen stays to be seen."""
    plain = claims.judge("size", TARGET, heavy())
    ended = judged(heavy(), waiver(ceiling='"2 MiB"'))

    assert ended.verdict is Verdict.WAIVED
    assert ended.reason == (
        f"waived until {LATER} (a new codec; {LINK}), up to 2.00 MiB: {plain.reason}"
    )
    assert (ended.observed, ended.expected) == (2 * 1024**2, 1024**2)
    assert ended.manifest_key == plain.manifest_key
    assert ended.waiver == {
        "key": "waivers.1",
        "state": "in force",
        "reason": "a new codec",
        "link": LINK,
        "expires": LATER,
        "ceiling": 2.0 * 1024**2,
    }


def test_others_are_not_waived() -> None:
    """Another claim and another target fail as ever."""
    amd64 = target("amd64")

    assert judged(heavy(), waiver(claim="cpu_time")) == claims.judge("size", TARGET, heavy())
    assert judged(heavy(row=amd64), waiver(), row=amd64).verdict is Verdict.FAIL


@pytest.mark.parametrize("one", [heavy(), record(TARGET)], ids=["fails", "passes"])
def test_an_expired_waiver_is_a_failure(one: Record) -> None:
    """From the day after its last one it fails the claim, needed or not, and says for how long."""
    last = datetime.date(2027, 1, 31)
    after = judged(one, waiver(), today=last + datetime.timedelta(days=1))
    long_after = judged(one, waiver(), today=last + datetime.timedelta(days=40))

    assert judged(heavy(), waiver(), today=last).verdict is Verdict.WAIVED
    assert after.verdict is long_after.verdict is Verdict.FAIL
    assert after.reason.startswith(
        f"its waiver expired on {LATER}, 1 day ago (a new codec; {LINK})"
    )
    assert f"expired on {LATER}, 40 days ago" in long_after.reason
    assert "remove it, or give it a new date" in after.reason
    assert after.manifest_key == "waivers.1"
    assert after.waiver is not None
    assert after.waiver["state"] == "expired"


@pytest.mark.parametrize("claim", ["size", "built", "architecture", "cpu_time"])
def test_an_unused_waiver_is_a_failure(claim: str) -> None:
    """Where the claim passes the waiver has to go: it would hide the next failure."""
    ended = judged(record(TARGET), waiver(claim=claim), claim=claim)

    assert ended.verdict is Verdict.FAIL
    assert ended.reason.startswith("this waiver is not needed any more; remove it (a new codec")
    assert ended.manifest_key == "waivers.1"
    assert ended.waiver is not None
    assert ended.waiver["state"] == "unused"


def test_an_unused_part_of_a_glob_is_a_failure() -> None:
    """Of several targets each has to need it; the mend is to narrow it."""
    ended = judged(record(TARGET), waiver("demo-*"))

    assert ended.verdict is Verdict.FAIL
    assert "narrow its target demo-* so that this one is left out" in ended.reason


@pytest.mark.parametrize(("cpu_s", "verdict"), [(50.0, Verdict.FAIL), (55.0, Verdict.PASS)])
def test_noise_makes_no_waiver_unneeded(cpu_s: float, verdict: Verdict) -> None:
    """A time within its budget by less than noise may be beyond it in the next run."""
    ended = judged(record(TARGET, cpu_s=cpu_s), waiver(claim="cpu_time"), claim="cpu_time")

    assert ended.verdict is verdict
    assert (verdict is Verdict.PASS) == ("too near to its bound" in ended.reason)


@pytest.mark.parametrize(
    ("size", "verdict"),
    [(2 * 1024**2, Verdict.WAIVED), (2 * 1024**2 + 1, Verdict.FAIL)],
)
def test_an_exceeded_ceiling_is_a_failure(size: int, verdict: Verdict) -> None:
    """One byte beyond the ceiling fails, and says beyond what."""
    ended = judged(heavy(size), waiver(ceiling='"2 MiB"'))

    assert ended.verdict is verdict
    assert (verdict is Verdict.FAIL) == (
        "exceeds the ceiling of its waiver, 2.00 MiB" in ended.reason
    )


@pytest.mark.parametrize(
    ("cpu_s", "claim", "ceiling", "verdict"),
    [
        (90.0, "cpu_time", '"90 s"', Verdict.WAIVED),
        (90.1, "cpu_time", '"90 s"', Verdict.FAIL),
        (80.0, "time_ratio", "2.0", Verdict.WAIVED),
        (81.0, "time_ratio", "2.0", Verdict.FAIL),
    ],
)
def test_a_ceiling_holds_for_times_and_ratios(
    cpu_s: float, claim: str, ceiling: str, verdict: Verdict
) -> None:
    """The largest value that is waived is one of the claim's own unit."""
    ended = judged(record(TARGET, cpu_s=cpu_s), waiver(claim=claim, ceiling=ceiling), claim=claim)

    assert ended.verdict is verdict


@pytest.mark.parametrize(
    ("sizes", "verdict"),
    [
        ({"a": 90, "b": 300}, Verdict.WAIVED),
        ({"a": 90, "b": 301}, Verdict.FAIL),
        # Within its own bound, and above what another one is waived to.
        ({"a": 1000, "b": 300}, Verdict.WAIVED),
        ({"a": 1001, "b": 300}, Verdict.FAIL),
    ],
)
def test_a_ceiling_is_held_against_each_artifact_that_is_over(
    sizes: dict[str, int], verdict: Verdict
) -> None:
    """With a budget for each artifact, those within theirs are no matter of the ceiling."""
    row = target(budget=Budget(size_bytes={"a": 1000, "b": 100}))
    files = tuple(artifact(row, path=path, size_bytes=size) for path, size in sizes.items())
    one = record(row, artifacts=files)

    assert judged(one, waiver(ceiling='"300 B"'), row=row).verdict is verdict


NO_NUMBER: Final = {
    "no artifact": record(TARGET, artifacts=()),
    "weighed in part": record(
        TARGET,
        artifacts=(
            artifact(TARGET, path="a", facts={"allocated_size": 2 * 1024**2}),
            artifact(TARGET, path="b", facts={"allocated_size": None}),
        ),
    ),
}


@pytest.mark.parametrize("name", NO_NUMBER)
@pytest.mark.parametrize(("ceiling", "verdict"), [("", "waived"), ('"3 MiB"', "fail")])
def test_a_ceiling_waives_no_failure_without_a_number(
    name: str, ceiling: str, verdict: str
) -> None:
    """What could not be weighed might weigh anything; only a waiver without a ceiling covers it."""
    row = target(budget=Budget(allocated_bytes=1024**2))
    text = HONEST.replace("size = ", "allocated = ")
    given = waiver(claim="size_allocated", ceiling=ceiling)
    ended = judged(NO_NUMBER[name], given, claim="size_allocated", row=row, text=text)

    assert ended.verdict.value == verdict
    assert (verdict == "fail") == ("this failure is about no such value" in ended.reason)


def test_a_rebuild_that_failed_is_not_within_a_ceiling() -> None:
    """A rebuild that broke off took some time, too, and none that could be waived."""
    change = 'change = { file = "a.c", find = "1", replace = "{n}" }\nbuild ='
    text = HONEST.replace("build =", change).replace("cpu_time =", "rebuild_time =")
    [_, row] = targets.expand(load(text), "amd64")
    broken = Rebuild(exit_code=2, cpu_s=70.0, wall_s=9.0, reason="it exited with 2")
    given = waiver(claim="rebuild_time", ceiling='"90 s"')

    for again, verdict in (
        (broken, Verdict.FAIL),
        (replace(broken, exit_code=0, reason=None), Verdict.WAIVED),
    ):
        one = record(row, rebuild=again)
        assert judged(one, given, claim="rebuild_time", row=row, text=text).verdict is verdict


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (record(TARGET, cpu_s=None), Verdict.UNMEASURABLE),
        (record(TARGET, cpu_s=61.0, conditions=conditions(load=0.9)), Verdict.UNMEASURABLE),
        (record(TARGET, conditions=conditions(caches="warm")), Verdict.NOT_APPLICABLE),
    ],
)
def test_a_waiver_of_what_was_not_judged_is_idle(one: Record, verdict: Verdict) -> None:
    """It neither fails nor turns what could not be told into what is waived."""
    ended = judged(one, waiver(claim="cpu_time"), claim="cpu_time")

    assert ended.verdict is verdict
    assert ended.reason.startswith(f"its waiver until {LATER} is idle (a new codec; {LINK}): ")
    assert ended.waiver is not None
    assert ended.waiver["state"] == "idle"


FAILED: Final = record(TARGET, outcome=Outcome.FAILED, reason="exit code 2", artifacts=())
DEAD: Final = record(TARGET, outcome=Outcome.INFRASTRUCTURE, reason="the engine died")


def test_a_failed_build_is_waived_where_the_build_is() -> None:
    """What can't be judged because of it is waived with it: else it would waive nothing."""
    ended = judged(FAILED, waiver(claim="built"), claim="built")
    follows = judged(FAILED, waiver(claim="built"), claim="architecture")

    assert ended.verdict is follows.verdict is Verdict.WAIVED
    assert "can't be judged, because the build failed: exit code 2" in follows.reason


def test_a_failed_build_is_waived_by_no_other_waiver() -> None:
    """A waiver of a size says nothing of a build that failed: it is idle, and the claim fails."""
    ended = judged(FAILED, waiver(), claim="size")

    assert ended.verdict is Verdict.FAIL
    assert "is idle" in ended.reason
    assert judged(FAILED, waiver(), claim="built").verdict is Verdict.FAIL
    assert judged(FAILED, waiver(), claim="architecture").verdict is Verdict.FAIL


@pytest.mark.parametrize("claim", ["built", "size"])
def test_no_waiver_is_of_the_infrastructure(claim: str) -> None:
    """An engine that failed is no failure that anybody waived."""
    ended = judged(DEAD, waiver(claim="built"), waiver(), claim=claim)

    assert ended.verdict is Verdict.FAIL


def test_an_expired_waiver_of_a_build_covers_nothing() -> None:
    """Neither the build nor what follows from it is waived a day too late."""
    late = datetime.date(2027, 2, 1)

    for claim in ("built", "architecture"):
        assert (
            judged(FAILED, waiver(claim="built"), claim=claim, today=late).verdict is Verdict.FAIL
        )
    assert bound(waiver(claim="built")).builds(TODAY) == {DEMO: f", waived until {LATER}"}
    assert bound(waiver(claim="built")).builds(late) == {}


def test_a_reason_can_not_command() -> None:
    """A reason of several lines with commands in it is one harmless line in front."""
    hostile = '"a\\n::error::x ##[error]y \\u001b[2J"'
    reason = judged(heavy(), waiver(reason=hostile)).reason

    assert reason.startswith(f"waived until {LATER} (a ::error::x ## [error]y \\x1b[2J; ")
    assert "\x1b" not in reason
