"""Refreshing over the real store: the token endpoint and userinfo, over the tables of a stack of one's own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from sundial.config.model import ClientExpiry, Config
from sundial.expiry.policies import RefreshTokenSettings
from sundial.keys.algorithms import to_jwk
from sundial.keys.jwks import PublicKeys, PublicKeyStore
from sundial.store.bearer import DynamoBearers
from sundial.store.devices import DynamoDevices
from sundial.store.directory import DynamoDirectory, LocalUser
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.userinfo import UserInfo
from sundial.web.edge import Edge
from tests.support.events import http_event
from tests.support.families import LOGIN_AT, MAC_KEY
from tests.support.signers import signers
from tests.support.stack import OwnStack
from tests.support.token_world import CONFIG, Answer, FixedRing, TokenWorld

TABLE_USER = LocalUser(
    email="jane@example.com", user_id="2c4b8f6e", username="jane", email_verified=True, groups=("ops",)
)
"""A user of the table; the one of the file is `token_world.USER_ID`."""

# ES256 alone, and no line a request: what is proven here is not signatures, and a proof makes thousands of requests.
QUICK_CONFIG = CONFIG.replace("[RS256, ES256]", "[ES256]") + "logger: {level: error}\n"


def quick_config(*, everywhere: str = "{}", client: str = "{}") -> str:
    """Return a configuration with these `refreshTokens` blocks: the global one, and example-app's own."""
    text = QUICK_CONFIG.replace("  refreshTokens:\n", f"  refreshTokens: {everywhere}\n")
    return text.replace("- id: example-app\n", f"- id: example-app\n    expiry: {{refreshTokens: {client}}}\n")


def with_connector(config: Config, block: RefreshTokenSettings) -> Config:
    """Return `config` with `block` as the local connector's; a file can state one only of connectors that it lists."""
    local = replace(config.connectors[0], expiry=ClientExpiry(refresh_tokens=block))
    return replace(config, connectors=(local, *config.connectors[1:]))


_SERIALS = count(1)
"""Of rings: worlds may share a table, and the JWKS of an older ring is never published over a newer one's."""


class GrowingRing(FixedRing):
    """A ring whose MAC key can change any number of times; what an older one made is still read."""

    def rotate_mac_key(self) -> None:
        name = f"mac key {len(self.macs)}".encode()
        self.macs.append(
            replace(MAC_KEY, id=hashlib.sha256(name).hexdigest()[:8], secret=hashlib.sha256(name).digest())
        )


@dataclass
class RefreshWorld(TokenWorld):
    """TokenWorld over real tables, with users of the file and of the table, and userinfo beside it."""

    stack: OwnStack = field(kw_only=True)
    ring: Any = field(default_factory=GrowingRing)

    def __post_init__(self) -> None:
        dynamodb = self.stack.dynamodb
        self.families = DynamoFamilies(dynamodb, self.stack.families_table)
        self.directory = self.table = DynamoDirectory(dynamodb, self.stack.directory_table)
        self._public_keys = PublicKeyStore(dynamodb, self.stack.public_keys_table)
        self.bearers = DynamoBearers(dynamodb, self.stack.families_table, self.stack.public_keys_table)
        self.devices = DynamoDevices(dynamodb, self.stack.families_table)
        self.raise_watermark(0)
        self.configure(quick_config(everywhere=self.refresh_tokens))

    def use(self, config: Config) -> None:
        super().use(config)
        routes = {"GET /userinfo": UserInfo(self.bearers, config.issuer)}
        self._userinfo_edge = Edge("userinfo", routes, config, clock=lambda: self.now)

    def have_in_table(self, user: LocalUser) -> None:
        """Have `user` in the table, new or changed."""
        before = self.table.user(user.email)
        assert self.table.create(user) if before is None else self.table.update(before, user)

    def remove_from_table(self, user: LocalUser) -> None:
        """Have nobody of their email in the table."""
        before = self.table.user(user.email)
        assert before is None or self.table.delete(before)

    def raise_watermark(self, not_before: int) -> None:
        """Honour nothing that was issued before `not_before`, as an operator who restored the table has it."""
        self.ring.not_before = not_before
        jwks = tuple(to_jwk(one.key.public_key(), one.alg) | {"kid": one.kid} for one in signers().values())
        self._public_keys.publish(PublicKeys(next(_SERIALS), LOGIN_AT, jwks, not_before=not_before))

    def items(self, family_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the items of up to a hundred families by their ids, in one call."""
        keys = [{"id": {"S": family_id}} for family_id in family_ids]
        if not keys:
            return {}
        table = self.stack.families_table
        found = self.stack.dynamodb.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})
        return {item["id"]["S"]: item for item in found["Responses"][table]}

    def userinfo(self, access_token: str) -> Answer:
        event = http_event("GET /userinfo", headers={"Authorization": f"Bearer {access_token}"})
        response = self._userinfo_edge(event)
        return Answer(response["statusCode"], response["headers"], json.loads(response["body"]))
