"""What Lambda's own runtime does around a function, and MiniStack does not; the functions' Python runs this file.

MiniStack unpacks a layer beside the function and names the folder in _LAMBDA_LAYERS_DIRS; Lambda mounts all of them
as /opt. So a path under /opt is opened where its layer is. The clock is ahead by the seconds in the file
REHEARSAL_CLOCK. The interpreter has been started without its site-packages (-S): what a function imports and its
layers haven't got is missing here as it would be in Lambda, but for Lambda's own boto3.
"""

import builtins
import io
import os
import runpy
import sys
import time
from pathlib import Path
from typing import Any

OPT = "/opt/"


def main() -> None:
    """Put both in place, and run MiniStack's worker script: the argument."""
    layers = [Path(layer) for layer in os.environ.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep) if layer]
    clock = Path(os.environ["REHEARSAL_CLOCK"])
    plain_open, plain_time = io.open, time.time

    def open_in_layers(file: Any, *arguments: Any, **options: Any) -> Any:
        path = os.fspath(file) if isinstance(file, str | os.PathLike) else ""
        if isinstance(path, str) and path.startswith(OPT):
            found = [layer / path[len(OPT) :] for layer in layers]
            file = next((one for one in found if one.exists()), file)
        return plain_open(file, *arguments, **options)

    def shifted() -> float:
        with plain_open(clock) as shift:
            return plain_time() + float(shift.read())

    io.open = builtins.open = open_in_layers
    time.time = shifted
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
