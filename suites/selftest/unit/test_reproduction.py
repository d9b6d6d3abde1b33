"""A second build: its conditions, how it is judged, and what is shown of its differences."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.building import layout, recipe, source, surroundings
from fixtures.building.job import Job, steps_of
from fixtures.building.reproduce import options
from fixtures.building.store import Store
from fixtures.core import claims, findings, keys
from fixtures.core.conditions import Condition
from fixtures.core.record import Reproduction, from_json, to_json
from fixtures.core.text import printable
from fixtures.core.verdicts import Judgement, Verdict
from suites.selftest.unit import samples

SEEN = {
    "path": "/work/src",
    "clock": "1000000000",
    "zone": "+0000",
    "host name": "1f2e3d",
    "locale": "C.UTF-8",
    "order": "B a",
    "umask": "0022",
    "HOME": "/tmp",
    "CPU count": "4",
}
OTHERWISE = {
    "path": "/work/other",
    "clock": str(1_000_000_000 + surroundings.OFFSET_S + 90),
    "zone": "+1400",
    "host name": "once-more",
    "locale": surroundings.LOCALE,
    "order": "a B",
    "umask": "0002",
    "HOME": "/work/home",
    "CPU count": "3",
}


def again(**changes: Any) -> Reproduction:
    """A second build of which the same came out, everything varied, with changes."""
    varied = surroundings.varied(SEEN, OTHERWISE, (4, 3))
    honest = Reproduction(
        varied=varied, compared=1, differing=(), differences=(), reason=None, log="rebuild.log"
    )
    return dataclasses.replace(honest, **changes)


def judge(reproduction: Reproduction | None) -> Judgement:
    """The judgement of the claim on a record with this second build."""
    row = samples.target(reproducible=True)
    return claims.judge("reproducible", row, samples.record(row, reproduction=reproduction))


def test_it_is_claimed_where_it_is_asked_for() -> None:
    """Without `reproducible = true` nothing is claimed, and nothing is built twice."""
    assert claims.applies("reproducible", samples.target(reproducible=True))
    assert not claims.applies("reproducible", samples.target())


def test_the_same_artifacts_pass_and_what_was_varied_is_said() -> None:
    """A pass names every condition that was varied, with both values, and how many were held."""
    judged = judge(again(compared=2))

    assert judged.verdict is Verdict.PASS
    assert judged.evidence == "build"
    assert judged.reason.startswith("2 artifacts came out the same again; varied: path (/work/src,")
    assert all(f"{each.value} (" in judged.reason for each in Condition)
    assert "not varied" not in judged.reason


def test_what_was_not_varied_is_said() -> None:
    """A pass is no proof of what was the same both times."""
    varied = tuple(words for words in again().varied if not words.startswith(("clock", "locale")))

    assert judge(again(varied=varied)).reason.endswith("; not varied here: clock, locale")


@pytest.mark.parametrize(
    ("reproduction", "reason"),
    [
        (None, "it was not built a second time"),
        (again(compared=0), "no artifact was compared"),
        (again(varied=()), "no condition was varied"),
        (again(reason="exit code 2\n  | no such file", compared=0), "exit code 2\n  | no such"),
        (
            again(differing=("demo",), differences=("demo: 8 bytes", "  - Nov", "  + Dec")),
            "1 of 1 artifact came out otherwise the second time: demo\n"
            "  | demo: 8 bytes\n  |   - Nov\n  |   + Dec\nvaried: path (",
        ),
    ],
    ids=["none", "nothing compared", "nothing varied", "second build failed", "other content"],
)
def test_whatever_is_no_proof_fails(reproduction: Reproduction | None, reason: str) -> None:
    """The verdict is a pass only where artifacts were compared, and were the same."""
    judged = judge(reproduction)

    assert judged.verdict is Verdict.FAIL
    assert reason in judged.reason
    assert judged.manifest_key == "projects.demo.reproducible"


def test_a_hostile_difference_is_no_command() -> None:
    """What a file holds can't speak to the CI system that shows the reason."""
    judged = judge(again(differing=("demo",), differences=("::error::x", "##vso[task.complete]")))

    assert not any(line.lstrip().startswith("::") for line in judged.reason.split("\n"))
    assert "##vso[" not in judged.reason


def test_a_second_build_survives_the_record() -> None:
    """What was written is what is read."""
    record = samples.record(samples.target(), reproduction=again(differing=("demo",)))

    assert from_json(to_json(record)) == record


def test_asking_for_it_changes_the_key_and_its_absence_does_not() -> None:
    """Switched on or off the target is built again; whoever does not use it keeps their keys."""
    plain, asked = (
        keys.parts(samples.target(reproducible=wanted), source="s", image="i")
        for wanted in (False, True)
    )
    recipe_before = keys.digest(
        {
            "build": samples.target().project.build,
            "artifacts": samples.target().project.artifacts,
            "smoke": samples.target().project.smoke,
            "test": samples.target().project.test,
            "placeholders": samples.target().toolchain.placeholders_for(
                samples.target().architecture
            ),
            "sysroot": samples.target().toolchain.sysroot_for(samples.target().architecture),
        }
    )

    assert keys.changes(plain, asked) == [keys.PARTS["recipe"]]
    assert plain["recipe"] == recipe_before


def test_only_its_images_get_a_clock_and_a_locale(tmp_path: Path) -> None:
    """A layer on top of the image that the target has without; all others stay as they are."""
    plain, asked = (
        recipe.of_target(samples.target(reproducible=wanted), tmp_path, "crossgate.toml")
        for wanted in (False, True)
    )

    assert asked.base == plain
    assert asked.name == f"{plain.name}-conditions"


def test_the_second_build_has_everything_otherwise() -> None:
    """Place, host name, home, mask and zone differ; what is beside the workspace is writable."""
    other = surroundings.others(4)

    assert other.tree != layout.TREE
    assert other.tree.rpartition("/")[0] == layout.WORK
    assert len(other.tree) != len(layout.TREE)
    assert other.hostname
    assert other.umask
    assert other.environment["HOME"] != layout.ENVIRONMENT["HOME"]
    assert other.environment["TZ"]
    assert other.cpuset == "0-2"
    assert surroundings.others(1).cpuset is None


@given(first=st.integers(1, 64), more=st.integers(0, 64))
def test_the_number_of_cpus_differs_where_the_engine_has_another(first: int, more: int) -> None:
    """One less, so that the second build takes no more than twice as long; never none."""
    engine = first + more
    other = surroundings.other_cpus(first, engine)

    assert 1 <= other <= engine
    assert other >= first / 2
    assert other != first or engine == 1


def test_all_conditions_are_named_that_differ() -> None:
    """Each condition has its words when both builds saw it differently."""
    names = [words.partition(" (")[0] for words in again().varied]

    assert names == [each.value for each in Condition]


@pytest.mark.parametrize(
    ("lost", "condition"),
    [
        ({"clock": SEEN["clock"]}, Condition.CLOCK),
        ({"clock": "1000000090"}, Condition.CLOCK),
        ({"clock": "x"}, Condition.CLOCK),
        ({"order": SEEN["order"]}, Condition.LOCALE),
        ({"locale": SEEN["locale"]}, Condition.LOCALE),
        ({"CPU count": SEEN["CPU count"]}, Condition.CPU_COUNT),
        ({"host name": ""}, Condition.HOST_NAME),
    ],
)
def test_nothing_is_claimed_that_did_not_differ(lost: dict[str, str], condition: Condition) -> None:
    """A clock that only went on, a locale that sorts the same or a name nobody saw: not varied."""
    varied = surroundings.varied(SEEN, {**OTHERWISE, **lost}, (4, 3))

    assert not any(words.startswith(f"{condition.value} (") for words in varied)
    assert len(varied) == len(Condition) - 1


def test_what_was_not_seen_was_not_varied() -> None:
    """Where the probe said nothing, in either build, nothing is claimed of it."""
    assert surroundings.varied({}, OTHERWISE, (2, 2)) == ()
    assert surroundings.varied(SEEN, {}, (2, 2)) == ()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job whose source is one file."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "a.c").write_text("int a;\n", "utf-8")
    store = Store(reports=tmp_path / "reports", root=tmp_path)
    tree = source.read_tree(folder, key="x")
    return Job(target=samples.target(), image="x", source=tree, cpus=2, store=store)


def test_the_steps_of_a_second_build_are_the_same_elsewhere(job: Job) -> None:
    """Only place, host name, CPUs and environment differ; limits and image don't."""
    first = steps_of(job)
    second = steps_of(dataclasses.replace(job, surroundings=surroundings.others(2)))
    same = dataclasses.replace(second.spec, hostname=None, cpuset=None)

    assert same == first.spec
    assert second.command == first.command
    assert layout.TREE not in second.stage
    assert second.stage.replace(second.tree, layout.TREE) == first.stage
    assert first.shell == ["sh", "-e", "-c"]


def test_the_options_of_a_container_name_its_host_and_cpus(job: Job) -> None:
    """What the engine's command line is told is what the container has."""
    words = options(steps_of(dataclasses.replace(job, surroundings=surroundings.others(3))).spec)

    assert words[words.index("--hostname") + 1] == surroundings.others(3).hostname
    assert words[words.index("--cpuset-cpus") + 1] == "0-1"
    assert "--hostname" not in options(steps_of(job).spec)


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")
def test_a_command_gets_its_mask_and_home_and_ends_as_it_ends(job: Job, tmp_path: Path) -> None:
    """The second build's command runs as the first one's does, under another mask and home."""
    steps = steps_of(dataclasses.replace(job, surroundings=surroundings.others(2)))
    done = subprocess.run(
        [*steps.shell, 'umask; ls -d "$HOME"; false; echo not here'],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.split() == ["0002", str(tmp_path / "home")]
    assert done.returncode == 1


def report(*sections: tuple[str, str]) -> bytes:
    """A report of diffoscope's on two files, with such sections."""
    details = [{"source1": name, "source2": name, "unified_diff": diff} for name, diff in sections]
    outer = {"source1": "/work/first/demo", "source2": "/work/second/demo", "unified_diff": None}
    return json.dumps({"diffoscope-json-version": 1, **outer, "details": details}).encode()


HEADERS = ("readelf --wide --sections {}", "@@ -1 +1 @@\n-There are 36\n+There are 37\n")
CODE = ("objdump --disassemble {}", "@@ -1 +1 @@\n-mov x0, #1\n+mov x0, #2\n")
STRINGS = ("strings --all --bytes=8 {}", "@@ -1 +1 @@\n-Nov 24 2001\n+Dec 29 2002\n")


def test_strings_are_shown_before_their_consequences() -> None:
    """Headers that a longer string moved are only counted where the string can be shown."""
    assert findings.shorten(report(HEADERS, CODE, STRINGS)) == [
        "strings --all --bytes=8",
        "- Nov 24 2001",
        "+ Dec 29 2002",
        "2 more sections differ",
    ]


def test_what_is_all_there_is_is_shown() -> None:
    """Code that differs, and nothing that tells more, is shown itself."""
    assert findings.shorten(report(HEADERS, CODE))[:3] == [
        "objdump --disassemble",
        "- mov x0, #1",
        "+ mov x0, #2",
    ]


def test_a_string_that_only_moved_is_none() -> None:
    """Neither its new place nor the end of the build-id before it is a difference."""
    dump = "@@ -1,2 +1,2 @@\n-  [     8]  /work/src\n-  [    12]  stdio.h\n"
    dump += "+  [     8]  /work/other\n+  [    1e]  stdio.h\n"
    noise = "@@ -1 +1 @@\n-/lib64/ld-linux-x86-64.so.2\n+\tT/lib64/ld-linux-x86-64.so.2\n"

    assert findings.shorten(
        report(("readelf --string-dump=.debug_str {}", dump), ("strings --all {}", noise), CODE)
    ) == [
        "readelf --string-dump=.debug_str",
        "- /work/src",
        "+ /work/other",
        "1 more section differs",
    ]


def test_a_long_line_is_shown_around_its_difference() -> None:
    """What two long lines have in common does not hide where they differ."""
    same = "x" * 5000
    diff = f"@@ -1 +1 @@\n-{same}one{same}\n+{same}two{same}\n"
    lines = findings.shorten(report(("strings {}", diff)))

    assert "one" in lines[1]
    assert "two" in lines[2]
    assert all(len(line) < findings.WIDTH + 20 for line in lines)


def test_many_differences_are_counted() -> None:
    """The first few of many are shown, and how many more there are."""
    many = "@@ -1,99 +1,99 @@\n" + "".join(f"-a{i}\n" for i in range(99))
    many += "".join(f"+b{i}\n" for i in range(99))
    sections = [(f"file-{number}", many.replace("a", f"a{number}-")) for number in range(30)]
    lines = findings.shorten(report(*sections))

    assert len(lines) <= findings.LINES + 1
    assert lines[0] == "file-0"
    assert lines[1] == "- a0-0"
    assert "more such lines" in lines[8]
    assert "more sections differ" in lines[-1]


def test_a_member_is_named_by_its_way_in() -> None:
    """A difference deep inside names every archive on the way."""
    inner = {"source1": "strings {}", "source2": "strings {}", "unified_diff": "@@\n-one\n+two\n"}
    member = {"source1": "lib/demo", "source2": "lib/demo", "details": [inner]}
    outer = {"source1": "/a", "source2": "/b", "unified_diff": None, "details": [member]}

    assert findings.shorten(json.dumps(outer).encode())[0] == "lib/demo > strings"


def test_a_file_of_no_known_format_is_its_content() -> None:
    """What differs in the file itself has no section, and diffoscope's remark is kept."""
    moved = "@@ -1 +0,0 @@\n-a\n@@ -2,0 +2 @@\n+a\n"
    remark = {"comments": ["Ordering differences only"], "unified_diff": moved}
    diff = {"source1": "/a", "source2": "/b", **remark}

    assert findings.shorten(json.dumps(diff).encode()) == [
        "content (Ordering differences only)",
        "- a",
        "+ a",
    ]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"details": [3]}', b"[" * 100_000, b'{"a":' * 100_000],
)
def test_a_report_that_is_none_is_one_line(content: bytes) -> None:
    """Whatever diffoscope says, there is something to show and no traceback."""
    assert findings.shorten(content) == ["diffoscope's report can't be read"]


@given(st.text())
def test_lines_are_printable(text: str) -> None:
    """No control character of a file reaches a terminal."""
    diff = f"@@ -1 +1 @@\n-{text}\n+other\n"

    for line in findings.shorten(report(("strings {}", diff))):
        assert printable(line) == line


@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(1, 7))
def test_the_first_difference_is_found_in_any_blocks(one: bytes, other: bytes, size: int) -> None:
    """The offset is that of the first byte that only one has, or that differs."""
    expected = next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    blocks = [
        iter([content[at : at + size] for at in range(0, len(content), size)])
        for content in (one, other)
    ]

    assert findings.first_difference(*blocks) == expected


def test_the_target_says_whether_it_is_asked_for() -> None:
    """An override may ask for it on one architecture alone."""
    text = samples.HONEST.replace(
        "[projects.demo.budget]",
        "[projects.demo.overrides.arm64]\nreproducible = true\n\n[projects.demo.budget]",
    )
    [project] = samples.load(text).projects

    assert project.variant("arm64", emulated=False).reproducible
    assert not project.variant("amd64", emulated=False).reproducible
