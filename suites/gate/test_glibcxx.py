"""Nothing needs a newer libstdc++ than `policy.glibcxx`."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("glibcxx")
def test_glibcxx(judge: Callable[[], None]) -> None:
    """Nothing needs a newer libstdc++ than `policy.glibcxx`."""
    judge()
