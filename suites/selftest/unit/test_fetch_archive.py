"""Archives: had over HTTP or from a path, taken only with the pinned hash, kept by it."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import socket
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures import paths
from fixtures.building.fetch import archive, kept
from fixtures.building.fetch.bundle import Bundle
from fixtures.core.errors import InfrastructureError, ManifestError
from fixtures.core.sources import ArchiveSource

KEY = "crossgate.toml: projects.x.source"
TOKEN = "t0ken-of-mine"


def _archive() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as made:
        member = tarfile.TarInfo("x-1.0/a.c")
        member.size = 6
        made.addfile(member, io.BytesIO(b"int a;"))
    return gzip.compress(stream.getvalue(), mtime=0)


CONTENT = _archive()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Answers by the path alone, and notes what it was asked with."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None]] = []
        self.elsewhere = ""
        self.failures = 0

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    """What each path does is in `do_GET`."""

    server: Server

    def do_GET(self) -> None:
        login = self.headers.get("Authorization")
        self.server.asked.append((self.path, login))
        match self.path.partition("?")[0]:
            case "/x.tar.gz":
                self._answer(200, CONTENT)
            case "/encoded.tar.gz":
                self._answer(200, CONTENT, ("Content-Encoding", "gzip"))
            case "/squeezed.tar.gz" if "gzip" in self.headers.get("Accept-Encoding", ""):
                self._answer(200, gzip.compress(CONTENT), ("Content-Encoding", "gzip"))
            case "/squeezed.tar.gz":
                self._answer(200, CONTENT)
            case "/private.tar.gz":
                self._answer(200 if login else 401, CONTENT)
            case "/elsewhere":
                self._answer(302, b"", ("Location", self.server.elsewhere))
            case "/around":
                self._answer(302, b"", ("Location", "/around"))
            case "/page":
                self._answer(200, b"<!DOCTYPE html><title>Log in</title>")
            case "/short":
                self._answer(200, CONTENT[:-20], length=len(CONTENT))
            case "/flaky" if self.server.failures:
                self.server.failures -= 1
                self._answer(503, b"")
            case "/flaky":
                self._answer(200, CONTENT)
            case "/large":
                self._answer(200, b"", length=archive.MAX_BYTES + 1)
            case "/broken":
                self._answer(500, b"")
            case _:
                self._answer(404, b"none of that")

    def _answer(
        self, status: int, content: bytes, *headers: tuple[str, str], length: int | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests read `asked`."""


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """Two servers on ports of their own."""
    both = [Server(), Server()]
    for each in both:
        threading.Thread(target=each.serve_forever, args=(0.01,), daemon=True).start()
    yield both
    for each in both:
        each.shutdown()
        each.server_close()


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache, a home and an environment that are no user's."""
    monkeypatch.setenv("CROSSGATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(archive, "PAUSES_S", (0.0, 0.0))


def _fetch(url: str, base: Path, sha256: str = SHA256) -> Bundle:
    return archive.fetch(ArchiveSource(url=url, sha256=sha256), base, KEY)


def _fails(url: str, base: Path, sha256: str = SHA256) -> str:
    with pytest.raises(InfrastructureError) as caught:
        _fetch(url, base, sha256)
    said = str(caught.value)
    assert KEY in said
    assert said.isprintable()
    assert caught.value.__cause__ is None
    assert TOKEN not in said
    assert not list((paths.cache_dir() / "sources").rglob("*.tar"))
    assert not list((paths.cache_dir() / "scratch").iterdir())
    return said


def _names(made: Bundle) -> list[str]:
    with tarfile.open(made.file) as opened:
        return opened.getnames()


def test_an_archive_is_fetched_once(servers: list[Server], tmp_path: Path) -> None:
    """Then the cache has it under its hash, wherever it is said to be."""
    first = _fetch(f"http://{servers[0].place}/x.tar.gz", tmp_path)
    second = _fetch("https://nowhere.invalid/${NOT_SET}", tmp_path)

    assert _names(first) == ["a.c"]
    assert second == first
    assert len(servers[0].asked) == 1
    assert first.file.is_relative_to(paths.cache_dir() / "sources" / "archive" / SHA256)


def test_a_damaged_bundle_is_fetched_again(servers: list[Server], tmp_path: Path) -> None:
    """The cache is believed only as far as its hash."""
    url = f"http://{servers[0].place}/x.tar.gz"
    first = _fetch(url, tmp_path)
    good = first.file.read_bytes()
    first.file.write_bytes(good[:-1])
    second = _fetch(url, tmp_path)

    assert second.file.read_bytes() == good
    assert len(servers[0].asked) == 2


def test_paths_and_file_urls_are_read(tmp_path: Path) -> None:
    """A path is relative to the manifest's folder."""
    (tmp_path / "m").mkdir()
    (tmp_path / "x y.tgz").write_bytes(CONTENT)
    (tmp_path / "x.tgz").write_bytes(CONTENT)
    first = _fetch("../x.tgz", tmp_path / "m")
    first.file.unlink()

    assert _fetch((tmp_path / "x y.tgz").as_uri(), Path("/")).sha256 == first.sha256


@pytest.mark.parametrize("url", ["nothing.tgz", "ftp://host/x.tgz", "file://host/x.tgz"])
def test_what_names_no_archive_is_the_manifests_mistake(url: str, tmp_path: Path) -> None:
    """With the key to edit."""
    with pytest.raises(ManifestError) as caught:
        _fetch(url, tmp_path)

    assert str(caught.value).startswith(f"{KEY}.archive: expected")


@pytest.mark.parametrize("name", ["encoded", "squeezed"])
def test_the_file_is_taken_as_it_is(servers: list[Server], tmp_path: Path, name: str) -> None:
    """Some servers call a .tar.gz an encoded tar, some compress it once more where they may."""
    assert _names(_fetch(f"http://{servers[0].place}/{name}.tar.gz", tmp_path)) == ["a.c"]


def test_a_wrong_hash_is_told_before_the_content_is_read(
    servers: list[Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was expected, what was found, of which source; and nobody parsed it."""
    monkeypatch.setattr(kept, "keep", lambda *_: pytest.fail("it was read"))
    url = f"http://{TOKEN}@{servers[0].place}/x.tar.gz?key={TOKEN}"

    said = _fails(url, tmp_path, "0" * 64)

    assert f"http://***@{servers[0].place}/x.tar.gz?***" in said
    assert f"expected the SHA-256 {'0' * 64}, found {SHA256}" in said


def test_a_web_page_is_told_from_an_archive(servers: list[Server], tmp_path: Path) -> None:
    """A login page answers 200; the error says what it looks like."""
    assert "looks like a web page" in _fails(f"http://{servers[0].place}/page", tmp_path)


def test_a_token_in_the_url_logs_in(
    servers: list[Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By basic authentication, from the environment, before any entry in netrc."""
    monkeypatch.setenv("TOKEN", TOKEN)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other\n")
    _fetch(f"http://me:${{TOKEN}}@{servers[0].place}/private.tar.gz", tmp_path)

    assert servers[0].asked == [
        ("/private.tar.gz", "Basic bWU6dDBrZW4tb2YtbWluZQ=="),
    ]
    _nowhere_below(paths.cache_dir(), TOKEN.encode())


def test_netrc_logs_in(servers: list[Server], tmp_path: Path) -> None:
    """Where the URL has no login."""
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login me password {TOKEN}\n")
    _fetch(f"http://{servers[0].place}/private.tar.gz", tmp_path)

    assert servers[0].asked[0][1] == "Basic bWU6dDBrZW4tb2YtbWluZQ=="


def test_no_other_server_gets_the_token(servers: list[Server], tmp_path: Path) -> None:
    """A redirect is followed without it."""
    servers[0].elsewhere = f"http://{servers[1].place}/x.tar.gz"
    _fetch(f"http://me:{TOKEN}@{servers[0].place}/elsewhere", tmp_path)

    assert servers[0].asked[0][1] is not None
    assert servers[1].asked == [("/x.tar.gz", None)]


def test_a_redirect_with_a_secret_is_not_shown(servers: list[Server], tmp_path: Path) -> None:
    """Storage services are led to by URLs that are signed."""
    servers[0].elsewhere = f"http://{servers[1].place}/none?signature={TOKEN}"

    assert "404" in _fails(f"http://{servers[0].place}/elsewhere", tmp_path)


def test_a_refused_redirect_with_a_secret_is_not_shown(
    servers: list[Server], tmp_path: Path
) -> None:
    """The library's own words for these have the URL in them."""
    for elsewhere in (f"ftp://h/{TOKEN}", f"http://[/{TOKEN}", f"http://{TOKEN}.invalid:x/"):
        servers[0].elsewhere = elsewhere

        assert "malformed" in _fails(f"http://{servers[0].place}/elsewhere", tmp_path)


@pytest.mark.parametrize(
    ("path", "words", "times"),
    [
        ("/none.tar.gz", "127.0.0.1 answered 404", 1),
        ("/private.tar.gz", "it wants a user and password", 1),
        ("/broken", "127.0.0.1 answered 500", 3),
        ("/short", "the transfer broke off", 3),
        ("/large", "it has more than 8.00 GiB", 1),
        ("/around", "from one URL to the next without an end", 11),
    ],
)
def test_failures_are_one_clear_error(
    servers: list[Server], tmp_path: Path, path: str, words: str, times: int
) -> None:
    """What may go better is tried three times, what won't once."""
    assert words in _fails(f"http://{servers[0].place}{path}", tmp_path)
    assert len(servers[0].asked) == times


def test_a_server_that_recovers_is_no_failure(servers: list[Server], tmp_path: Path) -> None:
    """Two errors of the server's own, then the file."""
    servers[0].failures = 2

    assert _names(_fetch(f"http://{servers[0].place}/flaky", tmp_path)) == ["a.c"]


def test_no_connection_and_no_tls_are_said_plainly(servers: list[Server], tmp_path: Path) -> None:
    """The reason, and neither an object's address nor the URL as the library has it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        refused = _fails(f"http://me:{TOKEN}@127.0.0.1:{port}/x?key={TOKEN}", tmp_path)
    no_tls = _fails(f"https://me:{TOKEN}@{servers[0].place}/x", tmp_path)

    assert "no connection (Connection refused)" in refused
    assert "certificate or TLS was not accepted" in no_tls
    assert "0x" not in refused + no_tls


def test_a_damaged_archive_is_told_with_its_name(tmp_path: Path) -> None:
    """Where what was pinned is itself no archive."""
    (tmp_path / "x.tgz").write_bytes(b"no archive at all" * 100)
    sha256 = hashlib.sha256(b"no archive at all" * 100).hexdigest()

    assert "the archive x.tgz" in _fails("x.tgz", tmp_path, sha256)


def _nowhere_below(folder: Path, secret: bytes) -> None:
    for file in folder.rglob("*"):
        assert not file.is_file() or secret not in file.read_bytes()
