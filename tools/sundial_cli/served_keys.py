"""Whether the JWKS is the key ring's: over HTTP, as verifiers ask for it, and as it is published."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from sundial.discovery.lifetimes import FUNCTION_CACHE
from sundial.keys.policy import seconds
from sundial_cli.instants import when
from sundial_cli.status import UNREACHABLE, StoppedError

_SECONDS_TO_ANSWER = 10
_LARGEST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at, and what is wrong with it; nothing is where `problems` is empty."""

    what: str
    problems: tuple[str, ...] = ()


def checks(inventory: Mapping[str, Any], issuer: str) -> Iterator[Check]:
    """Yield what is found: of the ring, of the published item, of discovery, of the JWKS as served.

    `inventory` is that of `sundial.keys.inventory`. Raises StoppedError where the issuer can't be reached.
    """
    yield Check("a key for each algorithm", tuple(_without_key(inventory)))
    yield published(inventory)
    yield discovery(issuer)
    yield served(inventory, issuer)


def published(inventory: Mapping[str, Any]) -> Check:
    """Return how the published item stands to the ring."""
    item = inventory["published"]
    if item is None:
        return Check("the published item", ("there is none: the key rotation has not run",))
    problems = list(differences(inventory, item["keys"]))
    if item["serial"] > inventory["serial"]:
        problems.append(f"it is of the ring {item['serial']}, and the secret has {inventory['serial']}, an older one")
    return Check("the published item", tuple(problems))


def discovery(issuer: str) -> Check:
    """Return whether discovery is right, as verifiers get it. Raises StoppedError where they don't."""
    document = fetch(f"{issuer}/.well-known/openid-configuration")
    return Check(f"discovery of {issuer}", tuple(_discovery(document, issuer)))


def served(inventory: Mapping[str, Any], issuer: str) -> Check:
    """Return how the JWKS stands to the ring, as verifiers get it. Raises StoppedError where they don't."""
    url = f"{issuer}/keys"
    return Check(f"the JWKS at {url}", tuple(_served(inventory, fetch(url))))


def differences(inventory: Mapping[str, Any], keys: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield how a JWKS differs from the ring's public keys.

    It must have each key that is known to be published, and may have any of the ring's.
    """
    now, there = inventory["at"], {key.get("kid"): dict(key) for key in keys}
    ring = {key["kid"]: key for key in inventory["signing_keys"]}
    if len(there) != len(keys):
        yield "a kid stands in it twice"
    for kid, key in ring.items():
        ended = key["signs_until"] is not None and key["published_until"] is not None and now > key["published_until"]
        if kid not in there and key["published_at"] is not None and not ended:
            yield f"{kid} is missing: what it signs is refused"
        if kid in there and there[kid] != key["jwk"]:
            yield f"{kid} is another key than the ring's"
    for kid in there.keys() - ring.keys():
        yield f"{kid} is in it and not in the ring: what it signed is still taken"


def fetch(url: str) -> dict[str, Any]:
    """Return the JSON object at `url`, asked for as a verifier does: no redirects, ten seconds."""
    parts = urlsplit(url)
    make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=_SECONDS_TO_ANSWER)
    try:
        connection.request("GET", parts.path or "/", headers={"Accept": "application/json"})
        response = connection.getresponse()
        body = response.read(_LARGEST)
    except (OSError, HTTPException) as error:
        raise StoppedError(UNREACHABLE, f"{url} can't be reached: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if response.status != 200:
        raise StoppedError(UNREACHABLE, f"{url} answers {response.status}: verifiers need a 200, without a redirect")
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise StoppedError(UNREACHABLE, f"{url} doesn't answer a JSON object")
    return document


def _without_key(inventory: Mapping[str, Any]) -> Iterator[str]:
    usable = {key["alg"] for key in inventory["signing_keys"] if key["state"] != "retired"}
    for alg in inventory["algorithms"]:
        if alg not in usable:
            yield f"{alg} has none: the key rotation has not run"


def _discovery(document: Mapping[str, Any], issuer: str) -> Iterator[str]:
    if document.get("issuer") != issuer:
        yield f"its issuer is {document.get('issuer')!r}: every verifier refuses that"
    if document.get("jwks_uri") != f"{issuer}/keys":
        yield f"its jwks_uri is {document.get('jwks_uri')!r}"


def _served(inventory: Mapping[str, Any], served: Mapping[str, Any]) -> Iterator[str]:
    keys = served.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        yield "it is no JWKS"
        return
    found = list(differences(inventory, keys))
    yield from found
    item = inventory["published"]
    fresh_at = item["as_of"] + seconds(FUNCTION_CACHE) if item else 0
    if found and inventory["at"] < fresh_at:
        yield f"a function may have the one before in memory until {when(fresh_at, inventory['at'])}: check again then"
