"""Sizes explained from finished files: by twins, from what was read before, and in whole runs."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from fixtures import explaining
from fixtures.building.store import Store
from fixtures.cli import main as cli
from fixtures.core.attribution import Attribution, Kind
from fixtures.core.record import Artifact, Record
from suites.selftest.harness import project, run_gate
from suites.selftest.unit.elf_symbols import TEXT_AT, Image, Sym, text
from suites.selftest.unit.samples import artifact, record, target

TRAP: Final = b"\xf4"
TARGET: Final = target("amd64")
ID: Final = b"\x12" * 20


def program(*sizes: int, stripped: bool = False, architecture: str = "amd64") -> bytes:
    """A program of functions `f0`, `f1`, … of so many bytes."""
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    symbols = tuple(
        Sym(name=f"f{number}", value=TEXT_AT + start, size=size)
        for number, (start, size) in enumerate(zip(starts, sizes, strict=True))
    )
    return bytes(
        Image(
            sections=(text(TRAP * sum(sizes)),),
            symbols=symbols,
            stripped=stripped,
            build_id=ID,
            architecture=architecture,
            segments=((1, 5, 0, 0, 0x100, 0x100, 0x1000),),
        )
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty folder for reports."""
    return Store(reports=tmp_path, root=tmp_path)


def kept(store: Store, content: bytes, *, stripped: bool = True) -> tuple[Record, Artifact]:
    """A record of one artifact, whose file is there."""
    one = artifact(TARGET, size_bytes=len(content), facts={"stripped": stripped})
    made = record(TARGET, artifacts=(one,))
    place = store.artifacts(TARGET.id) / one.path
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    return made, one


def twin(store: Store, content: bytes) -> None:
    """Put a file where the artifact's twin is kept."""
    place = store.twins(TARGET.id) / "demo"
    place.parent.mkdir(parents=True)
    place.write_bytes(content)


def names(found: Attribution) -> dict[str, int]:
    """Bytes by symbol."""
    return {part.symbol: part.bytes for part in found.parts if part.symbol}


def test_a_stripped_file_is_told_by_its_twin(store: Store) -> None:
    """With the twin its functions have names; without one it is said that they have none."""
    made, one = kept(store, program(64, 32, stripped=True))
    bare, note = explaining.of_artifact(store, made, one)
    twin(store, program(64, 32))
    named, nothing = explaining.of_artifact(store, made, one)

    assert names(bare) == {}
    assert "stripped, without an unstripped twin" in note
    assert names(named) == {"f0": 64, "f1": 32}
    assert nothing == ""
    assert named.file_bytes == one.size_bytes == bare.file_bytes


def test_what_is_no_twin_names_nothing(store: Store) -> None:
    """Another build's file of the same name is passed over."""
    made, one = kept(store, program(64, 32, stripped=True))
    twin(store, program(64, 16))
    found, note = explaining.of_artifact(store, made, one)

    assert names(found) == {}
    assert "without an unstripped twin" in note


def test_what_was_read_is_not_read_again(store: Store) -> None:
    """But for what is damaged of it, or of another file."""
    made, one = kept(store, program(64, 32), stripped=False)
    first = explaining.of_artifact(store, made, one)
    file = store.artifacts(TARGET.id) / "demo"
    file.write_bytes(program(96))

    assert explaining.of_artifact(store, made, one) == first
    assert names(explaining.of_artifact(store, made, replace(one, sha256="cd" * 32))[0]) == {
        "f0": 96
    }

    for place in (store.folder(TARGET.id) / "sizes").iterdir():
        place.write_text("{}")
    assert names(explaining.of_artifact(store, made, one)[0]) == {"f0": 96}


def test_what_is_no_elf_file_is_one_part(store: Store) -> None:
    """A script by its path; a damaged program too, with the reason."""
    script = artifact(TARGET, path="run.sh", format="data", size_bytes=7)
    made, one = kept(store, program(64)[:80])
    [part] = explaining.of_artifact(store, made, script)[0].parts
    damaged, note = explaining.of_artifact(store, made, one)

    assert (part.section, part.bytes, part.kind) == ("run.sh", 7, Kind.OTHER)
    assert [(each.section, each.bytes) for each in damaged.parts] == [("demo", 80)]
    assert "ELF" in note


# In whole runs

MANIFEST: Final = """\
[projects.demo]
source = { prebuilt = "dist/{architecture}" }
architectures = ["amd64", "arm64"]
artifacts = ["tool"]
budget.regression = { size = "2%", size_allocated = "2%" }
"""
BOTH: Final = ("amd64", "arm64")


def files(*sizes: int) -> dict[str, str | bytes]:
    """The program for both architectures."""
    return {f"dist/{name}/tool": program(*sizes, architecture=name) for name in BOTH}


def test_a_baseline_explains_by_sections_and_in_a_word(tmp_path: Path) -> None:
    """From the first agreement to the failure of a growth on both architectures."""
    demo = project(tmp_path / "demo", MANIFEST, files(64, 4000))
    given = ["--manifest", str(demo / "crossgate.toml"), "--report-dir", str(tmp_path / "demo-out")]
    run_gate(demo, "-n", "0", "-q")
    assert cli.main(["baseline", "update", "--yes", *given]) == 0
    again = run_gate(demo, "-n", "0", "-q")
    project(demo, MANIFEST, files(64, 4000, 900))
    grown = run_gate(demo, "-n", "0", "-q")

    assert "sizes" not in again.report
    assert grown.report["sizes"] == {"demo": "all: section .text grew"}
    assert "note: sizes of demo: all: section .text grew" in grown.output
    for name in BOTH:
        claim = grown.claims(f"demo-{name}-prebuilt")["size_regression"]
        assert claim["verdict"] == "fail"
        assert "tool in memory +900 bytes = sections .text +900" in claim["reason"]
        assert claim["attribution"]["allocated"]["change"] == 900


def test_a_baseline_without_lines_says_so(tmp_path: Path) -> None:
    """One that was agreed to before it kept any still judges, and says what it can't tell."""
    demo = project(tmp_path / "demo", MANIFEST, files(64, 4000))
    given = ["--manifest", str(demo / "crossgate.toml"), "--report-dir", str(tmp_path / "demo-out")]
    run_gate(demo, "-n", "0", "-q")
    assert cli.main(["baseline", "update", "--yes", *given]) == 0
    place = demo / "reports" / "baseline.json"
    document = json.loads(place.read_bytes())
    for entry in document["targets"].values():
        assert entry.pop("attributed")
    place.write_text(json.dumps(document))
    project(demo, MANIFEST, files(64, 4000, 900))
    claim = run_gate(demo, "-n", "0", "-q").claims("demo-amd64-prebuilt")["size_regression"]

    assert claim["verdict"] == "fail"
    assert "+900 bytes in memory" in claim["reason"]
    assert "tool: the baseline does not say where its bytes went" in claim["reason"]


def test_a_base_explains_by_symbols_where_both_sides_have_names(tmp_path: Path) -> None:
    """Against the merge base; where one side is stripped, by sections alone, and that is said."""
    demo = project(tmp_path / "demo", MANIFEST, files(64, 4000))
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["commit", "-qm", "one"],
        ["branch", "-q", "base"],
    ):
        who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *who, *words], cwd=demo, check=True)
    project(demo, MANIFEST, files(64, 4000, 900))
    amd64 = program(64, 4000, 900, stripped=True)
    (demo / "dist" / "amd64" / "tool").write_bytes(amd64)
    result = run_gate(demo, "-n", "0", "-q", "--against", "base")
    stripped, named = (
        result.claims(f"demo-{name}-prebuilt")["size_regression"]["reason"] for name in BOTH
    )

    assert "tool in memory +900 bytes = sections .text +900 = symbols f2 +900 (new)" in named
    assert "tool in memory +900 bytes = sections .text +900; tool: stripped, without an" in stripped
    assert "f2" not in stripped
    assert "without an" not in named
