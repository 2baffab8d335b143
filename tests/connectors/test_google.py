"""The `google` connector: OpenID Connect at npm's oidc-provider, and a directory in the shape of Google Workspace's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from sundial.connectors.base import Identity, InterruptedRefreshError, TokenExchange, UpstreamRefresh
from sundial.connectors.google import GoogleConnector, GoogleSettings
from sundial.connectors.http import SECONDS
from sundial.connectors.settings import Registration
from sundial.errors import OAuthError
from tests.support.api_upstream import Answer
from tests.support.families import LOGIN_AT
from tests.support.faults import Fault, Network, Wire
from tests.support.hostile import honest_upstream, hostile_provider
from tests.support.upstream import (
    CALLBACK,
    CLIENT_ID,
    CLIENT_SECRET,
    KILGORE,
    OpenIDProvider,
    an_attempt,
    arrival,
    log_in_at,
    openid_provider,
)
from tests.support.workspace import Workspace
from tests.support.workspace import workspace as google_workspace

OFFLINE = an_attempt("groups", "offline_access")
MEMBERSHIPS = {
    "kilgore@example.com": ["authors@example.com", "ops@example.com"],
    "authors@example.com": ["people@example.com"],
    "people@example.com": ["authors@example.com"],  # groups may be members of each other
}


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIDProvider]:
    with openid_provider() as running:
        yield running


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with google_workspace(MEMBERSHIPS) as running:
        yield running


def connector(provider: OpenIDProvider, **changes: object) -> GoogleConnector:
    settings = GoogleSettings(
        Registration(CLIENT_ID, CLIENT_SECRET, CALLBACK),
        scopes=("openid", "profile", "email", "offline_access"),  # Google's own way is access_type=offline
        issuer=provider.issuer,
    )
    return GoogleConnector("google", "Google", replace(settings, **changes))  # type: ignore[arg-type]


def now() -> int:
    return int(time.time())


def logged_in(made: GoogleConnector) -> Identity:
    came_back = log_in_at(made.begin(OFFLINE, "a-state", now()).url)
    return made.finish(OFFLINE, arrival(now(), **came_back))


def test_it_can_be_refreshed_and_takes_nobodys_token_for_a_login(provider: OpenIDProvider) -> None:
    assert isinstance(connector(provider), UpstreamRefresh)
    assert not isinstance(connector(provider), TokenExchange)


def test_the_browser_is_asked_for_offline_access_googles_way(provider: OpenIDProvider) -> None:
    url = connector(provider, hosted_domains=("example.com",)).begin(OFFLINE, "a-state", now()).url
    assert {"access_type=offline", "prompt=consent", "hd=example.com"} <= set(url.split("?")[1].split("&"))
    several = connector(provider, hosted_domains=("example.com", "example.org"))
    assert "hd=%2A" in several.begin(OFFLINE, "a-state", now()).url


def test_a_user_of_a_hosted_domain_logs_in_and_another_does_not(provider: OpenIDProvider) -> None:
    assert logged_in(connector(provider, hosted_domains=("example.com",))).claims.user_id == "kilgore"
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(provider, hosted_domains=("example.org",)))
    assert refused.value.code == "access_denied"


def test_groups_come_from_the_directory_over_its_pages(provider: OpenIDProvider, workspace: Workspace) -> None:
    made = connector(provider, directory=workspace.directory())
    assert logged_in(made).claims.groups == ("authors@example.com", "ops@example.com")
    assert workspace.api.paths().count("POST /token") == 1


def test_groups_of_groups_are_each_found_once_though_they_go_in_a_circle(
    provider: OpenIDProvider, workspace: Workspace
) -> None:
    made = connector(provider, directory=workspace.directory(transitive=True))
    assert logged_in(made).claims.groups == ("authors@example.com", "ops@example.com", "people@example.com")


def test_pages_without_an_end_are_given_up(provider: OpenIDProvider, workspace: Workspace) -> None:
    workspace.api.routes["GET /admin/directory/v1/groups"] = {"groups": [{"email": "a@b"}], "nextPageToken": "again"}
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(provider, directory=workspace.directory()))
    assert "without an end" in refused.value.detail


def test_the_directory_is_read_in_the_time_of_the_one_conversation(workspace: Workspace) -> None:
    """So a function that refreshes has time to keep what Google gave out."""
    network = Network(dict.fromkeys((2, 3, 4), (Fault.SLOW,)))
    with hostile_provider() as google, Wire().of(network):
        settings = GoogleSettings(
            Registration(CLIENT_ID, CLIENT_SECRET, CALLBACK), issuer=google.api.url, directory=workspace.directory()
        )
        made = GoogleConnector("google", "Google", settings)
        with pytest.raises(InterruptedRefreshError):
            made.refresh_upstream(honest_upstream(), frozenset(("groups",)), LOGIN_AT)
    assert network.calls[:4] == ["GET /.well-known/openid-configuration", "GET /jwks", "POST /token", "POST /token"]
    assert network.seconds <= SECONDS


def test_who_must_be_in_a_group_is_looked_up_whatever_the_client_asks_for(
    provider: OpenIDProvider, workspace: Workspace
) -> None:
    made = connector(provider, directory=workspace.directory(), groups=("ops@example.com",))
    identity = logged_in(made)
    assert identity.claims.groups == ("ops@example.com",)
    others = connector(provider, directory=workspace.directory(), groups=("nobody@example.com",))
    with pytest.raises(OAuthError) as refused:
        logged_in(others)
    assert refused.value.code == "access_denied"
    assert others.refresh_upstream(identity, frozenset(), now()) is None


@pytest.mark.parametrize(("verified", "groups"), [(True, ("authors@example.com", "ops@example.com")), (False, ())])
def test_somebody_elses_address_brings_none_of_their_groups(
    workspace: Workspace, verified: bool, groups: tuple[str, ...]
) -> None:
    with hostile_provider() as google:
        google.claims = {"email_verified": verified}
        google.attempt = an_attempt("groups")
        settings = GoogleSettings(
            Registration("sundial", CLIENT_SECRET, CALLBACK), issuer=google.api.url, directory=workspace.directory()
        )
        came_back = arrival(google.now, code="a-code")
        made = GoogleConnector("google", "Google", settings)
        assert made.finish(google.attempt, came_back).claims.groups == groups
        strict = GoogleConnector("google", "Google", replace(settings, groups=("ops@example.com",)))
        if verified:
            assert strict.finish(google.attempt, came_back).claims.groups == ("ops@example.com",)
        else:
            with pytest.raises(OAuthError) as refused:
                strict.finish(google.attempt, came_back)
            assert refused.value.code == "access_denied"


def test_a_refresh_asks_google_and_the_directory(provider: OpenIDProvider, workspace: Workspace) -> None:
    made = connector(provider, directory=workspace.directory())
    first = logged_in(made)
    provider.change("kilgore", {name: value for name, value in KILGORE.items() if name != "name"})
    second = made.refresh_upstream(first, frozenset(("groups",)), now())
    provider.change("kilgore", KILGORE)
    assert second is not None
    assert second.claims == first.claims, "Google doesn't always tell the name again"
    assert second.upstream != first.upstream
    workspace.api.routes["GET /admin/directory/v1/groups"] = Answer({"error": "busy"}, 503)
    with pytest.raises(InterruptedRefreshError) as interrupted:
        made.refresh_upstream(second, frozenset(("groups",)), now())
    assert interrupted.value.upstream != second.upstream
    assert interrupted.value.error.status == 503


def test_the_service_accounts_key_may_be_a_file(provider: OpenIDProvider, workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(workspace.service_account())
    made = connector(provider, directory=workspace.directory(service_account="", service_account_file=str(file)))
    assert len(logged_in(made).claims.groups) == 2


@pytest.mark.parametrize("account", ["", "{}", "not json", '{"client_email": 1}'])
def test_a_key_that_cannot_be_read_is_the_operators_to_mend(
    provider: OpenIDProvider, workspace: Workspace, account: str
) -> None:
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(provider, directory=workspace.directory(service_account=account)))
    assert (refused.value.code, refused.value.status) == ("server_error", 500)


def test_a_domain_without_an_administrator_is_the_operators_to_mend(
    provider: OpenIDProvider, workspace: Workspace
) -> None:
    made = workspace.directory(admins=MappingProxyType({"example.org": "admin@example.org"}))
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(provider, directory=made))
    assert refused.value.code == "server_error"
    anybody = workspace.directory(admins=MappingProxyType({"*": "admin@example.com"}))
    assert len(logged_in(connector(provider, directory=anybody)).claims.groups) == 2
