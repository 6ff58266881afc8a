"""pymongoarrow: a document per row, written from and read into Arrow tables."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
from pymongoarrow.api import Schema, find_pandas_all, write

from .base import MongoPeer


class Peer(MongoPeer):
    def prepare(self, frame: pd.DataFrame) -> None:
        super().prepare(frame)
        self.types = {str(name): self._type(frame[name].dtype) for name in frame.columns}

    @staticmethod
    def _type(dtype: Any) -> pa.DataType:
        if isinstance(dtype, pd.CategoricalDtype):
            return pa.string()
        if isinstance(dtype, pd.DatetimeTZDtype) or dtype.kind == "M":
            return pa.timestamp("ms")
        if pd.api.types.is_string_dtype(dtype):
            return pa.string()
        return pa.from_numpy_dtype(dtype)

    def clear(self, name: str) -> None:
        self.mongodb[name].drop()

    def put(self, frame: pd.DataFrame, name: str) -> None:
        self.append(frame, name)

    def append(self, frame: pd.DataFrame, name: str) -> None:
        for column, dtype in frame.dtypes.items():
            # It knows neither dictionaries nor, in a frame, time zones other than UTC.
            if isinstance(dtype, pd.CategoricalDtype):
                frame = frame.assign(**{str(column): frame[column].astype("str")})
            elif isinstance(dtype, pd.DatetimeTZDtype):
                naive = frame[column].dt.tz_convert("UTC").dt.tz_localize(None)
                frame = frame.assign(**{str(column): naive})
        write(self.mongodb[name], frame)

    def get(self, name: str) -> pd.DataFrame:
        return find_pandas_all(self.mongodb[name], {}, schema=Schema(self.types))

    def column(self, name: str, column: str) -> pd.DataFrame:
        schema = Schema({column: self.types[column]})
        return find_pandas_all(self.mongodb[name], {}, schema=schema)

    def below(self, name: str, column: str, bound: float) -> pd.DataFrame:
        query = {column: {"$lt": bound}}
        return find_pandas_all(self.mongodb[name], query, schema=Schema(self.types))
