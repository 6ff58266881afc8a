"""Bytes that the tests of file systems write, read and compare."""

from __future__ import annotations

import random
from collections.abc import Iterator

from ..locations import Locations
from .promises import broken, shown


class FailingFile:
    """A file that fails when it is read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def read(self, size: int = -1) -> bytes:
        return next(self._chunks)


def bytes_of(size: int) -> bytes:
    """Return bytes of which no two places are alike, the same ones for a size."""
    return random.Random(size).randbytes(size)


def write_file(files: Locations, uri: str, data: bytes) -> None:
    with files.create(uri) as file:
        for start in range(0, len(data), 1 << 20):
            file.write(data[start : start + (1 << 20)])


def read_file(files: Locations, uri: str) -> bytes:
    with files.open(uri) as file:
        return file.read()


def same_bytes(what: str, expected: bytes, got: bytes) -> None:
    __tracebackhide__ = True
    if expected == got:
        return
    pairs = enumerate(zip(expected, got, strict=False))
    first = next((i for i, (a, b) in pairs if a != b), min(len(expected), len(got)))
    broken(
        what,
        expected=f"{len(expected)} bytes, from {first} on {shown(expected[first : first + 20])}",
        got=f"{len(got)} bytes, from {first} on {shown(got[first : first + 20])}",
    )
