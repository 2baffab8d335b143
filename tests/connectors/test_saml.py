"""The `saml` connector at pysaml2's identity provider, and against everything that a forger may try."""

from __future__ import annotations

import base64
import datetime
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod

from sundial.connectors import saml_response
from sundial.connectors.base import (
    DeclinedError,
    Groups,
    Identity,
    Lookup,
    RedirectLogin,
    Refreshable,
    ShortState,
    UpstreamRefresh,
    may_refresh,
)
from sundial.connectors.saml import LONGEST_RELAY_STATE, SamlConnector, SamlSettings
from sundial.connectors.saml_response import Statement
from sundial.errors import OAuthError
from sundial.expiry.family import Claims
from tests.support.browser import CALLBACK as CLIENT
from tests.support.browser import Browser, BrowserWorld
from tests.support.certificates import Certificate, self_signed
from tests.support.saml import (
    ATTRIBUTES,
    NAME_ID,
    NAMES,
    NOW,
    PROVIDER,
    SAML,
    SAMLP,
    SSO_URL,
    Parts,
    SamlProvider,
    encode,
    sign,
)
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


# At a provider that nobody here wrote


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> SamlProvider:
    return SamlProvider(tmp_path_factory.mktemp("saml"), IDP)


@pytest.mark.parametrize(("response", "assertion"), [(True, True), (True, False), (False, True)])
def test_a_login_at_pysaml2s_provider(provider: SamlProvider, response: bool, assertion: bool) -> None:
    made = connector(groups_attr="groups")
    now = int(time.time())  # the provider's clock can't be turned
    form = made.begin(ATTEMPT, "s", now).form
    answer = provider.answer(form, ATTRIBUTES, sign_response=response, sign_assertion=assertion)
    claims = made.finish(ATTEMPT, arrival(now, **answer)).claims
    assert claims == replace(JANE, user_id=claims.user_id, groups=("devs", "staff"))
    assert claims.user_id
    again = provider.answer(form, ATTRIBUTES)
    assert made.finish(ATTEMPT, arrival(now, **again)).claims.user_id == claims.user_id, "a persistent NameID"


def test_a_provider_that_signs_nothing_is_not_believed(provider: SamlProvider) -> None:
    made = connector()
    now = int(time.time())
    answer = provider.answer(made.begin(ATTEMPT, "s", now).form, ATTRIBUTES, sign_response=False, sign_assertion=False)
    with pytest.raises(OAuthError) as caught:
        made.finish(ATTEMPT, arrival(now, **answer))
    assert "neither the response nor the assertion is signed" in caught.value.detail
    unchecked = connector(verify=False)
    assert unchecked.finish(ATTEMPT, arrival(now, **answer)).claims.username == "Jane Doe"


def test_a_provider_whose_answers_are_encrypted_is_told_apart(provider: SamlProvider) -> None:
    made = connector()
    now = int(time.time())
    answer = provider.answer(
        made.begin(ATTEMPT, "s", now).form,
        ATTRIBUTES,
        sign_assertion=False,
        encrypt_assertion=True,
        encrypt_cert_assertion=IDP.pem,
    )
    with pytest.raises(OAuthError) as caught:
        made.finish(ATTEMPT, arrival(now, **answer))
    assert "an encrypted assertion" in caught.value.detail


def test_a_provider_that_signs_with_sha1_as_pysaml2_does_unless_told_otherwise(provider: SamlProvider) -> None:
    made = connector()
    now = int(time.time())
    old = {"sign_alg": SignatureMethod.RSA_SHA1.value, "digest_alg": DigestAlgorithm.SHA1.value}
    answer = provider.answer(made.begin(ATTEMPT, "s", now).form, ATTRIBUTES, **old)
    with pytest.raises(OAuthError) as caught:
        made.finish(ATTEMPT, arrival(now, **answer))
    assert "signed with SHA-1" in caught.value.detail


def test_a_whole_login_with_a_browser_that_keeps_its_cookie_from_other_sites(provider: SamlProvider) -> None:
    world = BrowserWorld(more=[connector()], now=int(time.time()))
    browser = Browser(world)
    page = browser.authorize(connector_id="saml")
    (form,) = page.forms
    assert (form.action, len(form.fields["RelayState"]) <= LONGEST_RELAY_STATE) == (SSO_URL, True)
    answer = provider.answer(form.fields, ATTRIBUTES)
    kept, browser.cookies = browser.cookies, {}  # SameSite=Lax: none come with a POST from the provider's site
    once_more = browser.post("/callback", answer)
    browser.cookies = kept
    consent = browser.submit(once_more)
    assert "Jane Doe" in consent.text
    back = browser.approve(consent)
    assert (back.status, back.location) == (303, CLIENT)


def test_another_browser_can_not_bring_the_answer(provider: SamlProvider) -> None:
    world = BrowserWorld(more=[connector()], now=int(time.time()))
    answer = provider.answer(Browser(world).authorize(connector_id="saml").forms[0].fields, ATTRIBUTES)
    victim = Browser(world)
    victim.authorize(connector_id="saml")
    assert victim.post("/callback", answer).status == 400
    assert victim.submit(Browser(world).post("/callback", answer)).status == 400


# What goes to the provider


def test_it_can_do_what_its_type_says() -> None:
    made = connector()
    for ability in (RedirectLogin, Groups, ShortState):
        assert isinstance(made, ability)
    assert not isinstance(made, Refreshable | UpstreamRefresh | Lookup)
    assert not may_refresh(made, "")


def test_the_request_is_what_the_profile_asks_for() -> None:
    departure = connector(sso_url=f"{SSO_URL}?a=1&b=2", entity_issuer="urn:us&them").begin(ATTEMPT, "the-state", NOW)
    assert departure.url == f"{SSO_URL}?a=1&b=2"
    assert departure.form["RelayState"] == "the-state"
    request = etree.fromstring(base64.b64decode(departure.form["SAMLRequest"]))
    assert request.tag == f"{{{SAMLP}}}AuthnRequest"
    assert dict(request.attrib) == {
        "ID": request_id(),
        "Version": "2.0",
        "IssueInstant": "2027-01-15T08:00:00Z",
        "Destination": f"{SSO_URL}?a=1&b=2",
        "ProtocolBinding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
        "AssertionConsumerServiceURL": CALLBACK,
    }
    assert request.findtext("saml:Issuer", None, NAMES) == "urn:us&them"
    policy = request.find("samlp:NameIDPolicy", NAMES)
    assert policy is not None
    assert policy.get("Format") == "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"


@pytest.mark.parametrize(("max_age", "forced"), [(None, None), (100, None), (0, "true")])
def test_a_new_login_is_asked_of_the_provider_where_a_client_wants_one(max_age: int | None, forced: str | None) -> None:
    form = connector().begin(replace(ATTEMPT, max_age=max_age), "s", NOW).form
    assert etree.fromstring(base64.b64decode(form["SAMLRequest"])).get("ForceAuthn") == forced


@pytest.mark.parametrize(
    ("instants", "seconds_ago"),
    [
        ((), None),
        (("2027-01-15T07:00:00Z",), 3600),
        (("2027-01-15T07:00:00Z", "2027-01-15T08:30:00.5+01:00"), 1800),
        (("2027-01-15T08:00:20Z",), 0),
    ],
)
def test_the_login_was_when_the_provider_says(instants: tuple[str, ...], seconds_ago: int | None) -> None:
    statements = "".join(f'<saml:AuthnStatement AuthnInstant="{instant}"/>' for instant in instants)
    identity = finished(signed(parts(authentication=statements or "<saml:AuthnStatement/>")))
    assert identity == Identity(JANE, authenticated_at=None if seconds_ago is None else NOW - seconds_ago)
    refused(signed(parts(authentication='<saml:AuthnStatement AuthnInstant="noon"/>')), "a time that is none")


def test_each_attempt_has_a_request_of_its_own() -> None:
    forms = [connector().begin(an_attempt(seed=seed), "s", NOW).form["SAMLRequest"] for seed in ("one", "two")]
    assert forms[0] != forms[1]


# What is believed


@pytest.mark.parametrize("where", [".", "assertion"])
def test_a_signature_of_the_response_or_of_the_assertion_is_enough(where: str) -> None:
    assert finished(signed(parts(), where)) == Identity(JANE)


def test_both_may_be_signed() -> None:
    assert finished(sign(signed(parts(), "assertion"), IDP)) == Identity(JANE)


@pytest.mark.parametrize("method", [SignatureMethod.RSA_SHA512, SignatureMethod.SHA256_RSA_MGF1])
@pytest.mark.parametrize(
    "c14n",
    [CanonicalizationMethod.CANONICAL_XML_1_0, CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0_WITH_COMMENTS],
)
def test_other_signatures_that_are_strong_enough(method: SignatureMethod, c14n: CanonicalizationMethod) -> None:
    assert finished(signed(parts(), method=method, c14n=c14n, digest=DigestAlgorithm.SHA512)) == Identity(JANE)


def test_either_of_two_certificates_may_have_signed_while_the_provider_changes_its_key() -> None:
    document = signed(parts())
    for certificates in ((FORGER.pem, IDP.pem), (IDP.pem, FORGER.pem), (FORGER.pem + IDP.pem,)):
        assert finished(document, certificates=certificates) == Identity(JANE)


def test_line_breaks_in_the_base64_are_nothing() -> None:
    encoded = base64.encodebytes(signed(parts())).decode("ascii")
    assert connector().finish(ATTEMPT, arrival(NOW, SAMLResponse=encoded)).claims == JANE


def test_groups_are_values_or_one_value_with_delimiters() -> None:
    assert finished(signed(parts()), groups_attr="groups").claims.groups == ("devs", "staff")
    joined = signed(parts(attributes={**ATTRIBUTES, "groups": ("devs; staff;ops;;devs",)}))
    assert finished(joined, groups_attr="groups", groups_delim=";").claims.groups == ("devs", " staff", "ops")
    assert finished(signed(parts()), groups_attr="teams").claims.groups == ()


def test_allowed_groups_are_required_and_with_a_filter_all_that_is_told() -> None:
    document = signed(parts())
    allowed: dict[str, Any] = {"groups_attr": "groups", "allowed_groups": ("staff", "others")}
    assert finished(document, **allowed).claims.groups == ("devs", "staff")
    assert finished(document, **allowed, filter_groups=True).claims.groups == ("staff",)
    error = refusal(document, groups_attr="groups", allowed_groups=("others",))
    assert (error.code, error.status) == ("access_denied", 403)


@pytest.mark.parametrize("missing", ["name", "email"])
def test_an_attribute_that_is_missing_is_named(missing: str) -> None:
    attributes = {name: values for name, values in ATTRIBUTES.items() if name != missing}
    refused(signed(parts(attributes=attributes)), f"the attribute {missing} is missing")


# What is not: signatures


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


# What is not: signed things in other places (XSW)


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


# What is not: tricks of XML


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


# What is not: genuine, and not for us, not now, or not for this login


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
