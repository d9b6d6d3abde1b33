"""Nothing looks for libraries in a folder that `policy.rpath` does not allow."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("rpath")
def test_rpath(judge: Callable[[], None]) -> None:
    """Nothing looks for libraries in a folder that `policy.rpath` does not allow."""
    judge()
