"""The `github` connector at a server that answers in the shapes of GitHub's REST API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from sundial.connectors.base import Identity, InterruptedRefreshError, UpstreamRefresh
from sundial.connectors.github import GitHubConnector, GitHubSettings, Org
from sundial.connectors.settings import Registration
from sundial.errors import OAuthError
from tests.support.api_upstream import Answer, ApiUpstream, Came, api_upstream
from tests.support.families import LOGIN_AT
from tests.support.leak_watch import LEAKS
from tests.support.upstream import CALLBACK, an_attempt, arrival

TOKEN = "gho_16C7e42F292c6912E7710c838347Ae178B4a"
OCTOCAT = {"login": "octocat", "id": 583231, "name": "The Octocat", "email": "octocat@github.com", "type": "User"}
EMAILS = [
    {"email": "unverified@example.com", "verified": False, "primary": False, "visibility": None},
    {"email": "octocat@work.example.com", "verified": True, "primary": False, "visibility": None},
    {"email": "octocat@home.example.net", "verified": True, "primary": True, "visibility": "private"},
]
TEAMS = [
    {"id": 1, "name": "Justice League", "slug": "justice-league", "organization": {"login": "github"}},
    {"id": 2, "name": "Ops", "slug": "ops", "organization": {"login": "example"}},
    {"id": 3, "name": "Developers", "slug": "devs", "organization": {"login": "example"}},
]
ALL = an_attempt("groups", "offline_access")


@pytest.fixture
def github() -> Iterator[ApiUpstream]:
    LEAKS.secret("an upstream access token", TOKEN)
    with api_upstream() as api:
        api.routes |= {
            "POST /login/oauth/access_token": token,
            "GET /api/v3/user": authorized(OCTOCAT),
            "GET /api/v3/user/emails": authorized(EMAILS),
            "GET /api/v3/user/teams": authorized(TEAMS),
            "GET /api/v3/user/orgs": authorized([{"login": "github"}, {"login": "example"}]),
            "GET /api/v3/orgs/example/members/octocat": Answer(b"", 204),
            "GET /api/v3/orgs/github/members/octocat": Answer(b"", 204),
            "GET /api/v3/orgs/strangers/members/octocat": Answer(b"", 302, {"Location": "/elsewhere"}),
        }
        yield api


def token(came: Came) -> object:
    if came.form.get("code") != "a-code":
        return {"error": "bad_verification_code", "error_description": "The code passed is incorrect or expired."}
    return {"access_token": TOKEN, "scope": "read:org,user:email", "token_type": "bearer"}


def authorized(body: object) -> object:
    return lambda came: body if came.token == TOKEN else Answer({"message": "Bad credentials"}, 401)


def connector(github: ApiUpstream, **changes: object) -> GitHubConnector:
    registration = Registration("Iv1.8a61f9b3a7aba766", "a secret of GitHub's", CALLBACK)
    settings = GitHubSettings(registration, web_url=github.url, api_url=f"{github.url}/api/v3")
    return GitHubConnector("github", "GitHub", replace(settings, **changes))  # type: ignore[arg-type]


def logged_in(made: GitHubConnector, *scopes: str) -> Identity:
    attempt = an_attempt(*scopes) if scopes else ALL
    return made.finish(attempt, arrival(LOGIN_AT, code="a-code"))


def test_it_can_be_refreshed(github: ApiUpstream) -> None:
    assert isinstance(connector(github), UpstreamRefresh)


def test_the_browser_is_sent_with_the_scopes_that_are_needed_and_pkce(github: ApiUpstream) -> None:
    url = connector(github).begin(an_attempt("offline_access", login_hint="octocat"), "a-state", LOGIN_AT).url
    query = dict(parse_qsl(urlsplit(url).query))
    assert url.startswith(f"{github.url}/login/oauth/authorize?")
    assert (query["scope"], query["state"], query["redirect_uri"]) == ("user:email", "a-state", CALLBACK)
    assert (query["code_challenge_method"], query["login"]) == ("S256", "octocat")
    assert "scope=user%3Aemail%20read%3Aorg" in connector(github).begin(ALL, "a-state", LOGIN_AT).url


def test_a_user_logs_in(github: ApiUpstream) -> None:
    claims = logged_in(connector(github)).claims
    assert (claims.user_id, claims.username, claims.preferred_username) == ("583231", "The Octocat", "octocat")
    assert (claims.email, claims.email_verified, claims.groups) == ("octocat@github.com", True, ())
    redeemed = github.came[0].form
    assert (redeemed["client_secret"], len(redeemed["code_verifier"])) == ("a secret of GitHub's", 43)
    assert github.came[1].headers["x-github-api-version"] == "2022-11-28"


def test_without_a_name_the_login_is_the_name(github: ApiUpstream) -> None:
    github.routes["GET /api/v3/user"] = {**OCTOCAT, "name": None}
    assert logged_in(connector(github)).claims.username == "octocat"


def test_the_login_may_be_the_id(github: ApiUpstream) -> None:
    assert logged_in(connector(github, use_login_as_id=True)).claims.user_id == "octocat"


def test_a_hidden_address_is_the_primary_verified_one(github: ApiUpstream) -> None:
    github.routes["GET /api/v3/user"] = {**OCTOCAT, "email": None}
    assert logged_in(connector(github)).claims.email == "octocat@home.example.net"


@pytest.mark.parametrize(
    ("domain", "email"),
    [
        ("work.example.com", "octocat@work.example.com"),
        ("*.example.com", "octocat@work.example.com"),
        ("example.com", "octocat@home.example.net"),
        ("unverified.example.com", "octocat@home.example.net"),
    ],
)
def test_an_address_of_the_preferred_domain_wins(github: ApiUpstream, domain: str, email: str) -> None:
    assert logged_in(connector(github, preferred_email_domain=domain)).claims.email == email


def test_who_has_no_verified_address_does_not_log_in(github: ApiUpstream) -> None:
    github.routes["GET /api/v3/user"] = {**OCTOCAT, "email": None}
    github.routes["GET /api/v3/user/emails"] = [{**one, "verified": False} for one in EMAILS]
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(github))
    assert refused.value.status == 502
    assert logged_in(connector(github, is_enterprise=True)).claims.email == "octocat@home.example.net"


@pytest.mark.parametrize(
    ("field", "groups"),
    [
        ("name", ("example:Ops", "example:Developers")),
        ("slug", ("example:ops", "example:devs")),
        ("both", ("example:Ops", "example:ops", "example:Developers", "example:devs")),
    ],
)
def test_teams_of_the_orgs_are_the_groups(github: ApiUpstream, field: str, groups: tuple[str, ...]) -> None:
    made = connector(github, orgs=(Org("example"),), team_name_field=field)
    assert logged_in(made, "openid").claims.groups == groups


def test_who_is_in_one_of_the_teams_logs_in(github: ApiUpstream) -> None:
    made = connector(github, orgs=(Org("strangers"), Org("example", ("Ops",)), Org("github", ("Nobody",))))
    assert logged_in(made).claims.groups == ("example:Ops",)


@pytest.mark.parametrize("orgs", [(Org("strangers"),), (Org("example", ("Nobody",)),), (Org("unknown"),)])
def test_who_is_in_none_of_the_orgs_or_teams_may_not_log_in(github: ApiUpstream, orgs: tuple[Org, ...]) -> None:
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(github, orgs=orgs))
    assert (refused.value.code, refused.value.status) == ("access_denied", 403)


def test_a_member_of_an_org_without_a_team_logs_in(github: ApiUpstream) -> None:
    github.routes["GET /api/v3/user/teams"] = []
    assert logged_in(connector(github, orgs=(Org("example"),))).claims.groups == ()


def test_all_groups_are_orgs_and_teams_where_the_client_asks(github: ApiUpstream) -> None:
    made = connector(github, load_all_groups=True)
    assert logged_in(made).claims.groups == (
        "github",
        "github:Justice League",
        "example",
        "example:Ops",
        "example:Developers",
    )
    assert logged_in(made, "openid").claims.groups == ()


def test_dexs_older_org_gives_its_teams_without_a_prefix(github: ApiUpstream) -> None:
    assert logged_in(connector(github, only_org="example")).claims.groups == ("Ops", "Developers")


def test_a_list_is_read_over_all_its_pages(github: ApiUpstream) -> None:
    def paged(came: Came) -> Answer:
        page = int(came.query.get("page", "1"))
        link = (
            {"Link": f'<{github.url}/api/v3/user/teams?page={page + 1}>; rel="next", <x>; rel="last"'}
            if page < 3
            else {}
        )
        return Answer([TEAMS[page - 1]], headers=link)

    github.routes["GET /api/v3/user/teams"] = paged
    made = connector(github, load_all_groups=True)
    assert len(logged_in(made).claims.groups) == 5


@pytest.mark.parametrize("following", ["{url}/api/v3/user/teams?page=1", "https://evil.example.com/teams"])
def test_pages_that_lead_in_a_circle_or_elsewhere_are_not_followed(github: ApiUpstream, following: str) -> None:
    link = {"Link": f'<{following.format(url=github.url)}>; rel="next"'}
    github.routes["GET /api/v3/user/teams"] = Answer(TEAMS, headers=link)
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(github, load_all_groups=True))
    assert refused.value.status == 502


def test_pages_without_an_end_are_given_up(github: ApiUpstream) -> None:
    def endless(came: Came) -> Answer:
        following = int(came.query.get("page", "1")) + 1
        return Answer(TEAMS, headers={"Link": f'<{github.url}/api/v3/user/teams?page={following}>; rel="next"'})

    github.routes["GET /api/v3/user/teams"] = endless
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(github, load_all_groups=True))
    assert "without an end" in refused.value.detail
    assert len(github.came) < 60


def test_a_code_that_is_used_up_is_the_users_to_know(github: ApiUpstream) -> None:
    with pytest.raises(OAuthError) as refused:
        connector(github).finish(ALL, arrival(LOGIN_AT, code="another"))
    assert (refused.value.code, refused.value.status) == ("invalid_request", 400)


def test_a_refresh_shows_the_user_as_they_are_now(github: ApiUpstream) -> None:
    made = connector(github, orgs=(Org("example"),))
    identity = logged_in(made)
    github.routes["GET /api/v3/user"] = authorized({**OCTOCAT, "name": "Mona"})
    refreshed = made.refresh_upstream(identity, frozenset(), LOGIN_AT)
    assert refreshed is not None
    assert (refreshed.claims.username, refreshed.upstream) == ("Mona", identity.upstream)
    assert json.loads(identity.upstream)["access_token"] == TOKEN


def test_a_token_that_was_taken_away_is_the_end(github: ApiUpstream) -> None:
    made = connector(github)
    identity = logged_in(made)
    github.routes["GET /api/v3/user"] = Answer({"message": "Bad credentials"}, 401)
    assert made.refresh_upstream(identity, frozenset(), LOGIN_AT) is None


def test_who_has_left_the_org_is_at_the_end_too(github: ApiUpstream) -> None:
    made = connector(github, orgs=(Org("example"),))
    identity = logged_in(made)
    github.routes["GET /api/v3/orgs/example/members/octocat"] = Answer({"message": "Not Found"}, 404)
    assert made.refresh_upstream(identity, frozenset(), LOGIN_AT) is None


def test_the_expiring_tokens_of_a_github_app_are_renewed_and_kept_whatever_happens_next(github: ApiUpstream) -> None:
    serial = [0]

    def expiring(came: Came) -> object:
        if came.form["grant_type"] == "refresh_token" and came.form["refresh_token"] != f"ghr_{serial[0]}":
            return {"error": "bad_refresh_token"}
        serial[0] += 1
        return {
            "access_token": TOKEN,
            "expires_in": "28800",
            "refresh_token": f"ghr_{serial[0]}",
            "token_type": "bearer",
        }

    github.routes["POST /login/oauth/access_token"] = expiring
    made = connector(github)
    first = logged_in(made)
    second = made.refresh_upstream(first, frozenset(), LOGIN_AT)
    assert second is not None
    assert json.loads(second.upstream)["refresh_token"] == "ghr_2"
    assert made.refresh_upstream(first, frozenset(), LOGIN_AT) is None
    github.routes["GET /api/v3/user"] = Answer({"message": "Server Error"}, 500)
    with pytest.raises(InterruptedRefreshError) as interrupted:
        made.refresh_upstream(second, frozenset(), LOGIN_AT)
    assert json.loads(interrupted.value.upstream)["refresh_token"] == "ghr_3"
    assert "ghr_3" not in str(interrupted.value)


def test_nothing_is_kept_of_who_is_not_to_be_refreshed(github: ApiUpstream) -> None:
    assert logged_in(connector(github), "openid").upstream == ""
