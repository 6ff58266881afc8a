"""The end of a command: it waits for nothing that nobody waits for."""

from __future__ import annotations

import atexit
import gc
import sys

_MONITORS = ("pymongo.synchronous.monitor", "pymongo.asynchronous.monitor")


def leave_at_once() -> None:
    """Let the interpreter end at once, where all clients are closed.

    The driver joins its threads at the end, and each sleeps for half a second at a time; they are
    daemons, and nobody misses them. To look for cycles once more among all that was imported takes
    as long.
    """
    for name in _MONITORS:
        join = getattr(sys.modules.get(name), "_shutdown_resources", None)
        if join is not None:
            atexit.unregister(join)
    gc.freeze()
