"""foofs stands for a service that keeps blobs: here, files in folders of one directory."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

# Ids are read back from metadata, and must not lead out of the directory.
_PART = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
_FILEID = re.compile(f"{_PART}/{_PART}")


class FooFS:
    """A client of the service."""

    def __init__(self, root: str) -> None:
        self.root = Path(root)

    def put(self, data: BinaryIO, *, filename: str, folder: str) -> str:
        """Store a blob and return its id."""
        fileid = f"{folder}/{filename}"
        path = self._path(fileid)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            shutil.copyfileobj(data, file)
        return fileid

    def get(self, fileid: str) -> bytes:
        """Return a blob; `FileNotFoundError` if there is none."""
        return self._path(fileid).read_bytes()

    def delete(self, folder: str) -> None:
        """Delete all blobs of a folder, if there are any."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._path(f"{folder}/all").parent)

    def _path(self, fileid: str) -> Path:
        if not _FILEID.fullmatch(fileid):
            raise ValueError(f"{fileid!r} is not the id of a blob")
        return self.root / fileid
