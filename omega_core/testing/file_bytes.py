"""Bytes that the tests of file systems write, read and compare."""

from __future__ import annotations

import random
from collections.abc import Iterator

from ..locations import Locations
from .promises import broken, raised, shown


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
    """Write a file, or fail."""
    __tracebackhide__ = True
    try:
        with files.create(uri) as file:
            for start in range(0, len(data), 1 << 20):
                file.write(data[start : start + (1 << 20)])
    except Exception as exc:
        broken(f"a file can be written to {uri}", expected="one", got=raised(exc), cause=exc)


def read_file(files: Locations, uri: str) -> bytes:
    """Return the bytes of a file that is there, or fail."""
    __tracebackhide__ = True
    try:
        with files.open(uri) as file:
            return file.read()
    except Exception as exc:
        broken(f"a file can be read from {uri}", expected="it", got=raised(exc), cause=exc)


def delete_file(files: Locations, uri: str) -> None:
    """Delete a file, which need not be there, or fail."""
    __tracebackhide__ = True
    try:
        files.delete(uri)
    except Exception as exc:
        what = f"{uri} can be deleted, whether it is there or not"
        broken(what, expected="no error", got=raised(exc), cause=exc)


def same_bytes(what: str, expected: bytes, got: bytes) -> None:
    """Fail unless they are the same, and say from where on they differ."""
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
