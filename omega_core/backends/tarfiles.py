"""Reads the tar archives that directories are stored as, and no others.

Not with `tarfile`: which of its holes are mended depends on the patch level of the interpreter,
and what an archive in a database says may have been written by anybody. This reads what
`omega_core` itself has ever written: POSIX headers and their extensions, for files, directories,
and links. Names are bytes, as the file system has them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_BLOCK = 512
_PIECE = 4 * 1024 * 1024
_LONGEST_NAME = 4096  # PATH_MAX: nothing longer was ever read from a disk
_LONGEST_EXTENSION = 64 * 1024

_FILE, _HARD_LINK, _SYMBOLIC_LINK, _DIRECTORY = b"0", b"1", b"2", b"5"
_EXTENSION = b"x"


class TarError(ValueError):
    """This is not an archive that a directory was stored as; the text says where it differs."""


@dataclass(frozen=True)
class Member:
    """One entry of a directory.

    Attributes
    ----------
    path
        The names that lead to it. None of them is empty, ``.`` or ``..``, or holds a slash or NUL.
    kind
        ``file``, ``directory``, ``link`` (a symbolic one) or ``hard link``.
    target
        What a link points at, as it was written. Not checked.
    """

    path: tuple[bytes, ...]
    kind: str
    mode: int
    mtime: float
    size: int
    target: bytes

    @property
    def shown(self) -> str:
        return repr(os.fsdecode(b"/".join(self.path)))


_KINDS = {
    _FILE: "file",
    b"\0": "file",
    _HARD_LINK: "hard link",
    _SYMBOLIC_LINK: "link",
    _DIRECTORY: "directory",
}


class TarReader:
    """The members of an archive, one after the other.

    Parameters
    ----------
    source
        Is read once, from start to end.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._left = 0
        self._padding = 0

    def __iter__(self) -> Iterator[Member]:
        while True:
            for _ in self.pieces():  # what the caller did not read of the member before
                pass
            header = self._exactly(_BLOCK)
            extension: dict[bytes, bytes] = {}
            if header[156:157] == _EXTENSION:
                extension = self._extension(_checked(header))
                header = self._exactly(_BLOCK)
            if header == bytes(_BLOCK):
                self._end()
                return
            member = _member(_checked(header), extension)
            if member.kind == "file":
                self._expect(member.size)
            yield member

    def pieces(self) -> Iterator[bytes]:
        """Yield the content of the file that was returned last."""
        while self._left:
            piece = self._exactly(min(self._left, _PIECE))
            self._left -= len(piece)
            yield piece
        self._exactly(self._padding)
        self._padding = 0

    def _expect(self, size: int) -> None:
        self._left = size
        self._padding = -size % _BLOCK

    def _extension(self, header: bytes) -> dict[bytes, bytes]:
        size = _number(header[124:136])
        if size > _LONGEST_EXTENSION:
            raise TarError(f"a header of {size} bytes")
        self._expect(size)
        return _records(b"".join(self.pieces()))

    def _end(self) -> None:
        while piece := self._source.read(_PIECE):
            if piece.strip(b"\0"):
                raise TarError("something follows its end")

    def _exactly(self, size: int) -> bytes:
        data = self._source.read(size) if size else b""
        while len(data) < size:
            more = self._source.read(size - len(data))
            if not more:
                raise TarError("it ends in the middle")
            data += more
        return data


def _checked(header: bytes) -> bytes:
    if _number(header[148:156]) != sum(header[:148]) + sum(header[156:]) + 8 * ord(" "):
        raise TarError("a header whose checksum is wrong")
    return header


def _member(header: bytes, extension: dict[bytes, bytes]) -> Member:
    flag = header[156:157]
    kind = _KINDS.get(flag)
    name = extension.get(b"path")
    if name is None:
        name = _text(header[:100])
        if prefix := _text(header[345:500]):
            name = prefix + b"/" + name
    if kind is None:
        raise TarError(f"{os.fsdecode(name)!r}, of the type {flag!r}")
    size = extension.get(b"size")
    return Member(
        path=_path(name.removesuffix(b"/") if kind == "directory" else name),
        kind=kind,
        mode=_number(header[100:108]),
        mtime=_moment(extension.get(b"mtime"), header[136:148]),
        size=_number(header[124:136]) if size is None else _decimal(size),
        target=extension.get(b"linkpath", _text(header[157:257])),
    )


def _path(name: bytes) -> tuple[bytes, ...]:
    parts = tuple(name.split(b"/"))
    if len(name) > _LONGEST_NAME or any(part in (b"", b".", b"..") for part in parts):
        raise TarError(f"the name {os.fsdecode(name[:200])!r}")
    if b"\0" in name:
        raise TarError("a name with NUL")
    return parts


def _records(data: bytes) -> dict[bytes, bytes]:
    """Return the records ``<length> <key>=<value>\\n`` of an extended header."""
    records: dict[bytes, bytes] = {}
    while data:
        digits, space, _ = data[:8].partition(b" ")
        length = _decimal(digits) if space else 0
        record = data[len(digits) + 1 : length]
        key, equals, value = record.removesuffix(b"\n").partition(b"=")
        if not equals or not record.endswith(b"\n") or length > len(data):
            raise TarError("an extended header that cannot be read")
        records[key] = value
        data = data[length:]
    return records


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _number(field: bytes) -> int:
    digits = field.strip(b"\0 ")
    if digits.strip(b"01234567"):
        raise TarError("a number that is none")
    return int(digits or b"0", 8)


def _decimal(digits: bytes) -> int:
    if len(digits) > 20 or not digits.isdigit():
        raise TarError("a number that is none")
    return int(digits)


def _moment(exact: bytes | None, rounded: bytes) -> float:
    """Return seconds since 1970; 0 for what no file system can hold."""
    try:
        seconds = float(_number(rounded) if exact is None else exact)
    except ValueError:
        return 0.0
    return seconds if abs(seconds) < 1 << 40 else 0.0
