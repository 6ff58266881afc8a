"""An Index of any class as a JSON description and Arrow arrays: rows, column labels, categories.

A categorical column is here too, since its categories are an Index.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_core.errors import IntegrityError

from ..values.tagged_json import decode_offset, decode_value, encode_offset, encode_value
from ..values.unfaithful import Unfaithful, type_name
from .header_arrays import Arrow, Chunked, Parts, Place, whole
from .pandas_dtypes import Encoded, decode_array, encode_array

Json = Any

_FLAT = (
    pd.Index,
    pd.CategoricalIndex,
    pd.DatetimeIndex,
    pd.IntervalIndex,
    pd.PeriodIndex,
    pd.TimedeltaIndex,
)
INDEX_TYPES = frozenset({*_FLAT, pd.RangeIndex, pd.MultiIndex})


def encode_column(array: Any, parts: Parts) -> Encoded:
    """Return the description of the values of a column, categorical or other, and their array.

    ``parts`` takes the categories; the rest is as `encode_array` says.
    """
    if type(array.dtype) is not pd.CategoricalDtype:
        return encode_array(array)
    try:
        categories = encode_index(array.categories, parts.side, parts)
    except Unfaithful as verdict:
        raise verdict.within("has categories, of which") from None
    spec = {"dtype": "category", "ordered": bool(array.ordered), "categories": categories}
    return spec, pa.array(array.codes, mask=array.codes == -1)


def decode_column(spec: Json, array: Arrow | Chunked, parts: Parts) -> Any:
    """Make the values that `encode_column` described; they may be read-only."""
    if spec["dtype"] != "category":
        return decode_array(spec, array)
    categories = decode_index(spec["categories"], parts)
    codes = whole(array).fill_null(-1).to_numpy(zero_copy_only=False)
    dtype = pd.CategoricalDtype(categories, ordered=spec["ordered"])
    return pd.Categorical.from_codes(codes, dtype=dtype)


def encode_index(index: Any, place: Place, parts: Parts) -> Json:
    """Return the description of ``index``.

    Parameters
    ----------
    index
        Of one of pandas' own classes.
    place
        Keeps an array as long as the index, and returns its reference.
    parts
        Takes what has another length: levels and categories.
    """
    if type(index) is pd.RangeIndex:
        return {
            "index": "range",
            "range": [index.start, index.stop, index.step],
            "name": _encode_name(index.name),
        }
    if type(index) is pd.MultiIndex:
        return _encode_multi(index, place, parts)
    if type(index) not in _FLAT:
        raise Unfaithful(
            f"is a {type_name(index)}, which is not one of pandas' own classes",
            "convert it to one of them, for example with pandas.Index(list(index))",
        )
    spec, array = encode_column(index.array, parts)
    described = {
        "index": "flat",
        "values": spec,
        "at": place(array),
        "name": _encode_name(index.name),
    }
    freq = index.freq if type(index) in (pd.DatetimeIndex, pd.TimedeltaIndex) else None
    if freq is not None:
        described["freq"] = encode_offset(freq)
    return described


def _encode_name(name: Any) -> Json:
    try:
        return encode_value(name)
    except Unfaithful as verdict:
        raise verdict.within(f"name {name!r}") from None


def _encode_multi(index: Any, place: Place, parts: Parts) -> Json:
    levels, codes = [], []
    for position, (level, code) in enumerate(zip(index.levels, index.codes, strict=True)):
        try:
            # Exact to the level: also what no row uses any more, and in its order.
            levels.append(encode_index(level.rename(None), parts.side, parts))
        except Unfaithful as verdict:
            raise verdict.within(f"level {position}, named {index.names[position]!r},") from None
        array = np.asarray(code)
        codes.append(place(pa.array(array, mask=array == -1)))
    return {
        "index": "multi",
        "levels": levels,
        "codes": codes,
        "names": [_encode_name(name) for name in index.names],
        "sortorder": index.sortorder,
    }


def decode_index(spec: Json, parts: Parts) -> Any:
    """Make the Index of a description."""
    kind = spec["index"]
    if kind == "range":
        start, stop, step = spec["range"]
        return pd.RangeIndex(start, stop, step, name=decode_value(spec["name"]))
    if kind == "multi":
        return _decode_multi(spec, parts)
    if kind != "flat":
        raise IntegrityError(
            f"The stored index class {kind!r} is not understood; "
            "it was written by a newer omega-pandas, or is damaged."
        )
    values = decode_column(spec["values"], parts.fetch(spec["at"]), parts)
    name = decode_value(spec["name"])
    # A copy, since not all of pandas 2.2 takes the read-only memory of Arrow for an index.
    index = pd.Index(values, dtype=values.dtype, copy=True, name=name, tupleize_cols=False)
    if "freq" in spec:
        freq = decode_offset(spec["freq"])
        if isinstance(index, pd.DatetimeIndex):
            return pd.DatetimeIndex(index, freq=freq)
        return pd.TimedeltaIndex(index, freq=freq)
    return index


def _decode_multi(spec: Json, parts: Parts) -> pd.MultiIndex:
    levels = [decode_index(level, parts) for level in spec["levels"]]
    codes = []
    for level, reference in zip(levels, spec["codes"], strict=True):
        code = whole(parts.fetch(reference)).fill_null(-1).to_numpy(zero_copy_only=False)
        # pandas is told below to trust the codes, so that a missing value inside a level stays.
        if len(code) and not -1 <= int(code.min()) <= int(code.max()) < len(level):
            raise IntegrityError("A stored MultiIndex points outside its levels.")
        codes.append(code)
    return pd.MultiIndex(
        levels=levels,
        codes=codes,
        names=[decode_value(name) for name in spec["names"]],
        sortorder=spec["sortorder"],
        verify_integrity=False,
    )
