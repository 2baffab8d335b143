"""`sam build` from this checkout: it passes, and what it makes is small, compiled, and for the right processor."""

from __future__ import annotations

import json
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from sundial_local.paths import ROOT
from tests.package.conftest import SAM, Artifact

MEGABYTE = 1_000_000
FUNCTIONS = (
    "JwksFunction",
    "AuthorizeFunction",
    "TokenFunction",
    "UserinfoFunction",
    "DeviceFunction",
    "RotateKeysFunction",
    "SmokeFunction",
)
ELF_MACHINES = {"arm64": 183, "x86_64": 62}


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def said_in_the_layer(artifact: Artifact, code: str) -> str:
    """Return what a Python of the functions' prints, which has the layer and nothing else."""
    command: list[str | Path] = [artifact.python, "-S", "-P", "-B", "-c", code]
    environment = {"PYTHONPATH": str(artifact.layer / "python")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_sam_validates_the_template(sam_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [SAM, "validate", "--lint"], cwd=ROOT, env=sam_environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout


def test_the_unzipped_layer_is_under_45_megabytes(artifact: Artifact) -> None:
    assert size(artifact.layer) < 45 * MEGABYTE


def test_the_zipped_layer_is_under_15_megabytes(artifact: Artifact) -> None:
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for file in sorted(artifact.layer.rglob("*")):
            archive.write(file, file.relative_to(artifact.layer))
    assert len(packed.getvalue()) < 15 * MEGABYTE


def test_a_client_of_the_layer_can_call_what_the_package_calls_and_reads_little_else(artifact: Artifact) -> None:
    data = artifact.layer / "python" / "botocore" / "data"
    [model] = data.glob("dynamodb/*/service-2.json")
    operations = json.loads(model.read_text("utf-8"))["operations"].keys()
    assert {"BatchGetItem", "GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem"} <= operations
    assert "CreateTable" not in operations
    assert size(data) < 1 * MEGABYTE


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_package_is_under_100_kilobytes(function: str, artifact: Artifact) -> None:
    assert (artifact.folder / function / "app.py").is_file()
    assert size(artifact.folder / function) < 100_000


def test_every_module_of_the_layer_is_compiled_for_the_functions_python_and_for_no_other(artifact: Artifact) -> None:
    sources = set(artifact.layer.rglob("*.py"))
    wanted = {source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc" for source in sources}
    assert set(artifact.layer.rglob("*.pyc")) == wanted


def test_the_dataclasses_stand_written_out_in_the_bytecode_of_the_layer(artifact: Artifact) -> None:
    asked = "from sundial.expiry.family import Family; print(Family.__repr__.__qualname__)"
    assert said_in_the_layer(artifact, asked) == "Methods.__repr__\n"


def test_the_pages_templates_are_compiled_in_the_layer(artifact: Artifact) -> None:
    asked = "from sundial.web.templating import environment; print(environment().get_template('login.html').filename)"
    assert "/sundial/web/compiled_templates/tmpl_" in said_in_the_layer(artifact, asked)


def test_the_layer_leaves_out_what_no_function_needs(artifact: Artifact) -> None:
    packages = artifact.layer / "python"
    services = {folder.name for folder in (packages / "botocore" / "data").iterdir() if folder.is_dir()}
    assert services == {"codedeploy", "dynamodb", "events", "kms", "lambda", "secretsmanager"}
    assert not list(packages.rglob("tests"))
    assert {file.suffix for file in (packages / "lxml").rglob("*") if file.is_file()} == {".py", ".pyc", ".so"}
    # What tells a scanner of vulnerabilities, and a lawyer, which versions are in it stays.
    assert list(packages.glob("cryptography-*.dist-info/METADATA"))
    assert list(packages.glob("cryptography-*.dist-info/licenses/LICENSE*"))


def test_the_layers_are_built_for_arm64_unless_told_otherwise_and_the_same_every_time(
    artifact: Artifact, sam_environment: dict[str, str], tmp_path: Path
) -> None:
    environment = {name: value for name, value in sam_environment.items() if name != "ARCH"}
    make(ROOT / "layers" / "sundial", "build-SundialLayer", tmp_path, environment)
    libraries = list(tmp_path.rglob("*.so"))
    assert libraries
    for library in libraries:
        assert int.from_bytes(library.read_bytes()[18:20], "little") == ELF_MACHINES["arm64"], library
    for compiled in (tmp_path / "python" / "botocore").rglob("*.pyc"):
        here = artifact.layer / compiled.relative_to(tmp_path)
        assert compiled.read_bytes() == here.read_bytes()


def test_an_unknown_processor_is_refused(sam_environment: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        make(ROOT / "layers" / "sundial", "build-SundialLayer", tmp_path, {**sam_environment, "ARCH": "riscv64"})
    assert "ARCH is arm64 or x86_64, not 'riscv64'" in refusal.value.stderr


def test_a_bad_configuration_file_fails_the_build_and_says_why(sam_environment: dict[str, str], tmp_path: Path) -> None:
    copy, target = tmp_path / "copy", tmp_path / "target"
    copy.mkdir()
    (copy / "sundial.yaml").write_text("issuer: $SUNDIAL_ISSUER\nexpiry:\n  idTokens: 90d\n", "utf-8")
    with pytest.raises(subprocess.CalledProcessError) as failure:
        # In a copy of the folder, with the Makefile of the checkout: as `sam build` does it.
        make(copy, "build-ConfigLayer", target, sam_environment, ROOT / "layers" / "config" / "Makefile")
    assert "expiry.idTokens" in failure.value.stderr
    assert "90d" in failure.value.stderr
    assert not (target / "sundial.json").exists()


def test_a_change_of_the_parameters_alone_changes_a_layer_and_so_publishes_the_functions_again(
    sam_environment: dict[str, str], tmp_path: Path
) -> None:
    built = []
    for retention in (14, 30):
        settings, target = tmp_path / f"{retention}.toml", tmp_path / f"{retention}"
        settings.write_text(f'parameter_overrides = ["LogRetentionDays={retention}"]', "utf-8")
        make(ROOT / "layers" / "config", "build-ConfigLayer", target, {**sam_environment, "SETTINGS": str(settings)})
        built.append({file.name: file.read_bytes() for file in target.iterdir()})
    one, other = built
    assert one["sundial.json"] == other["sundial.json"]
    assert one["settings.sha256"] != other["settings.sha256"]


def make(folder: Path, target: str, artifacts: Path, environment: dict[str, str], makefile: Path | None = None) -> None:
    """Run `target` in `folder`, into `artifacts`."""
    program = shutil.which("make")
    assert program
    subprocess.run(
        [program, "--directory", folder, "--makefile", makefile or folder / "Makefile", target],
        env={**environment, "ARTIFACTS_DIR": str(artifacts)},
        capture_output=True,
        text=True,
        check=True,
    )
