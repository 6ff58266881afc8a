"""Columns, indexes and frames of any kind, for Hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from .samples import object_array

SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.binary(max_size=4),
    st.complex_numbers(),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.timezones()),
    st.times(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.just(np.nan),
    st.just(pd.NaT),
    st.just(pd.NA),
    st.integers(-(2**40), 2**40).map(pd.Timedelta),
    st.integers(0, 2**60).map(pd.Timestamp),
    st.integers(0, 255).map(np.uint8),
    st.floats(width=32).map(np.float32),
)
# Inside a list, pandas.testing takes a NaN for different from itself.
NESTED = SCALARS | st.recursive(
    SCALARS.filter(lambda value: value is not pd.NA and bool(value == value)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
    ),
    max_leaves=5,
)
LABELS: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=4),
    st.integers(-3, 3),
    st.none(),
    st.booleans(),
    st.tuples(st.text(max_size=2), st.integers(0, 2)),
    st.dates(),
    st.integers(0, 2**60).map(pd.Timestamp),
    st.binary(max_size=2),
)


def nullable(values: st.SearchStrategy[Any], dtype: Any) -> Callable[[int], Any]:
    return lambda rows: st.lists(st.none() | values, min_size=rows, max_size=rows).map(
        lambda items: pd.array(items, dtype=dtype)
    )


def fixed(dtype: str) -> Callable[[int], Any]:
    size = np.dtype(dtype).itemsize
    return lambda rows: st.binary(min_size=size * rows, max_size=size * rows).map(
        lambda data: np.frombuffer(data, dtype=dtype)
    )


def categorical(rows: int) -> Any:
    return st.tuples(
        st.lists(st.text(max_size=2), min_size=3, max_size=5, unique=True),
        st.lists(st.integers(-1, 2), min_size=rows, max_size=rows),
        st.booleans(),
    ).map(lambda it: pd.Categorical.from_codes(it[1], categories=it[0], ordered=it[2]))


def moments(unit: str, zone: str | None) -> Callable[[int], Any]:
    def build(rows: int) -> Any:
        counts = st.lists(st.none() | st.integers(0, 2**32), min_size=rows, max_size=rows)
        index = counts.map(lambda items: pd.to_datetime(pd.array(items, "Int64"), unit="s"))
        return index.map(
            lambda it: (
                pd.DatetimeIndex(it)
                .as_unit(unit)
                .tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
                .array
            )
        )

    return build


COLUMNS: list[Callable[[int], Any]] = [
    lambda rows: st.lists(NESTED, min_size=rows, max_size=rows).map(
        lambda items: object_array(*items)
    ),
    lambda rows: st.lists(st.none() | st.text(max_size=4), min_size=rows, max_size=rows).map(
        lambda items: object_array(*items)
    ),
    *map(fixed, ["i1", "u2", "i4", "u8", "f2", "f4", "f8", "c8", "c16", "M8[ns]", "m8[s]", ">i4"]),
    nullable(st.integers(-128, 127), "Int8"),
    nullable(st.integers(0, 2**64 - 1), "UInt64"),
    nullable(st.floats(allow_nan=False), "Float64"),
    nullable(st.booleans(), "boolean"),
    nullable(st.text(max_size=4), pd.StringDtype("python")),
    nullable(st.text(max_size=4), pd.StringDtype("pyarrow")),
    nullable(st.text(max_size=4), "string[pyarrow]"),
    nullable(st.integers(-5, 5), "int16[pyarrow]"),
    categorical,
    moments("ns", "Europe/Berlin"),
    moments("ms", "UTC"),
    moments("us", None),
    lambda rows: fixed("i2")(rows).map(
        lambda it: pd.PeriodIndex.from_ordinals(it.astype("i8"), freq="M").array
    ),
    lambda rows: fixed("i2")(rows).map(lambda it: pd.arrays.SparseArray(it, fill_value=0)),
    lambda rows: fixed("u1")(rows).map(
        lambda it: pd.arrays.IntervalArray.from_arrays(it.astype("i8"), it.astype("i8") + 1)
    ),
]


def columns(rows: int) -> st.SearchStrategy[Any]:
    return st.sampled_from(COLUMNS).flatmap(lambda build: build(rows))


def flat_index(rows: int) -> st.SearchStrategy[Any]:
    def build(it: tuple[Any, Any]) -> Any:
        values, name = it
        if getattr(values, "dtype", None) in (np.dtype("f2"), np.dtype(">i4")):
            values = values.astype("i8" if values.dtype.kind == "i" else "f8")
        return pd.Index(values, dtype=values.dtype, name=name, tupleize_cols=False)

    hashable = [build for build in COLUMNS if build is not COLUMNS[0]]
    return st.tuples(st.sampled_from(hashable).flatmap(lambda it: it(rows)), LABELS).map(build)


def indexes(rows: int) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.tuples(st.integers(-9, 9), st.sampled_from([-3, -1, 1, 2])).map(
            lambda it: pd.RangeIndex(it[0], it[0] + it[1] * rows, it[1])
        ),
        st.lists(LABELS, min_size=rows, max_size=rows).map(
            lambda it: pd.Index(object_array(*it), dtype=object, tupleize_cols=False)
        ),
        flat_index(rows),
        st.tuples(
            st.lists(st.text(max_size=2) | st.none(), min_size=rows, max_size=rows),
            st.lists(st.integers(0, 3), min_size=rows, max_size=rows),
            LABELS,
        ).map(lambda it: pd.MultiIndex.from_arrays([it[0], it[1]], names=[it[2], None])),
        st.just(pd.date_range("2024-03-30", periods=rows, freq="D", tz="Europe/Berlin")),
    )


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(0, 4))
    width = draw(st.integers(0, 4))
    index = draw(indexes(rows))
    data = {place: draw(columns(rows)) for place in range(width)}
    frame = pd.DataFrame(
        {
            place: pd.Series(values, index=index, dtype=values.dtype)
            for place, values in data.items()
        },
        index=index,
    )
    frame.columns = draw(indexes(width))
    frame.attrs = draw(st.dictionaries(st.text(max_size=3), NESTED, max_size=2))
    return frame
