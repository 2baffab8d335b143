"""The local server as a process: what it starts, how it follows a change, how it stops. With functions of its own."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.local_server import LocalServer, local_server, needs_proc

_TEMPLATE = """
Parameters: {Issuer: {Type: String}}
Globals: {Function: {Handler: app.handler, Environment: {Variables: {TABLE: !Ref Things}}}}
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/echo
      Events: {Get: {Type: HttpApi, Properties: {Method: GET, Path: /echo}}}
  Tick:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/tick
      Events: {Often: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(10 minutes)}}}
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
"""
_ECHO = """
import os, boto3, time
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
def handler(event, context):
    count = table.update_item(
        Key={"id": "counter"}, UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": 1},
        ReturnValues="ALL_NEW")["Attributes"]["n"]
    return {"version": 1, "count": int(count), "now": int(time.time())}
"""
_TICK = "def handler(event, context): print('tick ' + event['time'])"
_CONFIG = "issuer: http://127.0.0.1:8080\nenablePasswordDB: true\n"


class Project:
    """A template, two functions and a configuration in a folder, and the server of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        for name, text in {
            "template.yaml": _TEMPLATE,
            "functions/echo/app.py": _ECHO,
            "functions/tick/app.py": _TICK,
            "sundial.yaml": _CONFIG,
        }.items():
            folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        """Put a file in place whole, as many editors do."""
        path = self.folder / name
        path.with_suffix(".saving").write_text(text, encoding="utf-8")
        path.with_suffix(".saving").replace(path)

    def serve(self, *arguments: str) -> Any:
        """Start its server."""
        config = [] if "--config" in arguments else ["--config", str(self.folder / "sundial.yaml")]
        return local_server(self.state, *config, *arguments, template=self.folder / "template.yaml")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def server(project: Project) -> Iterator[LocalServer]:
    with project.serve() as running:
        running.wait_for("Ctrl-C stops it")
        yield running


def _get(server: LocalServer, path: str = "/echo") -> dict[str, Any]:
    url = urlsplit(server.issuer)
    connection = HTTPConnection(str(url.hostname), url.port, timeout=30)
    try:
        connection.request("GET", path)
        document: dict[str, Any] = json.load(connection.getresponse())
    finally:
        connection.close()
    return document


def test_the_functions_reach_their_tables_and_each_answer_is_logged(server: LocalServer) -> None:
    assert _get(server)["count"] == 1
    assert _get(server)["count"] == 2
    server.wait_for(r"GET +/echo +200 +\d+ ms")


def test_what_is_scheduled_has_run_before_the_first_request(server: LocalServer) -> None:
    assert server.state.joinpath("log.jsonl").read_text(encoding="utf-8").startswith("tick ")


def test_a_change_of_the_code_is_served_and_the_tables_stay(project: Project, server: LocalServer) -> None:
    assert _get(server)["version"] == 1
    project.write("functions/echo/app.py", _ECHO.replace('"version": 1', '"version": 2'))
    server.wait_for("Loaded the change")
    assert _get(server) == {"version": 2, "count": 2, "now": pytest.approx(_get(server)["now"], abs=60)}


def test_a_syntax_error_is_shown_and_the_next_change_mends_it(project: Project, server: LocalServer) -> None:
    project.write("functions/echo/app.py", "def handler(event, context) return 1")
    server.wait_for("SyntaxError")
    server.wait_for("waiting for the next change")
    project.write("functions/echo/app.py", _ECHO)
    server.wait_for("Loaded the change")
    assert _get(server)["count"] == 1


def test_a_request_that_comes_while_the_code_is_loaded_waits(project: Project, server: LocalServer) -> None:
    slow = "import time\ntime.sleep(1)\n"  # the function's own time, not the test's
    project.write("functions/echo/app.py", slow + _ECHO.replace('"version": 1', '"version": 2'))
    versions = [_get(server)["version"]]
    while versions[-1] == 1:
        versions.append(_get(server)["version"])
    assert versions[-1] == 2


def test_a_change_of_the_template_is_served(project: Project, server: LocalServer) -> None:
    project.write("template.yaml", _TEMPLATE.replace("Path: /echo", "Path: /other"))
    server.wait_for("Loaded the change")
    assert _get(server, "/other")["count"] == 1
    assert _get(server) == {"message": "Not Found"}


def test_a_mistake_in_the_configuration_is_shown_and_the_old_one_stays(project: Project, server: LocalServer) -> None:
    project.write("sundial.yaml", _CONFIG + "expiry: {idTokens: 90d}\n")
    server.wait_for("expiry.idTokens")
    assert _get(server)["count"] == 1
    project.write("sundial.yaml", _CONFIG + "expiry: {idTokens: 1h}\n")
    server.wait_for("Loaded the change")


def test_a_mistake_in_the_template_is_shown_and_the_old_one_stays(project: Project, server: LocalServer) -> None:
    project.write("template.yaml", _TEMPLATE.replace("rate(10 minutes)", "cron(0 12 * * ? *)"))
    server.wait_for("cron")
    assert _get(server)["count"] == 1


def test_a_scheduled_run_that_fails_is_said_and_requests_are_answered(project: Project) -> None:
    project.write("functions/tick/app.py", "def handler(event, context): return 1 / 0")
    with project.serve() as server:
        server.wait_for("Tick failed on its schedule")
        server.wait_for("Ctrl-C stops it")
        assert _get(server)["count"] == 1
        assert "ZeroDivisionError" in project.state.joinpath("log.jsonl").read_text(encoding="utf-8")


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopping_leaves_no_process_and_no_listener(server: LocalServer, number: int) -> None:
    url = urlsplit(server.issuer)
    started = server.descendants()
    assert len(started) == 2  # MiniStack and the serving process
    server.signal(number)
    assert server.wait() == 0
    assert server.printed[-1].startswith("Stopped.")
    assert not any(Path(f"/proc/{process}").exists() for process in started)
    with socket.create_server((str(url.hostname), url.port or 0)):
        pass
    assert "Traceback" not in "\n".join(server.printed)


def test_a_second_ctrl_c_changes_nothing(server: LocalServer) -> None:
    server.signal()
    server.signal()
    assert server.wait() == 0
    assert server.printed[-1].startswith("Stopped.")


def test_code_that_hangs_while_it_is_loaded_does_not_keep_it_from_stopping(project: Project) -> None:
    project.write("functions/echo/app.py", "import sys\nprint('hanging', file=sys.stderr)\nwhile True: pass")
    with project.serve() as server:
        server.wait_for("hanging")
        assert server.stop() == 0


@needs_proc
def test_killing_it_leaves_no_process_and_the_state_is_saved(project: Project) -> None:
    with project.serve() as server:
        server.wait_for("Ctrl-C stops it")
        assert _get(server)["count"] == 1
        assert server.kill() == []
    with project.serve() as server:
        server.wait_for("Ctrl-C stops it")
        assert _get(server)["count"] == 2


def test_what_is_in_the_tables_survives_a_restart(project: Project) -> None:
    for count in (1, 2):
        with project.serve() as server:
            server.wait_for("Ctrl-C stops it")
            assert _get(server)["count"] == count


def test_another_server_on_the_same_state_or_port_is_refused(project: Project, server: LocalServer) -> None:
    with project.serve() as other:
        assert other.wait() == 1
        assert f"process {server.pid}" in other.printed[-1]
    port = str(urlsplit(server.issuer).port)
    with local_server(project.folder / "other", "--port", port, template=project.folder / "template.yaml") as other:
        assert other.wait() == 1
        assert f"make run PORT={int(port) + 1}" in other.printed[-1]


def test_a_configuration_that_cannot_be_served_keeps_it_from_starting(project: Project) -> None:
    project.write("sundial.yaml", _CONFIG + "expiry: {idTokens: 90d}\nconectors: []\n")
    with project.serve() as server:
        assert server.wait() == 1
    printed = "\n".join(server.printed)
    assert "sundial.yaml:3: error: expiry.idTokens" in printed
    assert "sundial.yaml:4: error: conectors" in printed
    assert not project.state.exists()


def test_a_missing_configuration_keeps_it_from_starting(project: Project) -> None:
    with project.serve("--config", str(project.folder / "missing.yaml")) as server:
        assert server.wait() == 1
        assert "missing.yaml: No such file" in server.printed[-1]


def test_the_clock_of_the_functions_can_be_turned(project: Project) -> None:
    with project.serve("--clock=-25h") as past, project.serve("--state", str(project.folder / "now")) as present:
        past.wait_for("Ctrl-C stops it")
        present.wait_for("Ctrl-C stops it")
        assert _get(present)["now"] - _get(past)["now"] == pytest.approx(25 * 3600, abs=60)
