"""Operations that are repeated until the server answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from pymongo.errors import AutoReconnect, OperationFailure, ServerSelectionTimeoutError

from .database import Database
from .refusals import is_transient, lost

T = TypeVar("T")


def persist(database: Database, operation: Callable[[], T]) -> T:
    """Repeat an idempotent operation whose answer got lost, until the server answers.

    Raises
    ------
    ServerError
        It does not answer for the time that ``[mongo] timeout`` says.
    """
    began = time.monotonic()
    deadline = None
    pause = 0.01
    while True:
        try:
            return operation()
        except (AutoReconnect, OperationFailure) as exc:
            if not is_transient(exc):
                raise
            now = time.monotonic()
            # From the first failure on: how long the operation itself takes is nobody's fault.
            deadline = deadline or now + database.config.timeout
            # Selecting no server at all already waited [mongo] timeout.
            if now > deadline or isinstance(exc, ServerSelectionTimeoutError):
                raise lost(exc, database.config, database.described, now - began) from exc
            time.sleep(pause)
            pause = min(pause * 2, 1.0)
