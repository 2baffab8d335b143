"""Any OpenID provider (Dex: `oidc`; OpenID Connect Core §3.1, RFC 7636, RFC 9207).

See docs/connectors/oidc.md for its settings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sundial.connectors.base import Arrival, Attempt, Departure, Identity, InterruptedRefreshError
from sundial.connectors.http import Conversation, Http, unbelievable, unreachable
from sundial.connectors.mapping import GroupRules, group_names, read_group_rules
from sundial.connectors.oauth2 import OAuth2Client, Tokens, received_code
from sundial.connectors.provider import Metadata, Overrides, Provider
from sundial.connectors.settings import Registration, read_registration, read_trust, read_url
from sundial.connectors.tls import Trust
from sundial.errors import OAuthError, access_denied
from sundial.expiry.family import Claims

if TYPE_CHECKING:
    from sundial.config.section import Section

ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 (RFC 8693 §3)
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105

ANYBODY = "*"
"""In `exchangeAudiences`: a token is taken whomever it was made for, as Dex takes it."""

_NOBODY = Claims("")
_ENDPOINTS = {
    "tokenURL": "token_endpoint",
    "authURL": "authorization_endpoint",
    "jwksURL": "jwks_uri",
    "userInfoURL": "userinfo_endpoint",
    "deviceAuthURL": "device_authorization_endpoint",
    "endSessionURL": "end_session_endpoint",
}


@dataclass(frozen=True, slots=True)
class ClaimMapping:
    """Where a user's attributes stand among the provider's claims."""

    user_id: str = ""
    user_name: str = ""
    preferred_username: str = ""
    email: str = ""
    groups: str = ""
    override: bool = False
    """Whether the keys above win over the standard claims where those are there too."""


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """Dex: `connectors[].config` of an `oidc`."""

    issuer: str
    registration: Registration
    trust: Trust = field(default_factory=Trust)
    overrides: Overrides = field(default_factory=Overrides)
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    in_body: bool | None = None
    challenge: str = ""
    """The PKCE method; empty leaves it to discovery."""
    get_user_info: bool = False
    skip_email_verified: bool = False
    enable_groups: bool = False
    groups: GroupRules = field(default_factory=GroupRules)
    mapping: ClaimMapping = field(default_factory=ClaimMapping)
    hosted_domains: tuple[str, ...] = ()
    acr_values: tuple[str, ...] = ()
    prompt: str = "consent"
    exchange_audiences: tuple[str, ...] = ()


class OidcConnector:
    """Logs in with the authorization code flow: PKCE where the provider has it, a nonce always."""

    groups_are = "the provider's `groups` claim, with `insecureEnableGroups`"

    def __init__(self, id: str, name: str, settings: OidcSettings) -> None:
        self.id = id
        self.name = name
        self._settings = settings
        self._http = Http(name, settings.trust)
        self._provider = Provider(name, settings.issuer, settings.overrides)

    @staticmethod
    def read(section: Section, issuer: str | None) -> OidcSettings:
        """Return the settings."""
        if not section.states("issuer"):
            section.error("issuer", "is missing", "write 'issuer: https://…', the provider's")
        in_body = section.flag("basicAuthUnsupported") if section.states("basicAuthUnsupported") else None
        enable_groups = section.flag("insecureEnableGroups")
        if section.texts("allowedGroups") and not enable_groups:
            message = "stands without insecureEnableGroups: nobody's groups would be looked at, and everybody let in"
            section.error("allowedGroups", message, "write 'insecureEnableGroups: true', or remove it")
        return OidcSettings(
            issuer=read_url(section, "issuer"),
            registration=read_registration(section, issuer, secret_required=False),
            trust=read_trust(section),
            overrides=Overrides(_read_endpoints(section), section.text("issuerAlias") or ""),
            scopes=("openid", *(dict.fromkeys(section.texts("scopes") or ("profile", "email")))),
            in_body=in_body,
            challenge=section.choice("pkceChallenge", ("S256", "plain"), default=""),
            get_user_info=section.flag("getUserInfo"),
            skip_email_verified=section.flag("insecureSkipEmailVerified"),
            enable_groups=enable_groups,
            groups=read_group_rules(section),
            mapping=_read_mapping(section),
            hosted_domains=section.texts("hostedDomains"),
            acr_values=section.texts("acrValues"),
            prompt=read_prompt(section),
            exchange_audiences=section.texts("exchangeAudiences"),
        )

    # Logging in

    def begin(self, attempt: Attempt, state: str, now: int) -> Departure:
        """Return the provider's authorization endpoint (see RedirectLogin)."""
        settings = self._settings
        metadata = self._provider.metadata(self._http.conversation(), now)
        offline = "offline_access" in attempt.scopes
        prompts = dict.fromkeys(settings.prompt.split() if offline else ())
        if attempt.max_age == 0:
            prompts["login"] = None
        url = self._client(metadata).authorization_url(
            metadata.authorization_endpoint,
            attempt,
            state,
            dict.fromkeys(settings.scopes),
            challenge=self._challenge(metadata),
            nonce=_nonce(attempt),
            login_hint=attempt.login_hint,
            acr_values=" ".join(settings.acr_values),
            hd=hosted_domain_hint(settings.hosted_domains),
            access_type="offline" if offline else "",
            max_age=str(attempt.max_age or ""),
            prompt=" ".join(prompts),
        )
        return Departure(url)

    def finish(self, attempt: Attempt, arrival: Arrival, *, talk: Conversation | None = None) -> Identity:
        """Return who logged in (see RedirectLogin; OpenID Connect Core §3.1.2.5 to §3.1.3.8).

        `talk` is the conversation that this is a part of, where it is not a whole one.
        """
        talk = talk or self._http.conversation()
        metadata = self._provider.metadata(talk, arrival.now)
        client = self._client(metadata)
        code = received_code(
            arrival,
            self.name,
            metadata.issuer,
            iss_required=metadata.sends_iss,
            on_own_path=client.has_own_path(attempt),
        )
        self._provider.have_keys(talk, arrival.now)
        tokens = client.redeem(talk, metadata.token_endpoint, attempt, code, challenge=self._challenge(metadata))
        if not tokens.id_token:
            raise unbelievable(self.name, "no ID token came; is 'openid' among the scopes?")
        claims = self._verified(talk, tokens, arrival.now, nonce=_nonce(attempt))
        user = self._claims(self._with_user_info(talk, metadata, claims, tokens))
        auth_time = claims.get("auth_time")
        return Identity(user, _kept(tokens, claims), auth_time if type(auth_time) is int else None)

    # Refreshing

    def refresh_upstream(
        self, identity: Identity, _scopes: frozenset[str], now: int, *, talk: Conversation | None = None
    ) -> Identity | None:
        """Return the user as they stand now (see UpstreamRefresh; OpenID Connect Core §12; `talk` as in `finish`)."""
        talk = talk or self._http.conversation()
        metadata = self._provider.metadata(talk, now)
        self._provider.have_keys(talk, now)
        kept = json.loads(identity.upstream)
        tokens = self._client(metadata).renew(talk, metadata.token_endpoint, kept["refresh_token"])
        if tokens is None:
            return None
        upstream = _kept(tokens, kept)
        try:
            claims = self._verified(talk, tokens, now) if tokens.id_token else {}
            claims = self._with_user_info(talk, metadata, {"sub": kept["sub"], **claims}, tokens)
            if claims["sub"] != kept["sub"]:  # §12.2
                raise unbelievable(self.name, "the refreshed ID token is another user's")
            if claims.keys() == {"sub"}:
                return Identity(identity.claims, upstream)  # the provider says no more than that they are still there
            present = self._claims(claims, identity.claims)
        except OAuthError as error:
            if error.code == "access_denied":
                return None
            raise InterruptedRefreshError(upstream, error) from None
        return Identity(present, upstream)

    # Token exchange

    @property
    def subject_token_types(self) -> frozenset[str]:
        """ID tokens; and where userinfo is asked and anybody's will do, access tokens (see TokenExchange)."""
        takes_access_tokens = self._settings.get_user_info and ANYBODY in self._settings.exchange_audiences
        return frozenset((ID_TOKEN, ACCESS_TOKEN) if takes_access_tokens else (ID_TOKEN,))

    def exchange(self, subject_token: str, subject_token_type: str, now: int) -> Claims | None:
        """Return whose token it is (see TokenExchange).

        An ID token must be for Sundial's own client or for one of `exchangeAudiences`: what the provider
        made for some other application is no login here. Nobody can tell for whom an access token was made.
        """
        if subject_token_type not in self.subject_token_types:
            return None
        talk = self._http.conversation()
        try:
            metadata = self._provider.metadata(talk, now)
            if subject_token_type == ID_TOKEN:
                self._provider.have_keys(talk, now)
        except OAuthError as error:  # whatever is wrong there, it is not the token
            raise unreachable(self.name, error.detail) from error
        try:
            if subject_token_type == ID_TOKEN:
                tokens = Tokens("", id_token=subject_token)
                claims = self._verified(talk, tokens, now, audiences=self._settings.exchange_audiences)
                return self._claims(claims)
            return self._claims(self._user_info(talk, metadata, subject_token))
        except OAuthError as error:
            if error.status == 502:
                return None
            raise

    # Logging out

    def logout_url(self, return_to: str, now: int) -> str:
        """Return the provider's end_session_endpoint (see Logout; OpenID Connect RP-Initiated Logout §2)."""
        endpoint = self._provider.metadata(self._http.conversation(), now).end_session_endpoint
        if not endpoint:
            return ""
        query = urlencode({"client_id": self._settings.registration.client_id, "post_logout_redirect_uri": return_to})
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    # What is common to these

    def _client(self, metadata: Metadata) -> OAuth2Client:
        in_body = self._settings.in_body
        if in_body is None:  # RFC 8414 §2: basic, unless it says otherwise
            in_body = "client_secret_basic" not in metadata.authentication_methods
        return OAuth2Client(self.name, self._settings.registration, in_body)

    def _challenge(self, metadata: Metadata) -> str:
        offered = (method for method in ("S256", "plain") if method in metadata.challenge_methods)
        return self._settings.challenge or next(offered, "")

    def _verified(
        self,
        talk: Conversation,
        tokens: Tokens,
        now: int,
        *,
        nonce: str | None = None,
        audiences: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        return self._provider.verify(
            talk,
            tokens.id_token,
            now,
            audiences=None if ANYBODY in audiences else frozenset((self._settings.registration.client_id, *audiences)),
            nonce=nonce,
            access_token=tokens.access_token,
        )

    def _with_user_info(
        self, talk: Conversation, metadata: Metadata, claims: Mapping[str, Any], tokens: Tokens
    ) -> dict[str, Any]:
        """Return `claims` with those of the userinfo endpoint, which must be of the same user (§5.3.2)."""
        if not self._settings.get_user_info:
            return dict(claims)
        more = self._user_info(talk, metadata, tokens.access_token)
        if more.get("sub") != claims["sub"]:
            raise unbelievable(self.name, "userinfo is another user's")
        return {**claims, **more}

    def _user_info(self, talk: Conversation, metadata: Metadata, access_token: str) -> dict[str, Any]:
        if not metadata.userinfo_endpoint:
            raise unbelievable(self.name, "getUserInfo is set, and discovery names no userinfo_endpoint")
        return talk.get(metadata.userinfo_endpoint, token=access_token).ok().document()

    def _claims(self, claims: Mapping[str, Any], before: Claims = _NOBODY) -> Claims:
        """Return what the provider's claims say of the user; raises `access_denied` where they may not log in.

        A name or an address that is not told again is the one from `before`; groups that are not told are none.
        """
        settings, mapping = self._settings, self._settings.mapping
        check_hosted_domain(claims, settings.hosted_domains)
        email = self._mapped(claims, "email", mapping.email) or before.email
        if "email" in settings.scopes and not email:
            raise self._missing("email")
        return Claims(
            user_id=self._required(claims, mapping.user_id or "sub", before.user_id),
            username=self._required(claims, mapping.user_name or "name", before.username),
            preferred_username=self._mapped(claims, "preferred_username", mapping.preferred_username)
            or before.preferred_username,
            email=email,
            email_verified=self._email_verified(claims, before),
            groups=self._groups(claims),
        )

    def _required(self, claims: Mapping[str, Any], key: str, before: str) -> str:
        value = claims.get(key, before)
        if not isinstance(value, str) or not value:
            raise self._missing(key)
        return value

    def _mapped(self, claims: Mapping[str, Any], standard: str, key: str) -> str:
        value = claims.get(self._key(claims, standard, key))
        return value if isinstance(value, str) else ""

    def _key(self, claims: Mapping[str, Any], standard: str, key: str) -> str:
        """Return where an attribute stands: under its standard name unless that isn't there, or isn't to win."""
        return key if key and (self._settings.mapping.override or standard not in claims) else standard

    def _email_verified(self, claims: Mapping[str, Any], before: Claims) -> bool:
        stated = claims.get("email_verified")
        if stated in ("true", "false"):  # some userinfo endpoints write it so
            stated = stated == "true"
        if isinstance(stated, bool):
            return stated
        if before.email:
            return before.email_verified
        if not self._settings.skip_email_verified and "email" in self._settings.scopes:
            raise self._missing("email_verified")
        return self._settings.skip_email_verified

    def _groups(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        if not self._settings.enable_groups:
            return self._settings.groups.apply((), claims) if self._settings.groups.made else ()
        key = self._key(claims, "groups", self._settings.mapping.groups)
        names = group_names(claims.get(key, []))
        if names is None:
            raise unbelievable(self.name, f"the claim {key} is no list of groups")
        return self._settings.groups.apply(names, claims)

    def _missing(self, key: str) -> OAuthError:
        return unbelievable(self.name, f"the claim {key} is missing; see docs/connectors/oidc.md")


def check_hosted_domain(claims: Mapping[str, Any], domains: tuple[str, ...]) -> None:
    """Dex: hostedDomains; Google says in `hd` to which of its customers an account belongs."""
    if domains and claims.get("hd") not in domains:
        raise access_denied("Your account is of a domain that may not log in here.", detail="hd")


def hosted_domain_hint(domains: tuple[str, ...]) -> str:
    """Return the `hd` parameter: which accounts Google offers."""
    return "" if not domains else domains[0] if len(domains) == 1 else "*"


def read_prompt(section: Section) -> str:
    """Return `promptType`, of requests for `offline_access`: `consent` unless it is stated, be it as nothing."""
    return section.text("promptType") or ("" if "promptType" in section else "consent")


def _nonce(attempt: Attempt) -> str:
    return attempt.derived("nonce")


def _kept(tokens: Tokens, claims: Mapping[str, Any]) -> str:
    """Return what is kept of a login: the refresh token, and whose it is."""
    if not tokens.refresh_token:
        return ""
    return json.dumps({"refresh_token": tokens.refresh_token, "sub": claims["sub"]})


def _read_endpoints(section: Section) -> Mapping[str, str]:
    overrides = section.section("providerDiscoveryOverrides")
    endpoints = {name: url for key, name in _ENDPOINTS.items() if (url := read_url(overrides, key))}
    overrides.close()
    return endpoints


def _read_mapping(section: Section) -> ClaimMapping:
    mapping = section.section("claimMapping")
    read = ClaimMapping(
        user_id=section.text("userIDKey") or "",
        user_name=section.text("userNameKey") or "",
        preferred_username=mapping.text("preferred_username") or "",
        email=mapping.text("email") or "",
        groups=mapping.text("groups") or "",
        override=section.flag("overrideClaimMapping"),
    )
    mapping.close()
    return read
