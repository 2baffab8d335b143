"""The `microsoft` connector at a server that answers in the shapes of Entra ID and Microsoft Graph."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from sundial.connectors.base import Identity, UpstreamRefresh
from sundial.connectors.microsoft import MicrosoftConnector, MicrosoftSettings
from sundial.connectors.settings import Registration
from sundial.errors import OAuthError
from tests.support.api_upstream import Answer, ApiUpstream, Came, api_upstream
from tests.support.families import LOGIN_AT
from tests.support.leak_watch import LEAKS
from tests.support.upstream import CALLBACK, an_attempt, arrival

TOKEN = "EwB4A8l6BAAU-an-access-token-of-graph"
TENANT = "9b5fe0a5-tenant"
ME = {
    "id": "87d349ed-44d7-43e1-9a83-5f2406dee5bd",
    "displayName": "Adele Vance",
    "userPrincipalName": "AdeleV@contoso.com",
    "mailNickname": "adelev",
    "onPremisesSamAccountName": None,
}
ALL = an_attempt("groups", "offline_access")


@pytest.fixture
def microsoft() -> Iterator[ApiUpstream]:
    LEAKS.secret("an upstream access token", TOKEN)
    with api_upstream() as api:
        api.routes |= {
            f"POST /{TENANT}/oauth2/v2.0/token": {
                "token_type": "Bearer",
                "access_token": TOKEN,
                "expires_in": 3599,
                "refresh_token": "a refresh token of Entra's",
            },
            "GET /v1.0/me": lambda came: ME if came.token == TOKEN else Answer({"error": {"code": "x"}}, 401),
            "POST /v1.0/me/getMemberGroups": {"value": ["id-1", "id-2"]},
            "POST /v1.0/directoryObjects/getByIds": names,
        }
        yield api


def names(came: Came) -> object:
    asked = json.loads(came.body)
    assert asked["types"] == ["group"]
    assert len(asked["ids"]) <= 1000
    return {"value": [{"@odata.type": "#microsoft.graph.group", "displayName": f"Group {id}"} for id in asked["ids"]]}


def connector(microsoft: ApiUpstream, **changes: object) -> MicrosoftConnector:
    settings = MicrosoftSettings(
        Registration("app-id", "a secret of Entra's", CALLBACK), TENANT, microsoft.url, microsoft.url
    )
    return MicrosoftConnector("ms", "Microsoft", replace(settings, **changes))  # type: ignore[arg-type]


def logged_in(made: MicrosoftConnector) -> Identity:
    return made.finish(ALL, arrival(LOGIN_AT, code="a-code"))


def test_it_can_be_refreshed(microsoft: ApiUpstream) -> None:
    assert isinstance(connector(microsoft), UpstreamRefresh)


def test_the_browser_is_sent_to_the_tenant_with_what_is_needed(microsoft: ApiUpstream) -> None:
    made = connector(microsoft, prompt="select_account", domain_hint="contoso.com")
    url = made.begin(an_attempt("groups", "offline_access", login_hint="adele"), "a-state", LOGIN_AT).url
    query = dict(parse_qsl(urlsplit(url).query))
    assert url.startswith(f"{microsoft.url}/{TENANT}/oauth2/v2.0/authorize?")
    assert query["scope"] == "user.read directory.read.all offline_access"
    assert (query["prompt"], query["domain_hint"], query["login_hint"]) == ("select_account", "contoso.com", "adele")
    everybody = connector(microsoft, tenant="common").begin(ALL, "a-state", LOGIN_AT).url
    assert "scope=user.read%20offline_access&" in everybody


def test_a_user_logs_in_with_the_names_of_their_groups(microsoft: ApiUpstream) -> None:
    claims = logged_in(connector(microsoft)).claims
    assert (claims.user_id, claims.username, claims.email) == (ME["id"], "Adele Vance", "AdeleV@contoso.com")
    assert (claims.email_verified, claims.preferred_username) == (True, "")
    assert claims.groups == ("Group id-1", "Group id-2")


def test_groups_may_be_called_by_their_ids(microsoft: ApiUpstream) -> None:
    made = connector(microsoft, group_names=False, only_security_groups=True)
    assert logged_in(made).claims.groups == ("id-1", "id-2")
    assert json.loads(microsoft.came[-1].body) == {"securityEnabledOnly": True}


def test_an_account_of_no_organisation_has_no_groups(microsoft: ApiUpstream) -> None:
    microsoft.routes["POST /common/oauth2/v2.0/token"] = microsoft.routes[f"POST /{TENANT}/oauth2/v2.0/token"]
    assert logged_in(connector(microsoft, tenant="common")).claims.groups == ()
    assert "POST /v1.0/me/getMemberGroups" not in microsoft.paths()


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("name", "Adele Vance"),
        ("email", "adelev@contoso.com"),
        ("mailNickname", "adelev"),
        ("onPremisesSamAccountName", ""),
    ],
)
def test_the_preferred_username_is_the_field_that_is_asked_for(microsoft: ApiUpstream, field: str, name: str) -> None:
    made = connector(microsoft, preferred_username_field=field, email_to_lowercase=True)
    assert logged_in(made).claims.preferred_username == name


def test_the_allowed_groups_let_in_and_may_be_all_that_is_told(microsoft: ApiUpstream) -> None:
    made = connector(microsoft, groups=("Group id-2",))
    assert logged_in(made).claims.groups == ("Group id-1", "Group id-2")
    assert logged_in(connector(microsoft, groups=("Group id-2",), only_allowed_groups=True)).claims.groups == (
        "Group id-2",
    )
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(microsoft, groups=("Nobody",)))
    assert (refused.value.code, refused.value.status) == ("access_denied", 403)


def test_thousands_of_groups_are_named_a_thousand_at_a_time_over_all_pages(microsoft: ApiUpstream) -> None:
    def paged(came: Came) -> object:
        start = int(came.query.get("skip", "0"))
        document: dict[str, object] = {"value": [f"id-{number}" for number in range(start, start + 1250)]}
        if start == 0:
            document["@odata.nextLink"] = f"{microsoft.url}/v1.0/me/getMemberGroups?skip=1250"
        return document

    microsoft.routes["POST /v1.0/me/getMemberGroups"] = paged
    assert len(logged_in(connector(microsoft)).claims.groups) == 2500
    assert microsoft.paths().count("POST /v1.0/directoryObjects/getByIds") == 3


def test_pages_that_lead_in_a_circle_are_given_up(microsoft: ApiUpstream) -> None:
    link = f"{microsoft.url}/v1.0/me/getMemberGroups"
    microsoft.routes["POST /v1.0/me/getMemberGroups"] = {"value": ["id-1"], "@odata.nextLink": link}
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(microsoft))
    assert refused.value.status == 502


def test_a_refresh_renews_and_the_end_is_the_end(microsoft: ApiUpstream) -> None:
    made = connector(microsoft)
    identity = logged_in(made)
    refreshed = made.refresh_upstream(identity, frozenset(("groups",)), LOGIN_AT)
    assert refreshed is not None
    assert refreshed.claims == identity.claims
    microsoft.routes[f"POST /{TENANT}/oauth2/v2.0/token"] = Answer(
        {"error": "invalid_grant", "error_description": "AADSTS50057: The user account is disabled."}, 400
    )
    assert made.refresh_upstream(refreshed, frozenset(), LOGIN_AT) is None
