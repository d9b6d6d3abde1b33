"""Every linked file is hardened as `policy.hardening` asks."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("hardening")
def test_hardening(judge: Callable[[], None]) -> None:
    """Every linked file is hardened as `policy.hardening` asks."""
    judge()
