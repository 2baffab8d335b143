"""GET /.well-known/…, GET /keys, GET /healthz: neither the secret nor a private key is within reach of these."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from sundial.config.model import Config
from sundial.deployment import Deployment
from sundial.discovery.caching import Document, cacheable
from sundial.discovery.documents import authorization_server_metadata, openid_configuration
from sundial.discovery.lifetimes import FUNCTION_CACHE, RETRY_AFTER, SHORTEST_MAX_AGE, max_age
from sundial.errors import OAuthError, temporarily_unavailable
from sundial.keys.jwks import PublicKeys
from sundial.keys.policy import JWKS_STALENESS, seconds
from sundial.keys.stores import JwksStore
from sundial.observe import logger
from sundial.web.edge import Edge, Endpoint
from sundial.web.http import Request, Response, json_response


class Keys:
    """GET /keys (RFC 7517 §5), from the published item, which is kept in memory for a minute."""

    def __init__(self, store: JwksStore, publish_ahead: timedelta, vary: str = "") -> None:
        self._store = store
        self._publish_ahead = publish_ahead
        self._vary = vary
        self._served: PublicKeys | None = None
        self._document = Document.of("")
        self._loaded_at = 0
        self._reload_at = 0

    def __call__(self, request: Request) -> Response:
        """Answer the JWKS; raises `temporarily_unavailable` (503) where there is none, or it can't be read."""
        served = self._current(request.now)
        age = max_age(self._publish_ahead, served.next_change_at, request.now)
        if request.now >= self._loaded_at + seconds(FUNCTION_CACHE):
            age = min(age, seconds(SHORTEST_MAX_AGE))  # it may be out of date: better ask again soon
        return cacheable(request, self._document, age, vary=self._vary)

    def _current(self, now: int) -> PublicKeys:
        if self._served is None or now >= self._reload_at:
            try:
                return self._reload(now)
            except OAuthError as error:
                last_at = self._loaded_at + seconds(JWKS_STALENESS)
                if self._served is None or now > last_at:
                    raise
                logger.warning("the JWKS in memory goes on", loaded_at=self._loaded_at, detail=error.detail)
                self._reload_at = min(now + seconds(RETRY_AFTER), last_at + 1)
        return self._served

    def _reload(self, now: int) -> PublicKeys:
        served = self._store.load()
        if served is None:
            raise temporarily_unavailable(
                "no key has been published yet; try again soon", retry_after=30, detail="the rotation has not run"
            )
        if served != self._served:
            self._document = Document.of(served.document())
        self._served, self._loaded_at, self._reload_at = served, now, now + seconds(FUNCTION_CACHE)
        return served


def health(_request: Request) -> Response:
    """Answer that this function runs and has read its configuration. It asks nothing of the network.

    So it stays cheap, and a load balancer takes no function out for a fault that all of them share;
    the alarms watch the tables, the secret and the rotation.
    """
    return json_response({"status": "ok"})


def jwks_edge(deployment: Deployment, *, clock: Callable[[], float] = time.time) -> Edge:
    """Return the handler of the function `jwks`."""
    config = deployment.config
    vary = _vary(config)
    routes: Mapping[str, Endpoint] = {
        "GET /.well-known/openid-configuration": _constant(openid_configuration(config), config, vary),
        "GET /.well-known/oauth-authorization-server": _constant(authorization_server_metadata(config), config, vary),
        "GET /keys": Keys(deployment.public_keys, config.signing.publish_ahead, vary),
        "GET /healthz": health,
    }
    cross_origin = frozenset(route.partition(" ")[2] for route in routes) - {"/healthz"}
    return Edge("jwks", routes, config, clock=clock, cross_origin=cross_origin)


def _constant(document: Mapping[str, Any], config: Config, vary: str) -> Endpoint:
    """Return an endpoint that answers a document which changes with a deployment only; it is made once."""
    made = Document.of(json.dumps(document, separators=(",", ":")))
    age = max_age(config.signing.publish_ahead, None, 0)
    return lambda request: cacheable(request, made, age, vary=vary)


def _vary(config: Config) -> str:
    """Name the header that the CORS headers depend on, where they do: an answer without them must not be shared."""
    return "" if "*" in config.web.allowed_origins or not config.web.allowed_origins else "Origin"
