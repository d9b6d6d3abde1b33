"""Finding an engine: where one is looked for, what counts as one, and whose a container is."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures import host
from fixtures.engine import labels, probe, setup
from fixtures.engine.discovery import Candidate, candidates
from suites.selftest.harness import ROOT

OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"
NOT_FOUND: Final = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def context(home: Path, name: str, address: object, *, current: bool = False) -> None:
    """Make a context as Docker's client stores it."""
    folder = home / ".docker" / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    meta = {"Name": name, "Endpoints": {"docker": {"Host": address}}}
    (folder / "meta.json").write_text(json.dumps(meta), "utf-8")
    if current:
        (home / ".docker" / "config.json").write_text(json.dumps({"currentContext": name}), "utf-8")


def addresses(found: tuple[Candidate, ...]) -> list[str]:
    """The addresses of candidates, in their order."""
    return [each.address for each in found]


@pytest.fixture
def socket_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket's name (108 bytes, unix(7))."""
    with tempfile.TemporaryDirectory(prefix="cg-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def answering(path: Path, answer: bytes) -> Iterator[list[bytes]]:
    """A server on a socket that says the same to everyone; yields what it was asked."""
    asked: list[bytes] = []
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        # Shutting the listener down ends accept() with an OSError.
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    asked.append(connection.recv(4096))
                    connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_docker_host_is_the_only_one(tmp_path: Path, system: str) -> None:
    """DOCKER_HOST goes before a named context, and where it is set nothing else is tried."""
    context(tmp_path, "other", "unix:///other.sock", current=True)
    asked = {"DOCKER_HOST": "tcp://build:2375", "DOCKER_CONTEXT": "other"}
    found = candidates(asked, tmp_path, system)

    assert found == (Candidate(source="DOCKER_HOST", address="tcp://build:2375", explicit=True),)


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_docker_context_is_the_only_one(tmp_path: Path, system: str) -> None:
    """A context named by DOCKER_CONTEXT has no substitute."""
    context(tmp_path, "far", "ssh://user@far")
    found = candidates({"DOCKER_CONTEXT": "far"}, tmp_path, system)

    assert found == (
        Candidate(source="docker context far", address="ssh://user@far", explicit=True),
    )


def test_unknown_context(tmp_path: Path) -> None:
    """A context that Docker does not know is an error by its name, not another engine."""
    found = candidates({"DOCKER_CONTEXT": "nosuch"}, tmp_path, "linux")

    assert [each.explicit for each in found] == [True]
    assert "nosuch" in found[0].source
    assert probe.ping(found[0].address) == "this context is not known to Docker"


def test_default_context_is_none(tmp_path: Path) -> None:
    """The context "default" is Docker's word for: as if there were none."""
    assert candidates({"DOCKER_CONTEXT": "default"}, tmp_path, "linux") == candidates(
        {}, tmp_path, "linux"
    )


def test_current_context_comes_first(tmp_path: Path) -> None:
    """The context in use goes before the usual sockets, which stay to fall back on."""
    usual = candidates({}, tmp_path, "linux")
    context(tmp_path, "mine", "unix:///mine.sock", current=True)
    found = candidates({}, tmp_path, "linux")

    assert found[0] == Candidate(source="docker context mine", address="unix:///mine.sock")
    assert found[1:] == usual


def test_docker_config_moves_the_contexts(tmp_path: Path) -> None:
    """DOCKER_CONFIG says where contexts are kept, as it does to Docker."""
    context(tmp_path / "elsewhere", "mine", "unix:///mine.sock", current=True)
    moved = {"DOCKER_CONFIG": str(tmp_path / "elsewhere" / ".docker")}

    assert addresses(candidates(moved, tmp_path, "linux"))[0] == "unix:///mine.sock"


@given(config=st.binary(max_size=40) | st.sampled_from([b"[]", b"null", b'{"currentContext": 3}']))
def test_damaged_config(config: bytes) -> None:
    """Docker's config file may hold anything: then there is no context in use."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / ".docker").mkdir()
        (home / ".docker" / "config.json").write_bytes(config)

        assert candidates({}, home, "linux")[0].source == "Docker"


@pytest.mark.parametrize("address", [None, 3, {"a": 1}, []])
def test_damaged_context(tmp_path: Path, address: object) -> None:
    """A context without a usable address is passed over."""
    context(tmp_path, "mine", address, current=True)

    assert candidates({}, tmp_path, "linux")[0].source == "Docker"


@pytest.mark.parametrize("meta", ["", "[]", '{"Endpoints": []}', "{"])
def test_damaged_context_file(tmp_path: Path, meta: str) -> None:
    """A context file of another form is passed over."""
    context(tmp_path, "mine", "unix:///mine.sock", current=True)
    (file,) = (tmp_path / ".docker").rglob("meta.json")
    file.write_text(meta, "utf-8")

    assert candidates({}, tmp_path, "linux")[0].source == "Docker"


def test_linux_order(tmp_path: Path) -> None:
    """On Linux: Docker's own socket, the rootless ones, those of desktop tools, Podman's."""
    found = candidates({"XDG_RUNTIME_DIR": "/run/user/1"}, tmp_path, "linux")
    places = addresses(found)

    assert places[:3] == [
        "unix:///var/run/docker.sock",
        "unix:///run/user/1/docker.sock",
        "unix:///run/user/1/podman/podman.sock",
    ]
    assert places[-1] == "unix:///run/podman/podman.sock"
    assert len(set(places)) == len(places)
    assert not any(each.explicit for each in found)


@pytest.mark.parametrize("tool", ["Colima", "Rancher Desktop", "OrbStack", "Docker Desktop"])
def test_desktop_tools(tmp_path: Path, tool: str) -> None:
    """On a Mac each usual desktop tool's socket is looked for below the home folder."""
    found = {each.source: each.address for each in candidates({}, tmp_path, "darwin")}

    assert found[tool].startswith(f"unix://{tmp_path}/")
    assert not any("rootless" in source for source in found)


def test_windows(tmp_path: Path) -> None:
    """On Windows there are no Unix sockets to look for: pipes, after a context in use."""
    alone = addresses(candidates({}, tmp_path, "win32"))
    context(tmp_path, "mine", "npipe:////./pipe/mine", current=True)

    assert alone[0] == "npipe:////./pipe/docker_engine"
    assert all(address.startswith("npipe:////./pipe/") for address in alone)
    assert addresses(candidates({}, tmp_path, "win32")) == ["npipe:////./pipe/mine", *alone]


def test_no_socket(tmp_path: Path) -> None:
    """Where there is no socket, that is said."""
    assert probe.ping(f"unix://{tmp_path}/none.sock") == "no such socket"


def test_dead_socket(socket_folder: Path) -> None:
    """A socket file whose engine is gone is a problem in words, not an engine."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as gone:
        gone.bind(str(socket_folder / "dead.sock"))
    problem = probe.ping(f"unix://{socket_folder}/dead.sock")

    assert problem is not None
    assert "refused" in problem.lower()


def test_dead_port() -> None:
    """A TCP address at which nobody listens is a problem in words, not an engine."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    problem = probe.ping(f"tcp://127.0.0.1:{port}")

    assert problem is not None
    assert "refused" in problem.lower()


def test_an_engine_answers(socket_folder: Path) -> None:
    """What answers /_ping with 200 is an engine, and one question is enough."""
    with answering(socket_folder / "it.sock", OK) as asked:
        problem = probe.ping(f"unix://{socket_folder}/it.sock")

    assert problem is None
    assert len(asked) == 1
    assert asked[0].startswith(b"GET /_ping HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "answer",
    [NOT_FOUND, b"", b"220 mail ready\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00\xff" * 40],
    ids=["web server", "silence", "mail", "ssh", "noise"],
)
def test_something_else_answers(socket_folder: Path, answer: bytes) -> None:
    """A socket behind which something else than an engine speaks is passed over with a reason."""
    with answering(socket_folder / "it.sock", answer):
        problem = probe.ping(f"unix://{socket_folder}/it.sock")

    assert problem


@pytest.mark.parametrize("address", ["unix://", "tcp://host:notaport", "tcp://[::1", "unix"])
def test_malformed_address(address: str) -> None:
    """An address that is none is a problem in words, not a traceback."""
    assert probe.ping(address)


def test_first_engine_that_answers(socket_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates are tried in order until one answers; what was tried before says why not."""
    monkeypatch.setattr(
        probe,
        "candidates",
        lambda *_: tuple(
            Candidate(source=name, address=f"unix://{socket_folder}/{name}.sock")
            for name in ("none", "web", "engine", "later")
        ),
    )
    with (
        answering(socket_folder / "web.sock", NOT_FOUND),
        answering(socket_folder / "engine.sock", OK),
        answering(socket_folder / "later.sock", OK) as later,
    ):
        found, tried = probe.find({})

    assert found is not None
    assert found.source == "engine"
    assert [each.problem for each in tried] == ["no such socket", "it is no container engine", None]
    assert later == []


def test_nothing_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the engine asked for does not answer, one error names it and says what to do."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(setup.EngineMissingError) as caught:
        setup.find()

    words = str(caught.value)
    assert f"DOCKER_HOST: unix://{tmp_path}/none.sock: no such socket" in words
    assert "correct or unset the variable" in words


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_mend_for_each_system(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no engine was asked for, the error lists all that was tried and this system's mend."""
    everywhere = candidates({}, tmp_path, "linux")
    monkeypatch.setattr(
        probe,
        "find",
        lambda: (
            None,
            tuple(probe.Tried(candidate=each, problem="no such socket") for each in everywhere),
        ),
    )
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(setup.EngineMissingError) as caught:
        setup.find()

    words = str(caught.value)
    assert all(each.address in words for each in everywhere)
    assert {"linux": "docker.io", "darwin": "colima", "win32": "winget"}[system] in words


def test_permission_denied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An engine that one may not use is told apart from one that is not there."""
    first = candidates({}, tmp_path, "linux")[0]
    monkeypatch.setattr(
        probe, "find", lambda: (None, (probe.Tried(candidate=first, problem="permission denied"),))
    )
    with pytest.raises(setup.EngineMissingError, match="usermod -aG docker"):
        setup.find()


def test_list_of_containers(socket_folder: Path) -> None:
    """The engine's list is asked for with its filter; damaged answers and refusals give None."""
    path = socket_folder / "it.sock"
    body = b'[{"Id": "a"}]'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    found: list[Any] = []
    for reply in (answer, answer.replace(b'"a"}', b'"a"!'), NOT_FOUND, b""):
        with answering(path, reply) as asked:
            found.append(probe.get_json(f"unix://{path}", "/containers/json", {"label": ["x"]}))
        path.unlink()

    assert found == [[{"Id": "a"}], None, None, None]
    assert b"filters=%7B%22label%22" in asked[0]


@contextlib.contextmanager
def process() -> Iterator[tuple[subprocess.Popen[bytes], host.Process]]:
    """Another process, waiting to be ended, and what can be seen of it."""
    code = (
        "import json; from fixtures import host; "
        "print(json.dumps(vars(host.this_process())), flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as started:
        try:
            assert started.stdout is not None
            yield started, host.Process(**json.loads(started.stdout.readline()))
        finally:
            started.kill()


def labels_of(owner: host.Process, deadline: float) -> dict[str, str]:
    """The labels that such a process would have put on a container."""
    return {
        labels.MADE: "container",
        labels.DEADLINE: str(int(deadline)),
        f"{labels.PREFIX}owner.boot": owner.boot,
        f"{labels.PREFIX}owner.pid-namespace": owner.pid_namespace,
        f"{labels.PREFIX}owner.pid": str(owner.pid),
        f"{labels.PREFIX}owner.start": str(owner.start),
    }


def test_own_containers_are_no_orphans() -> None:
    """What this very process labels is not an orphan, not even after its deadline."""
    mine = labels.for_container("demo-arm64-gcc", 60)

    assert mine == labels_of(host.this_process(), float(mine[labels.DEADLINE])) | {
        labels.TARGET: "demo-arm64-gcc"
    }
    assert not labels.is_orphan(mine, time.time())


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only the deadline tells")


@linux_only
def test_orphan_as_soon_as_its_owner_is_gone() -> None:
    """A container is an orphan from the moment its owner ends, long before the deadline."""
    with process() as (started, owner):
        owned = labels_of(owner, time.time() + 3600)
        before = labels.is_orphan(owned, time.time())
        started.kill()
        started.wait()
        after = labels.is_orphan(owned, time.time())

    assert (before, after) == (False, True)


@linux_only
def test_zombie_owner_is_gone() -> None:
    """An owner that was killed but not yet reaped by its parent is gone."""
    with process() as (started, owner):
        started.kill()
        deadline = time.monotonic() + 10
        while not host.is_gone(owner) and time.monotonic() < deadline:
            time.sleep(0.01)
        reaped = started.returncode is not None

        assert host.is_gone(owner)
        assert not reaped


@linux_only
def test_another_process_with_the_same_number() -> None:
    """A number that another process has got since does not keep an orphan alive."""
    here = host.this_process()

    assert labels.is_orphan(labels_of(replace(here, start=here.start - 1), 2**40), 0)


@pytest.mark.parametrize(
    "foreign",
    [
        lambda here: replace(here, boot="another boot, or another host"),
        lambda here: replace(here, pid_namespace="pid:[1]"),
        lambda here: replace(here, boot="", pid_namespace=""),
    ],
    ids=["boot", "namespace", "unknown"],
)
def test_owner_beyond_sight(foreign: Callable[[host.Process], host.Process]) -> None:
    """Of an owner on another host or in another container, only the deadline tells."""
    owned = labels_of(foreign(replace(host.this_process(), pid=2**22, start=1)), 1000)

    assert not labels.is_orphan(owned, now=999)
    assert labels.is_orphan(owned, now=1001)


@given(
    st.dictionaries(
        st.sampled_from(sorted(labels_of(host.this_process(), 0))), st.text(max_size=12)
    )
)
def test_labels_of_another_form(damaged: dict[str, str]) -> None:
    """Labels that we never write are judged without an error; incomplete ones are orphans."""
    orphan = labels.is_orphan({labels.MADE: "container", **damaged}, now=1e13)

    assert orphan or len(damaged) >= 5
