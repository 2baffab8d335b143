"""Cut botocore's descriptions of AWS down to the services that the functions call: the layer's Makefile runs this.

botocore reads these files whenever a client is made, at every cold start. Nothing that it does changes: what
goes is other services, older versions of an API, operations whose method the package `sundial` names nowhere, and
the documentation within. The models are written uncompressed, which botocore reads as well; inflating them costs
more than reading them.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import sys
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import Any

from botocore import xform_name

_DROPPED_FILES = ("examples-1.json", "paginators-1.json", "waiters-2.json", "endpoint-rule-set-1.json.gz")
"""Read by those who document a client, or page or wait with it, or by its rules for addresses: the functions do none
of that (`sundial.store.aws`)."""
_NAMED = re.compile(r"\.([a-z][a-z0-9_]*)\b")
"""A method of a client, called or handed on; much else that has a name too, which does no harm."""


def main(data: Path, package: Path, services: Sequence[str]) -> None:
    """Leave in the folder `data` what clients of `services` need for the calls in the folder `package`."""
    named = {name for file in package.rglob("*.py") for name in _NAMED.findall(file.read_text(encoding="utf-8"))}
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in services:
            shutil.rmtree(folder)
    for service in services:
        _keep_latest_version(data / service, named)
    _trim_endpoints(data / "endpoints.json", services)


def _keep_latest_version(folder: Path, named: Set[str]) -> None:
    *older, latest = sorted(version for version in folder.iterdir() if version.is_dir())
    for version in older:
        shutil.rmtree(version)
    for name in _DROPPED_FILES:
        (latest / name).unlink(missing_ok=True)
    for packed in latest.glob("*.json.gz"):
        with gzip.open(packed, "rt", encoding="utf-8") as file:
            document = _undocumented(json.load(file))
        _write(packed.with_suffix(""), _named_alone(document, named) if "operations" in document else document)
        packed.unlink()


def _named_alone(model: dict[str, Any], named: Set[str]) -> dict[str, Any]:
    """Return a service's model with the operations whose methods are `named`, and the shapes that those lead to."""
    operations = {name: one for name, one in model["operations"].items() if xform_name(name) in named}
    if not operations:
        raise SystemExit(f"no operation of {model['metadata']['serviceId']} is named: is it a service of ours?")
    shapes: dict[str, Any] = {}
    found = list(_shapes_in(list(operations.values())))
    while found:
        name = found.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            found += _shapes_in(shapes[name])
    # botocore makes an exception class of each error shape, whether an operation names it or not.
    errors = {name: one for name, one in model["shapes"].items() if one.get("exception")}
    return model | {"operations": operations, "shapes": shapes | errors}


def _shapes_in(node: Any) -> Iterator[str]:
    """Yield the name of each shape that a part of a model refers to."""
    if isinstance(node, dict):
        for name, one in node.items():
            if name == "shape" and isinstance(one, str):
                yield one
            else:
                yield from _shapes_in(one)
    elif isinstance(node, list):
        for one in node:
            yield from _shapes_in(one)


def _trim_endpoints(path: Path, services: Sequence[str]) -> None:
    """Keep every partition and region, for other services nothing (botocore: `EndpointResolver`)."""
    document = json.loads(path.read_text(encoding="utf-8"))
    for partition in document["partitions"]:
        partition["services"] = {name: one for name, one in partition["services"].items() if name in services}
    _write(path, document)


def _undocumented(node: Any) -> Any:
    """Return a model without its documentation: prose stands under `documentation`, always as a string."""
    if isinstance(node, dict):
        return {
            name: _undocumented(one)
            for name, one in node.items()
            if not (name == "documentation" and isinstance(one, str))
        }
    return [_undocumented(one) for one in node] if isinstance(node, list) else node


def _write(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
