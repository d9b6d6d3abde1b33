"""The build is no slower than that of `--against` by more than `budget.regression.cpu_time`."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("cpu_regression")
def test_cpu_regression(judge: Callable[[], None]) -> None:
    """The build is no slower than that of `--against` by more than `budget.regression.cpu_time`."""
    judge()
