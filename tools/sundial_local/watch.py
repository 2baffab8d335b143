"""Changes to what a running server is made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

from watchfiles import Change, DefaultFilter, watch


def watch_sources(folders: tuple[Path, ...], files: tuple[Path, ...], stop: Event, changed: Callable[[], None]) -> None:
    """Call `changed` whenever one of `files`, or something in `folders`, changes, until `stop` is set; returns at once.

    The files' folders are watched, not the files: many editors save by putting a new file in place.
    """
    names = {str(file.resolve()) for file in files}

    def ours(_change: Change, path: str) -> bool:
        return path in names

    around = tuple({file.resolve().parent for file in files})
    Thread(target=_watch, args=(folders, DefaultFilter(), True, stop, changed), daemon=True).start()
    Thread(target=_watch, args=(around, ours, False, stop, changed), daemon=True).start()


def _watch(
    paths: tuple[Path, ...],
    watch_filter: Callable[[Change, str], bool],
    recursive: bool,
    stop: Event,
    changed: Callable[[], None],
) -> None:
    for _ in watch(
        *paths,
        watch_filter=watch_filter,
        recursive=recursive,
        stop_event=stop,
        debounce=200,
        step=50,
        rust_timeout=500,
        raise_interrupt=False,
    ):
        changed()
