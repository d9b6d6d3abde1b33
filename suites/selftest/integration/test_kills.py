"""However a run dies in mid-build, nothing of it runs on or stays, and the next run is right."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import docker.errors
import pytest
from docker.models.containers import Container
from docker.types import Mount

import docker
from fixtures import host, paths
from fixtures.build_host import in_ci
from fixtures.building import recipe
from fixtures.core import manifest, targets
from fixtures.engine import labels, setup
from suites.selftest.harness import (
    NATIVE,
    ROOT,
    command,
    environment,
    manifest_text,
    project,
    run_gate,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="its processes are read from /proc"),
]

GONE_WITHIN_S: Final = 10
"""The requirement, and the one absolute time here: what is polled for may take so long."""

PATIENCE_S: Final = 300
"""How long anything else may take on a machine with other load, before the test gives up."""

# Made by a test inside a container, so a build is held and let go with the same source and key.
GO: Final = "/tmp/go"
RECIPE: Final = f"until [ -e {GO} ]; do sleep 0.1; done; {{cc}} -o demo demo.c"
VERDICTS: Final = {"built": "pass", "architecture": "pass"}


def until(what: str, is_so: Callable[[], object], within_s: float = PATIENCE_S) -> None:
    """Wait until something is so; fail by its name where that takes too long."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"after {within_s:g} s still not: {what}"
        time.sleep(0.05)


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    """The engine, as another client than Crossgate's own."""
    try:
        address = setup.find().address
    except setup.EngineMissingError as error:
        if in_ci():
            raise
        pytest.skip(str(error))
    client = docker.DockerClient(base_url=address, timeout=60)
    try:
        yield client
    finally:
        client.close()


class Killed:
    """A run with two builds that wait until they are let go, and all that was seen of it."""

    def __init__(self, engine: docker.DockerClient, folder: Path) -> None:
        self.engine = engine
        self.names = [f"k{uuid.uuid4().hex[:8]}" for _ in range(2)]
        self.ids = [f"{name}-{NATIVE}-gcc" for name in self.names]
        self.folder = project(
            folder / "demo",
            manifest_text(
                {name: {"build": RECIPE, "artifacts": ["demo"]} for name in self.names},
                architectures=[NATIVE],
                timeout="3 min",
            ),
            {"demo.c": "int main(void) { return 0; }\n"},
        )
        self.reports = folder / "demo-out"
        self.output = folder / "output"
        self.volumes: set[str] = set()
        self.processes: set[int] = set()
        self._is_over = threading.Event()
        self._releaser = threading.Thread(target=self._release)

    def start(self, *arguments: str, **changed: str | None) -> subprocess.Popen[bytes]:
        """Start a run in a session of its own."""
        with self.output.open("wb") as output:
            started = subprocess.Popen(
                command(self.folder, *arguments),
                cwd=ROOT,
                env=environment(**changed),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A shell starts what it puts into the background deaf to SIGINT, and that is
                # inherited: these runs have to hear it wherever the tests themselves were started.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        self.processes.add(started.pid)
        return started

    def said(self) -> str:
        """The run's output up to now."""
        return self.output.read_text("utf-8", "backslashreplace")

    def containers(self) -> list[Container]:
        """The containers of this test's targets, running or not."""
        wanted = [f"{labels.TARGET}={each}" for each in self.ids]
        found = []
        for one in wanted:
            found += self.engine.containers.list(
                all=True, ignore_removed=True, filters={"label": one}
            )
        return found

    def wait_for_builds(self, started: subprocess.Popen[bytes], count: int) -> None:
        """Wait until so many of the builds run in their containers, and note what there is."""

        def is_building() -> bool:
            assert started.poll() is None, self.said()
            return sum(builds(container) for container in self.containers()) == count

        until("a build in each container", is_building)
        for container in self.containers():
            mounts = container.attrs["Mounts"]
            self.volumes |= {each["Name"] for each in mounts if each["Type"] == "volume"}
        self.processes |= children(started.pid)

    def has_volumes(self) -> bool:
        """Whether any of the volumes seen is still there."""
        return any(volume_exists(self.engine, name) for name in self.volumes)

    def is_all_gone(self) -> bool:
        """Whether neither a container nor a process of the run is left."""
        return not self.containers() and not any(map(is_alive, self.processes))

    def let_go(self) -> None:
        """Let the builds end, those that run and those to come."""
        if not self._releaser.is_alive():
            self._releaser.start()

    def _release(self) -> None:
        while not self._is_over.wait(0.1):
            # A container may be about to start or to go.
            with contextlib.suppress(docker.errors.APIError):
                for container in self.containers():
                    container.exec_run(["touch", GO])

    def check_next_run(self) -> None:
        """The next run builds anew and is right, and after it nothing of any is left."""
        self.let_go()
        after = run_gate(self.folder, "-n", "2")

        assert after.exit_code == 0, after.output
        for target in self.ids:
            assert after.verdicts(target) == VERDICTS
        self.check_nothing_left()

    def check_nothing_left(self) -> None:
        """Neither on the engine nor on disk is anything left but what belongs there."""
        assert not self.containers()
        assert not self.has_volumes()
        assert [str(each) for each in self.reports.rglob("*.part")] == []
        scratch = (paths.cache_dir() / "scratch").glob("*")
        owners = {int(each.name.split("_")[2]) for each in scratch}
        assert not owners & self.processes

    def end(self) -> None:
        """Whatever the test found, leave nothing running."""
        self._is_over.set()
        if self._releaser.is_alive():
            self._releaser.join()
        for pid in self.processes:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        for container in self.containers():
            with contextlib.suppress(docker.errors.APIError):
                container.remove(v=True, force=True)


@pytest.fixture
def killed(engine: docker.DockerClient, tmp_path: Path) -> Iterator[Killed]:
    """A project of two targets whose builds wait."""
    made = Killed(engine, tmp_path)
    try:
        yield made
    finally:
        made.end()


def builds(container: Container) -> bool:
    """Whether the build command is what runs in a container."""
    try:
        rows = container.top()["Processes"] or []
    except (docker.errors.APIError, KeyError):
        return False
    return any(GO in " ".join(row) for row in rows)


def owner_of(container: Container) -> int:
    """The process that made a container."""
    return int(container.labels[f"{labels.PREFIX}owner.pid"])


def volume_exists(engine: docker.DockerClient, name: str) -> bool:
    """Whether the engine has a volume of that name."""
    try:
        engine.volumes.get(name)
    except docker.errors.NotFound:
        return False
    return True


def children(parent: int) -> set[int]:
    """The processes that a process has started."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # Behind the command's name, in parentheses: the state, then the parent.
            if int(entry.read_bytes().rpartition(b")")[2].split()[1]) == parent:
                found.add(int(entry.parent.name))
    return found


def is_alive(pid: int) -> bool:
    """Whether a process still runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except OSError:
        return False
    return state not in (b"Z", b"X")


def kill_worker(run: Killed) -> None:
    """A worker killed in mid-build: its build ends at once, its test fails, the run goes on."""
    started = run.start("-n", "2")
    run.wait_for_builds(started, 2)
    victim, *_ = run.containers()
    pid = owner_of(victim)
    assert pid in run.processes - {started.pid}
    os.kill(pid, signal.SIGKILL)
    until(
        "the killed worker's container and process gone",
        lambda: victim.id not in [each.id for each in run.containers()] and not is_alive(pid),
        GONE_WITHIN_S,
    )
    run.let_go()
    until("the run's end", lambda: started.poll() is not None)

    assert started.returncode not in (0, None)
    assert "crashed while running" in run.said()
    assert "crossgate: the worker gw" in run.said()
    until("nothing left", run.is_all_gone, GONE_WITHIN_S)


def kill_controller(run: Killed) -> None:
    """A killed controller takes its workers and their builds along."""
    started = run.start("-n", "2")
    run.wait_for_builds(started, 2)
    assert len(run.processes) >= 3
    started.kill()
    started.wait()
    until("nothing left", run.is_all_gone, GONE_WITHIN_S)


def kill_all(run: Killed) -> None:
    """Controller and workers killed at the same time leave no build running."""
    started = run.start("-n", "2")
    run.wait_for_builds(started, 2)
    for pid in run.processes:
        os.kill(pid, signal.SIGKILL)
    started.wait()
    until("nothing left", run.is_all_gone, GONE_WITHIN_S)


def kill_single(run: Killed) -> None:
    """A killed run without workers leaves no build running."""
    started = run.start("-n", "0")
    run.wait_for_builds(started, 1)
    started.kill()
    started.wait()
    until("nothing left", run.is_all_gone, GONE_WITHIN_S)


KILLS: Final = (kill_worker, kill_controller, kill_all, kill_single)


@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: kill.__name__)
def test_kill(killed: Killed, kill: Callable[[Killed], None]) -> None:
    """After kill -9 in mid-build nothing runs, nothing is left, and the next run is right."""
    kill(killed)

    killed.check_next_run()


@pytest.mark.slow
@pytest.mark.parametrize("time_number", range(10))
@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: kill.__name__)
def test_kill_again(killed: Killed, kill: Callable[[Killed], None], time_number: int) -> None:
    """The same ten times each, since it depends on the moment."""
    kill(killed)

    killed.check_next_run()


@pytest.mark.parametrize(
    ("workers", "name", "to"),
    [
        # Each with each other once; all three together take twice as long.
        ("0", "SIGINT", "group"),
        ("2", "SIGINT", "controller"),
        ("0", "SIGTERM", "controller"),
        ("2", "SIGTERM", "group"),
        pytest.param("2", "SIGINT", "group", marks=pytest.mark.slow),
        pytest.param("0", "SIGINT", "controller", marks=pytest.mark.slow),
        pytest.param("2", "SIGTERM", "controller", marks=pytest.mark.slow),
        pytest.param("0", "SIGTERM", "group", marks=pytest.mark.slow),
    ],
)
def test_cancelled(killed: Killed, workers: str, name: str, to: str) -> None:
    """A run that is cancelled as CI systems and terminals do it ends, not with 0, and cleanly."""
    started = killed.start("-n", workers)
    killed.wait_for_builds(started, max(1, int(workers)))
    number = signal.Signals[name]
    if to == "group":
        os.killpg(started.pid, number)
    else:
        started.send_signal(number)
    until("the run's end", lambda: started.poll() is not None)

    assert started.returncode not in (0, None)
    until("nothing left", killed.is_all_gone, GONE_WITHIN_S)
    killed.check_next_run()


def test_half_written_files(killed: Killed) -> None:
    """What a process that was killed while it wrote had left on disk is gone after the next run."""
    target = killed.ids[0]
    record = killed.reports / "records" / target
    record.mkdir(parents=True)
    (record / ".record.json.x1y2z3.part").write_text('{"schema"', "utf-8")
    extracted = killed.reports / "artifacts" / f".{target}.part"
    extracted.mkdir(parents=True)
    (extracted / "demo").write_bytes(b"half")

    killed.check_next_run()


@dataclass(frozen=True, kw_only=True)
class Bystanders:
    """What is on the engine that no run may touch, and one container that each run must remove."""

    orphan: str
    untouched: tuple[str, ...]
    volume: str


@pytest.fixture
def bystanders(engine: docker.DockerClient, killed: Killed) -> Iterator[Bystanders]:
    """Containers that were never started: of a dead and of a living owner, and not ours."""
    loaded = manifest.load((killed.folder / "crossgate.toml").read_bytes(), "crossgate.toml")
    first = targets.expand(loaded, NATIVE)[0]
    image = recipe.of_target(first, killed.folder, "crossgate.toml").tag
    # This also makes the image where the engine has none yet.
    killed.check_next_run()
    shutil.rmtree(killed.reports)
    mine = labels.for_container("a test", 3600)
    dead = dead_process()
    gone = {
        **mine,
        f"{labels.PREFIX}owner.pid": str(dead.pid),
        f"{labels.PREFIX}owner.start": str(dead.start),
    }
    foreign = {**gone, labels.MADE: "", "com.example.made": "container"}
    volume = f"bystander-{uuid.uuid4().hex}"
    made: list[Container] = []
    engine.volumes.create(volume)
    try:
        for own in (gone, mine, foreign, {}):
            made.append(
                engine.containers.create(
                    image,
                    ["true"],
                    labels=own,
                    # Of the one that is to go, its own volume is to go with it.
                    mounts=[Mount("/own", None, type="volume"), Mount("/named", volume)],
                )
            )
        orphan, *others = (str(each.id) for each in made)
        yield Bystanders(orphan=orphan, untouched=tuple(others), volume=volume)
    finally:
        for container in made:
            with contextlib.suppress(docker.errors.NotFound):
                container.remove(v=True, force=True)
        engine.volumes.get(volume).remove(force=True)


def dead_process() -> host.Process:
    """A process of this host that has ended."""
    with subprocess.Popen(["sleep", "60"]) as started:
        status = Path(f"/proc/{started.pid}/stat").read_bytes().rpartition(b")")[2].split()
        started.kill()
    return replace(host.this_process(), pid=started.pid, start=int(status[19]))


def test_sweep(engine: docker.DockerClient, killed: Killed, bystanders: Bystanders) -> None:
    """A run removes what a gone owner left, with its volume, and nothing alive or foreign."""
    orphan = engine.containers.get(bystanders.orphan)
    own = {each["Name"] for each in orphan.attrs["Mounts"]} - {bystanders.volume}
    images = {str(each.id) for each in engine.images.list()}
    after = run_gate(killed.folder, "-n", "0")

    assert after.exit_code == 0, after.output
    assert "containers that a killed run had left" in after.output
    with pytest.raises(docker.errors.NotFound):
        engine.containers.get(bystanders.orphan)
    assert len(own) == 1
    assert not volume_exists(engine, *own)
    for container in bystanders.untouched:
        assert engine.containers.get(container).status == "created"
    assert volume_exists(engine, bystanders.volume)
    assert images <= {str(each.id) for each in engine.images.list()}


class Line:
    """A socket in front of the engine's that passes everything on, until it is cut."""

    def __init__(self, place: Path, address: str) -> None:
        self.address = f"unix://{place}"
        self._engine = address
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_cut = False
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(place))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close every connection, and answer no more."""
        with self._lock:
            self._is_cut = True
            ends = [self._listener, *self._ends]
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = self._connect()
                with self._lock:
                    self._ends |= {near, far}
                    if self._is_cut:
                        return
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _connect(self) -> socket.socket:
        scheme, _, rest = self._engine.partition("://")
        if scheme == "unix":
            far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            far.connect(rest)
            return far
        name, _, port = rest.partition(":")
        return socket.create_connection((name, int(port or 2375)))

    @staticmethod
    def _pass_on(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := one.recv(65536):
                other.sendall(piece)
            other.shutdown(socket.SHUT_WR)


@pytest.fixture
def line(engine: docker.DockerClient) -> Iterator[Line]:
    """A line to the engine that can be cut."""
    address = setup.find().address
    if not address.startswith(("unix://", "tcp://")):
        pytest.skip(f"no line can be put in front of {address}")
    # A socket's name has at most 108 bytes (unix(7)): pytest's own folders are too deep.
    with tempfile.TemporaryDirectory(prefix="cg-") as folder:
        made = Line(Path(folder) / "engine.sock", address)
        try:
            yield made
        finally:
            made.cut()


def of_the_line(killed: Killed, line: Line) -> dict[str, str | None]:
    """An environment that has the line for an engine, and a cache of its own for what is seen."""
    return {
        "DOCKER_HOST": line.address,
        "CROSSGATE_CACHE": str(killed.folder.parent / "cache"),
    }


@pytest.mark.parametrize("workers", ["0", "2"])
def test_engine_stops_answering(killed: Killed, line: Line, workers: str) -> None:
    """An engine that is gone in mid-build is an error in words, never the build's failure."""
    # docker-py leaves the socket of a refused connection to the garbage collector.
    unclosed = ("-W", "ignore:unclosed:ResourceWarning")
    started = killed.start("-n", workers, *unclosed, **of_the_line(killed, line))
    killed.wait_for_builds(started, max(1, int(workers)))
    line.cut()
    until("the run's end", lambda: started.poll() is not None)
    document = json.loads((killed.reports / "report.json").read_bytes())
    first = next(each for each in document["targets"] if each["id"] == killed.ids[0])

    assert started.returncode not in (0, None)
    assert {claim["verdict"] for claim in first["claims"]} == {"error"}, killed.said()
    assert "Traceback" not in killed.said()
    for claim in first["claims"]:
        assert f"the engine at {line.address} stopped answering" in claim["reason"]
    until("nothing left", killed.is_all_gone, GONE_WITHIN_S)
    killed.check_next_run()
