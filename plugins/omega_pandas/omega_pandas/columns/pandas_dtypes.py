"""Values of any dtype as one Arrow array and a JSON description; and back.

Each dtype of pandas is named here, by its exact class, save the categorical one, which needs an
Index (see `columns.index`). Any other dtype, such as those of other packages, is refused.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from omega_core.errors import IntegrityError

from ..values.numpy_dtypes import array_bytes, decode_dtype, encode_dtype
from ..values.tagged_json import decode_offset, decode_value, encode_offset, encode_value
from ..values.timezones import decode_timezone, encode_timezone
from ..values.unfaithful import Unfaithful
from .arrow_types import is_text, refuse_extension
from .header_arrays import Arrow, Chunked, whole
from .python_objects import decode_objects, encode_objects

Json = Any
Encoded = tuple[Json, Any]

_MASKED = {
    dtype.name: dtype
    for dtype in (
        *(pd.Int8Dtype(), pd.Int16Dtype(), pd.Int32Dtype(), pd.Int64Dtype()),
        *(pd.UInt8Dtype(), pd.UInt16Dtype(), pd.UInt32Dtype(), pd.UInt64Dtype()),
        *(pd.Float32Dtype(), pd.Float64Dtype(), pd.BooleanDtype()),
    )
}
_NAT = np.iinfo(np.int64).min
# pandas 2.2 has no na_value: it calls the string dtype with NaN "pyarrow_numpy".
_STRING_HAS_NA_VALUE = "na_value" in inspect.signature(pd.StringDtype).parameters


def encode_array(array: Any) -> Encoded:
    """Return the description of the values of a Series or an Index, and their Arrow array.

    Parameters
    ----------
    array
        ``series.array`` or ``index.array``.

    Raises
    ------
    Unfaithful
        For a dtype or a value that would not come back equal.
    """
    # Exactly: the array of strings derives from it.
    if type(array) is pd.arrays.NumpyExtensionArray:
        return _encode_numpy(array.to_numpy())
    dtype = array.dtype
    if isinstance(dtype, np.dtype):
        return _encode_numpy(np.asarray(array))
    for cls, encode in _ENCODERS.items():
        if type(dtype) is cls:
            return encode(array)
    raise Unfaithful(
        f"has the dtype {dtype!s} of type {type(dtype).__module__}.{type(dtype).__qualname__}, "
        "which is not one of pandas' own",
        "convert it with astype to a dtype of pandas",
    )


def decode_array(spec: Json, array: Arrow | Chunked) -> Any:
    """Make the values that `encode_array` described; they may be read-only."""
    decode = _DECODERS.get(spec["dtype"])
    if decode is None:
        raise IntegrityError(
            f"The stored dtype {spec['dtype']!r} is not understood; "
            "it was written by a newer omega-pandas, or is damaged."
        )
    return decode(spec, array)


# --- numpy -----------------------------------------------------------------------------------


def _encode_numpy(values: np.ndarray[Any, Any]) -> Encoded:
    dtype = values.dtype
    if dtype == np.dtype(object):
        spec, array = encode_objects(values)
        return {"dtype": "object", **spec}, array
    if dtype.kind in "biufmM" and dtype.itemsize <= 8 and dtype.metadata is None:
        native = values if dtype.isnative else values.astype(dtype.newbyteorder("="))
        return {"dtype": "numpy", "numpy": _number(dtype, dtype.char)}, pa.array(
            native, from_pandas=False
        )
    spec = {"dtype": "numpy", "numpy": encode_dtype(dtype)}
    raw = pa.py_buffer(array_bytes(values).data)
    width = pa.binary(dtype.itemsize)
    return {**spec, "raw": True}, pa.Array.from_buffers(width, len(values), [None, raw])


@functools.lru_cache(maxsize=256)
def _number(dtype: np.dtype[Any], char: str) -> Json:
    # Remembered with its letter: to numpy, the dtypes of C's long and long long are equal.
    return encode_dtype(dtype)


def _decode_numpy(spec: Json, array: Any) -> np.ndarray[Any, Any]:
    dtype = decode_dtype(spec["numpy"])
    if isinstance(array, pa.ChunkedArray) and array.num_chunks > 1:
        # Straight into memory of its own, instead of joining first and copying then.
        joined = np.empty(len(array), dtype)
        start = 0
        for chunk in array.chunks:
            joined[start : start + len(chunk)] = _decode_numpy(spec, chunk)
            start += len(chunk)
        return joined
    array = whole(array)
    if spec.get("raw"):
        if array.type != pa.binary(dtype.itemsize):
            raise IntegrityError(f"The stored {dtype} values are not of its width.")
        # A slice shares the buffer of the whole.
        data = array.buffers()[1] or b""
        return np.frombuffer(
            data, dtype=dtype, count=len(array), offset=array.offset * dtype.itemsize
        )
    if array.null_count and dtype.kind not in "mM":
        raise IntegrityError(f"A column of {dtype}, which has no missing values, misses some.")
    values: np.ndarray[Any, Any] = array.to_numpy(zero_copy_only=False)
    if values.dtype != dtype.newbyteorder("="):
        raise IntegrityError(f"The stored values are {values.dtype}, not {dtype}.")
    return values.astype(dtype, copy=False)


# --- missing values aside --------------------------------------------------------------------


def _encode_masked(array: Any) -> Encoded:
    values = array.to_numpy(dtype=array.dtype.numpy_dtype, na_value=array.dtype.type(0))
    # Not isna(), which may count NaN, a value, as missing.
    arrow = pa.array(values, mask=np.asarray(array._mask), from_pandas=False)
    return {"dtype": "masked", "name": array.dtype.name}, arrow


def _decode_masked(spec: Json, array: Any) -> Any:
    dtype: Any = _MASKED.get(spec["name"])
    if dtype is None:
        raise IntegrityError(f"The stored dtype {spec['name']!r} is not one of pandas'.")
    array = whole(array)
    mask = array.is_null().to_numpy(zero_copy_only=False)
    values = array.fill_null(False if dtype.name == "boolean" else 0)
    numbers = values.to_numpy(zero_copy_only=False)
    return dtype.construct_array_type()(numbers.astype(dtype.numpy_dtype, copy=False), mask)


def _encode_string(array: Any) -> Encoded:
    storage = array.dtype.storage
    nan = storage == "pyarrow_numpy" or array.dtype.na_value is np.nan
    spec = {
        "dtype": "string",
        "storage": "python" if storage == "python" else "pyarrow",
        "missing": "nan" if nan else "NA",
    }
    if storage != "python":
        return spec, _valid(array.__arrow_array__()).cast(pa.large_string())
    values = np.asarray(array, dtype=object)
    try:
        return spec, pa.array(values, type=pa.large_string(), mask=np.asarray(array.isna()))
    except UnicodeEncodeError as error:
        raise Unfaithful(
            f"holds text with a lone surrogate ({error.object[error.start]!r}), "
            "which is not valid Unicode",
            "convert the column with astype(object), or repair the text",
        ) from None


def _decode_string(spec: Json, array: Any) -> Any:
    return string_dtype(spec).__from_arrow__(array)


def string_dtype(spec: Json) -> Any:
    """Return the dtype of text that is described."""
    storage, missing = spec["storage"], spec["missing"]
    if storage not in ("python", "pyarrow") or missing not in ("nan", "NA"):
        raise IntegrityError(f"The stored string dtype ({storage}, {missing}) is not understood.")
    if _STRING_HAS_NA_VALUE:
        na_value = np.nan if missing == "nan" else pd.NA
        dtype: Any = pd.StringDtype(storage, na_value=na_value)
    else:
        dtype = pd.StringDtype("pyarrow_numpy" if missing == "nan" else storage)
    return dtype


def _encode_arrow(array: Any) -> Encoded:
    arrow_type = array.dtype.pyarrow_dtype
    refuse_extension(arrow_type)
    return {"dtype": "arrow", "type": str(arrow_type)}, _valid(array.__arrow_array__())


def _valid(array: Arrow | Chunked) -> Any:
    """Refuse what whoever made the array was not stopped from: readers would not take it."""
    try:
        array.validate(full=not _is_ascii(array))
    except pa.ArrowInvalid as error:
        raise Unfaithful(
            f"holds values that are none of {array.type}: {error}", "repair the values"
        ) from None
    return array


def _is_ascii(array: Arrow | Chunked) -> bool:
    """Return whether it is text of which each letter is a byte: a look at each is not needed."""
    if not is_text(array.type):
        return False
    chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    letters = [np.frombuffer(chunk.buffers()[2] or b"", dtype=np.uint8) for chunk in chunks]
    return all(not len(text) or text.max() < 128 for text in letters)


def _decode_arrow(spec: Json, array: Any) -> Any:
    if str(array.type) != spec["type"]:
        raise IntegrityError(f"The stored values are {array.type}, not {spec['type']}.")
    return pd.arrays.ArrowExtensionArray(array)


# --- dates, periods, intervals ---------------------------------------------------------------


def _encode_zoned(array: Any) -> Encoded:
    moments = np.asarray(array, dtype=f"M8[{array.dtype.unit}]")
    spec = {"dtype": "zoned", "unit": array.dtype.unit, "tz": encode_timezone(array.dtype.tz)}
    arrow = pa.array(moments, from_pandas=False)
    return spec, arrow.cast(pa.timestamp(array.dtype.unit, "UTC"))


def _decode_zoned(spec: Json, array: Any) -> Any:
    unit = spec["unit"]
    if unit not in ("s", "ms", "us", "ns") or array.type != pa.timestamp(unit, "UTC"):
        raise IntegrityError(f"The stored times are {array.type}, not in UTC with unit {unit!r}.")
    moments = whole(array).cast(pa.timestamp(unit)).to_numpy(zero_copy_only=False)
    zoned = pd.DatetimeIndex(moments).tz_localize("UTC")
    return zoned.tz_convert(decode_timezone(spec["tz"])).array


def _encode_period(array: Any) -> Encoded:
    ordinals = np.asarray(pd.PeriodIndex(array).asi8)
    arrow = pa.array(ordinals, mask=ordinals == _NAT)
    return {"dtype": "period", "freq": encode_offset(array.dtype.freq)}, arrow


def _decode_period(spec: Json, array: Any) -> Any:
    ordinals = whole(array).fill_null(_NAT).to_numpy(zero_copy_only=False)
    periods: Any = pd.PeriodIndex
    return periods.from_ordinals(ordinals, freq=decode_offset(spec["freq"])).array


def _encode_interval(array: Any) -> Encoded:
    sides = [encode_array(side.array) for side in (array.left, array.right)]
    spec = {"dtype": "interval", "closed": array.closed, "sides": [sides[0][0], sides[1][0]]}
    arrays = [whole(sides[0][1]), whole(sides[1][1])]
    return spec, pa.StructArray.from_arrays(arrays, names=["left", "right"])


def _decode_interval(spec: Json, array: Any) -> Any:
    left, right = (
        pd.Index(values, dtype=values.dtype)
        for values in (
            decode_array(side, field)
            for side, field in zip(spec["sides"], whole(array).flatten(), strict=True)
        )
    )
    dtype = pd.IntervalDtype(left.dtype, closed=spec["closed"])
    return pd.arrays.IntervalArray.from_arrays(left, right, closed=spec["closed"], dtype=dtype)


def _encode_sparse(array: Any) -> Encoded:
    stored = np.asarray(array.sp_values)
    values, arrow = _encode_numpy(stored)
    present = np.zeros(len(array), dtype=bool)
    positions = array.sp_index.indices
    present[positions] = True
    # A struct, so that a stored missing value differs from one that is not stored.
    where = np.zeros(len(array), dtype=np.int64)
    where[positions] = np.arange(len(stored))
    spread = arrow.take(pa.array(where, mask=~present))
    spec = {
        "dtype": "sparse",
        "kind": array.kind,
        "fill": encode_value(array.dtype.fill_value),
        "values": values,
    }
    struct = pa.StructArray.from_arrays([spread], names=["stored"], mask=pa.array(~present))
    if stored.dtype == object and not array.sp_index.equals(_decode_sparse(spec, struct).sp_index):
        raise Unfaithful(
            "is sparse, of Python objects, and stores a value equal to its fill value",
            "make it dense, with .sparse.to_dense()",
        )
    return spec, struct


def _decode_sparse(spec: Json, array: Any) -> Any:
    array = whole(array)
    present = pc.is_valid(array)
    values = decode_array(spec["values"], array.field(0).filter(present))
    positions = np.flatnonzero(present.to_numpy(zero_copy_only=False)).astype(np.int32)
    if spec["kind"] not in ("integer", "block"):
        raise IntegrityError(f"The stored sparse layout {spec['kind']!r} is not understood.")
    fill = decode_value(spec["fill"])
    sparse: Any = pd.arrays.SparseArray
    if values.dtype != object and hasattr(sparse, "from_indices"):
        return sparse.from_indices(
            values, positions, len(array), fill_value=fill, kind=spec["kind"], dtype=values.dtype
        )
    dtype = pd.SparseDtype(values.dtype, fill)
    if values.dtype == object:
        dense = np.full(len(array), fill, dtype=object)
        dense[positions] = values
        return sparse(dense, kind=spec["kind"], dtype=dtype)
    # Before pandas 3.1, whose classes of a sparse index have no public name.
    index = type(sparse([0.0], kind="integer").sp_index)(len(array), positions)
    if spec["kind"] == "block":
        index = index.to_block_index()
    return sparse(values, sparse_index=index, dtype=dtype)


_ENCODERS: dict[type, Callable[[Any], Encoded]] = {
    **{type(dtype): _encode_masked for dtype in _MASKED.values()},
    pd.StringDtype: _encode_string,
    pd.ArrowDtype: _encode_arrow,
    pd.DatetimeTZDtype: _encode_zoned,
    pd.PeriodDtype: _encode_period,
    pd.IntervalDtype: _encode_interval,
    pd.SparseDtype: _encode_sparse,
}

_DECODERS: dict[str, Callable[[Json, Any], Any]] = {
    "numpy": _decode_numpy,
    "object": lambda spec, array: decode_objects(spec, whole(array)),
    "masked": _decode_masked,
    "string": _decode_string,
    "arrow": _decode_arrow,
    "zoned": _decode_zoned,
    "period": _decode_period,
    "interval": _decode_interval,
    "sparse": _decode_sparse,
}
