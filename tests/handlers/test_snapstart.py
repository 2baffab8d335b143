"""SnapStart: no key is in a snapshot, and no two instances that begin from it are alike."""

from __future__ import annotations

import json
import mmap
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import snapshot_restore_py

from sundial.deployment import Deployment
from sundial.keys.scheduled import rotation_handler
from sundial.snapstart import reseed
from sundial_local.ministack import CREDENTIALS, REGION
from sundial_local.paths import LAYER, ROOT
from tests.support.deployed import environment_of
from tests.support.grants_world import GRANTS, basic
from tests.support.stack import OwnStack

MEMORY = Path("/proc/self/mem")


def secrets_of(deployment: Deployment) -> Iterator[bytes]:
    """Yield what gives each private key away: a line from the middle of its PEM, or a MAC key as it is stored."""
    ring, _ = deployment.vault.read()
    assert ring is not None
    for key in ring.signing_keys:
        if key.private_pem is not None:
            yield key.private_pem.splitlines()[2].encode()
    for mac in ring.mac_keys:
        yield mac.secret


@pytest.mark.skipif(not MEMORY.exists(), reason="needs /proc, to read a process's memory")
def test_no_key_is_in_the_memory_of_functions_that_have_started_and_aws_has_not_been_asked_for_one(
    stack: OwnStack, tmp_path: Path
) -> None:
    environment = environment_of(stack, tmp_path, GRANTS)
    deployment = Deployment(environment)
    rotation_handler(deployment)({}, None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.snapshot", tmp_path, basic("example-app")["Authorization"]],
        cwd=ROOT,
        env={
            **os.environ,
            **CREDENTIALS,
            **environment,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": stack.endpoint,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
            "PYTHONPATH": os.pathsep.join(str(folder) for folder in (LAYER, ROOT / "tools", ROOT)),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    first = json.loads(done.stdout.splitlines()[0])
    assert first["functions"] == ["authorize", "device", "jwks", "token", "userinfo"]
    assert first["asked"] == []
    needles = list(secrets_of(deployment))
    assert len(needles) >= 4
    assert not any(found(tmp_path / "started", needle) for needle in needles)
    assert all(found(tmp_path / "asked", needle) for needle in needles), "this is how a key in a snapshot would look"


def found(path: Path, needle: bytes) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        return memory.find(needle) >= 0


def test_two_instances_of_one_snapshot_draw_different_numbers_after_the_restore() -> None:
    snapshot = random.getstate()
    reseed()
    one = random.getstate()
    random.setstate(snapshot)
    reseed()
    assert random.getstate() != one


def test_the_functions_reseed_after_a_restore_and_where_there_is_none_nothing_is_registered() -> None:
    hooks = snapshot_restore_py._after_restore_registry
    before = len(hooks)
    Deployment({})
    Deployment({"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"})
    assert len(hooks) == before
    Deployment({"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"})
    assert len(hooks) == before + 1
    hooks.pop()


def test_what_has_to_be_unique_comes_from_the_operating_system() -> None:
    """`random` is the jitter of reloads alone; nonces, ids and keys are made by `secrets` and `uuid4`."""
    users = [
        path.relative_to(LAYER / "sundial").as_posix()
        for path in sorted((LAYER / "sundial").rglob("*.py"))
        if "import random" in path.read_text("utf-8")
    ]
    assert users == ["keys/cache.py", "snapstart.py"]
