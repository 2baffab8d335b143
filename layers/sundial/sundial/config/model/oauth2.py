"""Which flows are served (Dex: `oauth2`), by the names that the standards have for them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sundial.settings import setting

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 (a name, not a token)
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SERVED_GRANTS = ("authorization_code", "refresh_token", "client_credentials", TOKEN_EXCHANGE, DEVICE_GRANT)
"""The grants that need no setting of their own."""
IMPLICIT_GRANT = "implicit"
"""Not a grant of /token: it says that `oauth2.responseTypes` has tokens come from /auth."""
RESPONSE_MODES = ("query", "fragment", "form_post")
"""How an answer travels to the client."""

RESPONSE_TYPES = (
    "code",
    "id_token",
    "token",
    "id_token token",
    "code id_token",
    "code token",
    "code id_token token",
)
"""OAuth 2.0 Multiple Response Types §3 and §5, OpenID Connect Core §3."""
PASSWORD_GRANT = "password"  # noqa: S105
CONNECTOR_GRANTS = (
    "authorization_code",
    "refresh_token",
    IMPLICIT_GRANT,
    PASSWORD_GRANT,
    DEVICE_GRANT,
    TOKEN_EXCHANGE,
)
"""The grants in which a connector has a part."""


@dataclass(frozen=True, slots=True)
class Pkce:
    """Proof Key for Code Exchange (RFC 7636)."""

    enforce: bool = field(
        default=False, metadata=setting("enforce", "refuse a request without a challenge", default="false")
    )
    code_challenge_methods: tuple[str, ...] = field(
        default=("S256", "plain"),
        metadata=setting("codeChallengeMethodsSupported", "of `S256` and `plain`", default="[S256, plain]"),
    )


@dataclass(frozen=True, slots=True)
class OAuth2:
    """Which flows are served, and how."""

    response_types: tuple[str, ...] = field(
        default=("code",),
        metadata=setting(
            "responseTypes",
            "of `code`, `token` and `id_token`, which are served by themselves and together, and of their "
            "combinations, such as `code id_token`, which are served as they stand; RFC 9700 §2.1.2 advises "
            "against `token`",
            default="[code]",
        ),
    )
    grant_types: tuple[str, ...] = field(
        default=SERVED_GRANTS,
        metadata=setting(
            "grantTypes",
            "of " + ", ".join(f"`{grant}`" for grant in (*SERVED_GRANTS, PASSWORD_GRANT, IMPLICIT_GRANT)),
            default="all; but `password` where there is a passwordConnector, and `implicit` by responseTypes",
        ),
    )
    skip_approval_screen: bool = field(
        default=False, metadata=setting("skipApprovalScreen", "don't ask for consent", default="false")
    )
    always_show_login_screen: bool = field(
        default=False,
        metadata=setting("alwaysShowLoginScreen", "let people choose even from one connector", default="false"),
    )
    password_connector: str | None = field(
        default=None,
        metadata=setting(
            "passwordConnector", "id of the connector that checks the passwords of the password grant", default="none"
        ),
    )
    pkce: Pkce = field(default=Pkce(), metadata=setting("pkce", "see `oauth2.pkce`"))

    def serves(self, response_types: frozenset[str]) -> bool:
        """Return whether a request may ask for these `response_types` at once."""
        alone = {one for one in self.response_types if " " not in one}
        together = {frozenset(one.split()) for one in self.response_types}
        return bool(response_types) and (response_types <= alone or response_types in together)

    @property
    def served_response_types(self) -> tuple[str, ...]:
        """Every response type that is served, as OpenID Connect spells it (Discovery: response_types_supported).

        One with a code is of no use where no code can be exchanged.
        """
        grants_codes = "authorization_code" in self.grant_types
        offered = (one for one in RESPONSE_TYPES if grants_codes or "code" not in one.split())
        return tuple(one for one in offered if self.serves(frozenset(one.split())))
