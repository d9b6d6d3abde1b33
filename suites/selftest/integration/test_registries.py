"""Sources from the registries: what their clients download, and what is said where it is wrong.

The packages are small, old and on registries that take nothing back.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, Literal

import pytest

from fixtures.building import images, recipe
from fixtures.building.fetch import clients, debian, registry
from fixtures.building.fetch.bundle import Bundle
from fixtures.building.fetch.download import download, spec
from fixtures.core import rows
from fixtures.core.errors import InfrastructureError
from fixtures.core.sources import DebianSource, RegistrySource
from fixtures.engine import setup
from fixtures.engine.client import Engine

pytestmark = pytest.mark.integration

KEY: Final = "crossgate.toml: projects.one.source"
TOKEN: Final = "Zq9-not-to-be-seen"
WRONG: Final = "0" * 64
WRONG_SUM: Final = f"h1:{'A' * 43}="


def package(
    kind: Literal["crate", "pypi", "go"],
    name: str,
    version: str,
    pin: str,
    environment: tuple[str, ...] = (),
) -> RegistrySource:
    """A source that is pinned by a sum as in go.sum, else by a SHA-256."""
    is_sum = pin.startswith("h1:")
    return RegistrySource(
        registry=kind,
        name=name,
        version=version,
        sha256=None if is_sum else pin,
        sum=pin if is_sum else None,
        environment=environment,
    )


ITOA: Final = "49f1f14873335454500d59611f1cf4a4b0f786f9ac11f4312a78e4cf2566695b"
FORM: Final = "e13624c2627564efccf4934284bdd98cbaa14e79b0b5a141218e507b3a823456"
SDIST: Final = "1e61c37477a1626458e36f7b1d82aa5c9b094fa4802892072e49de9c60c4c926"
WHEEL: Final = "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"
QUOTE: Final = "h1:w5fcysjrx7yqtD/aO+QwRjYZOKnaM9Uh2b40tElTs3Y="
QUOTE_ZIP: Final = "643fcf8ef4e4cbb8f910622c42df3f9a81f3efe8b158a05825a81622c121ca0a"
NEWER: Final = "h1:94R/GTO7mt3/4wIKpcR5gkGmRLOuE/2hNGeWq/GBIFo="

GOOD: Final = {
    "crate": (package("crate", "itoa", "1.0.11", ITOA), "src/lib.rs"),
    "crate-with-dependencies": (
        package("crate", "form_urlencoded", "1.2.1", FORM),
        "src/lib.rs",
    ),
    "sdist": (package("pypi", "six", "1.16.0", SDIST), "setup.py"),
    "wheel": (package("pypi", "six", "1.16.0", WHEEL), "six-1.16.0.dist-info/METADATA"),
    "module-by-sum": (package("go", "rsc.io/quote", "v1.5.2", QUOTE), "buggy/buggy_test.go"),
    "module-by-hash": (package("go", "rsc.io/quote", "v1.5.2", QUOTE_ZIP), "quote.go"),
    # It asks for Go 1.25, which Debian 13 has not.
    "module-for-a-newer-go": (package("go", "golang.org/x/net", "v0.51.0", NEWER), "go.mod"),
}
"""Packages, and a file of each."""

WRONG_PINS: Final = {
    "crate": (package("crate", "itoa", "1.0.11", WRONG), f"SHA-256 {WRONG}, found {ITOA}"),
    "pypi": (package("pypi", "six", "1.16.0", WRONG), f"SHA-256 {WRONG}, found {WHEEL}"),
    "pypi-other": (package("pypi", "six", "1.16.0", WRONG), f"and {SDIST}"),
    "go-sum": (package("go", "rsc.io/quote", "v1.5.2", WRONG_SUM), f"{WRONG_SUM}, found {QUOTE}"),
    "go-hash": (package("go", "rsc.io/quote", "v1.5.2", WRONG), f"{WRONG}, found {QUOTE_ZIP}"),
}
"""Packages with a hash that is not theirs, and what is said of it."""

UNKNOWN: Final = {
    "crate": package("crate", "itoa", "1.0.999", ITOA),
    # cargo itself takes it for the newest of 1.0.
    "crate-inexact": package("crate", "itoa", "1.0", ITOA),
    "pypi": package("pypi", "six", "1.16.999", SDIST),
    "go": package("go", "rsc.io/quote", "v1.5.999", QUOTE),
}

LEAKS: Final = {
    "crate": (
        package("crate", "itoa", "1.0.11", ITOA, ("CARGO_REGISTRIES_CORP_INDEX",)),
        {
            "CARGO_REGISTRY_DEFAULT": "corp",
            "CARGO_NET_RETRY": "0",
            "CARGO_REGISTRIES_CORP_INDEX": f"sparse+https://crossgate.invalid/{TOKEN}/",
        },
    ),
    "pypi": (
        package("pypi", "six", "1.16.0", SDIST, ("PIP_INDEX_URL",)),
        {"PIP_RETRIES": "0", "PIP_INDEX_URL": f"https://crossgate.invalid/{TOKEN}/simple"},
    ),
    # Not named by the source: the password in it is a secret all the same.
    "pypi-login": (
        package("pypi", "six", "1.16.0", SDIST),
        {"PIP_RETRIES": "0", "PIP_INDEX_URL": f"https://{TOKEN}@crossgate.invalid/simple"},
    ),
    "go": (
        package("go", "rsc.io/quote", "v1.5.2", QUOTE, ("GOPROXY",)),
        {"GOPROXY": f"https://crossgate.invalid/{TOKEN}"},
    ),
}
"""Clients that are sent to an index that is not there, and name it when they say so."""

SL: Final = DebianSource(
    name="sl",
    version="5.02-1",
    sha256="6630f4697089b9aa2d2c09b7e7facd5aeee9b8088606ebc2442af7cb27141f2d",
)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """A connection to the engine that the tests use."""
    connected = Engine(setup.find().address)
    yield connected
    connected.close()


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, with nothing in it."""
    monkeypatch.setenv("CROSSGATE_CACHE", str(tmp_path))
    return tmp_path


@cache
def image(engine: Engine, name: str) -> str:
    """The image with a registry's client."""
    own = rows.architectures()[engine.info().architecture]
    packages = " ".join(clients.client(name).packages)
    made = recipe.helper(f"fetch-{name}", own, {"PACKAGES": packages})
    return images.ensure(engine, made, print).tag


def names_in(bundle: Bundle) -> set[str]:
    """The names of all members of a bundle."""
    with tarfile.open(bundle.file) as tree:
        return {member.name.removeprefix("./") for member in tree}


@pytest.mark.parametrize("case", GOOD)
def test_a_package_comes_as_its_tree(case: str, engine: Engine, cache_folder: Path) -> None:
    """A pinned package's own files come, without the folders that the registry wraps them in."""
    source, file = GOOD[case]
    client = image(engine, source.registry)

    bundle = registry.fetch(engine, client, source, KEY)

    assert file in names_in(bundle)
    assert bundle.file.is_relative_to(cache_folder / "sources" / source.registry)


def test_what_was_fetched_is_kept(engine: Engine, cache_folder: Path) -> None:
    """A package that is here needs no client; one that was damaged since is fetched anew."""
    source, _ = GOOD["crate"]
    client = image(engine, "crate")
    first = registry.fetch(engine, client, source, KEY)

    assert registry.fetch(engine, "crossgate/no-such-image:1", source, KEY) == first

    first.file.write_bytes(b"damaged")

    assert registry.fetch(engine, client, source, KEY) == first
    assert first.file.stat().st_size > 1000


def test_dependencies_stay_where_they_are(engine: Engine, tmp_path: Path) -> None:
    """Of a crate that depends on others, it alone is downloaded."""
    client = clients.client("crate")
    handed = clients.handed(client, (), {}, KEY)

    found = download(
        engine,
        image(engine, "crate"),
        client,
        ("form_urlencoded", "1.2.1", FORM),
        tmp_path,
        what="it",
        handed=handed,
    )

    assert {name: each.sha256 for name, each in found.items()} == {
        "form_urlencoded-1.2.1.crate": FORM
    }


def test_nothing_of_a_package_runs(engine: Engine) -> None:
    """pip hands over a source distribution without running its build backend."""
    client = clients.client("pypi")
    backend = "open('/fetched/it-ran', 'w').close()\n"
    project = (
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "some.thing"\nversion = "1"\n'
    )
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as sdist:
        for name, text in {
            "backend.py": backend,
            "setup.py": backend,
            "pyproject.toml": project,
            "PKG-INFO": "Metadata-Version: 2.1\nName: some.thing\nVersion: 1.0\n",
        }.items():
            member = tarfile.TarInfo(f"some_thing-1.0/{name}")
            member.size = len(text)
            sdist.addfile(member, io.BytesIO(text.encode()))
    output = bytearray()
    with engine.start(spec(image(engine, "pypi"), "it", network=False)) as container:
        container.put("/index/some_thing-1.0.tar.gz", archive.getvalue())
        container.put("/crossgate/pip_download.py", client.files[0].read_bytes(), executable=True)
        container.exec(
            ["sh", "-c", f"{client.script}\nls /fetched", "fetch", "some.thing", "1.0", WRONG],
            user=client.user,
            environment={"HOME": "/tmp", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/index"},
            sink=output.extend,
        )

    assert output.decode().splitlines()[-1:] == ["some_thing-1.0.tar.gz"], output.decode()
    assert "it-ran" not in output.decode()


@pytest.mark.parametrize("case", WRONG_PINS)
def test_another_file_than_the_pinned_one_is_refused(
    case: str, engine: Engine, cache_folder: Path
) -> None:
    """Where a hash differs, the error names package, version and key, and what was found."""
    source, words = WRONG_PINS[case]

    with pytest.raises(InfrastructureError) as caught:
        registry.fetch(engine, image(engine, source.registry), source, KEY)

    assert f"{source.name} {source.version} ({KEY}) is not the one" in str(caught.value)
    assert words in str(caught.value)
    assert list(cache_folder.rglob("*.tar")) == []


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_a_registry_does_not_have_is_said(
    case: str, engine: Engine, cache_folder: Path
) -> None:
    """Where there is no such version, the error names it and quotes the client."""
    source = UNKNOWN[case]

    with pytest.raises(InfrastructureError) as caught:
        registry.fetch(engine, image(engine, source.registry), source, KEY)

    message, _, quoted = str(caught.value).partition("\n")
    assert f"{source.name} {source.version} ({KEY}) could not be fetched" in message
    assert quoted.startswith("  | ")
    assert source.version in quoted


@pytest.mark.parametrize("case", LEAKS)
def test_no_error_holds_a_secret(
    case: str, engine: Engine, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a client says of the variables that it was handed is quoted without their values."""
    source, environment = LEAKS[case]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(InfrastructureError) as caught:
        registry.fetch(engine, image(engine, source.registry), source, KEY)

    assert "***" in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_no_file_holds_a_secret(
    engine: Engine, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that a client was handed is in nothing that is kept."""
    monkeypatch.setenv("CROSSGATE_TEST_TOKEN", TOKEN)
    source = package("crate", "itoa", "1.0.11", ITOA, ("CROSSGATE_TEST_TOKEN",))

    registry.fetch(engine, image(engine, "crate"), source, KEY)

    files = [file for file in cache_folder.rglob("*") if file.is_file()]
    assert any(file.suffix == ".tar" for file in files)
    assert [file for file in files if TOKEN.encode() in file.read_bytes()] == []
    assert [file for file in files if TOKEN in str(file)] == []


def test_a_missing_variable_is_named(engine: Engine, cache_folder: Path) -> None:
    """A source that needs a variable which is not set is not fetched without it."""
    source = package("crate", "itoa", "1.0.11", ITOA, ("CROSSGATE_TEST_UNSET",))

    with pytest.raises(InfrastructureError, match=r"source\.environment: CROSSGATE_TEST_UNSET is"):
        registry.fetch(engine, image(engine, "crate"), source, KEY)


def test_a_debian_package_comes_patched(engine: Engine, cache_folder: Path) -> None:
    """A source package's tree comes with what Debian adds to it, and is kept."""
    client = image(engine, "debian")

    bundle = debian.fetch(engine, client, SL, KEY)

    with tarfile.open(bundle.file) as tree:
        members = {member.name.removeprefix("./"): member for member in tree}
    assert {"sl.c", "debian/patches/series"} <= set(members)
    assert members["debian/rules"].mode == 0o755
    assert debian.fetch(engine, "crossgate/no-such-image:1", SL, KEY) == bundle


def test_another_debian_package_is_refused(engine: Engine, cache_folder: Path) -> None:
    """Where the .dsc is not the pinned one, the error says what was found, and nothing is kept."""
    wrong = dataclasses.replace(SL, sha256=WRONG)

    with pytest.raises(InfrastructureError, match=f"{WRONG} for sl_5.02-1.dsc, found {SL.sha256}"):
        debian.fetch(engine, image(engine, "debian"), wrong, KEY)

    assert list(cache_folder.rglob("*.tar")) == []
    assert list(cache_folder.rglob("*.dsc")) == []


def test_a_debian_tree_keeps_its_modes_and_links(engine: Engine, cache_folder: Path) -> None:
    """What is unpacked from checked files has their modes and links, and needs no network."""
    source = native_package(cache_folder)

    bundle = debian.fetch(engine, image(engine, "debian"), source, KEY)

    with tarfile.open(bundle.file) as tree:
        members = {member.name.removeprefix("./"): member for member in tree}
    assert members["run"].mode == 0o755
    assert members["plain"].mode == 0o644
    assert members["folder/link"].issym()
    assert members["folder/link"].linkname == "../run"
    assert members["nowhere"].linkname == "gone"


def native_package(cache_folder: Path) -> DebianSource:
    """A source package of ours, in the cache as if it had been fetched."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, mode, target in (
            ("run", 0o755, None),
            ("plain", 0o644, None),
            ("folder/link", 0o777, "../run"),
            ("nowhere", 0o777, "gone"),
            ("debian/source/format", 0o644, None),
        ):
            member = tarfile.TarInfo(f"demo-1/{name}")
            member.mode = mode
            if target:
                member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    whole = content.getvalue()
    file = f"{len(whole)} demo_1.tar.gz"
    description = (
        "Format: 3.0 (native)\nSource: demo\nBinary: demo\nArchitecture: any\nVersion: 1\n"
        "Maintainer: Nobody <nobody@crossgate.invalid>\n"
        f"Checksums-Sha256:\n {hashlib.sha256(whole).hexdigest()} {file}\n"
        f"Files:\n {hashlib.md5(whole).hexdigest()} {file}\n"
    ).encode()
    source = DebianSource(name="demo", version="1", sha256=hashlib.sha256(description).hexdigest())
    folder = debian.folder_of(source)
    assert folder.is_relative_to(cache_folder)
    folder.mkdir(parents=True)
    (folder / "demo_1.tar.gz").write_bytes(whole)
    (folder / "demo_1.dsc").write_bytes(description)
    return source
