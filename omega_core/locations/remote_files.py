"""Files behind the file system of a plugin."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, BinaryIO, Protocol, cast

from ..errors import UnsupportedOptionError, UriNotAllowedError
from ..writing import AtomicWriter
from .uris import Uri


class FileSystem(Protocol):
    """The part of `fsspec.AbstractFileSystem` that a plugin's file system must have.

    The paths are URIs with the path decoded: ``s3://bucket/a b#c``. ``open(path, "xb")`` refuses
    to overwrite with `FileExistsError`; without that mode, core looks first and opens with "wb".
    The file is complete when its `close` returns, and may have an ``abort()`` that leaves nothing
    behind; without one, core closes it and removes it. `info` has ``size`` and ``type``, and
    raises `FileNotFoundError`. No listing is cached.
    """

    def open(self, path: str, mode: str = "rb") -> Any: ...
    def info(self, path: str) -> Mapping[str, Any]: ...
    def rm_file(self, path: str) -> None: ...


class RemoteFile(AtomicWriter):
    """A new file of a file system, which may know how to abort it."""

    def __init__(self, filesystem: FileSystem, address: str, sink: Any) -> None:
        self._filesystem = filesystem
        self._sink = sink
        super().__init__(address)

    def _write(self, data: memoryview) -> None:
        self._sink.write(data)

    def _complete(self) -> None:
        self._sink.close()

    def _discard(self) -> None:
        if hasattr(self._sink, "abort"):
            self._sink.abort()
        else:
            self._sink.close()
            with suppress(FileNotFoundError):  # somebody else was faster
                self._filesystem.rm_file(self._what)


class RemoteFiles:
    """What one file system has, asked the same as `LocalFiles`."""

    def __init__(self, filesystem: FileSystem) -> None:
        self._filesystem = filesystem

    def create(self, place: Uri) -> RemoteFile:
        address = _address(place)
        try:
            sink = self._filesystem.open(address, "xb")
        except (ValueError, NotImplementedError):
            # A file system without this mode. The names are unique, so to look first is enough.
            with suppress(FileNotFoundError):
                self._filesystem.info(address)
                raise FileExistsError(errno.EEXIST, "there is a file", str(place)) from None
            sink = self._filesystem.open(address, "wb")
        return RemoteFile(self._filesystem, address, sink)

    def open(self, place: Uri) -> BinaryIO:
        return cast(BinaryIO, self._filesystem.open(_address(place), "rb"))

    def size(self, place: Uri) -> int:
        info = self._filesystem.info(_address(place))
        if info.get("type") == "directory":
            raise IsADirectoryError(errno.EISDIR, "a directory has no size", str(place))
        if info.get("type", "file") != "file":
            raise UriNotAllowedError(f"{place} is no file, but {info['type']!r}")
        return int(info["size"])

    def names(self, place: Uri) -> list[tuple[str, ...]]:
        """Return the paths of the files below a prefix, as segments."""
        if not hasattr(self._filesystem, "find"):
            raise UnsupportedOptionError(
                f"the file system of {place.scheme!r} cannot list {place}. Name a file."
            )
        prefix = _address(place).rstrip("/") + "/"
        bare = prefix.partition("://")[2].strip("/") + "/"
        # With or without their scheme.
        found = (path.rpartition("://")[2].lstrip("/") for path in self._filesystem.find(prefix))
        return [tuple(path.removeprefix(bare).split("/")) for path in found]

    def delete(self, place: Uri) -> None:
        self._filesystem.rm_file(_address(place))


def _address(place: Uri) -> str:
    return f"{place.scheme}://{place.authority}{place.path}"
