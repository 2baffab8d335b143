"""A bad network wherever a token is shown, revoked or exchanged, a device polls, or a client of the table comes.

Userinfo, introspection, revocation, token exchange, the password grant, a device's codes: each attempt of each call
fails in each way, once or for good, and now and then the process ends there; then the same request comes again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from sundial.config.model import DEVICE_GRANT
from tests.support.browser import PASSWORD
from tests.support.crash_plans import FOR_GOOD, LASTING, Asked, Way, check_plan, check_two_that_hang, check_way, plans
from tests.support.crash_site import FOR_PEERS, PEERS, TABLE_EMAIL, CrashSite
from tests.support.crash_world import LAMBDA_TIMEOUT, Response, in_json
from tests.support.events import http_event
from tests.support.families import LOGIN_AT
from tests.support.faults import Fault, Network
from tests.support.grants_world import ACCESS_TOKEN, EXCHANGE, ID_TOKEN
from tests.support.token_world import Answer

RING, READ, READ_ALL, PUT, WRITE, TELL = (
    "GetSecretValue",
    "GetItem",
    "BatchGetItem",
    "PutItem",
    "UpdateItem",
    "PutEvents",
)
DISCOVER, KEYS = "GET /.well-known/openid-configuration", "GET /jwks"


def userinfo(site: CrashSite) -> Asked:
    token = fresh(site).tokens()["access_token"]

    def settled(response: Response) -> None:
        assert in_json(response).body["email"] == "admin@example.com"
        site.check_one_login()

    return Asked(of_bearer(token), settled)


def of_bearer(token: str) -> Mapping[str, Any]:
    return http_event("GET /userinfo", headers={"Authorization": f"Bearer {token}"})


def fresh(site: CrashSite) -> CrashSite:
    """Return the site as it was when nobody had come."""
    site.bench.now = LOGIN_AT
    site.provider.begin()
    return site


def introspects(site: CrashSite, kind: str) -> Asked:
    token = fresh(site).tokens()[kind]

    def settled(response: Response) -> None:
        assert in_json(response).body["active"]
        site.check_one_login()

    return Asked(site.form(path="/token/introspect", token=token), settled)


def revokes_a_login(site: CrashSite) -> Asked:
    token = fresh(site).tokens()["refresh_token"]

    def settled(_: Response) -> None:
        assert site.post(grant_type="refresh_token", refresh_token=token).error == (400, "invalid_grant")
        site.check_one_login(revoked=True)

    return Asked(site.form(path="/token/revoke", token=token), settled)


def revokes_a_token(site: CrashSite) -> Asked:
    tokens = fresh(site).tokens()

    def settled(_: Response) -> None:
        refused = site.machine().send(of_bearer(tokens["access_token"]))
        assert refused is not None
        assert in_json(refused).error == (401, "invalid_token")
        site.check_one_login()

    return Asked(site.form(path="/token/revoke", token=tokens["access_token"]), settled)


def exchanges(site: CrashSite, *, actor: bool = False) -> Asked:
    tokens = fresh(site).tokens()
    form = {"subject_token": tokens["access_token"], "subject_token_type": ACCESS_TOKEN}
    if actor:
        form |= {"actor_token": tokens["access_token"], "actor_token_type": ACCESS_TOKEN}

    def settled(response: Response) -> None:
        is_good(site, in_json(response))
        site.check_one_login()

    return Asked(site.form(grant_type=EXCHANGE, **form), settled)


def is_good(site: CrashSite, answer: Answer) -> None:
    """Userinfo takes the access token of an answer, which is for the client itself."""
    told = site.machine().send(of_bearer(answer.body["access_token"]))
    assert told is not None
    assert told["statusCode"] == 200


def exchanges_a_providers(site: CrashSite) -> Asked:
    hostile = fresh(site).provider.hostile
    hostile.now = site.bench.now
    hostile.claims["nonce"] = None
    form = {"subject_token": hostile.id_token(), "subject_token_type": ID_TOKEN, "connector_id": "up"}
    return Asked(site.form(grant_type=EXCHANGE, **form, scope="openid"), partial(is_a_login, site))


def is_a_login(site: CrashSite, response: Response) -> None:
    """The tokens are good. A login whose answer was lost before is nobody's, and ends by itself."""
    is_good(site, in_json(response))
    logins = [item for item in site.bench.take_items() if "client_id" in item]
    assert 1 <= len(logins) <= 2
    assert all("expires_at" in login for login in logins)


def logs_in_by_password(site: CrashSite) -> Asked:
    form = {"username": TABLE_EMAIL, "password": PASSWORD, "scope": "openid"}
    return Asked(fresh(site).form(grant_type="password", **form), partial(is_a_login, site))


def a_device_asks(site: CrashSite) -> Asked:
    def settled(response: Response) -> None:
        codes = in_json(response).body
        assert site.bench.devices.find(codes["user_code"].replace("-", "")) is not None
        site.bench.now += 5
        answer = site.post("cli", grant_type=DEVICE_GRANT, device_code=codes["device_code"])
        assert answer.error == (400, "authorization_pending")
        requests = [item for item in site.bench.take_items() if "device_of" in item]
        assert 1 <= len(requests) <= 2  # one whose answer was lost is over before long: nobody was shown its code

    return Asked(fresh(site).form("cli", "/device/code", scope="openid"), settled)


def a_device_polls(site: CrashSite) -> Asked:
    codes = fresh(site).post("cli", "/device/code", scope="openid").body
    site.bench.now += 5

    def settled(response: Response) -> None:
        assert in_json(response).body["error"] in ("authorization_pending", "slow_down")  # it was told to come so soon
        site.bench.now += 15
        answer = site.post("cli", grant_type=DEVICE_GRANT, device_code=codes["device_code"])
        assert answer.error == (400, "authorization_pending")

    return Asked(site.form("cli", grant_type=DEVICE_GRANT, device_code=codes["device_code"]), settled)


def of_the_table(site: CrashSite) -> Mapping[str, Any]:
    """Return the token response to a client of the table, for peers that are there too."""
    scopes = frozenset(FOR_PEERS.split())
    return fresh(site).tokens(client_id="table-app", scopes=scopes, audience=PEERS)


def a_client_of_the_table_refreshes(site: CrashSite) -> Asked:
    refresh_token = of_the_table(site)["refresh_token"]
    site.bench.now += 40

    def settled(response: Response) -> None:
        again = site.post(
            "table-app", grant_type="refresh_token", refresh_token=in_json(response).body["refresh_token"]
        )
        assert again.status == 200
        assert int(site.check_one_login()["generation"]["N"]) == 2

    return Asked(site.form("table-app", grant_type="refresh_token", refresh_token=refresh_token), settled)


def ways(site: CrashSite) -> Mapping[str, Way]:
    """Return every way on which a call is made, of those that `test_crashes.py` has not."""
    a = site.config
    return {
        "userinfo": Way(a, (READ_ALL, READ_ALL), partial(userinfo, site)),
        "an access token is introspected": Way(a, (READ_ALL, READ_ALL), partial(introspects, site, "access_token")),
        "a refresh token is introspected": Way(a, (RING, READ), partial(introspects, site, "refresh_token"), cold=True),
        "a login is revoked": Way(a, (WRITE, TELL), partial(revokes_a_login, site)),
        "an access token is revoked": Way(a, (READ_ALL, PUT), partial(revokes_a_token, site)),
        "a token is exchanged": Way(a, (READ_ALL, READ_ALL), partial(exchanges, site)),
        "a token is exchanged for an actor": Way(
            a, (READ_ALL, READ_ALL, READ_ALL), partial(exchanges, site, actor=True)
        ),
        "a provider's token is exchanged": Way(a, (DISCOVER, KEYS, PUT), partial(exchanges_a_providers, site)),
        "a user of the table logs in by password": Way(a, (READ, PUT), partial(logs_in_by_password, site)),
        "a device asks for codes": Way(a, (RING, PUT), partial(a_device_asks, site), cold=True),
        "a device polls": Way(a, (WRITE,), partial(a_device_polls, site), 400),
        "a client of the table refreshes": Way(
            a,
            (READ, READ, WRITE, *(READ for _ in PEERS)),
            partial(a_client_of_the_table_refreshes, site),
            in_passing=frozenset(range(3, 3 + len(PEERS))),
        ),
    }


NAMES = (
    "userinfo",
    "an access token is introspected",
    "a refresh token is introspected",
    "a login is revoked",
    "an access token is revoked",
    "a token is exchanged",
    "a token is exchanged for an actor",
    "a provider's token is exchanged",
    "a user of the table logs in by password",
    "a device asks for codes",
    "a device polls",
    "a client of the table refreshes",
)


@pytest.mark.parametrize("name", NAMES)
def test_when_all_goes_well_these_are_the_calls(site: CrashSite, name: str) -> None:
    check_way(site.bench, ways(site)[name])


@pytest.mark.parametrize("name", NAMES)
def test_whatever_goes_wrong_at_one_call_the_same_request_again_comes_to_the_same(site: CrashSite, name: str) -> None:
    way = ways(site)[name]
    for plan in plans(way.calls, NAMES.index(name)):
        site.bench.take_items()
        check_plan(site.bench, way, plan)


@pytest.mark.parametrize("name", ["userinfo", "a device asks for codes", "a refresh token is introspected"])
def test_a_function_that_cannot_read_its_keys_when_it_starts_says_503_and_has_used_nothing_up(
    site: CrashSite, name: str
) -> None:
    for fault in LASTING:
        check_plan(site.bench, ways(site)[name], {0: (fault,) * FOR_GOOD})
        site.bench.take_items()


@pytest.mark.parametrize("name", NAMES)
def test_two_calls_that_hang_still_end_in_an_answer_within_the_functions_timeout(site: CrashSite, name: str) -> None:
    check_two_that_hang(site.bench, ways(site)[name])


def test_a_table_of_clients_that_hangs_is_waited_for_once_however_many_of_them_a_token_is_for(site: CrashSite) -> None:
    """By then a refresh token has been used up: the answer must come, and leaves out whoever can't be looked up."""
    asked = a_client_of_the_table_refreshes(site)
    network = Network(dict.fromkeys(range(3, 20), (Fault.UNANSWERED,) * FOR_GOOD))
    response = site.bench.machine(site.config, network, warm=True).send(asked.event)
    assert response is not None
    assert network.seconds < LAMBDA_TIMEOUT / 2
    assert in_json(response).body["scope"] == "offline_access openid"
    asked.settled(response)


def test_a_batch_that_dynamodb_answers_in_part_is_an_answer_that_is_lost(site: CrashSite) -> None:
    """BatchGetItem is throttled item by item: what it left out says nothing of the token."""
    table, leaves_out = site.bench.stack.families_table, True

    def leave_out(parsed: dict[str, Any], **_: object) -> None:
        if leaves_out and table in parsed["Responses"]:
            parsed["UnprocessedKeys"] = {table: parsed["Responses"].pop(table)}

    client = site.bench.wire.client("dynamodb")
    client.meta.events.register("after-call.dynamodb.BatchGetItem", leave_out)
    try:
        for name in ("userinfo", "an access token is introspected", "a token is exchanged"):
            leaves_out = True
            asked = ways(site)[name].prepare()
            machine = site.bench.machine(site.config, warm=True)
            response = machine.send(asked.event)
            assert response is not None
            assert in_json(response).error == (503, "temporarily_unavailable")
            leaves_out = False
            again = machine.send(asked.event)
            assert again is not None
            asked.settled(again)
    finally:
        client.meta.events.unregister("after-call.dynamodb.BatchGetItem", leave_out)
