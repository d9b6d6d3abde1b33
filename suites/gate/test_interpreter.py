"""Every dynamic program names a loader that `policy.interpreter` allows."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("interpreter")
def test_interpreter(judge: Callable[[], None]) -> None:
    """Every dynamic program names a loader that `policy.interpreter` allows."""
    judge()
