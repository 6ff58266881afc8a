"""The floor: the very documents that omega_core stores, through `insert_many` and `find` alone.

Nothing is encoded, nothing is committed, and what comes back is not a frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omega_core import Omega

from .base import MongoPeer

if TYPE_CHECKING:
    import pandas as pd


class Peer(MongoPeer):
    returns_frames = False

    def prepare(self, frame: pd.DataFrame) -> None:
        super().prepare(frame)
        with Omega({"mongo": {"url": self.url}}) as om:
            om.datasets.put(frame, "frame")
        self.documents = [
            document
            for collection in self.mongodb.list_collection_names()
            for document in self.mongodb[collection].find()
            if any(isinstance(value, bytes) for value in document.values())
        ]
        self.client.drop_database(self.database)
        self.mongodb.create_collection("floor")

    def clear(self, name: str) -> None:
        self.mongodb["floor"].drop()
        self.mongodb.create_collection("floor")

    def put(self, frame: pd.DataFrame, name: str) -> None:
        self.mongodb["floor"].insert_many(self.documents)

    def get(self, name: str) -> Any:
        found = list(self.mongodb["floor"].find())
        if len(found) != len(self.documents):
            raise AssertionError(f"{len(found)} documents of {len(self.documents)} came back")
        return found
