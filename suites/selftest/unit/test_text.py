"""What a build wrote can neither steer a terminal nor command a CI system."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import text

COMMAND: Final = re.compile(r"##(vso|teamcity)?\[", re.IGNORECASE)
PREFIXES: Final = ("##[", "##vso[", "##teamcity[", "##VSO[")
HOSTILE = st.one_of(
    st.text(),
    st.text(st.sampled_from("\x1b\r\n\t\0\x7f\x9b\u202e\u2028\ud800#[:|<`&;\\a")),
    st.lists(st.sampled_from(["#", "[", "vso", "TeamCity", " ", "\\", '"', "é"])).map("".join),
    st.sampled_from(["##[error]x", "::error::x", "#\x00#[", "\x1b]8;;x\x07", "&#124;", "%0A::x"]),
)


@given(HOSTILE)
def test_printable_text_is_one_visible_line(raw: str) -> None:
    """No control, format, surrogate or separator character survives, but the tab."""
    shown = text.printable(raw)

    assert not {unicodedata.category(character) for character in shown.replace("\t", "")} & {
        "Cc",
        "Cf",
        "Cs",
        "Co",
        "Cn",
        "Zl",
        "Zp",
    }
    assert len(shown.splitlines()) <= 1
    assert shown.encode("utf-8").decode("utf-8") == shown


@given(HOSTILE)
def test_printing_twice_changes_nothing(raw: str) -> None:
    """What is printable stays as it is, so that passing a text on can't garble it."""
    assert text.printable(text.printable(raw)) == text.printable(raw)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("Größe 大\t✓", "Größe 大\t✓"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\r", r"a\nb\r"),
        ("\u202eabc", r"\u202eabc"),
        ("\u2028", r"\u2028"),
        ("\udcff", r"\udcff"),
        ("C:\\path", "C:\\path"),
    ],
)
def test_what_is_not_visible_is_spelled_out(raw: str, shown: str) -> None:
    """Escapes are Python's, and visible text of any script stays as it is."""
    assert text.printable(raw) == shown


@given(st.binary())
def test_any_bytes_are_text_that_can_be_encoded(raw: bytes) -> None:
    """Undecodable output becomes text that JSON, JUnit and xdist can carry."""
    assert isinstance(text.decode(raw).encode("utf-8"), bytes)


def test_undecodable_bytes_are_spelled_out() -> None:
    """A byte that is no UTF-8 is shown by its number, and nothing of the rest is lost."""
    assert text.decode(b"caf\xe9 \xc3\xa9") == r"caf\xe9 é"


@given(st.text(), st.integers(1, 60))
def test_clipping_counts_what_it_leaves_out(raw: str, limit: int) -> None:
    """A clipped text keeps its beginning and says how many characters are missing."""
    clipped = text.clip(raw, limit)

    if len(raw) <= limit:
        assert clipped == raw
    else:
        assert clipped == f"{raw[:limit]}… (+{len(raw) - limit} characters)"


@given(st.binary(max_size=2000), st.integers(1, 40))
def test_log_lines_are_few_short_and_printable(raw: bytes, last: int) -> None:
    """Whatever a log holds, its tail is as many harmless lines as asked for, or fewer."""
    lines = text.log_lines(raw, last)

    assert len(lines) <= last
    assert all(line == text.printable(line) for line in lines)
    assert all(len(line) <= text.MAX_LINE + 40 for line in lines)


def test_log_lines_are_the_last_ones() -> None:
    """A tail is the end of the log, without the empty lines that follow it."""
    assert text.log_lines(b"one\ntwo\nthree\n\n\n", 2) == ["two", "three"]


def test_redrawn_lines_show_what_was_drawn_last() -> None:
    """Of a progress bar only the last state is kept, whatever its line ending."""
    assert text.log_lines(b"10%\r50%\r100%\r\nend\r\n", 5) == ["100%", "end"]


def test_an_empty_log_has_no_lines() -> None:
    """Where nothing was written there is no line to quote."""
    assert text.log_lines(b"", 30) == []
    assert text.log_lines(b"\n\r\n", 30) == []


def test_a_shortened_line_keeps_its_end() -> None:
    """Where the exit code stands; a line that fits stays as it is."""
    line = "failed running [" + "x" * 1000 + "]: exit code: 7"

    assert text.shortened(line).startswith("failed running [xx")
    assert text.shortened(line).endswith("]: exit code: 7")
    assert len(text.shortened(line)) < 210
    assert text.shortened("y" * 200) == "y" * 200


def test_a_line_of_a_gigabyte_is_clipped() -> None:
    """The length of a line is counted, not shown."""
    [line] = text.log_lines(b"x" * 100_000, 30)

    assert line == "x" * text.MAX_LINE + f"… (+{100_000 - text.MAX_LINE} characters)"


@given(st.lists(HOSTILE))
def test_no_quoted_line_is_a_command(lines: list[str]) -> None:
    """Every quoted line stands behind a bar, and no system finds a command behind it."""
    quoted = text.quote(lines)

    assert all(line.startswith("  | ") for line in quoted.splitlines())
    assert quoted.count("\n") == max(0, len(lines) - 1)
    assert not COMMAND.search(quoted)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_each_systems_command_is_broken(prefix: str) -> None:
    """GitHub's, Azure's and TeamCity's commands stay legible, but are no commands any more."""
    line = f"a {prefix}do x] {prefix}do y]"
    broken = line.replace("##", "## ")

    assert text.defuse(line) == text.tame(line) == broken
    assert text.quote([line]) == f"  | {broken}"
    assert html.unescape(text.markdown_cell(line)) == broken


@given(HOSTILE)
def test_tamed_json_says_the_same(raw: str) -> None:
    """A JSON document without commands is still the same document."""
    tamed = text.tame_json(json.dumps({raw: [raw]}))

    assert not COMMAND.search(tamed)
    assert json.loads(tamed) == {raw: [raw]}


@given(HOSTILE)
def test_no_tamed_line_is_a_command(raw: str) -> None:
    """A tamed text holds no command, neither in a line nor at its start."""
    tamed = text.tame(raw)

    assert not COMMAND.search(tamed)
    assert not any(line.lstrip().startswith("::") for line in tamed.split("\n"))


@given(HOSTILE)
def test_a_cell_has_no_markup(raw: str) -> None:
    """A Markdown cell holds no character that ends it, starts markup or is a command."""
    cell = text.markdown_cell(raw)

    assert not set(cell) & set("\n\r|<>`*_[]\\")
    assert not COMMAND.search(html.unescape(cell))


@given(HOSTILE)
def test_a_cell_shows_the_text_as_it_is(raw: str) -> None:
    """A Markdown viewer shows what the text said, entities in it included."""
    shown = html.unescape(text.markdown_cell(raw))

    assert shown == text.defuse(raw.replace("\n", " "))
