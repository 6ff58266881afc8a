"""A bar for whoever waits for a task that tells how far it is, at a terminal or in a notebook."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 1.0
"""Seconds after which it appears."""


def is_watched() -> bool:
    """Return whether somebody sees a bar: at a terminal, or in a notebook."""
    if "ipykernel" in sys.modules:
        return True
    return sys.stderr is not None and sys.stderr.isatty()


class Bar:
    """Shows progress once a second has passed, and goes at the end of the block."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._since = time.monotonic()
        self._shown: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._shown is not None:
            self._shown.stop()

    def show(self, progress: tuple[float, float | None] | None) -> None:
        """Show how far it is; None: nobody knows, and there is nothing to show."""
        if progress is None or time.monotonic() - self._since < PATIENCE:
            return
        done, total = progress
        if self._shown is None:
            self._start()
        assert self._shown is not None
        self._shown.update(self._shown.task_ids[0], completed=done, total=total)

    def _start(self) -> None:
        # rich is imported by who needs it, and only then.
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeElapsedColumn as Elapsed

        text = TextColumn("{task.description}", markup=False)
        console = Console(stderr=True)
        self._shown = Progress(
            text, BarColumn(), MofNCompleteColumn(), Elapsed(), console=console, transient=True
        )
        self._shown.add_task(self._what, total=None)
        self._shown.start()
