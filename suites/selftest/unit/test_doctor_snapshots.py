"""Snapshots in files: a host that is told wrongly, carried to somebody who has none like it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from fixtures.cli import main as cli
from fixtures.core.doctor import detect, snapshot
from fixtures.core.errors import ManifestError
from fixtures.doctor import look, snapshots
from suites.selftest.harness import project

HOSTS: Final = sorted(Path(__file__).with_name("hosts").glob("*.json"))
MANIFEST: Final = """
[projects.hello]
source = { path = "." }
toolchain = "gcc"
architectures = ["amd64", "arm64"]
build = "make"
artifacts = ["hello"]
"""


@pytest.fixture
def hello(tmp_path: Path) -> list[str]:
    """The options for a project with nothing built."""
    made = project(tmp_path / "hello", MANIFEST, {"hello.c": "int main(void) { return 0; }\n"})
    return ["--manifest", str(made / "crossgate.toml"), "--report-dir", str(tmp_path / "out")]


@pytest.mark.parametrize("file", HOSTS, ids=lambda file: str(file.stem))
def test_a_snapshot_is_the_same_when_it_is_read_again(tmp_path: Path, file: Path) -> None:
    """Written and read, it gives the same facts, on every kind of host that is known."""
    taken = snapshots.read(str(file))
    again = tmp_path / "again.json"
    snapshots.write(str(again), taken)

    assert detect.detect(snapshots.read(str(again))) == detect.detect(taken)


def test_this_host_told_by_its_snapshot_is_this_host(
    tmp_path: Path, hello: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way: what `--snapshot` wrote, `--host` tells as the doctor told it at once."""
    file = tmp_path / "here.json"
    assert cli.main(["doctor", "--quick", "--json", "--snapshot", str(file), *hello]) == 0
    here = json.loads(capsys.readouterr().out)
    assert cli.main(["doctor", "--json", "--host", str(file), *hello]) == 0
    there = json.loads(capsys.readouterr().out)

    assert there["host"] == here["host"]
    assert [each["id"] for each in there["findings"]] == [each["id"] for each in here["findings"]]
    assert not (tmp_path / "out").exists()


def test_another_host_is_told_and_not_this_one(
    hello: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A Mac's findings, on whatever machine this is; none of its files is looked for here."""
    mac = next(file for file in HOSTS if file.stem == "docker-desktop-mac-qemu")
    assert cli.main(["doctor", "--host", str(mac), *hello]) == 0
    told = capsys.readouterr().out

    assert "Docker Desktop for Mac" in told
    assert "gRPC FUSE" in told


def test_no_password_of_an_address_is_in_the_file(tmp_path: Path) -> None:
    """Wherever it stands: in what the engine says, in a settings file, in a variable."""
    secrets = ("Geheim1", "Ge/heim2", "Ge@heim3", "Geheim4")
    taken = snapshot.Snapshot(
        system="Linux",
        release="",
        machine="x86_64",
        info={
            "HttpProxy": f"http://me:{secrets[0]}@proxy:1",
            "Labels": [f"ssh://me:{secrets[1]}@h"],
        },
        environment={"https_proxy": f"https://me:{secrets[2]}@proxy:2/path"},
        files={"/settings.json": json.dumps({"proxy": f"socks5://{secrets[3]}@proxy:3"})},
    )
    file = tmp_path / "taken.json"
    snapshots.write(str(file), taken)
    text = file.read_text("utf-8")

    assert [each for each in (*secrets, "heim") if each in text] == []
    assert all(f"proxy:{number}" in text for number in (1, 2, 3))
    assert snapshots.read(str(file)).environment == {"https_proxy": "https://proxy:2/path"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "can't be read"),
        ("{", "it is no JSON"),
        ("[]", "no snapshot of a host"),
        ('{"schema": 99}', "no snapshot of a host of schema"),
        (
            '{"system": "Linux", "release": "", "machine": "", "cpus": "2"}',
            "no snapshot of a host: cpus is no number",
        ),
        ("[" * 100_000, "it is no JSON"),
    ],
)
def test_what_is_no_snapshot_is_one_error(tmp_path: Path, text: str | None, words: str) -> None:
    """The option, the file and what is wrong with it."""
    file = tmp_path / "there.json"
    if text is not None:
        file.write_text(text)

    with pytest.raises(ManifestError, match=f"--host {file}: {words}"):
        snapshots.read(str(file))


def test_where_nothing_can_be_written_that_is_one_error(
    tmp_path: Path, hello: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """And a snapshot of another host's snapshot is none of this host."""
    (tmp_path / "file").write_text("")
    words = ["--quick", "--snapshot", str(tmp_path / "file" / "x.json"), *hello]

    assert cli.main(["doctor", *words]) == 4
    assert "--snapshot" in capsys.readouterr().err
    assert cli.main(["doctor", "--host", str(HOSTS[0]), *words]) == 4
    assert "leave out --host" in capsys.readouterr().err


def test_a_host_of_which_nothing_is_known_is_an_error(tmp_path: Path, hello: list[str]) -> None:
    """As where that is this one."""
    file = tmp_path / "there.json"
    snapshots.write(str(file), snapshot.Snapshot(system="Plan9", release="", machine=""))

    assert cli.main(["doctor", "--host", str(file), *hello]) == 3


def test_what_is_looked_at_can_be_written(tmp_path: Path) -> None:
    """Of the host that the tests run on, whatever it is."""
    file = tmp_path / "here.json"
    snapshots.write(str(file), look.take(look.folders(tmp_path, tmp_path), engine=False))

    assert snapshots.read(str(file)).places.keys() >= {"source", "reports", "temporary"}
