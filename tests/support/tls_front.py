"""TLS in front of a server without it, as API Gateway or a proxy stands in front of ours: an issuer with https."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from tests.support.certificates import authority


@dataclass
class TlsFront:
    """Listens on `url`; what comes is sent on to `port` of the loopback address, once that is set."""

    url: str
    ca_file: Path
    """Vouches for it."""
    certificate_file: Path
    """Its certificate and its key, of localhost."""
    port: int = 0


@contextmanager
def tls_front(folder: Path) -> Iterator[TlsFront]:
    """Listen on a free port of localhost; certificates are made in `folder`."""
    signer = authority()
    leaf = signer.issue("localhost", ["localhost"])
    ca_file, chain = folder / "ca.pem", folder / "localhost.pem"
    ca_file.write_text(signer.pem, encoding="ascii")
    chain.write_text(leaf.pem + leaf.key_pem, encoding="ascii")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)

    loop = asyncio.new_event_loop()
    front = TlsFront("", ca_file, chain)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            there = await asyncio.open_connection("127.0.0.1", front.port)
            await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))

    thread = Thread(target=loop.run_forever)  # of its own: a browser's may run in this one
    thread.start()
    starting = asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    server = asyncio.run_coroutine_threadsafe(starting, loop).result()
    front.url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
    try:
        yield front
    finally:
        asyncio.run_coroutine_threadsafe(_close(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
    finally:
        writer.close()


async def _close(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
