"""The registries' clients: their rows, what they are handed, and a Go module's own sum."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path
from typing import Final

import pytest

from fixtures.building.fetch import certificates, clients, go_module
from fixtures.core.errors import InfrastructureError

KEY: Final = "crossgate.toml: projects.one.source"
CRATE: Final = clients.client("crate")


def test_every_kind_of_source_has_a_client() -> None:
    """There is a row for each registry that a manifest can name, and for Debian."""
    assert set(clients.names()) == {"crate", "pypi", "go", "debian"}


@pytest.mark.parametrize("name", clients.names())
def test_a_row_is_whole(name: str) -> None:
    """A row names Debian packages and a user, a script that stops at errors, and real files."""
    client = clients.client(name)

    assert client.packages
    assert client.script.startswith("set -e")
    assert "/fetched" in client.script or client.files
    assert client.user in ("1000:1000", "0:0")
    assert [file for file in client.files if not file.is_file()] == []


@pytest.mark.parametrize("name", clients.names())
def test_no_place_of_this_host_is_handed_over(name: str) -> None:
    """What holds a path or a token is handed to no client unless a source names it."""
    environment = dict.fromkeys(
        (
            "HOME", "PATH", "SSL_CERT_FILE", "PIP_CERT", "PIP_FIND_LINKS", "CARGO_HOME", "GOPATH",
            "GOFLAGS", "GOENV", "CARGO_REGISTRY_TOKEN", "CARGO_REGISTRIES_CORP_TOKEN",
        ),
        "x",
    )  # fmt: skip

    assert clients.handed(clients.client(name), (), environment, KEY).variables == {}


def test_what_is_named_is_handed_over() -> None:
    """A client gets what its row lists and what the source names, and nothing else."""
    environment = {
        "CARGO_REGISTRIES_CORP_INDEX": "sparse+https://crossgate.invalid/",
        "CARGO_REGISTRIES_CORP_TOKEN": "Zq9-token",
        "HTTPS_PROXY": "http://proxy.invalid:1",
        "OTHER": "other",
    }

    handed = clients.handed(CRATE, ("CARGO_REGISTRIES_CORP_TOKEN",), environment, KEY)

    assert set(handed.variables) == set(environment) - {"OTHER"}
    assert handed.secrets.scrub("Zq9-token for crossgate.invalid") == "*** for crossgate.invalid"
    assert "Zq9" not in repr(handed)


def test_a_variable_that_is_not_set_is_named() -> None:
    """A source can't be fetched without what it asks for; an empty value is none."""
    with pytest.raises(InfrastructureError, match=r"one\.source\.environment: A and B are not set"):
        clients.handed(CRATE, ("A", "B", "C"), {"B": "", "C": "c"}, KEY)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Zq9-token", "401 for token Zq9-token."),
        ("Zq9-token\n", "401 for token Zq9-token."),
        ("first line\nZq9-token", "401 for token Zq9-token."),
        ("sparse+https://a.invalid/Zq9-token/", "no such URL: https://a.invalid/Zq9-token/x"),
        ("https://a.invalid/Zq9-token/simple", "a.invalid has no /Zq9-token/simple/six"),
        ("https://a.invalid/x?token=Zq9-token", "could not connect to /x?token=Zq9-token"),
        ("https://a.invalid/x?token=Zq9-token", "401 for token Zq9-token."),
        ("direct,https://me:Zq9-token@a.invalid/x", "401 for me with Zq9-token"),
        ("https://Zq9-token@a.invalid,direct", "401 for Zq9-token:****@a.invalid"),
        ("https://me:Zq9%2Dtoken@a.invalid", "401 for me:Zq9-token"),
        ("https://me:Zq9-t@ken@a.invalid/x", "401 for me:Zq9-t@ken"),
    ],
)
def test_a_named_value_is_scrubbed(value: str, said: str) -> None:
    """No part of a secret value that a client may show is left in what it said."""
    handed = clients.handed(CRATE, ("SECRET",), {"SECRET": value}, KEY)

    scrubbed = handed.secrets.scrub(said)

    assert "***" in scrubbed
    assert "Zq9" not in scrubbed


def test_a_login_is_secret_wherever_it_stands() -> None:
    """Of a variable that is always handed over, only user and password of a URL are hidden."""
    proxies = {"https_proxy": "http://me:Zq9-token@proxy.invalid:8080"}

    handed = clients.handed(CRATE, (), proxies, KEY)

    assert handed.secrets.scrub("me:Zq9-token@proxy.invalid:8080") == "***@proxy.invalid:8080"


def test_a_short_value_hides_nothing() -> None:
    """A value such as "1" is no secret, and a text without its ones would say nothing."""
    handed = clients.handed(CRATE, ("VERBOSE",), {"VERBOSE": "1"}, KEY)

    assert handed.secrets.scrub("version 1.0.11") == "version 1.0.11"


def test_what_a_user_set_is_trusted_first(tmp_path: Path) -> None:
    """The certificates are those that the user's variables name; a dead name is passed over."""
    file = tmp_path / "mine.pem"
    file.write_bytes(b"mine")

    assert certificates.bundle({"SSL_CERT_FILE": str(file)}) == b"mine"
    assert (
        certificates.bundle({"SSL_CERT_FILE": str(tmp_path / "gone"), "CURL_CA_BUNDLE": str(file)})
        == b"mine"
    )


def module(folder: Path, files: dict[str, bytes]) -> Path:
    """A zip of files."""
    archive = folder / "module.zip"
    with zipfile.ZipFile(archive, "w") as written:
        for name, content in files.items():
            written.writestr(name, content)
    return archive


def test_a_sum_is_that_of_go(tmp_path: Path) -> None:
    """The sum is go's own for the same files, whatever their order in the zip."""
    # By `sha256sum a@v1/abc a@v1/xyz | sha256sum`, in base64.
    expected = "h1:M+UX/o85H5dJjKqKid5LbWFnUUZggVdOcsM9pQr3cpM="
    files = {"a@v1/xyz": b"data for xyz", "a@v1/abc": b"data for abc"}

    assert go_module.sum_of(module(tmp_path, files), "it") == expected


def test_a_module_is_unwrapped(tmp_path: Path) -> None:
    """The folders of a module's path and version become one."""
    archive = module(tmp_path, {"a.invalid/b@v1/go.mod": b"x", "a.invalid/b@v1/c/d.go": b"y"})

    tree = go_module.tree_of(archive, tmp_path / "tree.tar", "a.invalid/b@v1/", "it")

    with tarfile.open(tree) as members:
        assert members.getnames() == ["module/go.mod", "module/c/d.go"]


@pytest.mark.parametrize("name", ["other@v1/go.mod", "../a@v1/go.mod", "/etc/passwd"])
def test_what_is_not_in_a_module_is_refused(name: str, tmp_path: Path) -> None:
    """A zip that holds anything beside its module's files is no module."""
    archive = module(tmp_path, {"a@v1/go.mod": b"x", name: b"y"})

    with pytest.raises(InfrastructureError, match="which is not in a@v1/"):
        go_module.tree_of(archive, tmp_path / "tree.tar", "a@v1/", "it")


@pytest.mark.parametrize("damage", [b"", b"not a zip", None])
def test_a_damaged_module_is_said_to_be_one(damage: bytes | None, tmp_path: Path) -> None:
    """What is no whole zip is refused in words."""
    archive = module(tmp_path, {"a@v1/go.mod": b"x" * 1000})
    whole = bytearray(archive.read_bytes())
    if damage is None:
        whole[100] ^= 0xFF
    archive.write_bytes(whole if damage is None else damage)

    with pytest.raises(InfrastructureError, match="it: its zip can't be read"):
        go_module.sum_of(archive, "it")
