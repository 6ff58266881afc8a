"""Between a store and files: what a file holds is put, and what a store holds is written."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import UnsupportedOptionError, suggestion
from ..plugins.file_formats import FileFormats
from .terminal.streams import STANDARD

if TYPE_CHECKING:
    from ..file_format import FileFormat
    from ..omega import Omega
    from ..protocol.metadata import Metadata
    from ..store import OmegaStore

RAW = "python.file"
_BLOCK = 4 * 1024 * 1024


class Reader:
    """A file, or standard input, as what `put` takes.

    Parameters
    ----------
    source
        A path, or ``-``.
    suffix
        The format, where it is not what the name says.
    """

    def __init__(self, om: Omega, source: str, suffix: str | None, kind: str | None) -> None:
        self._formats = FileFormats(om.plugins, om)
        self._source = source
        self._kind = kind
        self._format: FileFormat | None = None
        self._suffix = ""
        if source != STANDARD and not Path(source).exists():
            raise FileNotFoundError(f"There is no file {source!r}. Nothing was stored.")
        if kind == RAW and suffix is None:
            return
        found = suffix
        if found is None and source != STANDARD and not Path(source).is_dir():
            found = self._formats.suffix_of(source)
            self._suffix = found or ""
        if found is not None:
            self._format = self._formats.get(found)
        elif source == STANDARD:
            raise UnsupportedOptionError(
                "Standard input has no name that tells its format: add --format, as --format csv, "
                f"or --kind {RAW}. Formats: "
                f"{', '.join(one.removeprefix('.') for one in self._formats.suffixes)}."
            )

    @property
    def name(self) -> str:
        """The name of the object, where none is given: that of the file, without its suffix."""
        if self._source == STANDARD:
            raise UnsupportedOptionError(
                "Standard input has no name: give one, as omega datasets put - NAME --format csv."
            )
        name = Path(self._source).resolve().name
        return name[: len(name) - len(self._suffix)] if self._suffix else name

    @property
    def kind(self) -> str | None:
        """The kind to store it as; None: what the object says."""
        if self._format is None:
            return self._kind or RAW
        return self._kind or getattr(self._format, "kind", None)

    def gives_pieces_of(self, kind: str | None) -> bool:
        """Return whether a kind takes what the file holds piece by piece."""
        own = getattr(self._format, "kind", None)
        return kind in (None, own, "pandas.dataframe", "python.rows")

    def read(
        self,
        stdin: BinaryIO,
        options: Mapping[str, Any],
        *,
        whole: bool,
        like: Callable[[], Any] | None,
    ) -> Any:
        """Return the object, or an iterator of its pieces.

        Parameters
        ----------
        options
            Of the format.
        whole
            Make one object of the pieces.
        like
            Returns the stored object to which this is appended, without rows.
        """
        source = stdin if self._source == STANDARD else self._source
        if self._format is None:
            if options:
                raise UnsupportedOptionError(
                    f"{self._source!r} is stored as it is, and takes no --option."
                )
            return stdin if self._source == STANDARD else Path(self._source)
        known = named_options(self._format.read, options, "read")
        if like is not None and "like" in inspect.signature(self._format.read).parameters:
            known["like"] = like()
        obj = self._format.read(source, kind=self._kind, **known)
        return self._format.joined(obj) if whole and isinstance(obj, Iterator) else obj


class Writer:
    """An object of a store, to be written to a file.

    Parameters
    ----------
    target
        A path, or ``-``.
    suffix
        The format, where it is not what the name says.
    """

    def __init__(self, store: OmegaStore, meta: Metadata, target: str, suffix: str | None) -> None:
        self._store = store
        self._meta = meta
        self._target = target
        formats = FileFormats(store.omega.plugins, store.omega)
        found = suffix
        if found is None and meta.kind != RAW and target != STANDARD:
            found = formats.suffix_of(target)
            if found is None and (unknown := Path(target).suffix):
                formats.get(unknown)  # which there is not: says which there are
        writer = (meta.plugin or {}).get("name", "")
        if found is None and meta.kind != RAW:
            found = formats.for_kind(str(meta.kind), writer)
        if found is None and meta.kind != RAW:
            raise UnsupportedOptionError(
                f"{meta.prefix}{meta.name!r} is a {meta.kind}, and no format is known that writes "
                "one. Name one with --format: "
                f"{', '.join(one.removeprefix('.') for one in formats.suffixes)}."
            )
        self.suffix = found
        self._format = None if found is None else formats.get(found)

    @property
    def is_text(self) -> bool:
        """Whether a terminal may show it."""
        return self._format is not None and self._format.text

    @property
    def is_directory(self) -> bool:
        """Whether it was a directory, and becomes one where a path is named."""
        form = self._meta.kind_meta.get("form")
        return self._format is None and form == "directory" and self._target != STANDARD

    def unpack(self, version: Any) -> None:
        """Write a directory."""
        self._store.get(self._named, version=version, path=self._target)

    def write(
        self, file: BinaryIO, options: Mapping[str, Any], version: Any, asked: Mapping[str, Any]
    ) -> None:
        """Write the object, in pieces where the kind and the format can.

        Parameters
        ----------
        options
            Of the format.
        asked
            Options of `get`.
        """
        if self._format is None:
            if options:
                raise UnsupportedOptionError("A file is written as it is, and takes no --option.")
            with self._store.get(self._named, version=version, **asked) as stored:
                shutil.copyfileobj(stored, file, _BLOCK)
            return
        known = named_options(self._format.write, options, "write")
        pieces = dict(self._format.kinds.get(str(self._meta.kind), {}))
        if self._meta.uri is not None:
            pieces = {}  # a file at a URI is read whole
        obj = self._store.get(self._named, version=version, progress=False, **pieces, **asked)
        self._format.write(obj, file, **known)

    @property
    def _named(self) -> str:
        return str(self._meta.name)


def named_options(
    method: Callable[..., Any], options: Mapping[str, Any], verb: str
) -> dict[str, Any]:
    """Return the options that a format's method has, as text where that is what they were.

    Raises
    ------
    UnsupportedOptionError
        It has no such option; names the nearest.
    """
    known = {
        name
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in ("kind", "like")
    }
    for key in options:
        if key not in known:
            raise UnsupportedOptionError(
                f"--option {key}: the format has no such option to {verb} with."
                f"{suggestion(key, known)} It has {', '.join(sorted(known)) or 'none'}."
            )
    return dict(options)
