"""A Dex configuration file as one for Sundial: what has no place there taken out, secrets as their digests.

A Dex file works as it is. This makes one that may lie in a repository: its text stays, comments and all,
but for the lines that would carry a secret or mean nothing, and for the grants that Dex serves where none are listed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

from sundial.config.manifest import dex_file_in
from sundial.config.unserved import MEANINGLESS_WITHOUT_A_SERVER

_MIGRATION = """
# The refresh tokens that Dex has given out are taken, each until its login is refreshed here for the first time. Take
# this out when the longest of Dex's logins is over.
migration:
  dexRefreshTokens: true
"""


_GRANTS = (
    "authorization_code",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:token-exchange",
)
"""What Dex serves where `oauth2.grantTypes` lists nothing: not client credentials. The implicit grant goes by
`responseTypes`, and the password grant by `passwordConnector`."""


class NoDexFileError(Exception):
    """The file is no YAML mapping; says where it isn't."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a file: its new text, and what was done, in words."""

    text: str
    changes: tuple[str, ...]


def convert(text: str, *, with_refresh_tokens: bool) -> Converted:
    """Return a Dex file's text for Sundial; of a manifest of Kubernetes, the file in it. Raises NoDexFileError."""
    text, listed = _list_grants(dex_file_in(text).lstrip("\n"))
    root = _settings(text)
    lines = text.splitlines(keepends=True)
    changes = [*_hash_secrets(root, lines), *_drop(root, lines)]
    changes.reverse()  # both go from below, so that what stands above keeps its place
    converted = "".join(lines)
    if with_refresh_tokens and "migration" not in _keys(root):
        converted = f"{converted.rstrip()}\n{_MIGRATION}"
        changes.append("migration.dexRefreshTokens: added")
    return Converted(converted, (*changes, *listed))


def _settings(text: str) -> yaml.MappingNode:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:  # whose own text quotes the file, and so what is secret in it
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise NoDexFileError(f"line {line}: {error.problem}") from None
    except yaml.YAMLError:
        raise NoDexFileError("it is no YAML: save it as UTF-8 text") from None
    if not isinstance(root, yaml.MappingNode):
        raise NoDexFileError("it is no mapping of settings")
    return root


def _list_grants(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the text with the grants of Dex listed where it lists none, and what was done.

    Sundial would serve client credentials too, and no client is to be able to do more than before.
    """
    root = _settings(text)
    oauth2 = _value(root, "oauth2")
    settings = oauth2 if isinstance(oauth2, yaml.MappingNode) else None
    if settings is not None and "grantTypes" in _keys(settings):
        return text, ()
    with_password = settings is not None and "passwordConnector" in _keys(settings)
    grants = f"grantTypes: [{', '.join(_GRANTS + ('password',) * with_password)}]"
    lines = text.splitlines(keepends=True)
    if settings is not None and settings.flow_style:
        mark, comma = settings.start_mark, ", " if settings.value else ""
        line = lines[mark.line]
        at = line.index("{", mark.column) + 1  # an anchor may stand before it
        lines[mark.line] = f"{line[:at]}{grants}{comma}{line[at:]}"
    elif settings is not None:
        first = settings.value[0][0].start_mark
        lines.insert(first.line, f"{' ' * first.column}{grants}\n")
    elif oauth2 is None and not root.flow_style:
        lines = [f"{text.rstrip()}\n\noauth2:\n  {grants}\n"]
    else:
        return text, ("oauth2.grantTypes: lists nothing; Sundial serves client credentials too, which Dex would not",)
    return "".join(lines), ("oauth2.grantTypes: added, as Dex has them: without client credentials",)


def _hash_secrets(root: yaml.MappingNode, lines: list[str]) -> Iterator[str]:
    """Put the digest of each client's secret in its place: Sundial needs no more, and nobody can read it back."""
    clients = _value(root, "staticClients")
    if not isinstance(clients, yaml.SequenceNode):
        return
    for client in reversed(clients.value):
        if not isinstance(client, yaml.MappingNode):
            continue
        for key, value in client.value:
            if key.value != "secret" or not isinstance(value, yaml.ScalarNode) or not value.value:
                continue
            name = _value(client, "id")
            who = name.value if isinstance(name, yaml.ScalarNode) else "without an id"
            if key.start_mark.line != value.end_mark.line:
                yield f"staticClients[{who}].secret: stays in clear, for it has several lines"
                continue
            number = key.start_mark.line
            digest = hashlib.sha256(value.value.encode("utf-8")).hexdigest()
            line = lines[number]
            start, end = key.start_mark.column, value.end_mark.column
            lines[number] = f'{line[:start]}secretHash: "{digest}"{line[end:]}'
            yield f"staticClients[{who}].secret: its digest instead (secretHash); the client keeps its secret"


def _drop(root: yaml.MappingNode, lines: list[str]) -> Iterator[str]:
    """Take out what means nothing without a server: among it, passwords of databases."""
    for path in reversed(_in_order(root)):
        mapping = root
        *above, last = path.split(".")
        for name in above:
            found = _value(mapping, name)
            if not isinstance(found, yaml.MappingNode):
                break
            mapping = found
        else:
            pair = next(((key, value) for key, value in mapping.value if key.value == last), None)
            if pair is None:
                continue
            if mapping.flow_style:
                yield f"{path}: means nothing here, and may stay"
                continue
            first, after = pair[0].start_mark.line, _end(pair[1], lines)
            indent = " " * pair[0].start_mark.column
            lines[first:after] = [f"{indent}# {last}: was Dex's own; it means nothing here\n"]
            yield f"{path}: taken out: it means nothing without a server"


def _in_order(root: yaml.MappingNode) -> Sequence[str]:
    """Return the meaningless settings of a file in the order in which they stand."""
    found = []
    for path in MEANINGLESS_WITHOUT_A_SERVER:
        node: yaml.Node | None = root
        for name in path.split("."):
            node = _value(node, name) if isinstance(node, yaml.MappingNode) else None
        if node is not None:
            found.append((node.start_mark.line, path))
    return [path for _, path in sorted(found)]


def _end(value: yaml.Node, lines: Sequence[str]) -> int:
    """Return the line after a value: what follows it, comments and blank lines, is the next one's."""
    if isinstance(value, yaml.ScalarNode):
        is_open_ended = value.style in ("|", ">")
    else:
        is_open_ended = isinstance(value, yaml.CollectionNode) and not value.flow_style
    last = min(value.end_mark.line + (0 if is_open_ended else 1), len(lines))
    while last > value.start_mark.line + 1 and lines[last - 1].strip()[:1] in ("", "#"):
        last -= 1
    return max(last, value.start_mark.line + 1)


def _keys(mapping: yaml.MappingNode) -> list[str]:
    return [key.value for key, _ in mapping.value]


def _value(mapping: yaml.MappingNode, name: str) -> yaml.Node | None:
    return next((value for key, value in mapping.value if key.value == name), None)
