"""Nothing needs a newer glibc than `policy.glibc`."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("glibc")
def test_glibc(judge: Callable[[], None]) -> None:
    """Nothing needs a newer glibc than `policy.glibc`."""
    judge()
