"""AWS credentials for an ID token: AssumeRoleWithWebIdentity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sundial_cli.status import FINDING, UNREACHABLE, StoppedError

_ADVICE = {
    "AccessDenied": "does the role's trust policy name this issuer, and this client as `aud`?",
    "InvalidIdentityToken": "does IAM have this issuer as an OIDC provider, and this client among its audiences?",
    "IDPCommunicationError": "STS can't reach the issuer's /keys: it has to be on the internet",
}


@dataclass(frozen=True, slots=True)
class RoleAsked:
    """What is asked of STS."""

    role_arn: str
    session_name: str
    duration: timedelta
    policy_arns: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What tells the credentials of one asking from another's."""
        seconds = int(self.duration.total_seconds())
        return "\n".join((self.role_arn, self.session_name, str(seconds), *self.policy_arns))


def assume_role(client: Callable[[], Any], asked: RoleAsked, id_token: str) -> dict[str, str]:
    """Return credentials in the form of `credential_process`. Raises StoppedError where STS refuses."""
    policies = {"PolicyArns": [{"arn": arn} for arn in asked.policy_arns]} if asked.policy_arns else {}
    try:
        answer = client().assume_role_with_web_identity(
            RoleArn=asked.role_arn,
            RoleSessionName=asked.session_name,
            WebIdentityToken=id_token,
            DurationSeconds=int(asked.duration.total_seconds()),
            **policies,
        )
    except ClientError as error:
        said = error.response["Error"]
        advice = _ADVICE.get(said["Code"], "")
        text = f"STS: {said['Code']}: {said['Message']}" + (f": {advice}" if advice else "")
        raise StoppedError(FINDING, text) from None
    except BotoCoreError as error:
        raise StoppedError(UNREACHABLE, f"STS: {error}") from None
    made = answer["Credentials"]
    return {
        "AccessKeyId": made["AccessKeyId"],
        "SecretAccessKey": made["SecretAccessKey"],
        "SessionToken": made["SessionToken"],
        "Expiration": made["Expiration"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def sts_client(region: str | None) -> Any:
    """Return a client of STS that signs nothing: AssumeRoleWithWebIdentity takes no credentials.

    And so it must be: the profile that has this very program for its credentials would run it again.
    """
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    retries: Any = {"mode": "standard", "total_max_attempts": 3}
    config = Config(signature_version=UNSIGNED, connect_timeout=5, read_timeout=20, retries=retries)
    try:
        return boto3.Session(region_name=region).client("sts", config=config)
    except BotoCoreError as error:
        raise StoppedError(UNREACHABLE, f"STS: {error} (--region names one)") from None
