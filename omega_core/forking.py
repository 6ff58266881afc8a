"""What a forked child must not share with its parent: connections, threads and their locks."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable


def reset_in_children(reset: Callable[[], None]) -> None:
    """Call the method ``reset`` in every process forked from now on, while its object lives.

    It runs before any other code of the child, so no lock is needed, and none may be held.
    """
    method = weakref.WeakMethod(reset)

    def call() -> None:
        reset = method()
        if reset is not None:
            reset()

    os.register_at_fork(after_in_child=call)
