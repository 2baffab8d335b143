"""A pytest plugin: the run fails where a secret stands in a log line of any test, in whichever worker.

It reads what every handler answers, every key that is made, and everything that is logged or printed.
Other processes' logs (the local server's) are handed to `LEAKS` by those who start them.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from typing import Any

import pytest

from sundial.connectors.base import Attempt
from sundial.connectors.oauth2 import Tokens, verifier
from sundial.keys.ring import MacKey, SigningKey
from sundial.observe import logger
from sundial.web.edge import Edge
from tests.support.leaks import Leaks, note_exchange, note_key, note_mac_key

LEAKS = Leaks()
_FROM_WORKERS: list[str] = []
_OUTPUT = "sundial_leaks"
_PATCHES = pytest.MonkeyPatch()


class _Tee(logging.Handler):
    """Every record, as CloudWatch would have it."""

    current = "outside of any test"

    def emit(self, record: logging.LogRecord) -> None:
        LEAKS.log(self.current, self.format(record))

    def format(self, record: logging.LogRecord) -> str:
        if record.name == logger.name:
            return str(logger.registered_formatter.format(record))
        return super().format(record)


_TEE = _Tee()


def pytest_configure() -> None:
    """Begin to watch."""
    logging.getLogger().addHandler(_TEE)
    answer, make_signing_key, make_mac_key = Edge.__call__, SigningKey.__init__, MacKey.__init__
    make_tokens, make_attempt = Tokens.__init__, Attempt.__init__

    def watched_answer(self: Edge, event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        response = answer(self, event, context)
        note_exchange(LEAKS, event, response)
        return response

    def watched_signing_key(self: SigningKey, *args: Any, **fields: Any) -> None:
        make_signing_key(self, *args, **fields)
        note_key(LEAKS, self.private_pem)

    def watched_mac_key(self: MacKey, *args: Any, **fields: Any) -> None:
        make_mac_key(self, *args, **fields)
        note_mac_key(LEAKS, self.secret)

    def watched_tokens(self: Tokens, *args: Any, **fields: Any) -> None:
        make_tokens(self, *args, **fields)
        for token in (self.access_token, self.refresh_token, self.id_token):
            LEAKS.secret("a token of a provider", token)

    def watched_attempt(self: Attempt, *args: Any, **fields: Any) -> None:
        make_attempt(self, *args, **fields)
        LEAKS.secret("what an attempt's secrets are derived from", self.seed)
        LEAKS.secret("a PKCE verifier", verifier(self))

    _PATCHES.setattr(Edge, "__call__", watched_answer)
    _PATCHES.setattr(SigningKey, "__init__", watched_signing_key)
    _PATCHES.setattr(MacKey, "__init__", watched_mac_key)
    _PATCHES.setattr(Tokens, "__init__", watched_tokens)
    _PATCHES.setattr(Attempt, "__init__", watched_attempt)


def pytest_unconfigure() -> None:
    """Stop watching."""
    logging.getLogger().removeHandler(_TEE)
    _PATCHES.undo()


def pytest_runtest_logstart(nodeid: str) -> None:
    """Know whose lines these are."""
    _TEE.current = nodeid


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Take what the test printed (metrics are printed), once it is over."""
    report = yield
    if call.when == "teardown":
        for title, text in report.sections:
            if title.startswith(("Captured stdout", "Captured stderr")):
                LEAKS.log(item.nodeid, text)
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker of pytest-xdist found."""
    _FROM_WORKERS.extend(getattr(node, "workeroutput", {}).get(_OUTPUT, ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run where anything was found."""
    found = list(dict.fromkeys(str(leak) for leak in LEAKS.found()))
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_OUTPUT] = found
        return
    _FROM_WORKERS.extend(found)
    if _FROM_WORKERS:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was found, and where."""
    if _FROM_WORKERS:
        terminalreporter.section("secrets in log lines", red=True, bold=True)
        for leak in _FROM_WORKERS:
            terminalreporter.write_line(leak)
