"""Looking at a host that is in a bad way: full, closed, or with an engine that says little."""

from __future__ import annotations

import contextlib
import http.server
import json
import platform
import shutil
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.cli import main as cli
from fixtures.core.doctor import backend, detect
from fixtures.core.doctor.snapshot import Snapshot, from_json, to_json
from fixtures.doctor import look
from fixtures.engine import probe
from fixtures.engine.discovery import Candidate
from suites.selftest.harness import project

MANIFEST = """
[projects.hello]
source = { path = "." }
toolchain = "gcc"
architectures = ["amd64"]
build = "make"
artifacts = ["hello"]
"""
NOBODY = "unix:///nowhere/engine.sock"


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    """The manifest of a project with a source."""
    files = {"hello.c": "int main(void) { return 0; }\n"}
    return project(tmp_path / "hello", MANIFEST, files) / "crossgate.toml"


def nowhere() -> str:
    """What `tempfile.gettempdir` does where no folder takes its test file."""
    raise FileNotFoundError("No usable temporary directory found")


def test_the_folder_for_temporary_files_is_told_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written to find it: a disk that is full is the one to be told of."""
    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    assert look.folders(tmp_path, tmp_path)["temporary"] == tmp_path
    assert look.temporary({"TMPDIR": str(tmp_path / "none"), "TMP": str(tmp_path)}) == tmp_path
    assert look.temporary({"TMPDIR": ""}) == Path("/tmp")
    assert look.temporary({"TMPDIR": "x" * 5000}) == Path("/tmp")


def test_where_nothing_can_be_written_the_doctor_tells_all(
    hello: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What was found is shown, and one line says what is not kept, and why."""
    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    monkeypatch.setenv("DOCKER_HOST", NOBODY)
    (tmp_path / "file").write_text("no folder")
    given = ["doctor", "--json", "--manifest", str(hello), "--report-dir"]
    for place in (tmp_path / "file" / "out", tmp_path / ("long" * 100)):
        assert cli.main([*given, str(place)]) == 0
        shown = capsys.readouterr()

        assert json.loads(shown.out)["host"]["places"]["reports"]["path"] == str(
            tmp_path if place.parent == tmp_path else tmp_path / "file"
        )
        assert shown.err.count("\n") == 1
        assert f"{place}: what was measured is not kept: " in shown.err


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://me:hunter2@proxy:3128/", "http://proxy:3128/"),
        ("http://me:hun/ter2@proxy:3128", "http://proxy:3128"),
        ("http://me:hun@ter2@proxy:3128", "http://proxy:3128"),
        ("http://me:hunter2//@proxy:3128", "http://proxy:3128"),
        ("me:hun//ter2@proxy:3128", "proxy:3128"),
        ("me@home:hun//ter2@proxy:3128", "proxy:3128"),
        ("http://proxy:3128", "http://proxy:3128"),
        ("localhost,.example.org", "localhost,.example.org"),
    ],
)
def test_nothing_of_a_password_is_left_in_a_proxys_address(address: str, shown: str) -> None:
    """Passwords hold slashes and @ as well, whoever wrote them down."""
    assert detect.without_secrets(address) == shown


@pytest.mark.parametrize("options", [5, "seccomp", {"a": 1}, [1, None, "name=rootless"]])
def test_security_options_of_any_form_end_nothing(options: object) -> None:
    """What is no list says nothing of the engine."""
    taken = Snapshot(
        system="Linux", release="6", machine="x86_64", info={"SecurityOptions": options}
    )
    engine = detect.detect(taken).engine

    assert engine is not None
    assert engine.rootless == isinstance(options, list)


def test_the_sources_mount_is_told_behind_those_of_many_containers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has thousands of characters of layers in its line, before what was mounted later."""
    layers = ":".join(f"/var/lib/docker/overlay2/l/{number:026}" for number in range(80))
    lines = ["22 1 8:1 / / rw - ext4 /dev/sda1 rw"]
    lines += [
        f"{100 + number} 22 0:{number} / /var/lib/docker/overlay2/{number:064}/merged rw "
        f"shared:{number} - overlay overlay rw,lowerdir={layers},upperdir=/u,workdir=/w"
        for number in range(1000)
    ]
    lines.append(f"9999 22 0:77 / {tmp_path} rw - nfs4 host:/export rw,vers=4.2")
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "mountinfo").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr("fixtures.host.PROC", tmp_path)
    taken = look.take({"source": tmp_path}, engine=False)
    source = detect.detect(from_json(json.loads(to_json(taken)))).source

    assert source is not None
    assert (source.type, source.told) == ("nfs4", "mounts")
    assert "lowerdir" not in taken.files["/proc/self/mountinfo"]


def answers(monkeypatch: pytest.MonkeyPatch, address: str, **info: object) -> None:
    """Let an engine answer at an address, on this kernel unless it says another."""
    said = {"KernelVersion": platform.release(), "Name": platform.node(), **info}
    candidate = Candidate(address=address, source="DOCKER_HOST")
    monkeypatch.setattr(probe, "find", lambda _environment: (candidate, ()))
    monkeypatch.setattr(
        probe, "get_json", lambda _address, path, _filters: said if path == "/info" else {}
    )


@pytest.mark.parametrize(
    ("address", "info", "known"),
    [
        ("unix:///engine.sock", {}, True),
        ("unix:///engine.sock", {"KernelVersion": "5.15-linuxkit"}, False),
        ("unix:///engine.sock", {"OperatingSystem": "Docker Desktop"}, False),
        ("unix:///engine.sock", {"Name": "0123456789ab"}, False),
        ("tcp://192.0.2.1:2375", {}, False),
    ],
)
def test_only_an_engine_beside_this_process_has_this_hosts_disk(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    info: dict[str, object],
    known: bool,
) -> None:
    """A folder of the same name here says nothing of the disk of another machine or container."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(backend, "in_container", lambda _snapshot: False)
    answers(monkeypatch, address, DockerRootDir=str(tmp_path), **info)
    taken = look.take({"source": tmp_path})
    data = detect.detect(taken).data

    assert data is not None
    assert (data.path, data.free_bytes is not None) == (str(tmp_path), known)
    monkeypatch.setattr(backend, "in_container", lambda _snapshot: True)
    data = detect.detect(look.take({"source": tmp_path})).data
    assert data is not None
    assert data.free_bytes is None


class Answers(http.server.BaseHTTPRequestHandler):
    """What an engine answers, in a form that `docker-py` takes; where asked so, no /info."""

    has_info = True

    def do_GET(self) -> None:
        """One answer."""
        version = {"ApiVersion": "1.41", "MinAPIVersion": "1.24", "Version": "20.10"}
        name = self.path.partition("?")[0].rpartition("/")[2]
        body = {"_ping": "OK", "version": version, "info": {"NCPU": 3}}[name]
        text = body if isinstance(body, str) else json.dumps(body)
        self.send_response(500 if name == "info" and not self.has_info else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextlib.contextmanager
def engine_at_a_port(handler: type[Answers], certificates: Path | None = None) -> Iterator[str]:
    """An engine at a port of this host; its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if certificates:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Silent(Answers):
    """An engine that is there, and too busy or broken to say what it is."""

    has_info = False


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as DOCKER_CERT_PATH names it, for this host."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        # They would be believed instead of it.
        monkeypatch.delenv(name, raising=False)
    command = shutil.which("openssl")
    if command is None:
        pytest.skip("there is no openssl")
    folder = tmp_path / "certificates"
    folder.mkdir()
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(
        [command, "req", "-x509", *kind, *names, *files], check=True, capture_output=True
    )
    shutil.copy(folder / "cert.pem", folder / "ca.pem")
    return folder


def test_an_engine_by_tls_is_an_engine(
    tmp_path: Path, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the environment asks for TLS, it is asked by TLS, and tells what it is."""
    with engine_at_a_port(Answers, certificates) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
        monkeypatch.setenv("DOCKER_CERT_PATH", str(certificates))
        facts = detect.detect(look.take({"source": tmp_path}))

    assert facts.engine is not None, facts.problem
    assert (facts.engine.version, facts.cpu.engine) == ("20.10", 3)


@pytest.mark.parametrize("tls", [False, True])
def test_an_engine_that_does_not_say_what_it_is_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, tls: bool
) -> None:
    """It answers: who starts another one, or unsets an address, mends nothing. And no traceback."""
    folder = request.getfixturevalue("certificates") if tls else None
    with engine_at_a_port(Silent, folder) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        monkeypatch.delenv("DOCKER_TLS_VERIFY", raising=False)
        if tls:
            monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
            monkeypatch.setenv("DOCKER_CERT_PATH", str(folder))
        facts = detect.detect(look.take({"source": tmp_path}))

    assert facts.engine is None
    assert facts.problem is not None
    assert f"{address}: it answers, but not /info" in facts.problem
