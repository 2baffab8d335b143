"""The vault on a Secrets Manager that behaves: whoever is late, loses; nothing that is current is overwritten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from sundial.errors import OAuthError
from sundial.keys.ring import Ring, to_json
from sundial.keys.vault import Vault
from tests.support.keys import T0, a_key
from tests.support.stack import OwnStack


def a_ring(serial: int) -> Ring:
    return Ring(serial, (a_key(f"key-{serial}", signs_from=T0),))


@pytest.fixture
def vault(stack: OwnStack) -> Vault:
    return Vault(stack.secretsmanager, stack.secret_id)


def stages(stack: OwnStack) -> Mapping[str, list[str]]:
    """Return the staging labels of each version that has any."""
    found = stack.secretsmanager.describe_secret(SecretId=stack.secret_id).get("VersionIdsToStages", {})
    return {version: labels for version, labels in found.items() if labels}


class Interfering:
    """A client that does something of its own, once, before or after the call of the operation `at`."""

    def __init__(self, client: Any, at: str, act: Callable[[], object], *, before: bool = True) -> None:
        self._client = client
        self._at = at
        self._act: Callable[[], object] | None = act
        self._before = before

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        if name != self._at or self._act is None:
            return operation
        act, self._act = self._act, None

        def with_interference(**arguments: Any) -> Any:
            if self._before:
                act()
                return operation(**arguments)
            answer = operation(**arguments)
            act()
            return answer

        return with_interference


def interfered(stack: OwnStack, at: str, act: Callable[[], object], *, before: bool = True) -> Vault:
    """Return a vault in whose operation `at` something happens."""
    client: Any = Interfering(stack.secretsmanager, at, act, before=before)
    return Vault(client, stack.secret_id)


def test_a_fresh_secret_has_no_ring(vault: Vault) -> None:
    ring, _ = vault.read()
    assert ring is None


def test_a_ring_is_read_as_it_was_written(vault: Vault) -> None:
    _, version = vault.read()
    assert vault.replace(a_ring(1), version)
    ring, first = vault.read()
    assert ring == a_ring(1)
    assert vault.replace(a_ring(2), first)
    ring, second = vault.read()
    assert ring == a_ring(2)
    assert second != first


class FirstVersionIsCurrent:
    """What AWS does and MiniStack doesn't: a secret's first version gets AWSCURRENT, whatever labels it is given."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_secret_value(self, **arguments: Any) -> Any:
        labels = self._client.describe_secret(SecretId=arguments["SecretId"])["VersionIdsToStages"]
        answer = self._client.put_secret_value(**arguments)
        if not any(labels.values()):
            self._client.update_secret_version_stage(
                SecretId=arguments["SecretId"], VersionStage="AWSCURRENT", MoveToVersionId=answer["VersionId"]
            )
            answer["VersionStages"].append("AWSCURRENT")
        return answer


@pytest.fixture(params=["as AWS does", "as MiniStack does"])
def bare_vault(request: pytest.FixtureRequest, stack: OwnStack) -> Vault:
    """The vault of a secret without a value, as CloudFormation makes it."""
    client, name = stack.secretsmanager, f"bare-{uuid4().hex}"
    empty = client.create_secret(Name=name)["VersionId"]  # MiniStack makes an empty version, which AWS doesn't
    client.update_secret_version_stage(SecretId=name, VersionStage="AWSCURRENT", RemoveFromVersionId=empty)
    engine: Any = FirstVersionIsCurrent(client) if request.param == "as AWS does" else client
    return Vault(engine, name)


def test_a_secret_that_never_had_a_value_takes_its_first_ring(bare_vault: Vault) -> None:
    assert bare_vault.read() == (None, None)
    assert bare_vault.replace(a_ring(1), None)
    ring, version = bare_vault.read()
    assert ring == a_ring(1)
    assert bare_vault.replace(a_ring(2), version)
    assert bare_vault.read()[0] == a_ring(2)


def test_of_two_first_rings_one_stands(bare_vault: Vault) -> None:
    assert bare_vault.replace(a_ring(1), None)
    assert not bare_vault.replace(a_ring(2), None)
    assert bare_vault.read()[0] == a_ring(1)


def test_a_stale_writer_loses_and_changes_nothing(vault: Vault, stack: OwnStack) -> None:
    _, version = vault.read()
    assert vault.replace(a_ring(1), version)
    _, stale = vault.read()
    assert vault.replace(a_ring(2), stale)
    before = stages(stack)
    assert not vault.replace(a_ring(3), stale)
    assert vault.read()[0] == a_ring(2)
    assert stages(stack) == before


def test_a_writer_that_is_overtaken_between_its_two_calls_loses(vault: Vault, stack: OwnStack) -> None:
    _, version = vault.read()
    overtaken = interfered(stack, "update_secret_version_stage", lambda: vault.replace(a_ring(2), version))
    assert not overtaken.replace(a_ring(1), version)
    assert vault.read()[0] == a_ring(2)


def test_a_move_that_was_made_but_whose_answer_was_lost_is_a_success_when_the_sdk_repeats_it(
    vault: Vault, stack: OwnStack
) -> None:
    _, version = vault.read()
    made: list[dict[str, Any]] = []

    class Repeating:
        def __getattr__(self, name: str) -> Any:
            operation = getattr(stack.secretsmanager, name)

            def repeated(**arguments: Any) -> Any:
                if name == "update_secret_version_stage" and arguments["VersionStage"] == "AWSCURRENT":
                    operation(**arguments)
                    made.append(arguments)
                return operation(**arguments)

            return repeated

    client: Any = Repeating()
    assert Vault(client, stack.secret_id).replace(a_ring(1), version)
    assert made
    assert vault.read()[0] == a_ring(1)


@pytest.mark.parametrize("writers", [2, 8])
def test_of_writers_that_race_exactly_one_wins_and_its_ring_stands(vault: Vault, writers: int) -> None:
    for round_number in range(10):
        _, version = vault.read()
        start = Barrier(writers)

        def write(serial: int, version: str | None = version, start: Barrier = start) -> bool:
            start.wait()
            return vault.replace(a_ring(serial), version)

        serials = [round_number * 100 + number for number in range(1, writers + 1)]
        with ThreadPoolExecutor(writers) as pool:
            won = [serial for serial, result in zip(serials, pool.map(write, serials), strict=True) if result]
        assert len(won) == 1
        ring, _ = vault.read()
        assert ring is not None
        assert ring.serial == won[0]


def test_no_label_of_ours_stays_whoever_wins_loses_or_dies(vault: Vault, stack: OwnStack) -> None:
    class DiedError(Exception):
        pass

    def die() -> None:
        raise DiedError

    _, version = vault.read()
    with pytest.raises(DiedError):
        interfered(stack, "update_secret_version_stage", die).replace(a_ring(9), version)
    assert any(label.startswith("sundial-") for labels in stages(stack).values() for label in labels)
    assert vault.replace(a_ring(1), version)
    assert not vault.replace(a_ring(2), version)
    labels = sorted(label for labels in stages(stack).values() for label in labels)
    assert labels == ["AWSCURRENT", "AWSPREVIOUS"]


def test_a_label_that_cannot_be_taken_off_does_not_turn_a_win_into_a_failure(vault: Vault, stack: OwnStack) -> None:
    def fail() -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "DescribeSecret")

    _, version = vault.read()
    assert interfered(stack, "describe_secret", fail).replace(a_ring(1), version)
    assert vault.read()[0] == a_ring(1)


class TwentyLabels:
    """What AWS does and MiniStack doesn't: a secret has twenty staging labels at most."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_secret_value(self, **arguments: Any) -> Any:
        versions = self._client.describe_secret(SecretId=arguments["SecretId"])["VersionIdsToStages"]
        if sum(len(labels) for labels in versions.values()) >= 20:
            raise ClientError({"Error": {"Code": "LimitExceededException"}}, "PutSecretValue")
        return self._client.put_secret_value(**arguments)


def test_runs_that_die_in_the_middle_however_many_leave_room_for_the_one_that_lives(stack: OwnStack) -> None:
    class DiedError(Exception):
        pass

    def die() -> None:
        raise DiedError

    engine: Any = TwentyLabels(stack.secretsmanager)
    vault = Vault(engine, stack.secret_id)
    assert vault.replace(a_ring(1), vault.read()[1])
    _, version = vault.read()
    for serial in range(2, 30):
        dying: Any = Interfering(engine, "update_secret_version_stage", die)
        with pytest.raises((DiedError, OAuthError)):
            Vault(dying, stack.secret_id).replace(a_ring(serial), version)
    assert vault.replace(a_ring(30), version)
    assert vault.read()[0] == a_ring(30)
    assert sorted(label for labels in stages(stack).values() for label in labels) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_a_version_is_never_current_before_it_is_moved_there(vault: Vault, stack: OwnStack) -> None:
    _, version = vault.read()
    assert vault.replace(a_ring(1), version)
    _, version = vault.read()
    seen: list[Ring | None] = []
    watched = interfered(stack, "put_secret_value", lambda: seen.append(vault.read()[0]), before=False)
    assert watched.replace(a_ring(2), version)
    assert seen == [a_ring(1)]


def test_a_secret_that_does_not_exist_is_a_503_and_not_an_empty_ring(stack: OwnStack) -> None:
    with pytest.raises(OAuthError) as caught:
        Vault(stack.secretsmanager, "nonesuch").read()
    assert (caught.value.code, caught.value.status) == ("temporarily_unavailable", 503)


def test_a_secret_that_holds_something_else_is_a_503_that_quotes_nothing(vault: Vault, stack: OwnStack) -> None:
    broken = to_json(a_ring(1)).replace('"format":1', '"format":9')
    stack.secretsmanager.put_secret_value(SecretId=stack.secret_id, SecretString=broken)
    with pytest.raises(OAuthError) as caught:
        vault.read()
    assert caught.value.status == 503
    assert "private" not in str(caught.value)


def test_a_secrets_manager_that_is_out_of_reach_is_a_503(stack: OwnStack) -> None:
    def unreachable() -> None:
        raise EndpointConnectionError(endpoint_url="https://secretsmanager")

    for operation in ("get_secret_value", "put_secret_value", "update_secret_version_stage"):
        vault = interfered(stack, operation, unreachable)
        with pytest.raises(OAuthError) as caught:
            vault.replace(a_ring(1), vault.read()[1])
        assert caught.value.status == 503
