"""The authorization code rule (RFC 6749 §4.1.2 and §4.1.3, RFC 7636 §4.6): pure, and stated once."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from enum import StrEnum

from sundial.expiry.family import Family


class Redemption(StrEnum):
    """What becomes of a presented authorization code."""

    REDEEM = "redeem"
    UNKNOWN = "unknown"
    """No such login, or it is revoked, or older than the watermark."""
    EXPIRED = "expired"
    WRONG_CLIENT = "wrong client"
    WRONG_REDIRECT_URI = "wrong redirect_uri"
    WRONG_VERIFIER = "wrong code_verifier"
    WRONG_TARGET = "wrong resource"
    """A resource that was not asked for at login (RFC 8707 §2.2)."""
    REPLAY = "replay"
    """A second use: whatever the first one got is to be revoked (RFC 6749 §4.1.2)."""


def decide(
    family: Family | None,
    client_id: str,
    redirect_uri: str,
    challenges: frozenset[str],
    now: int,
    not_before: int = 0,
    resources: frozenset[str] = frozenset(),
) -> Redemption:
    """Return what becomes of the code that began `family`, presented by `client_id` at `now`.

    `challenges` are the challenges that the presented verifier answers (see `challenges_of`); empty
    where the client sent no verifier. `resources` are those that its token is to be for. `now` and the
    operator's watermark `not_before` are epoch seconds.
    """
    if family is None or family.code is None or family.revoked_at is not None:
        return Redemption.UNKNOWN
    if family.client_id != client_id:
        return Redemption.WRONG_CLIENT
    if family.redeemed_at is not None:
        return Redemption.REPLAY
    if family.created_at < not_before:
        return Redemption.UNKNOWN
    if now > family.code.expires_at:
        return Redemption.EXPIRED
    if family.code.redirect_uri != redirect_uri:
        return Redemption.WRONG_REDIRECT_URI
    if bool(challenges) != bool(family.code.challenge) or (challenges and family.code.challenge not in challenges):
        return Redemption.WRONG_VERIFIER
    if family.resources and not resources <= set(family.resources):
        return Redemption.WRONG_TARGET
    return Redemption.REDEEM


def challenge(method: str, code_challenge: str) -> str:
    """Return the stored form of a PKCE challenge (RFC 7636 §4.3)."""
    return f"{method}:{code_challenge}"


def challenges_of(verifier: str | None) -> frozenset[str]:
    """Return the stored forms of every challenge that `verifier` answers (RFC 7636 §4.6)."""
    if verifier is None:
        return frozenset()
    digest = urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")
    return frozenset((challenge("S256", digest), challenge("plain", verifier)))
