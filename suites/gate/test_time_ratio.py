"""The build costs at most `budget.time_ratio` times the CPU of another architecture's."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("time_ratio")
def test_time_ratio(judge: Callable[[], None]) -> None:
    """The build costs at most `budget.time_ratio` times the CPU of another architecture's."""
    judge()
