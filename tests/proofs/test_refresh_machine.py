"""Refresh token families against a small model: random lives, through the real handlers and the real store.

Users log in, exchange, refresh and lose answers; thieves replay; clocks jump; operators revoke, raise the
watermark, change settings, keys and users. After each step the table, the tokens and userinfo agree with
`tests.support.refresh_model`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from math import inf

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sundial.expiry.refresh import Refresh
from sundial.store.family_items import from_item
from sundial.tokens.opaque import Kind, new_family_id, read
from tests.support.crash_plans import turned
from tests.support.depth import DEEP, depth, examples
from tests.support.families import REDIRECT_URI, a_login
from tests.support.refresh_model import SUCCESSOR, Rules, Tokens
from tests.support.refresh_world import TABLE_USER, RefreshWorld, quick_config
from tests.support.stack import OwnStack
from tests.support.token_world import USER_ID, Answer, claims_of

OFFLINE = frozenset(("openid", "email", "groups", "offline_access"))
ONLINE = OFFLINE - {"offline_access"}
REFUSED = (400, "invalid_grant")
ACCESS_LIFETIME = 3600
MISTAKES = [
    {"client_id": "another-app"},
    {"client_secret": "wrong"},
    {"refresh_token": "sundial_rt_" + "A" * 109, "redirect_uri": REDIRECT_URI + "/x"},
    {"grant_type": "nonsense"},
]

policies = st.builds(
    Rules,
    rotation=st.sampled_from([True, True, True, False]),
    window=st.sampled_from([30, 30, 0, 1, 300]),
    idle=st.sampled_from([inf, inf, inf, 20, 3600, 90 * 86400]),
    absolute=st.sampled_from([inf, inf, inf, 100, 7200, 165 * 86400]),
    revokes=st.sampled_from([True, True, False]),
).filter(lambda one: one.rotation or min(one.idle, one.absolute) < inf)

picks = st.integers(0, 2)
users = st.sampled_from([USER_ID, TABLE_USER.user_id])
scopes_granted = st.sampled_from([OFFLINE, OFFLINE, OFFLINE, ONLINE])
scopes_asked = st.sampled_from([None, None, "openid", "openid email", "openid profile", "openid nonsense"])


@dataclass
class Login:
    """What is known of one login: its code, and what came of it."""

    family_id: str
    user_id: str
    begun: int
    code: str
    scopes: frozenset[str]
    groups: list[str]
    """The user's, as they were when the connector was last asked."""
    tokens: Tokens | None = None
    """None until the code is redeemed."""
    revoked: bool = False
    access_token: str = ""
    issued: int = 0
    last_second: float = inf
    """What `expires_at` was last written as."""

    @property
    def strings(self) -> list[str]:
        """Its refresh tokens, oldest first."""
        return self.tokens.strings if self.tokens else []


class RefreshFamilies(RuleBasedStateMachine):
    def __init__(self, stack: OwnStack) -> None:
        super().__init__()
        self.world = RefreshWorld(stack=stack)
        self.policy = Rules()
        self.groups = {USER_ID: ["ops"], TABLE_USER.user_id: ["ops"]}
        self.users = {USER_ID, TABLE_USER.user_id}
        self.world.have_in_table(TABLE_USER)
        self.logins: list[Login] = []
        self.turn = 0

    # What users and their clients do

    @initialize(policy=policies)
    def begin(self, policy: Rules) -> None:
        self.policy = policy
        self._configure(own=False)
        self.log_in_and_exchange(USER_ID, OFFLINE)

    @rule(user_id=users, granted=scopes_granted)
    def log_in_and_exchange(self, user_id: str, granted: frozenset[str]) -> None:
        self.log_in(user_id, granted)
        if self.unredeemed:
            self.exchange(-1)

    @rule(user_id=users, granted=scopes_granted)
    def log_in(self, user_id: str, granted: frozenset[str]) -> None:
        """A login, if the user is there and not three logins stand already."""
        if user_id not in self.users or sum(not self._has_ended(login) for login in self.logins) == 3:
            return
        if len(self.logins) == 3:
            self.logins.remove(next(login for login in self.logins if self._has_ended(login)))
        claims = replace(a_login().claims, user_id=user_id, groups=tuple(self.groups[user_id]))
        family_id = new_family_id()
        code = self.world.log_in(family_id=family_id, claims=claims, scopes=granted)
        self.logins.append(Login(family_id, user_id, self.world.now, code, granted, self.groups[user_id]))

    @precondition(lambda self: self.unredeemed)
    @rule(pick=picks)
    def exchange(self, pick: int) -> None:
        login = self._pick(pick, self.unredeemed)
        now = self.world.now
        answer = self.world.redeem(login.code)
        login.revoked |= login.user_id not in self.users
        if self._has_ended(login) or now > login.begun + 60:
            assert answer.error == REFUSED
            return
        assert answer.status == 200
        login.tokens = Tokens(now, now, now)
        if "offline_access" in login.scopes:
            login.tokens.strings.append(answer.body["refresh_token"])
            login.last_second = self._last_second(login.tokens)
        else:
            assert "refresh_token" not in answer.body
            login.last_second = now + ACCESS_LIFETIME
        self._adopt(login, answer)

    @rule(pick=picks, times=st.integers(1, 4))
    def refresh(self, pick: int, times: int) -> None:
        """A client does what it is there for: once the window is past, it refreshes."""
        login = self._living(pick)
        for _ in range(times):
            self.world.now += int(self.policy.window) + 1
            self._present(login, 0)

    @rule(pick=picks, late=st.sampled_from([0, 0, 0, 1]))
    def lose_an_answer_and_retry(self, pick: int, late: int) -> None:
        """The client comes again with what it has: in the last second of the window, or one second too late."""
        login = self._living(pick)
        self.world.now += int(self.policy.window) + 1
        self._present(login, 0)
        self.world.now += int(self.policy.window) + late
        self._present(login, 1)

    @precondition(lambda self: self.refreshable)
    @rule(pick=picks, back=st.integers(0, 3), scope=scopes_asked)
    def present(self, pick: int, back: int, scope: str | None) -> None:
        """Someone presents the newest refresh token, or an older one: a thief, or a client with an old backup."""
        self._present(self._pick(pick, self.refreshable), back, scope)

    def _living(self, pick: int) -> Login:
        """A login that has not ended, a new one if need be."""
        if all(self._has_ended(login) for login in self.refreshable):
            self.world.now = max(self.world.now, self.world.ring.not_before)
            self.logins.clear()
            self.log_in_and_exchange(USER_ID, OFFLINE)
        return self._pick(pick, [login for login in self.refreshable if not self._has_ended(login)])

    def _present(self, login: Login, back: int, scope: str | None = None) -> None:
        assert login.tokens is not None
        tokens, now = login.tokens, self.world.now
        token = tokens.strings[max(0, len(tokens.strings) - 1 - back)]
        answer = self.world.refresh(token, **({} if scope is None else {"scope": scope}))
        login.revoked |= login.user_id not in self.users
        if self._has_ended(login):
            assert answer.error == REFUSED
            return
        before = replace(tokens)
        expected = tokens.present(token, now, self.policy)
        if expected is None:
            assert answer.error == REFUSED
            login.revoked = tokens.ended
        elif scope is not None and not set(scope.split()) <= login.scopes:
            assert answer.error == (400, "invalid_scope")
            login.tokens = before
        else:
            assert answer.status == 200, answer.body
            login.groups = self.groups[login.user_id]
            if expected is SUCCESSOR:
                tokens.strings.append(answer.body["refresh_token"])
            assert answer.body["refresh_token"] == tokens.strings[-1]
            if expected is SUCCESSOR or (expected == token and not self.policy.rotation):
                login.last_second = self._last_second(tokens)
            assert set(answer.body["scope"].split()) == (set(scope.split()) if scope else login.scopes)
            self._adopt(login, answer)

    @rule(pick=picks, mistake=st.sampled_from(MISTAKES))
    def make_a_mistake(self, pick: int, mistake: dict[str, str]) -> None:
        """Nothing is lost by it, unless it shows that the user is gone: the invariants see the families as before."""
        login = self._pick(pick, self.logins)
        answer = self.world.refresh(login.strings[-1], **mistake) if login.strings else None
        if login.tokens is None:
            answer = self.world.redeem(login.code, **mistake)
            login.revoked |= "redirect_uri" in mistake and login.user_id not in self.users
        assert answer is None or answer.status in (400, 401)

    # What time does

    @rule(seconds=st.sampled_from([1, 1, 5, 19, 29, 30, 31, 60, 61, 299, 3600, 90 * 86400]))
    def wait(self, seconds: int) -> None:
        self.world.now += seconds

    @precondition(lambda self: self.refreshable)
    @rule(pick=picks, limit=st.sampled_from(["window", "idle", "absolute"]), offset=st.sampled_from([-1, 0, 1]))
    def wait_for_a_limit(self, pick: int, limit: str, offset: int) -> None:
        login = self._pick(pick, self.refreshable)
        assert login.tokens is not None
        since = {"window": login.tokens.made, "idle": login.tokens.used, "absolute": login.tokens.born}[limit]
        instant = since + getattr(self.policy, limit) + offset
        if self.world.now < instant < inf:
            self.world.now = int(instant)

    @rule(seconds=st.integers(1, 5))
    def find_a_clock_that_is_behind(self, seconds: int) -> None:
        self.world.now -= seconds

    # What operators do

    @rule(policy=policies, own=st.booleans())
    def change_the_settings(self, policy: Rules, own: bool) -> None:
        """Another policy, the deployment's or the client's own, is in force for the families that there are."""
        self.policy = policy
        self._configure(own)

    @rule(pick=picks, act=st.sampled_from(["revoke", "watermark", "code again", *["mac key"] * 5]))
    def operate(self, pick: int, act: str) -> None:
        """An operator rotates the MAC key, revokes a login or raises the watermark; or a thief has found a code."""
        login, now = self._pick(pick, self.logins), self.world.now
        if act == "mac key":
            self.world.ring.rotate_mac_key()
        elif act == "revoke":
            self.world.families.revoke(login.family_id, now, "revoked by the operator")
            login.revoked = True
        elif act == "code again" and login.tokens is not None:
            assert self.world.redeem(login.code).error == REFUSED
            login.revoked = True
        elif act == "watermark" and now > self.world.ring.not_before:
            self.world.raise_watermark(now)

    @rule(
        act=st.sampled_from(["change", "change", "change", "disable", "delete"]),
        groups=st.sampled_from([["a", "ops"], []]),
    )
    def change_the_users(self, act: str, groups: list[str]) -> None:
        """Both users change, the one of the table comes back if they were gone; or that one goes."""
        self.users.discard(TABLE_USER.user_id)
        if act == "delete":
            self.world.remove_from_table(TABLE_USER)
        elif act == "disable":
            self.world.have_in_table(replace(TABLE_USER, disabled=True))
        else:
            self.groups = dict.fromkeys(self.groups, groups)
            self._configure(own=True)
            self.world.have_in_table(replace(TABLE_USER, groups=tuple(groups)))
            self.users.add(TABLE_USER.user_id)

    # What holds after each step

    @invariant()
    def the_table_says_what_the_model_says(self) -> None:
        items = self.world.items(login.family_id for login in self.logins)
        for login in self.logins:
            item = items[login.family_id]
            family = from_item(item)
            assert family is not None
            assert family.generation == len(login.strings)
            assert (family.revoked_at is not None) == login.revoked
            assert (family.redeemed_at is not None) == (login.tokens is not None)
            if login.tokens is not None:
                stored = (family.created_at, family.rotated_at, family.last_used_at)
                assert stored == (login.tokens.born, login.tokens.made, login.tokens.used)
                if not login.revoked:
                    ends = {name: int(item[name]["N"]) for name in ("expires_at", "ttl") if name in item}
                    last = login.last_second
                    assert ends == ({} if last == inf else {"expires_at": last, "ttl": last + 7 * 86400})

    @invariant()
    def every_generation_has_one_string(self) -> None:
        for login in self.logins:
            for generation, string in enumerate(login.strings, 1):
                said = read(Kind.REFRESH_TOKEN, string, "example-app", self.world.ring.mac_by_id)
                assert said is not None
                assert (said.family_id, said.generation) == (login.family_id, generation)

    @invariant()
    def what_has_ended_never_answers(self) -> None:
        for login in self.refreshable[-1:]:
            if self._has_ended(login):
                assert self.world.refresh(login.strings[-1]).error == REFUSED
                login.revoked |= login.user_id not in self.users  # it shows that the user is gone

    @invariant()
    def userinfo_agrees(self) -> None:
        """For every login in `make prove`; else the logins take turns."""
        signed_in = [login for login in self.logins if login.access_token]
        self.turn += 1
        for login in signed_in if DEEP else turned(tuple(signed_in), self.turn)[:1]:
            answer = self.world.userinfo(login.access_token)
            too_old = self.world.now >= login.issued + ACCESS_LIFETIME or login.issued < self.world.ring.not_before
            if login.revoked or too_old:
                assert answer.error == (401, "invalid_token")
            else:
                assert answer.status == 200

    @property
    def unredeemed(self) -> list[Login]:
        return [login for login in self.logins if login.tokens is None]

    @property
    def refreshable(self) -> list[Login]:
        return [login for login in self.logins if login.strings]

    def _has_ended(self, login: Login) -> bool:
        """Revoked, or older than the watermark."""
        made = login.tokens.made if login.tokens else login.begun
        return login.revoked or made < self.world.ring.not_before

    def _pick(self, pick: int, logins: list[Login]) -> Login:
        return logins[pick % len(logins)]

    def _adopt(self, login: Login, answer: Answer) -> None:
        login.access_token, login.issued = answer.body["access_token"], self.world.now
        claims = claims_of(answer.body["id_token"])
        assert claims["auth_time"] == login.begun
        if "groups" in answer.body["scope"].split():
            assert claims.get("groups", []) == login.groups

    def _last_second(self, tokens: Tokens) -> float:
        return min(tokens.born + self.policy.absolute, tokens.used + self.policy.idle)

    def _configure(self, own: bool) -> None:
        wrong = replace(self.policy, rotation=True, window=7, idle=3, absolute=5, revokes=not self.policy.revokes)
        text = quick_config(
            everywhere=(wrong if own else self.policy).yaml(), client=self.policy.yaml() if own else "{}"
        ).replace("groups: [ops]", f"groups: {self.groups[USER_ID]}")
        self.world.configure(text)


def test_families_live_as_the_model_says_whatever_users_thieves_clocks_and_operators_do(
    stack: OwnStack, metrics: Counter[tuple[str, ...]]
) -> None:

    class Here(RefreshFamilies):
        def __init__(self) -> None:
            super().__init__(stack)

    run_state_machine_as_test(Here, settings=examples(28, 300, steps=depth(40, 80)))
    met = {outcome for outcome in Refresh if ("Refreshes", outcome) in metrics}
    assert met >= set(Refresh) - {Refresh.IMPOSSIBLE}, "the lives were too tame to prove anything"
