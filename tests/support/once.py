"""What a library makes of the same thing is made once a worker: the suite would ask for it thousands of times.

Nothing of Sundial's own is remembered, and nothing that depends on more than what it is given: what bcrypt says of a
password and a hash, the tree that PyYAML makes of a text, the code that Jinja makes of a template's source.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import bcrypt
import pytest
import yaml
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket


class _Compiled(BytecodeCache):
    """Jinja's code in memory, by the template's name and source."""

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        code, checksum = self._kept.get(bucket.key, (None, None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = (bucket.code, bucket.checksum)


def make_once(patch: pytest.MonkeyPatch) -> None:
    """Let libraries remember, until `patch` is undone."""
    patch.setattr("sundial.web.pages.Environment", partial(Environment, bytecode_cache=_Compiled()))
    patch.setattr("bcrypt.checkpw", lru_cache(maxsize=None)(bcrypt.checkpw))
    patch.setattr("yaml.compose", lru_cache(maxsize=1024)(yaml.compose))
