"""Getting an engine, as far as it can be told without touching this host's."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from fixtures.core.errors import InfrastructureError
from fixtures.engine import probe, setup
from fixtures.engine.discovery import Candidate

NOWHERE = "unix:///nonexistent/engine.sock"


def _no_engine(monkeypatch: pytest.MonkeyPatch, explicit: bool) -> None:
    candidate = Candidate(
        source="DOCKER_HOST" if explicit else "Docker", address=NOWHERE, explicit=explicit
    )
    tried = (probe.Tried(candidate=candidate, problem="no such socket"),)
    monkeypatch.setattr(probe, "find", lambda *_: (None, tried))


def test_a_named_engine_that_is_dead_has_no_substitute(monkeypatch: pytest.MonkeyPatch) -> None:
    """With DOCKER_HOST set, no other engine is used and none is installed: it is named."""
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    said: list[str] = []
    with pytest.raises(setup.EngineMissingError) as caught:
        setup.ensure(said.append)

    assert NOWHERE in str(caught.value)
    assert "correct or unset the variable" in str(caught.value)
    assert said == []


@pytest.mark.parametrize(
    ("system", "mend"), [("linux", "docker.io"), ("darwin", "colima"), ("win32", "winget")]
)
def test_the_mend_is_for_this_system(
    monkeypatch: pytest.MonkeyPatch, system: str, mend: str
) -> None:
    """Linux, macOS and Windows each get the commands that work there."""
    _no_engine(monkeypatch, explicit=False)
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(setup.EngineMissingError, match=mend):
        setup.find()


def test_setup_never_prints_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Crossgate could set an engine up and may not, it prints what it would have run."""
    _no_engine(monkeypatch, explicit=False)
    monkeypatch.setattr(setup, "_can_set_up", lambda: True)
    monkeypatch.setenv("CROSSGATE_SETUP", "never")
    said: list[str] = []
    with pytest.raises(
        setup.EngineMissingError, match=re.escape("CROSSGATE_SETUP=never")
    ) as caught:
        setup.ensure(said.append)

    assert re.search(
        r"^  (setsid dockerd|systemctl start docker)$", str(caught.value), re.MULTILINE
    )
    assert said == []


def test_a_command_that_is_there_is_not_installed() -> None:
    """Nothing is said or done for what the host has already."""
    said: list[str] = []

    setup.ensure_command("sh", "no-such-package", said.append)

    assert said == []


def test_a_command_that_is_missing_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where nothing may be installed, the error is the command to run."""
    monkeypatch.setenv("CROSSGATE_SETUP", "never")
    with pytest.raises(InfrastructureError, match=r"install .*some-package"):
        setup.ensure_command("no-such-command-here", "some-package", lambda _: None)


def test_a_pid_file_of_another_process_is_not_the_daemons(tmp_path: Path) -> None:
    """A number that another process has got since is no running daemon."""
    file = tmp_path / "docker.pid"
    file.write_text("1")

    assert setup._pid_of(file, "dockerd") is None
    assert setup._pid_of(tmp_path / "missing.pid", "dockerd") is None
