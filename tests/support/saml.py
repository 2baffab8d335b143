"""SAML for the tests: pysaml2's identity provider, and responses made by hand."""

from __future__ import annotations

import base64
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from lxml import etree
from signxml.algorithms import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConstructionMethod,
    SignatureMethod,
)
from signxml.signer import XMLSigner

from tests.support.certificates import Certificate
from tests.support.upstream import CALLBACK

PROVIDER, SSO_URL = "https://idp.example.com/metadata", "https://idp.example.com/sso"
SAML, SAMLP = "urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:2.0:protocol"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
NAMES = {"saml": SAML, "samlp": SAMLP, "ds": "http://www.w3.org/2000/09/xmldsig#"}
NOW = 1_800_000_000
NAME_ID = "jane@example.com"
ATTRIBUTES = {"name": ("Jane Doe",), "email": ("jane@example.com",), "groups": ("devs", "staff")}

_METADATA = f"""\
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{CALLBACK}">
  <md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:AssertionConsumerService Binding="{POST}" Location="{CALLBACK}" index="0"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>
"""


class SamlProvider:
    """pysaml2's identity provider, which knows Jane."""

    def __init__(self, folder: Path, certificate: Certificate) -> None:
        """Skips where xmlsec1 isn't installed, with which pysaml2 signs."""
        xmlsec = shutil.which("xmlsec1")
        if xmlsec is None:
            pytest.skip("no xmlsec1 here (on Debian and Ubuntu: apt install xmlsec1)")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pysaml2 uses what cryptography is about to move
            from saml2.config import IdPConfig
            from saml2.server import Server
        (folder / "key.pem").write_text(certificate.key_pem, "ascii")
        (folder / "cert.pem").write_text(certificate.pem, "ascii")
        configuration = {
            "entityid": PROVIDER,
            "xmlsec_binary": xmlsec,
            "key_file": str(folder / "key.pem"),
            "cert_file": str(folder / "cert.pem"),
            "metadata": {"inline": [_METADATA]},
            "service": {
                "idp": {
                    "signing_algorithm": SignatureMethod.RSA_SHA256.value,
                    "digest_algorithm": DigestAlgorithm.SHA256.value,
                    "endpoints": {"single_sign_on_service": [(SSO_URL, POST)]},
                    "policy": {
                        "default": {
                            "lifetime": {"minutes": 5},
                            "name_form": "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified",
                        }
                    },
                }
            },
        }
        self._server = Server(config=IdPConfig().load(configuration))

    def answer(self, form: Mapping[str, str], attributes: Mapping[str, Any], **settings: Any) -> dict[str, str]:
        """Log Jane in for the request of `form`, and return what the browser POSTs back."""
        request = self._server.parse_authn_request(form["SAMLRequest"], POST)
        assert request.message.destination == SSO_URL
        response = self._server.create_authn_response(
            identity={name: list(values) for name, values in attributes.items()},
            userid="jane",
            authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:Password", "authn_auth": PROVIDER},
            **self._server.response_args(request.message),
            **{"sign_response": True, "sign_assertion": True, **settings},
        )
        return {"SAMLResponse": encode(str(response).encode("utf-8")), "RelayState": form["RelayState"]}


@dataclass(frozen=True)
class Parts:
    """A response made by hand: what a test doesn't say fits `CALLBACK`, `NOW` and `request_id`."""

    request_id: str
    name_id: str = NAME_ID
    issuer: str = PROVIDER
    response_issuer: str = f"<saml:Issuer>{PROVIDER}</saml:Issuer>"
    destination: str = f' Destination="{CALLBACK}"'
    in_response_to: str | None = None
    status: str = '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>'
    confirmation: str | None = None
    recipient: str = CALLBACK
    method: str = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
    ends_at: int = NOW + 300
    begins_at: int = NOW - 300
    confirmation_ends_at: int = NOW + 300
    audiences: str = f"<saml:AudienceRestriction><saml:Audience>{CALLBACK}</saml:Audience></saml:AudienceRestriction>"
    more_conditions: str = ""
    authentication: str = "<saml:AuthnStatement/>"
    attributes: Mapping[str, tuple[str, ...]] | None = None
    more: str = ""
    """What else stands in the assertion."""

    def xml(self) -> str:
        answers = self.request_id if self.in_response_to is None else self.in_response_to
        return f"""\
<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="response" Version="2.0" InResponseTo="{answers}"\
 IssueInstant="{instant(NOW)}"{self.destination}>{self.response_issuer}\
<samlp:Status>{self.status}</samlp:Status>{self.assertion()}</samlp:Response>"""

    def assertion(self) -> str:
        confirmation = self.confirmation
        if confirmation is None:
            confirmation = f"""<saml:SubjectConfirmation Method="{self.method}"><saml:SubjectConfirmationData\
 InResponseTo="{self.request_id}" Recipient="{self.recipient}" NotOnOrAfter="{instant(self.confirmation_ends_at)}"/>\
</saml:SubjectConfirmation>"""
        attributes = "".join(
            f'<saml:Attribute Name="{name}">'
            + "".join(f"<saml:AttributeValue>{escape(value)}</saml:AttributeValue>" for value in values)
            + "</saml:Attribute>"
            for name, values in (ATTRIBUTES if self.attributes is None else self.attributes).items()
        )
        return f"""<saml:Assertion xmlns:saml="{SAML}" ID="assertion" Version="2.0" IssueInstant="{instant(NOW)}">\
<saml:Issuer>{self.issuer}</saml:Issuer><saml:Subject><saml:NameID>{self.name_id}</saml:NameID>{confirmation}\
</saml:Subject><saml:Conditions NotBefore="{instant(self.begins_at)}" NotOnOrAfter="{instant(self.ends_at)}">\
{self.audiences}{self.more_conditions}</saml:Conditions>{self.authentication}\
<saml:AttributeStatement>{attributes}</saml:AttributeStatement>{self.more}</saml:Assertion>"""


def sign(
    xml: str | bytes,
    certificate: Certificate,
    path: str = ".",
    *,
    method: SignatureMethod = SignatureMethod.RSA_SHA256,
    digest: DigestAlgorithm = DigestAlgorithm.SHA256,
    c14n: CanonicalizationMethod = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
) -> bytes:
    """Return the document with the element at `path` signed, its signature behind its Issuer as the schema has it."""
    root = etree.fromstring(xml)
    element = root if path == "." else root.find(path, NAMES)
    assert element is not None
    signer = _Signer(SignatureConstructionMethod.enveloped, method, digest, c14n)
    signed = signer.sign(
        etree.fromstring(etree.tostring(element)),
        key=certificate.key,
        cert=[certificate.certificate],
        reference_uri=f"#{element.get('ID')}",
        id_attribute="ID",
    )
    if element is root:
        return bytes(etree.tostring(signed))
    element.getparent().replace(element, signed)
    return bytes(etree.tostring(root))


class _Signer(XMLSigner):
    def check_deprecated_methods(self) -> None:
        """The tests make weak signatures too, to see them refused."""


def encode(document: bytes) -> str:
    """Return a document as a form has it."""
    return base64.b64encode(document).decode("ascii")


def instant(seconds: int) -> str:
    """Return epoch seconds as SAML has them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
