"""A SAML 2.0 response: whether to believe it, and what it says (SAML Core, Bindings §3.5, Profiles §4.1.4).

What is read is what was signed, as it was digested, and nothing beside it: so a signed assertion that was
moved to another place, or an unsigned one at its side, is never mistaken for it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import load_pem_x509_certificates
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from sundial.connectors.base import DeclinedError

CLOCK_DRIFT = 30
"""Seconds that the provider's clock may be off, as in Dex."""

_SAML, _SAMLP = "urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:2.0:protocol"
_RESPONSE, _ASSERTION = f"{{{_SAMLP}}}Response", f"{{{_SAML}}}Assertion"
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_ALGORITHMS = tuple(f"{{http://www.w3.org/2000/09/xmldsig#}}{name}Method" for name in ("Signature", "Digest"))
_NAMES = {"saml": _SAML, "samlp": _SAMLP}
_STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_DECLINED = frozenset(("AuthnFailed", "NoPassive", "RequestDenied"))

_SIGNATURE_METHODS = frozenset(
    method for method in SignatureMethod if not method.name.startswith(("HMAC", "DSA")) and "SHA1" not in method.name
)
_DIGESTS = frozenset((DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512))
_UNREADABLE = (
    SignXMLException,
    etree.LxmlError,
    UnsupportedAlgorithm,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What signxml and those below it raise over a signature that isn't one."""

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_CODE = re.compile(r"[A-Za-z]{1,40}")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a response must fit: our own request, and us. `now` is epoch seconds."""

    request_id: str
    destination: str
    audience: str
    now: int
    issuer: str = ""
    """The provider's entity id; empty where any will do."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Who the assertion is about, and what it says of them."""

    name_id: str
    attributes: Mapping[str, tuple[str, ...]] = field(repr=False)
    authenticated_at: int | None = None
    """When the user logged in at the provider (AuthnInstant), in epoch seconds; None where it doesn't say."""

    def first(self, name: str) -> str:
        """Return the first value of an attribute, empty where there is none."""
        return next(iter(self.attributes.get(name, ())), "")


class SamlError(Exception):
    """The response can't be believed; the text says why, for the log: nothing of the response is in it."""


class StaleError(SamlError):
    """It may have been good once: it is too old, or the answer to another request."""


def read_response(encoded: str, certificates: Iterable[str] | None, expected: Expected) -> Statement:
    """Return what a SAMLResponse says.

    `certificates` are the provider's own, in PEM, any of which may have signed it; None asks for no signature.
    Raises SamlError, and DeclinedError where the provider says that there was no login.
    """
    document = _decoded(encoded)
    root = _parse(document)
    _check_shape(root)
    _check_envelope(root, expected)
    response, assertion = _signed(document, root, certificates, expected.now)
    if response is not None:
        _check_envelope(response, expected)
    _check_issuer(assertion, expected, required=True)
    subject = _only(assertion, "saml:Subject")
    _check_confirmation(subject, expected)
    _check_conditions(assertion, expected)
    authenticated_at = _check_authentication(assertion, expected)
    return Statement(_text(_only(subject, "saml:NameID")), _attributes(assertion), authenticated_at)


# The document


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise SamlError("not base64") from None


def _parser() -> Any:
    """Return a parser that fetches nothing, expands nothing, and reads UTF-8 whatever the document calls itself."""
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )


def _parse(document: bytes) -> Any:
    # Before the parser sees it: entities cost time and memory while they are read.
    if b"<!DOCTYPE" in document or b"<!ENTITY" in document:
        raise SamlError("a document type")
    try:
        root = etree.fromstring(document, parser=_parser())
    except (etree.LxmlError, ValueError):
        raise SamlError("not well-formed XML") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise SamlError("a document type")
    return root


def _check_shape(root: Any) -> None:
    """One response, one assertion in it, and no two elements with one id: what more there is, is an attack."""
    if root.tag != _RESPONSE or root.get("Version") != "2.0":
        raise SamlError("not a SAML 2.0 response")
    if sum(1 for _ in root.iter(_RESPONSE)) > 1 or sum(1 for _ in root.iter(_ASSERTION)) > 1:
        raise SamlError("more than one response or assertion")
    ids = [
        value
        for element in root.iter(etree.Element)
        for name, value in element.items()
        if etree.QName(name).localname.lower() == "id"
    ]
    if len(set(ids)) < len(ids):
        raise SamlError("two elements with one id")


def _signed(document: bytes, root: Any, certificates: Iterable[str] | None, now: int) -> tuple[Any | None, Any]:
    """Return the response and its assertion as they were signed; the response is None where that alone was."""
    if certificates is None:
        return root, _assertion_of(root)
    if any(element.get("Algorithm", "").endswith("sha1") for element in root.iter(*_ALGORITHMS)):
        raise SamlError("signed with SHA-1, by which anybody might have")
    if root.find(_SIGNATURE) is not None:
        response = _verified(document, "./", certificates, now)
        _check_same(response, root)
        return response, _assertion_of(response)
    unsigned = _assertion_of(root)
    if unsigned.find(_SIGNATURE) is None:
        raise SamlError("neither the response nor the assertion is signed")
    assertion = _verified(document, f"./{_ASSERTION}/", certificates, now)
    _check_same(assertion, unsigned)
    return None, assertion


def _check_same(verified: Any, stated: Any) -> None:
    """A signature covers the element that it stands in (SAML Core §5.4.2), not one elsewhere."""
    if verified is None or verified.tag != stated.tag or not stated.get("ID") or verified.get("ID") != stated.get("ID"):
        raise SamlError("the signature is of something else")


def _verified(document: bytes, location: str, certificates: Iterable[str], now: int) -> Any:
    """Return what the signature at `location` covers, made anew of the bytes that were digested."""
    configuration = SignatureConfiguration(
        location=location,
        signature_methods=_SIGNATURE_METHODS,
        digest_algorithms=_DIGESTS,
        verification_time=datetime.fromtimestamp(now, UTC),
    )
    why = "no certificate"
    for certificate in (one for pem in certificates for one in load_pem_x509_certificates(pem.encode("ascii"))):
        try:
            result: Any = XMLVerifier().verify(
                document, x509_cert=certificate, parser=_parser(), id_attribute="ID", expect_config=configuration
            )
        except _UNREADABLE as error:
            why = type(error).__name__
            continue
        return result.signed_xml
    raise SamlError(f"no valid signature ({why})")


def _assertion_of(response: Any) -> Any:
    found = response.findall(_ASSERTION)
    if len(found) != 1:
        encrypted = response.find("saml:EncryptedAssertion", _NAMES) is not None
        raise SamlError("an encrypted assertion, which can't be read here" if encrypted else "no assertion")
    return found[0]


# What it says


def _check_envelope(response: Any, expected: Expected) -> None:
    if response.get("InResponseTo") != expected.request_id:
        raise StaleError("the answer to another request")
    if response.get("Destination", expected.destination) != expected.destination:
        raise SamlError("Destination")
    _check_issuer(response, expected, required=False)
    code = response.find("samlp:Status/samlp:StatusCode", _NAMES)
    if code is None:
        raise SamlError("no status")
    if code.get("Value") != f"{_STATUS}Success":
        detail = code.find("samlp:StatusCode", _NAMES)
        why = str((code if detail is None else detail).get("Value", "")).removeprefix(_STATUS)
        if why in _DECLINED:
            raise DeclinedError(why)
        raise SamlError(f"status {why if _CODE.fullmatch(why) else '(unknown)'}")


def _check_issuer(element: Any, expected: Expected, *, required: bool) -> None:
    issuer = element.find("saml:Issuer", _NAMES)
    if issuer is None and not required:
        return
    if issuer is None or (expected.issuer and _text(issuer) != expected.issuer):
        raise SamlError("Issuer")


def _check_confirmation(subject: Any, expected: Expected) -> None:
    """SAML Profiles §4.1.4.2: a bearer's confirmation, for this request, here, and now; one that fits is enough."""
    why: SamlError = SamlError("no bearer's SubjectConfirmation")
    for confirmation in subject.findall("saml:SubjectConfirmation", _NAMES):
        data = confirmation.find("saml:SubjectConfirmationData", _NAMES)
        if confirmation.get("Method") != _BEARER or data is None:
            continue
        try:
            if data.get("InResponseTo") != expected.request_id:
                raise StaleError("SubjectConfirmationData: the answer to another request")
            if data.get("Recipient") != expected.destination:
                raise SamlError("SubjectConfirmationData: Recipient")
            if "NotOnOrAfter" not in data.attrib:
                raise SamlError("SubjectConfirmationData: no NotOnOrAfter")
            _check_times(data, expected.now)
        except SamlError as error:
            why = error
        else:
            return
    raise why


def _check_conditions(assertion: Any, expected: Expected) -> None:
    """SAML Core §2.5: the times, and each of the audiences' lists; a condition that nobody knows is not met."""
    conditions = _only(assertion, "saml:Conditions")
    _check_times(conditions, expected.now)
    if conditions.find("saml:Condition", _NAMES) is not None:
        raise SamlError("an unknown condition")
    restrictions = conditions.findall("saml:AudienceRestriction", _NAMES)
    for restriction in restrictions:
        if expected.audience not in [_text(one) for one in restriction.findall("saml:Audience", _NAMES)]:
            raise SamlError("AudienceRestriction")
    if not restrictions:
        raise SamlError("no AudienceRestriction")


def _check_authentication(assertion: Any, expected: Expected) -> int | None:
    """SAML Core §2.7.2: return when the user logged in, the last time where there were several."""
    statements = assertion.findall("saml:AuthnStatement", _NAMES)
    if not statements:
        raise SamlError("no AuthnStatement")
    for statement in statements:
        _check_end(statement, "SessionNotOnOrAfter", expected.now)
    stated = [at for one in statements if (at := one.get("AuthnInstant")) is not None]
    return min(expected.now, max(map(_instant, stated))) if stated else None


def _check_times(element: Any, now: int) -> None:
    begins = element.get("NotBefore")
    if begins is not None and now + CLOCK_DRIFT < _instant(begins):
        raise SamlError("NotBefore: it is of the future")
    _check_end(element, "NotOnOrAfter", now)


def _check_end(element: Any, name: str, now: int) -> None:
    ends = element.get(name)
    if ends is not None and now - CLOCK_DRIFT >= _instant(ends):
        raise StaleError(f"{name}: it has expired")


def _instant(text: str) -> int:
    """Return an xs:dateTime as epoch seconds; without a time zone it is UTC (SAML Core §1.3.3)."""
    match = _TIME.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        return int(datetime.fromisoformat(match[1] + (match[2] or "Z")).timestamp())
    except (OverflowError, ValueError):
        raise SamlError("a time that is none") from None


def _attributes(assertion: Any) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for attribute in assertion.findall("saml:AttributeStatement/saml:Attribute", _NAMES):
        name = attribute.get("Name", "")
        found[name] = (*found.get(name, ()), *_values(attribute))
    return found


def _values(attribute: Any) -> Iterator[str]:
    """Yield the values that are text; one may hold elements too (eduPersonTargetedID does)."""
    for value in attribute.findall("saml:AttributeValue", _NAMES):
        if len(value) == 0 and value.text:
            yield value.text


def _only(parent: Any, path: str) -> Any:
    found = parent.findall(path, _NAMES)
    if len(found) != 1:
        raise SamlError(f"{'more than one' if found else 'no'} {path.removeprefix('saml:')}")
    return found[0]


def _text(element: Any) -> str:
    """Return an element's text, all of it: a comment in it would hide what follows."""
    if len(element) or not element.text:
        raise SamlError(f"{etree.QName(element).localname}: no plain text")
    return str(element.text)
