"""How an engine names a folder of the client: never a path that means something else there."""

from __future__ import annotations

import os
from pathlib import PurePath, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.engine.mounts import mount_source

DOCKER, PODMAN = "Docker Engine", "Podman Engine"
SOCKET = "unix:///var/run/docker.sock"
PIPE = "npipe:////./pipe/docker_engine"
DESKTOP_PIPE = "npipe:////./pipe/dockerDesktopLinuxEngine"
PODMAN_PIPE = "npipe:////./pipe/podman-machine-default"
ELSEWHERE = ["tcp://127.0.0.1:2375", "http://engine:2375", "https://engine:2376", "ssh://me@engine"]


@pytest.mark.parametrize("system", ["linux", "darwin"])
@pytest.mark.parametrize("engine", [DOCKER, PODMAN, None])
def test_behind_a_socket_of_this_host_a_path_is_itself(system: str, engine: str | None) -> None:
    """The engine, or its virtual machine, has the folder under the client's own name."""
    path = PurePosixPath("/home/me/a project:1 \\ é")

    assert mount_source(path, system=system, address=SOCKET, engine=engine) == str(path)


@pytest.mark.parametrize("address", ELSEWHERE)
@pytest.mark.parametrize(
    ("system", "path"),
    [
        ("linux", PurePosixPath("/home/me")),
        ("darwin", PurePosixPath("/Users/me")),
        ("win32", PureWindowsPath("C:\\Users\\me")),
    ],
)
def test_an_engine_elsewhere_sees_nothing(system: str, path: PurePath, address: str) -> None:
    """What is reached by a name or an address may be another host, so nothing is mounted."""
    assert mount_source(path, system=system, address=address, engine=DOCKER) is None


@pytest.mark.parametrize(
    ("path", "docker", "podman"),
    [
        ("C:\\Users\\me", "C:\\Users\\me", "/mnt/c/Users/me"),
        ("c:/Users/me", "C:\\Users\\me", "/mnt/c/Users/me"),
        ("D:\\a b\\é", "D:\\a b\\é", "/mnt/d/a b/é"),
        ("D:\\", "D:\\", "/mnt/d"),
        ("\\\\?\\C:\\Users\\me", "C:\\Users\\me", "/mnt/c/Users/me"),
        ("C:\\a,b", "C:\\a,b", None),
        ("\\\\server\\share\\me", None, None),
        ("\\\\wsl$\\Debian\\home\\me", None, None),
        ("\\\\wsl.localhost\\Debian\\home\\me", None, None),
        ("\\\\?\\UNC\\server\\share\\me", None, None),
        ("\\\\.\\PHYSICALDRIVE0", None, None),
        ("\\Users\\me", None, None),
        ("C:me", None, None),
        ("me", None, None),
    ],
)
def test_windows(path: str, docker: str | None, podman: str | None) -> None:
    """A drive's path is named as Docker Desktop or Podman's machine takes it; no other is seen."""
    for address in (PIPE, DESKTOP_PIPE):
        given_path = PureWindowsPath(path)
        found = mount_source(given_path, system="win32", address=address, engine=DOCKER)

        assert found == docker
    for address, engine in ((PODMAN_PIPE, None), (PODMAN_PIPE, PODMAN), (PIPE, PODMAN)):
        found = mount_source(PureWindowsPath(path), system="win32", address=address, engine=engine)

        assert found == podman


@pytest.mark.parametrize("character", [",", '"'])
def test_a_separator_of_podmans_own_is_not_mounted(character: str) -> None:
    """Podman writes a mount as a line of CSV, where Docker keeps its fields apart."""
    path = PurePosixPath(f"/home/a{character}b")

    assert mount_source(path, system="linux", address=SOCKET, engine=DOCKER) == str(path)
    assert mount_source(path, system="linux", address=SOCKET, engine=PODMAN) is None


def test_a_name_that_is_no_text_is_not_mounted() -> None:
    """Bytes that are no UTF-8 have no form in JSON, and control characters none in messages."""
    for name in (os.fsdecode(b"/home/\xff"), "/home/a\nb", "/home/\x00", "/home/\x1b[2J"):
        path = PurePosixPath(name)

        assert mount_source(path, system="linux", address=SOCKET, engine=DOCKER) is None


@given(st.text(max_size=20), st.sampled_from([PIPE, PODMAN_PIPE]))
def test_whatever_is_mounted_is_absolute(text: str, address: str) -> None:
    """No path of Windows, however it is written, is mounted as one that is relative or a share."""
    found = mount_source(PureWindowsPath(text), system="win32", address=address, engine=None)

    assert found is None or found.startswith("/mnt/") or found[1:3] == ":\\"
