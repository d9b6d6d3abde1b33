"""The reference compile: measured in a container of a toolchain's image."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from fixtures.building import images, recipe, reference
from fixtures.core import rows
from fixtures.core.toolchains import OwnToolchain
from fixtures.engine import setup
from fixtures.engine.client import Engine
from suites.selftest.harness import NATIVE
from suites.selftest.unit.samples import target

pytestmark = pytest.mark.integration

OTHERS: Final = sorted({*rows.toolchains()} - {"gcc"})


@pytest.fixture
def engine() -> Iterator[Engine]:
    """The engine that answers."""
    found = Engine(setup.ensure(print).address)
    yield found
    found.close()


@pytest.mark.parametrize(
    "name", ["gcc", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
)
def test_the_reference_is_measured(engine: Engine, tmp_path: Path, name: str) -> None:
    """The same file compiles in the image of a build, and takes CPU time that is counted."""
    row = target(NATIVE, host=NATIVE, toolchain=rows.toolchains()[name])
    image = images.ensure(engine, recipe.of_target(row, tmp_path, "crossgate.toml"), print)

    taken = reference.measured(engine, image.tag, row)

    assert taken is not None
    assert 0.05 < taken < 600


def test_a_compile_that_fails_is_no_reference(engine: Engine, tmp_path: Path) -> None:
    """Where the compiler is not there, nothing is measured, and nothing raised."""
    row = target(NATIVE, host=NATIVE)
    image = images.ensure(engine, recipe.of_target(row, tmp_path, "crossgate.toml"), print)
    own = OwnToolchain(name="own", image=image.tag, placeholders={"cc": "no-such-compiler"})
    other = dataclasses.replace(row, project=dataclasses.replace(row.project, toolchain=own))

    assert reference.measured(engine, image.tag, other) is None
