"""Building again after an everyday change stays within `budget.rebuild_time` in CPU seconds."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("rebuild_time")
def test_rebuild_time(judge: Callable[[], None]) -> None:
    """Building again after an everyday change stays within `budget.rebuild_time` CPU seconds."""
    judge()
