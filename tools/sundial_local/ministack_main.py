"""Run MiniStack on the listening socket `sys.argv[1]` (a file descriptor); .venv-ministack's Python runs this file.

It stops, and saves its state, when standard input ends: that is when the process that started it is
gone, however it went. So a killed local server or test run never leaves an emulator behind.
"""

import os
import runpy
import signal
import sys
import threading


def _stop_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    descriptor = sys.argv[1]
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    sys.argv = [
        "hypercorn",
        "ministack.app:app",
        "--bind",
        f"fd://{descriptor}",
        "--workers",
        "0",
        "--keep-alive",
        "75",
    ]
    runpy.run_module("hypercorn", run_name="__main__")
