"""Users of the table, seen from outside: being disabled, deleted or given a new password ends their logins.

The operator's command revokes the families that it finds; here is what holds for those that it can't find.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from sundial.store.directory import LocalUser
from tests.support.browser import CONFIG, HASH, PASSWORD, Browser, BrowserWorld, FlakyFamilies, MemoryDirectory
from tests.support.families import LOGIN_AT, REDIRECT_URI
from tests.support.token_world import SECRET, Answer, FixedRing, TokenWorld

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, Appendix B
JANE = LocalUser("jane@example.com", "u-jane", HASH.encode("ascii"), username="jane")
TEXT = CONFIG.replace("id: app\n", "id: example-app\n").replace("a-secret-of-a-test", SECRET)
TEXT = TEXT.replace("redirectURIs: [", f'redirectURIs: ["{REDIRECT_URI}", ')


@dataclass
class World:
    """The functions `authorize` and `token` of one deployment, whose only user is in the table."""

    directory: MemoryDirectory = field(default_factory=lambda: MemoryDirectory(JANE))
    families: FlakyFamilies = field(default_factory=FlakyFamilies)
    ring: FixedRing = field(default_factory=FixedRing)

    def __post_init__(self) -> None:
        self.token = TokenWorld(families=self.families, directory=self.directory, ring=self.ring)
        self.token.configure(TEXT)
        self.authorize = BrowserWorld(TEXT, families=self.families, directory=self.directory, ring=self.ring)
        self.browser = Browser(self.authorize)

    def wait(self, seconds: int) -> None:
        self.token.now += seconds
        self.authorize.now += seconds

    def change(self, **changes: object) -> None:
        """Change the user, as an operator does."""
        self.directory.users = [replace(JANE, **changes)]  # type: ignore[arg-type]

    def log_in(self) -> str:
        """Return the authorization code of a login."""
        page = self.browser.authorize(client_id="example-app", redirect_uri=REDIRECT_URI)
        return self.browser.approve(self.browser.log_in(page, JANE.email, PASSWORD)).answer["code"]

    def redeem(self, code: str) -> Answer:
        return self.token.redeem(code, code_verifier=VERIFIER)


@pytest.fixture
def world() -> World:
    return World()


ENDINGS: dict[str, Callable[[World], None]] = {
    "deleted": lambda world: world.directory.users.clear(),
    "disabled": lambda world: world.change(disabled=True),
    "a new password": lambda world: world.change(not_before=world.token.now),
}
endings = pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)


def test_a_user_of_the_table_logs_in_and_refreshes(world: World) -> None:
    tokens = world.redeem(world.log_in())
    assert tokens.status == 200
    world.wait(60)
    assert world.token.refresh(tokens.body["refresh_token"]).status == 200


def test_a_code_exchange_costs_one_write_and_one_read_of_the_user(world: World) -> None:
    code = world.log_in()
    world.directory.calls = 0
    world.families.calls.clear()
    assert world.redeem(code).status == 200
    assert (world.families.calls, world.directory.calls) == (["redeem"], 1)


@endings
def test_a_refresh_token_from_before_is_refused_and_its_family_revoked(
    world: World, end: Callable[[World], None]
) -> None:
    tokens = world.redeem(world.log_in()).body
    world.wait(1)
    end(world)
    assert world.token.refresh(tokens["refresh_token"]).error == (400, "invalid_grant")
    assert [family.revoked_at for family in world.families.families.values()] == [LOGIN_AT + 1]


@endings
def test_a_code_from_before_is_refused_and_its_family_revoked(world: World, end: Callable[[World], None]) -> None:
    code = world.log_in()
    world.wait(1)
    end(world)
    assert world.redeem(code).error == (400, "invalid_grant")
    assert [family.revoked_at for family in world.families.families.values()] == [LOGIN_AT + 1]


@endings
def test_a_login_that_waited_for_consent_meanwhile_yields_nothing(world: World, end: Callable[[World], None]) -> None:
    page = world.browser.authorize(client_id="example-app", redirect_uri=REDIRECT_URI)
    consent = world.browser.log_in(page, JANE.email, PASSWORD)
    world.wait(1)
    end(world)
    world.wait(60)
    answer = world.browser.approve(consent)
    assert (answer.status, "This login has been ended" in answer.text) == (400, True)
    assert world.families.families == {}


def test_consent_survives_an_unreachable_table(world: World) -> None:
    page = world.browser.authorize(client_id="example-app", redirect_uri=REDIRECT_URI)
    consent = world.browser.log_in(page, JANE.email, PASSWORD)
    world.directory.broken = True
    again = world.browser.approve(consent)
    assert again.status == 503
    world.directory.broken = False
    assert "code" in world.browser.approve(again).answer


def test_a_login_with_the_new_password_is_a_new_one(world: World) -> None:
    world.change(not_before=LOGIN_AT)
    tokens = world.redeem(world.log_in())
    assert tokens.status == 200
    world.wait(60)
    assert world.token.refresh(tokens.body["refresh_token"]).status == 200


def test_other_users_go_on(world: World) -> None:
    tokens = world.redeem(world.log_in()).body
    world.directory.users.append(replace(JANE, email="joe@example.com", user_id="u-joe", not_before=LOGIN_AT + 9))
    world.wait(60)
    assert world.token.refresh(tokens["refresh_token"]).status == 200


def test_a_code_survives_an_unreachable_table(world: World) -> None:
    code = world.log_in()
    world.directory.broken = True
    assert world.redeem(code).error == (503, "temporarily_unavailable")
    world.directory.broken = False
    assert world.redeem(code).status == 200
