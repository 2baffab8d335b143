"""A deployment that has lived for a while, its discovery and JWKS served over HTTP, and its operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial

from sundial.deployment import Deployment
from sundial.discovery.endpoint import jwks_edge
from sundial.keys.jwks import PublicKeys, PublicKeyStore
from sundial.keys.policy import KeyPolicy, key_policy
from sundial.keys.rotation import run
from sundial_local.operate import LocalStack
from sundial_local.state import StateFolder
from tests.support.config import APP, make_config
from tests.support.issuer import Answer, of_edge, served
from tests.support.keys import HOUR, MINUTE, MemoryJwks, MemoryVault
from tests.support.operator import MakeOperator, Operator
from tests.support.stack import OwnStack

TEXT = APP + "signing: {algorithms: [ES256]}\n"


def live(sundial: Operator, seconds: int) -> None:
    """Let the schedule's runs come until so much time has passed."""
    stack = LocalStack(StateFolder(sundial.folder))
    stack.rotate_keys({})
    for _ in range(seconds // (30 * MINUTE)):
        sundial.now += 30 * MINUTE
        stack.rotate_keys({})


def have_lived(sundial: Operator, seconds: int) -> None:
    """Put a fresh deployment where `live` would have brought it; the runs themselves are made once for all tests."""
    document, served_keys = _life(
        key_policy(make_config(sundial.yaml_text, sundial.stack.environment)), sundial.now, seconds
    )
    stack = sundial.stack
    stack.secretsmanager.put_secret_value(SecretId=stack.secret_id, SecretString=document)
    assert PublicKeyStore(stack.dynamodb, stack.public_keys_table).publish(served_keys)
    sundial.now += seconds


@cache
def _life(policy: KeyPolicy, begun: int, seconds: int) -> tuple[str, PublicKeys]:
    """Return the ring's document and the JWKS after so much time of the schedule's runs."""
    vault, jwks = MemoryVault(), MemoryJwks()
    for now in range(begun, begun + seconds + 1, 30 * MINUTE):
        run(vault, jwks, policy, partial(int, now))
    assert vault.document is not None
    assert jwks.served is not None
    return vault.document, jwks.served


class Issuer:
    """What is served; a test may put something in between."""

    def __init__(self) -> None:
        self.between: Callable[[Answer], Answer] = lambda answer: answer
        self.answer: Answer = lambda _path: {"statusCode": 503}


@contextmanager
def live_issuer(stack: OwnStack, make_operator: MakeOperator, text: str = TEXT) -> Iterator[tuple[Operator, Issuer]]:
    """Serve a deployment of `text` until the block ends; yield its operator, and what is served."""
    issuer = Issuer()
    with served(lambda: issuer.between(issuer.answer)) as url:
        operator = make_operator(text.replace("https://id.example.com", url))
        with (operator.folder / "environment").open("a", encoding="utf-8") as file:
            file.write(f"export SUNDIAL_ISSUER={url}\n")
        have_lived(operator, HOUR)
        environment = {**stack.environment, "SUNDIAL_CONFIG": str(operator.folder / "sundial.json")}
        issuer.answer = of_edge(jwks_edge(Deployment(environment), clock=lambda: operator.now))
        yield operator, issuer
