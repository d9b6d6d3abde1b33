"""The build phase stays within `budget.cpu_time` in CPU seconds."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("cpu_time")
def test_cpu_time(judge: Callable[[], None]) -> None:
    """The build phase stays within `budget.cpu_time` in CPU seconds."""
    judge()
