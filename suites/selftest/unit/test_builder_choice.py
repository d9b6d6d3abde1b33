"""Which builder is used, by what engines and clients say of themselves.

The answers of Engine 20.10 and of both clients without a plug-in were seen; all others are made up.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Final

import pytest

from fixtures.building import context, recipe
from fixtures.core import builders, rows
from fixtures.core.builders import Builder, ClientSaid, EngineSaid
from fixtures.core.dockerfile import MARK
from fixtures.core.errors import InfrastructureError
from fixtures.engine import build_cache, buildkit

ENGINE_20: Final = EngineSaid(api="1.41", system="linux", components=("Engine", "containerd"))
ENGINE_28: Final = EngineSaid(api="1.51", system="linux", builder="2", components=("Engine",))
PODMAN: Final = EngineSaid(
    api="1.41", system="linux", builder="", components=("Podman Engine", "Conmon")
)
CLASSIC_ONLY: Final = dataclasses.replace(ENGINE_28, builder="1")
WINDOWS: Final = EngineSaid(api="1.51", system="windows", builder="1", components=("Engine",))
OLD: Final = EngineSaid(api="1.38", system="linux", components=("Engine",))

CLI_20: Final = ClientSaid(
    path="/usr/bin/docker", version="Docker version 20.10.24", reaches=True, has_buildkit=True
)
CLI_28: Final = ClientSaid(
    path="/usr/local/bin/docker", version="Docker version 28.2.2, build e6534b4", reaches=True
)
BUILDX: Final = dataclasses.replace(
    CLI_28, buildx="github.com/docker/buildx v0.24.0 d0e5e86", plugin="/usr/lib/docker-buildx"
)
PODMANS: Final = ClientSaid(path="/usr/bin/docker", version="podman version 5.4", reaches=False)
TOO_NEW: Final = dataclasses.replace(BUILDX, reaches=False)


@pytest.mark.parametrize(
    ("engine", "clients", "used"),
    [
        (ENGINE_20, [CLI_20], CLI_20),
        (ENGINE_20, [CLI_28, CLI_20], CLI_20),
        (ENGINE_28, [BUILDX], BUILDX),
        (ENGINE_28, [PODMANS, TOO_NEW, BUILDX], BUILDX),
    ],
)
def test_buildkit_where_engine_and_client_offer_it(
    engine: EngineSaid, clients: list[ClientSaid], used: ClientSaid
) -> None:
    """The first client on the PATH that can is used; asked for by name or not."""
    for wanted in (None, Builder.BUILDKIT):
        choice = builders.choose(wanted, engine, clients)
        assert choice.builder is Builder.BUILDKIT
        assert choice.client is used
        assert str(choice).startswith("BuildKit, by ")


@pytest.mark.parametrize(
    ("engine", "clients", "why"),
    [
        (PODMAN, [BUILDX], "the engine is Podman Engine, which builds with Buildah"),
        (CLASSIC_ONLY, [BUILDX], "its builder is the classic one (features.buildkit"),
        (WINDOWS, [BUILDX], "the engine runs on windows"),
        (OLD, [BUILDX], "the engine's API is 1.38"),
        (ENGINE_28, [], "no docker command is on the PATH: install Docker's buildx"),
        (ENGINE_28, [CLI_28], "(Docker version 28.2.2, build e6534b4) has no buildx: install"),
        (ENGINE_28, [PODMANS], "/usr/bin/docker is not Docker's (podman version 5.4)"),
        (ENGINE_20, [TOO_NEW], "gets no answer from this engine"),
    ],
)
def test_the_classic_builder_where_one_of_them_does_not(
    engine: EngineSaid, clients: list[ClientSaid], why: str
) -> None:
    """The log says why; asked for by name, BuildKit's lack is one clear error."""
    choice = builders.choose(None, engine, clients)

    assert choice.builder is Builder.CLASSIC
    assert choice.client is None
    assert why in str(choice)
    with pytest.raises(InfrastructureError, match="CROSSGATE_BUILDER=buildkit") as refused:
        builders.choose(Builder.BUILDKIT, engine, clients)
    assert why in str(refused.value)


def test_the_classic_builder_when_asked_for() -> None:
    """The variable wins over what is offered."""
    choice = builders.choose(Builder.CLASSIC, ENGINE_28, [BUILDX])

    assert str(choice) == "the classic builder (CROSSGATE_BUILDER=classic)"


def test_the_variable_is_read_and_a_wrong_one_refused() -> None:
    """What is not one of its words is an error that names them."""
    assert [builders.asked(each) for each in (None, "", "auto")] == [None, None, None]
    assert builders.asked("buildkit") is Builder.BUILDKIT
    assert builders.asked("classic") is Builder.CLASSIC
    with pytest.raises(InfrastructureError, match='expected "auto", "classic" or "buildkit"'):
        builders.asked("kaniko")


def test_the_words_of_each_client() -> None:
    """A plug-in is run itself, and on the engine's own builder, whatever builder is in use."""
    assert buildkit.command(CLI_20) == ["/usr/bin/docker", "build"]
    assert buildkit.command(BUILDX)[:4] == [
        "/usr/lib/docker-buildx",
        "build",
        "--builder",
        "default",
    ]
    without = dataclasses.replace(BUILDX, plugin=None)
    assert buildkit.command(without)[:3] == ["/usr/local/bin/docker", "buildx", "build"]


def test_clients_are_asked_and_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Podman's docker, a link seen twice and a broken one are told apart by their answers."""
    scripts = {
        "a": '#!/bin/sh\ntest "$1" = --version && echo "podman version 5.4.0"\n',
        "b": (
            '#!/bin/sh\ncase "$*" in --version) echo "Docker version 28.2.2";; version*) '
            'echo 1.51;; "buildx version") echo "github.com/docker/buildx v0.24.0 abc";; *) '
            "exit 1;; esac\n"
        ),
        "c": "#!/bin/sh\nexit 1\n",
    }
    for name, text in scripts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "docker").write_text(text, "utf-8")
        (tmp_path / name / "docker").chmod(0o755)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "docker").symlink_to(tmp_path / "b" / "docker")
    folders = [str(tmp_path / name) for name in "abcd"]
    monkeypatch.setenv("PATH", os.pathsep.join([*folders, "/usr/bin", "/bin"]))

    found = [each for each in buildkit.clients("unix:///nowhere") if str(tmp_path) in each.path]

    assert [(each.version, each.reaches) for each in found] == [
        ("podman version 5.4.0", False),
        ("Docker version 28.2.2", True),
        ("", False),
    ]
    assert found[1].buildx == "github.com/docker/buildx v0.24.0 abc"
    assert builders.choose(None, ENGINE_28, found).client is found[1]


def test_no_stranger_shares_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CPUs do not mix, hosts have names of their own, and users' images get none of ours."""
    monkeypatch.setenv("CROSSGATE_CACHE", str(tmp_path))
    known = rows.architectures()
    keys = {name: context.cache_key(recipe.helper("qemu", known[name], {})) for name in known}

    assert len(set(keys.values())) == len(known)
    assert context.cache_key(recipe.helper("fetch-x", known["amd64"], {})) == keys["amd64"]
    given = recipe.Recipe(name="g", container=known["amd64"], content="c", given="somebody/image")
    above = recipe.Recipe(name="g-packages", container=known["amd64"], content="d", base=given)
    assert context.cache_key(above) is None
    monkeypatch.setenv("CROSSGATE_CACHE", str(tmp_path / "other"))
    assert context.cache_key(recipe.helper("qemu", known["amd64"], {})) != keys["amd64"]


def test_only_our_own_pieces_of_the_build_cache_are_ours() -> None:
    """What has our mark and no build uses; not what somebody's commands merely look like."""
    listed: list[dict[str, object]] = [
        {"ID": "a", "Description": f"mount / from exec /bin/sh -c {MARK} apt-get update"},
        {"ID": "b", "Description": f"cached mount /mnt/apt from exec /bin/sh -c {MARK} apt-get"},
        {"ID": "c", "Description": f"mount / from exec /bin/sh -c {MARK} x", "InUse": True},
        {"ID": "d", "Description": "mount / from exec /bin/sh -c apt-get update"},
        {"ID": "e", "Description": "fileop target"},
        {"ID": "f"},
    ]

    assert build_cache.ours(listed) == ["a", "b"]
