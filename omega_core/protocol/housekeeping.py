"""Collecting in passing: a little after a put, so that a store stays clean without a cron job."""

from __future__ import annotations

import logging
import time

from pymongo.errors import PyMongoError

from ..errors import OmegaError
from .collect import CROWDED, Collector
from .commit import Intent
from .resources import Freer

log = logging.getLogger("omega_core")

_COLLECT_EVERY = 60.0
_COLLECT_LIMIT = 16


class Housekeeping:
    """Collects a bounded amount, at most once a minute in this process.

    And what an object itself has too much of: if it is put again and again, the grace alone would
    let the list of its retired generations grow without bounds.
    """

    def __init__(self, freer: Freer, grace: float) -> None:
        self._collector = Collector(freer)
        self._grace = grace
        self._collected = time.monotonic()

    def after(self, put: Intent) -> None:
        """Collect what is due, now that a put is committed."""
        try:
            # Of several writers, the one whose put made the number round does it for all.
            if put.retired > CROWDED and put.retired % _COLLECT_LIMIT == 0:
                self._collector.run(put.key.filter(), self._grace)
            now = time.monotonic()
            if now - self._collected >= _COLLECT_EVERY:
                self._collected = now
                self._collector.run({}, self._grace, limit=_COLLECT_LIMIT, overdue=self._grace)
        except (PyMongoError, OmegaError):
            # The put that this follows succeeded, and must not be reported as failed.
            log.warning("Collecting after a put failed; `omega gc` repeats it.", exc_info=True)
