"""``crossgate inspect``: what it prints and by what exit code it ends."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fixtures.cli import inspect_text
from fixtures.inspection.found import Found
from suites.selftest.harness import ROOT, environment
from suites.selftest.unit import archives
from suites.selftest.unit.elf_images import ARM64, IMAGES

NAMES = (
    *("e_machine", "bits", "endian", "e_flags", "e_type", "interpreter", "needed", "soname"),
    *("rpath", "runpath", "build_id", "version_needs", "max_glibc", "max_glibcxx", "bind_now"),
    *("pie", "relro", "gnu_stack", "rwx_load", "textrel", "stripped", "debug_info", "text_size"),
    *("data_size", "bss_size", "attributes", "gnu_property"),
)
"""What others build on."""


def inspect(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it in a folder."""
    return subprocess.run(
        [ROOT / "crossgate", "inspect", *words],
        cwd=folder,
        env=environment(DOCKER_HOST="unix:///nowhere"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some files."""
    made = tmp_path_factory.mktemp("inspect")
    (made / "tool").write_bytes(bytes(ARM64))
    (made / "cut").write_bytes(bytes(ARM64)[:-5])
    (made / "words").write_text("only words\n")
    (made / "run").write_text("#!/bin/sh\n")
    (made / "lib").write_bytes(bytes(IMAGES["library"]))
    (made / "wrong_1_arm64.deb").write_bytes(archives.deb({"bin/x": bytes(IMAGES["amd64"])}))
    (made / "holed.tar").write_bytes(archives.tar({"bin/x": bytes(ARM64)[:-5]}))
    return made


def test_json_has_the_names_that_others_build_on(folder: Path) -> None:
    """One entry a path, with every fact of an ELF file under its documented name."""
    ended = inspect(folder, "--json", "tool", "lib")
    first, second = json.loads(ended.stdout)

    assert ended.returncode == 0, ended.stderr
    assert {"path", "format", "size_bytes", "sha256", "facts", "findings"} <= first.keys()
    assert (first["path"], first["format"], second["path"]) == ("tool", "elf", "lib")
    assert set(NAMES) <= first["facts"].keys()
    assert second["facts"]["soname"] == "libdemo.so.1"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *(("tool", 0), ("run", 0), ("lib", 0), ("wrong_1_arm64.deb", 0)),
        *(("cut", 1), ("words", 1), ("nothing", 1), ("holed.tar", 1), (".", 1)),
    ],
)
def test_the_exit_code_says_whether_all_could_be_read(folder: Path, name: str, code: int) -> None:
    """1 where something is damaged, unknown or not there, at any depth; a remark is none of it."""
    ended = inspect(folder, name)

    assert ended.returncode == code, ended.stdout
    assert ("✗" in ended.stdout) == bool(code)
    assert ended.stderr == ""


def test_a_wrong_path_beside_a_right_one_loses_nothing(folder: Path) -> None:
    """All that can be read is told, whatever else was named."""
    ended = inspect(folder, "nothing", "tool")

    assert ended.returncode == 1
    assert "No such file" in ended.stdout
    assert "ELF arm64" in ended.stdout


def test_a_person_reads_what_matters(folder: Path) -> None:
    """A block names CPU, kind, size and what it needs; what is unusual has a mark."""
    text = inspect(folder, "tool", "wrong_1_arm64.deb").stdout

    assert "ELF arm64 dynamic program, 64-bit little-endian" in text
    assert "needs       libm.so.6, libc.so.6" in text
    assert "! nothing of it is read-only after relocation (no RELRO)" in text
    assert "! it is for arm64 and holds amd64 (wrong_1_arm64.deb!bin/x)" in text


def test_what_exports_nothing_is_no_baseline(folder: Path) -> None:
    """`--exports` of a file without any is an error, not an empty list that holds nothing."""
    ended = inspect(folder, "--exports", "tool")

    assert (ended.returncode, ended.stdout) == (4, "")
    assert "tool: no shared library with exports in it" in ended.stderr


def test_exports_are_a_baseline(folder: Path) -> None:
    """`--exports` prints what `policy.exports` reads: data with its size, and nothing else."""
    libraries = sorted(Path("/usr/lib").glob("*-linux-gnu*/libc.so.6"))
    if not libraries:
        pytest.skip("no glibc of Debian's on this machine")
    lines = inspect(folder, "--exports", str(libraries[0])).stdout.splitlines()

    assert any(line.startswith("printf@GLIBC_") for line in lines)
    assert any(line.startswith("environ@GLIBC_") and line.endswith((" 8", " 4")) for line in lines)


def test_colour_marks_what_is_wrong() -> None:
    """On a terminal a finding is red and a remark yellow, each in its own line."""
    found = Found(
        path="x",
        format="elf",
        size_bytes=1,
        sha256=None,
        findings=("damaged",),
        remarks=("unusual",),
    )
    text = list(inspect_text.block(found, colour=True))

    assert "  \x1b[31m✗ damaged\x1b[0m" in text
    assert "  \x1b[33m! unusual\x1b[0m" in text


def test_wrong_usage_is_told(folder: Path) -> None:
    """Without a path there is nothing to inspect, which is wrong usage."""
    assert inspect(folder).returncode == 4
