"""The built artifact: what `sam build` makes of this checkout, for this machine's processor."""

from __future__ import annotations

import fcntl
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from sundial_local.paths import ROOT

SAM = ROOT / ".venv-sam" / "bin" / "sam"
ARCHITECTURE = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Artifact:
    """A folder a function and a layer, named by logical id."""

    folder: Path
    python: Path

    @property
    def layer(self) -> Path:
        """What /opt is, of the layer `sundial`."""
        return self.folder / "SundialLayer"

    @property
    def configuration(self) -> Path:
        """What /opt/sundial.json is."""
        return self.folder / "ConfigLayer" / "sundial.json"


@pytest.fixture(scope="session")
def runtime_python() -> Path:
    """A Python 3.13 that runs; `sam build` and the functions need that very one."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for folder in [*folders, *sorted(pyenv.glob("versions/3.13*/bin"))]:
        python = folder / "python3.13"
        # A pyenv shim may be there and not run.
        if python.exists() and subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0:
            return python
    pytest.skip("needs a python3.13 on PATH or in pyenv")


@pytest.fixture(scope="session")
def sam_environment(runtime_python: Path) -> dict[str, str]:
    """The environment to run `sam` in."""
    if not SAM.exists():
        pytest.skip("needs the SAM CLI in .venv-sam (`make test` installs it)")
    return {
        **os.environ,
        "PATH": f"{runtime_python.parent}{os.pathsep}{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }


@pytest.fixture(scope="session")
def artifact(
    runtime_python: Path, sam_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Artifact:
    """The artifact, built once for all of pytest-xdist's workers."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "artifact" / "build"
    with (shared / "artifact.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            build(folder, ARCHITECTURE[platform.machine()], sam_environment)
    return Artifact(folder, runtime_python)


def build(folder: Path, architecture: str, environment: dict[str, str]) -> None:
    """Run `sam build` into `folder`."""
    subprocess.run(
        [SAM, "build", "--build-dir", folder, "--parameter-overrides", f"Architecture={architecture}"],
        cwd=ROOT,
        env={**environment, "ARCH": architecture},
        check=True,
    )
