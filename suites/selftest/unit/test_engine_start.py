"""How a build container is started where its kernel refuses the CPUs that it is to have."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import docker.errors
import pytest

from fixtures.core.errors import EngineRefusalError
from fixtures.engine import client
from fixtures.engine.client import Engine
from fixtures.engine.spec import ContainerSpec

QUOTA = "/sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us: invalid argument: unknown"


class Leashed:
    """A container that the engine starts where it has no more than two CPUs."""

    asked: list[int]
    words: str

    def __init__(self, *_: object, **__: object) -> None:
        self.nano = 0

    def with_command(self, _: object) -> None:
        """As testcontainers has it."""

    def with_kwargs(self, **words: Any) -> None:
        """As testcontainers has it."""
        self.nano = words["nano_cpus"]

    def start(self) -> None:
        """Refused where it is to have more."""
        self.asked.append(self.nano)
        if self.nano > 2e9:
            raise docker.errors.APIError("500 Server Error", explanation=self.words)

    def get_container_id(self) -> str:
        """There is one, whether it started or not."""
        return "0123abcd"

    def let_go(self) -> None:
        """Nothing is held."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The billionths of a CPU that containers were to have, one after another."""
    Leashed.asked, Leashed.words = [], "runc create failed: " + "x" * 600 + QUOTA
    monkeypatch.setattr(client, "LeashedContainer", Leashed)
    monkeypatch.setattr(Engine, "remove_container", lambda *_: None)
    return Leashed.asked


def engine() -> Engine:
    """An engine without a connection."""
    found = object.__new__(Engine)
    found.address, found._refused_cpus = "unix:///a", None
    found.api = cast(Any, SimpleNamespace())
    return found


def spec(cpus: int) -> ContainerSpec:
    """A container of so many CPUs."""
    return ContainerSpec(
        image="i", target="t", ttl_s=60, cpus=cpus, memory_bytes=2**30, processes=64
    )


def test_a_container_gets_what_the_group_above_leaves(asked: list[int]) -> None:
    """Where that is less than it asks for; what is granted is asked for all the same."""
    one = engine()
    for cpus in (8, 8, 4, 2, 4):
        one.start(spec(cpus))

    assert [nano // 10**9 for nano in asked] == [8, 0, 0, 4, 0, 2, 0]


def test_what_is_refused_for_something_else_is_refused(asked: list[int]) -> None:
    """Nothing is tried without a limit because a folder is not shared."""
    Leashed.words = "invalid mount config for type bind"

    with pytest.raises(EngineRefusalError, match="could not start a build container: invalid mo"):
        engine().start(spec(8))
    assert len(asked) == 1
