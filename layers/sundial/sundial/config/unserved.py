"""What a Dex file may hold that Sundial doesn't serve, one row each: to serve it is to delete its row and to read it.

What it can't do yet is refused by name, never ignored. What a file may go without, and nothing is less safe, is
left out with a warning of its own. What means nothing without a server is accepted, and one warning names it.
"""

from __future__ import annotations

from types import MappingProxyType

_CONNECTORS = (
    "atlassian-crowd",
    "bitbucket-cloud",
    "gitea",
    "keystone",
    "linkedin",
    "openshift",
)

MEANINGLESS_WITHOUT_A_SERVER = (
    "frontend.extra",
    "grpc",
    "logger.format",
    "storage",
    "telemetry",
    "web.clientRemoteIP",
    "web.http",
    "web.https",
    "web.tlsCert",
    "web.tlsKey",
    "web.tlsMaxVersion",
    "web.tlsMinVersion",
)

NOT_SERVED_YET = MappingProxyType(
    {
        # a key, for any value that asks for something
        "mfa": "a second factor",
        "logger.excludeFields": "a choice of what the log leaves out",
        "staticClients[].mfaChain": "a second factor",
        # a key and one of its values
        **{f"connectors[].type: {name}": "login through an upstream provider" for name in _CONNECTORS},
        "signer.type: vault": "a signer outside of the key ring",
        "signing.signer: kms": "a signer outside of the key ring",
        **{f"signing.algorithms: {name}": "keys of this algorithm" for name in ("RS384", "RS512", "ES384", "ES512")},
        "staticClients[].refreshTokenLifetime: session": "refresh tokens that end with a login session",
    }
)

LEFT_OUT = MappingProxyType(
    {
        "sessions": "there is no login that several applications share: each asks for one of its own",
        "staticClients[].backchannelLogoutURI": "nobody calls the application when a login has ended: it learns that "
        "from its next refresh, introspection or userinfo",
        "staticClients[].ssoSharedWith": "there is no login that several applications share",
    }
)
"""A key, for any value that asks for something: what one goes without."""
