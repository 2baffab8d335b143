"""docs/connectors says what the connectors can do, and what it shows can be pasted."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import pytest

from sundial.config.section import Reading, Section
from sundial.connectors import base
from sundial.connectors.registry import SERVED, abilities, can_refresh, read_settings
from sundial.discovery.documents import openid_configuration
from sundial_cli.connector_docs import connector_docs
from tests.support.certificates import authority
from tests.support.config import make_config, without_problems

PAGES = Path(__file__).parents[3] / "docs" / "connectors"
NAMES = sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README")
CERTIFICATE = authority().pem
SHORTENED = re.compile(r" +-----BEGIN CERTIFICATE-----\n +…\n +-----END CERTIFICATE-----\n")
REFUSED = {"clientAssertion", "kerberos"}
"""Keys of Dex's that are known, and refused with a word of advice."""
HASH = "$2a$10$33EMT0cVYVlPy6WAMCLsceLYjWhuHpbz5yuZxu/GAFj03J9Lytjuy"


def test_the_table_of_abilities_is_the_one_that_is_committed() -> None:
    assert (PAGES / "README.md").read_text("utf-8") == connector_docs(), "run `make docs-config`"


def test_every_page_is_there_and_in_the_table() -> None:
    linked = set(re.findall(r"\]\(([a-z0-9]+\.md)\)", connector_docs().partition("\n- ")[0]))
    assert linked == {path.name for path in PAGES.glob("*.md")} - {"README.md"}


@pytest.mark.parametrize("name", NAMES)
def test_the_configuration_of_a_page_can_be_pasted(name: str) -> None:
    text = shown(name)
    environment = dict.fromkeys(re.findall(r"\$([A-Z_]+)", text), "a value of its own, and a long one at that")
    config = without_problems(f"issuer: https://login.example.com\n{text}", environment | {"ADMIN_PASSWORD_HASH": HASH})
    expected = {"local": ["password"], "mock": ["mockCallback", "mockPassword"]}.get(name, [name])
    assert [connector.type for connector in config.connectors] == expected


def shown(name: str) -> str:
    """Return the YAML that a page shows, with a certificate where it shortens one."""
    (text,) = re.findall(r"```yaml\n(.*?)```", (PAGES / f"{name}.md").read_text("utf-8"), re.DOTALL)
    return SHORTENED.sub(indent(CERTIFICATE, " " * 8), text)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"local", "mock"}))
def test_the_settings_of_a_page_are_those_that_are_read(name: str) -> None:
    asked: set[str] = set()

    class Watched(Section):
        def states(self, key: str) -> bool:
            asked.add(key)
            return super().states(key)

    read_settings(name, Watched(Reading({}, {}), {}), "https://login.example.com")
    page = (PAGES / f"{name}.md").read_text("utf-8")
    (table,) = re.findall(r"\n## Settings\n\n.*?\n\| --- .*?\n(.*?)\n\n", f"{page}\n", re.DOTALL)
    named = [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in table.splitlines()]
    assert {re.split(r"[.\[]", key)[0] for keys in named for key in keys if key[0] != "."} == asked - REFUSED


@pytest.mark.parametrize("type", SERVED)
def test_people_log_in_with_a_password_or_by_a_redirect(type: str) -> None:
    can = abilities(type)
    assert can & {base.PasswordLogin, base.RedirectLogin}, "somebody can log in"
    assert not {base.PasswordLogin, base.RedirectLogin} <= can, "in one way"


def discovered(type: str, config: str) -> list[str]:
    text = f"issuer: https://id.example.com\nconnectors: [{{type: {type}, id: x, name: X, config: {config}}}]\n"
    made = make_config(text, {"SECRET": "a secret"})
    assert can_refresh(made) == ("offline_access" in openid_configuration(made)["scopes_supported"])
    return list(openid_configuration(made)["scopes_supported"])


def test_discovery_offers_offline_access_where_a_connector_can_refresh_and_nowhere_else() -> None:
    oauth = (
        "{clientID: c, clientSecret: $SECRET, authorizationURL: https://a, tokenURL: https://a, userInfoURL: https://a}"
    )
    assert "offline_access" not in discovered("oauth", oauth)
    assert "offline_access" in discovered("oidc", "{clientID: c, clientSecret: $SECRET, issuer: https://a}")
    assert "offline_access" in discovered("mockCallback", "{}")
