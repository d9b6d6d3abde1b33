"""Every linked file is stripped, or is not, as `policy.stripped` says."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("stripped")
def test_stripped(judge: Callable[[], None]) -> None:
    """Every linked file is stripped, or is not, as `policy.stripped` says."""
    judge()
