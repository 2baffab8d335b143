"""The authorization code rule (RFC 6749 §4.1.2 and §4.1.3, RFC 7636 §4.6)."""

from __future__ import annotations

import pytest

from sundial.expiry.codes import Redemption, challenge, challenges_of, decide
from sundial.expiry.family import Family, PendingCode
from tests.support.families import LOGIN_AT, REDIRECT_URI, a_family, a_login

# RFC 7636, Appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def with_challenge(stored: str) -> Family:
    return a_login(code=PendingCode(LOGIN_AT + 60, REDIRECT_URI, stored))


def test_the_vector_of_rfc_7636_is_answered() -> None:
    assert challenge("S256", CHALLENGE) in challenges_of(VERIFIER)
    assert challenge("plain", VERIFIER) in challenges_of(VERIFIER)


@pytest.mark.parametrize(
    ("family", "verifier", "outcome"),
    [
        (a_login(), None, Redemption.REDEEM),
        (a_login(), VERIFIER, Redemption.WRONG_VERIFIER),
        (with_challenge(challenge("S256", CHALLENGE)), VERIFIER, Redemption.REDEEM),
        (with_challenge(challenge("S256", CHALLENGE)), VERIFIER[::-1], Redemption.WRONG_VERIFIER),
        (with_challenge(challenge("S256", CHALLENGE)), None, Redemption.WRONG_VERIFIER),
        (with_challenge(challenge("plain", VERIFIER)), VERIFIER, Redemption.REDEEM),
        # a plain challenge that looks like the S256 of the verifier is still plain: no downgrade
        (with_challenge(challenge("plain", CHALLENGE)), VERIFIER, Redemption.WRONG_VERIFIER),
        (a_login(revoked_at=LOGIN_AT), None, Redemption.UNKNOWN),
        (None, None, Redemption.UNKNOWN),
        (a_family(), None, Redemption.REPLAY),
    ],
)
def test_each_case_of_the_rule(family: Family | None, verifier: str | None, outcome: Redemption) -> None:
    assert decide(family, "example-app", REDIRECT_URI, challenges_of(verifier), LOGIN_AT) is outcome


@pytest.mark.parametrize(("after", "outcome"), [(60, Redemption.REDEEM), (61, Redemption.EXPIRED)])
def test_a_code_is_alive_at_its_last_second_and_dead_after_it(after: int, outcome: Redemption) -> None:
    assert decide(a_login(), "example-app", REDIRECT_URI, frozenset(), LOGIN_AT + after) is outcome


def test_a_code_is_for_one_client_and_one_redirect_uri() -> None:
    assert decide(a_login(), "other", REDIRECT_URI, frozenset(), LOGIN_AT) is Redemption.WRONG_CLIENT
    uri = REDIRECT_URI + "/"
    assert decide(a_login(), "example-app", uri, frozenset(), LOGIN_AT) is Redemption.WRONG_REDIRECT_URI


def test_the_watermark_ends_codes_of_logins_before_it_and_still_notices_their_second_use() -> None:
    arguments = ("example-app", REDIRECT_URI, frozenset[str](), LOGIN_AT)
    assert decide(a_login(), *arguments, LOGIN_AT) is Redemption.REDEEM
    assert decide(a_login(), *arguments, LOGIN_AT + 1) is Redemption.UNKNOWN
    assert decide(a_family(), *arguments, LOGIN_AT + 1) is Redemption.REPLAY


@pytest.mark.parametrize(
    ("granted", "asked", "outcome"),
    [
        ((), (), Redemption.REDEEM),
        ((), ("a",), Redemption.REDEEM),
        (("a", "b"), (), Redemption.REDEEM),
        (("a", "b"), ("b",), Redemption.REDEEM),
        (("a", "b"), ("a", "b"), Redemption.REDEEM),
        (("a", "b"), ("c",), Redemption.WRONG_TARGET),
        (("a", "b"), ("a", "c"), Redemption.WRONG_TARGET),
    ],
)
def test_a_code_is_for_the_resources_of_its_login_or_fewer(
    granted: tuple[str, ...], asked: tuple[str, ...], outcome: Redemption
) -> None:
    login = a_login(resources=granted)
    assert decide(login, "example-app", REDIRECT_URI, frozenset(), LOGIN_AT, 0, frozenset(asked)) is outcome
