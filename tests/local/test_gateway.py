"""What API Gateway does around a function, done here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import pytest

from sundial_local.events import HttpRequest, HttpResponse
from sundial_local.functions import FunctionError, Functions
from sundial_local.gateway import Answered, Gateway
from sundial_local.request_log import RequestLog
from sundial_local.router import Router
from sundial_local.template import Function, Route


def _function(folder: Path, name: str, code: str, route: str = "GET /thing/{id}") -> Function:
    folder = folder / name
    folder.mkdir()
    folder.joinpath("app.py").write_text(code, encoding="utf-8")
    return Function(name, folder, "app", "handler", (Route(*route.split(" ")),), {}, None)


def _functions(*functions: Function, environments: Mapping[str, Mapping[str, str]] | None = None) -> Functions:
    loaded = Functions(environments or {function.name: {} for function in functions})
    for function in functions:
        loaded.load(function)
    return loaded


def _gateway(*functions: Function) -> tuple[Gateway, list[Answered]]:
    answers: list[Answered] = []
    ticks = iter(range(1000))
    gateway = Gateway(
        Router(functions, "http://127.0.0.1:8080"),
        _functions(*functions),
        answers.append,
        clock=lambda: 1000.0,
        timer=lambda: float(next(ticks)),
    )
    return gateway, answers


def test_a_function_is_given_the_event_and_its_answer_is_the_response(tmp_path: Path) -> None:
    code = "def handler(event, context): return {'statusCode': 201, 'body': event['pathParameters']['id']}"
    gateway, answers = _gateway(_function(tmp_path, "one", code))
    response = gateway.answer(HttpRequest("GET", "/thing/7", "secret=1", []))
    assert (response.status, response.body) == (201, b"7")
    [answered] = answers
    assert (answered.method, answered.path, answered.seconds) == ("GET", "/thing/7", 1.0)


def test_a_path_without_a_route_is_api_gateways_404(tmp_path: Path) -> None:
    gateway, _ = _gateway(_function(tmp_path, "one", "handler = None"))
    response = gateway.answer(HttpRequest("GET", "/other", "", []))
    assert (response.status, json.loads(response.body)) == (404, {"message": "Not Found"})


def test_what_a_function_raises_is_a_500_and_a_stack_trace_in_its_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway, _ = _gateway(_function(tmp_path, "one", "def handler(event, context): return 1 / 0"))
    response = gateway.answer(HttpRequest("GET", "/thing/7", "", []))
    assert (response.status, json.loads(response.body)) == (500, {"message": "Internal Server Error"})
    [line] = capsys.readouterr().out.splitlines()
    assert "ZeroDivisionError" in json.loads(line)["exception"]


def test_an_answer_that_is_no_response_is_a_500(tmp_path: Path) -> None:
    code = "def handler(event, context): return {'statusCode': 200, 'headers': {'a': 'b\\n'}}"
    gateway, _ = _gateway(_function(tmp_path, "one", code))
    assert gateway.answer(HttpRequest("GET", "/thing/7", "", [])).status == 500


def test_modules_of_one_name_are_different_functions(tmp_path: Path) -> None:
    one = _function(tmp_path, "one", "def handler(event, context): return 1")
    two = _function(tmp_path, "two", "def handler(event, context): return 2")
    functions = _functions(one, two)
    assert [functions.invoke(function, {}) for function in (one, two, one)] == [1, 2, 1]


def test_a_function_finds_its_own_variables_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTER", "outer")
    code = "import os\ndef handler(event, context): return [os.environ.get(n) for n in ('A', 'B', 'OUTER')]"
    one, two = _function(tmp_path, "one", code), _function(tmp_path, "two", code)
    functions = _functions(one, two, environments={"one": {"A": "1"}, "two": {"B": "2", "OUTER": "mine"}})
    assert functions.invoke(one, {}) == ["1", None, "outer"]
    assert functions.invoke(two, {}) == [None, "2", "mine"]
    assert functions.invoke(one, {}) == ["1", None, "outer"]


def test_a_function_that_fails_says_which_it_was(tmp_path: Path) -> None:
    function = _function(tmp_path, "one", "def handler(event, context): return context.nothing")
    with pytest.raises(FunctionError, match="one"):
        _functions(function).invoke(function, {})


def test_the_context_is_as_much_of_lambdas_as_there_is(tmp_path: Path) -> None:
    code = (
        "def handler(event, context): return [context.function_name, context.invoked_function_arn.endswith('one'),"
        " context.get_remaining_time_in_millis() > 0, len(context.aws_request_id)]"
    )
    function = _function(tmp_path, "one", code)
    assert _functions(function).invoke(function, {}) == ["one", True, True, 36]


def _logged(answered: Answered) -> str:
    from datetime import UTC, datetime

    terminal = StringIO()
    RequestLog(terminal, clock=lambda: datetime(2026, 8, 24, 9, 30, 0, tzinfo=UTC)).answered(answered)
    return terminal.getvalue()


def _response(status: int, document: object) -> HttpResponse:
    return HttpResponse(status, (), json.dumps(document).encode())


def test_the_request_log_has_a_line_a_request() -> None:
    line = _logged(Answered("POST", "/token", _response(400, {"error": "invalid_grant"}), "r", 0.0124))
    assert line.split() == ["09:30:00", "POST", "/token", "400", "12", "ms", "invalid_grant"]
    assert line.count("\n") == 1


def test_the_request_log_gives_the_correlation_id_of_a_failure() -> None:
    assert "correlation id r-1" in _logged(Answered("GET", "/keys", _response(503, {}), "r-1", 0.001))
    assert "r-1" not in _logged(Answered("GET", "/keys", _response(200, {}), "r-1", 0.001))


def test_a_path_cannot_speak_to_the_terminal() -> None:
    line = _logged(Answered("GET", "/\x1b[2Jclear\n", _response(404, ["no object"]), "", 0.0))
    assert "\x1b" not in line
    assert line.count("\n") == 1


def test_a_closed_terminal_is_no_reason_not_to_answer() -> None:
    class Closed(StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    RequestLog(Closed()).answered(Answered("GET", "/keys", _response(200, {}), "", 0.0))
