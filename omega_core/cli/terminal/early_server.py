"""The embedded server, started while the driver is still being imported.

Both take about as long, and one waits for a process and the other for this one.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...config import MongoConfig
    from ...mongo.embedded import EmbeddedServer

_HINT = (
    "The server was started for this command and stops with it, which takes the most of its time. "
    "To keep it running: omega server start"
)


class EarlyServer:
    """A hold on the server of this user, from the first moment on to the last.

    Parameters
    ----------
    mongo
        The section of the configuration; where it names a server, nothing is done.
    hint
        Whether there is somebody who may be told, once, how to save the time.
    """

    def __init__(self, mongo: MongoConfig, *, hint: bool) -> None:
        self._data_dir = mongo.data_dir
        self._hint = hint and sys.stderr.isatty()
        self._held: EmbeddedServer | None = None
        self._started = False
        self._thread: threading.Thread | None = None
        if mongo.url is None:
            # Imported here: two threads that import the same are a thing to stay away from.
            from ...mongo import embedded  # noqa: F401

            self._thread = threading.Thread(target=self._join, daemon=True)
            self._thread.start()

    def _join(self) -> None:
        from ...mongo.embedded import EmbeddedServer, status

        # What is wrong is told to whoever connects next.
        with contextlib.suppress(Exception):
            self._started = not status(self._data_dir).running
            self._held = EmbeddedServer.acquire(self._data_dir)

    def release(self) -> None:
        """Let go of it; the last user stops it."""
        if self._thread is None:
            return
        self._thread.join()
        if self._held is None:
            return
        if self._started and self._hint and self._is_new():
            from .output import note

            note(_HINT)
        self._held.release()

    def _is_new(self) -> bool:
        """Return whether nobody was told yet, and note that somebody is now."""
        from ...mongo.embedded import status

        with contextlib.suppress(OSError):
            Path(status(self._data_dir).data_dir, "told").touch(mode=0o600, exist_ok=False)
            return True
        return False
