"""What a client of the table may say: what one of the file may, and no lifetime beyond the configuration's longest."""

from __future__ import annotations

from typing import Any

import pytest

from sundial.clients.document import check
from sundial.config.model import Config
from tests.support.clients import a_client
from tests.support.config import APP, make_config

LIMITED = APP + "expiry: {idTokens: 1h, refreshTokens: {absoluteLifetime: 100h}}\n"


def problems(config: Config | None = None, **document: Any) -> list[tuple[str, str]]:
    """Return the key and the message of each problem of a client with `document`."""
    _, found = check(a_client(**document).document, config or make_config())
    return [(problem.key, problem.message) for problem in found]


def test_a_good_client_has_no_problem() -> None:
    client, found = check(a_client(name="Good").document, make_config())
    assert found == []
    assert client is not None
    assert client.name == "Good"


def test_every_problem_is_named_as_the_client_has_it() -> None:
    found = problems(redirectURIs=["callback"], allowedConnectors=["github"], nmae="x", expiry={"idTokens": "90d"})
    assert [key for key, _ in found] == ["redirectURIs[0]", "expiry.idTokens", "nmae", "allowedConnectors[0]"]


def test_a_public_client_has_no_secret_and_another_one_has() -> None:
    assert [key for key, _ in problems(public=True)] == ["secretHash"]
    assert problems(public=True, secretHash=None) == []
    assert [key for key, _ in problems(secretHash=None)] == ["secretHash"]


def test_a_dollar_sign_is_a_dollar_sign_and_no_way_into_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/root")
    client, found = check(a_client(name="$HOME costs $5", logoURL="https://x.example/${HOME}").document, make_config())
    assert found == []
    assert client is not None
    assert (client.name, client.logo_url) == ("$HOME costs $5", "https://x.example/${HOME}")


@pytest.mark.parametrize("id_tokens", ["1h", "59m", "1s"])
def test_tokens_may_live_as_long_as_the_longest_of_the_configuration(id_tokens: str) -> None:
    assert problems(make_config(LIMITED), expiry={"idTokens": id_tokens}) == []


def test_tokens_may_not_live_longer_than_the_longest_of_the_configuration() -> None:
    ((key, message),) = problems(make_config(LIMITED), expiry={"idTokens": "1h1s"})
    assert key == "expiry.idTokens"
    assert message == "is longer than 1h, and the signing keys of the deployed configuration are kept for no longer"


def test_the_longest_lifetime_is_the_longest_of_any_client_of_the_file() -> None:
    longer = make_config(LIMITED.replace("expiry: {id", "    expiry: {idTokens: 3h}\nexpiry: {id"))
    assert problems(longer, expiry={"idTokens": "3h"}) == []
    assert problems(longer, expiry={"idTokens": "4h"}) != []


@pytest.mark.parametrize(
    "refresh_tokens",
    [
        {"absoluteLifetime": "100h"},
        {"absoluteLifetime": "1h"},
        {"validIfNotUsedFor": "200h"},
        {"absoluteLifetime": "0", "validIfNotUsedFor": "90h", "reuseInterval": "10h"},
    ],
)
def test_a_refresh_token_may_live_as_long_as_the_longest_of_the_configuration(refresh_tokens: dict[str, str]) -> None:
    assert problems(make_config(LIMITED), expiry={"refreshTokens": refresh_tokens}) == []


@pytest.mark.parametrize(
    "refresh_tokens",
    [
        {"absoluteLifetime": "101h"},
        {"absoluteLifetime": "0"},
        {"absoluteLifetime": "0", "validIfNotUsedFor": "90h", "reuseInterval": "11h"},
        {"absoluteLifetime": "0", "validIfNotUsedFor": "90h", "disableRotation": True},
    ],
)
def test_a_refresh_token_may_not_live_longer(refresh_tokens: dict[str, Any]) -> None:
    ((key, message),) = problems(make_config(LIMITED), expiry={"refreshTokens": refresh_tokens})
    assert key == "expiry.refreshTokens"
    assert "for longer than 100h" in message


def test_where_refresh_tokens_are_immortal_anyway_a_client_may_say_what_it_likes() -> None:
    assert problems(expiry={"refreshTokens": {"absoluteLifetime": "900000h"}}) == []


def test_no_problem_shows_a_secret() -> None:
    _, found = check(a_client(public=True, secret="in-clear-for-once").document, make_config())
    assert "in-clear-for-once" not in str(found)
    assert a_client().document["secretHash"] not in str(found)
