"""What became of each thing that was to be imported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Outcome:
    """What became of the things of one kind, by what they are called."""

    what: str
    imported: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    """There already, as they should be: from an earlier run, or from the configuration file."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Those that can't be imported, and why."""
    notes: dict[str, str] = field(default_factory=dict)
    """Of those that were: what they go without."""

    def note(self, name: str, result: bool | str) -> None:
        """Note what became of one: that it was imported, that it was there already, or why it is left out."""
        if isinstance(result, str):
            self.left_out[name] = result
        else:
            (self.imported if result else self.present).append(name)

    def to_json(self) -> dict[str, Any]:
        """Return what a script gets."""
        return {
            "imported": self.imported,
            "present": self.present,
            "left_out": self.left_out,
            "notes": self.notes,
        }

    def summary(self, *, dry_run: bool) -> str:
        """Return it in a line: `users: 12 imported, 3 there already, 1 left out`."""
        done = "to be imported" if dry_run else "imported"
        parts = [f"{len(self.imported):,} {done}"]
        if self.present:
            parts.append(f"{len(self.present):,} there already")
        if self.left_out:
            parts.append(f"{len(self.left_out):,} left out")
        return f"{self.what}: {', '.join(parts)}"
