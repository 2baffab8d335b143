"""A refresh token family as an item of DynamoDB (template.yaml: FamiliesTable), there and back."""

from __future__ import annotations

from typing import Any

from sundial.expiry.family import Claims, Family, Inherited, PendingCode, Upstream
from sundial.tokens.subject import subject

Item = dict[str, Any]
"""Attributes by name, each as DynamoDB's API has it."""

FOR_EVER = 253_402_300_799
"""A `ttl` that never comes (the end of the year 9999): DynamoDB knows no other way to say so in a blind update."""


def denial_id(jti: str) -> str:
    """Return the id of the item that says that an access token is revoked."""
    return f"jti#{jti}"


def to_item(family: Family) -> Item:
    """Return `family` as DynamoDB keeps it. It holds no token, and nothing that could make one."""
    item: Item = {
        "id": {"S": family.family_id},
        "subject": {"S": subject(family.claims.user_id, family.connector_id)},
        "client_id": {"S": family.client_id},
        "connector_id": {"S": family.connector_id},
        "claims": {"M": claims_to_item(family.claims)},
        "created_at": number(family.created_at),
        "generation": number(family.generation),
        "rotated_at": number(family.rotated_at),
        "last_used_at": number(family.last_used_at),
        "change_id": {"S": family.change_id},
        "mac_key_id": {"S": family.mac_key_id},
    }
    if family.scopes:  # DynamoDB keeps no empty set
        item["scopes"] = {"SS": sorted(family.scopes)}
    if family.auth_time is not None:
        item["auth_time"] = number(family.auth_time)
    if family.code is not None:
        item["code_expires_at"] = number(family.code.expires_at)
        item["redirect_uri"] = {"S": family.code.redirect_uri}
        if family.code.challenge is not None:
            item["challenge"] = {"S": family.code.challenge}
    if family.nonce is not None:
        item["nonce"] = {"S": family.nonce}
    if family.audience:
        item["audience"] = {"L": [{"S": one} for one in family.audience]}
    if family.resources:
        item["resources"] = {"L": [{"S": one} for one in family.resources]}
    if family.redeemed_at is not None:
        item["redeemed_at"] = number(family.redeemed_at)
    if family.revoked_at is not None:
        item["revoked_at"] = number(family.revoked_at)
    if family.upstream is not None:
        item["upstream"] = {"M": {"key": {"B": family.upstream.wrapped_key}, "data": {"B": family.upstream.ciphertext}}}
    if family.lease_id:
        item |= {"lease_id": {"S": family.lease_id}, "lease_until": number(family.lease_until)}
    if family.inherited is not None:
        item["inherited"] = {"M": _inherited_to_item(family.inherited)}
    return item


def from_item(item: Item | None) -> Family | None:
    """Return the family that `item` is; None where there is none, or only the tombstone of one that never was."""
    if not item or "client_id" not in item:
        return None
    code = None
    if "code_expires_at" in item:
        challenge = item["challenge"]["S"] if "challenge" in item else None
        code = PendingCode(int(item["code_expires_at"]["N"]), item["redirect_uri"]["S"], challenge)
    return Family(
        family_id=item["id"]["S"],
        client_id=item["client_id"]["S"],
        connector_id=item["connector_id"]["S"],
        claims=_claims_from_item(item["claims"]["M"]),
        scopes=frozenset(item["scopes"]["SS"]) if "scopes" in item else frozenset(),
        created_at=int(item["created_at"]["N"]),
        auth_time=int(item["auth_time"]["N"]) if "auth_time" in item else None,
        code=code,
        nonce=item["nonce"]["S"] if "nonce" in item else None,
        redeemed_at=int(item["redeemed_at"]["N"]) if "redeemed_at" in item else None,
        generation=int(item["generation"]["N"]),
        rotated_at=int(item["rotated_at"]["N"]),
        last_used_at=int(item["last_used_at"]["N"]),
        change_id=item["change_id"]["S"],
        mac_key_id=item["mac_key_id"]["S"],
        revoked_at=int(item["revoked_at"]["N"]) if "revoked_at" in item else None,
        audience=tuple(one["S"] for one in item["audience"]["L"]) if "audience" in item else (),
        resources=tuple(one["S"] for one in item["resources"]["L"]) if "resources" in item else (),
        upstream=_upstream_from_item(item["upstream"]["M"]) if "upstream" in item else None,
        lease_id=item["lease_id"]["S"] if "lease_id" in item else "",
        lease_until=int(item["lease_until"]["N"]) if "lease_until" in item else 0,
        inherited=_inherited_from_item(item["inherited"]["M"]) if "inherited" in item else None,
    )


def claims_to_item(claims: Claims) -> Item:
    """Return what is known of a user, as a family's item keeps it."""
    return {
        "user_id": {"S": claims.user_id},
        "username": {"S": claims.username},
        "preferred_username": {"S": claims.preferred_username},
        "email": {"S": claims.email},
        "email_verified": {"BOOL": claims.email_verified},
        "groups": {"L": [{"S": group} for group in claims.groups]},
    }


def _claims_from_item(item: Item) -> Claims:
    return Claims(
        user_id=item["user_id"]["S"],
        username=item["username"]["S"],
        preferred_username=item["preferred_username"]["S"],
        email=item["email"]["S"],
        email_verified=item["email_verified"]["BOOL"],
        groups=tuple(group["S"] for group in item["groups"]["L"]),
    )


def _upstream_from_item(item: Item) -> Upstream:
    return Upstream(item["key"]["B"], item["data"]["B"])


def _inherited_to_item(inherited: Inherited) -> Item:
    item: Item = {"current": {"B": inherited.current}, "rotated_at": number(inherited.rotated_at)}
    return item if inherited.previous is None else item | {"previous": {"B": inherited.previous}}


def _inherited_from_item(item: Item) -> Inherited:
    previous = item["previous"]["B"] if "previous" in item else None
    return Inherited(item["current"]["B"], previous, int(item["rotated_at"]["N"]))


def number(value: int) -> dict[str, str]:
    """Return a number as DynamoDB has it."""
    return {"N": str(value)}
