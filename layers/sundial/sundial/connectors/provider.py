"""An OpenID provider, as a client sees it: its discovery document, its keys, and whether to believe its tokens."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sundial.connectors.http import Conversation, unbelievable
from sundial.errors import OAuthError
from sundial.observe import logger
from sundial.tokens.jwt import half_hash

ALGORITHMS = frozenset(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"))
"""The signatures that are believed, where the provider says that it makes them. None is a shared secret's."""
LEEWAY = 60
"""Seconds that a provider's clock may be off."""
_KEEP = 3600
"""Seconds for which the discovery document and the keys are kept."""
_RELOAD_AFTER = 10
"""Seconds between two looks at the keys for the sake of an unknown `kid`: a forger can't make us ask."""
_MOST_KEYS = 100


@dataclass(frozen=True, slots=True)
class Overrides:
    """What takes the place of what is discovered (Dex: providerDiscoveryOverrides, issuerAlias)."""

    endpoints: Mapping[str, str] = field(default_factory=dict)
    """By their names in the discovery document."""
    issuer_alias: str = ""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the discovery document says (OpenID Connect Discovery §3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    algorithms: frozenset[str] = frozenset(("RS256",))
    challenge_methods: tuple[str, ...] = ()
    authentication_methods: tuple[str, ...] = ("client_secret_basic",)
    sends_iss: bool = False
    """RFC 9207 §3: each authorization response carries `iss`."""


class Provider:
    """One issuer. What it publishes is kept for an hour, and goes on where it can't be had again."""

    def __init__(self, name: str, issuer: str, overrides: Overrides = Overrides()) -> None:
        self._name = name
        self._issuer = issuer
        self._overrides = overrides
        self._metadata: Metadata | None = None
        self._metadata_at = 0
        self._keys: tuple[Mapping[str, Any], ...] | None = None
        self._keys_at = 0
        self._keys_asked_at = 0

    def metadata(self, talk: Conversation, now: int) -> Metadata:
        """Return the discovery document; `now` is epoch seconds."""
        if self._metadata is None or now >= self._metadata_at + _KEEP:
            try:
                self._metadata, self._metadata_at = self._discover(talk), now
            except OAuthError as error:
                if self._metadata is None:
                    raise
                logger.warning("discovery_goes_on", provider=self._name, detail=error.detail)
                self._metadata_at = now - _KEEP + _RELOAD_AFTER
        return self._metadata

    def have_keys(self, talk: Conversation, now: int) -> None:
        """Have the provider's keys at hand.

        To be asked before a code or a refresh token is used up, after which a failure would cost it.
        """
        if self._keys is None:
            self._load_keys(talk, self.metadata(talk, now), now)

    def verify(
        self,
        talk: Conversation,
        id_token: str,
        now: int,
        *,
        audiences: frozenset[str] | None,
        nonce: str | None = None,
        access_token: str = "",
    ) -> dict[str, Any]:
        """Return the claims of an ID token, checked as OpenID Connect Core §3.1.3.7 has it.

        It must be for one of `audiences` (None: for anybody), carry `nonce` where that is given, and fit
        `access_token` where it says that it does (§3.1.3.8). Raises `upstream_failed`.
        """
        metadata = self.metadata(talk, now)
        claims = self._signed(talk, id_token, metadata, now)
        if claims.get("iss") != metadata.issuer:
            raise self._unbelievable("iss")
        if audiences is not None:
            self._check_audience(claims, audiences)
        self._check_times(claims, now)
        if nonce is not None and not _same(claims.get("nonce"), nonce):
            raise self._unbelievable("nonce")
        import jwt

        alg = jwt.get_unverified_header(id_token)["alg"]
        if (
            access_token
            and "at_hash" in claims
            and alg != "EdDSA"
            and not _same(claims["at_hash"], half_hash(access_token, alg))
        ):
            raise self._unbelievable("at_hash")
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise self._unbelievable("sub")
        return claims

    def _discover(self, talk: Conversation) -> Metadata:
        answer = talk.get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration").ok()
        document = {**answer.document(), **self._overrides.endpoints}
        expected = self._overrides.issuer_alias or self._issuer
        if document.get("issuer") != expected:
            raise answer.failed("it is another issuer's")  # OpenID Connect Discovery §4.3
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not self._is_endpoint(document.get(name)):
                raise answer.failed(f"no usable {name} in it")
        optional = {
            name: document[name]
            for name in ("userinfo_endpoint", "end_session_endpoint")
            if self._is_endpoint(document.get(name))
        }
        stated = _texts(document.get("id_token_signing_alg_values_supported")) or ("RS256",)
        return Metadata(
            expected,
            document["authorization_endpoint"],
            document["token_endpoint"],
            document["jwks_uri"],
            **optional,
            algorithms=ALGORITHMS & set(stated),
            challenge_methods=_texts(document.get("code_challenge_methods_supported")),
            authentication_methods=_texts(document.get("token_endpoint_auth_methods_supported"))
            or ("client_secret_basic",),
            sends_iss=document.get("authorization_response_iss_parameter_supported") is True,
        )

    def _is_endpoint(self, value: object) -> bool:
        """A provider on https sends nobody to http; one on http is for this machine."""
        if not isinstance(value, str):
            return False
        schemes = ("https",) if self._issuer.startswith("https:") else ("https", "http")
        try:
            url = urlsplit(value)
            return url.scheme in schemes and bool(url.hostname)
        except ValueError:
            return False

    def _signed(self, talk: Conversation, id_token: str, metadata: Metadata, now: int) -> dict[str, Any]:
        """Return the claims, their signature verified; of their meaning nothing is."""
        import jwt  # a tenth of a cold start, which who brings no ID token is spared

        try:
            header = jwt.get_unverified_header(id_token)
        except jwt.InvalidTokenError:
            raise self._unbelievable("not a JWT") from None
        alg, kid = header.get("alg"), header.get("kid")
        if not isinstance(alg, str) or alg not in metadata.algorithms:
            raise self._unbelievable("alg")
        for key in self._candidates(talk, metadata, kid, now):
            try:
                public = jwt.PyJWK(dict(key), algorithm=alg)
                claims: dict[str, Any] = jwt.decode(id_token, public, algorithms=[alg], options=_SIGNATURE_ALONE)
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, ValueError):
                continue  # not a key for this algorithm
            return claims
        raise self._unbelievable("signature")

    def _candidates(self, talk: Conversation, metadata: Metadata, kid: object, now: int) -> list[Mapping[str, Any]]:
        """Return the keys that may have signed: that of `kid`, or all where the token names none."""
        if not self._of(kid) or now >= self._keys_at + _KEEP:
            self._load_keys(talk, metadata, now)
        return self._of(kid)

    def _of(self, kid: object) -> list[Mapping[str, Any]]:
        return [key for key in self._keys or () if kid is None or key.get("kid") == kid]

    def _load_keys(self, talk: Conversation, metadata: Metadata, now: int) -> None:
        """Ask for the keys, unless somebody just has; where they can't be had, those in hand go on."""
        if self._keys is not None and now < self._keys_asked_at + _RELOAD_AFTER:
            return
        self._keys_asked_at = now
        try:
            answer = talk.get(metadata.jwks_uri).ok()
            keys = answer.document().get("keys")
            if not isinstance(keys, list) or len(keys) > _MOST_KEYS:
                raise answer.failed("no JWKS, or one too large")
        except OAuthError as error:
            if self._keys is None:
                raise
            logger.warning("keys_go_on", provider=self._name, detail=error.detail)
            return
        usable = (key for key in keys if isinstance(key, dict) and key.get("use", "sig") == "sig")
        self._keys, self._keys_at = tuple(usable), now

    def _check_audience(self, claims: Mapping[str, Any], audiences: frozenset[str]) -> None:
        aud = claims.get("aud")
        stated = {aud} if isinstance(aud, str) else set(_texts(aud))
        if not stated & audiences:
            raise self._unbelievable("aud")
        azp = claims.get("azp")
        if azp is not None and len(stated) > 1 and azp not in audiences:
            raise self._unbelievable("azp")

    def _check_times(self, claims: Mapping[str, Any], now: int) -> None:
        exp, iat, nbf = claims.get("exp"), claims.get("iat", now), claims.get("nbf", now)
        if not all(isinstance(time, int | float) for time in (exp, iat, nbf)):
            raise self._unbelievable("exp, iat or nbf")
        if not now < claims["exp"] + LEEWAY:  # said so that NaN, which JSON's readers take, is no time
            raise self._unbelievable("exp: it has expired")
        if not max(iat, nbf) <= now + LEEWAY:
            raise self._unbelievable("iat or nbf: it is of the future")

    def _unbelievable(self, what: str) -> OAuthError:
        return unbelievable(self._name, f"ID token: {what}")


_SIGNATURE_ALONE: Any = {
    "verify_signature": True,
    **{f"verify_{name}": False for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")},
}


def _same(stated: object, expected: str) -> bool:
    return isinstance(stated, str) and hmac.compare_digest(stated.encode("utf-8"), expected.encode("utf-8"))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
