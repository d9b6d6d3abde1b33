"""Built a second time in other conditions, the same comes out."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("reproducible")
def test_reproducible(judge: Callable[[], None]) -> None:
    """Built a second time in other conditions, the same comes out."""
    judge()
