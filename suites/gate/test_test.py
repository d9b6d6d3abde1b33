"""The project's own tests pass on the target, natively or under emulation."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("test")
def test_test(judge: Callable[[], None]) -> None:
    """The project's own tests pass on the target, natively or under emulation."""
    judge()
