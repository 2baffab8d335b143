"""`sundial import-dex storage`: what Dex kept, in the tables of a deployment."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sundial.expiry.family import Ending
from sundial.store.clients import DynamoClients
from sundial.store.directory import DynamoDirectory
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.store.envelopes import KmsEnvelopes
from sundial.store.sessions import DynamoSessions
from sundial.tokens.dex import inherited_family_id
from sundial.tokens.subject import subject
from sundial_cli.dex.connector_data import upstream_of
from tests.cli.test_dex_exports import EXPECTED, KEPT, RESOURCES, resource, sqlite_file
from tests.support.config import APP
from tests.support.dex import CURRENT, REFRESH_ID, dex_token
from tests.support.families import LOGIN_AT
from tests.support.operator import MakeOperator, Operator
from tests.support.refresh_world import RefreshWorld
from tests.support.stack import OwnStack
from tests.support.token_world import claims_of

TEXT = f"""{APP}\
migration: {{dexRefreshTokens: true}}
expiry:
  refreshTokens: {{reuseInterval: 30s, validIfNotUsedFor: 2160h}}
connectors:
  - type: github
    id: github
    name: GitHub
    config: {{clientID: id, clientSecret: secret, redirectURI: https://id.example.com/callback}}
"""
FAMILY = inherited_family_id(REFRESH_ID)


@pytest.fixture
def sundial(make_operator: MakeOperator) -> Operator:
    operator = make_operator(TEXT)
    operator.now = LOGIN_AT + 3600
    return operator


UNBLOCKED = json.dumps({"apiVersion": "v1", "kind": "List", "items": RESOURCES}).replace("2027-01-16T", "2027-01-15T")
"""What Dex kept, an hour after the only block is over."""


@pytest.fixture
def export(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("export") / "dex.json"
    path.write_text(UNBLOCKED, "utf-8")
    return str(path)


def families(stack: OwnStack) -> DynamoFamilies:
    return DynamoFamilies(stack.dynamodb, stack.families_table)


def test_users_clients_and_logins_are_there_as_they_were_at_dex(
    sundial: Operator, stack: OwnStack, export: str
) -> None:
    result = sundial(f"import-dex storage {export}")
    assert (result.status, result.err) == (0, ""), result.out
    assert "users: 2 imported\nclients: 2 imported\nlogins: 1 imported\n" in result.out
    assert "Delete the export" in result.out

    jane = DynamoDirectory(stack.dynamodb, stack.directory_table).user("jane@example.com")
    assert jane is not None
    assert (jane.user_id, jane.hash, jane.groups) == ("2c4b", EXPECTED.passwords[0].hash, ("dev", "ops"))
    assert jane.not_before == 0, "her logins at Dex go on"
    assert sundial("users show jane@example.com --json").json["sub"] == subject("2c4b", "local")

    notes = DynamoClients(stack.dynamodb, stack.directory_table).client("notes")
    assert notes is not None
    assert notes.document["redirectURIs"] == ["https://notes.example.com/callback"]
    assert "a-secret" not in repr(notes.document)

    family = families(stack).get(FAMILY)
    assert family is not None
    assert family.claims == EXPECTED.refresh_tokens[0].claims
    assert (family.created_at, family.last_used_at) == (LOGIN_AT - 86400, LOGIN_AT)
    assert family.upstream is not None
    kms = KmsEnvelopes(lambda: stack.kms, stack.environment["SUNDIAL_KMS_KEY"])
    assert json.loads(kms.open(FAMILY, family.upstream).text) == {"access_token": "gho_1", "refresh_token": ""}

    [session] = DynamoSessions(stack.dynamodb, stack.families_table).of_subject(subject("583231", "github"))
    assert (session.family_id, session.state(sundial.now, 0)) == (FAMILY, "active")


def test_nothing_secret_is_kept_or_printed(sundial: Operator, stack: OwnStack, export: str) -> None:
    result = sundial(f"import-dex storage {export}")
    items = [stack.dynamodb.scan(TableName=name)["Items"] for name in (stack.families_table, stack.directory_table)]
    for secret in (CURRENT, "gho_1", "a-secret"):
        assert secret not in result.out + result.err + repr(items)


def test_again_it_changes_nothing(sundial: Operator, export: str) -> None:
    sundial(f"import-dex storage {export}")
    again = sundial(f"import-dex storage {export} --json").json
    assert again["users"]["present"] == ["jane@example.com", "joe@example.com"]
    assert again["clients"]["present"] == ["notes", "cli"]
    assert len(again["logins"]["present"]) == 1
    assert [again[what]["imported"] for what in ("users", "clients", "logins")] == [[], [], []]


def test_an_export_of_a_later_day_brings_the_login_up_to_date_unless_it_goes_on_here(
    sundial: Operator, stack: OwnStack, tmp_path: Path, export: str
) -> None:
    sundial(f"import-dex storage {export}")
    later = UNBLOCKED
    later = later.replace('"LastUsed": "2027-01-15T08:00:00Z"', '"LastUsed": "2027-01-15T08:30:00Z"')
    (tmp_path / "later.json").write_text(later, "utf-8")
    assert sundial(f"import-dex storage {tmp_path / 'later.json'} --json").json["logins"]["present"] == []
    family = families(stack).get(FAMILY)
    assert family is not None
    assert family.last_used_at == LOGIN_AT + 1800

    families(stack).revoke(FAMILY, sundial.now, Ending.BY_OPERATOR)
    assert len(sundial(f"import-dex storage {export} --json").json["logins"]["present"]) == 1
    ended = families(stack).get(FAMILY)
    assert ended is not None
    assert ended.revoked_at is not None


def test_a_dry_run_says_the_same_and_writes_nothing(sundial: Operator, stack: OwnStack, export: str) -> None:
    result = sundial(f"import-dex storage --dry-run {export}")
    assert result.status == 0
    assert "users: 2 to be imported\nclients: 2 to be imported\nlogins: 1 to be imported\n" in result.out
    for name in (stack.families_table, stack.directory_table):
        assert stack.dynamodb.scan(TableName=name)["Items"] == []


def test_sqlites_file_does_too(sundial: Operator, stack: OwnStack, tmp_path_factory: pytest.TempPathFactory) -> None:
    [path] = sqlite_file(tmp_path_factory.mktemp("sqlite"))
    assert "logins: 1 imported\n" in sundial(f"import-dex storage {path}").out
    assert families(stack).get(FAMILY) is not None


def test_whom_dex_has_blocked_does_not_get_in_here(sundial: Operator, stack: OwnStack, tmp_path: Path) -> None:
    blocks = [("2c4b", "local"), ("583231", "github"), ("99", "github")]
    identities = [
        resource("UserIdentity", f"i{user}", userID=user, connectorID=connector, blockedUntil="2027-02-01T00:00:00Z")
        for user, connector in blocks
    ]
    document = {"apiVersion": "v1", "kind": "List", "items": [*RESOURCES, *identities]}
    (tmp_path / "export.json").write_text(json.dumps(document), "utf-8")
    result = sundial(f"import-dex storage {tmp_path / 'export.json'}")
    assert result.status == 1
    assert "note: jane@example.com: is blocked at Dex, and disabled here" in result.out
    assert "they are blocked at Dex" in result.out
    assert "blocked: 99 of github is blocked at Dex until 2027-02-01" in result.out
    jane, joe = map(
        DynamoDirectory(stack.dynamodb, stack.directory_table).user, ("jane@example.com", "joe@example.com")
    )
    assert jane is not None
    assert joe is not None
    assert (jane.disabled, joe.disabled) == (True, False)
    assert families(stack).get(FAMILY) is None


Change = Callable[[str], str]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace("JDJhJDEw", "JDJhJDMx"), "no bcrypt hash of a cost of 16 at the most"),
        (lambda text: text.replace('"secret": "a-secret", ', ""), "it has no secret, and is not public"),
        (lambda text: text.replace("https://notes.example.com/callback", "not a uri"), "redirectURIs"),
        (lambda text: text.replace('"clientID": "notes"', '"clientID": "gone"'), "there is no client gone"),
        (lambda text: text.replace('"connectorID": "github"', '"connectorID": "gone"'), "has no connector gone"),
        (lambda text: text.replace('"LastUsed": "2027', '"LastUsed": "2026'), "it is over: validIfNotUsedFor"),
        (lambda text: text.replace('"connectorData"', '"otherData"'), "Dex kept nothing of it"),
        (lambda text: text.replace(f'"token": "{CURRENT}"', '"token": ""'), "Dex keeps no token of it"),
        (lambda text: text.replace('"id": "github"', '"id": "gitlab"'), "gitlab stands in Dex's storage"),
    ],
)
def test_what_can_not_come_along_is_named_and_the_rest_comes(
    change: Change, says: str, sundial: Operator, tmp_path: Path
) -> None:
    text = UNBLOCKED
    assert change(text) != text
    (tmp_path / "export.json").write_text(change(text), "utf-8")
    result = sundial(f"import-dex storage {tmp_path / 'export.json'}")
    assert result.status == 1
    assert says in result.out
    assert "imported" in result.out


def test_what_a_user_calls_themselves_moves_no_cursor(sundial: Operator, tmp_path: Path) -> None:
    text = UNBLOCKED.replace(
        '"email": "jane@example.com", "emailVerified": true', '"email": "j\\u001b[2Kx", "emailVerified": true'
    )
    (tmp_path / "export.json").write_text(text.replace('"clientID": "notes"', '"clientID": "gone"'), "utf-8")
    out = sundial(f"import-dex storage {tmp_path / 'export.json'}").out
    assert "left out: j\N{REPLACEMENT CHARACTER}[2Kx at gone" in out
    assert "\x1b" not in out


def test_a_login_from_before_the_watermark_stays_behind(sundial: Operator, export: str) -> None:
    sundial(f"sessions watermark --yes {LOGIN_AT + 1}")
    result = sundial(f"import-dex storage {export}")
    assert result.status == 1
    assert "it is older than the watermark" in result.out


def test_a_user_of_the_same_email_and_another_id_stays_who_they_are(
    sundial: Operator, stack: OwnStack, export: str
) -> None:
    sundial("users create jane@example.com --user-id other --cost 10", piped="correct horse battery\n")
    result = sundial(f"import-dex storage {export}")
    assert result.status == 1
    assert "there is another user of that email, with another id" in result.out
    jane = DynamoDirectory(stack.dynamodb, stack.directory_table).user("jane@example.com")
    assert jane is not None
    assert jane.user_id == "other"


@pytest.mark.parametrize(
    ("taken_out", "says"),
    [
        ("migration: {dexRefreshTokens: true}\n", "dexRefreshTokens: true"),
        ("enablePasswordDB: true\n", "enablePasswordDB"),
    ],
)
def test_a_deployment_that_could_not_use_it_is_refused_before_anything_is_written(
    taken_out: str, says: str, sundial: Operator, stack: OwnStack, export: str
) -> None:
    sundial.deploy(TEXT.replace(taken_out, ""))
    result = sundial(f"import-dex storage {export}")
    assert result.status == 1
    assert says in result.err
    assert stack.dynamodb.scan(TableName=stack.directory_table)["Items"] == []


def test_a_file_that_is_no_export_is_status_2(sundial: Operator, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]x", "utf-8")
    assert sundial(f"import-dex storage {tmp_path / 'x.json'}").status == 2
    assert sundial(f"import-dex storage {tmp_path / 'none.json'}").status == 2


def test_a_local_users_login_goes_on_with_the_same_sub(sundial: Operator, stack: OwnStack, tmp_path: Path) -> None:
    """From the export to the first refresh, over the real tables."""
    text = UNBLOCKED
    text = text.replace('"connectorID": "github"', '"connectorID": "local"').replace(
        '"userID": "583231"', '"userID": "2c4b"'
    )
    (tmp_path / "export.json").write_text(text.replace('"clientID": "notes"', '"clientID": "app"'), "utf-8")
    assert sundial(f"import-dex storage {tmp_path / 'export.json'}").status == 0
    world = RefreshWorld(stack=stack)
    world.now = sundial.now
    client = replace(world.config.clients["example-app"], id="app")
    world.use(
        replace(
            world.config,
            clients={"app": client},
            migration=replace(world.config.migration, dex_refresh_tokens=True),
        )
    )
    answer = world.refresh(dex_token(), client_id="app")
    assert answer.status == 200, answer.body
    assert answer.body["refresh_token"].startswith("sundial_rt_")
    claims = claims_of(answer.body["id_token"])
    assert (claims["sub"], claims["iss"]) == (subject("2c4b", "local"), world.config.issuer)


def test_what_dex_kept_of_a_login_at_an_openid_provider_is_what_ours_keeps() -> None:
    token = EXPECTED.refresh_tokens[0]
    oidc = replace(token, connector_data=json.dumps({"RefreshToken": b64encode(b"rt-1").decode()}).encode())
    expected = {"refresh_token": "rt-1", "sub": "583231"}
    assert json.loads(upstream_of(oidc, "oidc")) == expected
    assert json.loads(upstream_of(replace(token, connector_data=b"rt-1"), "google")) == expected
    for type in ("github", "gitlab", "microsoft"):
        assert json.loads(upstream_of(replace(token, connector_data=KEPT), type))["access_token"] == "gho_1"
