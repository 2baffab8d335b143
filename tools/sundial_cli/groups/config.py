"""Check, compile and explain the configuration file."""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import hashlib
import json
import os
import secrets
import sys
from pathlib import Path

from sundial.config.problems import Severity
from sundial.config.reader import compile_file
from sundial_cli.output import counted, print_json, print_problems
from sundial_cli.status import FINDING, USAGE, StoppedError

_SHORTEST_SECRET = 22
"""Characters of base64: 128 bits. A digest of less can be tried out."""


def add(group: argparse.ArgumentParser) -> None:
    """Add the commands of the group."""
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)

    check = commands.add_parser("check", help="print every problem of a configuration file at once")
    check.add_argument("file", type=Path, metavar="FILE", help="a Dex-format YAML file")
    check.add_argument("--json", action="store_true", help="print the problems as JSON")
    check.add_argument("--strict", action="store_true", help="let a warning count as an error")
    check.set_defaults(run=_check)

    compile_ = commands.add_parser("compile", help="turn a file into the JSON that the functions read")
    compile_.add_argument("source", type=Path, metavar="IN", help="a Dex-format YAML file")
    compile_.add_argument("target", type=Path, metavar="OUT", help="where to write the compiled document")
    compile_.set_defaults(run=_compile)

    hash_secret = commands.add_parser(
        "hash-secret",
        help="print the secretHash of a client secret",
        description="Print the secretHash of the client secret that is read from standard input.",
    )
    hash_secret.add_argument("--new", action="store_true", help="make a new secret and print it too")
    hash_secret.add_argument("--json", action="store_true", help="print JSON")
    hash_secret.set_defaults(run=_hash_secret)

    docs = commands.add_parser("docs", help="print a page of docs/ that is made from the code")
    docs.add_argument("page", nargs="?", choices=tuple(_PAGES), default="configuration", help="which")
    docs.set_defaults(run=_docs)


def _check(arguments: argparse.Namespace) -> int:
    _, problems = compile_file(arguments.file, os.environ)
    if arguments.json:
        listed = [dataclasses.asdict(problem) for problem in problems]
        print(json.dumps({"file": str(arguments.file), "problems": listed}, indent=2, ensure_ascii=False))
    else:
        print_problems(str(arguments.file), problems, sys.stdout)
        print(f"{arguments.file}: {counted(problems) or 'no problems'}")
    counted_ones = (Severity.ERROR, Severity.WARNING) if arguments.strict else (Severity.ERROR,)
    return FINDING if any(problem.severity in counted_ones for problem in problems) else 0


def _compile(arguments: argparse.Namespace) -> int:
    compiled, problems = compile_file(arguments.source, os.environ)
    print_problems(str(arguments.source), problems, sys.stderr)
    if compiled is None:
        print(f"{arguments.source}: {counted(problems)}; nothing was written", file=sys.stderr)
        return FINDING
    _write(arguments.target, json.dumps(compiled, ensure_ascii=False, separators=(",", ":")) + "\n")
    return 0


def _hash_secret(arguments: argparse.Namespace) -> int:
    if arguments.new:
        secret = secrets.token_urlsafe(32)
    else:
        secret = getpass.getpass("Client secret: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not secret:
        raise StoppedError(USAGE, "the secret is empty; --new makes one")
    if len(secret) < _SHORTEST_SECRET:
        print("sundial: a short secret can be guessed from its digest; --new makes one that can't", file=sys.stderr)
    digest = hashlib.sha256(secret.encode("utf-8")).hexdigest()
    if arguments.json:
        return print_json(({"secret": secret} if arguments.new else {}) | {"secretHash": digest})
    if arguments.new:
        print(f"secret:     {secret}   (for the client; it is not kept anywhere)")
    print(f"secretHash: {digest}")
    return 0


def _docs(arguments: argparse.Namespace) -> int:
    sys.stdout.write(_PAGES[arguments.page]())
    return 0


def _configuration_page() -> str:
    from sundial_cli.configuration_docs import configuration_docs

    return configuration_docs()


def _connectors_page() -> str:
    from sundial_cli.connector_docs import connector_docs

    return connector_docs()


def _command_page() -> str:
    from sundial_cli.command_docs import command_docs
    from sundial_cli.main import parser

    return command_docs(parser())


_PAGES = {"configuration": _configuration_page, "connectors": _connectors_page, "cli": _command_page}


def _write(target: Path, text: str) -> None:
    """Write `text` whole or not at all."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(target)
