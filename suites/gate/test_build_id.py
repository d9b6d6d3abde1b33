"""Every linked file has a build-id, or has none, as `policy.build_id` says."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("build_id")
def test_build_id(judge: Callable[[], None]) -> None:
    """Every linked file has a build-id, or has none, as `policy.build_id` says."""
    judge()
