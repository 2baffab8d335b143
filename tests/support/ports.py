"""A port on loopback for a program that has to be told one."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
