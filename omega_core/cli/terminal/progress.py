"""A bar for whoever waits: shown only once something takes long, and only at a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .output import console

if TYPE_CHECKING:
    from rich.progress import Progress

_PATIENCE = 1.0
"""Seconds after which the bar appears."""


@contextmanager
def waiting(what: str, total: int | None = None) -> Iterator[Callable[[], None]]:
    """Show a bar on stderr while this takes more than a second, where that is a terminal.

    Parameters
    ----------
    what
        What is being done.
    total
        The number of steps, or None where it is not known.

    Yields
    ------
    advance
        To be called after each step.
    """
    if not sys.stderr.isatty():
        yield lambda: None
        return
    shown = _Bar(what, total)
    # rich is loaded by then, and only then.
    timer = threading.Timer(_PATIENCE, shown.start)
    timer.daemon = True
    timer.start()
    try:
        yield shown.advance
    finally:
        timer.cancel()
        shown.stop()


class _Bar:
    def __init__(self, what: str, total: int | None) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._stopped = False
        self._progress: Progress | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        with self._lock:
            if self._stopped:
                return
            columns = (
                TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn()
            )  # fmt: skip
            self._progress = Progress(*columns, console=console(stderr=True), transient=True)
            self._progress.add_task(self._what, total=self._total, completed=self._done)
            self._progress.start()

    def advance(self) -> None:
        with self._lock:
            self._done += 1
            if self._progress is not None:
                self._progress.update(self._progress.task_ids[0], completed=self._done)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._progress is not None:
                self._progress.stop()
