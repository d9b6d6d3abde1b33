"""`crossgate shell`: what one finds in it, by a pipe and on a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from fixtures.building import layout
from suites.selftest.harness import FOREIGN, NATIVE, ROOT, TIMEOUT_S, manifest_text, project

pytestmark = pytest.mark.integration

FILES: Final = {"hello.c": "int main(void) { return 0; }\n"}
TEXT: Final = manifest_text(
    {
        "good": {
            "build": "{cc} -o hello hello.c",
            "artifacts": ["hello"],
            "architectures": [NATIVE, FOREIGN],
            "environment": ["XG_SET=here"],
        },
        "bad": {
            "build": "echo made > half-made\necho 'this is why' >&2\nexit 9",
            "artifacts": ["hello"],
            "architectures": [NATIVE],
        },
        "finished": {
            "source": {"prebuilt": "dist"},
            "artifacts": ["hello"],
            "architectures": [NATIVE],
        },
    }
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of which one build succeeds and one fails."""
    return project(tmp_path_factory.mktemp("shell") / "demo", TEXT, FILES)


def command(folder: Path, *words: str) -> list[str]:
    """The command line of a shell for a target of the project."""
    return ["./crossgate", "shell", "--manifest", str(folder / "crossgate.toml"), *words]


def shell(folder: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """A shell with pipes for its input and output."""
    return subprocess.run(
        command(folder, *words),
        cwd=ROOT,
        input=typed,
        text=True,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_a_shell_is_where_the_build_left_off(folder: Path) -> None:
    """The artifacts are there, in the build's folder, as its user, with its environment."""
    done = shell(folder, f"good-{FOREIGN}-gcc", typed="ls; id -u; pwd; echo $XG_SET; exit 7\n")

    assert done.returncode == 7, done.stderr
    assert done.stdout.split() == ["hello", "hello.c", "1000", layout.TREE, "here"]
    assert "the build ended with exit code 0" in done.stderr


def test_a_failed_build_can_be_looked_at(folder: Path) -> None:
    """After a failure one finds what it had made until then, and its log above the prompt."""
    done = shell(folder, f"bad-{NATIVE}-gcc", "--", "cat", "half-made")

    assert (done.returncode, done.stdout) == (0, "made\n"), done.stderr
    assert "this is why" in done.stderr
    assert "the build ended with exit code 9" in done.stderr


def test_a_shell_before_the_build(folder: Path) -> None:
    """With --no-build there is the source alone; with --root, root."""
    done = shell(folder, f"good-{NATIVE}-gcc", "--no-build", "--root", typed="ls; id -u\n")

    assert done.stdout.split() == ["hello.c", "0"], done.stderr


def test_a_target_that_is_not_there(folder: Path) -> None:
    """A misspelt target is told with the nearest one; what is prebuilt has no container."""
    wrong = shell(folder, f"god-{NATIVE}-gcc")
    prebuilt = shell(folder, f"finished-{NATIVE}-prebuilt")

    assert wrong.returncode == 4
    assert f"did you mean good-{NATIVE}-gcc?" in wrong.stderr
    assert prebuilt.returncode == 4
    assert "not built" in prebuilt.stderr


PROMPT: Final = "$ "


class Typist:
    """A person at a terminal with a shell on it."""

    def __init__(self, folder: Path, *words: str) -> None:
        self._terminal, other = pty.openpty()
        self.process = subprocess.Popen(
            command(folder, *words),
            cwd=ROOT,
            stdin=other,
            stdout=other,
            stderr=other,
            env={**os.environ, "TERM": "xterm"},
        )
        os.close(other)
        self._seen = ""

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._terminal, keys.encode())

    def wait_for(self, words: str, patience_s: float = 120) -> None:
        """Read until something is on the screen that was not before."""
        while words not in self._seen:
            ready, _, _ = select.select([self._terminal], [], [], patience_s)
            assert ready, f"{words!r} did not come: {self._seen[-2000:]!r}"
            piece = b""
            with contextlib.suppress(OSError):
                piece = os.read(self._terminal, 65536)
            assert piece or self.process.poll() is None, self._seen[-2000:]
            self._seen += piece.decode("utf-8", "replace")
        self._seen = self._seen.partition(words)[2]

    def close(self) -> None:
        """Hang up."""
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)


@pytest.fixture
def typist(folder: Path) -> Iterator[Typist]:
    """Somebody at a shell."""
    person = Typist(folder, f"good-{NATIVE}-gcc")
    try:
        yield person
    finally:
        person.close()


def test_a_shell_on_a_terminal(typist: Typist) -> None:
    """On a terminal the shell has one too: a prompt, Ctrl-C for what runs in it, an exit code."""
    typist.wait_for(PROMPT)
    typist.type("test -t 0 && echo terminal-$((40 + 2))\r")
    typist.wait_for("terminal-42")
    typist.wait_for(PROMPT)
    # What runs says so itself, and is one process: shells forget a Ctrl-C that comes while they are
    # just starting a command.
    typist.type("perl -e '$| = 1; print \"waiting-\", 1 + 1; sleep 1000'; echo after-$((2 + 1))\r")
    typist.wait_for("waiting-2")
    typist.type("\x03")
    # Until the shell has its terminal back, what is pressed may be thrown away.
    typist.wait_for(PROMPT)
    typist.type("echo still-$((3 + 1)); exit 5\r")
    typist.wait_for("still-4")

    assert typist.process.wait(TIMEOUT_S) == 5
