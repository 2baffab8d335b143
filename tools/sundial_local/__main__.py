"""`python -m sundial_local`, which `make run` calls."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path

from sundial.config.problems import ConfigError
from sundial.expiry.durations import DurationError, parse_duration
from sundial_cli.output import print_problems
from sundial_local.configuration import PortTakenError
from sundial_local.intrinsics import TemplateError
from sundial_local.ministack import MiniStackError
from sundial_local.paths import DEFAULT_CONFIG, STATE, TEMPLATE
from sundial_local.state import StateInUseError
from sundial_local.supervisor import Options, run


def main() -> int:
    """Serve until Ctrl-C; 1 where something keeps it from starting, which is then said on standard error."""
    options = _options()
    try:
        run(options)
    except ConfigError as error:
        print_problems(str(options.config), error.problems, sys.stderr)
        print(f"{options.config} can't be served.", file=sys.stderr)
        return 1
    except (MiniStackError, PortTakenError, StateInUseError, TemplateError) as error:
        print(f"Sundial can't start: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Sundial can't start: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="sundial_local", description="Serve Sundial on this machine.")
    parser.add_argument("--port", type=int, help="listen here, and move a loopback issuer here; 0 is any free port")
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="a Dex-format YAML file")
    parser.add_argument("--state", type=Path, default=STATE, help="the folder to keep state in (.sundial)")
    parser.add_argument("--template", type=Path, default=TEMPLATE, help="a SAM template (template.yaml)")
    parser.add_argument(
        "--clock",
        type=_shift,
        default=timedelta(),
        metavar="+25h",
        help="serve as if it were that much later (or earlier: --clock=-25h): watch tokens expire and keys change",
    )
    parsed = parser.parse_args()
    return Options(
        config=parsed.config.resolve(),
        port=parsed.port,
        state=parsed.state.resolve(),
        template=parsed.template.resolve(),
        clock=parsed.clock,
    )


def _shift(text: str) -> timedelta:
    try:
        shift = parse_duration(text.lstrip("+-"))
    except DurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return -shift if text.startswith("-") else shift


if __name__ == "__main__":
    sys.exit(main())
