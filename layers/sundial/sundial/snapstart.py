"""SnapStart (template.yaml: SnapStart): many instances begin from the one snapshot of a function that had started.

So nothing that is secret or has to be unique may come to be before the first request. Functions keep to that anyway:
the key ring, the clients and the tables are read when a request first needs them, and every nonce and id comes from
the operating system, which Lambda gives new randomness after each restore. What is left is what Python and OpenSSL
have seeded themselves with.
"""

from __future__ import annotations

import os
from collections.abc import Mapping


def prepare(environment: Mapping[str, str]) -> None:
    """Have each instance make itself unique after a restore, where `environment` says that there will be one.

    Elsewhere nothing is imported and nothing done.
    """
    if environment.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        # In Lambda's own Python; nowhere else is there anything to restore.
        from snapshot_restore_py import register_after_restore

        register_after_restore(reseed)


def reseed() -> None:
    """Give Python's `random`, by which instances reload at different moments, and OpenSSL's TLS new seeds."""
    import random
    import ssl

    random.seed()
    ssl.RAND_add(os.urandom(64), 64)
