"""What a download takes stays within `budget.compressed`."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("size_compressed")
def test_size_compressed(judge: Callable[[], None]) -> None:
    """What a download takes stays within `budget.compressed`."""
    judge()
