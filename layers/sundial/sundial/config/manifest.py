"""A manifest of Kubernetes that carries a Dex file, as in Dex's own example: `config.yaml` of its ConfigMap."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import yaml

_CONFIG_MAP = re.compile(r"^kind: *ConfigMap *$", re.MULTILINE)
_NAME = "config.yaml"


def dex_file_in(text: str) -> str:
    """Return the Dex file that a manifest carries, each of its lines where it stands there; any other text as it is.

    A manifest that carries none, or several, is taken for what it is: no Dex file.
    """
    if not _CONFIG_MAP.search(text):
        return text
    try:
        carried = [node for document in yaml.compose_all(text, Loader=yaml.SafeLoader) for node in _carried(document)]
    except yaml.YAMLError:
        return text
    if len(carried) != 1:
        return text
    (node,) = carried
    return "\n" * (node.start_mark.line + 1) + str(node.value)


def _carried(document: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Yield the file of a ConfigMap; it has to be literal text (`|`), whose lines are those of the manifest."""
    entries = _entries(document)
    kind = entries.get("kind")
    file = _entries(entries.get("data")).get(_NAME)
    if kind is not None and kind.value == "ConfigMap" and isinstance(file, yaml.ScalarNode) and file.style == "|":
        yield file


def _entries(node: yaml.Node | None) -> Mapping[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
