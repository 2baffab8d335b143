"""What a library makes of the same thing is made once a worker: the suite would ask for it thousands of times.

Nothing of Sundial's own is remembered, and nothing that depends on more than what it is given: what bcrypt says of a
password and a hash, the tree that PyYAML makes of a text, the code that Jinja makes of a template's source, what
botocore reads of AWS's APIs and how it names its own events.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import bcrypt
import botocore.session
import pytest
import yaml
from botocore.hooks import EventAliaser
from botocore.loaders import Loader
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
    patch.setattr("sundial.web.templating.Environment", partial(Environment, bytecode_cache=_Compiled()))
    patch.setattr("bcrypt.checkpw", lru_cache(maxsize=None)(bcrypt.checkpw))
    patch.setattr("yaml.compose", lru_cache(maxsize=1024)(yaml.compose))
    _let_botocore_remember(patch)


def _let_botocore_remember(patch: pytest.MonkeyPatch) -> None:
    """Each of its sessions would parse megabytes of JSON again, and each client look at hundreds of handlers."""
    descriptions: dict[Any, Any] = {}
    names: dict[str, str] = {}
    create_loader, name_of = botocore.session.create_loader, vars(EventAliaser)["_alias_event_name"]

    def create_sharing_loader(search_path: str | None = None) -> Loader:
        loader = create_loader(search_path)
        vars(loader)["_cache"] = descriptions
        return loader

    def known_name_of(self: EventAliaser, event_name: str) -> str:
        if event_name not in names:
            names[event_name] = str(name_of(self, event_name))
        return names[event_name]

    patch.setattr("botocore.session.create_loader", create_sharing_loader)
    patch.setattr(EventAliaser, "_alias_event_name", known_name_of)
