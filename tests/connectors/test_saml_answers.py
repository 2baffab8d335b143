"""Tricks of XML, and genuine answers that are not for us, not for now or not for this login: nobody logs in by them."""

from __future__ import annotations

from typing import Any

import pytest
from signxml.algorithms import CanonicalizationMethod

from sundial.connectors.base import DeclinedError, Identity
from sundial.connectors.saml_response import Statement
from sundial.errors import OAuthError
from tests.support.saml import NOW, Parts, encode, sign
from tests.support.saml_login import (
    ATTEMPT,
    BEARER,
    IDP,
    JANE,
    audiences,
    connector,
    failure,
    finished,
    parts,
    refusal,
    refused,
    request_id,
    signed,
)
from tests.support.upstream import CALLBACK, an_attempt, arrival

# Tricks of XML


def test_a_comment_in_the_name_hides_nothing_of_it() -> None:
    """The comment is no part of what was signed: the name is the whole of it, as the provider signed it."""
    document = signed(parts(name_id="admin@example.com.evil.example"))
    commented = document.replace(b"admin@example.com.evil", b"admin@example.com<!-- -->.evil")
    assert finished(commented).claims.user_id == "admin@example.com.evil.example"
    kept = signed(
        parts(name_id="admin@example.com<!-- -->.evil.example"),
        c14n=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0_WITH_COMMENTS,
    )
    refused(kept, "NameID: no plain text")
    refused(parts(name_id="admin@example.com<!-- -->.evil.example").xml(), "NameID: no plain text", verify=False)


@pytest.mark.parametrize(
    "prologue",
    [
        '<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE r SYSTEM "http://127.0.0.1:1/evil.dtd">',
        "<!DOCTYPE r>",
    ],
)
def test_a_document_type_is_refused_before_it_is_read(prologue: str) -> None:
    document = signed(parts()).decode("utf-8")
    refused(prologue + document, "a document type")
    refused(prologue + document, "a document type", verify=False)
    for encoding in ("utf-16", "utf-7"):  # whatever it says of itself, it is read as UTF-8
        declared = f'<?xml version="1.0" encoding="{encoding}"?>{prologue}{document}'.encode(encoding)
        assert refusal(declared).status == 502
        assert refusal(declared, verify=False).status == 502


@pytest.mark.parametrize("document", ["", "x", "<r", "<r/>", "<a>" * 5000, "\0", "\ufffe", "<?xml version='1.0'?>"])
def test_what_is_no_response_is_refused(document: str) -> None:
    assert refusal(document).status == 502


def test_what_is_no_base64_is_refused() -> None:
    for value in ("%%%", "ä", "A"):
        with pytest.raises(OAuthError) as caught:
            connector().finish(ATTEMPT, arrival(NOW, SAMLResponse=value))
        assert caught.value.status == 502
    with pytest.raises(OAuthError) as caught:
        connector().finish(ATTEMPT, arrival(NOW, code="x"))
    assert caught.value.detail == "SAML: no SAMLResponse came back"


# Genuine, and not for us, not now, or not for this login


@pytest.mark.parametrize("where", [".", "assertion"])
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"destination": ' Destination="https://other.example.com/callback"'}, "Destination"),
        ({"issuer": "https://other.example.com"}, "Issuer"),
        ({"response_issuer": "<saml:Issuer>https://other.example.com</saml:Issuer>"}, "Issuer"),
        ({"audiences": ""}, "no AudienceRestriction"),
        ({"audiences": audiences("https://other.example.com")}, "AudienceRestriction"),
        ({"audiences": audiences(CALLBACK, "https://other.example.com")}, "AudienceRestriction"),
        ({"more_conditions": "<saml:Condition/>"}, "an unknown condition"),
        ({"recipient": "https://other.example.com/callback"}, "SubjectConfirmationData: Recipient"),
        ({"method": "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"}, "no bearer's SubjectConfirmation"),
        ({"confirmation": ""}, "no bearer's SubjectConfirmation"),
        ({"confirmation": f'<saml:SubjectConfirmation Method="{BEARER}"/>'}, "no bearer's SubjectConfirmation"),
        ({"authentication": ""}, "no AuthnStatement"),
        ({"begins_at": NOW + 31}, "NotBefore: it is of the future"),
        ({"name_id": ""}, "NameID: no plain text"),
        ({"more": "<saml:Subject/>"}, "more than one Subject"),
    ],
)
def test_a_genuine_response_for_somebody_else(changes: dict[str, Any], why: str, where: str) -> None:
    refused(signed(parts(**changes), where), why)


@pytest.mark.parametrize("where", [".", "assertion"])
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"in_response_to": "another"}, "the answer to another request"),
        ({"ends_at": NOW - 30}, "NotOnOrAfter: it has expired"),
        ({"confirmation_ends_at": NOW - 30}, "NotOnOrAfter: it has expired"),
        (
            {"authentication": '<saml:AuthnStatement SessionNotOnOrAfter="2020-01-01T00:00:00Z"/>'},
            "SessionNotOnOrAfter: it has expired",
        ),
    ],
)
def test_a_genuine_response_that_was_good_once(changes: dict[str, Any], why: str, where: str) -> None:
    refused(signed(parts(**changes), where), why, status=400)


def test_the_answer_to_another_attempt_is_not_the_answer_to_this_one() -> None:
    document = signed(parts())
    with pytest.raises(OAuthError) as caught:
        connector().finish(an_attempt(seed="another"), arrival(NOW, SAMLResponse=encode(document)))
    assert caught.value.status == 400
    confirmed = parts().assertion()
    other = Parts("another").xml().replace(Parts("another").assertion(), confirmed)
    refused(sign(other, IDP, "saml:Assertion"), "the answer to another request", status=400)


def test_an_answer_that_nobody_asked_for_is_refused() -> None:
    document = parts().xml().replace(f' InResponseTo="{request_id()}"', "", 1)
    refused(sign(document, IDP), "the answer to another request", status=400)


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({"ends_at": NOW - 29}, True),
        ({"ends_at": NOW - 30}, False),
        ({"begins_at": NOW + 30}, True),
        ({"begins_at": NOW + 31}, False),
        ({"confirmation_ends_at": NOW - 29}, True),
        ({"confirmation_ends_at": NOW - 30}, False),
    ],
)
def test_times_are_held_to_the_second_with_the_drift_that_dex_allows(changes: dict[str, Any], good: bool) -> None:
    document = signed(parts(**changes))
    if good:
        assert finished(document) == Identity(JANE)
    else:
        assert refusal(document).status in (400, 502)


@pytest.mark.parametrize(
    ("written", "good"),
    [
        ("2027-01-15T08:05:00.1234567Z", True),
        ("2027-01-15T08:05:00", True),
        ("2027-01-15T09:05:00+01:00", True),
        ("2027-01-15T08:05:00+01:00", False),
        ("2027-01-15", False),
        ("2027-13-15T08:05:00Z", False),
        ("9999-99-99T99:99:99Z", False),
        ("now", False),
        ("", False),
    ],
)
def test_an_instant_is_read_as_xml_schema_has_it(written: str, good: bool) -> None:
    made = parts(authentication=f'<saml:AuthnStatement SessionNotOnOrAfter="{written}"/>')
    if good:
        assert finished(signed(made)) == Identity(JANE)
    else:
        assert refusal(signed(made)).status in (400, 502)


@pytest.mark.parametrize("code", ["AuthnFailed", "RequestDenied", "NoPassive"])
def test_a_login_that_the_provider_refused_was_declined(code: str) -> None:
    with pytest.raises(DeclinedError) as declined:
        finished(parts(status=failure("Responder", code)).xml())
    assert str(declined.value) == code


def test_a_status_that_is_nobodys_decision_is_told_to_the_operator() -> None:
    refused(parts(status=failure("Requester", "InvalidNameIDPolicy")).xml(), "status InvalidNameIDPolicy")
    refused(parts(status='<samlp:StatusCode Value="a secret?"/>').xml(), "status (unknown)")
    refused(parts(status="").xml(), "no status")


def test_a_failure_may_be_unsigned_but_not_a_success() -> None:
    refused(parts().xml(), "neither the response nor the assertion is signed")


def test_no_attribute_shows_in_a_representation() -> None:
    assert "jane" not in repr(Statement("x", {"email": ("jane",)}))
