"""docs/connectors/README.md, made from what the connectors' classes can do: it can't say what they don't."""

from __future__ import annotations

from sundial.connectors import base
from sundial.connectors.registry import SERVED, abilities, groups_are

_TITLES = {
    "password": "[Sundial's own users](local.md) (`enablePasswordDB`)",
    "authproxy": "[A proxy that has logged the user in](authproxy.md)",
    "github": "[GitHub](github.md)",
    "gitlab": "[GitLab](gitlab.md)",
    "google": "[Google](google.md)",
    "ldap": "[An LDAP directory](ldap.md)",
    "microsoft": "[Microsoft](microsoft.md)",
    "mockCallback": "[For trying out](mock.md)",
    "mockPassword": "[For trying out](mock.md)",
    "oauth": "[Any OAuth 2.0 provider](oauth.md)",
    "oidc": "[Any OpenID provider](oidc.md)",
    "saml": "[A SAML 2.0 provider](saml.md)",
}
_OLDER_NAMES = ("samlExperimental",)

_INTRODUCTION = """\
<!-- Made by `make docs-config` from the connectors' classes (layers/sundial/sundial/connectors): change it there. -->

# Connectors

How people log in. A connector that can't ask its provider again yields no refresh token, whatever scope a client asks
for: then `offline_access` is missing from the response's `scope`, and from discovery where no connector can.

| `type` | what it is | logs in by | refresh tokens | groups | token exchange | logout at the provider |
| --- | --- | --- | --- | --- | --- | --- |
"""

_CONCLUSION = """
- **Refresh tokens**: *the user is looked up* means that a refresh finds the user again without anything secret of
  theirs; *the provider is asked*, that it needs what the provider gave at login, which is kept encrypted under a key of
  KMS, and that there is no refresh token where the provider gave nothing.
  [What such a refresh costs and keeps](../architecture.md#a-refresh-through-a-provider).
- **Token exchange** is RFC 8693 with Dex's `connector_id`: a token of the provider's is taken for a login.
- **Settings** are Dex's. A secret is written `$NAME`, and taken from the environment of the functions; one in clear is
  a warning, for it would lie in the layer.
- **The provider sends browsers to** the issuer's `/callback`, which is what `redirectURI` says, if it says anything.
  `/callback/{id}` is as good, and better where there are several: a provider that was told that address answers nowhere
  else, so that none can pass off another's answer as its own (RFC 9700 §4.4). What does the same is a provider's `iss`
  (RFC 9207), which `oidc` checks where it comes.
- **A new login**, as a client asks for with `prompt=login` or `max_age`: [`oidc`](oidc.md) and [`saml`](saml.md) ask
  their provider, and are held to when it says that the user logged in; `microsoft` is asked for `prompt=login`. The
  others can't be asked and don't say when: somebody who is logged in there already comes straight back, and the
  `auth_time` of the tokens is that moment. A client that stakes something on it has to know the connector.
- **Of several connectors** only `sub` tells the users apart. A group `ops` of one is the `ops` of another, and an
  address may be said by each: `authproxy`, `github`, `gitlab`, `ldap`, `microsoft` and `saml` call it verified because
  their provider is taken at its word. A client that lets people in by group or address is to have connectors
  (`allowedConnectors`) that may each name them.
"""


def connector_docs() -> str:
    """Return the whole page."""
    rows = [_row(type) for type in ("password", *sorted(SERVED, key=str.lower)) if type not in _OLDER_NAMES]
    return _INTRODUCTION + "\n".join(rows) + "\n" + _CONCLUSION


def _row(type: str) -> str:
    can = abilities(type)
    cells = (
        "" if type == "password" else f"`{type}`",
        _TITLES[type],
        "a password" if base.PasswordLogin in can else "a redirect",
        _refreshes(can),
        groups_are(type) or "no",
        "yes" if base.TokenExchange in can else "no",
        "yes" if base.Logout in can else "no",
    )
    return f"| {' | '.join(cells)} |"


def _refreshes(can: frozenset[type]) -> str:
    if base.UpstreamRefresh in can:
        return "the provider is asked"
    return "the user is looked up" if can & {base.Refreshable, base.Lookup} else "**no**"
