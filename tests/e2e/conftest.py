"""The local server with the demonstration's configuration, started once a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.local_server import BANNER_END, LocalServer, local_server
from tests.support.relying_party import RelyingParty


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A local server as `make run` starts it, with a state folder of its own."""
    with local_server(tmp_path_factory.mktemp("demo") / "state") as server:
        server.wait_for(BANNER_END)
        yield server


@pytest.fixture
def relying_party() -> Iterator[Callable[..., RelyingParty]]:
    """Make relying parties that are closed when the test is over."""
    with ExitStack() as opened:

        def make(issuer: str, *arguments: Any, **options: Any) -> RelyingParty:
            party = RelyingParty(issuer, *arguments, **options)
            opened.callback(party.close)
            return party

        yield make
