"""Which Sundial this is: said by the rotation function, so that an operator sees what is deployed."""

from __future__ import annotations

VERSION = "0.1.0"
"""pyproject.toml's; a test holds them to each other."""
