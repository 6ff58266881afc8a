"""The file system of the scheme ``s3``, on obstore.

Not obstore's own `FsspecStore`: that one splits URLs with `urlparse`, which loses what follows a
``#`` or ``?`` in a key, cannot abort an upload, and does not notice when an object changes between
two reads.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any, BinaryIO

import obstore
from fsspec import AbstractFileSystem

from .connection import Connection
from .reader import open_object
from .settings import S3Settings
from .writer import ObjectWriter


def open_filesystem(settings: S3Settings | None = None) -> S3FileSystem:
    """Return the file system for ``[plugins.s3]``. Connects to nothing yet."""
    return S3FileSystem(settings)


class S3FileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Objects as files, named ``bucket/key`` or ``s3://bucket/key``, nothing encoded.

    Nothing is cached: not the listings, and not the instances, which hold credentials.
    """

    protocol = "s3"
    cachable = False

    def __init__(self, settings: S3Settings | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._settings = settings or S3Settings()
        self._connections: dict[str, Connection] = {}
        self._guard = threading.Lock()

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(item) for item in path]
        return str(path).removeprefix("s3://").rstrip("/")

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        """Return name, size, type and etag; a prefix with objects under it is a directory."""
        connection, key = self._located(path)
        name = self._strip_protocol(path)
        if key:
            with suppress(FileNotFoundError), connection.explained(key):
                meta = obstore.head(connection.store, key)
                return {
                    "name": name,
                    "size": meta["size"],
                    "type": "file",
                    "etag": meta["e_tag"],
                    "last_modified": meta["last_modified"],
                }
        # The answer to HEAD has no text: only a listing tells a missing bucket from a missing key.
        with connection.explained(key):
            page = next(iter(obstore.list(connection.store, prefix=key or None, chunk_size=1)), [])
        if page or not key:
            return {"name": name, "size": 0, "type": "directory"}
        raise FileNotFoundError(f"no object {key!r} in {connection.place}")

    def exists(self, path: str, **kwargs: Any) -> bool:
        """Return whether there is an object or prefix. A server that fails is an error."""
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        """List what is directly under a prefix; an object lists itself."""
        connection, key = self._located(path)
        with connection.explained(key):
            found = obstore.list_with_delimiter(connection.store, prefix=key or None)
        entries: list[dict[str, Any]] = [
            {
                "name": f"{connection.bucket}/{meta['path']}",
                "size": meta["size"],
                "type": "file",
                "etag": meta["e_tag"],
            }
            for meta in found["objects"]
        ]
        entries += [
            {"name": f"{connection.bucket}/{prefix}", "size": 0, "type": "directory"}
            for prefix in found["common_prefixes"]
        ]
        if not entries:
            entries = [self.info(path)]
        return entries if detail else sorted(entry["name"] for entry in entries)

    def rm_file(self, path: str) -> None:
        """Delete one object. A missing one is fine."""
        connection, key = self._located(path)
        with suppress(FileNotFoundError), connection.explained(key):
            obstore.delete(connection.store, key)

    def _rm(self, path: str) -> None:
        self.rm_file(path)

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> BinaryIO | ObjectWriter:
        connection, key = self._located(path)
        if mode == "rb":
            return open_object(connection, key)
        if mode in ("wb", "xb"):
            return ObjectWriter(connection, key, exclusive=mode == "xb")
        raise ValueError(f"S3 objects are read ('rb') or written whole ('wb', 'xb'), not {mode!r}")

    def _located(self, path: str) -> tuple[Connection, str]:
        bucket, _, key = self._strip_protocol(path).partition("/")
        with self._guard:
            if bucket not in self._connections:
                self._connections[bucket] = Connection(bucket, self._settings)
            return self._connections[bucket], key
