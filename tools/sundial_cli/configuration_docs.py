"""docs/configuration.md, made from the metadata of the configuration's classes: it can't say what they don't."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import groupby

from sundial.config import model
from sundial.config.unserved import LEFT_OUT, MEANINGLESS_WITHOUT_A_SERVER, NOT_SERVED_YET
from sundial.expiry.policies import RefreshTokenSettings

_SECTIONS: tuple[tuple[str, type, str], ...] = (
    ("The top of the file", model.Config, "Everything but `issuer` may be left out."),
    ("`expiry`", model.Expiry, "How long everything lives."),
    (
        "`expiry.refreshTokens`",
        RefreshTokenSettings,
        "When a login that asked for `offline_access` ends. A limit holds *at* its instant and is over a second later."
        " Without rotation one of the two limits must be set: nothing else would ever end the token.",
    ),
    ("`signing`", model.Signing, "The keys that sign ID tokens and access tokens."),
    ("`oauth2`", model.OAuth2, "Which flows are served, and how."),
    ("`oauth2.pkce`", model.Pkce, "Proof Key for Code Exchange (RFC 7636)."),
    ("`staticClients[]`", model.Client, "The clients (RFC 6749 §2). A secret never need stand in the file."),
    (
        "`staticClients[].expiry`",
        model.ClientExpiry,
        "What a client overrides of `expiry`; `connectors[].expiry` is alike. The global settings come first, then the"
        " connector's, then the client's, each overriding what it states.",
    ),
    ("`connectors[]`", model.ConnectorConfig, "Where people log in, beside the local users."),
    ("`staticPasswords[]`", model.StaticPassword, "Local users of the file; they need `enablePasswordDB: true`."),
    ("`web`", model.Web, "Headers of the answers."),
    ("`frontend`", model.Frontend, "How the pages look."),
    ("`migration`", model.Migration, "What goes on from Dex ([moving from Dex](migrating-from-dex.md))."),
)

_INTRODUCTION = """\
<!-- Made by `make docs-config` from layers/sundial/sundial/config/model: change it there. -->

# Configuration

One YAML file, in Dex's format: a Dex configuration file works as it is, as far as Sundial serves what it asks for.
The deployment's own is [`layers/config/sundial.yaml`](../layers/config/sundial.yaml), and `make run` serves
[`tools/sundial_local/default.yaml`](../tools/sundial_local/default.yaml) unless `CONFIG` names another.

```sh
sundial config check FILE         # every problem at once: line, key, value, remedy
sundial config compile IN OUT     # what the build does: the checked file as JSON, which the functions read
sundial config hash-secret --new  # a new client secret, and the secretHash for the file
```

The build refuses a file with an error, and a function that finds one in its own environment doesn't start.

- **An unknown or misspelt key is an error**, and so is one that stands twice: nothing is ever ignored in silence.
- **A manifest of Kubernetes** is as good: the file is the `config.yaml` of its one ConfigMap that has such, as in Dex's
  own example. The rest of the manifest is left aside.
- **A key that says nothing** (empty text, `null`, an empty section) counts as absent, as in Dex.
- **A duration** is written as in Go: numbers and units `h`, `m`, `s`, `ms`, `us`, `ns`, such as `1h30m`, `1.5h` or
  `3960h`. There is no unit for days (`90d` is an error, and so are `10` and `-5m`). `0` takes a limit of refresh
  tokens away, as in Dex; the other lifetimes are a second at least.
- **`$NAME` and `${NAME}`** in a value are taken from the environment of the functions (`template.yaml`, `Globals`).
  A variable that is not set, or empty, is an error there; where the file is checked or built, it is a note. `$$`
  stands for one dollar sign, and so does one that no name follows. Dex expands `$NAME` in a connector's `config`
  only, and puts nothing in the place of a variable that is not set.
- **A secret is never expanded**, because it may hold dollar signs: `secret` and `hash` are taken letter by letter, as
  in Dex. `secretEnv`, `hashFromEnv` and `idEnv` name a variable to take the value from. `secretHash` may be one
  `$NAME`.
- **Secrets stay out of what is deployed**: the compiled file has the digest of a `secret`, and never the secret.
- Settings marked † are Sundial's own; Dex would ignore them.
"""


def configuration_docs() -> str:
    """Return the whole page."""
    return "\n".join(
        [_INTRODUCTION, *(_section(*section) for section in _SECTIONS), _meaningless(), _left_out(), _not_yet()]
    )


def _section(title: str, described: type, text: str) -> str:
    rows = [
        f"| `{key}`{'&nbsp;†' if ours else ''} | {default} | {meaning} |"
        for key, default, meaning, ours in _settings(described)
    ]
    return "\n".join([f"## {title}", "", text, "", "| key | default | meaning |", "| --- | --- | --- |", *rows, ""])


def _settings(described: type) -> Iterator[tuple[str, str, str, bool]]:
    """Yield the key, default, meaning and origin of each setting that is served."""
    for field in dataclasses.fields(described):
        key = field.metadata["key"]
        if key and not any(row.rpartition(".")[2] == key for row in NOT_SERVED_YET):
            yield key, field.metadata["default"], field.metadata["help"].replace("|", "\\|"), field.metadata["ours"]


def _meaningless() -> str:
    names = ", ".join(f"`{name}`" for name in MEANINGLESS_WITHOUT_A_SERVER)
    return f"## Accepted, without a meaning here\n\n{names}: a warning names those that a file holds.\n"


def _left_out() -> str:
    rows = [f"| `{key}` | {what} |" for key, what in sorted(LEFT_OUT.items())]
    head = "## Left out\n\nKnown, and nothing comes of it: a warning says so of each that a file asks for.\n"
    return "\n".join([head, "| key | what one goes without |", "| --- | --- |", *rows, ""])


def _not_yet() -> str:
    rows = []
    for (key, what), asked in groupby(NOT_SERVED_YET.items(), key=lambda row: (row[0].partition(": ")[0], row[1])):
        values = ", ".join(f"`{value}`" for name, _ in asked if (value := name.partition(": ")[2]))
        rows.append(f"| `{key}` | {values or 'anything'} | {what} |")
    head = "## Not supported yet\n\nKnown, and refused by name: a file that asks for one of these is an error.\n"
    return "\n".join([head, "| key | value | what it asks for |", "| --- | --- | --- |", *sorted(rows), ""])
