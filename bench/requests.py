"""The requests that are measured: the real handlers of a deployment, on answered AWS calls."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bench.provider import USER, StubbedProvider
from bench.stub import StubbedAws
from bench.world import CLIENT, REDIRECT_URI, World, http_api_event
from sundial.config.model import DEVICE_GRANT, TOKEN_EXCHANGE
from sundial.discovery.endpoint import jwks_edge
from sundial.expiry.family import Claims
from sundial.grants.token_exchange import ACCESS_TOKEN
from sundial.store.family_items import to_item
from sundial.tokens.device_codes import mint_device_code
from sundial.tokens.opaque import Kind, mint

ALGORITHMS = ("RS256", "ES256")


@dataclass(frozen=True, slots=True)
class Measured:
    """One request: `call` makes it, `aws` counts its network calls, `floor` is what nobody could leave out."""

    name: str
    alg: str
    call: Callable[[], object]
    aws: StubbedAws
    floor: Callable[[], object] | None = None


def measured_requests(algorithms: tuple[str, ...] = ALGORITHMS) -> Iterator[Measured]:
    """Yield each request to measure, its answers in place until the next one is asked for."""
    for alg in algorithms:
        with World.of(alg) as world:
            yield from _of_refreshes(world)
            yield from _of_a_provider(world)
            yield from _of_access_tokens(world)
            yield from _of_devices(world)
            yield from _of_jwks(world)


def _of_refreshes(world: World) -> Iterator[Measured]:
    family = world.family()
    two_signatures_and_a_write = world.floor(signatures=2, operation="UpdateItem")
    a_write = world.floor(operation="UpdateItem")
    current = world.refresh_token(family, 2)
    world.applied(replace(family, rotated_at=world.now, last_used_at=world.now))
    yield _measured(world, "refresh, rotate", world.refresh(current), 200, two_signatures_and_a_write)
    world.refused(replace(family, rotated_at=world.now - 5))
    yield _measured(world, "refresh, retry", world.refresh(current), 200, two_signatures_and_a_write)
    world.refused(replace(family, revoked_at=world.now - 5))
    yield _measured(world, "refresh, refused", world.refresh(current), 400, a_write)
    yield _measured(world, "refresh, forged", world.refresh(current[:-2] + "AA"), 400)
    world.applied(world.family(generation=1, rotated_at=world.now))
    code = mint(Kind.AUTHORIZATION_CODE, world.mac_key, family, 1)
    exchange = world.post(grant_type="authorization_code", code=code, redirect_uri=REDIRECT_URI)
    yield _measured(world, "code exchange", exchange, 200, two_signatures_and_a_write)
    credentials = world.post(grant_type="client_credentials")
    yield _measured(world, "client credentials", credentials, 200, world.floor(signatures=1))


def _of_a_provider(world: World) -> Iterator[Measured]:
    """A refresh that asks the user's provider; the floor has no provider, and one write."""
    data_key = {"KeyId": "key", "CiphertextBlob": "d3JhcHBlZA==", "Plaintext": b64encode(bytes(32)).decode()}
    world.aws.answers |= {"GenerateDataKey": lambda _: data_key, "Decrypt": lambda _: data_key}
    family = world.family(connector_id="up", claims=Claims(USER, "Kilgore Trout", email="kilgore@example.com"))
    kept = json.dumps({"refresh_token": "a refresh token of the provider's", "sub": USER})
    family = replace(family, upstream=world.deployment.envelopes.seal(family.family_id, kept))
    world.applied(family)
    refresh = world.refresh(world.refresh_token(family, 2))
    provider = StubbedProvider(world.now)
    with provider.answering():
        _checked(refresh, 200)
        provider.calls.clear()
        _checked(refresh, 200)
        name = f"refresh through a provider, beside {provider.calls.total()} request to it"
        yield _measured(world, name, refresh, 200, world.floor(signatures=2, operation="UpdateItem"))


def _of_access_tokens(world: World) -> Iterator[Measured]:
    family = world.family()
    world.applied(family)
    refreshed = world.refresh(world.refresh_token(family, 2))()
    access_token = json.loads(refreshed["body"])["access_token"]
    world.found(family)
    userinfo = partial(world.userinfo, http_api_event("GET /userinfo", {"authorization": f"Bearer {access_token}"}))
    a_read = world.floor(verifications=1, operation="BatchGetItem")
    yield _measured(world, "userinfo", userinfo, 200, a_read)
    introspect = world.post_to("/token/introspect", token=access_token)
    yield _measured(world, "introspection", introspect, 200, a_read)
    forged = world.post_to("/token/introspect", token=access_token[:-8] + "AAAAAAAA")
    yield _measured(world, "introspection, forged", forged, 200, world.floor(verifications=1))
    exchange = world.post(
        grant_type=TOKEN_EXCHANGE, subject_token=access_token, subject_token_type=ACCESS_TOKEN, scope="openid"
    )
    floor = world.floor(signatures=1, verifications=1, operation="BatchGetItem")
    yield _measured(world, "token exchange", exchange, 200, floor)


def _of_devices(world: World) -> Iterator[Measured]:
    device_code, family_id = mint_device_code(world.mac_key, CLIENT, world.now - 10, world.now + 300)
    poll = world.post(grant_type=DEVICE_GRANT, device_code=device_code)
    noted = {"id": {"S": family_id}, "polled_at": {"N": str(world.now)}}
    world.aws.answers["UpdateItem"] = lambda _: {"Attributes": noted}
    yield _measured(world, "device poll, pending", poll, 400, world.floor(operation="UpdateItem"))
    allowed = to_item(world.family(family_id=family_id, generation=1, code=None))
    world.aws.answers["UpdateItem"] = lambda _: {"Attributes": allowed | noted}
    yield _measured(world, "device poll, allowed", poll, 200, world.floor(signatures=2, operation="UpdateItem"))
    forged = world.post(grant_type=DEVICE_GRANT, device_code=device_code[:-2] + "AA")
    yield _measured(world, "device poll, forged", forged, 400)


def _of_jwks(world: World) -> Iterator[Measured]:
    handler = jwks_edge(world.deployment, clock=lambda: world.now)
    for name, path in (("discovery", "/.well-known/openid-configuration"), ("JWKS", "/keys")):
        yield _measured(world, name, partial(handler, http_api_event(f"GET {path}", {})), 200)


def _measured(
    world: World,
    name: str,
    call: Callable[[], Mapping[str, Any]],
    status: int,
    floor: Callable[[], object] | None = None,
) -> Measured:
    return Measured(name, world.alg, _checked(call, status), world.aws, floor)


def _checked(call: Callable[[], Mapping[str, Any]], status: int) -> Callable[[], object]:
    """Return `call`, after it has been seen to answer `status`: a fast failure is no result."""
    answer = call()
    if answer["statusCode"] != status:
        raise AssertionError(f"expected {status}, got {answer['statusCode']}: {answer['body']}")
    return call
