"""Signals that end a command which goes on until then: noticed at once, and nothing is torn."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Self

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Counts SIGINT and SIGTERM for the length of a block, instead of ending the process.

    Attributes
    ----------
    heard
        How many came.
    """

    def __init__(self) -> None:
        self.heard = 0
        self._before: dict[int, Any] = {}
        self._read = self._write = -1

    def pause(self, seconds: float) -> bool:
        """Let so many seconds pass, less where a signal comes; return whether one has come."""
        # A pipe, and no event: a lock that the main thread holds, its signal handler cannot take.
        if not self.heard and seconds > 0:
            select.select([self._read], [], [], seconds)
        return self.heard > 0

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        for number in _NUMBERS:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.heard += 1
        with suppress(BlockingIOError):  # it is full of signals that nobody has read
            os.write(self._write, b"\0")
