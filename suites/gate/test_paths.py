"""No file names a path of the machine that it was built on."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("paths")
def test_paths(judge: Callable[[], None]) -> None:
    """No file names a path of the machine that it was built on."""
    judge()
