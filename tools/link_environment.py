"""Make the checkout importable, and the `sundial` command available, in the virtual environment that runs this file.

A path file and a two-line script: no build, so nothing is written beside the sources and nothing
needs to be installed again when they change.
"""

import shlex
import sys
import sysconfig
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
LAYER = TOOLS.parent / "layers" / "sundial"
RUN = "import sys; from sundial_cli.main import main; sys.exit(main())"


def main() -> None:
    """Write both files."""
    Path(sysconfig.get_path("purelib"), "sundial.pth").write_text(f"{LAYER}\n{TOOLS}\n", encoding="utf-8")
    command = Path(sys.prefix, "bin", "sundial")
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(RUN)} "$@"\n', encoding="utf-8")
    command.chmod(0o755)


if __name__ == "__main__":
    main()
