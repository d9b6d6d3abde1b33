"""Every shared library has the name that `policy.soname` gives."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("soname")
def test_soname(judge: Callable[[], None]) -> None:
    """Every shared library has the name that `policy.soname` gives."""
    judge()
