"""The launchers: one for POSIX shells and one for Windows, which do the same."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from fixtures.cli import environment as maker
from suites.selftest.harness import ROOT

POSIX = (ROOT / "crossgate").read_bytes()
WINDOWS = (ROOT / "crossgate.cmd").read_bytes()


def _files(script: bytes) -> set[str]:
    """The files of the checkout that a launcher names."""
    text = script.decode("ascii").replace("\\", "/").replace("%root%", "$root")
    return set(re.findall(r"\$root/([^\s\";]+)", text))


def test_the_windows_launcher_is_as_cmd_reads_it() -> None:
    """ASCII, whatever the code page; CRLF, without which cmd.exe loses its labels."""
    WINDOWS.decode("ascii")

    assert WINDOWS.count(b"\r\n") == WINDOWS.count(b"\n") == WINDOWS.count(b"\r")
    assert POSIX.count(b"\r") == 0


def test_the_launchers_name_the_same_files() -> None:
    """Each runs the same Python, compares the same locks and has the same maker of them."""
    windows = _files(WINDOWS)

    assert windows == _files(POSIX) - {".venv/bin/python"}
    assert "fixtures/cli/environment.py" in windows
    assert (ROOT / "fixtures/cli/environment.py").is_file()
    assert f".venv/{maker.LOCK}" in windows


def test_the_launchers_run_the_same_program() -> None:
    """Both import the subcommands in the same words, and want the same Python."""
    for words in (
        b"sys.path.insert(0, sys.argv.pop(1))",
        b"from fixtures.cli.main import main; sys.exit(main())",
        b"sys.version_info < (3, 11)",
        b"exit 3",
    ):
        assert words in POSIX
        assert words.replace(b"exit 3", b"exit /b 3") in WINDOWS


def test_every_label_that_is_jumped_to_is_there() -> None:
    """cmd.exe finds a missing one out only when it jumps."""
    jumped = set(re.findall(rb"goto (\w+)", WINDOWS))

    assert jumped == set(re.findall(rb"^:(\w+)", WINDOWS, re.MULTILINE))


@pytest.mark.parametrize(
    ("file", "eol"),
    [
        ("crossgate", "lf"),
        (".ci/run", "lf"),
        ("docker/gcc/Dockerfile", "lf"),
        ("docker/gcc/cross.Dockerfile", "lf"),
        ("docker/packages/install.sh", "lf"),
        ("requirements.lock", "lf"),
        ("crossgate.cmd", "crlf"),
    ],
)
def test_a_checkout_anywhere_has_line_ends_that_run(file: str, eol: str) -> None:
    """git is told so, since what it is set up for on Windows would change them."""
    said = subprocess.run(
        ["git", "check-attr", "eol", "--", file],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout

    assert (ROOT / file).is_file()
    assert said.strip() == f"{file}: eol: {eol}"


def test_an_environment_is_looked_for_where_its_system_has_it(tmp_path: Path) -> None:
    """One that a Linux made in a folder shared with Windows is none of Windows'."""
    assert maker.python_in(tmp_path, "linux") == tmp_path / "bin" / "python"
    assert maker.python_in(tmp_path, "win32") == tmp_path / "Scripts" / "python.exe"


def test_commands_are_shown_in_the_shells_own_words() -> None:
    """What is printed can be pasted: with cmd's quotes on Windows, the shell's elsewhere."""
    command = ["copy", "C:\\a b\\x", "y"]

    assert maker.show(command, "win32") == 'copy "C:\\a b\\x" y'
    assert maker.show(command, "linux") == "copy 'C:\\a b\\x' y"
