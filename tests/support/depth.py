"""How deep the proofs go: in `make test` they are quick and the same each time, in `make prove` long and random.

In mutation testing, which runs them thousands of times, they are shorter still, and what fails is not made small.
"""

from __future__ import annotations

import math
import os

from hypothesis import HealthCheck, Phase, settings

DEEP = os.environ.get("SUNDIAL_PROVE") == "1"
"""Whether this is `make prove`."""
SHALLOW = os.environ.get("SUNDIAL_MUTATE") == "1"
"""Whether this is mutation testing."""


def depth(usual: int, deep: int) -> int:
    """Return the number of rounds, examples or steps for this run."""
    return deep if DEEP else math.ceil(usual / 10) if SHALLOW else usual


def examples(usual: int, deep: int, *, steps: int = 50) -> settings:
    """Return Hypothesis' settings for a proof that talks to a real engine, so without a deadline for an example.

    `make test` is a gate, so it tries the same examples each time; `make prove` looks for new ones.
    `steps` is how long a state machine lives at the most.
    """
    return settings(
        max_examples=depth(usual, deep),
        deadline=None,
        derandomize=not DEEP,
        stateful_step_count=steps,
        report_multiple_bugs=False,
        phases=(Phase.explicit, Phase.reuse, Phase.generate) + (() if SHALLOW else (Phase.shrink,)),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
