"""Behind CloudFront: what hasn't come through it is refused, and the address of whoever asks is CloudFront's word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from sundial.web.edge import Edge
from sundial.web.front import Front
from sundial.web.http import Request, Response
from tests.support.config import APP, make_config
from tests.support.events import http_event
from tests.support.logs import logged

SECRET = "of CloudFront and of nobody else, generated at random"


def says_what_it_sees(request: Request) -> Response:
    return Response(200, json.dumps({"source_ip": request.source_ip, "headers": dict(request.headers)}))


def answer(headers: Mapping[str, str]) -> dict[str, Any]:
    edge = Edge("test", {"GET /ok": says_what_it_sees}, make_config(APP))
    return edge(http_event("GET /ok", headers=headers, source_ip="130.176.0.1"))


@pytest.fixture
def behind_cloudfront(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNDIAL_FRONT_SECRET", SECRET)


@pytest.mark.parametrize("proof", [None, "", "guessed", SECRET[:-1], SECRET + "!", "é"])
@pytest.mark.usefixtures("behind_cloudfront")
def test_a_request_that_went_around_cloudfront_is_refused(proof: str | None, caplog: pytest.LogCaptureFixture) -> None:
    headers = {"cloudfront-viewer-address": "198.51.100.10:46532"}
    refused = answer(headers if proof is None else {**headers, "x-sundial-front": proof})
    assert refused["statusCode"] == 403
    assert json.loads(refused["body"])["error"] == "access_denied"
    assert "not through CloudFront" in logged(caplog)


@pytest.mark.parametrize(
    ("viewer", "address"),
    [
        ("198.51.100.10:46532", "198.51.100.10"),
        ("2001:db8::7:46532", "2001:db8::7"),
        ("[2001:db8::7]:46532", "2001:db8::7"),
        ("", ""),
        ("nonsense", ""),
    ],
)
@pytest.mark.usefixtures("behind_cloudfront")
def test_through_cloudfront_the_address_is_the_viewers_and_the_proof_goes_no_further(viewer: str, address: str) -> None:
    seen = json.loads(answer({"x-sundial-front": SECRET, "cloudfront-viewer-address": viewer})["body"])
    assert seen["source_ip"] == address
    assert SECRET not in json.dumps(seen)


@pytest.mark.usefixtures("behind_cloudfront")
def test_what_the_viewer_says_of_its_own_address_counts_for_nothing() -> None:
    seen = answer(
        {
            "x-sundial-front": SECRET,
            "cloudfront-viewer-address": "198.51.100.10:46532",
            "x-forwarded-for": "10.0.0.1",
            "forwarded": "for=10.0.0.1",
        }
    )
    assert json.loads(seen["body"])["source_ip"] == "198.51.100.10"


def test_without_cloudfront_its_headers_count_for_nothing_and_the_apis_word_stands() -> None:
    seen = json.loads(answer({"x-sundial-front": "anything", "cloudfront-viewer-address": "10.0.0.1:1"})["body"])
    assert seen["source_ip"] == "130.176.0.1"


def test_the_secret_is_in_no_repr() -> None:
    assert SECRET not in repr(Front.of({"SUNDIAL_FRONT_SECRET": SECRET}))
