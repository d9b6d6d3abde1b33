"""The facts of WebAssembly files: true ones are read, damaged ones are refused."""

from __future__ import annotations

import io
from typing import Any, Final

import pytest

from fixtures.core.errors import ArtifactError
from fixtures.inspection.wasm import read_facts
from suites.selftest.unit import wasm_images as images
from suites.selftest.unit.mutants import OUTCOMES, mutants, outcome
from suites.selftest.unit.wasm_images import (
    CODE,
    COMMENTED,
    COMPONENT,
    DATA,
    EXPORTS,
    FUNCTIONS,
    HEADER,
    IMPORTS,
    MEMORY,
    MEMORY64,
    PROGRAM,
    TYPES,
    custom,
    section,
)

DEFECTS: Final = {
    "version": (b"\0asm\2\0\0\0" + TYPES, "version"),
    "empty": (HEADER, "nothing after its header"),
    "unknown section": (PROGRAM + section(14, b""), "no known kind"),
    "order": (HEADER + MEMORY + TYPES, "not in order"),
    "twice": (HEADER + TYPES + TYPES, "not in order"),
    "too few bodies": (HEADER + TYPES + FUNCTIONS + EXPORTS, "1 functions and 0 bodies"),
    "too many bodies": (HEADER + TYPES + EXPORTS + CODE, "0 functions and 1 bodies"),
    "data missing": (PROGRAM.removesuffix(DATA), "1 data segments announced, 0 there"),
    "useless": (HEADER + TYPES + IMPORTS, "ends before anything"),
    "unused": (HEADER + TYPES + FUNCTIONS + CODE, "ends before anything"),
    "section too long": (HEADER + b"\1\xff\xff\xff\xff\x0f" + TYPES, "a truncated"),
    "number too long": (HEADER + b"\1\x80\x80\x80\x80\x80\x80\0", "too many bytes"),
    "number too large": (HEADER + b"\1\xff\xff\xff\xff\x7f", "beyond 32 bits"),
    "many exports": (HEADER + section(7, b"\xff\xff\xff\xff\x0f"), "in the middle of an entry"),
    "rest": (HEADER + section(7, b"\0\0"), "longer than what is in it"),
    "body beyond": (HEADER + TYPES + FUNCTIONS + section(10, b"\1\7\0\x0b"), "beyond the code"),
    "import of what": (HEADER + section(2, b"\1\0\0\x09"), "no known kind"),
    "limits of what": (HEADER + section(5, b"\1\x40\1"), "no known kind"),
    "name beyond": (HEADER + section(0, b"\x09abc"), "in the middle of an entry"),
}


def facts_of(content: bytes) -> dict[str, Any]:
    """The facts of a file's content."""
    return read_facts(io.BytesIO(content), len(content))


def test_facts_are_what_the_program_says() -> None:
    """Imports, exports, memory and sizes of sections are read from a program."""
    facts = facts_of(PROGRAM)

    expected = {
        "machine": "wasm32",
        "architecture": "wasm32",
        "bits": 32,
        "endian": "little",
        "type": "executable",
        "imports": ["wasi_snapshot_preview1.proc_exit", "env.table"],
        "imports_count": 2,
        "needed": ["env", "wasi_snapshot_preview1"],
        "exports": ["_start", "memory"],
        "memory64": False,
        "features": None,
        "producers": None,
        "debug_info": False,
        "names": False,
        "stripped": True,
        "text_size": 4,
        "data_size": 8,
        "bss_size": None,
        "allocated_size": 2 * 65_536,
    }
    assert {fact: facts[fact] for fact in expected} == expected
    assert facts["sections"][:2] == [["type", 4], ["import", 51]]


def test_custom_sections_say_who_made_it_and_what_it_asks_for() -> None:
    """Target features, producers and debug information come from their custom sections."""
    facts = facts_of(COMMENTED)

    assert facts["features"] == ["+sign-ext", "-atomics"]
    assert facts["producers"] == {"language": ["C11"], "processed-by": ["clang 22.1"]}
    assert (facts["debug_info"], facts["stripped"]) == (True, False)


def test_names_alone_are_no_debug_information() -> None:
    """The section of names is told apart from DWARF, and its file is not stripped."""
    facts = facts_of(PROGRAM + custom("name", b""))

    assert (facts["names"], facts["debug_info"], facts["stripped"]) == (True, False, False)


def test_a_custom_section_stands_for_no_other() -> None:
    """A custom section that calls itself ``code`` changes neither sizes nor what is needed."""
    assert facts_of(PROGRAM + custom("code", bytes(50)))["text_size"] == 4
    with pytest.raises(ArtifactError, match="ends before anything"):
        facts_of(HEADER + TYPES + custom("export", b""))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PROGRAM, "executable"),
        (HEADER + MEMORY + section(7, b"\1\1m\2\0"), "library"),
        (HEADER + TYPES + custom("linking", b"\2"), "object"),
        (HEADER + custom("dylink.0", b""), "library"),
        (COMPONENT + section(7, b"\0"), "component"),
    ],
)
def test_the_type_is_told_by_how_it_is_used(content: bytes, kind: str) -> None:
    """What starts is a program, what is to be linked an object, and the rest a library."""
    assert facts_of(content)["type"] == kind


def test_memory_of_64_bits_makes_it_wasm64() -> None:
    """A memory with 64-bit addresses is the other machine."""
    facts = facts_of(PROGRAM.replace(MEMORY, MEMORY64))

    assert (facts["machine"], facts["bits"], facts["memory64"]) == ("wasm64", 64, True)


def test_imported_memory_is_not_counted_as_its_own() -> None:
    """Memory that another gives is counted by that one."""
    memory = section(2, b"\1\1e\1m\2\0\5")

    facts = facts_of(HEADER + memory + section(11, b"\1\0\x41\0\x0b\0"))

    assert (facts["imports"], facts["allocated_size"]) == (["e.m"], 0)


def test_every_truncation_is_refused() -> None:
    """No byte can be cut off a program that counts its data without it being refused."""
    for length in range(len(PROGRAM)):
        with pytest.raises(ArtifactError, match=r"a truncated|a damaged"):
            facts_of(PROGRAM[:length])


def test_only_between_sections_after_the_program_can_it_be_cut() -> None:
    """The format has no end mark: only whole custom sections can be missing unnoticed."""
    whole = [PROGRAM, PROGRAM + images.FEATURES, PROGRAM + images.FEATURES + images.PRODUCERS]

    for length in range(len(COMMENTED)):
        if COMMENTED[:length] in whole:
            facts_of(COMMENTED[:length])
        else:
            with pytest.raises(ArtifactError, match=r"a truncated|a damaged"):
                facts_of(COMMENTED[:length])


@pytest.mark.parametrize("defect", DEFECTS)
def test_damage_is_named(defect: str) -> None:
    """What can't be right is refused with what is wrong about it."""
    content, complaint = DEFECTS[defect]

    with pytest.raises(ArtifactError, match=complaint):
        facts_of(content)


def test_mutants_are_refused_or_read() -> None:
    """Whatever is wrong with a file, reading it gives facts or ArtifactError, nothing else."""
    outcomes = {outcome(facts_of, content) for content in mutants([PROGRAM, COMMENTED], 4000)}

    assert outcomes == OUTCOMES
