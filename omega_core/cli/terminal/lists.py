"""Lines of JSON as one document: a list, written as the lines come."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast


@contextmanager
def list_of_lines(target: BinaryIO) -> Iterator[BinaryIO]:
    """Yield a file that takes lines, and makes a list of them in ``target``."""
    lines = _Lines(target)
    yield cast("BinaryIO", lines)
    # Of lines that end with an error, no whole list is made.
    target.write(b"\n]\n" if lines.written else b"[]\n")


class _Lines(io.RawIOBase):
    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._rest = b""
        self.written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        *lines, self._rest = (self._rest + bytes(data)).split(b"\n")
        for line in lines:
            self._target.write((b",\n" if self.written else b"[\n") + line)
            self.written += 1
        return len(data)
