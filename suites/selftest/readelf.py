"""What GNU readelf and size say of an ELF file, under the names of our facts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.inspection.elf.versions import highest

# What `readelf` calls the machines (binutils, get_machine_name).
MACHINES: Final = {
    "EM_X86_64": "Advanced Micro Devices X86-64",
    "EM_AARCH64": "AArch64",
    "EM_386": "Intel 80386",
    "EM_ARM": "ARM",
    "EM_RISCV": "RISC-V",
    "EM_S390": "IBM S/390",
    "EM_PPC64": "PowerPC64",
    "EM_MIPS": "MIPS R3000",
}


def comparable(facts: dict[str, Any]) -> dict[str, Any]:
    """Our facts, as far as readelf shows them too and in its words."""
    names = (
        *("bits", "endian", "e_flags", "e_type", "interpreter", "needed", "soname", "rpath"),
        *("runpath", "build_id", "version_needs", "max_glibc", "max_glibcxx", "bind_now", "pie"),
        *("relro", "gnu_stack", "rwx_load", "textrel", "stripped", "debug_info"),
    )
    attributes = facts["attributes"] or {}
    properties = facts["gnu_property"] or {}
    return {name: facts[name] for name in names} | {
        "machine": MACHINES.get(facts["e_machine"], facts["e_machine"]),
        "attributes": {name: str(value) for name, value in attributes.items()},
        "properties": [f"{name}: {', '.join(words)}" for name, words in properties.items()],
        "exports": len(facts["exports"]),
    }


def shown_by_readelf(file: Path) -> dict[str, Any]:
    """The facts of a file as GNU readelf shows them; skips the test where there is none."""
    shown = _run("readelf", "-hldWVSnA", "--dyn-syms", file)

    def found(pattern: str) -> str | None:
        match = re.search(pattern, shown, re.MULTILINE)
        return match[1] if match else None

    needs = shown.partition("Version needs section")[2].partition("\n\n")[0]
    versions = sorted(set(re.findall(r"Name: (\S+)  Flags", needs)))
    flags, flags_1 = found(r"\(FLAGS\)\s+(.*)") or "", found(r"\(FLAGS_1\)\s+Flags: (.*)") or ""
    bind_now = "(BIND_NOW)" in shown or "BIND_NOW" in flags or "NOW" in flags_1.split()
    stack = found(r"^\s+GNU_STACK\s+(?:0x\w+\s+){5}([RWE ]+?)\s+0x")
    words = found(r"^File Attributes\n((?:  .*\n)+)") or ""
    properties = re.search(r"Properties: (.*(?:\n\t.*)*)", shown)
    return {
        "bits": int(found(r"Class:\s+ELF(\d+)") or 0),
        "endian": found(r"Data:.*, (little|big) endian"),
        "e_flags": int(found(r"Flags:\s+(0x[0-9a-f]+)") or "-1", 16),
        "e_type": "ET_" + (found(r"Type:\s+([A-Z]+)") or ""),
        "interpreter": found(r"Requesting program interpreter: (.*)\]"),
        "needed": re.findall(r"\(NEEDED\).*\[(.*)\]", shown),
        "soname": found(r"\(SONAME\).*\[(.*)\]"),
        "rpath": found(r"\(RPATH\).*\[(.*)\]"),
        "runpath": found(r"\(RUNPATH\).*\[(.*)\]"),
        "build_id": found(r"Build ID: ([0-9a-f]+)"),
        "version_needs": versions,
        "max_glibc": highest(versions, "GLIBC"),
        "max_glibcxx": highest(versions, "GLIBCXX"),
        "bind_now": bind_now,
        "pie": "Position-Independent Executable" in shown,
        "relro": ("full" if bind_now else "partial") if "GNU_RELRO" in shown else "none",
        "gnu_stack": stack.replace(" ", "") if stack else None,
        "rwx_load": bool(re.search(r"^\s+LOAD\s+.*RWE", shown, re.MULTILINE)),
        "textrel": "(TEXTREL)" in shown or "TEXTREL" in flags,
        "stripped": not re.search(r"\]\s+\.symtab\s+SYMTAB", shown),
        "debug_info": bool(re.search(r"\]\s+\.z?debug_info\s+(?!NOBITS)", shown)),
        "machine": found(r"Machine:\s+(.*)"),
        "attributes": dict(
            line.strip().replace('"', "").split(": ", 1) for line in words.splitlines()
        ),
        "properties": [line.strip() for line in properties[1].split("\n\t")] if properties else [],
        "exports": _exports(shown),
    }


def shown_by_size(file: Path) -> dict[str, int]:
    """Text, data and bss of a file as GNU size shows them; it must know the file's CPU."""
    text, data, bss = _run("size", file).splitlines()[1].split()[:3]
    return {"text_size": int(text), "data_size": int(data), "bss_size": int(bss)}


def _exports(shown: str) -> int:
    table = shown.partition("Symbol table '.dynsym'")[2]
    rows = [line.split() for line in table.splitlines()[2:] if re.match(r"\s+\d+:", line)]
    return sum(
        1
        for row in rows
        if len(row) >= 8
        and row[4] in ("GLOBAL", "WEAK", "UNIQUE")
        and row[5] in ("DEFAULT", "PROTECTED")
        and row[6] != "UND"
        # The marker of a version itself.
        and not (row[6] == "ABS" and row[7].partition("@")[0] == row[7].rpartition("@")[2])
    )


def _run(tool: str, *arguments: str | Path) -> str:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} (binutils) is not installed")
    return subprocess.run(
        [tool, *arguments],
        env={**os.environ, "LC_ALL": "C"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    ).stdout.decode("utf-8", "replace")
