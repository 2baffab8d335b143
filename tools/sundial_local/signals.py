"""Signals, for a main thread that waits.

Python runs a signal's handler in the main thread, once that runs Python: never, where it waits for a lock or a queue
and the kernel has handed the signal to another thread. What is written to the wakeup descriptor is written at once.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from threading import Thread


def on_signals(numbers: tuple[signal.Signals, ...], happens: Callable[[], None]) -> None:
    """Call `happens`, in a thread of its own, whenever one of the signals comes. To be called in the main thread."""
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    Thread(target=_follow, args=(woken, wakes, happens), daemon=True).start()


def _follow(woken: socket.socket, _wakes: socket.socket, happens: Callable[[], None]) -> None:
    while woken.recv(1):
        happens()
