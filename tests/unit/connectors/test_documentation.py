"""The configuration that the pages of docs/connectors show can be pasted: it has no problem but what it leaves open."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import pytest

from tests.support.certificates import authority
from tests.support.config import without_problems

PAGES = Path(__file__).parents[3] / "docs" / "connectors"
CERTIFICATE = authority().pem
SHORTENED = re.compile(r" +-----BEGIN CERTIFICATE-----\n +…\n +-----END CERTIFICATE-----\n")
VARIABLES = re.compile(r"\$([A-Z_]+)")


@pytest.mark.parametrize("name", ["ldap", "saml", "authproxy"])
def test_the_configuration_of_a_page_can_be_pasted(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text("utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    text = SHORTENED.sub(indent(CERTIFICATE, " " * 8), text)
    environment = dict.fromkeys(VARIABLES.findall(text), "a value of its own, and a long one at that")
    config = without_problems(f"issuer: https://login.example.com\n{text}", environment)
    assert [connector.type for connector in config.connectors] == [name]
