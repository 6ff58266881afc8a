"""An equality that forgives nothing."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pandas as pd


def same_value(left: Any, right: Any) -> bool:
    """Equal in type and value, to the bit of a NaN and the scale of a Decimal."""
    if type(left) is not type(right):
        return False
    if isinstance(left, int):
        return bool(left == right)
    if type(left) in (np.longdouble, np.clongdouble):
        return bool(left == right)  # their padding is not a value
    if isinstance(left, float):
        return struct.pack("d", left) == struct.pack("d", right)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same_value, left, right))
    if isinstance(left, dict):
        return same_value(list(left.items()), list(right.items()))
    if isinstance(left, np.ndarray):
        return (
            left.dtype == right.dtype
            and left.shape == right.shape
            and (
                same_value(left.ravel().tolist(), right.ravel().tolist())
                if left.dtype == object
                else left.tobytes() == right.tobytes()
            )
        )
    if left is pd.NA or left is pd.NaT:
        return left is right
    if isinstance(left, pd.Timestamp | pd.Timedelta):
        fold = getattr(left, "fold", 0) == getattr(right, "fold", 0)
        return bool(left == right) and left.unit == right.unit and fold
    if isinstance(left, np.str_ | np.bytes_):
        return bool(left[:] == right[:])
    if isinstance(left, np.generic):
        return left.dtype == right.dtype and left.tobytes() == right.tobytes()
    return repr(left) == repr(right)


def same_array(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if type(left) is pd.arrays.NumpyExtensionArray:
        left, right = left.to_numpy(), right.to_numpy()
    assert left.dtype == right.dtype
    assert str(left.dtype) == str(right.dtype)
    if isinstance(left.dtype, pd.DatetimeTZDtype):
        assert type(left.dtype.tz) is type(right.dtype.tz)
    if isinstance(left.dtype, pd.CategoricalDtype):
        same_index(left.categories, right.categories)
        np.testing.assert_array_equal(left.codes, right.codes)
    elif isinstance(left.dtype, pd.SparseDtype):
        assert left.kind == right.kind
        assert same_value(left.fill_value, right.fill_value)
        assert left.sp_index.equals(right.sp_index)
        assert same_value(np.asarray(left.sp_values), np.asarray(right.sp_values))
    elif isinstance(left.dtype, np.dtype):
        # NaN bits included: equality of values alone would let -0.0 and payloads pass.
        assert same_value(np.asarray(left), np.asarray(right))
    elif isinstance(left.dtype, pd.ArrowDtype):
        pieces = [side.__arrow_array__() for side in (left, right)]
        assert pieces[0].type == pieces[1].type
        assert same_value(pieces[0].to_pylist(), pieces[1].to_pylist())
    elif hasattr(left, "_mask"):
        np.testing.assert_array_equal(left._mask, right._mask)
        assert left.to_numpy(left.dtype.numpy_dtype, na_value=0).tobytes() == (
            right.to_numpy(left.dtype.numpy_dtype, na_value=0).tobytes()
        )


def same_index(left: Any, right: Any) -> None:
    pd.testing.assert_index_equal(left, right, exact=True, check_exact=True)
    assert type(left) is type(right)
    assert same_value(list(left.names), list(right.names))
    assert getattr(left, "freq", None) == getattr(right, "freq", None)
    if isinstance(left, pd.RangeIndex):
        assert (left.start, left.stop, left.step) == (right.start, right.stop, right.step)
    elif isinstance(left, pd.MultiIndex):
        assert left.sortorder == right.sortorder
        for one, other in zip(left.levels, right.levels, strict=True):
            same_index(one, other)
        for one, other in zip(left.codes, right.codes, strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype
    else:
        same_array(left.array, right.array)


@np.errstate(invalid="ignore")  # numpy warns where it compares complex numbers of signaling NaN
def same(left: Any, right: Any) -> None:
    if isinstance(left, pd.DataFrame):
        pd.testing.assert_frame_equal(
            left,
            right,
            check_exact=True,
            check_dtype=True,
            check_index_type="exact",
            check_column_type="exact",
            check_freq=True,
            check_flags=True,
            check_names=True,
            check_categorical=True,
            check_frame_type=True,
        )
        same_index(left.columns, right.columns)
        same_index(left.index, right.index)
        for position in range(left.shape[1]):
            same_array(left.iloc[:, position].array, right.iloc[:, position].array)
    elif isinstance(left, pd.Series):
        pd.testing.assert_series_equal(
            left,
            right,
            check_exact=True,
            check_index_type="exact",
            check_freq=True,
            check_flags=True,
            check_categorical=True,
        )
        same_index(left.index, right.index)
        same_array(left.array, right.array)
        assert same_value(left.name, right.name)
    elif isinstance(left, pd.Index):
        same_index(left, right)
    else:
        assert type(right) is np.ndarray
        assert left.dtype == right.dtype
        assert left.shape == right.shape
        assert left.tobytes() == right.tobytes()
    if hasattr(left, "attrs"):
        assert same_value(left.attrs, right.attrs)


def labels_of(index: Any) -> list[Any]:
    """Return the labels, those of a range as those of any other index of integers."""
    return [*index] if isinstance(index, pd.MultiIndex) else [*index.array]


def dtypes_of(index: Any) -> list[str]:
    found = [index]
    if isinstance(index, pd.MultiIndex):
        found = [*index.levels, *map(index.get_level_values, range(index.nlevels))]
    zones = [type(getattr(level.dtype, "tz", None)) for level in found]
    return [f"{level.dtype!r} {zone}" for level, zone in zip(found, zones, strict=True)]


def is_kept(parts: list[Any], whole: Any) -> bool:
    """Return whether an index has all labels of its parts, in type and dtype, and their names."""
    labels = [label for part in parts for label in labels_of(part)]
    return (
        all(dtypes_of(part) == dtypes_of(whole) for part in parts)
        and all(same_value(list(part.names), list(whole.names)) for part in parts)
        and same_value(labels, labels_of(whole))
        and len({isinstance(part, pd.MultiIndex) for part in [*parts, whole]}) == 1
    )
