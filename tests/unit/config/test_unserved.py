"""What a Dex file may ask for and Sundial doesn't serve yet is refused by name: one test a row of the table."""

from __future__ import annotations

import pytest

from sundial.config.problems import Severity
from sundial.config.unserved import LEFT_OUT, NOT_SERVED_YET
from tests.support.config import problems_of, without_problems

ROWS = sorted(NOT_SERVED_YET)


def asking_for(row: str) -> tuple[str, str]:
    """Return a file that asks for what the row names, and the key that a problem names."""
    pattern, _, value = row.partition(": ")
    section, _, key = pattern.rpartition(".")
    is_list = key in ("grantTypes", "responseTypes", "algorithms")
    stated = f"[{value}]" if is_list else value or "{asked: [for]}"
    rest = {"connectors[]": ", id: x, name: X", "staticClients[]": ", id: x, public: true"}.get(section, "")
    settings = f"{{{key}: {stated}{rest}}}"
    if section.endswith("[]"):
        text = f"{section.removesuffix('[]')}: [{settings}]"
    else:
        text = f"{section}: {settings}" if section else f"{key}: {stated}"
    return text, pattern.replace("[]", "[0]") + ("[0]" if is_list else "")


@pytest.mark.parametrize("row", ROWS)
def test_it_is_refused_as_not_supported_yet(row: str) -> None:
    text, key = asking_for(row)
    (problem,) = problems_of(text)
    assert (problem.severity, problem.key) == (Severity.ERROR, key)
    assert problem.message == f"is not supported yet: {NOT_SERVED_YET[row]}"
    assert problem.remedy


@pytest.mark.parametrize("row", sorted(LEFT_OUT))
def test_it_is_left_out_and_that_is_said(row: str) -> None:
    text, key = asking_for(row)
    (problem,) = problems_of(text)
    assert (problem.severity, problem.key) == (Severity.WARNING, key)
    assert problem.message == f"is left out: {LEFT_OUT[row]}"


@pytest.mark.parametrize(
    "text",
    [
        "mfa: {}",
        "sessions: {}",
        "oauth2: {passwordConnector: ''}",
        "staticClients: [{id: a, public: true, trustedPeers: [], ssoSharedWith: [], mfaChain: []}]",
        "staticClients: [{id: a, public: true, refreshTokenLifetime: ''}]",
        "connectors: []",
        "logger: {excludeFields: []}",
    ],
)
def test_a_key_that_asks_for_nothing_is_accepted(text: str) -> None:
    assert without_problems(text)


def test_a_connector_that_is_refused_still_counts_as_one_that_clients_may_name() -> None:
    text = "connectors: [{type: gitea, id: gt, name: Gitea}]\n"
    text += "staticClients: [{id: a, public: true, allowedConnectors: [gt]}]"
    assert [problem.key for problem in problems_of(text)] == ["connectors[0].type"]


def test_the_settings_of_a_signer_that_is_refused_are_not_looked_at() -> None:
    text = "signer: {type: vault, config: {addr: x, token: hunter2}}"
    (problem,) = problems_of(text)
    assert problem.key == "signer.type"
    assert "hunter2" not in str(problem)
