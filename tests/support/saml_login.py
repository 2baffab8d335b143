"""The `saml` connector before a provider of the tests: what answers it takes, and what becomes of the others."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from sundial.connectors.base import Identity
from sundial.connectors.saml import SamlConnector, SamlSettings
from sundial.errors import OAuthError
from sundial.expiry.family import Claims
from tests.support.certificates import Certificate, self_signed
from tests.support.saml import NAME_ID, NOW, PROVIDER, SSO_URL, Parts, encode, sign
from tests.support.upstream import CALLBACK, an_attempt, arrival

ATTEMPT = an_attempt()
IDP = self_signed("The provider", by_rsa=True)
FORGER = self_signed("The provider", by_rsa=True)
"""Of the same name, and with a key of their own."""
SETTINGS = SamlSettings(SSO_URL, "name", "email", CALLBACK, sso_issuer=PROVIDER, certificates=(IDP.pem,))
JANE = Claims(NAME_ID, "Jane Doe", email="jane@example.com", email_verified=True)
ADMIN = "admin@example.com"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"


def connector(**changes: Any) -> SamlConnector:
    return SamlConnector("saml", "The Provider", replace(SETTINGS, **changes))


def request_id() -> str:
    request = etree.fromstring(base64.b64decode(connector().begin(ATTEMPT, "s", NOW).form["SAMLRequest"]))
    return str(request.get("ID"))


def parts(**changes: Any) -> Parts:
    return Parts(request_id(), **changes)


def finished(document: str | bytes, now: int = NOW, **changes: Any) -> Identity:
    raw = document.encode("utf-8") if isinstance(document, str) else document
    return connector(**changes).finish(ATTEMPT, arrival(now, SAMLResponse=encode(raw), RelayState="s"))


def refusal(document: str | bytes, now: int = NOW, **changes: Any) -> OAuthError:
    with pytest.raises(OAuthError) as refused:
        finished(document, now, **changes)
    return refused.value


def audiences(*names: str) -> str:
    return "".join(
        f"<saml:AudienceRestriction><saml:Audience>{name}</saml:Audience></saml:AudienceRestriction>" for name in names
    )


def failure(first: str, second: str) -> str:
    return f'<samlp:StatusCode Value="{STATUS}{first}"><samlp:StatusCode Value="{STATUS}{second}"/></samlp:StatusCode>'


def refused(document: str | bytes, why: str, now: int = NOW, *, status: int = 502, **changes: Any) -> None:
    error = refusal(document, now, **changes)
    assert (error.status, error.detail.removesuffix("; see docs/connectors/saml.md")) == (status, f"SAML: {why}")


def signed(made: Parts, where: str = ".", by: Certificate = IDP, **settings: Any) -> bytes:
    return sign(made.xml(), by, {"assertion": "saml:Assertion"}.get(where, where), **settings)
