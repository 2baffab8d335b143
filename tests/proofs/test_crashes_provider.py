"""A bad network at every call of a refresh through a provider, whose refresh tokens are good once.

The lease, KMS, the provider, the rotation: each attempt of each call fails in each way, once or for good, and now and
then the process ends there; the client sends the same request again for as long as it is told to. The provider is a
real one, over HTTP, and ends the login where one of its refresh tokens comes twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from sundial.connectors.http import unreachable
from sundial.expiry.family import Claims, Family
from sundial.tokens.opaque import Kind, mint, new_family_id
from tests.support.crash_plans import FOR_GOOD, LOST, Asked, Plan, hanging_pairs, persist, plans
from tests.support.crash_site import CrashSite
from tests.support.crash_world import Response, in_json
from tests.support.families import LOGIN_AT, MAC_KEY, a_family
from tests.support.faults import Fault, Network, Wire

LEASE, OPEN, DISCOVER, KEYS, ASK, ROTATE = CALLS = (
    "UpdateItem",
    "Decrypt",
    "GET /.well-known/openid-configuration",
    "GET /jwks",
    "POST /token",
    "UpdateItem",
)
ASKED, WRITTEN = CALLS.index(ASK), len(CALLS) - 1
"""The numbers of the calls at which the provider is asked, and what it answers is written."""
WINDOW = 30
KILGORE = Claims("kilgore", "Kilgore", "", "kilgore@example.com", email_verified=True)


@dataclass
class Login:
    """A login at the provider, and a refresh with its refresh token."""

    site: CrashSite
    config: str
    family: Family
    asked: Asked

    def network(self, plan: Plan) -> list[Response | None]:
        """Refresh behind a network that does as `plan` says, for as long as it takes; return every answer."""
        machine = self.site.bench.machine(self.config, Network(plan), warm=True)
        return persist(self.site.bench, machine, self.asked)

    @property
    def stored(self) -> Family:
        return self.site.bench.stored(self.family.family_id)

    @property
    def kept(self) -> str:
        """The refresh token of the provider's that is kept."""
        stored = self.stored
        assert stored.upstream is not None
        text = self.site.bench.envelopes.open(stored.family_id, stored.upstream).text
        return str(json.loads(text)["refresh_token"])

    def refresh(self, refresh_token: str, *, after: int = WINDOW + 1) -> Mapping[str, Any]:
        """Refresh with what was answered, past the window, when all is well; return the answer."""
        self.site.bench.now += after
        event = self.site.form(grant_type="refresh_token", refresh_token=refresh_token)
        answer = in_json(self.site.machine(self.config).edge(event))
        assert answer.status == 200, answer.body
        return answer.body


def a_login_at_the_provider(site: CrashSite, config: str = "", *, lenient: bool = False) -> Login:
    site.bench.now = LOGIN_AT
    site.provider.begin(lenient=lenient)
    family_id = new_family_id()
    kept = json.dumps({"refresh_token": site.provider.current, "sub": "kilgore"})
    family = a_family(
        family_id=family_id,
        client_id="app",
        connector_id="up",
        claims=replace(KILGORE, username="before"),
        upstream=site.bench.envelopes.seal(family_id, kept),
    )
    assert site.bench.families.begin(family)
    site.bench.now += WINDOW + 10
    site.provider.hostile.now = site.bench.now
    site.provider.hostile.claims["nonce"] = None
    token = mint(Kind.REFRESH_TOKEN, MAC_KEY, family, 1)
    event = site.form(grant_type="refresh_token", refresh_token=token)
    return Login(site, config or site.config, family, Asked(event, lambda _: None))


def test_when_all_goes_well_these_are_the_calls(site: CrashSite) -> None:
    login, network = a_login_at_the_provider(site), Network()
    response = site.bench.machine(site.config, network, warm=True).send(login.asked.event)
    assert response is not None
    assert tuple(network.calls) == CALLS
    check_all_is_well(login, response)


def check_all_is_well(login: Login, response: Response | None, *, asked_again: bool = False) -> None:
    """The client has its tokens and Sundial the provider's, which knew of each of its own once; and it goes on."""
    assert response is not None
    answer = in_json(response)
    assert answer.status == 200, answer.body
    stored = login.stored
    generation = 1 if login.config == login.site.without_rotation else 2
    assert (stored.generation, stored.lease_until, stored.revoked_at) == (generation, 0, None)
    assert stored.claims == KILGORE
    provider = login.site.provider
    assert login.kept == provider.current
    assert asked_again or max(Counter(provider.presented).values()) == 1
    login.refresh(answer.body["refresh_token"])
    assert login.kept == provider.current


def is_lost(plan: Plan) -> bool:
    """Return whether what the provider gave out is gone with an answer that got lost, or with a process."""
    ((call, (fault, *_)),) = plan.items()
    if call == ASKED:
        return fault.applied and fault is not Fault.SLOW
    return call == WRITTEN and fault is Fault.KILLED_BEFORE


@pytest.mark.parametrize("rotates", [True, False])
def test_whatever_goes_wrong_at_one_call_the_refresh_comes_through_and_the_provider_is_asked_once(
    site: CrashSite, *, rotates: bool
) -> None:
    for plan in plans(CALLS, start=int(rotates)):
        if is_lost(plan):
            continue
        login = a_login_at_the_provider(site, site.config if rotates else site.without_rotation)
        answers = login.network(plan)
        ((_, faults),) = plan.items()
        assert (answers[0] is None) == faults[0].kills
        check_all_is_well(login, answers[-1])


LOSSES: tuple[Plan, ...] = (
    *({ASKED: (fault,)} for fault in Fault if fault.applied and fault is not Fault.SLOW),
    {WRITTEN: (Fault.KILLED_BEFORE,)},
)


@pytest.mark.parametrize("plan", LOSSES)
def test_what_the_provider_gave_out_and_nobody_heard_ends_the_login_only_where_the_provider_says_so(
    site: CrashSite, plan: Plan
) -> None:
    """There is nothing to ask with but the token that the provider has seen. Some give out the same successor."""
    login = a_login_at_the_provider(site)
    final = login.network(plan)[-1]
    assert final is not None
    assert in_json(final).error == (400, "invalid_grant")
    assert login.stored.revoked_at is not None
    assert Counter(site.provider.presented) == {"upstream-token-1": 2}

    login = a_login_at_the_provider(site, lenient=True)
    check_all_is_well(login, login.network(plan)[-1], asked_again=True)


OUTAGES = tuple(fault for fault in Fault if not fault.kills and fault is not Fault.SLOW)


def until_the_end(first: int, faults: tuple[Fault, ...]) -> Plan:
    """Return the plan in which this happens to every call from the first on."""
    return dict.fromkeys(range(first, first + 20), faults)


@pytest.mark.parametrize("faults", [*((fault,) * FOR_GOOD for fault in OUTAGES), *LOST])
def test_a_table_that_is_gone_when_the_provider_has_answered_is_tried_for_as_long_as_there_is_time(
    site: CrashSite, faults: tuple[Fault, ...]
) -> None:
    """Where none of the writes was made, the provider's token is lost with the function's memory."""
    login = a_login_at_the_provider(site, lenient=True)
    answers = login.network({0: (Fault.SLOW,), **until_the_end(WRITTEN, faults)})
    assert answers[0] is not None
    assert answers[0]["statusCode"] == 503
    check_all_is_well(login, answers[-1], asked_again=not faults[0].applied)


@pytest.mark.parametrize("fault", OUTAGES)
def test_a_rotation_that_fails_once_for_good_is_made_all_the_same(site: CrashSite, fault: Fault) -> None:
    login = a_login_at_the_provider(site)
    answers = login.network({WRITTEN: (fault,) * FOR_GOOD})
    assert len(answers) == 1
    check_all_is_well(login, answers[0])


@pytest.mark.parametrize("fault", OUTAGES)
def test_where_the_rotation_cannot_be_made_the_providers_token_is_kept_for_the_next_time(
    site: CrashSite, fault: Fault
) -> None:
    """The keys of the provider are gone just after it gave out a token: nobody can tell how the user stands."""
    login = a_login_at_the_provider(site)
    site.provider.hostile.signed_by = "key-2"
    try:
        machine = site.bench.machine(site.config, Network({WRITTEN: (fault,)}), warm=True)
        response = machine.send(login.asked.event)
    finally:
        site.provider.hostile.signed_by = "key-1"
    assert response is not None
    assert in_json(response).error == (503, "temporarily_unavailable")
    assert login.kept == site.provider.current == "upstream-token-2"
    site.bench.now += 1
    check_all_is_well(login, login.network({})[-1])


def test_two_calls_that_hang_still_end_in_an_answer_within_the_functions_timeout(site: CrashSite) -> None:
    for plan in hanging_pairs(CALLS):
        login = a_login_at_the_provider(site, lenient=True)
        answers = login.network(plan)
        assert answers[0] is not None
        check_all_is_well(login, answers[-1], asked_again=True)


def test_the_provider_is_not_asked_once_there_would_be_no_time_left_to_keep_its_answer(site: CrashSite) -> None:
    for slow in (1, 2, 3):
        login = a_login_at_the_provider(site)
        answers = login.network({0: (Fault.UNANSWERED,) * slow, 1: (Fault.SLOW,)})
        assert len(answers) > 1
        check_all_is_well(login, answers[-1])


def test_who_comes_late_never_overwrites_what_the_provider_gave_out_since(site: CrashSite) -> None:
    """The first function's write is made, and it never hears of it; the client has come again when it looks."""
    login = a_login_at_the_provider(site, site.without_rotation)
    again: list[Response] = []
    network = Network({WRITTEN: LOST[0]})
    network.meanwhile = {WRITTEN + 1: lambda: again.append(site.machine(login.config).edge(login.asked.event))}
    response = site.bench.machine(login.config, network, warm=True).send(login.asked.event)
    assert response is not None
    assert in_json(response).error == (503, "temporarily_unavailable")
    assert site.provider.presented == ["upstream-token-1", "upstream-token-2"]
    check_all_is_well(login, again[0])


def test_who_comes_late_is_not_taken_for_a_thief(site: CrashSite) -> None:
    """The client has had its window, shorter than a function may run, and has gone on from the first one's write."""
    login = a_login_at_the_provider(site, site.with_a_short_window)
    gone_on: list[Mapping[str, Any]] = []

    def go_on() -> None:
        again = in_json(site.machine(login.config).edge(login.asked.event)).body
        site.bench.now += 6
        gone_on.append(login.refresh(again["refresh_token"], after=0))

    machine = site.bench.machine(login.config, Network({WRITTEN: LOST[0]}, {WRITTEN + 1: go_on}), warm=True)
    response = machine.send(login.asked.event)
    assert response is not None
    assert in_json(response).error == (503, "temporarily_unavailable")
    assert login.kept == site.provider.current == "upstream-token-3"
    login.refresh(gone_on[0]["refresh_token"])
    assert (login.stored.generation, login.stored.revoked_at) == (4, None)


@dataclass
class Directory:
    """A connector that finds its users again by what is known of them, as a directory does."""

    wire: Wire
    id: str = "up"
    name: str = "The Directory"

    def look_up(self, _claims: Claims, _scopes: frozenset[str], _now: int) -> Claims | None:
        network = self.wire.network
        network.begin(f"look up at {self.id}")
        fault = network.next_fault()
        if fault is not None and fault.kills:
            network.die()
        if fault not in (None, Fault.SLOW):
            raise unreachable(self.name, "out of reach")
        return KILGORE


def test_a_directory_can_be_asked_again_and_no_secret_is_at_stake(
    site: CrashSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = Directory(site.bench.wire)
    monkeypatch.setattr("sundial.grants.endpoint.open_connectors", lambda _: (directory,))
    calls = (LEASE, "look up at up", ROTATE)
    for plan in ({}, *plans(calls)):
        login = a_login_at_the_provider(site)
        network = Network(plan)
        answers = persist(site.bench, site.bench.machine(site.config, network, warm=True), login.asked)
        final = answers[-1]
        assert final is not None
        assert in_json(final).status == 200
        stored = login.stored
        assert (stored.generation, stored.lease_until, stored.claims) == (2, 0, KILGORE)
        assert plan or tuple(network.calls) == calls
