"""How a dataclass field says which setting of the configuration file it is."""

from __future__ import annotations

from typing import Any


def setting(key: str, help: str, *, default: str = "", ours: bool = False) -> dict[str, Any]:
    """Return the metadata of a field: its key in the file, what it means, its default in words, whether Dex lacks it.

    An empty `key` marks a field that stands for no setting. docs/configuration.md is made of these.
    """
    return {"key": key, "help": help, "default": default, "ours": ours}
