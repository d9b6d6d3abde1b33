"""Nothing declares to need a newer CPU than `policy.baseline`."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("baseline")
def test_baseline(judge: Callable[[], None]) -> None:
    """Nothing declares to need a newer CPU than `policy.baseline`."""
    judge()
