"""The artifacts grow by no more than `budget.regression` over the base or the baseline."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("size_regression")
def test_size_regression(judge: Callable[[], None]) -> None:
    """The artifacts grow by no more than `budget.regression` over the base or the baseline."""
    judge()
