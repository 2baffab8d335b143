"""template.yaml as CloudFormation gets it: after SAM's transform, which runs here without a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from sundial_local.intrinsics import load_yaml
from sundial_local.paths import TEMPLATE

PARAMETERS = {"Issuer": "https://login.example.com"}


def source(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return template.yaml as written, short tags as their long forms."""
    document: dict[str, Any] = load_yaml(path.read_text("utf-8"))
    return document


def transformed(document: dict[str, Any], parameters: Mapping[str, str] = PARAMETERS) -> dict[str, Any]:
    """Return the CloudFormation template that SAM makes of `document`, which it changes."""
    for resource in document["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                # What `sam deploy` puts there: the artifact, uploaded.
                resource["Properties"][name] = f"s3://artifacts/{resource['Properties'][name]}"
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="eu-central-1"))
    template: dict[str, Any] = translator.translate(document, dict(parameters))
    return template
