"""`make bench`: everything side by side in one run on one machine. Absolute numbers are for reading; ratios count.

`make bench ARGS="warm cold"` measures those parts alone, and `ARGS=--long` goes on where the default stops: more
rounds, a million families, a million forged tokens. docs/performance.md says what each part is.
"""

from __future__ import annotations

import argparse
import os
import sys

from bench.measure import Part, keep, table
from bench.world import CREDENTIALS

PARTS = ("calls", "warm", "instructions", "cold", "peers", "scale")


def main(arguments: list[str]) -> None:
    """Measure what is asked for, print each part as it is done, and keep it under bench/results."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of: {', '.join(PARTS)} (default: all)")
    parser.add_argument("--long", action="store_true", help="more rounds, and the larger sizes")
    parser.add_argument("--page", action="store_true", help="put what is under bench/results into docs/performance.md")
    parser.add_argument("--no-plots", action="store_true", help="draw nothing")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    os.environ |= CREDENTIALS
    for name in PARTS:
        if name in (chosen.parts or (() if chosen.page else PARTS)):
            part = measure(name, long=chosen.long)
            print(f"{table(part)}\n", flush=True)
            keep(part)
    if not chosen.no_plots:
        from bench.plots import draw

        draw()
    if chosen.page:
        from bench.page import write

        write()


def measure(name: str, *, long: bool) -> Part:
    """Return one part, measured."""
    # A part is imported when it is measured: none needs what another one does.
    if name == "calls":
        from bench.calls import measure as calls

        return calls()
    if name == "warm":
        from bench.warm import measure as warm

        return warm(rounds=60 if long else 15)
    if name == "instructions":
        from bench.instructions import measure as instructions

        return instructions()
    if name == "cold":
        from bench.cold import measure as cold

        return cold(rounds=20 if long else 5, refreshes=10_000)
    if name == "peers":
        from bench.peers import measure as peers

        return peers(seconds=9 if long else 1.5)
    from bench.scale import measure as scale

    return scale(long=long)


if __name__ == "__main__":
    main(sys.argv[1:])
