"""What the smoke test finds wrong, and how it says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sundial_cli.main import main
from sundial_cli.smoke_test import Answer, Credentials, SmokeError, Step, smoke

ISSUER = "https://login.example.com"
NOW = 1_800_000_000
CLIENT = Credentials("canary", "secret-of-the-canary")
KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
JWK = {**jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "one", "alg": "ES256", "use": "sig"}

Change = Callable[[dict[str, Any]], None]


class Server:
    """Answers as Sundial does, but for what `changes` makes of the answer to a path."""

    def __init__(self, **changes: Change) -> None:
        self._changes = changes
        self._revoked = False

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        name = {
            f"{ISSUER}/.well-known/openid-configuration": "discovery",
            f"{ISSUER}/keys": "keys",
            f"{ISSUER}/token": "token",
            f"{ISSUER}/token/introspect": "introspect",
            f"{ISSUER}/token/revoke": "revoke",
        }[url]
        answer = getattr(self, f"_{name}")(headers)
        self._changes.get(name, lambda _: None)(answer)  # type: ignore[no-untyped-call]
        return Answer(answer["status"], answer["headers"], json.dumps(answer["document"]).encode())

    def _discovery(self, _: Mapping[str, str]) -> dict[str, Any]:
        endpoints = {"jwks_uri": "keys", "authorization_endpoint": "auth", "token_endpoint": "token"}
        endpoints |= {"introspection_endpoint": "token/introspect", "revocation_endpoint": "token/revoke"}
        return answer(200, {"issuer": ISSUER, **{name: f"{ISSUER}/{path}" for name, path in endpoints.items()}})

    def _keys(self, _: Mapping[str, str]) -> dict[str, Any]:
        return answer(200, {"keys": [dict(JWK)]}, {"cache-control": "public, max-age=3600"})

    def _token(self, headers: Mapping[str, str]) -> dict[str, Any]:
        if headers["authorization"] != "Basic Y2FuYXJ5OnNlY3JldC1vZi10aGUtY2FuYXJ5":
            return answer(401, {"error": "invalid_client"})
        token = {"access_token": signed(), "token_type": "Bearer", "expires_in": 3600}
        return answer(200, token, {"cache-control": "no-store"})

    def _introspect(self, _: Mapping[str, str]) -> dict[str, Any]:
        return answer(200, {"active": not self._revoked})

    def _revoke(self, _: Mapping[str, str]) -> dict[str, Any]:
        self._revoked = True
        return answer(200, {})


def answer(status: int, document: dict[str, Any], headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {"status": status, "document": document, "headers": dict(headers or {})}


def signed(key: ec.EllipticCurvePrivateKey = KEY, **claims: Any) -> str:
    own = {"iss": ISSUER, "sub": "canary", "client_id": "canary", "iat": NOW, "exp": NOW + 3600, **claims}
    return jwt.encode(own, key, algorithm="ES256", headers={"kid": "one"})


def walked(**changes: Change) -> list[Step]:
    return list(smoke(ISSUER, CLIENT, Server(**changes), lambda: NOW))


def setting(**members: Any) -> Change:
    return lambda answer: answer["document"].update(members)


def instead(key: ec.EllipticCurvePrivateKey = KEY, **claims: Any) -> Change:
    """Give another token, where one is given."""

    def change(answer: dict[str, Any]) -> None:
        if "access_token" in answer["document"]:
            answer["document"]["access_token"] = signed(key, **claims)

    return change


def test_a_deployment_that_works_passes_every_step() -> None:
    steps = walked()
    assert len(steps) == 8
    assert [step.problem for step in steps] == [""] * 8


@pytest.mark.parametrize(
    ("step", "problem", "changes"),
    [
        ("discovery", "the issuer is 'https://other.example'", {"discovery": setting(issuer="https://other.example")}),
        ("discovery", "token_endpoint is 'http://evil'", {"discovery": setting(token_endpoint="http://evil")}),
        ("discovery", "is answered with 503", {"discovery": lambda answer: answer.update(status=503)}),
        ("keys", "there is no key", {"keys": setting(keys=[])}),
        ("keys", "a private key is in it", {"keys": setting(keys=[{**JWK, "d": "AQ"}])}),
        ("keys", "how long it may be cached", {"keys": lambda answer: answer["headers"].clear()}),
        ("a client that nobody", "answered with 200", {"token": lambda answer: answer.update(status=200)}),
        ("a token for", "may be stored by caches", {"token": lambda answer: answer["headers"].clear()}),
        ("the token verifies", "InvalidSignatureError", {"token": instead(OTHER_KEY)}),
        ("the token verifies", "InvalidIssuerError", {"token": instead(iss="https://evil.example")}),
        ("the token verifies", "not the client's own", {"token": instead(sub="somebody")}),
        ("the token verifies", "not of this time", {"token": instead(exp=NOW)}),
        ("introspection knows it", "active is False", {"introspect": setting(active=False)}),
        ("introspection knows that", "active is True", {"introspect": setting(active=True)}),
        ("revocation", "503", {"revoke": lambda answer: answer.update(status=503)}),
    ],
)
def test_what_is_wrong_is_named_and_ends_the_walk(step: str, problem: str, changes: dict[str, Change]) -> None:
    steps = walked(**changes)
    assert steps[-1].what.startswith(step)
    assert problem in steps[-1].problem
    assert not any(step.problem for step in steps[:-1])
    assert CLIENT.secret not in str(steps)


def test_a_client_without_its_secret_is_a_wrong_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SUNDIAL_SMOKE_SECRET", raising=False)
    assert main(["smoke", ISSUER, "--client", "canary"]) == 2
    assert "SUNDIAL_SMOKE_SECRET" in capsys.readouterr().err


def test_an_issuer_that_nobody_answers_for_can_not_be_reached(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["smoke", "http://127.0.0.1:1"]) == 3
    assert "can't be reached" in capsys.readouterr().out


def test_an_answer_that_is_no_document_is_a_finding() -> None:
    with pytest.raises(SmokeError, match="no JSON object"):
        Answer(200, {}, b"<html>").document()
