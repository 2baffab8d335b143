"""A deployment on answered AWS calls: its key ring, its one login, and the bare calls that its work is measured by."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from bench.provider import CLIENT_ID, ISSUER
from bench.stub import StubbedAws
from sundial.config.reader import compile_file
from sundial.deployment import Deployment
from sundial.expiry.family import Claims, Family, PendingCode
from sundial.grants.endpoint import token_edge
from sundial.keys.algorithms import from_jwk, make_key_pair
from sundial.keys.jwks import PublicKeys
from sundial.keys.ring import MacKey, Ring, SigningKey, to_json
from sundial.store.family_items import to_item
from sundial.tokens.opaque import Kind, mint
from sundial.userinfo import userinfo_edge

NOW = 1_800_000_000
REDIRECT_URI = "http://127.0.0.1:5555/callback"
CLIENT = "example-app"
SECRET = "a-secret-of-the-bench"  # noqa: S105
PASSWORD = "password"  # noqa: S105  # of the one user
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_DEFAULT_REGION": "eu-central-1"}
ENVIRONMENT = {
    "SUNDIAL_FAMILIES_TABLE": "families",
    "SUNDIAL_DIRECTORY_TABLE": "directory",
    "SUNDIAL_PUBLIC_KEYS_TABLE": "public-keys",
    "SUNDIAL_SECRET": "ring",
    "SUNDIAL_KMS_KEY": "key",
    "SUNDIAL_EVENT_BUS": "events",
    "UPSTREAM_SECRET": "a-secret-of-the-bench-at-its-provider",
}
CONFIG = """\
issuer: https://id.example.com
enablePasswordDB: true
signing: {{algorithms: [{alg}]}}
expiry: {{refreshTokens: {{{reuse}validIfNotUsedFor: 2160h, absoluteLifetime: 3960h}}}}
staticPasswords:
  - email: admin@example.com
    userID: admin
    username: admin
    preferredUsername: admin
    groups: [ops, dev]
    hash: "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"
staticClients:
  - {{id: example-app, secret: {secret}, redirectURIs: ["{redirect_uri}"]}}
{clients}
"""
_CONNECTORS = f"""\
connectors:
  - type: oidc
    id: up
    name: The Provider
    config: {{issuer: {ISSUER}, clientID: {CLIENT_ID}, clientSecret: $UPSTREAM_SECRET, insecureEnableGroups: true}}
"""


class World:
    """A deployment whose ring has one key of `alg`, and whose only family is as each request needs it."""

    def __init__(
        self,
        alg: str,
        folder: Path | str,
        now: int = NOW,
        *,
        keys: int = 1,
        clients: int = 1,
        reuse_interval: str | None = "30s",
        upstream: bool = True,
    ) -> None:
        """Instants are about `now` (epoch seconds). There may be more `keys` in the JWKS, and more `clients`.

        Users may log in at a provider too, unless `upstream` is False.
        """
        folder = Path(folder)
        self.alg, self.now = alg, now
        self.mac_key = MacKey("00c0ffee", bytes(32), now - 10, now - 10)
        pairs = [make_key_pair(alg) for _ in range(keys)]
        pair, began = pairs[0], now - 10
        self.public_key = from_jwk(pair.public_jwk)
        signing = SigningKey(
            pair.public_jwk["kid"], alg, pair.public_jwk, pair.private_pem, began, published_at=began, signs_from=began
        )
        self.ring = Ring(1, (signing,), (self.mac_key,))
        self.public_item = PublicKeys(serial=1, as_of=now, keys=tuple(one.public_jwk for one in pairs)).to_item()
        self.aws = StubbedAws(
            {
                "GetSecretValue": lambda _: {
                    "SecretString": to_json(self.ring),
                    "VersionId": "11111111-1111-1111-1111-111111111111",
                },
                "GetItem": lambda _: {"Item": self.public_item},
            }
        )
        others = "\n".join(
            f'  - {{id: client-{number}, secret: {SECRET}, redirectURIs: ["{REDIRECT_URI}"]}}'
            for number in range(1, clients)
        )
        text = CONFIG.format(
            alg=alg,
            secret=SECRET,
            redirect_uri=REDIRECT_URI,
            clients=others,
            reuse=f"reuseInterval: {reuse_interval}, " if reuse_interval else "",
        )
        text += _CONNECTORS if upstream else ""
        (folder / "sundial.yaml").write_text(text, encoding="utf-8")
        compiled, _ = compile_file(folder / "sundial.yaml", {})
        (folder / "sundial.json").write_text(json.dumps(compiled), encoding="utf-8")
        self.environment = ENVIRONMENT | {"SUNDIAL_CONFIG": str(folder / "sundial.json")}
        self.deployment = Deployment(self.environment)
        self.last: dict[str, dict[str, Any]] = {}
        for service in ("dynamodb", "kms", "secretsmanager"):
            client = self.deployment.client(service)
            self.aws.attach(client)
            client.meta.events.register(f"provide-client-params.{service}", self._remember)
        self.token = token_edge(self.deployment, clock=lambda: self.now)
        self.userinfo = userinfo_edge(self.deployment, clock=lambda: self.now)
        self.private_key = self.deployment.ring.current(now).signer(alg, now).key
        self.bare = boto3.client("dynamodb")
        """As boto3 makes it, with all of its defaults."""
        self.aws.attach(self.bare)

    @classmethod
    @contextmanager
    def of(
        cls, alg: str, now: int = NOW, *, keys: int = 1, clients: int = 1, reuse_interval: str | None = "30s"
    ) -> Iterator[World]:
        """Return a world, in a folder that lasts until the block ends."""
        with TemporaryDirectory() as folder:
            yield cls(alg, folder, now, keys=keys, clients=clients, reuse_interval=reuse_interval)

    def family(self, **changes: Any) -> Family:
        """Return a family in its third generation, rotated an hour ago; its user is the one of the configuration."""
        claims = Claims("admin", "admin", "admin", "admin@example.com", True, ("ops", "dev"))
        scopes = frozenset(("openid", "email", "groups", "profile", "offline_access"))
        family = Family(
            "AAECAwQFBgcICQoLDA0ODw",
            CLIENT,
            "local",
            claims,
            scopes,
            created_at=self.now - 9000,
            auth_time=self.now - 9000,
            code=PendingCode(self.now + 60, REDIRECT_URI),
            redeemed_at=self.now - 9000,
            generation=3,
            rotated_at=self.now - 3600,
            last_used_at=self.now - 3600,
            mac_key_id=self.mac_key.id,
        )
        return replace(family, **changes)

    def refresh_token(self, family: Family, generation: int) -> str:
        """Return the refresh token of that generation."""
        return mint(Kind.REFRESH_TOKEN, self.mac_key, family, generation)

    def applied(self, family: Family) -> None:
        """Let the next writes succeed and leave `family`."""
        self.aws.answers["UpdateItem"] = lambda _: {"Attributes": to_item(family)}

    def refused(self, family: Family) -> None:
        """Let the next writes fail their condition on `family`."""
        failed = {"__type": "ConditionalCheckFailedException", "message": "The conditional request failed"}
        self.aws.answers["UpdateItem"] = lambda _: failed | {"Item": to_item(family)}

    def found(self, family: Family) -> None:
        """Let the next reads find `family`, and the keys."""
        self.aws.answers["BatchGetItem"] = lambda _: {
            "Responses": {"families": [to_item(family)], "public-keys": [self.public_item]},
            "UnprocessedKeys": {},
        }

    def post(self, **form: str) -> Callable[[], Mapping[str, Any]]:
        """Return a call of POST /token with `form`."""
        return self.post_to("/token", **form)

    def post_to(self, path: str, **form: str) -> Callable[[], Mapping[str, Any]]:
        """Return a call of one of the endpoints of the function `token`, with `form`."""
        return partial(self.token, form_event(path, **form))

    def refresh(self, token: str) -> Callable[[], Mapping[str, Any]]:
        """Return a call of POST /token that refreshes with `token`."""
        return self.post(grant_type="refresh_token", refresh_token=token)

    def first_event(self, function: str) -> dict[str, Any]:
        """Return an event that a function's usual work answers, with what AWS then answers in place."""
        family = self.family()
        self.found(family)
        self.applied(family)
        self.aws.answers["PutItem"] = lambda _: {}
        if function == "userinfo":
            refreshed = self.refresh(self.refresh_token(family, 2))()
            token = json.loads(refreshed["body"])["access_token"]
            return http_api_event("GET /userinfo", {"authorization": f"Bearer {token}"})
        if function == "authorize":
            query = {"client_id": CLIENT, "redirect_uri": REDIRECT_URI, "response_type": "code", "scope": "openid"}
            return http_api_event("GET /auth", {}) | {"rawQueryString": urlencode(query)}
        return {
            "token": form_event("/token", grant_type="refresh_token", refresh_token=self.refresh_token(family, 2)),
            "device": form_event("/device/code", scope="openid"),
            "rotate_keys": {"command": "list"},
        }.get(function, http_api_event("GET /keys", {}))

    def floor(self, *, signatures: int = 0, verifications: int = 0, operation: str = "") -> Callable[[], None]:
        """Return what a request can't do without: signing, verifying, and the last call of `operation`, made bare."""
        payload = b"x" * 500
        signature = sign(self.private_key, payload)
        call: Any = {"UpdateItem": self.bare.update_item, "BatchGetItem": self.bare.batch_get_item}.get(operation)

        def floor() -> None:
            for _ in range(signatures):
                sign(self.private_key, payload)
            for _ in range(verifications):
                verify(self.public_key, signature, payload)
            if call is not None:
                with suppress(ClientError):  # where the request's own write is refused, so is this one
                    call(**self.last[operation])

        return floor

    def _remember(self, params: Mapping[str, Any], model: Any, **_: object) -> None:
        self.last[model.name] = dict(params)


def sign(key: Any, payload: bytes) -> bytes:
    """Return one bare signature of `payload`."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(payload, padding.PKCS1v15(), hashes.SHA256())
    return bytes(key.sign(payload, ec.ECDSA(hashes.SHA256())))


def verify(key: Any, signature: bytes, payload: bytes) -> None:
    """Verify one bare signature of `payload`."""
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, payload, padding.PKCS1v15(), hashes.SHA256())
    else:
        key.verify(signature, payload, ec.ECDSA(hashes.SHA256()))


def form_event(path: str, **form: str) -> dict[str, Any]:
    """Return the event of a form that the one client posts."""
    body = b64encode(urlencode({"client_id": CLIENT, "client_secret": SECRET} | form).encode()).decode()
    return http_api_event(f"POST {path}", {"content-type": "application/x-www-form-urlencoded"}, body)


def http_api_event(route: str, headers: Mapping[str, str], body: str = "") -> dict[str, Any]:
    """Return an HTTP API event (payload format 2.0) with a base64 body."""
    method, _, path = route.partition(" ")
    context = {"http": {"method": method, "path": path, "sourceIp": "127.0.0.1"}, "requestId": "bench"}
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": dict(headers),
        "requestContext": context,
        "body": body,
        "isBase64Encoded": bool(body),
    }
