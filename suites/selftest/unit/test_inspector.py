"""The process that reads files: what happens to it is a finding of the file, and it comes back."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from fixtures.inspection.limits import Limits
from fixtures.inspection.process import Inspector
from suites.selftest.unit import archives
from suites.selftest.unit.elf_images import ARM64
from suites.selftest.unit.pe_images import IMAGES as PE


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A small ELF file."""
    file = tmp_path / "program"
    file.write_bytes(bytes(ARM64))
    return file


def test_files_are_read_one_after_another(program: Path, tmp_path: Path) -> None:
    """One process reads them all, and answers in order."""
    package = tmp_path / "package.tar"
    package.write_bytes(archives.tar({"bin/tool": bytes(ARM64)}))

    with Inspector() as inspector:
        first = inspector.inspect(program, "program")
        second = inspector.inspect(package, "package.tar")
        again = inspector.inspect(program, "program")

    assert (first.format, first.facts["e_machine"]) == ("elf", "EM_AARCH64")
    assert [member.path for member in second.members] == ["package.tar!bin/tool"]
    assert again == first


def test_a_file_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    """What can't be opened is said, and stops nothing."""
    with Inspector() as inspector:
        found = inspector.inspect(tmp_path / "nothing", "nothing")

    assert found.findings == ("it can't be read: No such file or directory",)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_a_reader_that_dies_is_a_finding_and_is_replaced(program: Path) -> None:
    """A crash costs one file its facts, and the next is read by a new process."""
    with Inspector() as inspector:
        inspector.inspect(program, "program")
        assert inspector._process is not None
        inspector._process.send_signal(signal.SIGSTOP)
        os.kill(inspector._process.pid, signal.SIGSEGV)
        os.kill(inspector._process.pid, signal.SIGCONT)
        died = inspector.inspect(program, "program")
        alive = inspector.inspect(program, "program")

    # Whether it was already gone when it was asked is up to the system: then it was replaced.
    assert alive.facts["e_machine"] == "EM_AARCH64"
    assert not died.findings or "its reader crashed (SIGSEGV" in died.findings[0]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_a_reader_that_hangs_is_a_finding_and_is_replaced(program: Path) -> None:
    """What counts no time of its own is ended from outside."""
    with Inspector(limits=Limits(seconds=0.3), grace_s=0.2) as inspector:
        inspector.inspect(program, "program")
        assert inspector._process is not None
        inspector._process.send_signal(signal.SIGSTOP)
        hung = inspector.inspect(program, "program")

    assert "still not read after" in hung.findings[0]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_memory_is_limited(tmp_path: Path) -> None:
    """A file whose reading takes more memory than is allowed is a finding."""
    file = tmp_path / "program.exe"
    file.write_bytes(bytes(PE["amd64"]))

    with Inspector(memory_bytes=64 * 1024**2) as inspector:
        found = inspector.inspect(file, "program.exe")

    assert found.findings


def test_time_is_limited(program: Path) -> None:
    """A file that takes longer than its share is a finding that says so."""
    with Inspector(limits=Limits(seconds=0, bytes_per_second=10**15)) as inspector:
        found = inspector.inspect(program, "program")

    assert "still not read after" in found.findings[0]


def test_what_is_on_the_caller_s_path_is_not_imported(
    program: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file in the current folder that is called as a module is none of ours."""
    (tmp_path / "fixtures.py").write_text("raise SystemExit(9)")
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)

    with Inspector() as inspector:
        assert inspector.inspect(program, "program").format == "elf"
