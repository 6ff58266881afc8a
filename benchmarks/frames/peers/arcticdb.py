"""ArcticDB, with LMDB on the local disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import arcticdb

from .base import FilePeer

if TYPE_CHECKING:
    import pandas as pd


class Peer(FilePeer):
    def prepare(self, frame: pd.DataFrame) -> None:
        self.arctic = arcticdb.Arctic(f"lmdb://{self.directory}?map_size=16GB")
        self.library = self.arctic.get_library("benchmark", create_if_missing=True)
        # With numbers only: it refuses some of the types.
        warm = frame.iloc[:10].select_dtypes("number")
        self.library.write("warm", warm)
        self.library.read("warm")
        self.library.delete("warm")

    def clear(self, name: str) -> None:
        self.library.delete(name)

    def put(self, frame: pd.DataFrame, name: str) -> None:
        self.library.write(name, frame, prune_previous_versions=True)

    def append(self, frame: pd.DataFrame, name: str) -> None:
        self.library.append(name, frame, prune_previous_versions=True)

    def get(self, name: str) -> pd.DataFrame:
        return self.library.read(name).data

    def column(self, name: str, column: str) -> pd.DataFrame:
        return self.library.read(name, columns=[column]).data

    def below(self, name: str, column: str, bound: float) -> pd.DataFrame:
        query = arcticdb.QueryBuilder()
        query = query[query[column] < bound]
        return self.library.read(name, query_builder=query).data
