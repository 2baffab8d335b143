"""The vault: the Secrets Manager secret that holds the ring, replaced by compare-and-set."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from sundial.errors import temporarily_unavailable
from sundial.keys.ring import Ring, RingFormatError, from_json, to_json
from sundial.observe import logger
from sundial.store.aws import unavailable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_CURRENT = "AWSCURRENT"
_LABEL = "sundial-"
_WHAT = "the key ring"


class Vault:
    """One secret. Every method raises `temporarily_unavailable` (503) when Secrets Manager can't be reached."""

    def __init__(self, client: SecretsManagerClient, secret_id: str) -> None:
        self._client = client
        self._secret_id = secret_id

    def read(self) -> tuple[Ring | None, str | None]:
        """Return the ring and the version that holds it. The ring is None where the secret has no value yet.

        One network call. A secret that holds something else raises a 503 too: nothing is guessed, and
        nothing is written over it.
        """
        with unavailable(_WHAT):
            try:
                value = self._client.get_secret_value(SecretId=self._secret_id)
            except ClientError as error:
                if _code(error) != "ResourceNotFoundException":
                    raise
                self._client.describe_secret(SecretId=self._secret_id)  # fails where there is no secret at all
                return None, None
        text = value.get("SecretString", "")
        if not text:  # MiniStack's CloudFormation makes a first version that is empty
            return None, value["VersionId"]
        try:
            return from_json(text), value["VersionId"]
        except RingFormatError as error:
            raise temporarily_unavailable(
                "the key ring can't be read at the moment; send the same request again",
                retry_after=30,
                detail=str(error),
            ) from error

    def replace(self, ring: Ring, expected_version: str | None) -> bool:
        """Make `ring` the current version if `expected_version` still is; return whether it now is.

        False is not an error: another writer was first, and its ring is the one to read. The new value
        is written as a version under a label of its own, and becomes current only by moving
        AWSCURRENT from the expected version, which Secrets Manager refuses where that has lost it.
        (It refuses too where none was expected and there is one. The very first version of a secret
        becomes current by itself: AWS attaches the label.)
        """
        version, label = str(uuid4()), f"{_LABEL}{uuid4()}"
        with unavailable(_WHAT):
            stages = self._put(ring, version, label)
            won = (expected_version is None and _CURRENT in stages) or self._move_current(version, expected_version)
        self._tidy(None if won else (version, label))
        return won

    def _put(self, ring: Ring, version: str, label: str) -> list[str]:
        """Write a version under a label; return the labels that it has got."""
        try:
            return self._put_once(ring, version, label)
        except ClientError as error:
            if _code(error) != "LimitExceededException":
                raise
            self._tidy(None)  # runs that died in the middle have left so many labels that there is no room for one
            return self._put_once(ring, version, label)

    def _put_once(self, ring: Ring, version: str, label: str) -> list[str]:
        return self._client.put_secret_value(
            SecretId=self._secret_id, ClientRequestToken=version, SecretString=to_json(ring), VersionStages=[label]
        )["VersionStages"]

    def _move_current(self, version: str, expected_version: str | None) -> bool:
        moving = {"RemoveFromVersionId": expected_version} if expected_version else {}
        try:
            self._client.update_secret_version_stage(
                SecretId=self._secret_id, VersionStage=_CURRENT, MoveToVersionId=version, **moving
            )
        except ClientError as error:
            if _code(error) not in ("InvalidParameterException", "InvalidRequestException"):
                raise
            # refused: another writer was first, or this is the SDK's retry of a move that was made after all
            return self._client.get_secret_value(SecretId=self._secret_id)["VersionId"] == version
        return True

    def _tidy(self, loser: tuple[str, str] | None) -> None:
        """Take labels off versions, so that Secrets Manager collects them: a secret has twenty labels at most.

        A loser takes its own. A winner takes all: whoever is in the middle of a write has lost it too.
        """
        try:
            labelled = [loser] if loser else self._labelled()
            for version, label in labelled:
                self._client.update_secret_version_stage(
                    SecretId=self._secret_id, VersionStage=label, RemoveFromVersionId=version
                )
        except (ClientError, BotoCoreError) as error:
            logger.warning("a staging label stays until the next write", error=type(error).__name__)

    def _labelled(self) -> list[tuple[str, str]]:
        versions = self._client.describe_secret(SecretId=self._secret_id).get("VersionIdsToStages", {})
        return [
            (version, label) for version, labels in versions.items() for label in labels if label.startswith(_LABEL)
        ]


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
