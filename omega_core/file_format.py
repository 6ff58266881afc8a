"""What a plugin knows of the files of one suffix: how they become objects, and objects files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, ClassVar

Source = str | os.PathLike[str] | BinaryIO


class FileFormat:
    """Reads and writes files of one format, for the command line: ``omega datasets put x.csv``.

    A plugin names its class in the hook ``file_formats``::

        @hookimpl
        def file_formats():
            return {".toml": "omega_acme.toml_file:TomlFormat"}

    Keyword parameters of `read` and `write` are options that users may give, as
    ``--option delimiter=;``; one that the method does not name is an error.

    Parameters
    ----------
    omega
        The `Omega` that it works for: its configuration says what may be read.

    Attributes
    ----------
    kind
        The kind that what it reads is stored as, where the user names none; None: whatever the
        object says.
    kinds
        The kinds whose objects it writes, each with the options of ``get`` that give them in the
        shape that `write` takes, such as ``{"pandas.dataframe": {"chunksize": 65536}}``: what is
        got in pieces is written in constant memory. Objects of other kinds are got without
        options. The first format of a plugin that has a kind here is what a pipe gets.
    text
        Whether what it writes can be read at a terminal.
    """

    kind: ClassVar[str | None] = None
    kinds: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    text: ClassVar[bool] = False

    def __init__(self, omega: Any) -> None:
        self.omega = omega

    def read(self, source: Source, *, kind: str | None = None) -> Any:
        """Return what the file holds: an object, or an iterator of pieces that ``put`` takes.

        A method that has a parameter ``like`` is given, when it reads what is appended to a
        stored object, the part of that object that has no rows.

        Parameters
        ----------
        source
            The path of a file, or a binary file such as standard input, which cannot seek.
        kind
            What it will be stored as, where the user says so.

        Raises
        ------
        UnsupportedValueError
            The file is none of this format; names the place.
        """
        raise NotImplementedError(f"{type(self).__name__} reads no files.")

    def joined(self, pieces: Iterator[Any]) -> Any:
        """Return one object of what `read` yields, for kinds that take no pieces."""
        return list(pieces)

    def write(self, obj: Any, target: BinaryIO) -> None:
        """Write an object, or the pieces that ``get`` gives, to a binary file that cannot seek.

        Raises
        ------
        UnsupportedValueError
            The format cannot hold such an object.
        """
        raise NotImplementedError(f"{type(self).__name__} writes no files.")
