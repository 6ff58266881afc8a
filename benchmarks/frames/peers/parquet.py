"""A Parquet file as pandas writes it; what is appended goes to a directory of files."""

from __future__ import annotations

import shutil

import pandas as pd

from .base import FilePeer


class Peer(FilePeer):
    def prepare(self, frame: pd.DataFrame) -> None:
        frame.iloc[:10].to_parquet(self.directory / "warm")
        pd.read_parquet(self.directory / "warm")
        (self.directory / "warm").unlink()
        self.files = 0

    def clear(self, name: str) -> None:
        path = self.directory / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def put(self, frame: pd.DataFrame, name: str) -> None:
        frame.to_parquet(self.directory / name)

    def append(self, frame: pd.DataFrame, name: str) -> None:
        (self.directory / name).mkdir(exist_ok=True)
        self.files += 1
        frame.to_parquet(self.directory / name / f"{self.files:06d}.parquet")

    def get(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.directory / name)

    def column(self, name: str, column: str) -> pd.DataFrame:
        return pd.read_parquet(self.directory / name, columns=[column])

    def below(self, name: str, column: str, bound: float) -> pd.DataFrame:
        return pd.read_parquet(self.directory / name, filters=[(column, "<", bound)])
