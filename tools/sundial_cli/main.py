"""`sundial GROUP COMMAND …`: its exit status is 0 if all is well, 1 if it found errors, 2 if it was called wrongly.

3 is that of a deployment that can't be reached, 130 that of Ctrl-C.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

from sundial_cli import groups
from sundial_cli.status import StoppedError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (those of the process) name; return the exit status."""
    parsed = parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
    except StoppedError as stopped:
        print(f"sundial: {stopped}", file=sys.stderr)
        return stopped.status
    except OSError as error:
        print(f"sundial: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status


def parser() -> argparse.ArgumentParser:
    """Return the parser, with every module of `sundial_cli.groups` as a group of commands."""
    top = argparse.ArgumentParser(prog="sundial", description="Look after a Sundial deployment.")
    chosen = top.add_subparsers(title="groups", metavar="GROUP", required=True)
    for module in pkgutil.iter_modules(groups.__path__):
        group = importlib.import_module(f"{groups.__name__}.{module.name}")
        summary = (group.__doc__ or "").partition("\n")[0]
        name = module.name.replace("_", "-")
        group.add(chosen.add_parser(name, help=summary, description=summary))
    return top
