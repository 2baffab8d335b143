"""The `google` connector: OpenID Connect at npm's oidc-provider, and a directory in the shape of Google Workspace's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sundial.connectors.base import Identity, InterruptedRefreshError, TokenExchange, UpstreamRefresh
from sundial.connectors.google import Directory, GoogleConnector, GoogleSettings
from sundial.connectors.settings import Registration
from sundial.errors import OAuthError
from tests.support.api_upstream import Answer, ApiUpstream, Came, api_upstream
from tests.support.leak_watch import LEAKS
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

KEY = rsa.generate_private_key(65537, 2048)
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
def workspace() -> Iterator[ApiUpstream]:
    with api_upstream() as api:
        api.routes |= {"POST /token": grant, "GET /admin/directory/v1/groups": groups}
        yield api


def grant(came: Came) -> object:
    assert came.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(came.form["assertion"], KEY.public_key(), algorithms=["RS256"], options={"verify_aud": False})
    assert claims["scope"] == "https://www.googleapis.com/auth/admin.directory.group.readonly"
    return {"access_token": f"for {claims['sub']}", "expires_in": 3599, "token_type": "Bearer"}


def groups(came: Came) -> object:
    if came.token != "for admin@example.com":
        return Answer({"error": {"code": 403}}, 403)
    member, page = came.query["userKey"], int(came.query.get("pageToken", "0"))
    found = MEMBERSHIPS.get(member, [])
    document: dict[str, object] = {"kind": "admin#directory#groups"}
    if found:
        document["groups"] = [{"email": found[page], "name": "a group"}]
    if page + 1 < len(found):
        document["nextPageToken"] = str(page + 1)
    return document


def service_account(workspace: ApiUpstream) -> str:
    pem = KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    LEAKS.secret("a service account's key", pem.splitlines()[1])
    account = {"client_email": "sundial@project.iam", "private_key": pem, "token_uri": f"{workspace.url}/token"}
    return json.dumps({**account, "private_key_id": "k1", "type": "service_account"})


def directory(workspace: ApiUpstream, **changes: object) -> Directory:
    made = Directory(
        MappingProxyType({"example.com": "admin@example.com"}), service_account(workspace), url=workspace.url
    )
    return replace(made, **changes)  # type: ignore[arg-type]


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


def test_groups_come_from_the_directory_over_its_pages(provider: OpenIDProvider, workspace: ApiUpstream) -> None:
    made = connector(provider, directory=directory(workspace))
    assert logged_in(made).claims.groups == ("authors@example.com", "ops@example.com")
    assert workspace.paths().count("POST /token") == 1


def test_groups_of_groups_are_each_found_once_though_they_go_in_a_circle(
    provider: OpenIDProvider, workspace: ApiUpstream
) -> None:
    made = connector(provider, directory=directory(workspace, transitive=True))
    assert logged_in(made).claims.groups == ("authors@example.com", "ops@example.com", "people@example.com")


def test_pages_without_an_end_are_given_up(provider: OpenIDProvider, workspace: ApiUpstream) -> None:
    workspace.routes["GET /admin/directory/v1/groups"] = {"groups": [{"email": "a@b"}], "nextPageToken": "again"}
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(provider, directory=directory(workspace)))
    assert "without an end" in refused.value.detail


def test_who_must_be_in_a_group_is_looked_up_whatever_the_client_asks_for(
    provider: OpenIDProvider, workspace: ApiUpstream
) -> None:
    made = connector(provider, directory=directory(workspace), groups=("ops@example.com",))
    identity = logged_in(made)
    assert identity.claims.groups == ("ops@example.com",)
    others = connector(provider, directory=directory(workspace), groups=("nobody@example.com",))
    with pytest.raises(OAuthError) as refused:
        logged_in(others)
    assert refused.value.code == "access_denied"
    assert others.refresh_upstream(identity, frozenset(), now()) is None


def test_a_refresh_asks_google_and_the_directory(provider: OpenIDProvider, workspace: ApiUpstream) -> None:
    made = connector(provider, directory=directory(workspace))
    first = logged_in(made)
    provider.change("kilgore", {name: value for name, value in KILGORE.items() if name != "name"})
    second = made.refresh_upstream(first, frozenset(("groups",)), now())
    provider.change("kilgore", KILGORE)
    assert second is not None
    assert second.claims == first.claims, "Google doesn't always tell the name again"
    assert second.upstream != first.upstream
    workspace.routes["GET /admin/directory/v1/groups"] = Answer({"error": "busy"}, 503)
    with pytest.raises(InterruptedRefreshError) as interrupted:
        made.refresh_upstream(second, frozenset(("groups",)), now())
    assert interrupted.value.upstream != second.upstream
    assert interrupted.value.error.status == 503


def test_the_service_accounts_key_may_be_a_file(
    provider: OpenIDProvider, workspace: ApiUpstream, tmp_path: Path
) -> None:
    file = tmp_path / "key.json"
    file.write_text(service_account(workspace))
    made = connector(provider, directory=directory(workspace, service_account="", service_account_file=str(file)))
    assert len(logged_in(made).claims.groups) == 2


@pytest.mark.parametrize("account", ["", "{}", "not json", '{"client_email": 1}'])
def test_a_key_that_cannot_be_read_is_the_operators_to_mend(
    provider: OpenIDProvider, workspace: ApiUpstream, account: str
) -> None:
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(provider, directory=directory(workspace, service_account=account)))
    assert (refused.value.code, refused.value.status) == ("server_error", 500)


def test_a_domain_without_an_administrator_is_the_operators_to_mend(
    provider: OpenIDProvider, workspace: ApiUpstream
) -> None:
    made = directory(workspace, admins=MappingProxyType({"example.org": "admin@example.org"}))
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(provider, directory=made))
    assert refused.value.code == "server_error"
    anybody = directory(workspace, admins=MappingProxyType({"*": "admin@example.com"}))
    assert len(logged_in(connector(provider, directory=anybody)).claims.groups) == 2
