"""Every program is static, or dynamic, as `policy.linkage` says."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("linkage")
def test_linkage(judge: Callable[[], None]) -> None:
    """Every program is static, or dynamic, as `policy.linkage` says."""
    judge()
