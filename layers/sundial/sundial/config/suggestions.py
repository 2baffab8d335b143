"""What a misspelt word was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable


def remedy_for(word: str, known: Iterable[str]) -> str:
    """Return "did you mean …?" for the known word that is nearest to `word`, or all of them where none is near."""
    import difflib  # only a bad file pays for it

    by_lower_case = {one.lower(): one for one in known}
    near = difflib.get_close_matches(word.lower(), by_lower_case, n=1)
    if near:
        return f"did you mean '{by_lower_case[near[0]]}'?"
    return f"use {one_of(by_lower_case.values())}" if by_lower_case else "remove it"


def one_of(words: Iterable[str]) -> str:
    """Return `words` as "a", "a or b", "a, b or c"; there is at least one."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
