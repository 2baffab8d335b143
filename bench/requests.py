"""The requests that are measured: the real handlers of a deployment, on answered AWS calls."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from bench.provider import CLIENT_ID, ISSUER, USER, StubbedProvider
from bench.stub import StubbedAws
from sundial.config.model import DEVICE_GRANT, TOKEN_EXCHANGE
from sundial.config.reader import compile_file
from sundial.deployment import Deployment
from sundial.discovery.endpoint import jwks_edge
from sundial.expiry.family import Claims, Family, PendingCode
from sundial.grants.endpoint import token_edge
from sundial.grants.token_exchange import ACCESS_TOKEN
from sundial.keys.algorithms import make_key_pair
from sundial.keys.jwks import PublicKeys
from sundial.keys.ring import MacKey, Ring, SigningKey, to_json
from sundial.store.dynamodb_families import to_item
from sundial.tokens.device_codes import mint_device_code
from sundial.tokens.opaque import Kind, mint
from sundial.userinfo import userinfo_edge

NOW = 1_800_000_000
REDIRECT_URI = "http://127.0.0.1:5555/callback"
SECRET = "a-secret-of-the-bench"  # noqa: S105
MAC_KEY = MacKey("00c0ffee", bytes(32), NOW - 10, NOW - 10)
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
expiry: {{refreshTokens: {{reuseInterval: 30s, validIfNotUsedFor: 2160h, absoluteLifetime: 3960h}}}}
staticPasswords:
  - {{email: admin@example.com, userID: admin, hash: "$2b$10$33EMT0cVYVlPy6WAMCLsceLYjWhuHpbz5yuZxu/GAFj03J9Lytjuy"}}
staticClients:
  - {{id: example-app, secret: {secret}, redirectURIs: ["{redirect_uri}"]}}
connectors:
  - type: oidc
    id: up
    name: The Provider
    config: {{issuer: {up}, clientID: {client_id}, clientSecret: $UPSTREAM_SECRET, insecureEnableGroups: true}}
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One request: `call` makes it, `aws` counts its network calls, `floor` is what nobody could leave out."""

    name: str
    call: Callable[[], object]
    aws: StubbedAws
    floor: Callable[[], object] | None = None


class Bench:
    """A deployment whose ring has one key of `alg`, and whose only family is as each request needs it."""

    def __init__(self, alg: str, folder: Path) -> None:
        self.alg = alg
        pair = make_key_pair(alg)
        kid, began = pair.public_jwk["kid"], NOW - 10
        key = SigningKey(kid, alg, pair.public_jwk, pair.private_pem, began, published_at=began, signs_from=began)
        public = PublicKeys(serial=1, as_of=NOW, keys=(pair.public_jwk,))
        self.aws = StubbedAws(
            {
                "GetSecretValue": lambda _: {
                    "SecretString": to_json(Ring(1, (key,), (MAC_KEY,))),
                    "VersionId": "11111111-1111-1111-1111-111111111111",
                },
                "GetItem": lambda _: {"Item": public.to_item()},
            }
        )
        self.public_item = public.to_item()
        text = CONFIG.format(alg=alg, secret=SECRET, redirect_uri=REDIRECT_URI, up=ISSUER, client_id=CLIENT_ID)
        (folder / "sundial.yaml").write_text(text)
        compiled, _ = compile_file(folder / "sundial.yaml", {})
        (folder / "sundial.json").write_text(json.dumps(compiled))
        self.deployment = Deployment(ENVIRONMENT | {"SUNDIAL_CONFIG": str(folder / "sundial.json")})
        for service in ("dynamodb", "kms", "secretsmanager"):
            self.aws.attach(self.deployment.client(service))
        self.token = token_edge(self.deployment, clock=lambda: NOW)
        self.userinfo = userinfo_edge(self.deployment, clock=lambda: NOW)
        self.last_update: dict[str, Any] = {}
        meta = self.deployment.client("dynamodb").meta
        meta.events.register("provide-client-params.dynamodb.UpdateItem", self._remember)
        self.private_key = self.deployment.ring.current(NOW).signer(alg, NOW).key

    def _remember(self, params: Mapping[str, Any], **_: object) -> None:
        self.last_update = dict(params)

    def family(self, **changes: Any) -> Family:
        """Return a family in its third generation, rotated an hour ago."""
        claims = Claims("admin", "admin", "admin", "admin@example.com", True, ("ops", "dev"))
        scopes = frozenset(("openid", "email", "groups", "profile", "offline_access"))
        family = Family(
            "AAECAwQFBgcICQoLDA0ODw",
            "example-app",
            "local",
            claims,
            scopes,
            created_at=NOW - 9000,
            auth_time=NOW - 9000,
            code=PendingCode(NOW + 60, REDIRECT_URI),
            redeemed_at=NOW - 9000,
            generation=3,
            rotated_at=NOW - 3600,
            last_used_at=NOW - 3600,
            mac_key_id=MAC_KEY.id,
        )
        return replace(family, **changes)

    def applied(self, family: Family) -> None:
        """Let the next writes succeed and leave `family`."""
        self.aws.answers["UpdateItem"] = lambda _: {"Attributes": to_item(family)}

    def refused(self, family: Family) -> None:
        """Let the next writes fail their condition on `family`."""
        failed = {"__type": "ConditionalCheckFailedException", "message": "The conditional request failed"}
        self.aws.answers["UpdateItem"] = lambda _: failed | {"Item": to_item(family)}

    def post(self, **form: str) -> Callable[[], Mapping[str, Any]]:
        """Return a call of POST /token with `form`."""
        return self.post_to("/token", **form)

    def post_to(self, path: str, **form: str) -> Callable[[], Mapping[str, Any]]:
        """Return a call of one of the endpoints of the function `token`, with `form`."""
        form = {"client_id": "example-app", "client_secret": SECRET} | form
        body = b64encode(urlencode(form).encode()).decode()
        event = http_api_event(f"POST {path}", {"content-type": "application/x-www-form-urlencoded"}, body)
        return partial(self.token, event)

    def refresh(self, token: str) -> Callable[[], Mapping[str, Any]]:
        """Return a call of POST /token that refreshes with `token`."""
        return self.post(grant_type="refresh_token", refresh_token=token)

    def signature(self) -> None:
        """Sign one token's worth of bytes: all that a response of one token and no write can't leave out."""
        sign(self.private_key, b"x" * 500)

    def floor(self) -> None:
        """Sign two tokens' worth of bytes, and write the same UpdateItem by a bare boto3 client."""
        for _ in range(2):
            sign(self.private_key, b"x" * 500)
        with suppress(ClientError):  # where the request's own write is refused, so is this one
            self.deployment.client("dynamodb").update_item(**self.last_update)


def sign(key: Any, payload: bytes) -> bytes:
    """Return one bare signature of `payload`."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(payload, padding.PKCS1v15(), hashes.SHA256())
    return bytes(key.sign(payload, ec.ECDSA(hashes.SHA256())))


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


def measured_requests() -> Iterator[Measured]:
    """Yield each request to measure, its answers in place until the next one is asked for."""
    for alg in ("RS256", "ES256"):
        with TemporaryDirectory() as folder:
            bench = Bench(alg, Path(folder))
            yield from _of_token_and_userinfo(bench)
    yield from _of_jwks(bench)


def _of_token_and_userinfo(bench: Bench) -> Iterator[Measured]:
    alg, family = bench.alg, bench.family()
    current = mint(Kind.REFRESH_TOKEN, MAC_KEY, family, 2)
    bench.applied(replace(family, rotated_at=NOW, last_used_at=NOW))
    refresh = bench.refresh(current)
    yield Measured(f"refresh, rotate ({alg})", checked(refresh, 200), bench.aws, bench.floor)
    bench.refused(replace(family, rotated_at=NOW - 5))
    yield Measured(f"refresh, retry ({alg})", checked(refresh, 200), bench.aws, bench.floor)
    yield Measured(f"refresh, forged ({alg})", checked(bench.refresh(current[:-2] + "AA"), 400), bench.aws)
    yield from _of_a_provider(bench)
    bench.applied(bench.family(generation=1, rotated_at=NOW))
    code = mint(Kind.AUTHORIZATION_CODE, MAC_KEY, family, 1)
    exchange = bench.post(grant_type="authorization_code", code=code, redirect_uri=REDIRECT_URI)
    yield Measured(f"code exchange ({alg})", checked(exchange, 200), bench.aws, bench.floor)
    access_token = json.loads(exchange()["body"])["access_token"]
    bench.aws.answers["BatchGetItem"] = lambda _: {
        "Responses": {"families": [to_item(family)], "public-keys": [bench.public_item]},
        "UnprocessedKeys": {},
    }
    userinfo = partial(bench.userinfo, http_api_event("GET /userinfo", {"authorization": f"Bearer {access_token}"}))
    yield Measured(f"userinfo ({alg})", checked(userinfo, 200), bench.aws)
    yield from _of_devices(bench)
    credentials = bench.post(grant_type="client_credentials")
    yield Measured(f"client credentials ({alg})", checked(credentials, 200), bench.aws, bench.signature)
    introspect = bench.post_to("/token/introspect", token=access_token)
    yield Measured(f"introspection ({alg})", checked(introspect, 200), bench.aws)
    forged = bench.post_to("/token/introspect", token=access_token[:-8] + "AAAAAAAA")
    yield Measured(f"introspection, forged ({alg})", checked(forged, 200), bench.aws)
    exchange_token = bench.post(
        grant_type=TOKEN_EXCHANGE, subject_token=access_token, subject_token_type=ACCESS_TOKEN, scope="openid"
    )
    yield Measured(f"token exchange ({alg})", checked(exchange_token, 200), bench.aws)


def _of_a_provider(bench: Bench) -> Iterator[Measured]:
    """A refresh that asks the user's provider; the floor has no provider, and one write."""
    data_key = {"KeyId": "key", "CiphertextBlob": "d3JhcHBlZA==", "Plaintext": b64encode(bytes(32)).decode()}
    bench.aws.answers |= {"GenerateDataKey": lambda _: data_key, "Decrypt": lambda _: data_key}
    family = bench.family(connector_id="up", claims=Claims(USER, "Kilgore Trout", email="kilgore@example.com"))
    kept = json.dumps({"refresh_token": "a refresh token of the provider's", "sub": USER})
    family = replace(family, upstream=bench.deployment.envelopes.seal(family.family_id, kept))
    bench.applied(family)
    refresh = bench.refresh(mint(Kind.REFRESH_TOKEN, MAC_KEY, family, 2))
    provider = StubbedProvider(NOW)
    with provider.answering():
        checked(refresh, 200)
        provider.calls.clear()
        checked(refresh, 200)
        asked = provider.calls.total()
        name = f"refresh through a provider, beside {asked} request to it ({bench.alg})"
        yield Measured(name, refresh, bench.aws, bench.floor)


def _of_devices(bench: Bench) -> Iterator[Measured]:
    device_code, family_id = mint_device_code(MAC_KEY, "example-app", NOW - 10, NOW + 300)
    poll = bench.post(grant_type=DEVICE_GRANT, device_code=device_code)
    noted = {"id": {"S": family_id}, "polled_at": {"N": str(NOW)}}
    bench.aws.answers["UpdateItem"] = lambda _: {"Attributes": noted}
    yield Measured(f"device poll, pending ({bench.alg})", checked(poll, 400), bench.aws)
    allowed = to_item(bench.family(family_id=family_id, generation=1, code=None))
    bench.aws.answers["UpdateItem"] = lambda _: {"Attributes": allowed | noted}
    yield Measured(f"device poll, allowed ({bench.alg})", checked(poll, 200), bench.aws, bench.floor)
    forged = bench.post(grant_type=DEVICE_GRANT, device_code=device_code[:-2] + "AA")
    yield Measured(f"device poll, forged ({bench.alg})", checked(forged, 400), bench.aws)


def _of_jwks(bench: Bench) -> Iterator[Measured]:
    handler = jwks_edge(bench.deployment, clock=lambda: NOW)
    for name, path in (("discovery", "/.well-known/openid-configuration"), ("keys", "/keys")):
        yield Measured(name, checked(partial(handler, http_api_event(f"GET {path}", {})), 200), bench.aws)


def checked(call: Callable[[], Mapping[str, Any]], status: int) -> Callable[[], object]:
    """Return `call`, after it has been seen to answer `status`: a fast failure is no result."""
    answer = call()
    if answer["statusCode"] != status:
        raise AssertionError(f"expected {status}, got {answer['statusCode']}: {answer['body']}")
    return call
