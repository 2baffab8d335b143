"""docs/connectors says what the connectors can do, and what it shows can be pasted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sundial.connectors import base
from sundial.connectors.registry import SERVED, abilities, can_refresh
from sundial.discovery.documents import openid_configuration
from sundial_cli.connector_docs import connector_docs
from tests.support.config import make_config, without_problems

PAGES = Path(__file__).parents[3] / "docs" / "connectors"
HASH = "$2a$10$33EMT0cVYVlPy6WAMCLsceLYjWhuHpbz5yuZxu/GAFj03J9Lytjuy"


def test_the_table_of_abilities_is_the_one_that_is_committed() -> None:
    assert (PAGES / "README.md").read_text("utf-8") == connector_docs(), "run `make docs-config`"


def test_every_page_is_there_and_in_the_table() -> None:
    linked = set(re.findall(r"\]\(([a-z0-9]+\.md)\)", connector_docs().partition("\n- ")[0]))
    assert linked == {path.name for path in PAGES.glob("*.md")} - {"README.md"}


@pytest.mark.parametrize("name", ["oidc", "oauth", "github", "gitlab", "google", "microsoft", "mock", "local"])
def test_the_configuration_of_a_page_can_be_pasted(name: str) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", (PAGES / f"{name}.md").read_text("utf-8"), re.DOTALL)
    environment = dict.fromkeys(re.findall(r"\$([A-Z_]+)", text), "a value") | {"ADMIN_PASSWORD_HASH": HASH}
    assert without_problems(f"issuer: https://login.example.com\n{text}", environment).connectors


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
