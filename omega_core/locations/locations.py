"""Files at URIs: written, read and deleted only where ``[uris] allow`` permits.

The core serves ``file:`` by itself; other schemes are file systems of plugins. Both give the same
two objects: a writer whose `close` returns when the bytes are durable, and that leaves nothing
behind when it is aborted; and a seekable reader that never holds the whole file.
"""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from ..errors import (
    OmegaError,
    PluginNotFoundError,
    UnsupportedOptionError,
    UriNotAllowedError,
    suggestion,
)
from ..writing import AtomicWriter
from .local_files import LocalFiles
from .remote_files import RemoteFiles
from .uris import Uri, can_spell, parse_allowed, parse_uri, require_allowed

_KEY = "{key}"
_PACKAGES = {"s3": "omega-s3"}

FileSystems = Mapping[str, Callable[[], Any]]


class Locations:
    """The files that one `Omega` may touch.

    Parameters
    ----------
    allow
        The roots of ``[uris] allow``. Empty: nothing is allowed.
    filesystems
        Scheme -> factory of a file system, as `remote_files.FileSystem` says, called at the first
        use of the scheme; or a function that returns this mapping, called at the first use of
        anything but ``file``.
    missing
        Takes a scheme that nobody offers, and returns why that may be, and what to do.
    """

    def __init__(
        self,
        allow: Iterable[str] = (),
        filesystems: FileSystems | Callable[[], FileSystems] | None = None,
        missing: Callable[[str], str] | None = None,
    ) -> None:
        self._allow = parse_allowed(allow)
        self._local = LocalFiles(self._allow)
        self._missing = missing or (lambda scheme: "")
        self._declared = filesystems if filesystems is not None else {}
        self._remote: dict[str, RemoteFiles] = {}
        # Reentrant: loading the plugins that declare file systems may come back here.
        self._lock = threading.RLock()

    @property
    def schemes(self) -> list[str]:
        """The schemes that can be used, sorted."""
        return sorted({"file", *self._factories()})

    def check(self, uri: str) -> str:
        """Return the canonical form of ``uri``, which may have a ``{key}`` in the place of a name.

        Raises
        ------
        UriNotAllowedError
            When it lies outside ``[uris] allow``, also by way of a symbolic link.
        PluginNotFoundError
            When no enabled plugin offers its scheme.
        """
        return str(self._checked(uri))

    def resolve(self, template: str, *, key: str) -> str:
        """Return the canonical URI for one generation: ``template`` with ``{key}`` filled in.

        A template that ends in a slash gets the key appended. Nothing else is substituted.

        Raises
        ------
        UnsupportedOptionError
            When there is no place for the key: the next version would overwrite this one.
        """
        if not isinstance(template, str):
            raise UnsupportedOptionError(f"uri= takes a str, not {type(template).__name__}")
        count = template.count(_KEY)
        if count == 0 and template.endswith("/"):
            template, count = template + _KEY, 1
        if count != 1:
            said = "no place for" if count == 0 else "several places for"
            shown = str(parse_uri(template)).rstrip("/").replace("%7Bkey%7D", _KEY)
            raise UnsupportedOptionError(
                f"uri={shown!r} has {said} the key of a version, so that the next put could "
                f"overwrite what this one stores. Write uri='{shown.split(_KEY)[0].rstrip('/')}/"
                f"{_KEY}', or end it with '/'"
            )
        if (
            not key
            or key in (".", "..")
            or not all(c.isascii() and (c.isalnum() or c in "._-") for c in key)
        ):
            raise ValueError(f"a key is made of ASCII letters, digits, '.', '_' and '-': {key!r}")
        self._checked(template)  # for its advice, which holds for every key
        return self.check(template.replace(_KEY, key))

    def create(self, uri: str) -> WritableFile:
        """Open a new file for writing. It exists, durably, once `close` has returned.

        As a context manager, an exception in the block discards it. Parent directories are made.

        Raises
        ------
        FileExistsError
            When there is a file already. Nothing is ever overwritten.
        """
        place = self._checked(uri)
        if place.directory:
            raise UriNotAllowedError(f"{place} names a directory; a file cannot be written there")
        with _explained(place, "creating"):
            return WritableFile(str(place), self._files(place).create(place))

    def open(self, uri: str) -> BinaryIO:
        """Open the file at ``uri`` for reading and seeking, in constant memory.

        Raises
        ------
        FileNotFoundError
            When there is none; names the URI.
        """
        place = self._checked(uri)
        with _explained(place, "opening"):
            return self._files(place).open(place)

    def size(self, uri: str) -> int:
        """Return the size in bytes.

        Raises
        ------
        FileNotFoundError
            When there is none; names the URI.
        IsADirectoryError
            When it is a directory, or a prefix of objects.
        UriNotAllowedError
            When it is a pipe, a device or a socket.
        """
        place = self._checked(uri)
        with _explained(place, "looking at"):
            return self._files(place).size(place)

    def list(self, uri: str) -> builtins.list[str]:
        """Return the URIs of the files below a directory or prefix, at any depth, sorted.

        Links are left out, and so are names that a URI cannot spell.

        Raises
        ------
        FileNotFoundError
            When there is no such directory; names the URI.
        UnsupportedOptionError
            When the file system of the scheme cannot list.
        """
        place = self._checked(uri)
        with _explained(place, "listing"):
            below = self._files(place).names(place)
        found = [place.segments + names for names in below]
        return sorted(
            str(place._replace(segments=segments, directory=False))
            for segments in found
            if can_spell(segments)
        )

    def exists(self, uri: str) -> bool:
        """Return whether there is a file or directory. A server that fails is an error."""
        try:
            self.size(uri)
        except FileNotFoundError:
            return False
        except IsADirectoryError:
            return True
        return True

    def delete(self, uri: str) -> None:
        """Delete the file at ``uri``. A missing one is fine; directories are left alone."""
        place = self._checked(uri)
        with suppress(FileNotFoundError), _explained(place, "deleting"):
            self._files(place).delete(place)

    def _checked(self, uri: str) -> Uri:
        place = parse_uri(uri)
        if place.scheme != "file" and place.scheme not in self._factories():
            package = _PACKAGES.get(place.scheme)
            advice = (
                f"pip install {package}, and name it in [plugins] enabled if that is set"
                if package
                else f"the schemes known here are: {', '.join(self.schemes)}."
                + suggestion(place.scheme, [*self.schemes, *_PACKAGES])
            )
            advice = self._missing(place.scheme) or advice
            raise PluginNotFoundError(
                f"no enabled plugin offers the scheme {place.scheme!r} of {place}; {advice}"
            )
        before, many, _ = uri.partition(_KEY)
        # The next version has another key: what helps is the directory that holds all of them.
        advised = parse_uri(before.rpartition("/")[0] + "/") if many else None
        require_allowed(place, self._allow, place=advised)
        if place.scheme == "file":
            self._local.require_inside(place)
        return place

    def _factories(self) -> FileSystems:
        with self._lock:
            if callable(self._declared):
                self._declared = self._declared()
            return self._declared

    def _files(self, place: Uri) -> LocalFiles | RemoteFiles:
        if place.scheme == "file":
            return self._local
        factories = self._factories()
        with self._lock:
            if place.scheme not in self._remote:
                self._remote[place.scheme] = RemoteFiles(factories[place.scheme]())
            return self._remote[place.scheme]


class WritableFile(AtomicWriter):
    """A new file at a URI, which its errors name."""

    def __init__(self, uri: str, file: AtomicWriter) -> None:
        self._file = file
        super().__init__(uri)

    def _write(self, data: memoryview) -> None:
        with _explained(self._what, "writing"):
            self._file.write(data)

    def _complete(self) -> None:
        with _explained(self._what, "completing"):
            self._file.close()

    def _discard(self) -> None:
        with _explained(self._what, "discarding"):
            self._file.abort()


@contextmanager
def _explained(place: Uri | str, doing: str) -> Iterator[None]:
    """Name the URI in errors of a file system, which know a path or a key at best."""
    try:
        yield
    except OmegaError:
        raise
    except FileNotFoundError as exc:
        raise FileNotFoundError(exc.errno, "there is no file", str(place)) from exc
    except Exception as exc:
        exc.add_note(f"while {doing} {place}")
        raise
