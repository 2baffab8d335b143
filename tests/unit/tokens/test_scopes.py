"""What a client may ask for, whatever it writes (RFC 6749 §3.3, RFC 8707 §2; Dex: trustedPeers)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundial.config.model import Client
from sundial.errors import OAuthError
from sundial.tokens.device_codes import mint_device_code
from sundial.tokens.opaque import Kind, mint
from sundial.tokens.resources import check_granted, is_resource, read_resources, target_of
from sundial.tokens.scopes import CROSS_CLIENT, SCOPES, AskedScope, read_scope, trusting
from tests.support.families import LOGIN_AT, MAC_KEY, a_family

T = TypeVar("T")

API, FILES = "https://api.example.com", "https://files.example.com/v1"
APP = Client("app", resources=(API, FILES))
CLIENTS: Mapping[str, Client] = {
    "app": APP,
    "one": Client("one", trusted_peers=("app",)),
    "two": Client("two", trusted_peers=("app", "other")),
    "other": Client("other", trusted_peers=("one",)),
}


def peer(client_id: str) -> str:
    return f"{CROSS_CLIENT}{client_id}"


words = st.one_of(st.sampled_from(SCOPES), st.sampled_from([peer(one) for one in CLIENTS]), st.text(max_size=40))


def tried(call: Callable[[], T]) -> T | OAuthError:
    """Return what a call comes to, or the error that it raises."""
    try:
        return call()
    except OAuthError as error:
        return error


@given(st.lists(words, max_size=70).map(" ".join))
def test_whatever_is_asked_comes_to_what_is_known_and_trusted_or_to_an_invalid_scope(scope: str) -> None:
    asked = tried(lambda: read_scope(scope, APP, CLIENTS.get))
    if isinstance(asked, OAuthError):
        assert asked.code == "invalid_scope"
        assert asked.description.isascii()
        assert len(asked.description) < 10_000
    else:
        assert asked.scopes == frozenset(scope.split())
        assert asked.scopes <= {*SCOPES, peer("app"), peer("one"), peer("two")}
        assert {peer(one) for one in asked.peers} == asked.scopes - {*SCOPES, peer("app")}


@pytest.mark.parametrize(
    "misplaced",
    [
        mint(Kind.REFRESH_TOKEN, MAC_KEY, a_family(), 1),
        mint(Kind.AUTHORIZATION_CODE, MAC_KEY, a_family(), 1),
        mint_device_code(MAC_KEY, "app", LOGIN_AT, LOGIN_AT)[0],
    ],
)
def test_a_token_that_a_client_writes_into_its_scope_is_not_repeated(misplaced: str) -> None:
    refused = tried(lambda: read_scope(f"openid {misplaced} write", APP, CLIENTS.get))
    assert isinstance(refused, OAuthError)
    assert "write" in refused.description
    assert misplaced not in refused.description


def test_the_peers_stand_in_the_order_asked_each_once_and_never_the_client_itself() -> None:
    scope = f"openid {peer('two')} {peer('app')} {peer('one')} {peer('two')}"
    assert read_scope(scope, APP, CLIENTS.get).peers == ("two", "one")


def test_trust_is_the_peers_to_give_and_goes_one_way() -> None:
    with pytest.raises(OAuthError):
        read_scope(peer("app"), CLIENTS["one"], CLIENTS.get)
    assert read_scope(peer("one"), CLIENTS["other"], {**CLIENTS, "one": Client("one", trusted_peers=("other",))}.get)


def test_only_the_peers_that_the_scopes_name_and_that_still_trust_the_client_remain() -> None:
    scopes = frozenset(("openid", peer("one"), peer("two")))
    assert trusting(scopes, ("two", "one"), APP, CLIENTS.get) == AskedScope(scopes, ("two", "one"))
    assert trusting(scopes - {peer("two")}, ("two", "one"), APP, CLIENTS.get).peers == ("one",)
    without = {**CLIENTS, "one": Client("one")}
    assert trusting(scopes, ("two", "one"), APP, without.get) == AskedScope(scopes - {peer("one")}, ("two",))


@pytest.mark.parametrize(
    "text", [API, "https://api.example.com/a?b=c", "urn:example:api", "https://[2001:db8::1]/x", "api:x"]
)
def test_a_resource_is_an_absolute_uri(text: str) -> None:
    assert is_resource(text)


@pytest.mark.parametrize(
    "text", ["", "api", "/api", "https:", API + "#", "https://a b", "https://ä", "1:x", 'x:"', "x:<y>"]
)
def test_and_nothing_else(text: str) -> None:
    assert not is_resource(text)


@given(st.lists(st.one_of(st.sampled_from([API, FILES]), st.text(max_size=30)), max_size=20).map(" ".join))
def test_whatever_is_named_comes_to_the_clients_resources_or_to_an_invalid_target(resource: str) -> None:
    asked = tried(lambda: read_resources(resource, APP))
    if isinstance(asked, OAuthError):
        assert asked.code == "invalid_target"
        assert asked.description.isprintable()
    else:
        assert set(asked) == set(resource.split()) <= {API, FILES}
        assert len(set(asked)) == len(asked)


def test_a_login_that_named_no_resource_leaves_it_open() -> None:
    check_granted((API,), ())
    check_granted((API,), (FILES, API))
    with pytest.raises(OAuthError) as refusal:
        check_granted((API, FILES), (FILES,))
    assert refusal.value.code == "invalid_target"


def test_a_token_is_for_what_is_asked_now_or_else_for_what_the_login_was_as_far_as_the_client_still_may() -> None:
    assert target_of(APP, (FILES,), (API, FILES)) == (FILES,)
    assert target_of(APP, (), (FILES, API)) == (FILES, API)
    assert target_of(APP, (), (FILES, "https://gone.example.com")) == (FILES,)
    assert target_of(APP, (), ()) == ()
