"""A deployment behind a bad network: its functions on machines of their own, and whoever asks them asks again.

The functions are the real ones, their key ring in Secrets Manager and their tables on MiniStack. A test says what
becomes of each attempt of each call (`tests.support.faults`); what is answered and what stands in the tables is real.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sundial.authorize.endpoint import ROUTES, authorize_edge
from sundial.config.model import Config
from sundial.device.endpoint import FOR_DEVICES, FOR_PEOPLE, device_edge
from sundial.expiry.family import Family
from sundial.grants.endpoint import token_edge
from sundial.keys.algorithms import to_jwk
from sundial.keys.jwks import PublicKeys, PublicKeyStore
from sundial.keys.ring import Ring, SigningKey
from sundial.keys.vault import Vault
from sundial.store.clients import DynamoClients
from sundial.store.devices import DynamoDevices
from sundial.store.directory import DynamoDirectory
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.store.envelopes import KmsEnvelopes
from sundial.userinfo import userinfo_edge
from tests.support.deployed import environment_of
from tests.support.events import http_event
from tests.support.families import LOGIN_AT, MAC_KEY
from tests.support.faults import Killed, Network, OverWire, Wire
from tests.support.refresh_world import TABLE_USER
from tests.support.rights import guard
from tests.support.signers import signers
from tests.support.stack import OwnStack
from tests.support.token_world import SECRET, Answer, FixedRing

LAMBDA_TIMEOUT = 29
Response = Mapping[str, Any]
Item = Mapping[str, Any]


class Bench:
    """The deployment, and what is done to its tables meanwhile. `now` stands still while a machine answers."""

    def __init__(self, stack: OwnStack, folder: Path) -> None:
        self.stack, self._folder = stack, folder
        self.families = DynamoFamilies(stack.dynamodb, stack.families_table)
        self.devices = DynamoDevices(stack.dynamodb, stack.families_table)
        self.users = DynamoDirectory(stack.dynamodb, stack.directory_table)
        self.clients = DynamoClients(stack.dynamodb, stack.directory_table)
        self.envelopes = KmsEnvelopes(lambda: stack.kms, stack.environment["SUNDIAL_KMS_KEY"])
        self.wire = Wire(guard(stack.environment))
        self.now = LOGIN_AT
        self._deployments: dict[str, OverWire] = {}
        self._keep_a_ring()
        assert self.users.create(TABLE_USER)

    def machine(self, config: str, network: Network | None = None, *, warm: bool = False) -> Machine:
        """Return a machine that has just started, with this configuration; a `warm` one has the ring in memory."""
        if config not in self._deployments:
            folder = self._folder / str(len(self._deployments))
            folder.mkdir()
            environment = environment_of(self.stack, folder, config, SUNDIAL_ISSUER="")
            read = OverWire(environment, self.wire).config
            self._deployments[config] = OverWire(environment, self.wire, config=read)
        deployment = self._deployments[config]
        return Machine(deployment.anew(**{"ring": FixedRing()} if warm else {}), network or Network(), self)

    def stored(self, family_id: str) -> Family:
        found = self.families.get(family_id)
        assert found is not None
        return found

    def take_items(self) -> list[Item]:
        """Return every item of the families' table, and leave none."""
        client, table = self.stack.dynamodb, self.stack.families_table
        items: list[Item] = client.scan(TableName=table, ConsistentRead=True)["Items"]
        for item in items:
            client.delete_item(TableName=table, Key={"id": item["id"]})
        return items

    def _keep_a_ring(self) -> None:
        signer = signers()["ES256"]
        pem = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        jwk = {**to_jwk(signer.key.public_key(), "ES256"), "kid": signer.kid}
        key = SigningKey(signer.kid, "ES256", jwk, pem, LOGIN_AT, published_at=LOGIN_AT, signs_from=LOGIN_AT)
        vault = Vault(self.stack.secretsmanager, self.stack.secret_id)
        assert vault.replace(Ring(1, (key,), (MAC_KEY,)), vault.read()[1])
        store = PublicKeyStore(self.stack.dynamodb, self.stack.public_keys_table)
        assert store.publish(PublicKeys(1, LOGIN_AT, (jwk,)))


class Machine:
    """One machine of each function; it dies where its network says so."""

    def __init__(self, deployment: OverWire, network: Network, bench: Bench) -> None:
        self.deployment, self.network, self._bench = deployment, network, bench

    @property
    def config(self) -> Config:
        return self.deployment.config

    def edge(self, event: Mapping[str, Any]) -> Response:
        """Answer an event; raises Killed where the machine dies. `network.seconds` is how long it took."""
        self.network.seconds = 0
        route = event["routeKey"]
        with self._bench.wire.of(self.network, role_of(route)):
            return self._function(route)(event)

    def send(self, event: Mapping[str, Any]) -> Response | None:
        """Return the answer to an event; None where the machine dies."""
        try:
            return self.edge(event)
        except Killed:
            return None
        finally:
            assert self.network.seconds < LAMBDA_TIMEOUT, self.network.calls

    def post(self, form: Mapping[str, str], path: str = "/token") -> Answer | None:
        """Return the answer to a POST of `form` to the function `token`, as example-app; None where it dies."""
        whole = {"client_id": "example-app", "client_secret": SECRET, **form}
        response = self.send(http_event(f"POST {path}", form=whole))
        return None if response is None else in_json(response)

    def _function(self, route: str) -> Callable[[Mapping[str, Any]], Response]:
        if route in ROUTES:
            return self._authorize
        if route in FOR_DEVICES or route in FOR_PEOPLE:
            return self._device
        return self._userinfo if route.endswith("/userinfo") else self._token

    def _clock(self) -> float:
        return self._bench.now + self.network.seconds

    @cached_property
    def _authorize(self) -> Callable[[Mapping[str, Any]], Response]:
        return authorize_edge(self.deployment, clock=self._clock)

    @cached_property
    def _device(self) -> Callable[[Mapping[str, Any]], Response]:
        return device_edge(self.deployment, clock=self._clock)

    @cached_property
    def _token(self) -> Callable[[Mapping[str, Any]], Response]:
        return token_edge(self.deployment, clock=self._clock, wait=self.network.sleep)

    @cached_property
    def _userinfo(self) -> Callable[[Mapping[str, Any]], Response]:
        return userinfo_edge(self.deployment, clock=self._clock)


def role_of(route: str) -> str:
    """Return the role of template.yaml under which the function of a route runs."""
    if route in ROUTES:
        return "AuthorizeRole"
    if route in FOR_DEVICES or route in FOR_PEOPLE:
        return "DeviceRole"
    return "UserinfoRole" if route.endswith("/userinfo") else "TokenRole"


def in_json(response: Response) -> Answer:
    """Return an answer of the function `token`, or another that is no page."""
    return Answer(response["statusCode"], response["headers"], json.loads(response["body"] or "{}"))
