"""All artifacts together stay within `budget.size`."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("size")
def test_size(judge: Callable[[], None]) -> None:
    """All artifacts together stay within `budget.size`."""
    judge()
