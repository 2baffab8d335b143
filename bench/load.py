"""A load client: so many connections, each with a login of its own that it refreshes again and again."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from bench.world import CLIENT, SECRET


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load; seconds."""

    latencies: tuple[float, ...]
    wall: float
    cpu: float
    """Of the server's process."""


async def refreshes(port: int, path: str, pid: int, tokens: list[str], connections: int, seconds: float) -> Load:
    """Refresh for so many seconds on so many connections; what each was given last takes its place in `tokens`."""

    async def one(number: int, until: float) -> list[float]:
        taken = []
        connection = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < until:
            form = {"grant_type": "refresh_token", "refresh_token": tokens[number]}
            started = time.perf_counter()
            answer = await _post(connection, path, form)
            taken.append(time.perf_counter() - started)
            tokens[number] = answer["refresh_token"]
        connection[1].close()
        return taken

    return await _measured(one, pid, connections, seconds)


async def client_credentials(port: int, path: str, pid: int, connections: int, seconds: float) -> Load:
    """Ask for a client's own token for so many seconds on so many connections."""

    async def one(_number: int, until: float) -> list[float]:
        taken = []
        connection = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < until:
            started = time.perf_counter()
            await _post(connection, path, {"grant_type": "client_credentials"})
            taken.append(time.perf_counter() - started)
        connection[1].close()
        return taken

    return await _measured(one, pid, connections, seconds)


async def _measured(one: Any, pid: int, connections: int, seconds: float) -> Load:
    clock = (~pid << 3) | 2  # clock_getcpuclockid(3), which Python has not got
    started, cpu = time.perf_counter(), time.clock_gettime(clock)
    taken: Sequence[list[float]] = await asyncio.gather(
        *(one(number, started + seconds) for number in range(connections))
    )
    wall, cpu = time.perf_counter() - started, time.clock_gettime(clock) - cpu
    return Load(tuple(latency for some in taken for latency in some), wall, cpu)


async def _post(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], path: str, form: dict[str, str]
) -> dict[str, Any]:
    reader, writer = connection
    body = urlencode({"client_id": CLIENT, "client_secret": SECRET} | form)
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode("ascii")
    )
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next(int(line.partition(":")[2]) for line in head.splitlines() if line.startswith("content-length:"))
    answer: dict[str, Any] = json.loads(await reader.readexactly(length))
    if not head.startswith("http/1.1 200") or "access_token" not in answer:
        raise RuntimeError(f"the server refused: {answer}")  # an error and its description, and no token
    return answer
