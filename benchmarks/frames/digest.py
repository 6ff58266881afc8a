"""What two frames have in common, whichever release of pandas holds them."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd


def values(frame: pd.DataFrame) -> str:
    """Return a digest of the labels and values, in order; the index and the dtypes aside.

    Moments are compared in UTC, categories by what they stand for, numbers as float64 or int64.
    """
    state = hashlib.blake2b(digest_size=16)
    state.update(f"{len(frame)}".encode())
    for name in frame.columns:
        state.update(f"\n{name}:".encode())
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype(object)
        state.update(_content(column))
    return state.hexdigest()


def _content(column: pd.Series) -> bytes:
    dtype = column.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        return _nanoseconds(column.dt.tz_convert("UTC").dt.tz_localize(None))
    if pd.api.types.is_datetime64_dtype(dtype):
        return _nanoseconds(column)
    if pd.api.types.is_bool_dtype(dtype):
        return column.to_numpy(dtype="int64").tobytes()
    if pd.api.types.is_integer_dtype(dtype):
        return column.to_numpy(dtype="int64").tobytes()
    if pd.api.types.is_float_dtype(dtype):
        return column.to_numpy(dtype="float64").tobytes()
    # Objects say of themselves what they are: a number among strings is told from its digits.
    return "\0".join(v if isinstance(v, str) else repr(v) for v in column).encode()


def _nanoseconds(column: pd.Series) -> bytes:
    return column.to_numpy().astype("datetime64[ns]").view(np.int64).tobytes()


def dtypes(frame: pd.DataFrame) -> list[str]:
    """Return the dtypes; the two names of a string column (pandas 2 and 3) are one."""
    return [_dtype(dtype) for dtype in frame.dtypes]


def _dtype(dtype: object) -> str:
    if isinstance(dtype, pd.DatetimeTZDtype):
        return f"datetime in {dtype.tz}"
    if isinstance(dtype, np.dtype) and dtype.kind == "M":
        return "datetime"
    return {"object": "str", "string": "str"}.get(str(dtype), str(dtype))
