"""The secret that holds the key ring, and the KMS key under which it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from sundial_cli.health.finding import Finding, Look, bad, ok, warning
from sundial_cli.instants import utc, when
from sundial_cli.target import Resource, Target

KEY = "AWS::KMS::Key"
SECRET = "AWS::SecretsManager::Secret"  # noqa: S105
_RING = "KeyRing"
_PAGE = "secrets-and-keys"


def looks(target: Target, resources: Sequence[Resource]) -> Iterator[Look]:
    """Yield a look for each KMS key and each secret."""
    kms, secrets = target.client("kms"), target.client("secretsmanager")
    for resource in resources:
        if resource.type == KEY:
            yield Look("encryption", f"the KMS key {resource.name}", partial(_key, kms, resource, target.now))
        if resource.type == SECRET:
            yield Look("encryption", f"the secret {resource.name}", partial(_secret, secrets, resource, target.now))


def _key(kms: Any, key: Resource, now: int) -> Iterator[Finding]:
    metadata = kms.describe_key(KeyId=key.id)["KeyMetadata"]
    state = metadata["KeyState"]
    if state == "Enabled":
        yield ok(f"the KMS key {key.name} is enabled")
    elif state == "PendingDeletion":
        at = int(metadata["DeletionDate"].timestamp())
        yield bad(
            f"the KMS key {key.name} is to be deleted at {when(at, now)}, and with it all that it encrypts",
            f"aws kms cancel-key-deletion --key-id {key.id}, and then aws kms enable-key --key-id {key.id}",
            _PAGE,
        )
    else:
        yield bad(
            f"the KMS key {key.name} is {state.lower()}: nothing that it encrypts can be read",
            f"aws kms enable-key --key-id {key.id}",
            _PAGE,
        )


def _secret(secrets: Any, secret: Resource, now: int) -> Iterator[Finding]:
    try:
        description = secrets.describe_secret(SecretId=secret.id)
    except secrets.exceptions.ResourceNotFoundException:
        yield bad(f"the secret {secret.name} is gone: {secret.id}", "deploy again: `make deploy`", "secrets-and-keys")
        return
    if "DeletedDate" in description:
        yield bad(
            f"the secret {secret.name} was deleted at {utc(int(description['DeletedDate'].timestamp()))}",
            f"aws secretsmanager restore-secret --secret-id {secret.id}",
            _PAGE,
        )
    elif secret.name == _RING and not any(
        "AWSCURRENT" in stages for stages in description.get("VersionIdsToStages", {}).values()
    ):
        yield warning(
            f"the secret {secret.name} is empty: the key rotation has not run yet",
            "it does within ten minutes of a deployment; `sundial keys list` shows what it made",
            _PAGE,
        )
    else:
        changed_at = description.get("LastChangedDate")
        since = f", last changed at {when(int(changed_at.timestamp()), now)}" if changed_at else ""
        yield ok(f"the secret {secret.name} is there{since}")
