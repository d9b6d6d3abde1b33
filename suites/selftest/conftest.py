"""How Crossgate's own tests draw their examples: few enough for seconds, the same ones in CI."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "crossgate",
    max_examples=60,
    # Other load on the machine decides how long an example takes, so no test may judge it.
    deadline=None,
    suppress_health_check=(HealthCheck.too_slow,),
    # A gate that fails at random teaches people to press the button again.
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
)
settings.load_profile("crossgate")
