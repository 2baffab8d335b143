"""The configuration file as it is served: its port, its issuer, its problems; and what the banner says of it."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import bcrypt
import pytest

from sundial.config.problems import ConfigError
from sundial.config.reader import load_compiled
from sundial_local.banner import banner
from sundial_local.configuration import Configuration, PortTakenError, listen
from sundial_local.demo import CLIENT_SECRETS, USER_PASSWORDS
from sundial_local.paths import DEFAULT_CONFIG

DEMO = Configuration.of(DEFAULT_CONFIG, {})


def _written(folder: Path, issuer: str, more: str = "") -> Path:
    path = folder / "sundial.yaml"
    path.write_text(f"issuer: {issuer}\nenablePasswordDB: true\n{more}", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("issuer", "served"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:9000"),
        ("http://localhost:8080/dex", "http://localhost:9000/dex"),
        ("http://[::1]:8080", "http://[::1]:9000"),
        ("http://127.0.0.1", "http://127.0.0.1:9000"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("https://login.example.com/dex", "https://login.example.com/dex"),
        ("https://127.0.0.1:8080", "https://127.0.0.1:8080"),
    ],
)
def test_a_loopback_issuer_moves_with_the_port_and_another_stays(tmp_path: Path, issuer: str, served: str) -> None:
    moved = Configuration.of(_written(tmp_path, issuer), {}).moved_to(9000, {})
    assert moved.config.issuer == served
    moved.write(tmp_path / "sundial.json")
    assert load_compiled(tmp_path / "sundial.json", {}).issuer == served


def test_an_issuer_on_the_usual_port_keeps_its_name(tmp_path: Path) -> None:
    configuration = Configuration.of(_written(tmp_path, "http://localhost"), {})
    assert configuration.moved_to(80, {}).config.issuer == "http://localhost"


def test_the_deployments_own_file_takes_the_issuer_from_the_environment(tmp_path: Path) -> None:
    variables = {"SUNDIAL_ISSUER": "http://127.0.0.1:8080"}
    moved = Configuration.of(_written(tmp_path, "$SUNDIAL_ISSUER"), variables).moved_to(9000, variables)
    assert moved.config.issuer == "http://127.0.0.1:9000"


def test_a_file_that_cannot_be_served_says_every_line_at_once(tmp_path: Path) -> None:
    path = _written(tmp_path, "http://127.0.0.1:8080", "expiry: {idTokens: 90d}\nconectors: []\n")
    with pytest.raises(ConfigError) as refused:
        Configuration.of(path, {})
    assert {problem.line for problem in refused.value.problems} >= {3, 4}


def test_a_variable_that_is_not_set_keeps_the_file_from_being_served(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="NOT_SET"):
        Configuration.of(_written(tmp_path, "https://$NOT_SET.example.com"), {})


def test_the_compiled_document_is_its_owners_alone(tmp_path: Path) -> None:
    DEMO.write(tmp_path / "sundial.json")
    assert tmp_path.joinpath("sundial.json").stat().st_mode & 0o777 == 0o600
    assert json.loads(tmp_path.joinpath("sundial.json").read_text(encoding="utf-8"))["format"] == 1


def test_a_port_that_is_taken_names_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"port {port} .*`make run PORT={port + 1}`"):
            listen("http://127.0.0.1:8080", port)
        with pytest.raises(PortTakenError):
            listen(f"http://127.0.0.1:{port}", None)


def test_the_port_is_the_issuers_where_it_is_ours_to_choose() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with listen(f"http://localhost:{port}/dex", None) as listener:
        assert listener.getsockname() == ("127.0.0.1", port)


def test_the_demonstrations_secrets_are_those_of_its_file() -> None:
    import hashlib

    config = DEMO.config
    for client_id, secret in CLIENT_SECRETS.items():
        assert config.clients[client_id].secret_sha256 == hashlib.sha256(secret.encode()).digest()
    hashes = {user.email: user.hash for user in config.static_passwords}
    for email, password in USER_PASSWORDS.items():
        assert bcrypt.checkpw(password.encode(), hashes[email])


def test_the_banner_tells_all_that_is_needed_to_try_it(tmp_path: Path) -> None:
    text = banner(DEMO, tmp_path / "log.jsonl")
    for told in (
        "http://127.0.0.1:8080/.well-known/openid-configuration",
        "example-app, secret ZXhhbXBsZS1hcHAtc2VjcmV0",
        "example-cli, public",
        "admin@example.com / password",
        "-m sundial_local.walk http://127.0.0.1:8080",
        "log.jsonl",
    ):
        assert told in text


def test_the_banner_tells_no_secret_of_another_configuration(tmp_path: Path) -> None:
    more = "staticClients: [{id: app, secret: ZXhhbXBsZS1hcHAtc2VjcmV0, redirectURIs: ['http://127.0.0.1/cb']}]\n"
    text = banner(Configuration.of(_written(tmp_path, "http://127.0.0.1:8080", more), {}), tmp_path)
    assert "app, confidential, redirects to http://127.0.0.1/cb" in text
    assert "ZXhhbXBsZS1hcHAtc2VjcmV0" not in text
    assert "walk" not in text
