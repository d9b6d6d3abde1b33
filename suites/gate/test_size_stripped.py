"""All machine code without its symbols stays within `budget.stripped`."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("size_stripped")
def test_size_stripped(judge: Callable[[], None]) -> None:
    """All machine code without its symbols stays within `budget.stripped`."""
    judge()
