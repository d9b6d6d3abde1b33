"""What Crossgate's own tests share: how examples are drawn, and the engine that some need."""

from __future__ import annotations

import os
from functools import cache

import pytest
from hypothesis import HealthCheck, settings

from fixtures.build_host import in_ci
from fixtures.core.errors import InfrastructureError
from fixtures.engine import setup

settings.register_profile(
    "crossgate",
    max_examples=60,
    # Other load on the machine decides how long an example takes, so no test may judge it.
    deadline=None,
    suppress_health_check=(HealthCheck.too_slow,),
    # A gate that fails at random teaches people to press the button again.
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
)
settings.load_profile("crossgate")


@pytest.fixture(autouse=True)
def engine_where_needed(request: pytest.FixtureRequest) -> None:
    """An integration test has an engine; without one it is skipped locally and fails in CI."""
    if request.node.get_closest_marker("integration") is None:
        return
    problem = _no_engine()
    if problem and in_ci():
        pytest.fail(problem, pytrace=False)
    if problem:
        pytest.skip(problem)


@cache
def _no_engine() -> str | None:
    try:
        setup.ensure(print)
    except InfrastructureError as error:
        return str(error)
    return None
