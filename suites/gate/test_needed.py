"""Every library that is needed is one that `policy.needed` allows."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("needed")
def test_needed(judge: Callable[[], None]) -> None:
    """Every library that is needed is one that `policy.needed` allows."""
    judge()
