"""The smoke command succeeds, under emulation where the CPU is a foreign one."""

from collections.abc import Callable

import pytest


@pytest.mark.claim("smoke")
def test_smoke(judge: Callable[[], None]) -> None:
    """The smoke command succeeds, under emulation where the CPU is a foreign one."""
    judge()
