"""Packages hold nothing that `policy.contents` does not name."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("contents")
def test_contents(judge: Callable[[], None]) -> None:
    """Packages hold nothing that `policy.contents` does not name."""
    judge()
