"""What a peer does. It runs in a process and an environment of its own; see `serve`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from pymongo.database import Database


class UnableError(Exception):
    """The peer, or the release that is installed, has no such operation."""


class BasePeer:
    """Stores one frame under one name, ``"frame"``.

    Only what the methods do is measured; `clear` runs between the measurements. ``name`` is the
    object's: ``"frame"``, or ``"pieces"`` for what is appended to.
    """

    def __init__(self, url: str, database: str, directory: Path) -> None:
        self.url = f"{url}/{database}"
        self.database = database
        self.directory = directory

    def prepare(self, frame: pd.DataFrame) -> None:
        """Do what is not to be measured: connect, import, and warm up."""

    def clear(self, name: str) -> None:
        """Remove the object and free what it took."""
        raise NotImplementedError

    def put(self, frame: pd.DataFrame, name: str) -> None:
        raise NotImplementedError

    def get(self, name: str) -> pd.DataFrame:
        raise NotImplementedError

    def column(self, name: str, column: str) -> pd.DataFrame:
        raise UnableError("reads no single column")

    def below(self, name: str, column: str, bound: float) -> pd.DataFrame:
        """Return the rows whose value in ``column`` is less than ``bound``."""
        raise UnableError("has no filter")

    def append(self, frame: pd.DataFrame, name: str) -> None:
        raise UnableError("cannot append")

    def stored_bytes(self) -> int:
        """Return what the store takes on the disk."""
        raise UnableError("not measured")

    def close(self) -> None:
        """Let go of everything."""


class MongoPeer(BasePeer):
    """A peer whose data is in a database of the common server."""

    def prepare(self, frame: pd.DataFrame) -> None:
        from pymongo import MongoClient

        self.client: Any = MongoClient(self.url)
        self.mongodb: Database[Any] = self.client[self.database]

    def stored_bytes(self) -> int:
        # A checkpoint: before, the files do not yet have what was written.
        self.client.admin.command("fsync")
        stats = self.mongodb.command("dbStats")
        return int(stats["storageSize"] + stats["indexSize"])

    def close(self) -> None:
        self.client.close()


class FilePeer(BasePeer):
    """A peer whose data is in files."""

    def stored_bytes(self) -> int:
        return sum(f.stat().st_blocks * 512 for f in self.directory.rglob("*") if f.is_file())
