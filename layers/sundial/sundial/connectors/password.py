"""The local password database (Dex: enablePasswordDB): users of the file, then users of the table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sundial.expiry.family import Claims
from sundial.observe import logger
from sundial.tokens.subject import user_tag

if TYPE_CHECKING:
    from sundial.config.model import StaticPassword
    from sundial.store.directory import Directory, LocalUser

RECOMMENDED_COST = 12
HIGHEST_COST = 16
"""bcrypt's cost is a power of two; a hash beyond this (Dex's bound too) would keep a function busy for seconds."""

LONGEST_EMAIL = 320
"""Characters (RFC 5321 §4.5.3.1). DynamoDB takes no key of more than 2,048 bytes: what a stranger typed would be a
failure of ours."""
LONGEST_PASSWORD = 72
_BCRYPT = re.compile(rb"\$2[abxy]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53}")


class PasswordConnector:
    """Checks a bcrypt hash. A user of the file hides one of the table with the same email."""

    prompt = "Email address"
    groups_are = "the user's `groups`"

    def __init__(
        self,
        id: str,
        name: str,
        static_users: Iterable[StaticPassword],
        directory: Callable[[], Directory],
        *,
        least_cost: int = RECOMMENDED_COST,
    ) -> None:
        """`directory` is called when the table is first needed: who has only users of the file never reaches for it.

        A refusal takes as long as one hash of `least_cost`, or of the highest cost of the file.
        """
        self.id = id
        self.name = name
        self._by_email = {email_key(user.email): user for user in static_users}
        self._by_tag = {user_tag(user.user_id): user for user in self._by_email.values()}
        self._directory = directory
        costs = (bcrypt_cost(user.hash) or 0 for user in self._by_email.values())
        self._cost = max((least_cost, *costs))

    def log_in(self, username: str, password: str) -> Claims | None:
        """Return the user (see PasswordLogin); an email is compared without regard to case."""
        key = email_key(username)
        static_user = self._by_email.get(key)
        if static_user is not None and _matches(password, static_user.hash):
            return _claims(static_user)
        # A wrong password of a user of the file costs the same look into the table as an email that
        # nobody has, so that the clock doesn't tell the two apart.
        user = self._directory().user(key) if len(key) <= LONGEST_EMAIL else None
        if static_user is None and user is not None and _matches(password, user.hash) and not user.disabled:
            return _claims(user)
        known = static_user or user
        self._take_as_long(password, None if known is None else bcrypt_cost(known.hash))
        return None

    def _take_as_long(self, password: str, spent: int | None) -> None:
        """Take what a refusal takes, of which a hash of the cost `spent` is done: each cost takes twice the one before.

        So after one of 10, one of 10 and one of 11 come to one of 12.
        """
        for cost in (self._cost,) if spent is None else range(spent, self._cost):
            _matches(password, _hash_of_nobody(cost))

    def refresh(self, user_tag: bytes, since: int) -> Claims | None:
        """Return the user (see Refreshable): no network call for a user of the file, one for one of the table."""
        static_user = self._by_tag.get(user_tag)
        if static_user is not None:
            return _claims(static_user)
        user = self._directory().user_by_tag(user_tag)
        if user is None or user.disabled or since < user.not_before or email_key(user.email) in self._by_email:
            return None
        return _claims(user)


def email_key(email: str) -> str:
    """Return the form of an email address by which users are found: as Dex has it, in lower case."""
    return email.strip().lower()


def bcrypt_cost(hashed: bytes) -> int | None:
    """Return the cost of a bcrypt hash, None where it is none or costs more than HIGHEST_COST."""
    match = _BCRYPT.fullmatch(hashed)
    cost = int(match["cost"]) if match else 0
    return cost if 4 <= cost <= HIGHEST_COST else None


def _matches(password: str, hashed: bytes) -> bool:
    """Compare as Go's bcrypt does, and so as Dex does: of a password, the first 72 bytes count."""
    if bcrypt_cost(hashed) is None:
        logger.error("a user's password hash is not a bcrypt hash of a bearable cost; nobody can log in with it")
        return False
    import bcrypt  # here, so that a refresh doesn't pay for loading it

    return bcrypt.checkpw(password.encode("utf-8")[:LONGEST_PASSWORD], hashed)


def _hash_of_nobody(cost: int) -> bytes:
    """Return a hash that no password has, as slow to check as one of that cost."""
    return b"$2b$%02d$" % cost + b"." * 53


def _claims(user: StaticPassword | LocalUser) -> Claims:
    return Claims(
        user_id=user.user_id,
        username=user.name or user.username,
        preferred_username=user.preferred_username,
        email=user.email,
        email_verified=user.email_verified,
        groups=user.groups,
    )
