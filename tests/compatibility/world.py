"""Sundial as it is deployed, all of its functions over real tables and a real secret, at a time that a test sets."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sundial.authorize.endpoint import authorize_edge
from sundial.config.model import Config
from sundial.deployment import Deployment
from sundial.device.endpoint import device_edge
from sundial.discovery.endpoint import jwks_edge
from sundial.grants.endpoint import token_edge
from sundial.keys.scheduled import rotation_handler
from sundial.userinfo import userinfo_edge
from tests.support.deployed import environment_of
from tests.support.events import http_event
from tests.support.stack import OwnStack
from tests.support.token_world import Answer

CONFIG = """\
issuer: https://id.example.com
enablePasswordDB: true
signing: {algorithms: [RS256, ES256]}
staticClients:
  - id: app
    name: The App
    secretHash: cd4e57bc33d9c976fa33a2c9a2aea3a57a829b84a68a1f99d3002c18893d976a
    redirectURIs: [https://app.example.com/callback]
  - id: cli
    public: true
expiry:
  refreshTokens: {reuseInterval: 30s}
"""
_KID = re.compile(r"[\w-]{43}")
"""A key's id, by which a map may be kept."""
SECRET = "a-secret-of-a-test"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, Appendix B


class World:
    """`edge` answers for every function of the API, and `rotate` is the schedule's."""

    def __init__(self, stack: OwnStack, folder: Path, now: int) -> None:
        self.stack = stack
        self.now = now
        self.deployment = Deployment(environment_of(stack, folder, CONFIG))

        def clock() -> float:
            return self.now

        self._edges = {
            "/token": token_edge(self.deployment, clock=clock),
            "/device": device_edge(self.deployment, clock=clock),
            "/keys": jwks_edge(self.deployment, clock=clock),
            "/userinfo": userinfo_edge(self.deployment, clock=clock),
            "": authorize_edge(self.deployment, clock=clock),
        }
        self.rotate = rotation_handler(self.deployment, clock=clock)

    @property
    def config(self) -> Config:
        return self.deployment.config

    def edge(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Answer an event of the HTTP API, by the function that has the route."""
        path = event["routeKey"].split()[1]
        edge: Any = next(edge for prefix, edge in self._edges.items() if path.startswith(prefix))
        answer: dict[str, Any] = edge(event, None)
        return answer

    def post(self, path: str, form: Mapping[str, str]) -> Answer:
        """POST a form as a client does."""
        response = self.edge(http_event(f"POST {path}", form=form))
        return Answer(response["statusCode"], response["headers"], json.loads(response["body"] or "{}"))

    def post_as_app(self, path: str, **form: str) -> Answer:
        """POST a form as the confidential client of the configuration file."""
        return self.post(path, {"client_id": "app", "client_secret": SECRET, **form})

    def get(self, path: str, token: str = "") -> Answer:
        """GET, with a bearer token where one is given."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        response = self.edge(http_event(f"GET {path}", headers=headers))
        return Answer(response["statusCode"], response["headers"], json.loads(response["body"] or "{}"))

    def tables(self) -> dict[str, str]:
        """Return the tables' names, by what they hold."""
        return {
            "families": self.stack.families_table,
            "directory": self.stack.directory_table,
            "public_keys": self.stack.public_keys_table,
        }

    def stored(self) -> dict[str, Any]:
        """Return all that is stored: the tables' items in DynamoDB's JSON, and the secret."""
        pages = {name: self.stack.dynamodb.scan(TableName=table)["Items"] for name, table in self.tables().items()}
        secret = self.stack.secretsmanager.get_secret_value(SecretId=self.stack.secret_id)["SecretString"]
        return {
            "tables": {name: [_encoded(item) for item in items] for name, items in pages.items()},
            "secret": json.loads(secret),
        }

    def store(self, stored: Mapping[str, Any]) -> None:
        """Store what `stored` returned, in tables that have nothing in them."""
        for name, table in self.tables().items():
            for item in stored["tables"][name]:
                self.stack.dynamodb.put_item(TableName=table, Item=_decoded(item))
        self.stack.secretsmanager.put_secret_value(
            SecretId=self.stack.secret_id, SecretString=json.dumps(stored["secret"])
        )


def shapes(stored: Mapping[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield where it is, and the paths and types in it, of each item and of the secret: all that a reader relies on."""
    for name, items in stored["tables"].items():
        for item in items:
            yield name, frozenset(_paths(item))
    yield "secret", frozenset(_paths(stored["secret"]))


def _paths(value: Any, path: str = "") -> Iterator[str]:
    match value:
        case dict():
            for key, one in value.items():
                yield from _paths(one, f"{path}/{_KID.sub('KID', key)}")
        case list():
            for one in value:
                yield from _paths(one, f"{path}[]")
        case _:
            yield f"{path}: {type(value).__name__}"


def _encoded(value: Any) -> Any:
    """Return DynamoDB's JSON with its bytes in base64, as it goes over the wire."""
    match value:
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case dict():
            return {key: _encoded(one) for key, one in value.items()}
        case list():
            return [_encoded(one) for one in value]
    return value


def _decoded(value: Any, type: str = "") -> Any:
    match value:
        case str() if type in {"B", "BS"}:
            return base64.b64decode(value)
        case dict():
            return {key: _decoded(one, key) for key, one in value.items()}
        case list():
            return [_decoded(one, type) for one in value]
    return value
