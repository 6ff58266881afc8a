"""A bar for whoever waits: shown only once something takes long, and only at a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from ... import progress


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
    # What counts no steps shows how far the one thing is that it waits for.
    hosted = progress.hosting if total is None else nullcontext
    with progress.Bar(what, total) as bar, hosted(bar):
        # rich is loaded by then, and only then.
        timer = threading.Timer(progress.PATIENCE, bar.start)
        timer.daemon = True
        timer.start()
        try:
            yield bar.advance
        finally:
            timer.cancel()
