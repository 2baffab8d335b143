"""`sundial GROUP COMMAND …`. What its exit statuses mean: sundial_cli.status, docs/cli.md."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

from sundial.version import VERSION
from sundial_cli import groups
from sundial_cli.output import coloured, printable
from sundial_cli.status import INTERRUPTED, USAGE, StoppedError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (those of the process) name; return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parsed = parser(words[0] if words else "").parse_args(words)
    try:
        status: int = parsed.run(parsed)
        sys.stdout.flush()
    except StoppedError as stopped:
        _complain(str(stopped))
        return stopped.status
    except BrokenPipeError:  # whoever read our output has had enough of it
        sys.stdout = None  # nor is it to be flushed when Python ends
        return 0
    except OSError as error:
        _complain(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def parser(chosen: str = "") -> argparse.ArgumentParser:
    """Return the parser, with every module of `sundial_cli.groups` as a group of commands.

    Where `chosen` is one of them, it is the only one: what is called often, by AWS's tools or by kubectl, is not to
    wait for what the others import.
    """
    top = argparse.ArgumentParser(
        prog="sundial",
        description="Look after a Sundial deployment.",
        epilog="Exit status: 0 well, 1 not well or refused, 2 called wrongly, 3 can't be reached or not allowed to."
        " docs/cli.md has all of it.",
    )
    top.add_argument("--version", action="version", version=f"sundial {VERSION}")
    added = top.add_subparsers(title="groups", metavar="GROUP", required=True)
    modules = {module.name.replace("_", "-"): module.name for module in pkgutil.iter_modules(groups.__path__)}
    for name in [chosen] if chosen in modules else modules:
        group = importlib.import_module(f"{groups.__name__}.{modules[name]}")
        summary = (group.__doc__ or "").partition("\n")[0]
        group.add(added.add_parser(name, help=summary, description=summary))
    return top


def _complain(text: str) -> None:
    text = "\n".join(map(printable, text.split("\n")))  # some of it may be a provider's
    print(f"{coloured('sundial:', '31;1', sys.stderr)} {text}", file=sys.stderr)
