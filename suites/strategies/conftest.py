"""What the comparisons share: one small project, built by one process at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.bench.building import Builds
from fixtures.bench.kept import Kept
from fixtures.build_host import in_ci
from fixtures.core.errors import InfrastructureError
from fixtures.engine import setup
from fixtures.manifest_file import load_manifest
from suites.strategies import project


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """None: builds that run beside each other would measure each other."""
    return 0


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    """The builds of the small project; without an engine a skip, and a failure in CI."""
    try:
        setup.ensure(print)
    except InfrastructureError as error:
        if in_ci():
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    file = project.make(tmp_path_factory.mktemp("strategies") / "small")
    with Builds(file, load_manifest(file, str(file)), "small", print) as made:
        yield made


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """The pairs of this run, so that comparisons of the same builds share them."""
    return Kept(tmp_path_factory.mktemp("bench") / "strategies.json", print)
