"""``crossgate inspect --sizes``: what it prints, how it ends, and what it refuses."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.cli import main as cli
from fixtures.core.attribution_json import from_json
from fixtures.core.errors import ArtifactError
from fixtures.inspection.attribution import apart
from suites.selftest.unit.elf_symbols import TEXT_AT, Image, Sym, text

BASE = Image(
    sections=(text(b"\xf4" * 100),),
    symbols=(
        Sym(name="main", value=TEXT_AT, size=60),
        Sym(name="_ZN3foo3barEi", value=TEXT_AT + 60, size=40),
    ),
)
HEAD = Image(
    sections=(text(b"\xf4" * 150),),
    symbols=(
        Sym(name="main", value=TEXT_AT, size=60),
        Sym(name="_ZN3foo3barEi", value=TEXT_AT + 60, size=40),
        Sym(name="_ZN4demo3run17h0123456789abcdefE", value=TEXT_AT + 100, size=50),
    ),
)

Run = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some files, in the current folder."""
    files = {
        "base": BASE,
        "head": HEAD,
        "stripped": replace(HEAD, stripped=True),
        "odd\x1b[2J": BASE,
        "other": replace(BASE, architecture="arm64"),
    }
    for name, image in files.items():
        (tmp_path / name).write_bytes(bytes(image))
    (tmp_path / "words").write_text("only words\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def inspect(*words: str) -> int:
    """Run it; the exit code."""
    return cli.main(["inspect", *words])


def test_a_person_reads_where_the_bytes_go(folder: Path, capsys: Run) -> None:
    """Sections, symbols as their source has them, crates where there are any, and the total."""
    assert inspect("--sizes", "head") == 0
    said = capsys.readouterr().out

    assert "150 B in memory" in said
    assert "100.0 %  .text" in said
    assert "40   26.7 %  foo::bar(int)" in said
    assert "33.3 %  demo\n" in said
    assert "no name: 0 B" in said


def test_what_changed_is_told_with_its_sign(folder: Path, capsys: Run) -> None:
    """Each table of changes leads with the largest, in memory and in the file."""
    assert inspect("--sizes", "base", "--against", "head") == 0
    said = capsys.readouterr().out

    assert "change in memory: -50 B (150 to 100)" in said
    assert "-50  is gone   demo::run" in said
    assert "change in the file:" in said


def test_a_stripped_file_is_not_told_by_itself(folder: Path, capsys: Run) -> None:
    """Exit code 1 and the mend where more than 1 % has no name; with its twin all has one."""
    assert inspect("--sizes", "stripped") == 1
    assert "150 B of code and data (100.00 % of the memory)" in (said := capsys.readouterr().out)
    assert "--twin" in said
    assert inspect("--sizes", "stripped", "--twin", "head") == 0
    assert "demo::run" in capsys.readouterr().out


def test_json_is_what_records_keep(folder: Path, capsys: Run) -> None:
    """The attribution can be read again, and each table of differences adds up."""
    assert inspect("--sizes=head", "--against=base", "--json", "--rows=1") == 0
    document = json.loads(capsys.readouterr().out)

    assert from_json(document["attribution"]).allocated_bytes == 150
    assert [each["measure"] for each in document["differences"]] == ["allocated", "file"]
    for each in document["differences"]:
        for name in ("kinds", "sections", "crates", "symbols"):
            rows = each[name]["rows"]
            assert sum(row["change"] for row in rows) + each[name]["others"] == each["change"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sizes", "words"], "words: not an ELF file"),
        (["--sizes", "nothing"], "nothing: there is no such file"),
        (["--sizes", "."], r"\.: not a file"),
        (["--sizes", "base", "--twin", "other"], "not the unstripped twin .* EM_AARCH64"),
        (["--sizes", "base", "--against", "words"], "words: not an ELF file"),
        (["--sizes", "base", "--rows", "0"], "expected a number from 1 to 1000"),
        (["--sizes", "base", "--rows", "x"], "expected a number from 1 to 1000"),
        (["--sizes", "base", "--against-twin", "base"], "is the twin of --against"),
    ],
)
def test_wrong_input_is_told(folder: Path, capsys: Run, words: list[str], said: str) -> None:
    """One message that names the file, and the exit code of bad input."""
    assert inspect(*words) == 4
    output = capsys.readouterr()
    assert re.search(said, output.err)
    assert output.out == ""


def test_a_name_of_a_file_can_not_steer_the_terminal(folder: Path, capsys: Run) -> None:
    """Escape codes in the file's own name are shown, not sent."""
    assert inspect("--sizes", "odd\x1b[2J") == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    """What is no file is refused at once."""
    os.mkfifo(folder / "pipe")

    with pytest.raises(ArtifactError, match="not a file"):
        apart.attribution_of(folder / "pipe")


def test_a_reader_that_dies_is_the_files_fault(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the process that reads gives no answer, one error says so, and we live."""
    monkeypatch.setattr(apart, "_BOOT", "import os; os._exit(9)")

    with pytest.raises(ArtifactError, match="its reader ended with exit code 9"):
        apart.attribution_of(folder / "base")
