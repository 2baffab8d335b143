"""The `oauth` connector at a server of no particular provider's."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sundial.connectors.base import Identity, Refreshable, UpstreamRefresh, may_refresh
from sundial.connectors.oauth import Keys, OAuthConnector, OAuthSettings
from sundial.connectors.settings import Registration
from sundial.errors import OAuthError
from tests.support.api_upstream import Answer, ApiUpstream, api_upstream
from tests.support.families import LOGIN_AT
from tests.support.leak_watch import LEAKS
from tests.support.upstream import CALLBACK, an_attempt, arrival

TOKEN = "an-access-token-of-somebody"
PROFILE = {
    "id": 7,
    "user_name": "Zaphod",
    "preferred_username": "zaphod",
    "email": "zaphod@example.com",
    "email_verified": True,
    "groups": ["presidents", {"name": "pilots"}],
}


@pytest.fixture
def upstream() -> Iterator[ApiUpstream]:
    LEAKS.secret("an upstream access token", TOKEN)
    with api_upstream() as api:
        api.routes |= {
            "POST /token": {"access_token": TOKEN, "token_type": "bearer", "refresh_token": "a refresh token"},
            "GET /me": lambda came: PROFILE if came.token else Answer({}, 401),
        }
        yield api


def connector(upstream: ApiUpstream, **changes: object) -> OAuthConnector:
    settings = OAuthSettings(
        Registration("app", "a secret / with odd: characters", CALLBACK),
        f"{upstream.url}/authorize?tenant=1",
        f"{upstream.url}/token",
        f"{upstream.url}/me",
        scopes=("profile", "email"),
    )
    return OAuthConnector("any", "Any", replace(settings, **changes))  # type: ignore[arg-type]


def logged_in(made: OAuthConnector, *scopes: str) -> Identity:
    return made.finish(an_attempt(*(scopes or ("groups",))), arrival(LOGIN_AT, code="a-code"))


def test_it_does_not_support_offline_access(upstream: ApiUpstream) -> None:
    made = connector(upstream)
    assert not isinstance(made, UpstreamRefresh | Refreshable)
    assert not may_refresh(made, logged_in(made, "offline_access").upstream)


def test_the_browser_is_sent_to_the_configured_url_with_its_own_query(upstream: ApiUpstream) -> None:
    url = connector(upstream).begin(an_attempt(), "a-state", LOGIN_AT).url
    assert url.startswith(f"{upstream.url}/authorize?tenant=1&response_type=code&client_id=app&")
    assert "scope=profile%20email" in url


def test_a_user_logs_in_by_the_usual_keys(upstream: ApiUpstream) -> None:
    claims = logged_in(connector(upstream)).claims
    assert (claims.user_id, claims.username, claims.preferred_username) == ("7", "Zaphod", "zaphod")
    assert (claims.email, claims.email_verified, claims.groups) == (
        "zaphod@example.com",
        True,
        ("presidents", "pilots"),
    )
    assert logged_in(connector(upstream), "openid").claims.groups == ()


def test_a_provider_with_a_path_of_its_own_is_handed_no_code_that_came_on_another(upstream: ApiUpstream) -> None:
    made = connector(upstream, registration=Registration("app", "a secret of the app", f"{CALLBACK}/up"))
    came_back = arrival(LOGIN_AT, code="a-code")
    with pytest.raises(OAuthError) as refused:
        made.finish(an_attempt(), came_back)
    assert (refused.value.status, upstream.came) == (400, [])
    assert made.finish(an_attempt(), replace(came_back, own_path=True)).claims.user_id == "7"


def test_the_secret_is_sent_encoded_in_a_header(upstream: ApiUpstream) -> None:
    logged_in(connector(upstream))
    credentials = base64.b64decode(upstream.came[0].headers["authorization"].removeprefix("Basic ")).decode()
    assert credentials == "app:a%20secret%20%2F%20with%20odd%3A%20characters"
    assert "client_secret" not in upstream.came[0].form


def test_the_keys_may_be_others(upstream: ApiUpstream) -> None:
    upstream.routes["GET /me"] = {"uid": "z", "nick": "Z", "login": "zz", "mail": "z@example.com", "teams": "solo"}
    keys = Keys("uid", "nick", "login", "mail", "verified", "teams")
    claims = logged_in(connector(upstream, keys=keys)).claims
    assert (claims.user_id, claims.username, claims.preferred_username) == ("z", "Z", "zz")
    assert (claims.email, claims.email_verified, claims.groups) == ("z@example.com", False, ("solo",))


def test_groups_may_stand_in_an_access_token_that_is_a_jwt(upstream: ApiUpstream) -> None:
    payload = (
        base64.urlsafe_b64encode(json.dumps({"groups": ["presidents", "hitchhikers"]}).encode()).decode().rstrip("=")
    )
    upstream.routes["POST /token"] = {"access_token": f"x.{payload}.x", "token_type": "bearer"}
    assert logged_in(connector(upstream)).claims.groups == ("presidents", "pilots", "hitchhikers")
    for odd in ("a.b.c", "..", "a.!.c"):
        upstream.routes["POST /token"] = {"access_token": odd}
        assert logged_in(connector(upstream)).claims.groups == ("presidents", "pilots")


@pytest.mark.parametrize("profile", [{}, {"id": None}, {"id": True}, {"id": ""}, {"id": ["7"]}, [], "text"])
def test_who_has_no_id_does_not_log_in(upstream: ApiUpstream, profile: object) -> None:
    upstream.routes["GET /me"] = Answer(profile)
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(upstream))
    assert (refused.value.status, refused.value.upstream) == (502, True)


@pytest.mark.parametrize(("status", "told"), [(401, 502), (403, 502), (429, 503), (500, 503)])
def test_a_provider_that_answers_with_an_error_is_not_ours_to_mend(
    upstream: ApiUpstream, status: int, told: int
) -> None:
    upstream.routes["GET /me"] = Answer({}, status)
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(upstream))
    assert (refused.value.status, refused.value.upstream) == (told, True)
