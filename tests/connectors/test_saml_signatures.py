"""Signatures that prove nothing, and signed things in other places (XSW): the `saml` connector believes none."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod

from sundial.connectors import saml_response
from sundial.connectors.base import Identity
from tests.support.certificates import self_signed
from tests.support.saml import NAME_ID, NAMES, NOW, SAML, SAMLP, sign
from tests.support.saml_login import ADMIN, FORGER, JANE, finished, parts, refusal, refused, signed


def test_another_key_of_the_same_name_is_not_the_providers() -> None:
    for where in (".", "assertion"):
        refused(signed(parts(), where, FORGER), "no valid signature (InvalidSignature)")


@pytest.mark.parametrize("weak", [{"method": SignatureMethod.RSA_SHA1}, {"digest": DigestAlgorithm.SHA1}])
def test_sha1_is_refused(weak: dict[str, Any]) -> None:
    refused(signed(parts(), **weak), "signed with SHA-1, by which anybody might have")


def test_a_certificate_that_has_expired_vouches_for_nothing() -> None:
    now = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    for begins, ends in ((-9, -1), (1, 9)):
        day = datetime.timedelta(days=1)
        other = self_signed("The provider", begins=now + begins * day, ends=now + ends * day, by_rsa=True)
        refused(signed(parts(), by=other), "no valid signature (InvalidCertificate)", certificates=(other.pem,))


def test_what_was_changed_after_it_was_signed_is_not_believed() -> None:
    for where in (".", "assertion"):
        document = signed(parts(), where)
        refused(document.replace(NAME_ID.encode(), ADMIN.encode()), "no valid signature (InvalidDigest)")
        refused(document.replace(b"Jane Doe", b"Jane Roe"), "no valid signature (InvalidDigest)")


def test_a_signature_that_is_removed_leaves_nothing_to_believe() -> None:
    root = etree.fromstring(signed(parts()))
    root.remove(root.find("ds:Signature", NAMES))
    refused(etree.tostring(root), "neither the response nor the assertion is signed")


def test_a_bad_signature_of_the_response_is_not_made_good_by_one_of_the_assertion() -> None:
    refused(sign(signed(parts(), "assertion"), FORGER), "no valid signature (InvalidSignature)")


@pytest.mark.parametrize("broken", ["SignatureValue", "DigestValue", "X509Certificate"])
def test_a_signature_with_rubbish_in_it_is_none(broken: str) -> None:
    root = etree.fromstring(signed(parts()))
    (element,) = root.iter(f"{{{NAMES['ds']}}}{broken}")
    for rubbish in ("", "!", "AAAA"):
        element.text = rubbish
        if broken == "X509Certificate" and rubbish == "AAAA":
            assert finished(etree.tostring(root)) == Identity(JANE)  # whose certificate it says it is, nobody reads
        elif broken != "X509Certificate":
            assert refusal(etree.tostring(root)).detail.startswith("SAML: no valid signature (")


# Signed things in other places (XSW)


def evil(made: bytes, *, assertion: bool = False) -> Any:
    """Return a copy of a signed document, or of its assertion, of which an administrator is the subject."""
    root = etree.fromstring(made)
    element = root.find("saml:Assertion", NAMES) if assertion else root
    copy = etree.fromstring(etree.tostring(element).replace(NAME_ID.encode(), ADMIN.encode()))
    for signature in list(copy.iter(f"{{{NAMES['ds']}}}Signature")):
        signature.getparent().remove(signature)
    copy.set("ID", "evil")
    return copy


def object_of(signature: Any) -> Any:
    return etree.SubElement(signature, f"{{{NAMES['ds']}}}Object")


def wrapped_response_in_the_signature(original: bytes) -> Any:
    root, forged = etree.fromstring(original), evil(original)
    signature = root.find("ds:Signature", NAMES)
    forged.insert(1, signature)
    object_of(signature).append(root)
    return forged


def wrapped_response_beside(original: bytes) -> Any:
    root, forged = etree.fromstring(original), evil(original)
    signature = root.find("ds:Signature", NAMES)
    forged.insert(1, signature)
    forged.append(root)
    return forged


def forged_assertion_before(original: bytes) -> Any:
    root = etree.fromstring(original)
    root.insert(list(root).index(root.find("saml:Assertion", NAMES)), evil(original, assertion=True))
    return root


def forged_assertion_after(original: bytes) -> Any:
    root = etree.fromstring(original)
    root.append(evil(original, assertion=True))
    return root


def forged_assertion_around(original: bytes) -> Any:
    root, forged = etree.fromstring(original), evil(original, assertion=True)
    genuine = root.find("saml:Assertion", NAMES)
    root.replace(genuine, forged)
    forged.append(genuine)
    return root


def forged_assertion_with_the_genuine_one_in_its_signature(original: bytes) -> Any:
    root, forged = etree.fromstring(original), evil(original, assertion=True)
    genuine = root.find("saml:Assertion", NAMES)
    signature = genuine.find("ds:Signature", NAMES)
    root.replace(genuine, forged)
    forged.insert(1, signature)
    object_of(signature).append(genuine)
    return root


def forged_assertion_with_the_genuine_one_in_extensions(original: bytes) -> Any:
    root, forged = etree.fromstring(original), evil(original, assertion=True)
    genuine = root.find("saml:Assertion", NAMES)
    signature = genuine.find("ds:Signature", NAMES)
    root.replace(genuine, forged)
    forged.insert(1, signature)
    extensions = etree.Element(f"{{{SAMLP}}}Extensions")
    extensions.append(genuine)
    root.insert(1, extensions)
    return root


def forged_assertion_that_the_genuine_one_hides_in_another_element(original: bytes) -> Any:
    """The genuine assertion under another name: the signature still finds it by its id."""
    root = forged_assertion_with_the_genuine_one_in_extensions(original)
    root.find("samlp:Extensions/saml:Assertion", NAMES).tag = f"{{{SAML}}}Advice"
    return root


def forged_assertion_with_the_id_of_the_genuine_one(original: bytes) -> Any:
    root = forged_assertion_with_the_genuine_one_in_extensions(original)
    root.find("saml:Assertion", NAMES).set("ID", "assertion")
    return root


def forged_assertion_with_an_id_in_other_letters(original: bytes) -> Any:
    root = forged_assertion_that_the_genuine_one_hides_in_another_element(original)
    forged = root.find("saml:Assertion", NAMES)
    del forged.attrib["ID"]
    forged.set("Id", "assertion")
    return root


def signature_of_the_assertion_moved_to_the_response(original: bytes) -> Any:
    root = etree.fromstring(original)
    genuine = root.find("saml:Assertion", NAMES)
    root.insert(1, genuine.find("ds:Signature", NAMES))
    root.find("saml:Assertion/saml:Subject/saml:NameID", NAMES).text = NAME_ID
    root.find("samlp:Status/samlp:StatusCode", NAMES).set("Other", "x")
    return root


ON_RESPONSES = (wrapped_response_in_the_signature, wrapped_response_beside)
ON_ASSERTIONS = (
    forged_assertion_before,
    forged_assertion_after,
    forged_assertion_around,
    forged_assertion_with_the_genuine_one_in_its_signature,
    forged_assertion_with_the_genuine_one_in_extensions,
    forged_assertion_that_the_genuine_one_hides_in_another_element,
    forged_assertion_with_the_id_of_the_genuine_one,
    forged_assertion_with_an_id_in_other_letters,
    signature_of_the_assertion_moved_to_the_response,
)


@pytest.fixture(params=["both guards", "the second alone"])
def guards(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attack meets two guards: the shape of the document, and that what is read is what was signed."""
    if request.param != "both guards":
        monkeypatch.setattr(saml_response, "_check_shape", lambda root: None)


@pytest.mark.usefixtures("guards")
@pytest.mark.parametrize("attack", ON_RESPONSES)
@pytest.mark.parametrize("deprived", [False, True])
def test_a_signed_response_that_was_wrapped(attack: Callable[[bytes], Any], deprived: bool) -> None:
    document = attack(signed(parts()))
    if deprived:  # the same, with the genuine response and its assertion under names that nobody looks for
        hidden = list(document.iter(f"{{{SAMLP}}}Response", f"{{{SAML}}}Assertion"))[2:]
        for element in hidden:
            element.tag = f"{{{SAML}}}Advice"
    assert refusal(etree.tostring(document)).status == 502


@pytest.mark.usefixtures("guards")
@pytest.mark.parametrize("attack", ON_ASSERTIONS)
def test_a_signed_assertion_that_was_wrapped(attack: Callable[[bytes], Any]) -> None:
    assert refusal(etree.tostring(attack(signed(parts(), "assertion")))).status == 502


def test_what_stands_beside_a_signed_assertion_is_not_read() -> None:
    """An attribute statement that was slipped in, or a status, changes nothing of who it is."""
    root = etree.fromstring(signed(parts(), "assertion"))
    root.append(etree.fromstring(f'<saml:AttributeStatement xmlns:saml="{SAML}"/>'))
    assert finished(etree.tostring(root)) == Identity(JANE)
