"""The whole way: a browser logs in at a provider that nobody here wrote, and a client refreshes through it.

The real functions over real tables and a real KMS; every network call of theirs is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from sundial.discovery.documents import openid_configuration
from tests.support.browser import REQUEST
from tests.support.deployed import deployed
from tests.support.events import http_event
from tests.support.provider_site import AFTERWARDS, CONFIG, SCOPE, ProviderSite, answer_of, claims_of
from tests.support.stack import OwnStack
from tests.support.upstream import (
    AFTER_LOGOUT,
    CLIENT_ID,
    CLIENT_SECRET,
    KILGORE,
    OpenIDProvider,
    Visitor,
    openid_provider,
)

CONNECTOR = f"""\
connectors:
  - type: oidc
    id: up
    name: The Provider
    config:
      issuer: {{issuer}}
      clientID: {CLIENT_ID}
      clientSecret: $UPSTREAM_SECRET
      scopes: [profile, email, offline_access]
      insecureEnableGroups: true
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIDProvider]:
    with openid_provider() as running:
        yield running


@pytest.fixture
def site(stack: OwnStack, provider: OpenIDProvider, tmp_path: Path) -> ProviderSite:
    provider.change("kilgore", KILGORE)
    text = CONFIG + CONNECTOR.format(issuer=provider.issuer)
    return ProviderSite(deployed(stack, tmp_path, text, UPSTREAM_SECRET=CLIENT_SECRET))


def test_a_login_and_its_refreshes_show_the_user_as_the_provider_knows_them(
    site: ProviderSite, provider: OpenIDProvider
) -> None:
    first = site.log_in()
    assert (first["status"], set(first["scope"].split())) == (200, set(SCOPE.split()))
    claims = claims_of(first)
    assert (claims["name"], claims["email"], claims["groups"]) == (
        "Kilgore Trout",
        "kilgore@example.com",
        ["authors", "ops"],
    )
    assert claims["nonce"] == REQUEST["nonce"]
    provider.change("kilgore", {**KILGORE, "groups": ["ops"]})
    token = first["refresh_token"]
    for _ in range(3):
        site.ahead += 31
        answer = site.refresh(token)
        assert answer["status"] == 200
        assert claims_of(answer)["groups"] == ["ops"]
        assert answer["refresh_token"] != token
        token = answer["refresh_token"]


def test_the_network_calls_of_each_step(site: ProviderSite) -> None:
    site.new_calls()
    code = site.code()
    assert site.new_calls() == ["GetSecretValue", "GenerateDataKey", "PutItem"]
    first = site.redeem(code)
    assert site.new_calls() == ["UpdateItem"]
    assert site.refresh(first["refresh_token"])["status"] == 200
    assert site.new_calls() == ["UpdateItem"], "a token at rest"
    site.ahead += 31
    assert site.refresh(first["refresh_token"])["status"] == 200
    assert site.new_calls() == ["UpdateItem", "Decrypt", "UpdateItem"]
    assert site.refresh(first["refresh_token"])["status"] == 200
    assert site.new_calls() == ["UpdateItem"], "a retry"


def test_of_many_refreshes_at_once_one_asks_the_provider_whose_tokens_are_good_once(site: ProviderSite) -> None:
    first = site.log_in()
    site.ahead += 31
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: site.refresh(first["refresh_token"]), range(8)))
    assert {answer["status"] for answer in answers} == {200}
    assert len({answer["refresh_token"] for answer in answers}) == 1
    site.ahead += 31
    assert site.refresh(answers[0]["refresh_token"])["status"] == 200


def test_a_user_who_is_gone_upstream_is_gone_here(site: ProviderSite, provider: OpenIDProvider) -> None:
    first = site.log_in()
    provider.change("kilgore", None)
    site.ahead += 31
    for _ in range(2):
        answer = site.refresh(first["refresh_token"])
        assert (answer["status"], answer["error"]) == (400, "invalid_grant")


def test_nothing_of_the_provider_is_in_clear_in_the_table(site: ProviderSite, stack: OwnStack) -> None:
    site.log_in()
    (item,) = stack.dynamodb.scan(TableName=stack.families_table)["Items"]
    assert set(item["upstream"]["M"]) == {"key", "data"}
    assert b"refresh_token" not in item["upstream"]["M"]["data"]["B"]


def test_discovery_says_what_the_connectors_can_do(site: ProviderSite) -> None:
    assert "offline_access" in openid_configuration(site.deployment.config)["scopes_supported"]


def test_a_logout_ends_the_login_here_and_the_session_at_the_provider_and_comes_back(
    site: ProviderSite, provider: OpenIDProvider
) -> None:
    person = Visitor()
    first, second = site.log_in(person), site.log_in(person)
    assert person.logins == 1, "the provider knows them by its own cookie"
    asked = {"id_token_hint": first["id_token"], "post_logout_redirect_uri": AFTERWARDS, "state": "s/1"}
    away = site.authorize(http_event("GET /logout", query=asked))
    assert away["headers"]["Location"].startswith(f"{provider.issuer}/session/end?")
    assert first["id_token"] not in away["headers"]["Location"]
    cookies = [cookie.partition(";")[0] for cookie in away["cookies"]]
    assert person.go(away["headers"]["Location"], AFTER_LOGOUT) == AFTER_LOGOUT
    back = site.authorize(http_event("GET /logout", cookies=cookies))
    assert (back["headers"]["Location"], answer_of(back)) == (
        f"{AFTERWARDS}?{urlencode({'state': 's/1'})}",
        {"state": "s/1"},
    )
    site.ahead += 31
    assert site.refresh(first["refresh_token"])["error"] == "invalid_grant"
    site.log_in(person)
    assert person.logins == 2, "the provider has to ask again"
    assert site.refresh(second["refresh_token"])["status"] == 200, "their other login, which nobody has ended"
