"""Git sources: what a name is, and the tree of a commit, by the host's own git."""

from __future__ import annotations

import base64
import http.server
import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures import paths
from fixtures.building.fetch import git, git_client, git_tree
from fixtures.building.fetch.bundle import Bundle
from fixtures.core.errors import InfrastructureError
from fixtures.core.sources import GitSource

KEY = "crossgate.toml: projects.x.source"
TOKEN = "t0ken-of-mine"


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache, a home and settings of git that are no user's."""
    monkeypatch.setenv("CROSSGATE_CACHE", str(tmp_path / "cache"))
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "gitconfig").write_text(
        "[user]\nname = A\nemail = a@b\n[init]\ndefaultBranch = main\n"
        '[protocol "file"]\nallow = always\n'
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "home" / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("NO_PROXY", "*")


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _repository(root: Path, files: dict[str, str]) -> Path:
    root.mkdir(parents=True)
    _git(root, "init", "--quiet")
    _commit(root, files)
    return root


def _commit(root: Path, files: dict[str, str]) -> str:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    _git(root, "add", "--all")
    _git(root, "commit", "--quiet", "--message", "m", "--date", "2024-05-06T07:08:09Z")
    return _git(root, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with one commit, and all that a checkout would act upon."""
    root = _repository(
        tmp_path / "origin",
        {
            "src/a.c": "int a;\n",
            "run": "#!/bin/sh\n",
            "left-out": "$Format:%H$\n",
            ".gitattributes": "left-out export-ignore export-subst\n*.c filter=bad eol=crlf\n",
        },
    )
    (root / "run").chmod(0o755)
    (root / "link").symlink_to("src/a.c")
    _commit(root, {})
    return root


def _source(url: Path | str, rev: str, commit: str | None = None) -> GitSource:
    if len(rev) == 40:
        commit = rev
    return GitSource(url=str(url), rev=rev, commit=commit)


def _fetch(url: Path | str, commit: str, base: Path = Path("/")) -> Bundle:
    return git.fetch(_source(url, commit), commit, base, KEY)


def _fails(url: Path | str, rev: str, commit: str | None = None) -> str:
    source = _source(url, rev, commit)
    with pytest.raises(InfrastructureError) as caught:
        git.fetch(source, git.resolve(source, Path("/"), KEY), Path("/"), KEY)
    said = str(caught.value)
    assert KEY in said
    assert said.replace("\n", "").isprintable()
    assert TOKEN not in said
    assert not list((paths.cache_dir() / "scratch").iterdir())
    return said


def _contents(made: Bundle) -> dict[str, str]:
    """Every file's content, and every link's target behind an arrow."""
    with tarfile.open(made.file) as opened:
        return {
            member.name: f"-> {member.linkname}"
            if member.issym()
            else opened.extractfile(member).read().decode()  # type: ignore[union-attr]
            for member in opened
            if not member.isdir()
        }


def test_a_tree_is_what_the_commit_holds(origin: Path, tmp_path: Path) -> None:
    """No attribute leaves out or rewrites a file, no filter runs; modes and links are kept."""
    with (tmp_path / "home" / "gitconfig").open("a") as settings:
        settings.write(f'[filter "bad"]\nsmudge = touch {tmp_path}/smudged\nrequired = true\n')
    commit = _git(origin, "rev-parse", "HEAD")
    made = _fetch(origin, commit)

    assert _contents(made) == {
        ".gitattributes": "left-out export-ignore export-subst\n*.c filter=bad eol=crlf\n",
        "left-out": "$Format:%H$\n",
        "link": "-> src/a.c",
        "run": "#!/bin/sh\n",
        "src/a.c": "int a;\n",
    }
    with tarfile.open(made.file) as opened:
        assert opened.getmember("run").mode == 0o755
        assert len({member.mtime for member in opened}) == 1
    assert not (tmp_path / "smudged").exists()


def test_a_commit_is_fetched_once_and_always_the_same(origin: Path, tmp_path: Path) -> None:
    """The cache has it without any network; another cache gets the same bytes."""
    commit = _git(origin, "rev-parse", "HEAD")
    first = _fetch(origin, commit)
    again = _fetch("https://nowhere.invalid/${NOT_SET}", commit)
    first.file.write_bytes(b"damaged")
    second = _fetch("origin", commit, base=tmp_path)

    assert again == first
    assert second.sha256 == first.sha256
    assert second.file.is_relative_to(paths.cache_dir() / "sources" / "git" / commit)


def test_a_server_that_gives_no_bare_commit_is_asked_for_all(origin: Path, tmp_path: Path) -> None:
    """Git's older protocol gives tags and branches only; the commit is in their history."""
    with (tmp_path / "home" / "gitconfig").open("a") as settings:
        settings.write("[protocol]\nversion = 0\n")
    commit = _git(origin, "rev-parse", "HEAD")
    _commit(origin, {"more": ""})

    assert "more" not in _contents(_fetch(origin, commit))


def test_hooks_and_settings_of_others_have_no_say(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's hooks folder, templates, and variables of a git that called us."""
    hooks = tmp_path / "home" / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
        (hooks / name).chmod(0o755)
    with (tmp_path / "home" / "gitconfig").open("a") as settings:
        # The older protocol: only where all is fetched, refs are written that a hook hears of.
        settings.write("[protocol]\nversion = 0\n")
    commit = _git(origin, "rev-parse", "HEAD")
    _commit(origin, {"more": ""})
    with (tmp_path / "home" / "gitconfig").open("a") as settings:
        settings.write(f"[core]\nhooksPath = {hooks}\n")
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))

    assert "run" in _contents(_fetch(origin, commit))
    assert not (tmp_path / "hooked").exists()
    assert not (tmp_path / "nowhere").exists()


def test_names_are_looked_up(origin: Path) -> None:
    """A branch, a tag, an annotated tag's commit, and a commit without asking anybody."""
    first = _git(origin, "rev-parse", "HEAD")
    _git(origin, "tag", "light")
    _git(origin, "tag", "--annotate", "--message", "m", "v1.0")
    second = _commit(origin, {"more": ""})

    def resolve(rev: str) -> str:
        return git.resolve(_source(origin, rev), Path("/"), KEY)

    assert [resolve(rev) for rev in ("light", "v1.0", "refs/tags/v1.0")] == [first] * 3
    assert [resolve(rev) for rev in ("main", "refs/heads/main", "HEAD")] == [second] * 3
    assert git.resolve(_source("https://nowhere.invalid/x", first), Path("/"), KEY) == first


def test_a_name_of_two_things_is_refused(origin: Path) -> None:
    """A tag and a branch of one name, unless they are one commit."""
    _git(origin, "tag", "both")
    _git(origin, "branch", "both")
    same = git.resolve(_source(origin, "both"), Path("/"), KEY)
    _git(origin, "update-ref", "refs/heads/both", _commit(origin, {"more": ""}))

    said = _fails(origin, "both")

    assert same
    assert "write one of refs/heads/both, refs/tags/both" in said


def test_a_moved_tag_is_refused(origin: Path) -> None:
    """Where the manifest says which commit it was."""
    first = _git(origin, "rev-parse", "HEAD")
    _git(origin, "tag", "v1")
    kept = git.resolve(_source(origin, "v1", first), Path("/"), KEY)
    second = _commit(origin, {"more": ""})
    _git(origin, "tag", "--force", "v1")

    said = _fails(origin, "v1", first)

    assert kept == first
    assert f"expected the commit {first}, found {second}" in said


def test_what_is_not_there_is_said(origin: Path, tmp_path: Path) -> None:
    """A name, a short hash, a commit, a tag's own hash, a repository."""
    _git(origin, "tag", "--annotate", "--message", "m", "v1.0")
    tag = _git(origin, "rev-parse", "v1.0")

    assert "nothing of the repository" in _fails(origin, "nothing")
    assert "none of its tags and branches" in _fails(origin, "nothing")
    assert "all 40 (or 64) digits" in _fails(origin, tag[:10])
    assert "no branch or tag of it leads to that commit" in _fails(origin, "0" * 39 + "1")
    assert "found a tag of" in _fails(origin, tag)
    assert "does not appear to be a git repository" in _fails(tmp_path / "none", "main")


def test_submodules_come_along(origin: Path, tmp_path: Path) -> None:
    """Those within submodules too, by the commit that is pinned, not by their branch's last."""
    inner = _repository(tmp_path / "inner", {"i": "old"})
    middle = _repository(tmp_path / "middle", {"m": "m"})
    _git(middle, "submodule", "--quiet", "add", "../inner", "deep/inner")
    _commit(middle, {})
    _git(origin, "submodule", "--quiet", "add", f"file://{middle}", "sub")
    commit = _commit(origin, {})
    _commit(inner, {"i": "new"})

    contents = _contents(_fetch(origin, commit))

    assert contents["sub/m"] == "m"
    assert contents["sub/deep/inner/i"] == "old"
    assert not [name for name in contents if ".git" in name.split("/")]


def test_a_submodule_that_is_gone_is_named(origin: Path, tmp_path: Path) -> None:
    """With the repository that it belongs to."""
    inner = _repository(tmp_path / "inner", {"i": "old"})
    _git(origin, "submodule", "--quiet", "add", "../inner", "sub")
    commit = _commit(origin, {})
    inner.rename(tmp_path / "moved")

    assert "its submodule sub/" in _fails(origin, commit)


def test_a_submodule_may_be_left_out(origin: Path, tmp_path: Path) -> None:
    """Where .gitmodules says so, there is an empty folder; without its URL, an error."""
    _repository(tmp_path / "inner", {"i": "old"})
    _git(origin, "submodule", "--quiet", "add", "../inner", "sub")
    _git(origin, "config", "--file", ".gitmodules", "submodule.sub.update", "none")
    none = _commit(origin, {})
    (origin / ".gitmodules").unlink()
    stray = _commit(origin, {})
    with tarfile.open(_fetch(origin, none).file) as opened:
        assert opened.getmember("sub").isdir()

    assert "has no URL for the submodule sub" in _fails(origin, stray)


def test_a_tree_can_not_hold_a_repository(origin: Path) -> None:
    """Git never makes such a tree by itself, but takes it from others."""
    blob = _git(origin, "rev-parse", "HEAD:run")
    made = subprocess.run(
        ["git", "-C", str(origin), "hash-object", "-t", "tree", "-w", "--stdin", "--literally"],
        input=b"100755 .GIT\0" + bytes.fromhex(blob),
        capture_output=True,
        check=True,
    )
    commit = _git(origin, "commit-tree", "-m", "m", made.stdout.decode().strip())
    _git(origin, "branch", "bad", commit)

    assert ".GIT is git's own" in _fails(origin, commit)


@pytest.mark.parametrize(
    ("parent", "url", "joined"),
    [
        ("https://host/group/x.git", "../y.git", "https://host/group/y.git"),
        ("https://host/group/x.git/", "../../other/y", "https://host/other/y"),
        ("https://host/x", "./y", "https://host/x/y"),
        ("git@host:group/x", "../y", "git@host:group/y"),
        ("git@host:x", "../y", "git@host:y"),
        ("/srv/x", ".././y/", "/srv/y"),
        ("https://host/x", "https://other/y", "https://other/y"),
    ],
)
def test_relative_urls_of_submodules(parent: str, url: str, joined: str) -> None:
    """As git-submodule joins them."""
    assert git_tree.join(parent, url) == joined


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("../x", True),
        ("/srv/x", True),
        ("./a:b", True),
        ("file:///srv/x", True),
        ("host:x", False),
        ("git@host:x", False),
        ("https://host/x", False),
        ("ssh://git@host/x", False),
    ],
)
def test_which_urls_are_of_this_host(url: str, local: bool) -> None:
    """Only from these may a submodule lead to a folder of this host."""
    assert git_client.is_local(url) is local


class Server(http.server.ThreadingHTTPServer):
    """git-http-backend(1) behind basic authentication, of the repositories below `root`."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.root = root
        self.logins: list[str | None] = []
        self.elsewhere = ""

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    """CGI (RFC 3875), as much of it as git needs."""

    server: Server

    def do_GET(self) -> None:
        login = self.headers.get("Authorization")
        self.server.logins.append(login)
        expected = base64.b64encode(f"me:{TOKEN}".encode()).decode()
        if self.server.elsewhere:
            self.send_response(302)
            self.send_header("Location", self.server.elsewhere + self.path)
            self.end_headers()
        elif login == f"Basic {expected}":
            self._backend()
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.send_header("Content-Length", "0")
            self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()

    def _backend(self) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_USER": "me",
        }
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests read `logins`."""


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[Server]]:
    """Two servers of the same repositories, on ports of their own."""
    both = [Server(tmp_path), Server(tmp_path)]
    for each in both:
        threading.Thread(target=each.serve_forever, args=(0.01,), daemon=True).start()
    yield both
    for each in both:
        each.shutdown()
        each.server_close()


def test_a_token_reaches_the_server_and_nothing_else(
    origin: Path, tmp_path: Path, servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Submodules on the same server get it too; no file, command line or other helper does."""
    _repository(tmp_path / "inner", {"i": "inner"})
    _git(origin, "submodule", "--quiet", "add", "../inner", "sub")
    commit = _commit(origin, {})
    with (tmp_path / "home" / "gitconfig").open("a") as settings:
        settings.write(f"[credential]\nhelper = store --file {tmp_path}/cache/stored\n")
        # Git notes here each command that it or a child of it runs, in all its words.
        settings.write(f"[trace2]\nnormalTarget = {tmp_path}/cache/commands\n")
    monkeypatch.setenv("TOKEN", TOKEN)
    url = f"http://me:${{TOKEN}}@{servers[0].place}/origin/.git"
    # Below a .git, a relative URL of a submodule leads to what is beside that.
    (tmp_path / "origin" / "inner").symlink_to(tmp_path / "inner")
    source = _source(url, "main")
    found = git.resolve(source, tmp_path, KEY)
    made = git.fetch(source, found, tmp_path, KEY)

    assert found == commit
    assert _contents(made)["sub/i"] == "inner"
    assert any(servers[0].logins)
    assert "remote-http" in (tmp_path / "cache" / "commands").read_text()
    for file in (tmp_path / "cache").rglob("*"):
        assert not file.is_file() or TOKEN.encode() not in file.read_bytes()


def test_a_wrong_token_is_an_error_without_it(
    origin: Path, servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's words, the URL masked."""
    said = _fails(f"http://you:{TOKEN}@{servers[0].place}/origin/.git?x={TOKEN}", "main")

    assert f"the repository http://***@{servers[0].place}/origin/.git?***" in said
    assert "Authentication failed" in said


def test_no_other_server_gets_the_token(origin: Path, servers: list[Server]) -> None:
    """Git asks for a password by host, so one that is redirected to is not given it."""
    servers[0].elsewhere = f"http://{servers[1].place}"

    _fails(f"http://me:{TOKEN}@{servers[0].place}/origin/.git", "main")

    assert servers[1].logins
    assert not any(servers[1].logins)


def test_a_repository_elsewhere_can_not_lead_to_this_host(
    origin: Path, tmp_path: Path, servers: list[Server]
) -> None:
    """A stranger's submodule is no way to this host's folders, nor to a command."""
    _repository(tmp_path / "inner", {"i": "inner"})
    _git(origin, "submodule", "--quiet", "add", str(tmp_path / "inner"), "sub")
    folder = _commit(origin, {})
    _git(origin, "config", "--file", ".gitmodules", "submodule.sub.url", f"ext::touch {tmp_path}/x")
    command = _commit(origin, {})
    url = f"http://me:{TOKEN}@{servers[0].place}/origin/.git"

    assert "transport 'file' not allowed" in _fails(url, folder)
    assert "transport 'ext' not allowed" in _fails(url, command)
    assert not (tmp_path / "x").exists()


def test_a_git_that_does_not_end_is_ended(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the helpers that it started, and the error says after how long."""
    monkeypatch.setattr(git_client, "DEADLINE_S", 0.2)
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nexec sleep 600\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(ssh))

    assert "within 0.2 s" in _fails("ssh://git@host/x", "main")
