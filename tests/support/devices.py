"""Requests of devices for tests: a builder, and a DeviceStore in memory that decides with the pure rule itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from threading import Lock

from sundial.errors import temporarily_unavailable
from sundial.expiry import device
from sundial.expiry.device import POLLS_REMEMBERED, DeviceLogin, DeviceRequest
from sundial.expiry.family import Family
from sundial.store.devices import Polled
from sundial.tokens.device_codes import PresentedDevice, new_user_code
from sundial.tokens.opaque import new_family_id
from tests.support.families import LOGIN_AT, MemoryFamilies


def a_request(**changes: object) -> DeviceRequest:
    """Return what a device asked for at LOGIN_AT, with `changes`."""
    request = DeviceRequest(
        user_code=new_user_code(),
        family_id=new_family_id(),
        client_id="example-app",
        scopes=frozenset(("openid", "email", "offline_access")),
        created_at=LOGIN_AT,
        expires_at=LOGIN_AT + 300,
    )
    return replace(request, **changes)  # type: ignore[arg-type]


class MemoryDevices:
    """A DeviceStore beside `families`, which hold what has been allowed. `calls` names every round trip.

    `broken` stands for a table that can't be reached.
    """

    def __init__(self, families: MemoryFamilies) -> None:
        self.families = families
        self.requests: dict[str, DeviceRequest] = {}
        self.polls: dict[str, tuple[int, ...]] = {}
        self.allowed_by: dict[str, str] = {}
        self.tries: Counter[tuple[str, int]] = Counter()
        self.calls: list[str] = []
        self.broken = False
        self._lock = Lock()

    def ask(self, request: DeviceRequest, now: int) -> bool:
        self._called("ask")
        taken = self.requests.get(request.user_code)
        if taken is not None and taken.expires_at >= now and taken.family_id != request.family_id:
            return False
        self.requests[request.user_code] = request
        return True

    def find(self, user_code: str) -> DeviceRequest | None:
        self._called("find")
        request = self.requests.get(user_code)
        if request is None:
            return None
        self._called("find")
        login = self._login(request.family_id)
        return request if login.family is None and login.revoked_at is None else None

    def allow(self, family: Family, expires_at: int, alive_until: int | None) -> bool:
        self._called("allow")
        with self._lock:
            login = self._login(family.family_id)
            if login.revoked_at is not None:
                return False
            if login.family is not None:
                return self.allowed_by.get(family.family_id) == family.change_id
            self.families.families[family.family_id] = family
            self.allowed_by[family.family_id] = family.change_id
            self.polls.pop(family.family_id, None)
            return True

    def poll(
        self, presented: PresentedDevice, client_id: str, resources: frozenset[str], now: int, change_id: str
    ) -> Polled:
        self._called("poll")
        with self._lock:
            login = self._login(presented.family_id)
            if not device.decide(login, client_id, resources, now).is_noted:
                return Polled(False, login)
            self.polls[presented.family_id] = (now, *login.polls)[: POLLS_REMEMBERED + 1]
            return Polled(True, replace(login, polls=login.polls[:POLLS_REMEMBERED]))

    def may_try(self, source: str, window: int, most: int, until: int) -> bool:
        self._called("may_try")
        if self.tries[source, window] >= most:
            return False
        self.tries[source, window] += 1
        return True

    def _login(self, family_id: str) -> DeviceLogin:
        family = self.families.get_now(family_id)
        revoked_at = family.revoked_at if family is not None else None
        if revoked_at is None and family_id in self.families.revoked:
            revoked_at = LOGIN_AT
        return DeviceLogin(family, self.polls.get(family_id, ()), revoked_at)

    def _called(self, what: str) -> None:
        self.calls.append(what)
        if self.broken:
            raise temporarily_unavailable("the token store can't be reached at the moment", detail="broken")
