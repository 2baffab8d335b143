"""The `saml` connector at pysaml2's identity provider; what goes to a provider, and what of its answers is believed."""

from __future__ import annotations

import base64
import time
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod

from sundial.connectors.base import (
    Groups,
    Identity,
    Lookup,
    RedirectLogin,
    Refreshable,
    ShortState,
    UpstreamRefresh,
    may_refresh,
)
from sundial.connectors.saml import LONGEST_RELAY_STATE
from sundial.errors import OAuthError
from tests.support.browser import CALLBACK as CLIENT
from tests.support.browser import Browser, BrowserWorld
from tests.support.saml import ATTRIBUTES, NAMES, NOW, SAMLP, SSO_URL, SamlProvider, sign
from tests.support.saml_login import (
    ATTEMPT,
    FORGER,
    IDP,
    JANE,
    connector,
    finished,
    parts,
    refusal,
    refused,
    request_id,
    signed,
)
from tests.support.upstream import CALLBACK, an_attempt, arrival

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
