"""Keeps the intents of living writers alive."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from pymongo.errors import PyMongoError

from ..errors import OmegaError
from ..forking import reset_in_children


class Leased(Protocol):
    """What is given up for dead if nobody renews it: the intent of a writer, a task."""

    def renew(self) -> None: ...


class LeaseKeeper:
    """Renews, from one thread for all of an `Omega`, each lease at a third of its time.

    Parameters
    ----------
    lease
        Seconds, of every lease.
    """

    def __init__(self, lease: float) -> None:
        self._pause = lease / 3
        self._reset()
        reset_in_children(self._reset)

    def _reset(self) -> None:
        self._kept: set[Leased] = set()
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def keeping(self, leased: Leased) -> Iterator[None]:
        """Renew the lease for as long as the block runs."""
        self.keep(leased)
        try:
            yield
        finally:
            self.release(leased)

    def keep(self, leased: Leased) -> None:
        """Renew the lease from now on."""
        with self._change:
            self._kept.add(leased)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="omega-lease", daemon=True)
                self._thread.start()

    def release(self, leased: Leased) -> None:
        """Renew the lease no more."""
        with self._change:
            self._kept.discard(leased)

    def _run(self) -> None:
        idle = 0
        while idle < 2:  # a thread without work ends, so that an unused Omega can be collected
            with self._change:
                # Also when idle no longer: a lease may come at any moment, and is not announced.
                self._change.wait(self._pause)
                kept = list(self._kept)
                idle = 0 if kept else idle + 1
                if idle == 2:
                    self._thread = None
                    return
            for leased in kept:
                try:
                    leased.renew()
                except (PyMongoError, OmegaError):
                    continue  # no answer now: the commit finds out whether the lease held
