"""What a Dex file may ask for and Sundial doesn't serve yet: refused by name, never ignored.

To serve one of these is to delete its row here and to read it where its section is read.
"""

from __future__ import annotations

from types import MappingProxyType

_CONNECTORS = (
    "atlassian-crowd",
    "authproxy",
    "bitbucket-cloud",
    "gitea",
    "github",
    "gitlab",
    "google",
    "keystone",
    "ldap",
    "linkedin",
    "microsoft",
    "mockCallback",
    "mockPassword",
    "oauth",
    "oidc",
    "openshift",
    "saml",
    "samlExperimental",
)

NOT_SERVED_YET = MappingProxyType(
    {
        # a key, for any value that asks for something
        "mfa": "a second factor",
        "sessions": "a login that several clients share",
        "logger.excludeFields": "a choice of what the log leaves out",
        "oauth2.passwordConnector": "the resource owner password grant",
        "staticClients[].backchannelLogoutURI": "back-channel logout",
        "staticClients[].clientCredentialsClaims": "the client credentials grant",
        "staticClients[].mfaChain": "a second factor",
        "staticClients[].postLogoutRedirectURIs": "logout (RP-Initiated Logout)",
        "staticClients[].ssoSharedWith": "a login that several clients share",
        "staticClients[].trustedPeers": "tokens with another client as audience",
        # a key and one of its values
        **{f"connectors[].type: {name}": "this connector" for name in _CONNECTORS},
        "oauth2.grantTypes: client_credentials": "the client credentials grant",
        "oauth2.grantTypes: implicit": "the implicit flow",
        "oauth2.grantTypes: password": "the resource owner password grant",
        "oauth2.grantTypes: urn:ietf:params:oauth:grant-type:device_code": "the device grant",
        "oauth2.grantTypes: urn:ietf:params:oauth:grant-type:token-exchange": "token exchange",
        **{
            f"oauth2.responseTypes: {name}": "the implicit and the hybrid flow"
            for name in ("token", "id_token", "code token", "code id_token", "id_token token", "code id_token token")
        },
        "signer.type: vault": "a signer outside of the key ring",
        "signing.signer: kms": "a signer outside of the key ring",
        **{f"signing.algorithms: {name}": "this algorithm" for name in ("RS384", "RS512", "ES384", "ES512")},
        "staticClients[].refreshTokenLifetime: session": "refresh tokens that end with a login session",
    }
)
