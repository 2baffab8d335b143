"""The function `authorize` as it is deployed: its environment, the compiled configuration, the template's tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sundial.authorize.endpoint import authorize_edge
from sundial.config.reader import compile_file
from sundial.deployment import Deployment
from sundial.web.edge import Edge
from tests.support.browser import CONFIG, REQUEST
from tests.support.events import http_event
from tests.support.families import LOGIN_AT
from tests.support.stack import OwnStack


@pytest.fixture
def handler(stack: OwnStack, tmp_path: Path) -> Edge:
    (tmp_path / "sundial.yaml").write_text(CONFIG, "utf-8")
    compiled, _ = compile_file(tmp_path / "sundial.yaml", {})
    (tmp_path / "sundial.json").write_text(json.dumps(compiled), "utf-8")
    environment = {**stack.environment, "SUNDIAL_CONFIG": str(tmp_path / "sundial.json")}
    return authorize_edge(Deployment(environment), clock=lambda: LOGIN_AT)


def test_a_mistake_of_the_application_is_told_without_asking_anybody(handler: Edge) -> None:
    answer = handler(http_event("GET /auth", query={**REQUEST, "client_id": "nobody"}))
    assert answer["statusCode"] == 400
    assert "not known here" in answer["body"]
    told = handler(http_event("GET /auth", query={**REQUEST, "prompt": "none"}))
    assert told["statusCode"] == 303
    assert "error=login_required" in told["headers"]["Location"]


def test_before_the_first_rotation_there_are_no_keys_and_people_are_asked_to_come_back(handler: Edge) -> None:
    answer = handler(http_event("GET /auth", query=REQUEST))
    assert answer["statusCode"] == 503
    assert answer["headers"]["Retry-After"] == "30"
    assert "try again soon" in answer["body"].lower()
