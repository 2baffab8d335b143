"""The configuration that a deployment runs with: not the file of this checkout, which may be another one by now."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import urllib3

from sundial.config.model import Config
from sundial.config.problems import ConfigError
from sundial.config.reader import load_compiled
from sundial_cli.status import FINDING, UNREACHABLE, StoppedError

_SECONDS_TO_DOWNLOAD = 30
_ATTEMPTS = 3


def config_of_function(lambda_: Any, function: str, alias: str) -> Config:
    """Return the configuration of a deployed function: its last layer's, as its own environment completes it.

    Three network calls. Raises StoppedError where there is none that can be read, ClientError and
    BotoCoreError for what AWS says.
    """
    settings = lambda_.get_function_configuration(FunctionName=function, Qualifier=alias)
    variables = settings.get("Environment", {}).get("Variables", {})
    name = Path(variables.get("SUNDIAL_CONFIG", "sundial.json")).name
    layers = [layer["Arn"] for layer in settings.get("Layers", ())]
    if not layers:
        raise StoppedError(FINDING, f"the function {function} has no layer, and so no configuration: deploy it again")
    content = lambda_.get_layer_version_by_arn(Arn=layers[-1])["Content"]
    with TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(io.BytesIO(_download(content["Location"]))) as archive:
                archive.extract(name, folder)
        except (zipfile.BadZipFile, KeyError) as error:
            raise StoppedError(FINDING, f"there is no {name} in the layer {layers[-1]}: deploy it again") from error
        return config_of_file(Path(folder, name), variables)


def config_of_file(path: Path, variables: Mapping[str, str]) -> Config:
    """Return the configuration of a compiled document, completed by `variables`. Raises StoppedError."""
    try:
        return load_compiled(path, variables)
    except ConfigError as error:
        raise StoppedError(FINDING, f"the deployed configuration can't be used here: {error}") from error


def _download(url: str) -> bytes:
    """Return what is at a presigned URL, which is nothing to show: it is a credential while it lasts."""
    retries = urllib3.Retry(_ATTEMPTS, status_forcelist=(500, 502, 503, 504))
    try:
        with urllib3.PoolManager(timeout=_SECONDS_TO_DOWNLOAD, retries=retries) as pool:
            response = pool.request("GET", url)
    except urllib3.exceptions.HTTPError as error:
        raise StoppedError(UNREACHABLE, "the configuration's layer can't be downloaded from AWS; try again") from error
    if response.status != 200:
        raise StoppedError(UNREACHABLE, f"AWS answers {response.status} for the configuration's layer; try again")
    return response.data
