"""Whether a process has ended is never claimed of one that runs, whatever the system tells."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from fixtures import host, progress, windows
from fixtures.progress import Event, Kind

WAIT_TIMEOUT, ENDED = 0x102, 0
DENIED, INVALID = 5, 87


@pytest.fixture
def no_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system that has no /proc, as macOS and Windows."""
    monkeypatch.setattr(host, "PROC", tmp_path / "proc")
    host._boot_id.cache_clear()
    host.cpu_model.cache_clear()
    yield
    host._boot_id.cache_clear()
    host.cpu_model.cache_clear()


@pytest.fixture
def ended() -> int:
    """The number of a process that has ended, and that nobody has had since."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_without_proc_a_process_is_its_number(no_proc: None) -> None:
    """Nothing else is known there, and that is not an error."""
    here = host.this_process()

    assert here == host.Process(boot="", pid_namespace="", pid=os.getpid(), start=0)
    assert not host.is_running(os.getpid(), "python")
    host.cpu_model()


def test_without_proc_nobody_is_claimed_gone(no_proc: None, ended: int) -> None:
    """An engine may be shared by hosts: a number that is free on this one says nothing there."""
    here = host.this_process()

    assert host.is_gone(here) is None
    assert host.is_gone(replace(here, pid=ended)) is None


def test_without_proc_a_free_number_tells_of_this_host(no_proc: None, ended: int) -> None:
    """Who wrote on this host and has no number any more has ended; a taken number says nothing."""
    here = host.this_process()

    assert host.has_ended(replace(here, pid=ended)) is True
    assert host.has_ended(here) is None
    assert host.has_ended(replace(here, pid=os.getppid())) is None


def test_without_proc_an_event_of_a_process_that_ended(no_proc: None, ended: int) -> None:
    """A build whose process died is not shown as running for ever there either."""
    event = Event(target="a", kind=Kind.STARTED, at=1, pid=os.getpid())

    assert not progress.is_orphan(event)
    assert progress.is_orphan(replace(event, pid=ended))


@pytest.mark.skipif(sys.platform != "linux", reason="there is /proc on Linux alone")
def test_what_proc_hides_is_not_gone(monkeypatch: pytest.MonkeyPatch, ended: int) -> None:
    """Processes of other users, of which hidepid shows nothing, are not taken for ended ones."""
    here = host.this_process()
    monkeypatch.setattr(host, "_stat", lambda pid: None)

    assert host.is_gone(here) is None
    assert host.is_gone(replace(here, pid=ended)) is True


def test_a_number_is_alive_as_long_as_somebody_has_it(ended: int) -> None:
    """Whoever owns the process; numbers that no process can have are free."""
    assert host.is_alive(os.getpid())
    assert host.is_alive(1)
    assert not any(host.is_alive(pid) for pid in (ended, 0, -1, 2**70))


def test_another_users_process_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may not be signalled is there."""

    def deny(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", deny)

    assert host.is_alive(4711)


def test_wsl_and_its_drives_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """WSL 2 is told by its kernel's name, drives of Windows by their mounts; elsewhere is none."""
    (tmp_path / "sys/kernel").mkdir(parents=True)
    (tmp_path / "self").mkdir()
    mounts = [
        "/dev/sdc / ext4 rw 0 0",
        r"C:\134 /mnt/c 9p rw,aname=drvfs;path=C:\134 0 0",
        r"D:\134 /mnt/my\040drive 9p rw,aname=drvfs 0 0",
        "drivers /usr/lib/wsl/drivers 9p ro,aname=drivers 0 0",
    ]
    (tmp_path / "self/mounts").write_text("\n".join(mounts))
    (tmp_path / "sys/kernel/osrelease").write_text("5.15.167.4-microsoft-standard-WSL2\n")
    monkeypatch.setattr(host, "PROC", tmp_path)

    assert host.kind() == "wsl2"
    assert host.windows_drives() == [Path("/mnt/c"), Path("/mnt/my drive")]

    (tmp_path / "sys/kernel/osrelease").write_text("6.12.48-amd64\n")
    assert host.kind() == "any"
    monkeypatch.setattr(host, "PROC", tmp_path / "none")
    assert (host.kind(), host.windows_drives()) == ("any", [])


@dataclass
class Kernel:
    """Windows with one process, number 7; `error` is of opening any other."""

    failure: int = INVALID
    state: int = WAIT_TIMEOUT
    calls: list[str] = field(default_factory=list)

    def open(self, access: int, pid: int) -> int:
        """The process's handle."""
        self.calls.append("open")
        return 42 if pid == 7 else 0

    def error(self) -> int:
        """Why there was no handle."""
        return self.failure

    def wait(self, handle: int, milliseconds: int) -> int:
        """For ever is until the process has ended."""
        self.calls.append(f"wait {milliseconds}")
        return ENDED if milliseconds == 0xFFFFFFFF else self.state

    def close(self, handle: int) -> None:
        """The handle is given back."""
        self.calls.append("close")


def test_windows_tells_by_handles_who_is_alive() -> None:
    """A running process, one that ended, one that may not be opened, and a number of nobody."""
    running, over = Kernel(), Kernel(state=ENDED)

    assert windows.is_alive(7, running)
    assert not windows.is_alive(7, over)
    assert windows.is_alive(8, Kernel(failure=DENIED))
    assert not windows.is_alive(8, Kernel())
    assert running.calls == over.calls == ["open", "wait 0", "close"]


def test_windows_waits_for_a_process_by_its_handle() -> None:
    """The wait ends with the process, at once where it is gone; what can't be watched is said."""
    kernel = Kernel()

    assert windows.wait_for(7, kernel)
    assert kernel.calls == ["open", f"wait {0xFFFFFFFF}", "close"]
    assert windows.wait_for(8, Kernel())
    assert not windows.wait_for(8, Kernel(failure=DENIED))


def test_nothing_is_killed_on_windows_to_see_whether_it_lives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There os.kill(pid, 0) would send Ctrl-C: the handle is asked instead."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(windows, "is_alive", lambda pid: pid == 4711)
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("a signal was sent"))

    assert host.is_alive(4711)
    assert not host.is_alive(4712)
