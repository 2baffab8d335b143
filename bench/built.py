"""What cold starts are of: the layers as `sam build` makes them, for this machine, and what stands beside them."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
FUNCTIONS = ("token", "jwks", "userinfo", "authorize", "device", "rotate_keys")
EMPTY, BARE = "an empty handler", "bare boto3, one DynamoDB client"
PLAIN = {
    EMPTY: "def handler(event, context):\n    return {'statusCode': 200}\n",
    BARE: """\
import boto3

client = boto3.client("dynamodb")


def handler(event, context):
    return {"statusCode": 200}
""",
}
_OF_BOTO3 = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3")
_OF_LAMBDA = ("awslambdaric", "runtime_client*.so", "simplejson", "snapshot_restore_py.py")
_ARCHITECTURE = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Built:
    """What /opt and Lambda's own Python hold, laid out in a folder."""

    layer: Path
    configuration: Path
    runtime: Path
    boto3: Path
    tasks: Mapping[str, Path]


def build(folder: Path) -> Built:
    """Build the layers into `folder` as `sam build` does, for this machine, and lay out what they are beside."""
    environment = os.environ | {"ARCH": _ARCHITECTURE[platform.machine()], "PYTHON_VERSION": "3.13"}
    python = Path(sys.base_prefix) / "bin"
    environment["PATH"] = f"{python}{os.pathsep}{environment['PATH']}"
    for layer, target in (("sundial", "build-SundialLayer"), ("config", "build-ConfigLayer")):
        command = ["make", "--directory", str(ROOT / "layers" / layer), target]
        artifacts = {"ARTIFACTS_DIR": str(folder / layer)}
        subprocess.run(command, env=environment | artifacts, check=True, capture_output=True)
    runtime = _copied(_OF_LAMBDA, folder / "runtime")
    boto3 = _copied(_OF_BOTO3, folder / "boto3")
    tasks = {name: ROOT / "functions" / name for name in FUNCTIONS}
    for number, (name, text) in enumerate(PLAIN.items()):
        tasks[name] = folder / f"task{number}"
        tasks[name].mkdir()
        (tasks[name] / "app.py").write_text(text, encoding="utf-8")
    tasks = {name: _compiled(_copy(task, folder / "tasks" / str(i))) for i, (name, task) in enumerate(tasks.items())}
    return Built(folder / "sundial" / "python", folder / "config" / "sundial.json", runtime, boto3, tasks)


def _copied(patterns: Sequence[str], target: Path) -> Path:
    """Copy from the bench's own environment what these name, and compile it as the layer is."""
    import boto3

    site = Path(boto3.__file__).parent.parent
    target.mkdir(parents=True)
    for pattern in patterns:
        for found in site.glob(pattern):
            _copy(found, target / found.name)
    return _compiled(target)


def _copy(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, target)
    return target


def _compiled(folder: Path) -> Path:
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder
