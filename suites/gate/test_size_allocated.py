"""What memory takes stays within `budget.allocated`."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("size_allocated")
def test_size_allocated(judge: Callable[[], None]) -> None:
    """What memory takes stays within `budget.allocated`."""
    judge()
