"""What AWS says, as what an operator can do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from sundial.errors import OAuthError
from sundial_cli.status import UNREACHABLE, StoppedError

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
"""The codes by which services say that IAM doesn't allow it."""


@contextmanager
def explained(*, is_local: bool) -> Iterator[None]:
    """Turn what goes wrong with AWS until the block ends into a StoppedError."""
    try:
        yield
    except OAuthError as error:  # a store's own word for a failure of AWS
        cause = error.__cause__
        if isinstance(cause, ClientError | BotoCoreError):
            raise StoppedError(UNREACHABLE, _advice(cause, is_local)) from error
        raise StoppedError(UNREACHABLE, f"{error.description} ({error.detail})") from error
    except (ClientError, BotoCoreError) as error:
        raise StoppedError(UNREACHABLE, _advice(error, is_local)) from error


def _advice(error: ClientError | BotoCoreError, is_local: bool) -> str:
    if isinstance(error, NoCredentialsError | TokenRetrievalError | SSOError):
        return f"AWS: {error}: log in (`aws sso login`), or say --profile"
    if isinstance(error, NoRegionError):
        return "AWS: no region is configured: say --region, or set AWS_REGION"
    if isinstance(error, ProfileNotFound):
        return f"AWS: {error}"
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        if details.get("Code") in DENIED:
            return f"AWS: {details.get('Message')}: docs/operations.md says which rights an operator needs"
        if details.get("Code", "").startswith("ExpiredToken"):
            return "AWS: your session has expired: log in again (`aws sso login`)"
        return f"AWS: {error.operation_name}: {details.get('Code')}: {details.get('Message')}"
    hint = ": does `make run` still run?" if is_local else ""
    return f"AWS: {error}{hint}"
