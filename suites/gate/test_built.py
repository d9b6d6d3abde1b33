"""The build command succeeded and left every artifact that the manifest names."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("built")
def test_built(judge: Callable[[], None]) -> None:
    """The build command succeeded and left every artifact that the manifest names."""
    judge()
