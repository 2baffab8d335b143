"""A stack of one test's own: the template's tables, secret, KMS key and event bus under names nobody else uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sundial_local.ministack import MiniStack
from sundial_local.stack import Stack
from sundial_local.template import Template


@dataclass(frozen=True, slots=True)
class OwnStack:
    """What a test asks of its stack.

    `environment` is what the functions are given, all of them together, for `Deployment(environment)`;
    SUNDIAL_CONFIG in it is the deployed path, for the test to replace.
    """

    environment: Mapping[str, str]
    endpoint: str
    dynamodb: Any
    events: Any
    secretsmanager: Any
    kms: Any

    @property
    def families_table(self) -> str:
        """The table of refresh token families."""
        return self.environment["SUNDIAL_FAMILIES_TABLE"]

    @property
    def directory_table(self) -> str:
        """The table of local users."""
        return self.environment["SUNDIAL_DIRECTORY_TABLE"]

    @property
    def public_keys_table(self) -> str:
        """The table of the published JWKS."""
        return self.environment["SUNDIAL_PUBLIC_KEYS_TABLE"]

    @property
    def event_bus(self) -> str:
        """The event bus."""
        return self.environment["SUNDIAL_EVENT_BUS"]

    @property
    def secret_id(self) -> str:
        """The secret that holds the key ring; fresh, it has no ring in it."""
        return self.environment["SUNDIAL_SECRET"]


def own_stack(template: Template, ministack: MiniStack, clients: Mapping[str, Any]) -> OwnStack:
    """Make a fresh stack of `template` on `ministack`."""
    stack = Stack(template, clients, prefix=f"test-{uuid4().hex[:12]}-")
    stack.ensure()
    environment: dict[str, str] = {}
    for function in template.functions:
        environment |= stack.environment(function)
    return OwnStack(environment, ministack.endpoint, **clients)
