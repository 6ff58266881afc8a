"""The frames that are measured: the same in every process, because they are drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

QUICK_SHARE = 100
"""How much shorter (or narrower) the frames of a quick run are."""


@dataclass(frozen=True)
class Case:
    """One frame, and what is asked of it.

    ``column`` is the one that is read alone. A filter keeps 1 % of the rows: those in which
    ``random`` (drawn anew for each row) or ``ordered`` (rising) is below the bound.
    """

    name: str
    title: str
    make: Callable[[int], pd.DataFrame]
    rows: int
    quick_rows: int
    column: str
    random: tuple[str, float] | None = None
    ordered: str | None = None
    appends: bool = False
    huge: bool = False
    """So large that peers which store row by row would take many minutes."""

    def frame(self, quick: bool) -> pd.DataFrame:
        return self.make(self.quick_rows if quick else self.rows)

    def bound(self, which: str, frame: pd.DataFrame) -> tuple[str, float] | None:
        """Return the column and the bound of the filter on a ``random`` or ``ordered`` column."""
        if which == "random" or self.ordered is None:
            return self.random if which == "random" else None
        return self.ordered, float(frame[self.ordered].iloc[len(frame) // 100])


def _rng(salt: int) -> np.random.Generator:
    return np.random.default_rng([20240229, salt])


def _words(rng: np.random.Generator, rows: int, unique: int) -> np.ndarray:
    vocabulary = np.array([f"word-{i:04d}-{i * 7919 % 1000:03d}" for i in range(unique)], object)
    return vocabulary[rng.integers(0, unique, rows)]


def _codes(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Return strings of 16 characters of which hardly two are equal."""
    return np.array([f"{number:016x}" for number in rng.integers(0, 1 << 62, rows)], object)


def _moments(rng: np.random.Generator, rows: int) -> pd.DatetimeIndex:
    # Whole seconds: BSON keeps milliseconds, and what is compared here is speed.
    seconds = rng.integers(1_500_000_000, 1_700_000_000, rows)
    return pd.DatetimeIndex(seconds.astype("datetime64[s]").astype("datetime64[ns]"))


def mixed(rows: int) -> pd.DataFrame:
    rng = _rng(1)
    return pd.DataFrame(
        {
            "i": np.arange(rows, dtype="int64") * 3,
            "x": rng.random(rows),
            "word": _words(rng, rows, 100),
            "code": _codes(rng, rows),
            "when": _moments(rng, rows),
            "flag": rng.random(rows) < 0.3,
        }
    )


def floats(rows: int) -> pd.DataFrame:
    rng = _rng(2)
    frame = pd.DataFrame({f"f{i}": rng.standard_normal(rows) for i in range(3)})
    frame["x"] = rng.random(rows)
    frame["t"] = np.arange(rows) * 0.25
    return frame


def wide(columns: int) -> pd.DataFrame:
    rng = _rng(3)
    return pd.DataFrame(
        rng.standard_normal((1000, columns)), columns=[f"c{i:04d}" for i in range(columns)]
    )


def few_words(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"s": _words(_rng(4), rows, 100)})


def unique_words(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"s": _codes(_rng(5), rows)})


def categories(rows: int) -> pd.DataFrame:
    rng = _rng(6)
    names = [f"category {i}" for i in range(50)]
    when = _moments(rng, rows)
    return pd.DataFrame(
        {
            "cat": pd.Categorical.from_codes(rng.integers(0, 50, rows), names),
            "local": when.tz_localize("UTC").tz_convert("Europe/Zurich"),
            "utc": when.tz_localize("UTC"),
        }
    )


_ALL = [
    Case("mixed", "1 M rows x 6 mixed columns", mixed, 1_000_000, 10_000, "x",
         random=("x", 0.01), ordered="i", appends=True),
    Case("floats", "10 M rows x 5 floats", floats, 10_000_000, 100_000, "x",
         random=("x", 0.01), ordered="t", huge=True),
    Case("wide", "1,000 rows x 5,000 floats", wide, 5_000, 200, "c0007"),
    Case("few", "1 M strings, 100 unique", few_words, 1_000_000, 10_000, "s"),
    Case("unique", "1 M strings, all unique", unique_words, 1_000_000, 10_000, "s"),
    Case("categories", "1 M rows: a category, two time zones", categories, 1_000_000, 10_000,
         "cat"),
]  # fmt: skip

CASES = {case.name: case for case in _ALL}
APPENDS, APPEND_ROWS, QUICK_APPENDS = 1_000, 100, 20


def raw_bytes(frame: pd.DataFrame) -> int:
    """Return the bytes of the values: what a C array of them takes, strings without overhead."""
    total = 0
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            total += column.cat.codes.to_numpy().nbytes
        elif pd.api.types.is_string_dtype(column.dtype):
            total += int(column.str.len().sum())
        elif isinstance(column.dtype, pd.DatetimeTZDtype):
            total += 8 * len(column)
        else:
            total += column.to_numpy().nbytes
    return total
