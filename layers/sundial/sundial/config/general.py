"""The sections of a file that are about the whole deployment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from urllib.parse import urlsplit

from sundial.config.model import (
    IMPLICIT_GRANT,
    PASSWORD_GRANT,
    RESPONSE_TYPES,
    SERVED_GRANTS,
    ConnectorConfig,
    Expiry,
    Frontend,
    Migration,
    OAuth2,
    Pkce,
    Signing,
    Web,
)
from sundial.config.problems import HIDDEN
from sundial.config.section import Section
from sundial.config.suggestions import one_of, remedy_for
from sundial.connectors.base import PasswordLogin
from sundial.connectors.registry import SERVED, abilities
from sundial.expiry.durations import format_duration
from sundial.expiry.policies import OnReplay, RefreshTokenPolicy, RefreshTokenSettings

SERVED_ALGORITHMS = ("RS256", "ES256")
_SHORTEST_SIGNING_KEYS = timedelta(minutes=10)
_SHORTEST_PUBLISH_AHEAD = timedelta(minutes=10)  # the functions themselves cache for five
_LONGEST_AUTH_CODES = timedelta(minutes=10)
_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|::1")
_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.\-\[\]:]+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADERS = (
    "Content-Security-Policy",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "X-XSS-Protection",
    "Strict-Transport-Security",
    "Referrer-Policy",
    "Permissions-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Embedder-Policy",
    "Cross-Origin-Resource-Policy",
)
_LEVELS = {"debug": "DEBUG", "info": "INFO", "warn": "WARNING", "error": "ERROR"}


def is_loopback(host: str | None) -> bool:
    """Return whether `host` is this machine (RFC 8252 §7.3)."""
    return host is not None and _LOOPBACK.fullmatch(host) is not None


def read_issuer(root: Section) -> str | None:
    """Return `issuer`, None where it can't be used.

    As in Dex it is kept letter by letter, a slash at its end included: it is what tokens carry as `iss`.
    """
    if not root.states("issuer"):
        root.error("issuer", "is missing", "write 'issuer: https://…', the URL under which clients reach this")
        return None
    issuer = root.text("issuer")
    if issuer is not None and (wrong := _wrong_with_issuer(issuer)) is not None:
        root.error("issuer", *wrong, shown=HIDDEN if "@" in issuer else None)
        return None
    return issuer


def _wrong_with_issuer(issuer: str) -> tuple[str, str] | None:
    """Return what is wrong with `issuer` and what to do, None where nothing is (OpenID Connect Discovery §3)."""
    try:
        url = urlsplit(issuer)
        port = url.port
    except ValueError:
        return "is not a URL", "write 'https://' and a host"
    if url.scheme not in ("http", "https") or not url.hostname or port == 0 or re.search(r"[\s\\]", issuer):
        return "is not an absolute http or https URL", "write 'https://' and a host, and a path if you like"
    if url.scheme == "http" and not is_loopback(url.hostname):
        return "is http on a host that is not loopback", "write 'https://…' (OpenID Connect Discovery §3)"
    if "?" in issuer or "#" in issuer:
        return "carries a query or a fragment", "end it with its host or path (OpenID Connect Discovery §3)"
    if url.username is not None or url.password is not None:
        return "carries a user or a password", "leave out what stands before the @"
    return None


@dataclass(frozen=True, slots=True)
class DexSigner:
    """Dex's `signer` section: where newer files have the period of `expiry.signingKeys`, and the algorithm."""

    period: timedelta | None = None
    algorithm: str | None = None


def read_signer(root: Section) -> DexSigner:
    """Return the `signer` section; a signer that isn't `local` is refused, and its settings are not looked at."""
    section = root.section("signer")
    local = "local"
    if section.choice("type", (local,), default="" if section.states("type") else local) != local:
        return DexSigner()
    config = section.section("config")
    signer = DexSigner(
        read_lifetime(config, "keysRotationPeriod", at_least=_SHORTEST_SIGNING_KEYS),
        config.choice("algorithm", SERVED_ALGORITHMS, default="") or None,
    )
    config.close()
    section.close()
    return signer


def read_expiry(root: Section, signer: DexSigner) -> Expiry:
    """Return the `expiry` section; as in Dex, the period of `signer` wins over `signingKeys`."""
    section = root.section("expiry")
    defaults = Expiry()
    expiry = Expiry(
        id_tokens=read_lifetime(section, "idTokens") or defaults.id_tokens,
        auth_requests=read_lifetime(section, "authRequests") or defaults.auth_requests,
        auth_codes=read_lifetime(section, "authCodes") or defaults.auth_codes,
        device_requests=read_lifetime(section, "deviceRequests") or defaults.device_requests,
        signing_keys=read_lifetime(section, "signingKeys", at_least=_SHORTEST_SIGNING_KEYS) or defaults.signing_keys,
        refresh_tokens=read_refresh_tokens(section),
    )
    if expiry.auth_codes > _LONGEST_AUTH_CODES:
        section.error("authCodes", "is longer than ten minutes (RFC 6749 §4.1.2)", "write '60s', or at most '10m'")
    check_refresh_tokens(section, expiry.refresh_tokens)
    section.close()
    return replace(expiry, signing_keys=signer.period) if signer.period else expiry


def read_refresh_tokens(parent: Section) -> RefreshTokenSettings:
    """Return the `refreshTokens` block of `parent` as written."""
    section = parent.section("refreshTokens")
    on_replay = section.choice("onReplay", tuple(OnReplay), default="")
    settings = RefreshTokenSettings(
        disable_rotation=section.flag("disableRotation") if section.states("disableRotation") else None,
        reuse_interval=section.duration("reuseInterval"),
        valid_if_not_used_for=section.duration("validIfNotUsedFor"),
        absolute_lifetime=section.duration("absoluteLifetime"),
        on_replay=OnReplay(on_replay) if on_replay else None,
    )
    section.close()
    return settings


def check_refresh_tokens(parent: Section, *layers: RefreshTokenSettings) -> None:
    """Refuse what the last of `layers`, the one of `parent`, makes of the others: tokens that nothing ever ends.

    Dex: expiry.refreshTokens.disableRotation, whose documentation asks for a limit beside it.
    """
    if not RefreshTokenPolicy.of(*layers).never_ends or RefreshTokenPolicy.of(*layers[:-1]).never_ends:
        return
    block = parent.section("refreshTokens")
    where, key = (block, "disableRotation") if block.states("disableRotation") else (parent, "refreshTokens")
    message = "leaves refresh tokens with neither rotation nor an end"
    where.error(key, message, "set validIfNotUsedFor or absoluteLifetime, such as '2160h', or leave rotation on")


def read_lifetime(section: Section, key: str, *, at_least: timedelta = timedelta(seconds=1)) -> timedelta | None:
    """Return the duration at `key`, None where it says nothing; a second at least, since instants are whole seconds."""
    duration = section.duration(key)
    if duration is not None and duration < at_least:
        remedy = f"write '{format_duration(at_least)}' or longer, or leave it out for the default"
        section.error(key, f"is shorter than {format_duration(at_least)}", remedy)
        return None
    return duration


def read_migration(root: Section) -> Migration:
    """Return the `migration` section."""
    section = root.section("migration")
    migration = Migration(dex_refresh_tokens=section.flag("dexRefreshTokens"))
    section.close()
    return migration


def read_oauth2(root: Section, connectors: tuple[ConnectorConfig, ...]) -> OAuth2:
    """Return the `oauth2` section; its `passwordConnector` is one of `connectors`."""
    section = root.section("oauth2")
    password_connector = _password_connector(section, connectors)
    pkce = section.section("pkce")
    methods = ("S256", "plain")
    response_types = section.choices("responseTypes", RESPONSE_TYPES, default=("code",))
    oauth2 = OAuth2(
        response_types=response_types,
        grant_types=_grant_types(section, password_connector, response_types),
        skip_approval_screen=section.flag("skipApprovalScreen"),
        always_show_login_screen=section.flag("alwaysShowLoginScreen"),
        password_connector=password_connector,
        pkce=Pkce(
            enforce=pkce.flag("enforce"),
            code_challenge_methods=pkce.choices("codeChallengeMethodsSupported", methods, default=methods),
        ),
    )
    pkce.close()
    section.close()
    return oauth2


def _password_connector(section: Section, connectors: tuple[ConnectorConfig, ...]) -> str | None:
    """Return `passwordConnector`: the id of a connector that checks passwords."""
    key = "passwordConnector"
    wanted = section.text(key)
    if wanted is None:
        return None
    able = [connector.id for connector in connectors if _checks_passwords(connector)]
    if wanted not in [connector.id for connector in connectors]:
        section.error(key, "is not the id of a connector", remedy_for(wanted, able))
    elif wanted not in able:
        message = "is a connector that checks no passwords: people log in at its provider, or grantTypes forbids it"
        section.error(key, message, f"use {one_of(able)}" if able else "remove it")
    return wanted


def _checks_passwords(connector: ConnectorConfig) -> bool:
    if connector.grant_types and PASSWORD_GRANT not in connector.grant_types:
        return False
    return connector.type in ("password", *SERVED) and PasswordLogin in abilities(connector.type)


def _grant_types(section: Section, password_connector: str | None, response_types: tuple[str, ...]) -> tuple[str, ...]:
    """Return `grantTypes`; as in Dex the password grant is served where there is a connector for it, and only there.

    So is `implicit` by what `responseTypes` has: as in Dex it needs no mention here, and mentioned it does nothing.
    """
    default = (*SERVED_GRANTS, PASSWORD_GRANT) if password_connector else SERVED_GRANTS
    stated = section.choices("grantTypes", (*SERVED_GRANTS, PASSWORD_GRANT, IMPLICIT_GRANT), default=default)
    is_implicit = any("token" in one.split() or one == "id_token" for one in response_types)
    if IMPLICIT_GRANT in stated and not is_implicit:
        message = "has 'implicit' without a responseTypes that has tokens come from /auth, and so it is not served"
        section.warn("grantTypes", message, "add 'token' or 'id_token' there, or remove it")
    stated = tuple(grant for grant in stated if grant != IMPLICIT_GRANT) + (IMPLICIT_GRANT,) * is_implicit
    if PASSWORD_GRANT in stated and password_connector is None:
        section.warn("grantTypes", "has 'password' without a passwordConnector, and so it is not served", "name one")
    if PASSWORD_GRANT not in stated and password_connector is not None:
        section.warn("passwordConnector", "is of no use: grantTypes leaves out 'password'", "add it there")
    served = tuple(grant for grant in stated if grant != PASSWORD_GRANT or password_connector is not None)
    if not served:
        section.error("grantTypes", "leaves nothing that is served", "add 'authorization_code', or remove it")
    return served


def read_signing(root: Section, signer: DexSigner) -> Signing:
    """Return the `signing` section (ours), with the algorithm of `signer` where it names none."""
    section = root.section("signing")
    defaults = Signing()
    algorithms = section.choices("algorithms", SERVED_ALGORITHMS, default=())
    if signer.algorithm and algorithms and signer.algorithm not in algorithms:
        message = f"leaves out {signer.algorithm}, which signer.config.algorithm asks for"
        section.error("algorithms", message, "add it here, or leave signer out")
    signing = Signing(
        algorithms=algorithms or ((signer.algorithm,) if signer.algorithm else defaults.algorithms),
        publish_ahead=read_lifetime(section, "publishAhead", at_least=_SHORTEST_PUBLISH_AHEAD)
        or defaults.publish_ahead,
        signer=section.choice("signer", (defaults.signer,), default=defaults.signer),
    )
    section.close()
    return signing


def read_web(root: Section) -> Web:
    """Return the `web` section; what is about a listening server is named in the one warning."""
    section = root.section("web")
    section.accept_meaningless()
    web = Web(
        allowed_origins=_matching(
            section, "allowedOrigins", _ORIGIN, "is not an origin", "write 'https://host', with no path, or '*'"
        ),
        allowed_headers=_matching(
            section, "allowedHeaders", _TOKEN, "is not the name of a header", "write a name, such as 'X-Requested-With'"
        ),
        headers=_headers(section.section("headers")),
    )
    section.close()
    return web


def _matching(section: Section, key: str, pattern: re.Pattern[str], message: str, remedy: str) -> tuple[str, ...]:
    texts = tuple(section.indexed_texts(key))
    for index, text in texts:
        if not pattern.fullmatch(text):
            section.error(key, message, remedy, index=index)
    return tuple(text for _, text in texts)


def _headers(section: Section) -> Mapping[str, str]:
    """Return `web.headers`: the names that Dex knows and their younger relatives, in any case."""
    by_lower_case = {name.lower(): name for name in _HEADERS}
    headers = {}
    for key in section:
        name = by_lower_case.get(key.lower())
        value = section.text(key)
        if name is None:
            section.error(key, "is not a header that can be set here", remedy_for(key, _HEADERS))
        elif value is not None and not (value.isascii() and value.isprintable()):
            section.error(key, "holds a line break or something else than printable ASCII", "write it on one line")
        elif value is not None:
            headers[name] = value
    return MappingProxyType(headers)


def read_frontend(root: Section, theme_css: str) -> Frontend:
    """Return the `frontend` section; `theme_css` is the text of the folder's theme.css."""
    section = root.section("frontend")
    section.accept_meaningless()
    defaults = Frontend()
    theme = section.choice("theme", ("auto", "light", "dark", "coreos", "tectonic"), default=defaults.theme)
    frontend = Frontend(
        issuer=section.text("issuer") or defaults.issuer,
        logo_url=read_logo(section),
        theme="light" if theme in ("coreos", "tectonic") else theme,
        dir=section.text("dir") or "",
        theme_css=theme_css,
    )
    section.close()
    return frontend


def read_logo(section: Section) -> str:
    """Return `logoURL`, with a warning where it is a path: unlike Dex, Sundial serves no files of its own."""
    url = section.text("logoURL") or ""
    if url and not url.startswith(("https://", "http://", "data:image/")):
        section.warn("logoURL", "is not an absolute URL, and no file is served here", "write 'https://…', or remove it")
    return url


def read_log_level(root: Section) -> str:
    """Return `logger.level` as Python names it; the format is always JSON."""
    section = root.section("logger")
    section.accept_meaningless()
    section.not_yet("excludeFields")
    level = (section.text("level") or "info").lower()
    if level not in _LEVELS:
        section.error("level", "is unknown", remedy_for(level, _LEVELS))
    section.close()
    return _LEVELS.get(level, "INFO")
