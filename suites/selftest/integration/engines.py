"""A second engine on this machine, cut off from it, and hands on the engine of all runs."""

from __future__ import annotations

import contextlib
import io
import os
import select
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tarfile
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from fixtures.building import recipe
from fixtures.core import rows, targets
from fixtures.engine import probe
from fixtures.manifest_file import load_manifest
from suites.selftest.harness import NATIVE, TIMEOUT_S, environment

START_S: Final = 90
"""What an engine may take to start or to end before a test gives up on it."""

HANDLERS: Final = Path("/proc/sys/fs/binfmt_misc")

# Over /run, so that no other engine's containerd is there to be taken. All that the engine keeps is
# in memory: it goes with the namespace, and removing it from a disk was seen to take a minute.
_INSIDE: Final = """
set -e
folder=$1; shift
ip link set lo up
mount -t tmpfs none /run
mount -t tmpfs -o size=8g none "$folder/data"
for hidden; do mount -t tmpfs none "$hidden"; done
exec taskset --cpu-list "$(taskset --cpu-list --pid $$ | sed 's/.*: *//; s/[,-].*//')" \\
    dockerd --data-root "$folder/data" --exec-root /run/second --pidfile /run/second.pid \\
    --host "unix://$folder/engine.sock" --exec-opt native.cgroupdriver=cgroupfs \\
    --bridge=none --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false
"""
# Whatever ends this process, the namespaces' first process ends too, and with it all in them.
_CUT_OFF: Final = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
)


@dataclass(frozen=True, kw_only=True)
class SecondEngine:
    """An engine with one CPU and no network, that sees nothing of some of this host's folders."""

    folder: Path

    @property
    def socket(self) -> Path:
        return self.folder / "engine.sock"

    @property
    def address(self) -> str:
        return f"unix://{self.socket}"

    def take(self, tags: Sequence[str]) -> None:
        """Load images of the first engine; it has no network to get any by."""
        script = 'first=$1; shift; docker --host "$first" save "$@" | docker load'
        done = subprocess.run(
            ["sh", "-c", script, "take", address(), *tags],
            env=on(self.address),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()


@contextlib.contextmanager
def second_engine(hidden: Sequence[Path]) -> Iterator[SecondEngine]:
    """A second engine in namespaces of its own, where each of the folders `hidden` is empty.

    In a network namespace of its own, because two engines in one take each other's bridge away.
    Skips where it can't be had.
    """
    if sys.platform != "linux" or os.geteuid() != 0 or not address().startswith("unix:"):
        pytest.skip("only root on the engine's own host can start a second engine")
    missing = [
        name
        for name in ("dockerd", "docker", "unshare", "setpriv", "taskset", "ip", "mount")
        if not shutil.which(name)
    ]
    if missing:
        pytest.skip(f"a second engine needs {', '.join(missing)}")
    # Not in pytest's own folder: the path of a socket has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="crossgate-engine-"))
    (folder / "data").mkdir()
    log = folder / "engine.log"
    words = [*_CUT_OFF, "sh", "-c", _INSIDE, "engine", str(folder), *map(str, hidden)]
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/"
            )
        try:
            engine = SecondEngine(folder=folder)
            _wait_until_it_answers(engine, process, log)
            yield engine
        finally:
            _end(process)
    finally:
        shutil.rmtree(folder)


def _wait_until_it_answers(
    engine: SecondEngine, process: subprocess.Popen[bytes], log: Path
) -> None:
    for _ in range(START_S * 10):
        if probe.ping(engine.address) is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            break
    pytest.fail(f"the second engine did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End an engine and all that is in its namespaces, and wait for the last of it."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for child in map(int, children.read_text("ascii").split() if children.exists() else ()):
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(child)
            for number in (signal.SIGTERM, signal.SIGKILL):
                signal.pidfd_send_signal(handle, number)
                if select.select([handle], [], [], START_S)[0]:
                    break
            os.close(handle)
    process.kill()
    process.wait()


class _Forward(socketserver.BaseRequestHandler):
    """One connection, both ways; each ends by itself, as those of an attachment do."""

    server: _Forwarder

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.connect(str(self.server.to))
            back = threading.Thread(target=_copy, args=(other, self.request), daemon=True)
            back.start()
            _copy(self.request, other)
            back.join()


class _Forwarder(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, to: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Forward)
        self.to = to


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(64 * 1024):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def over_tcp(engine: SecondEngine) -> Iterator[str]:
    """The address of an engine that is reached by TCP."""
    with _Forwarder(engine.socket) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"tcp://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@contextlib.contextmanager
def without_handler(architecture: str) -> Iterator[None]:
    """The kernel runs no program of a CPU meanwhile: its handlers are disabled, not removed.

    Skips where that is not allowed, or where the engine's kernel is not this one.
    """
    if not address().startswith("unix:"):
        pytest.skip("the engine's kernel is not this one")
    handlers = [
        file
        for file in HANDLERS.glob(f"*{architecture}")
        if file.read_text("ascii", "replace").startswith("enabled")
    ]
    try:
        for file in handlers:
            file.write_text("0", "ascii")
    except OSError as error:
        pytest.skip(f"no handler may be disabled here: {error.strerror}")
    try:
        yield
    finally:
        for file in handlers:
            # Gone where somebody's run has taken it for broken, and registered it anew.
            with contextlib.suppress(FileNotFoundError):
                file.write_text("1", "ascii")


def address() -> str:
    """Where the engine of all other runs is reached."""
    candidate, _ = probe.find()
    assert candidate is not None, "no engine answers"
    return candidate.address


def on(at: str) -> dict[str, str]:
    """An environment in which the engine's command line speaks to an engine."""
    return environment(DOCKER_HOST=at)


def docker(*words: str, content: bytes = b"") -> str:
    """What the command line of the engine of all runs prints, with some bytes for its input."""
    done = subprocess.run(
        ["docker", *words],
        env=on(address()),
        input=content,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


class Names:
    """Names for images of a test, on the engine of all runs, that go with it."""

    def __init__(self) -> None:
        self._given: list[str] = []

    def new(self) -> str:
        """A name that nothing has; where a registry is asked for it, none answers, and at once."""
        self._given.append(f"127.0.0.1:1/crossgate-selftest-{uuid.uuid4().hex[:12]}:1")
        return self._given[-1]

    def imported(self, content: bytes) -> str:
        """The name of an image with the content of a tar."""
        name = self.new()
        docker("import", "-", name, content=content)
        return name

    def forget(self) -> None:
        """Remove the names, and each image with its last one."""
        for name in self._given:
            with contextlib.suppress(AssertionError):
                docker("image", "rm", name)


def root(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    """A root file system of these executable files and links, as a tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in ("bin", "tmp"):
            member = tarfile.TarInfo(folder)
            member.type, member.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            archive.addfile(member)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return buffer.getvalue()


def image_tags(folder: Path) -> list[str]:
    """The names of the images that the targets of a project are built in."""
    file = folder / "crossgate.toml"
    loaded = load_manifest(file, file.name)
    return [
        recipe.of_target(each, folder, file.name).tag for each in targets.expand(loaded, NATIVE)
    ]


def base_tag(architecture: str) -> str:
    """The name of the base of all images for a CPU."""
    return recipe.base(rows.architectures()[architecture]).tag
