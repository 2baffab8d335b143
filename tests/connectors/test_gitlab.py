"""The `gitlab` connector at a server that answers in the shapes of GitLab's API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sundial.connectors.base import Identity, TokenExchange, UpstreamRefresh
from sundial.connectors.gitlab import GitLabConnector, GitLabSettings
from sundial.connectors.oidc import ACCESS_TOKEN
from sundial.connectors.settings import Registration
from sundial.errors import OAuthError
from tests.support.api_upstream import Answer, ApiUpstream, Came, api_upstream
from tests.support.families import LOGIN_AT
from tests.support.leak_watch import LEAKS
from tests.support.upstream import CALLBACK, an_attempt, arrival

TOKEN = "glat-an-access-token-of-gitlab"
USER = {"id": 42, "username": "ada", "name": "Ada", "state": "active", "email": "ada@example.com"}
USERINFO = {
    "sub": "42",
    "groups": ["ops", "dev", "dev/web", "developer"],
    "https://gitlab.org/claims/groups/owner": ["ops"],
    "https://gitlab.org/claims/groups/developer": ["dev"],
}
ALL = an_attempt("groups", "offline_access")


@pytest.fixture
def gitlab() -> Iterator[ApiUpstream]:
    LEAKS.secret("an upstream access token", TOKEN)
    with api_upstream() as api:
        serial = iter(range(1, 10))
        api.routes |= {
            "POST /oauth/token": lambda _: {
                "access_token": TOKEN,
                "token_type": "Bearer",
                "expires_in": 7200,
                "refresh_token": f"glrt-{next(serial)}",
            },
            "GET /api/v4/user": authorized(USER),
            "GET /oauth/userinfo": authorized(USERINFO),
            "GET /oauth/token/info": authorized({"resource_owner_id": 42, "application": {"uid": "app-id"}}),
        }
        yield api


def authorized(body: object) -> object:
    return lambda came: body if came.token == TOKEN else Answer({"message": "401 Unauthorized"}, 401)


def connector(gitlab: ApiUpstream, **changes: object) -> GitLabConnector:
    settings = GitLabSettings(Registration("app-id", "a secret of GitLab's", CALLBACK), gitlab.url)
    return GitLabConnector("gitlab", "GitLab", replace(settings, **changes))  # type: ignore[arg-type]


def logged_in(made: GitLabConnector, *scopes: str) -> Identity:
    return made.finish(an_attempt(*scopes) if scopes else ALL, arrival(LOGIN_AT, code="a-code"))


def test_it_can_do_what_its_type_says(gitlab: ApiUpstream) -> None:
    assert isinstance(connector(gitlab), UpstreamRefresh)
    assert isinstance(connector(gitlab), TokenExchange)


@pytest.mark.parametrize(
    ("changes", "scopes", "asked"),
    [
        ({}, ("offline_access",), "read_user"),
        ({}, ("groups",), "read_user%20openid"),
        ({"groups": ("ops",)}, ("offline_access",), "read_user%20openid"),
        ({"inherited_groups": True}, ("groups",), "read_user%20openid%20read_api"),
    ],
)
def test_it_asks_for_the_scopes_that_it_needs(
    gitlab: ApiUpstream, changes: dict[str, object], scopes: tuple[str, ...], asked: str
) -> None:
    assert f"scope={asked}&" in connector(gitlab, **changes).begin(an_attempt(*scopes), "s", LOGIN_AT).url


def test_a_user_logs_in_with_their_groups(gitlab: ApiUpstream) -> None:
    claims = logged_in(connector(gitlab)).claims
    assert (claims.user_id, claims.username, claims.preferred_username) == ("42", "Ada", "ada")
    assert (claims.email, claims.email_verified) == ("ada@example.com", True)
    assert claims.groups == ("ops", "dev", "dev/web", "developer")
    assert logged_in(connector(gitlab, use_login_as_id=True), "openid").claims.user_id == "ada"


def test_roles_are_told_beside_the_groups_and_count_in_those_below(gitlab: ApiUpstream) -> None:
    groups = logged_in(connector(gitlab, with_permissions=True)).claims.groups
    assert groups[4:] == ("ops:owner", "dev:developer", "dev/web:developer")


def test_who_is_in_none_of_the_groups_may_not_log_in_nor_stay(gitlab: ApiUpstream) -> None:
    made = connector(gitlab, groups=("ops",))
    identity = logged_in(made)
    assert identity.claims.groups == ("ops",)
    gitlab.routes["GET /oauth/userinfo"] = {"groups": ["dev"]}
    assert made.refresh_upstream(identity, frozenset(), LOGIN_AT) is None
    with pytest.raises(OAuthError) as refused:
        logged_in(made, "openid")
    assert refused.value.code == "access_denied"


def test_inherited_groups_come_from_the_api_over_its_pages_with_roles(gitlab: ApiUpstream) -> None:
    groups = [{"id": number, "full_path": f"group-{number}"} for number in range(1, 151)]

    def paged(came: Came) -> object:
        page = int(came.query["page"])
        return groups[(page - 1) * 100 : page * 100]

    gitlab.routes["GET /api/v4/groups"] = paged
    gitlab.routes["GET /api/v4/groups/1/members/all/42"] = {"access_level": 50}
    made = connector(gitlab, inherited_groups=True)
    assert len(logged_in(made).claims.groups) == 150
    groups = groups[:3]
    assert logged_in(connector(gitlab, inherited_groups=True, with_permissions=True)).claims.groups == (
        "group-1",
        "group-2",
        "group-3",
        "group-1:owner",
    )


def test_groups_without_an_end_are_given_up(gitlab: ApiUpstream) -> None:
    gitlab.routes["GET /api/v4/groups"] = [{"id": 1, "full_path": "ops"}] * 100
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(gitlab, inherited_groups=True))
    assert "without an end" in refused.value.detail


def test_a_refresh_uses_the_refresh_token_and_keeps_the_next(gitlab: ApiUpstream) -> None:
    made = connector(gitlab)
    identity = logged_in(made)
    refreshed = made.refresh_upstream(identity, frozenset(("groups",)), LOGIN_AT)
    assert refreshed is not None
    assert gitlab.came[-3].form["refresh_token"] == "glrt-1"
    assert "glrt-2" in refreshed.upstream
    gitlab.routes["POST /oauth/token"] = Answer({"error": "invalid_grant"}, 400)
    assert made.refresh_upstream(refreshed, frozenset(), LOGIN_AT) is None


def test_an_access_token_of_our_own_application_is_taken_for_a_login(gitlab: ApiUpstream) -> None:
    made = connector(gitlab)
    claims = made.exchange(TOKEN, ACCESS_TOKEN, LOGIN_AT)
    assert claims is not None
    assert (claims.user_id, len(claims.groups)) == ("42", 4)
    assert made.exchange("made-up", ACCESS_TOKEN, LOGIN_AT) is None
    gitlab.routes["GET /oauth/token/info"] = {"application": {"uid": "somebody-else"}}
    assert made.exchange(TOKEN, ACCESS_TOKEN, LOGIN_AT) is None
    for audiences in (("somebody-else",), ("*",)):
        assert connector(gitlab, exchange_audiences=audiences).exchange(TOKEN, ACCESS_TOKEN, LOGIN_AT) is not None
