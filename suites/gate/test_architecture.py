"""Every artifact is an intact file of the declared architecture, all the way down."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("architecture")
def test_architecture(judge: Callable[[], None]) -> None:
    """Every artifact is an intact file of the declared architecture, all the way down."""
    judge()
