"""Keeps the intents of living writers alive."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import PyMongoError

from ..errors import OmegaError
from ..forking import reset_in_children
from .commit import Intent


class LeaseKeeper:
    """Renews, from one thread for all writers of an `Omega`, each lease at a third of its time.

    Parameters
    ----------
    lease
        Seconds, of every intent.
    """

    def __init__(self, lease: float) -> None:
        self._pause = lease / 3
        self._reset()
        reset_in_children(self._reset)

    def _reset(self) -> None:
        self._intents: set[Intent] = set()
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def keeping(self, intent: Intent) -> Iterator[None]:
        """Renew the lease of ``intent`` for as long as the block runs."""
        with self._change:
            self._intents.add(intent)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="omega-lease", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._change:
                self._intents.discard(intent)

    def _run(self) -> None:
        idle = 0
        while idle < 2:  # a thread without work ends, so that an unused Omega can be collected
            with self._change:
                # Also when idle no longer: an intent may come at any moment, and is not announced.
                self._change.wait(self._pause)
                intents = list(self._intents)
                idle = 0 if intents else idle + 1
                if idle == 2:
                    self._thread = None
                    return
            for intent in intents:
                try:
                    intent.renew()
                except (PyMongoError, OmegaError):
                    continue  # no answer now: the commit finds out whether the lease held
