"""Mutations of a file's content, the same ones at every run, and what comes of them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from fixtures.core.errors import ArtifactError

_WORDS: Final = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)


def mutants(contents: Sequence[bytes], count: int) -> Iterator[bytes]:
    """`count` mutants: bits flipped, numbers replaced, pieces cut out, moved and put together."""
    chance = random.Random(0)
    for _ in range(count):
        content = bytearray(chance.choice(contents))
        for _ in range(chance.choice((1, 1, 2, 3, 8))):
            if content:
                _mutate(content, chance.choice(contents), chance)
        yield bytes(content)


def outcome(facts_of: Callable[[bytes], Any], content: bytes) -> str:
    """The first two words of the complaint where it is refused, ``"read"`` where it has facts."""
    try:
        json.dumps(facts_of(content))
    except ArtifactError as error:
        return " ".join(str(error).split()[:2])
    return "read"


OUTCOMES: Final = {"a damaged", "a truncated", "read"}
"""All that may come of a mutant."""


def _mutate(content: bytearray, other: bytes, chance: random.Random) -> None:
    # Headers are at the start, so most of what can go wrong is there.
    at = chance.randrange(min(len(content), chance.choice((64, 512, 4096, len(content)))))
    match chance.randrange(7):
        case 0 | 1:
            content[at] ^= 1 << chance.randrange(8)
        case 2 | 3:
            order = chance.choice(("little", "big"))
            content[at & ~3 : (at & ~3) + 4] = _number(chance.choice(_WORDS), order)
        case 4:
            place = chance.randrange(len(other))
            content[at : at + 64] = other[place : place + 64]
        case 5:
            del content[at : at + chance.randrange(1, 32)]
        case _:
            del content[chance.randrange(len(content)) :]


def _number(value: int, order: str) -> bytes:
    return value.to_bytes(4, "little" if order == "little" else "big")
