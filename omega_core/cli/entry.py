"""The console script ``omega``."""

from __future__ import annotations

import gc


def run() -> None:
    """Run the command line, and exit with its code."""
    # Imports make a great many objects and no garbage: to look for some, again and again, takes a
    # tenth of the time of a short command.
    gc.set_threshold(50_000)
    from .main import run

    run()
