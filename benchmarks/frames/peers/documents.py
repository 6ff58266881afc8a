"""A document per row: `insert_many` of the records, and a frame of what `find` returns."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .base import MongoPeer


class Peer(MongoPeer):
    def clear(self, name: str) -> None:
        self.mongodb[name].drop()

    def put(self, frame: pd.DataFrame, name: str) -> None:
        self.append(frame, name)

    def append(self, frame: pd.DataFrame, name: str) -> None:
        self.mongodb[name].insert_many(frame.to_dict("records"))

    def get(self, name: str) -> pd.DataFrame:
        return self._find(name, {}, {"_id": 0})

    def column(self, name: str, column: str) -> pd.DataFrame:
        return self._find(name, {}, {"_id": 0, column: 1})

    def below(self, name: str, column: str, bound: float) -> pd.DataFrame:
        return self._find(name, {column: {"$lt": bound}}, {"_id": 0})

    def _find(self, name: str, query: dict[str, Any], projection: dict[str, Any]) -> pd.DataFrame:
        return pd.DataFrame(list(self.mongodb[name].find(query, projection)))
