"""Each connector of an OAuth provider, the whole way: a login, a refresh, and every kind of no.

The provider is one that nobody here wrote, npm's oidc-provider, at the paths and with the claims of the one that the
connector is for. Where that has an API beside OpenID Connect, answers in its shape stand beside it, for the provider's
own tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sundial.connectors.google import GoogleSettings
from sundial.deployment import Deployment
from sundial_local.ministack import MiniStack
from sundial_local.template import Template
from tests.support.browser import CALLBACK
from tests.support.deployed import deployed
from tests.support.provider_site import CONFIG, SCOPE, ProviderSite, answer_of, claims_of
from tests.support.stack import own_stack
from tests.support.upstream import CLIENT_ID, CLIENT_SECRET, KILGORE, OpenIDProvider, Visitor, openid_provider
from tests.support.workspace import workspace

TENANT = "contoso.example.com"
EMAIL = "kilgore@example.com"
REGISTRATION = f"clientID: {CLIENT_ID}, clientSecret: $UPSTREAM_SECRET"
CONNECTOR = "connectors: [{{type: {type}, id: up, name: The Provider, config: {{{registration}, {config}}}}}]\n"


@dataclass(frozen=True)
class Kind:
    """A kind of provider: where it answers and what it says, and Sundial's settings for it.

    `account` is what it knows of a user of a name who is in some groups; `groups_of` is what these are called here.
    """

    type: str
    config: str
    account: Callable[[str, Sequence[str]], Mapping[str, Any]] = field(
        default=lambda name, groups: {**KILGORE, "name": name, "groups": list(groups)}
    )
    groups_of: Callable[[Sequence[str]], list[str]] = list
    refreshes: bool = True
    provider: Mapping[str, Any] = field(default_factory=dict)


def at_gitlab(name: str, groups: Sequence[str]) -> Mapping[str, Any]:
    """https://docs.gitlab.com/api/users/ and https://docs.gitlab.com/integration/openid_connect_provider/"""
    user = {"id": 42, "username": "kilgore", "name": name, "state": "active", "email": EMAIL}
    return {"groups": list(groups), "GET /api/v4/user": user}


def at_microsoft(name: str, groups: Sequence[str]) -> Mapping[str, Any]:
    """https://learn.microsoft.com/en-us/graph/api/overview"""
    named = [{"@odata.type": "#microsoft.graph.group", "id": f"id of {one}", "displayName": one} for one in groups]
    return {
        "GET /v1.0/me": {"id": "87d349ed-44d7", "displayName": name, "userPrincipalName": EMAIL},
        "POST /v1.0/me/getMemberGroups": {"value": [one["id"] for one in named]},
        "POST /v1.0/directoryObjects/getByIds": {"value": named},
    }


KINDS = (
    Kind(
        "oidc",
        "issuer: {issuer}, scopes: [profile, email, offline_access], insecureEnableGroups: true, "
        "allowedGroups: [ops, dev]",
    ),
    Kind(
        "google",
        "hostedDomains: [example.com], domainToAdminEmail: {{example.com: admin@example.com}}, "
        "serviceAccount: $SERVICE_ACCOUNT, groups: [ops@example.com, dev@example.com]",
        groups_of=lambda groups: [f"{one}@example.com" for one in groups],
        provider={
            "always_refreshes": True,  # for access_type=offline, whatever the scopes
            "rotateRefreshToken": False,
            "routes": {
                "authorization": "/o/oauth2/v2/auth",
                "token": "/token",
                "userinfo": "/v1/userinfo",
                "jwks": "/oauth2/v3/certs",
                "revocation": "/revoke",
            },
        },
    ),
    Kind(
        "gitlab",
        "baseURL: '{issuer}', groups: [ops, dev]",
        at_gitlab,
        provider={
            "always_refreshes": True,
            "api": ("GET /api/v4/user",),
            "client": {"token_endpoint_auth_method": "client_secret_post"},
            "scopes": ["openid", "profile", "email", "read_user", "read_api"],
            "claims": {"openid": ["sub", "groups"]},
            "routes": {
                "authorization": "/oauth/authorize",
                "token": "/oauth/token",
                "userinfo": "/oauth/userinfo",
                "jwks": "/oauth/discovery/keys",
                "revocation": "/oauth/revoke",
            },
        },
    ),
    Kind(
        "microsoft",
        f"tenant: {TENANT}, apiURL: '{{issuer}}', graphURL: '{{issuer}}', groups: [ops, dev]",
        at_microsoft,
        provider={
            "always_refreshes": True,  # it wants no prompt for offline_access
            "api": ("GET /v1.0/me", "POST /v1.0/me/getMemberGroups", "POST /v1.0/directoryObjects/getByIds"),
            "client": {"token_endpoint_auth_method": "client_secret_post"},
            "scopes": ["openid", "profile", "email", "offline_access", "user.read", "directory.read.all"],
            "routes": {
                "authorization": f"/{TENANT}/oauth2/v2.0/authorize",
                "token": f"/{TENANT}/oauth2/v2.0/token",
                "jwks": f"/{TENANT}/discovery/v2.0/keys",
            },
        },
    ),
    Kind(
        "oauth",
        "authorizationURL: '{issuer}/auth', tokenURL: '{issuer}/token', userInfoURL: '{issuer}/me', "
        "scopes: [openid, profile, email], userIDKey: sub, claimMapping: {{userNameKey: name}}",
        refreshes=False,
    ),
)
all_but_oauth = pytest.mark.parametrize("running", KINDS[:-1], indirect=True, ids=lambda kind: kind.type)
"""`oauth` can't be refreshed, and has no setting that keeps anybody out."""


@dataclass
class World:
    """A deployment with one connector, and the provider behind it."""

    kind: Kind
    site: ProviderSite
    provider: OpenIDProvider
    directory: dict[str, Sequence[str]]
    """Google's groups, which stand elsewhere."""

    def know(self, name: str = "Kilgore Trout", groups: Sequence[str] = ("ops", "dev")) -> None:
        """Let the provider know the user so."""
        self.provider.change("kilgore", self.kind.account(name, groups))
        self.directory[EMAIL] = self.kind.groups_of(groups)

    def assert_knows(self, response: Mapping[str, Any], name: str, *groups: str) -> None:
        claims = claims_of(dict(response))
        told = (claims["name"], claims["email"], claims["email_verified"], sorted(claims["groups"]))
        assert told == (name, EMAIL, True, sorted(self.kind.groups_of(groups)))


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.type)
def running(
    request: pytest.FixtureRequest,
    template: Template,
    ministack: MiniStack,
    aws_clients: Mapping[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    kind: Kind = request.param
    with ExitStack() as running:
        environment = running.enter_context(pytest.MonkeyPatch.context())
        for name, value in ministack.environment.items():
            environment.setenv(name, value)
        environment.delenv("AWS_PROFILE", raising=False)
        provider = running.enter_context(openid_provider(**kind.provider))
        google = running.enter_context(workspace({}))
        text = CONFIG + CONNECTOR.format(
            type=kind.type, registration=REGISTRATION, config=kind.config.format(issuer=provider.issuer)
        )
        deployment = deployed(
            own_stack(template, ministack, aws_clients),
            tmp_path_factory.mktemp("config"),
            text,
            UPSTREAM_SECRET=CLIENT_SECRET,
            SERVICE_ACCOUNT=google.service_account(),
        )
        _lead_google_here(deployment, provider.issuer, google.api.url)
        yield World(kind, ProviderSite(deployment), provider, google.memberships)


def _lead_google_here(deployment: Deployment, issuer: str, directory: str) -> None:
    """Change the one thing that no file can say: where Google is."""
    (connector,) = deployment.config.connectors
    if isinstance(connector.config, GoogleSettings):
        made = replace(connector.config.directory, url=directory)
        settings = replace(connector.config, issuer=issuer, directory=made)
        deployment.config = replace(deployment.config, connectors=(replace(connector, config=settings),))


@pytest.fixture
def world(running: World) -> World:
    running.know()
    return running


def test_a_login_and_its_refreshes_show_the_user_as_the_provider_knows_them(world: World) -> None:
    site = world.site
    first = site.log_in()
    world.assert_knows(first, "Kilgore Trout", "ops", "dev")
    assert ("refresh_token" in first) == world.kind.refreshes
    assert set(first["scope"].split()) == set(SCOPE.split()) - (set() if world.kind.refreshes else {"offline_access"})
    if not world.kind.refreshes:
        return
    world.know("Kilgore S. Trout", ["dev"])
    token = first["refresh_token"]
    for _ in range(2):
        site.ahead += 31
        refreshed = site.refresh(token)
        assert (refreshed["status"], refreshed["refresh_token"] != token) == (200, True), refreshed
        world.assert_knows(refreshed, "Kilgore S. Trout", "dev")
        token = refreshed["refresh_token"]


def test_who_says_no_at_the_provider_is_taken_back_to_the_client_which_is_told_so(world: World) -> None:
    declined, _ = world.site.arrive(Visitor(declines=True))
    assert declined["headers"]["Location"].startswith(CALLBACK)
    assert answer_of(declined)["error"] == "access_denied"


@all_but_oauth
def test_who_is_in_none_of_the_groups_may_not_log_in_nor_stay(world: World) -> None:
    first = world.site.log_in()
    world.know(groups=["authors"])
    refused, _ = world.site.arrive()
    assert (refused["statusCode"], "not in any of the groups" in refused["body"]) == (403, True)
    world.site.ahead += 31
    assert world.site.refresh(first["refresh_token"])["error"] == "invalid_grant"


@all_but_oauth
def test_who_is_gone_at_the_provider_is_gone_here(world: World) -> None:
    first = world.site.log_in()
    world.provider.change("kilgore", None)
    world.site.ahead += 31
    for _ in range(2):
        assert world.site.refresh(first["refresh_token"])["error"] == "invalid_grant"
