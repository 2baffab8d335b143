"""A bad network at every call of the browser's side: nobody is lost on the way, and nobody is logged in twice.

A login, its consent, a provider and the way back, a device's person, a logout: each attempt of each call fails in
each way, once or for good, and now and then the process ends there; the person loads the page again, or presses
the button of the page that says what went wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import pytest

from sundial.config.model import DEVICE_GRANT
from tests.support.browser import CALLBACK, Answer
from tests.support.crash_plans import FOR_GOOD, LASTING, Asked, Way, check_plan, check_two_that_hang, check_way, plans
from tests.support.crash_site import FOR_PEERS, PEERS, TABLE_EMAIL, CrashSite, Visitor
from tests.support.depth import DEEP
from tests.support.faults import Fault, Network

RING, READ, PUT, WRITE, TELL, KEY = (
    "GetSecretValue",
    "GetItem",
    "PutItem",
    "UpdateItem",
    "PutEvents",
    "GenerateDataKey",
)
DISCOVER, KEYS, REDEEM = "GET /.well-known/openid-configuration", "GET /jwks", "POST /token"


def leads_to(visitor: Visitor, client_id: str = "app", *, fragment: bool = False) -> Callable[[Answer], None]:
    """Return the check that the client gets its code, which is good, and that there is one login."""

    def settled(answer: Answer) -> None:
        assert answer.location == CALLBACK
        assert ("#" in answer.headers["Location"]) == fragment
        tokens = visitor.site.redeem(answer.answer["code"], client_id)
        login = visitor.site.check_one_login()
        assert "refresh_token" in tokens
        if "upstream" in login:
            assert visitor.site.kept(login) == visitor.site.provider.current

    return settled


def is_consent(visitor: Visitor, client_id: str = "app") -> Callable[[Answer], None]:
    """Return the check that the consent page comes, and nothing stands; and that its button leads to the client."""

    def settled(page: Answer) -> None:
        assert "approval" in page.body
        assert visitor.site.bench.take_items() == []
        leads_to(visitor, client_id)(visitor.press(page))

    return settled


def begins(site: CrashSite, client_id: str = "app", **request: str) -> Asked:
    visitor = Visitor(site, client_id=client_id, **request)

    def settled(answer: Answer) -> None:
        assert answer.location == "/auth/local/login"
        leads_to(visitor, client_id)(visitor.press(visitor.press(visitor.browser.follow(answer))))

    return visitor.asks(lambda: visitor.browser.get("/auth", visitor.request), settled)


def departs(site: CrashSite) -> Asked:
    visitor = Visitor(site, connector_id="up")
    return visitor.asks(
        lambda: visitor.browser.get("/auth", visitor.request),
        lambda answer: is_consent(visitor)(visitor.come_back(answer)),
    )


def comes_back(site: CrashSite, config: str = "") -> Asked:
    visitor = Visitor(site, config, connector_id="up")
    departure = visitor.begin()
    settled = is_consent(visitor) if not config else leads_to(visitor)
    return visitor.asks(lambda: visitor.come_back(departure), settled)


def logs_in(site: CrashSite, config: str = "", client_id: str = "app", **request: str) -> Asked:
    visitor = Visitor(site, config, client_id=client_id, **request)
    visitor.email = TABLE_EMAIL
    page = visitor.begin()
    settled = is_consent(visitor, client_id) if not config else leads_to(visitor)
    return visitor.asks(lambda: visitor.press(page), settled)


def consents(site: CrashSite, email: str = "", client_id: str = "app", **request: str) -> Asked:
    visitor = Visitor(site, client_id=client_id, **request)
    visitor.email = email or visitor.email
    page = visitor.log_in()
    return visitor.asks(lambda: visitor.press(page), leads_to(visitor, client_id, fragment="response_type" in request))


def of_a_device(site: CrashSite) -> tuple[Visitor, dict[str, Any]]:
    """Return a person, and the codes of the device before which they sit."""
    visitor = Visitor(site)
    codes = site.post("cli", "/device/code", scope="openid email offline_access").body
    visitor.user_code = codes["user_code"]
    return visitor, codes


def types_the_code(site: CrashSite) -> Asked:
    visitor, codes = of_a_device(site)
    page = visitor.browser.get("/device")

    def settled(answer: Answer) -> None:
        assert answer.location == "/auth"
        visitor.press(visitor.log_in_by("local", visitor.browser.follow(answer)))
        check_device(site, codes)

    return visitor.asks(lambda: visitor.press(page), settled)


def check_device(site: CrashSite, codes: Mapping[str, Any], error: str = "") -> None:
    """The device gets its tokens, or is told no."""
    answer = site.post("cli", grant_type=DEVICE_GRANT, device_code=codes["device_code"])
    assert answer.body.get("error", "") == error
    items = site.bench.take_items()
    assert len([item for item in items if "client_id" in item]) == (0 if error else 1)


def answers_the_device(site: CrashSite, *, yes: bool, connector: str = "local") -> Asked:
    visitor, codes = of_a_device(site)
    visitor.yes = yes
    consent = visitor.log_in_by(connector, visitor.browser.follow(visitor.type_code()))

    def settled(answer: Answer) -> None:
        assert answer.title == f"Device {'connected' if yes else 'denied'} · Sundial"
        check_device(site, codes, "" if yes else "access_denied")

    return visitor.asks(lambda: visitor.press(consent), settled)


def logs_out(site: CrashSite, connector_id: str = "local") -> Asked:
    visitor = Visitor(site)
    hint = site.tokens(connector_id)["id_token"]
    query = {"id_token_hint": hint, "post_logout_redirect_uri": "https://app.example.com/bye", "state": "s"}

    def settled(answer: Answer) -> None:
        if not answer.location.startswith(site.provider.hostile.api.url):
            assert answer.headers["Location"] == "https://app.example.com/bye?state=s"
        site.check_one_login(revoked=True)

    return visitor.asks(lambda: visitor.browser.get("/logout", query), settled)


def ways(site: CrashSite) -> Mapping[str, Way]:
    """Return every way through the functions `authorize` and `device` on which a call is made."""
    a, b = site.config, site.without_consent
    redeemed = {2: 400}  # the provider's code is good once: the page says to begin again
    return {
        "a login begins": Way(a, (RING,), partial(begins, site), 303, cold=True),
        "a login begins for a client of the table": Way(
            a, (READ, READ, RING), partial(begins, site, "table-app"), 303, cold=True
        ),
        "a user of the table logs in": Way(a, (READ,), partial(logs_in, site)),
        "a user of the table logs in, and is not asked": Way(b, (READ, PUT), partial(logs_in, site, b), 303),
        "a user is asked for tokens for clients of the table": Way(
            a,
            (READ, READ, READ, *(READ for _ in PEERS)),
            partial(logs_in, site, client_id="table-app", scope=FOR_PEERS),
            in_passing=frozenset(range(3, 3 + len(PEERS))),
        ),
        "a user of the file consents": Way(a, (PUT,), partial(consents, site), 303),
        "a user of the table consents": Way(a, (READ, PUT), partial(consents, site, TABLE_EMAIL), 303),
        "a user of a provider consents to offline_access": Way(
            a, (KEY, PUT), partial(consents, site, connector_id="up"), 303
        ),
        "a user consents to tokens for clients of the table": Way(
            a,
            (READ, READ, PUT, *(READ for _ in PEERS)),
            partial(consents, site, client_id="table-app", response_type="code id_token token", scope=FOR_PEERS),
            303,
            in_passing=frozenset(range(3, 3 + len(PEERS))),
        ),
        "the browser goes to a provider": Way(a, (DISCOVER,), partial(departs, site), 303),
        "the browser comes back from a provider": Way(
            a, (DISCOVER, KEYS, REDEEM), partial(comes_back, site), used_up=redeemed
        ),
        "the browser comes back from a provider, and nobody is asked": Way(
            b,
            (DISCOVER, KEYS, REDEEM, KEY, PUT),
            partial(comes_back, site, b),
            303,
            used_up={**redeemed, 3: 400, 4: 400},
        ),
        "a person types the code of a device": Way(a, (WRITE, READ, READ), partial(types_the_code, site), 303),
        "a person allows a device": Way(a, (PUT,), partial(answers_the_device, site, yes=True)),
        "a user of a provider allows a device": Way(
            a, (KEY, PUT), partial(answers_the_device, site, yes=True, connector="up")
        ),
        "a person denies a device": Way(a, (WRITE,), partial(answers_the_device, site, yes=False)),
        "a user logs out": Way(a, (WRITE, TELL), partial(logs_out, site), 303),
        "a user logs out, at their provider too": Way(
            a, (WRITE, TELL, DISCOVER), partial(logs_out, site, "up"), 303, in_passing=frozenset((2,))
        ),
    }


NAMES = (
    "a login begins",
    "a login begins for a client of the table",
    "a user of the table logs in",
    "a user of the table logs in, and is not asked",
    "a user is asked for tokens for clients of the table",
    "a user of the file consents",
    "a user of the table consents",
    "a user of a provider consents to offline_access",
    "a user consents to tokens for clients of the table",
    "the browser goes to a provider",
    "the browser comes back from a provider",
    "the browser comes back from a provider, and nobody is asked",
    "a person types the code of a device",
    "a person allows a device",
    "a user of a provider allows a device",
    "a person denies a device",
    "a user logs out",
    "a user logs out, at their provider too",
)


@pytest.mark.parametrize("name", NAMES)
def test_when_all_goes_well_these_are_the_calls(site: CrashSite, name: str) -> None:
    check_way(site.bench, ways(site)[name])


@pytest.mark.parametrize("name", NAMES)
def test_whatever_goes_wrong_at_one_call_the_person_comes_through(site: CrashSite, name: str) -> None:
    way = ways(site)[name]
    for nth, plan in enumerate(plans(way.calls, NAMES.index(name))):
        for by_page in (True, False) if DEEP else (nth % 2 == 0,):
            site.bench.take_items()
            check_plan(site.bench, way, plan, by_page=by_page)


def test_a_function_that_cannot_read_its_keys_when_it_starts_says_so_and_has_used_nothing_up(site: CrashSite) -> None:
    for fault in LASTING:
        check_plan(site.bench, ways(site)["a login begins"], {0: (fault,) * FOR_GOOD})
        site.bench.take_items()


@pytest.mark.parametrize("name", NAMES)
def test_two_calls_that_hang_still_end_in_an_answer_within_the_functions_timeout(site: CrashSite, name: str) -> None:
    check_two_that_hang(site.bench, ways(site)[name])


def test_a_request_that_cannot_be_checked_goes_back_to_the_client_that_may_come_again(site: CrashSite) -> None:
    """RFC 6749 §4.1.2.1: by then its address is known, and there is an error code for it."""
    calls = (READ, READ, *(READ for _ in PEERS), RING)
    for number in range(2, len(calls) - 1):
        visitor = Visitor(site, client_id="table-app", scope=FOR_PEERS)
        network = Network({number: (Fault.THROTTLED,) * FOR_GOOD})
        visitor.browser.world = cast(Any, site.bench.machine(site.config, network))
        answer = visitor.browser.get("/auth", visitor.request)
        assert answer.location == CALLBACK
        assert answer.answer["error"] == "temporarily_unavailable"
        site.bench.now += 1
        visitor.browser.world = cast(Any, site.machine())
        leads_to(visitor, "table-app")(visitor.press(visitor.log_in()))
