"""Sources of every kind through the gate, and what becomes of the secrets that they need."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.engine import setup
from suites.selftest.harness import FOREIGN, NATIVE, manifest_text, project, run_gate

pytestmark = pytest.mark.integration

TOKEN: Final = "s3cr3t-t0ken-0f-a-test"
LITERAL: Final = "an0ther-t0ken-in-the-manifest"
PROGRAM: Final = '#include "part.h"\nint main(void) { return PART; }\n'
BUILD: Final = "{cc} -Ipart -o hello hello.c"


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A git repository with a submodule: its URL, and its first and its last commit."""

    url: str
    first: str
    last: str


def git(folder: Path, *words: str) -> str:
    """Run git in a folder as nobody in particular; what it printed."""
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    command = ["git", *identity, "-c", "protocol.file.allow=always", *words]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        command, cwd=folder, env=clean, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository whose program needs a file of its submodule; `v1` is its first commit."""
    folder = tmp_path_factory.mktemp("git")
    for name, files in (
        ("part", {"part.h": "#define PART 0\n"}),
        ("main", {"hello.c": PROGRAM, "run me.sh": "#!/bin/sh\nexit 0\n"}),
    ):
        project(folder / name, "", files)
        (folder / name / "crossgate.toml").unlink()
        git(folder / name, "init", "-q", "-b", "main")
        git(folder / name, "add", ".")
        git(folder / name, "commit", "-qm", "one")
    main = folder / "main"
    git(main, "submodule", "--quiet", "add", "../part", "part")
    git(main, "commit", "-qm", "two")
    git(main, "tag", "v1")
    first = git(main, "rev-parse", "HEAD")
    (main / "hello.c").write_text(PROGRAM + "/* more */\n", "utf-8")
    git(main, "commit", "-qam", "three")
    return Repository(url=str(main), first=first, last=git(main, "rev-parse", "HEAD"))


def packed() -> bytes:
    """A source archive with one top folder."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:xz") as archive:
        for name, text in (("x-1/hello.c", PROGRAM), ("x-1/part/part.h", "#define PART 0\n")):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return stream.getvalue()


ARCHIVE: Final = packed()
SHA256: Final = hashlib.sha256(ARCHIVE).hexdigest()


class _Private(http.server.BaseHTTPRequestHandler):
    """Gives the archive to whoever knows one of the tokens."""

    def do_GET(self) -> None:
        known = {f"Basic {base64.b64encode(f'me:{each}'.encode()).decode()}" for each in TOKENS}
        if self.headers.get("Authorization") not in known:
            self.send_response(401)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(ARCHIVE)))
        self.end_headers()
        self.wfile.write(ARCHIVE)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


TOKENS: Final = (TOKEN, LITERAL)


@pytest.fixture(scope="module")
def private() -> Iterator[str]:
    """The address of a server that wants a token."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Private)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def manifest(sources: dict[str, dict[str, object]], **changes: object) -> str:
    """A manifest with a project per source, all of the same program."""
    shared: dict[str, object] = {
        "build": BUILD,
        "artifacts": ["hello"],
        "smoke": "{artifact}",
        "architectures": [NATIVE],
        **changes,
    }
    return manifest_text({name: {**shared, "source": each} for name, each in sources.items()})


def test_each_kind_of_source_is_built(repository: Repository, private: str, tmp_path: Path) -> None:
    """A commit, a tag, a branch, a local archive and a private one all become the same program."""
    (tmp_path / "x.tar.xz").write_bytes(ARCHIVE)
    sources: dict[str, dict[str, object]] = {
        "commit": {"git": repository.url, "rev": repository.first},
        "tag": {"git": repository.url, "rev": "v1", "commit": repository.first},
        "branch": {"git": repository.url, "rev": "main"},
        "local": {"archive": "../x.tar.xz", "sha256": SHA256},
        "private": {"archive": f"http://me:${{XG_TOKEN}}@{private}/x.tar.xz", "sha256": SHA256},
    }
    folder = project(tmp_path / "demo", manifest(sources))

    ended = run_gate(folder, XG_TOKEN=TOKEN)

    assert ended.exit_code == 0, ended.output
    for name in sources:
        assert ended.verdicts(f"{name}-{NATIVE}-gcc") == {
            "built": "pass",
            "architecture": "pass",
            "smoke": "pass",
        }
    again = run_gate(folder, XG_TOKEN=None)

    # Pinned by what they are, fetched ones need no token and no server any more.
    assert again.exit_code == 0, again.output
    assert all(each["reused"] for each in again.report["targets"])


def test_a_moved_branch_is_built_again(repository: Repository, tmp_path: Path) -> None:
    """A name is looked up at each run: another commit below it is another source."""
    # Beside the repository, where its submodule's relative address leads somewhere.
    copy = Path(repository.url).with_name("moving")
    git(tmp_path, "clone", "-q", "--recurse-submodules", repository.url, str(copy))
    folder = project(tmp_path / "demo", manifest({"it": {"git": str(copy), "rev": "main"}}))
    first = run_gate(folder)
    (copy / "hello.c").write_text(PROGRAM + "/* even more */\n", "utf-8")
    git(copy, "commit", "-qam", "four")

    second = run_gate(folder)

    assert (first.exit_code, second.exit_code) == (0, 0), second.output
    assert not second.report["targets"][0]["reused"]
    assert first.report["targets"][0]["key"] != second.report["targets"][0]["key"]


def test_what_cannot_be_had_is_an_error_that_names_it(
    repository: Repository, private: str, tmp_path: Path
) -> None:
    """Each source that is not there, or not the pinned one, says which it is and what was found."""
    other = "ab" * 32
    sources: dict[str, dict[str, object]] = {
        "moved": {"git": repository.url, "rev": "main", "commit": repository.first},
        "nobranch": {"git": repository.url, "rev": "no-such-branch"},
        "norepository": {"git": str(tmp_path / "nothing"), "rev": "v1"},
        "hash": {"archive": f"http://me:{LITERAL}@{private}/x.tar.xz", "sha256": other},
        "refused": {"archive": f"http://me:wr0ng-t0ken@{private}/x.tar.xz", "sha256": other},
        "down": {"archive": "http://127.0.0.1:1/x.tar.xz", "sha256": other},
        "unset": {"archive": f"http://me:${{XG_UNSET}}@{private}/x.tar.xz", "sha256": other},
    }
    words = {
        "moved": (repository.first, repository.last),
        "nobranch": ("no-such-branch",),
        "norepository": ("nothing",),
        "hash": (other, SHA256),
        "refused": ("401",),
        "down": ("127.0.0.1:1",),
        "unset": ("XG_UNSET",),
    }
    folder = project(tmp_path / "demo", manifest(sources, smoke="{artifact} 1"))

    ended = run_gate(folder, XG_UNSET=None)

    assert ended.exit_code == 1, ended.output
    assert "Traceback" not in ended.output
    assert "wr0ng-t0ken" not in ended.output
    assert LITERAL not in ended.output
    for name in sources:
        claim = ended.claims(f"{name}-{NATIVE}-gcc")["built"]

        assert claim["verdict"] == "error"
        assert f"projects.{name}.source" in claim["reason"]
        assert [word for word in words[name] if word not in claim["reason"]] == []


def test_a_token_is_nowhere_afterwards(private: str, tmp_path: Path) -> None:
    """After a build from a private source its token is in no report, record, image or container."""
    cache = tmp_path / "cache"
    sources: dict[str, dict[str, object]] = {
        "named": {"archive": f"http://me:${{XG_TOKEN}}@{private}/a.tar.xz", "sha256": SHA256},
        "written": {"archive": f"http://me:{LITERAL}@{private}/b.tar.xz", "sha256": SHA256},
    }
    text = manifest(sources, packages=["zlib1g-dev"], architectures=[NATIVE, FOREIGN])
    folder = project(tmp_path / "demo", text)
    # Every image is looked at again, and the sources are fetched again.
    ended = run_gate(folder, "-v", XG_TOKEN=TOKEN, CROSSGATE_CACHE=str(cache))
    plan = subprocess.run(
        ["./crossgate", "plan", "--json", "--manifest", str(folder / "crossgate.toml")],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    forms = [form for token in TOKENS for form in forms_of(token)]

    assert ended.exit_code == 0, ended.output
    assert found_in(ended.output + plan.stdout, forms) == []
    for place in (tmp_path / "demo-out", cache):
        files = [file for file in place.rglob("*") if file.is_file()]

        assert files
        assert [str(file) for file in files if found_in(file.read_bytes(), forms)] == []
    assert found_in(everything_on_the_engine(), forms) == []


def forms_of(token: str) -> list[str]:
    """A token as it is, and as it goes over the wire."""
    return [token, base64.b64encode(f"me:{token}".encode()).decode()]


def found_in(text: str | bytes, forms: list[str]) -> list[str]:
    """Which of the forms stand in a text."""
    raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return [form for form in forms if form.encode() in raw]


def everything_on_the_engine() -> str:
    """What the engine says of every image and its history, of every container and volume."""
    import docker

    client = docker.DockerClient(base_url=setup.find().address)
    try:
        images = [[each.attrs, each.history()] for each in client.images.list(all=True)]
        containers = [each.attrs for each in client.containers.list(all=True)]
        volumes = [each.attrs for each in client.volumes.list()]
        return json.dumps([images, containers, volumes])
    finally:
        client.close()


def test_prebuilt_artifacts_need_no_engine(tmp_path: Path) -> None:
    """Finished files are judged as they are found, each in the folder of its architecture."""
    made = run_gate(
        project(
            tmp_path / "made",
            manifest_text(
                {
                    "hello": {
                        "build": "{cc} -o hello hello.c",
                        "artifacts": ["hello"],
                        "architectures": [NATIVE, FOREIGN],
                    }
                }
            ),
            {"hello.c": "int main(void) { return 0; }\n"},
        )
    )
    assert made.exit_code == 0, made.output
    folder = project(
        tmp_path / "demo",
        manifest_text(
            {
                "right": {
                    "source": {"prebuilt": "dist/{architecture}"},
                    "artifacts": ["hel*"],
                    "architectures": [NATIVE, FOREIGN],
                    "budget": {"size": "1 MiB"},
                },
                "wrong": {
                    "source": {"prebuilt": f"dist/{NATIVE}"},
                    "artifacts": ["hello"],
                    "architectures": [FOREIGN],
                },
                "missing": {
                    "source": {"prebuilt": "dist"},
                    "artifacts": ["nothing/*"],
                    "architectures": [NATIVE],
                },
            }
        ),
    )
    for name in (NATIVE, FOREIGN):
        file = tmp_path / "made-out" / "artifacts" / f"hello-{name}-gcc" / "hello"
        (folder / "dist" / name).mkdir(parents=True)
        (folder / "dist" / name / "hello").write_bytes(file.read_bytes())

    ended = run_gate(folder, DOCKER_HOST=f"unix://{tmp_path}/nothing.sock")
    right = {"built": "pass", "architecture": "pass", "size": "pass"}

    assert ended.exit_code == 1, ended.output
    assert ended.verdicts(f"right-{NATIVE}-prebuilt") == right
    assert ended.verdicts(f"right-{FOREIGN}-prebuilt") == right
    assert ended.verdicts(f"wrong-{FOREIGN}-prebuilt")["architecture"] == "fail"
    assert "matched no file" in ended.claims(f"missing-{NATIVE}-prebuilt")["built"]["reason"]
