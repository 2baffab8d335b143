"""The `authproxy` connector: what a proxy says in headers counts, and what anybody else says doesn't."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from sundial.config.problems import Severity
from sundial.connectors.authproxy import AuthProxyConnector, AuthProxySettings
from sundial.connectors.base import (
    Arrival,
    Attempt,
    Groups,
    Lookup,
    PasswordLogin,
    RedirectLogin,
    Refreshable,
    UpstreamRefresh,
)
from sundial.errors import OAuthError
from sundial.expiry.family import Claims
from tests.support.browser import CALLBACK, Answer, Browser, BrowserWorld
from tests.support.config import make_config, problems_of
from tests.support.leak_watch import LEAKS

NOW = 1_800_000_000
SECRET, FORMER = "the secret of the proxy, of forty letters", "the one before it, as long as that or so"
ATTEMPT = Attempt("https://id.example.com/callback", frozenset(("openid",)), "seed")
PROXY = {"x-remote-secret": SECRET}
JANE = {**PROXY, "x-remote-user": "jane"}


def connector(**settings: Any) -> AuthProxyConnector:
    for secret in (SECRET, FORMER):
        LEAKS.secret("the secret of a proxy", secret)
    return AuthProxyConnector("proxy", "The Proxy", AuthProxySettings(**{"secrets": (SECRET,), **settings}))


def claims_of(headers: Mapping[str, str], **settings: Any) -> Claims:
    return connector(**settings).finish(ATTEMPT, Arrival({}, headers, NOW, own_path=True)).claims


def refusal(headers: Mapping[str, str], *, own_path: bool = True) -> OAuthError:
    with pytest.raises(OAuthError) as refused:
        connector().finish(ATTEMPT, Arrival({}, headers, NOW, own_path=own_path))
    return refused.value


def test_it_can_do_what_its_type_says() -> None:
    made = connector()
    assert isinstance(made, RedirectLogin)
    assert isinstance(made, Groups)
    assert not isinstance(made, PasswordLogin | Refreshable | UpstreamRefresh | Lookup)


def test_the_browser_is_sent_to_the_path_that_the_proxy_guards() -> None:
    departure = connector().begin(ATTEMPT, "a state&", NOW)
    assert departure.url == "https://id.example.com/callback/proxy?state=a+state%26"
    assert not departure.form


def test_a_user_name_is_enough_and_stands_for_the_rest() -> None:
    assert claims_of(JANE) == Claims("jane", "jane", "jane", "jane", email_verified=True)


def test_every_header_that_dex_has() -> None:
    headers = {
        **JANE,
        "x-remote-user-id": "17",
        "x-remote-user-name": "Jane Doe",
        "x-remote-user-email": "jane@example.com",
        "x-remote-group": "devs, staff,,devs",
    }
    told = Claims("17", "jane", "Jane Doe", "jane@example.com", email_verified=True, groups=("devs", "staff", "all"))
    assert claims_of(headers, static_groups=("all", "staff")) == told
    other = claims_of({**JANE, "x-groups": "a,b;c"}, group_header="x-groups", group_separator=";")
    assert other.groups == ("a,b", "c")


@pytest.mark.parametrize("sent", [None, "", "wrong", SECRET[:-1], f"wrong,{SECRET}", f"{SECRET},{SECRET}", "sécret"])
def test_without_the_secret_nobody_is_believed(sent: str | None) -> None:
    headers = {"x-remote-user": "admin"} | ({} if sent is None else {"x-remote-secret": sent})
    error = refusal(headers)
    assert (error.status, error.code) == (403, "access_denied")
    assert SECRET not in str(error)


def test_two_secrets_are_good_while_one_takes_the_place_of_the_other() -> None:
    for sent in (SECRET, FORMER):
        assert claims_of({**JANE, "x-remote-secret": sent}, secrets=(SECRET, FORMER)).user_id == "jane"


def test_the_secret_counts_on_the_connectors_own_path_alone() -> None:
    assert refusal(JANE, own_path=False).status == 403


@pytest.mark.parametrize("header", ["x-remote-user", "x-remote-user-id", "x-remote-user-name", "x-remote-user-email"])
def test_a_header_that_was_sent_twice_is_not_the_proxys_alone(header: str) -> None:
    error = refusal({**JANE, header: "admin,jane"})
    assert (error.status, error.detail) == (502, f"authproxy: {header} was sent twice, or holds a comma")


def test_a_proxy_that_names_nobody_is_not_believed() -> None:
    for headers in (PROXY, {**PROXY, "x-remote-user": " "}, {**PROXY, "x-remote-user-id": "17"}):
        assert refusal(headers).status == 502


# Through the pages


def sent_back(browser: Browser, path: str, headers: Mapping[str, str]) -> Answer:
    """Begin a login, and come back to `path` with what the proxy, or whoever else, adds."""
    away = browser.authorize(connector_id="proxy")
    assert away.status == 303
    url = urlsplit(away.headers["Location"])
    assert url.path == "/callback/proxy"
    return browser.get(path, url.query, headers=headers)


def test_a_whole_login() -> None:
    browser = Browser(BrowserWorld(more=[connector()]))
    consent = sent_back(browser, "/callback/proxy", JANE)
    assert "jane" in consent.text
    back = browser.approve(consent)
    assert (back.status, back.location) == (303, CALLBACK)


def test_a_path_that_the_proxy_does_not_guard_logs_nobody_in() -> None:
    """The proxy sends its secret, and the headers that the user sent: it looks after its own path alone."""
    browser = Browser(BrowserWorld(more=[connector()]))
    assert sent_back(browser, "/callback", {**JANE, "x-remote-user": "admin"}).status == 403
    assert sent_back(browser, "/callback/local", JANE).status == 400


# Settings


def settings_of(text: str, **environment: str) -> AuthProxySettings:
    whole = f"issuer: https://id.example.com\nconnectors: [{{type: authproxy, id: p, name: P, config: {{{text}}}}}]"
    read = make_config(whole, environment).connectors[0].config
    assert isinstance(read, AuthProxySettings)
    return read


def problems(text: str) -> list[tuple[Severity, str, str]]:
    found = problems_of(f"connectors: [{{type: authproxy, id: p, name: P, config: {{{text}}}}}]")
    assert not [problem for problem in found if "hunter2" in str(problem)]
    return [(one.severity, one.key.removeprefix("connectors[0].config."), one.message) for one in found]


def test_every_setting_is_read_and_headers_are_found_in_any_case() -> None:
    text = """proxySecret: $NEW, formerProxySecret: $OLD, proxySecretHeader: X-Proof, userHeader: X-User,
        userIDHeader: X-Id, userNameHeader: X-Name, emailHeader: X-Email, groupHeader: X-Groups,
        groupHeaderSeparator: ;, staticGroups: [all]"""
    assert settings_of(text, NEW=SECRET, OLD=FORMER) == AuthProxySettings(
        (SECRET, FORMER), "x-proof", "x-id", "x-user", "x-name", "x-email", "x-groups", ";", ("all",)
    )
    assert settings_of("proxySecret: $NEW", NEW=SECRET) == AuthProxySettings((SECRET,))


def test_without_a_secret_the_file_is_refused() -> None:
    without = "is missing: without it, anybody could say in a header who they are"
    assert problems("userHeader: X-User") == [(Severity.ERROR, "proxySecret", without)]


def test_what_cannot_work_is_refused() -> None:
    assert problems("proxySecret: hunter2") == [
        (Severity.WARNING, "proxySecret", "is a secret in clear"),
        (Severity.ERROR, "proxySecret", "is shorter than 32 characters"),
    ]
    assert (Severity.ERROR, "userHeader", "is not the name of a header") in problems("userHeader: 'X User'")
    assert (Severity.ERROR, "groupsHeader", "is an unknown key") in problems("groupsHeader: X")


def test_no_secret_shows_in_a_representation() -> None:
    assert SECRET not in repr(AuthProxySettings((SECRET,)))
