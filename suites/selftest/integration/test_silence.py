"""A command that has nothing to say for long is waited for, and not taken for lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.building import images, recipe
from fixtures.core import rows
from fixtures.engine import client, setup
from fixtures.engine.client import Engine
from fixtures.engine.spec import ContainerSpec

pytestmark = pytest.mark.integration

LIMIT_S = 10


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A connection to the engine whose single calls may take some seconds only."""
    monkeypatch.setattr(client, "CALL_TIMEOUT_S", LIMIT_S)
    engine = Engine(setup.find().address)
    yield engine
    engine.close()


def test_silence_longer_than_a_calls_limit_is_no_end(impatient: Engine) -> None:
    """zig is silent for minutes while it makes a libc: such a command's end is its own."""
    own = rows.architectures()[impatient.info().architecture]
    spec = ContainerSpec(
        image=images.ensure(impatient, recipe.base(own), print).tag,
        target="silence",
        ttl_s=120,
        cpus=1,
        memory_bytes=64 * 1024**2,
        processes=32,
    )
    said = bytearray()

    with impatient.start(spec) as container:
        result = container.exec(
            ["sh", "-c", f"sleep {LIMIT_S + 3}; echo late; exit 7"],
            user="0:0",
            sink=said.extend,
            deadline_s=100,
        )

    assert (result.exit_code, result.ended_early, bytes(said)) == (7, None, b"late\n")
