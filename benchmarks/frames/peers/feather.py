"""A Feather file as pandas writes it."""

from __future__ import annotations

import pandas as pd
import pyarrow.compute as pc
import pyarrow.dataset as ds

from .base import FilePeer


class Peer(FilePeer):
    def prepare(self, frame: pd.DataFrame) -> None:
        frame.iloc[:10].to_feather(self.directory / "warm")
        pd.read_feather(self.directory / "warm")
        (self.directory / "warm").unlink()

    def clear(self, name: str) -> None:
        (self.directory / name).unlink(missing_ok=True)

    def put(self, frame: pd.DataFrame, name: str) -> None:
        frame.to_feather(self.directory / name)

    def get(self, name: str) -> pd.DataFrame:
        return pd.read_feather(self.directory / name)

    def column(self, name: str, column: str) -> pd.DataFrame:
        return pd.read_feather(self.directory / name, columns=[column])

    def below(self, name: str, column: str, bound: float) -> pd.DataFrame:
        dataset = ds.dataset(self.directory / name, format="feather")
        return dataset.to_table(filter=pc.field(column) < bound).to_pandas()
