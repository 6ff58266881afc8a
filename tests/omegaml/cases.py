"""What is put into omega|ml, made the same by its Python and by that of the tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd

DAYS = pd.date_range("2024-01-01", periods=3, name="day")

FRAMES: dict[str, Callable[[], pd.DataFrame]] = {
    "numbers": lambda: pd.DataFrame(
        {
            "i8": np.array([1, -2, 3], "int8"),
            "i32": np.array([1, -2, 2**31 - 1], "int32"),
            "i64": [1, -2, 2**62],
            "u16": np.array([0, 1, 65535], "uint16"),
            "f32": np.array([1.5, np.nan, 0.1], "float32"),
            "f64": [0.1, np.nan, -np.inf],
            "flag": [True, False, True],
        }
    ),
    "texts": lambda: pd.DataFrame({"all": ["a", "", "ü"], "some": ["a", None, "c"]}),
    "nullable": lambda: pd.DataFrame(
        {
            "i": pd.array([1, None, 3], dtype="Int64"),
            "u": pd.array([1, 2, 200], dtype="UInt8"),
            "b": pd.array([True, None, False], dtype="boolean"),
            "s": pd.array(["a", None, ""], dtype="string"),
        }
    ),
    "times": lambda: pd.DataFrame(
        {
            "plain": pd.to_datetime(
                ["2024-01-01T00:00:00.000", "1900-02-03T04:05:06.007", "2200-01-01T00:00:00.000"]
            ).astype("datetime64[ns]"),
            "zoned": pd.date_range("2024-03-30", periods=3, tz="Europe/Rome").astype(
                "datetime64[ns, Europe/Rome]"
            ),
        }
    ),
    "categories": lambda: pd.DataFrame({"c": pd.Categorical(["b", "a", "b"]), "n": [1, 2, 3]}),
    "nested": lambda: pd.DataFrame({"l": [[1, 2], [], [3]], "d": [{"a": 1}, {"a": 2}, {"a": 3}]}),
    "bytes": lambda: pd.DataFrame({"b": [b"1", b"", b"\xff"]}),
    "mixed": lambda: pd.DataFrame({"m": [1, "a", 2.5]}),
    "indexes/text": lambda: pd.DataFrame({"n": [1, 2, 3]}, index=pd.Index(list("cab"), name="k")),
    "indexes/days": lambda: pd.DataFrame({"n": [1, 2, 3]}, index=DAYS.astype("datetime64[ns]")),
    "indexes/numbers": lambda: pd.DataFrame({"n": [1, 2]}, index=[30, 10]),
    "indexes/levels": lambda: pd.DataFrame(
        {"n": [1.0, 2.0, 3.0]},
        index=pd.MultiIndex.from_tuples([("b", 1), ("a", 2), ("a", 3)], names=["k", None]),
    ),
    "a name, with ünï.code": lambda: pd.DataFrame({"n": [1]}),
    "square[1]": lambda: pd.DataFrame({"n": [1]}),
    "wide columns": lambda: pd.DataFrame({"unit price": [1], "cost (€)": [2], "#": [3]}),
}
"""Frames that come back equal, whatever omega|ml does to them."""

SERIES: dict[str, Callable[[], pd.Series]] = {
    "series/named": lambda: pd.Series([1, 2, 3], name="qty"),
    "series/nameless": lambda: pd.Series([0.5, 1.5], index=["x", "y"]),
}

ARRAYS: dict[str, Callable[[], np.ndarray]] = {
    "arrays/matrix": lambda: np.arange(12, dtype="float32").reshape(3, 4),
    "arrays/number": lambda: np.array(7),
}

DATA: dict[str, list[object]] = {
    "data/dict": [{"a": 1, "b": {"c": [1.5, None, "x"]}}],
    "data/twice": [{"n": 1}, {"n": 2}],
    "data/list": [[1, 2, 3]],
    "data/lists": [[[1, "a"], [2, "b"]]],
}
"""What is put, one after the other, under a name."""

DOCUMENTS = [{"a": {"b": 1}, "day": dt.datetime(2024, 1, 2, 3, 4, 5)}, {"a": 2, "more": ["x"]}]

FILE = bytes(range(256)) * 4000
"""Larger than one chunk of GridFS."""


def appended() -> list[pd.DataFrame]:
    """Return frames that are put one after the other under one name."""
    return [
        pd.DataFrame({"n": [1, 2], "x": [1, 2]}),
        pd.DataFrame({"n": [3], "x": [2.5], "y": ["late"]}),
    ]


def narrowed() -> list[pd.DataFrame]:
    """Return frames of which the last one, whose dtypes omega|ml keeps, has the narrower dtype."""
    return [
        pd.DataFrame({"f": [0.1], "day": [pd.Timestamp("2024-01-01T00:00:00.250")]}),
        pd.DataFrame(
            {"f": np.array([1.5], "float32"), "day": np.array(["2024-01-02"], "datetime64[s]")}
        ),
    ]


def grouped() -> pd.DataFrame:
    return pd.DataFrame({"k": ["a", "b", "a"], "v": [1, 2, 3], "w": [1.5, 2.5, 3.5]})


def many() -> pd.DataFrame:
    """Return more rows than the reader takes in one piece."""
    n = 120_000
    return pd.DataFrame({"n": np.arange(n), "f": np.arange(n, dtype="float32") / 7, "s": "x" * 20})
