"""No symbol of the baseline in `policy.exports` is gone or changed."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("exports")
def test_exports(judge: Callable[[], None]) -> None:
    """No symbol of the baseline in `policy.exports` is gone or changed."""
    judge()
