"""A process that does what Lambda does before it takes a snapshot: loads the functions; then it writes out its memory.

    python -m tests.support.snapshot FOLDER AUTHORIZATION

FOLDER/started has the memory once the functions are loaded, FOLDER/asked once one of them has made a token for the
client of AUTHORIZATION. What AWS was asked before the first is printed.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

from sundial_local.template import Template
from tests.support.events import http_event

BYTES_AT_ONCE = 1 << 24


def load() -> dict[str, Any]:
    """Return the functions' handlers, made as Lambda makes them, by folder; the rotation begins from no snapshot."""
    handlers = {}
    for function in Template.load().functions:
        if not function.routes:
            continue
        spec = importlib.util.spec_from_file_location(f"app_{function.folder.name}", function.folder / "app.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        handlers[function.folder.name] = module.handler
    return handlers


def write_memory(path: Path) -> None:
    """Write all that this process can change, which is what a key could be in."""
    with Path("/proc/self/maps").open() as maps, Path("/proc/self/mem").open("rb", 0) as memory, path.open("wb") as out:
        for line in maps.read().splitlines():
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if found is None or line.endswith(("[vvar]", "[vsyscall]")):
                continue
            at, end = (int(text, 16) for text in found.groups())
            memory.seek(at)
            while at < end:
                read = memory.read(min(BYTES_AT_ONCE, end - at))
                if not read:
                    break
                out.write(read)
                at += len(read)


def main(folder: Path, authorization: str) -> None:
    from botocore.client import BaseClient

    asked: list[str] = []
    every_client: Any = BaseClient
    original = every_client._make_api_call

    def noted(self: Any, operation: str, parameters: Any) -> Any:
        asked.append(operation)
        return original(self, operation, parameters)

    every_client._make_api_call = noted
    handlers = load()
    print(json.dumps({"functions": sorted(handlers), "asked": asked}))
    write_memory(folder / "started")
    event = http_event(
        "POST /token", form={"grant_type": "client_credentials"}, headers={"authorization": authorization}
    )
    answer = handlers["token"](event)
    assert answer["statusCode"] == 200, answer
    write_memory(folder / "asked")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
