"""Options made of the configuration's classes: a setting that a file can state, a command can."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from sundial.config.model import Client, ClientExpiry, StaticPassword
from sundial.expiry.policies import RefreshTokenSettings
from sundial.settings import setting
from sundial_cli.setting_options import add_options, changed, document_of, given, options_of


@dataclass(frozen=True)
class Inner:
    """A block."""

    life: timedelta | None = field(default=None, metadata=setting("lifeTime", "how long"))
    strict: bool | None = field(default=None, metadata=setting("isStrict", "whether 100%"))


@dataclass(frozen=True)
class Outer:
    """What has a setting of each kind, and what is none."""

    id: str = field(metadata=setting("id", "which"))
    name: str = field(default="", metadata=setting("name", "what it is called"))
    uris: tuple[str, ...] = field(default=(), metadata=setting("redirectURIs", "where to"))
    own_groups: tuple[str, ...] = field(default=(), metadata=setting("claims.groups", "in its tokens"))
    public: bool = field(default=False, metadata=setting("public", "whether"))
    digest: bytes = field(default=b"", metadata=setting("hash", "never shown"))
    inner: Inner = field(default=Inner(), metadata=setting("inner", "more"))
    computed: str = field(default="", metadata=setting("", "no setting"))


OPTIONS = options_of(Outer, leaving_out=("id", "hash"))


def parsed(*typed: str) -> dict[str, Any]:
    """Return the document that comes of options typed."""
    parser = argparse.ArgumentParser()
    add_options(parser, OPTIONS, "settings")
    return changed({}, given(parser.parse_args(typed), OPTIONS))


def test_each_setting_is_an_option_named_as_its_key() -> None:
    flags = [option.flag for option in OPTIONS]
    assert flags == ["--name", "--redirect-uri", "--group", "--public", "--life-time", "--is-strict"]


@pytest.mark.parametrize(
    ("typed", "document"),
    [
        ([], {}),
        (["--name", "x"], {"name": "x"}),
        (["--redirect-uri", "a", "--redirect-uri", "b"], {"redirectURIs": ["a", "b"]}),
        (["--public"], {"public": True}),
        (["--no-public"], {"public": False}),
        (["--life-time", "5m"], {"inner": {"lifeTime": "5m"}}),
        (["--no-is-strict"], {"inner": {"isStrict": False}}),
        (["--group", "dev"], {"claims": {"groups": ["dev"]}}),
    ],
)
def test_what_is_said_stands_where_a_file_would_have_it(typed: list[str], document: dict[str, Any]) -> None:
    assert parsed(*typed) == document


def test_what_is_not_said_stays_and_what_is_empty_goes() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, OPTIONS, "settings")
    before = {"id": "x", "name": "old", "redirectURIs": ["a"], "inner": {"lifeTime": "5m"}, "other": 1}
    arguments = parser.parse_args(["--name", "", "--redirect-uri", "", "--life-time", ""])
    assert changed(before, given(arguments, OPTIONS)) == {"id": "x", "other": 1}
    arguments = parser.parse_args(["--is-strict"])
    assert changed(before, given(arguments, OPTIONS)) == before | {"inner": {"lifeTime": "5m", "isStrict": True}}
    assert before["inner"] == {"lifeTime": "5m"}, "the document that was read is left alone"


def test_a_document_says_what_its_class_says_beyond_the_defaults_and_no_digest() -> None:
    outer = Outer("x", uris=("a",), own_groups=("dev",), digest=b"1", inner=Inner(timedelta(minutes=90), strict=False))
    assert document_of(outer) == {
        "id": "x",
        "redirectURIs": ["a"],
        "claims": {"groups": ["dev"]},
        "inner": {"lifeTime": "1h30m", "isStrict": False},
    }


def test_every_setting_of_a_client_has_an_option_of_its_own() -> None:
    for described in (Client, StaticPassword):
        options = options_of(described)
        assert len({option.flag for option in options}) == len(options)


def test_a_client_of_the_file_is_shown_as_it_stands_there() -> None:
    client = Client("app", "The App", b"digest", ("https://app.example.com/callback",), allowed_connectors=("local",))
    refresh = RefreshTokenSettings(disable_rotation=False, reuse_interval=timedelta(seconds=30))
    assert document_of(replace(client, expiry=ClientExpiry(refresh_tokens=refresh))) == {
        "id": "app",
        "name": "The App",
        "redirectURIs": ["https://app.example.com/callback"],
        "allowedConnectors": ["local"],
        "expiry": {"refreshTokens": {"disableRotation": False, "reuseInterval": "30s"}},
    }
