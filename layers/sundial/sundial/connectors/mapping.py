"""A provider's claims into ours, by the settings that Dex has for it (`oidc`: claimMapping, claimModifications)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sundial.errors import OAuthError, access_denied

if TYPE_CHECKING:
    from sundial.config.section import Section

_NOT_IN_A_GROUP = "Your account is not in any of the groups that may log in here."


@dataclass(frozen=True, slots=True)
class GroupFromClaims:
    """Dex: claimModifications.newGroupFromClaims[]: a group whose name is made of claims."""

    claims: tuple[str, ...]
    delimiter: str
    clear_delimiter: bool
    prefix: str

    def of(self, claims: Mapping[str, Any]) -> str | None:
        """Return the group, None where the user has none of the claims."""
        values = [claims[name] for name in self.claims if isinstance(claims.get(name), str)]
        if self.clear_delimiter and self.delimiter:
            values = [value.replace(self.delimiter, "") for value in values]
        return self.delimiter.join((self.prefix, *values)) if values else None


@dataclass(frozen=True, slots=True)
class GroupRules:
    """Which groups of the provider's a user has here, and under which names."""

    allowed: tuple[str, ...] = ()
    """Where there are any: who is in none of them may not log in, and of the others nothing is told."""
    pattern: re.Pattern[str] | None = None
    prefix: str = ""
    suffix: str = ""
    made: tuple[GroupFromClaims, ...] = field(default=())

    def apply(self, groups: Iterable[str], claims: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the groups; raises `access_denied` for a user who is in none of the allowed ones."""
        kept = [group for group in groups if self.pattern is None or self.pattern.search(group)]
        kept = list(allowed_groups(kept, self.allowed))
        names = [f"{self.prefix}{group}{self.suffix}" for group in kept]
        names += filter(None, (rule.of(claims) for rule in self.made))
        return tuple(dict.fromkeys(names))


def allowed_groups(groups: Iterable[str], allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of `groups` that are `allowed`, all where nothing is; raises `access_denied` where none is left."""
    if not allowed:
        return tuple(groups)
    kept = tuple(group for group in groups if group in allowed)
    if not kept:
        raise not_in_a_group()
    return kept


def not_in_a_group() -> OAuthError:
    """Return what is told to a user who is in none of the groups that may log in (Dex: 403)."""
    return access_denied(_NOT_IN_A_GROUP, detail="in none of the required groups")


def group_names(value: object) -> tuple[str, ...] | None:
    """Return the groups of a claim: text, a list of it, or of mappings with a `name`; None for anything else."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        return None
    stated = [one.get("name") if isinstance(one, dict) else one for one in value]
    names = tuple(name for name in stated if isinstance(name, str))
    return names if len(names) == len(stated) else None


def read_group_rules(section: Section) -> GroupRules:
    """Return `allowedGroups` and `claimModifications`."""
    allowed = section.texts("allowedGroups")
    modifications = section.section("claimModifications")
    rules = GroupRules(allowed, _pattern(modifications), *_affixes(modifications), tuple(_made(modifications)))
    modifications.close()
    return rules


def _pattern(modifications: Section) -> re.Pattern[str] | None:
    section = modifications.section("filterGroupClaims")
    text = section.text("groupsFilter")
    section.close()
    try:
        return re.compile(text) if text else None
    except re.error:
        section.error("groupsFilter", "is not a regular expression", "write one, such as '^team-'")
        return None


def _affixes(modifications: Section) -> tuple[str, str]:
    section = modifications.section("modifyGroupNames")
    affixes = section.text("prefix") or "", section.text("suffix") or ""
    section.close()
    return affixes


def _made(modifications: Section) -> Iterable[GroupFromClaims]:
    for section in modifications.sections("newGroupFromClaims"):
        yield GroupFromClaims(
            section.texts("claims"),
            section.text("delimiter") or "",
            section.flag("clearDelimiter"),
            section.text("prefix") or "",
        )
        section.close()
