"""`sundial credential-process` against a provider and an STS that answer as a test has them answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

import boto3
import pytest
from botocore.stub import Stubber

from sundial_cli.login.asking import best_way
from sundial_cli.login.browser import log_in_by_browser
from sundial_cli.login.credentials import Source, Wanted, forget, log_in, obtain
from sundial_cli.login.device import log_in_by_device
from sundial_cli.login.keeper import Keeper, Kept
from sundial_cli.login.provider import Provider, Tokens
from sundial_cli.login.sts import RoleAsked, assume_role
from sundial_cli.main import main
from sundial_cli.status import FINDING, UNREACHABLE, USAGE, StoppedError

NOW = 1800000000
ASKED = RoleAsked("arn:aws:iam::1:role/dev", "jo", timedelta(hours=1))
Answer = tuple[int, dict[str, Any]]


@dataclass
class FakeProvider:
    """A provider that answers the token endpoint's requests, one after the other, as it is told to."""

    issuer: str = ""
    answers: list[Answer] = field(default_factory=list)
    """What is left to answer; once it is empty, tokens."""
    asked: list[dict[str, str]] = field(default_factory=list)
    documents: dict[str, Any] = field(default_factory=dict)

    def tokens(self) -> Answer:
        return 200, {"id_token": f"id-{len(self.asked)}", "refresh_token": f"rt-{len(self.asked)}"}

    def answer(self, path: str, form: dict[str, str]) -> Answer:
        if path.startswith("/.well-known/"):
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/auth",
                "token_endpoint": f"{self.issuer}/token",
                "device_authorization_endpoint": f"{self.issuer}/device/code",
                **self.documents,
            }
        if path == "/device/code":
            return 200, {"device_code": "dc", "user_code": "ABCD-EFGH", "verification_uri": f"{self.issuer}/device"}
        self.asked.append(form)
        return self.answers.pop(0) if self.answers else self.tokens()


@contextmanager
def served(provider: FakeProvider) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.reply(dict(parse_qsl(body)) | {"authorization": self.headers.get("Authorization", "")})

        def reply(self, form: dict[str, str]) -> None:
            status, document = provider.answer(self.path, form)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@dataclass
class World:
    """A user's machine; it is `now` there."""

    fake: FakeProvider
    source: Source = field(init=False)
    now: float = NOW
    sts_refuses: bool = False
    logins: int = 0
    roles: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def log_in(self) -> Tokens:
        self.logins += 1
        return Tokens("id-login", "rt-login")

    def assume(self, asked: RoleAsked, id_token: str) -> dict[str, str]:
        if self.sts_refuses:
            raise StoppedError(FINDING, "STS: AccessDenied")
        self.roles.append(id_token)
        ends = datetime.fromtimestamp(self.now + asked.duration.total_seconds(), UTC)
        return {
            "AccessKeyId": f"AK{len(self.roles)}",
            "SecretAccessKey": "sk",
            "SessionToken": "st",
            "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def key(self, asked: RoleAsked = ASKED) -> str:
        wanted = Wanted(asked.key, timedelta(minutes=15), lambda id_token: self.assume(asked, id_token))
        return obtain(self.source, wanted)["AccessKeyId"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    fake = FakeProvider()
    with served(fake) as url:
        fake.issuer = url
        world = World(fake)
        world.source = Source(
            Provider(url, "cli", "s&cret"),
            Keeper(tmp_path / "state", url),
            world.log_in,
            lambda: world.now,
            world.said.append,
        )
        yield world


def test_credentials_are_given_again_until_a_quarter_of_an_hour_before_they_run_out(world: World) -> None:
    assert world.key() == "AK1"
    world.now += 44 * 60
    assert (world.key(), world.fake.asked) == ("AK1", [])
    world.now += 60
    assert world.key() == "AK2"
    assert (world.logins, world.roles) == (1, ["id-login", "id-1"])
    assert world.fake.asked[0]["refresh_token"] == "rt-login"
    assert world.fake.asked[0]["authorization"] == "Basic Y2xpOnMlMjZjcmV0"  # cli:s%26cret, RFC 6749 §2.3.1
    assert world.source.keeper.read().refresh_token == "rt-1"


def test_each_role_and_duration_has_credentials_of_its_own_by_one_login(world: World) -> None:
    other = RoleAsked("arn:aws:iam::1:role/ops", "jo", timedelta(hours=1))
    assert (world.key(), world.key(other), world.key(), world.key(other)) == ("AK1", "AK2", "AK1", "AK2")
    assert world.logins == 1


def test_of_many_calls_at_once_one_refreshes(world: World) -> None:
    log_in(world.source)
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: world.key(), range(8)))
    assert (keys, len(world.fake.asked), world.logins) == ({"AK1"}, 1, 1)


def test_a_login_that_has_ended_is_begun_again_and_the_old_token_is_forgotten(world: World) -> None:
    log_in(world.source)
    world.fake.answers = [(400, {"error": "invalid_grant", "error_description": "log in again"})]
    assert world.key() == "AK1"
    assert (world.logins, world.said) == (2, ["sundial: the login has ended: log in again"])


def test_a_client_that_is_refused_keeps_its_login(world: World) -> None:
    log_in(world.source)
    world.fake.answers = [(401, {"error": "invalid_client", "error_description": "unknown"})]
    with pytest.raises(StoppedError, match="invalid_client") as stopped:
        world.key()
    assert (stopped.value.status, world.source.keeper.read().refresh_token) == (FINDING, "rt-login")


def test_while_the_provider_is_out_of_reach_credentials_that_are_still_good_are_given_out(world: World) -> None:
    world.key()
    world.now += 50 * 60
    world.fake.answers = [(503, {})] * 3
    assert world.key() == "AK1"
    assert "answers 503" in world.said[0]
    world.now += 9.5 * 60
    with pytest.raises(StoppedError) as stopped:
        world.key()
    assert stopped.value.status == UNREACHABLE
    assert world.source.keeper.read().refresh_token == "rt-login", "which still works"


def test_the_new_refresh_token_is_kept_even_where_sts_refuses(world: World) -> None:
    log_in(world.source)
    world.sts_refuses = True
    with pytest.raises(StoppedError):
        world.key()
    assert world.source.keeper.read().refresh_token == "rt-1"


def test_what_others_could_read_is_not_used(world: World) -> None:
    world.key()
    world.source.keeper.path.chmod(0o640)
    with pytest.raises(StoppedError, match="others may read"):
        world.key()


def test_a_file_of_another_kind_counts_as_nothing(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, "x")
    for text in ("{", "[]", '{"format": 2}'):
        keeper.path.write_text(text, "utf-8")
        keeper.path.chmod(0o600)
        assert keeper.read() == Kept()


def test_nothing_that_is_kept_is_in_a_repr() -> None:
    assert "secret" not in repr(Kept("secret", {"x": {"SecretAccessKey": "secret"}}))
    assert "secret" not in repr(Tokens("secret", "secret"))


def test_a_logout_where_the_provider_can_not_revoke_still_forgets(world: World) -> None:
    assert not forget(world.source)
    log_in(world.source)
    assert forget(world.source)
    assert not world.source.keeper.path.exists()


# logging in


def test_the_device_flow_polls_as_it_is_told_to(world: World) -> None:
    pending, slower = (400, {"error": "authorization_pending"}), (400, {"error": "slow_down"})
    world.fake.answers = [pending, slower, pending]
    slept: list[float] = []
    said: list[str] = []
    tokens = log_in_by_device(world.source.provider, "openid", said.append, slept.append)
    assert (tokens.refresh_token, slept) == ("rt-4", [5, 5, 10, 10])
    assert "ABCD-EFGH" in said[0]


@pytest.mark.parametrize(
    ("code", "says"), [("access_denied", "refused"), ("expired_token", "in time"), ("invalid_request", "odd")]
)
def test_a_device_login_that_comes_to_nothing_is_status_1(code: str, says: str, world: World) -> None:
    world.fake.answers = [(400, {"error": code, "error_description": "odd"})]
    with pytest.raises(StoppedError, match=says) as stopped:
        log_in_by_device(world.source.provider, "openid", lambda _: None, lambda _: None)
    assert stopped.value.status == FINDING


@pytest.mark.parametrize(
    ("answer", "says"),
    [("error=access_denied", "access_denied"), ("code=c&iss=https%3A%2F%2Fevil.example", "another issuer")],
)
def test_a_browser_that_brings_no_code_of_ours_brings_no_tokens(
    answer: str, says: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    import urllib3

    def come_back(url: str) -> bool:
        asked = dict(parse_qsl(url.partition("?")[2]))
        assert asked["code_challenge_method"] == "S256"
        target = f"{asked['redirect_uri']}?state={asked['state']}&{answer}"
        Thread(target=urllib3.request, args=("GET", target), daemon=True).start()
        return True

    monkeypatch.setattr("webbrowser.open", come_back)
    with pytest.raises(StoppedError, match=says):
        log_in_by_browser(world.source.provider, "openid", lambda _: None)
    assert world.fake.asked == []


@pytest.mark.parametrize(
    ("display", "ssh", "way"), [("DISPLAY", False, "browser"), ("DISPLAY", True, "device"), ("", False, "device")]
)
def test_the_way_to_log_in_is_the_one_that_there_is(
    display: str, ssh: bool, way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    if display:
        monkeypatch.setenv(display, ":0")
    if ssh:
        monkeypatch.setenv("SSH_CONNECTION", "1")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("sundial_cli.login.asking._terminal", lambda: tmp_path / "tty")
    assert best_way() == way


# what is said


def test_an_issuer_without_tls_or_with_another_name_is_refused(world: World) -> None:
    with pytest.raises(StoppedError, match="no https URL") as stopped:
        Provider("http://login.example.com", "cli")
    assert stopped.value.status == USAGE
    world.fake.documents = {"issuer": "https://login.example.com"}
    with pytest.raises(StoppedError, match="says that its issuer is"):
        world.source.provider.refresh("rt")


@pytest.mark.parametrize(
    ("code", "advice"), [("AccessDenied", "trust policy"), ("InvalidIdentityToken", "OIDC provider"), ("Odd", "no")]
)
def test_what_sts_refuses_is_said_with_what_to_look_at_and_without_the_token(code: str, advice: str) -> None:
    sts = boto3.client("sts", "eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(sts) as stub:
        stub.add_client_error("assume_role_with_web_identity", code, "no")
        with pytest.raises(StoppedError, match=advice) as stopped:
            assume_role(lambda: sts, ASKED, "a.b.c-token")
    assert stopped.value.status == FINDING
    assert "a.b.c-token" not in str(stopped.value)


Options = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Options:
    monkeypatch.setattr("sundial_cli.login.asking._terminal", lambda: None)

    def run(*arguments: str) -> tuple[int, str, str]:
        options = ["--issuer", "https://login.example.com", "--client-id", "cli", "--folder", str(tmp_path)]
        status = main(["credential-process", *options, *arguments])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def test_where_nobody_can_be_asked_it_says_what_to_type(typed: Options) -> None:
    status, out, err = typed("--how", "never", "--role-arn", "arn:aws:iam::1:role/dev")
    assert (status, out) == (1, "")
    assert "`sundial credential-process --issuer https://login.example.com --client-id cli --login`" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [([], "--role-arn"), (["--client-secret-env", "NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE is not set")],
)
def test_what_is_missing_is_status_2(arguments: list[str], says: str, typed: Options) -> None:
    status, _, err = typed(*arguments)
    assert status == USAGE
    assert says in err


def test_a_duration_that_sts_does_not_give_is_status_2(typed: Options) -> None:
    with pytest.raises(SystemExit) as stopped:
        typed("--duration", "13h")
    assert stopped.value.code == USAGE
