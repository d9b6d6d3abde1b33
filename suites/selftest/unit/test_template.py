"""Recipes: placeholders are filled, doubled braces are literal, all else is a mistake."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import template

NAMES = ("architecture", "cc", "jobs", "sysroot")
# Texts that are mostly braces, so that most of them are mistakes.
BRACED = st.one_of(st.text(), st.text(st.sampled_from("{}!:.[]c$ \n")))


def doubled(literal: str) -> str:
    """Text as a recipe writes it."""
    return literal.replace("{", "{{").replace("}", "}}")


@given(st.lists(st.one_of(st.text(), st.sampled_from(NAMES).map(lambda name: (name,)))))
def test_a_recipe_is_its_pieces(pieces: list[str | tuple[str]]) -> None:
    """Literal text comes out as it went in, placeholders as their values, in their order."""
    values = {name: f"<{{{name}}}>" for name in NAMES}
    recipe = "".join(
        doubled(piece) if isinstance(piece, str) else f"{{{piece[0]}}}" for piece in pieces
    )

    template.check(recipe, NAMES)

    assert template.render(recipe, values) == "".join(
        piece if isinstance(piece, str) else values[piece[0]] for piece in pieces
    )
    assert {name for name in NAMES if template.uses(recipe, name)} == {
        piece[0] for piece in pieces if isinstance(piece, tuple)
    }


@given(BRACED)
def test_what_was_checked_can_be_rendered(recipe: str) -> None:
    """Any text is refused with ValueError, or renders with the known placeholders alone."""
    try:
        template.check(recipe, NAMES)
    except ValueError as error:
        said = str(error)
    else:
        said = "write a literal brace twice"
        assert isinstance(template.render(recipe, dict.fromkeys(NAMES, "x")), str)
    assert "write a literal brace twice" in said


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("make {job}", "unknown placeholder {job}; did you mean {jobs}?"),
        ("make {nosuchthing}", "(known: {architecture}, {cc}, {jobs}, {sysroot};"),
        ("make {}", "unknown placeholder {}"),
        ("make {0}", "unknown placeholder {0}"),
        ("make {cc.real}", "unknown placeholder {cc.real}"),
        ("make {cc[0]}", "unknown placeholder {cc[0]}"),
        ("make {jobs!r}", "takes no format: {jobs!r}"),
        ("make {jobs:>3}", "takes no format: {jobs:>3}"),
        ("cd ${HOME}", "unknown placeholder {HOME}"),
        ("awk '{print $1}'", "unknown placeholder {print $1}"),
        ("f() {", "Single '{'"),
        ("make {cc", "expected '}'"),
        ("make }", "Single '}'"),
    ],
)
def test_a_mistake_is_told_with_its_mend(recipe: str, words: str) -> None:
    """Each mistake names the placeholder, what is known, and how to write a literal brace."""
    with pytest.raises(ValueError, match="write a literal brace twice, as in") as caught:
        template.check(recipe, NAMES)

    assert words in str(caught.value)
    assert "${{HOME}}" in str(caught.value)


def test_literal_braces_are_doubled() -> None:
    """A shell's own braces reach the shell."""
    recipe = "test -n ${{HOME}} && awk '{{print $1}}' && {cc} -v"

    assert template.render(recipe, {"cc": "gcc"}) == "test -n ${HOME} && awk '{print $1}' && gcc -v"


def test_values_are_not_templates() -> None:
    """Braces in a value stay braces: what is filled in is never filled in again."""
    assert template.render("{cc} {jobs}", {"cc": "{jobs}", "jobs": "2"}) == "{jobs} 2"
