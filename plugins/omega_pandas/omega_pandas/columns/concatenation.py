"""What `pandas.concat` changes of the labels of indexes that it joins.

It converts labels of different dtypes to a common one, drops levels and names that not all parts
have, and looks for a better dtype than object.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..values.tagged_json import dump_value, encode_value
from .dtype_differences import is_same

_FAILURES = (TypeError, ValueError, ArithmeticError, LookupError, NotImplementedError)


def is_settled(index: Any) -> bool:
    """Return whether the dtypes and names alone tell that `pandas.concat` changes no label.

    They do not where pandas infers another dtype from the values (of Python objects), where the
    result has another dtype than both parts (big-endian numbers, integers beside a missing label
    in a MultiIndex), or where equal labels of different types become one (objects in a level).
    """
    if type(index) is pd.RangeIndex:
        return True
    if isinstance(index, pd.MultiIndex):
        return all(map(_is_settled_level, index.levels, index.codes, index.names))
    return not changed_labels(index if index.dtype == object else index[:0], index[:0])


def _is_settled_level(level: Any, codes: Any, name: Any) -> bool:
    if level.dtype == object and not all(type(label) is str for label in level):
        return False
    used = np.unique(codes)
    part = pd.MultiIndex(levels=[level], codes=[used], names=[name], verify_integrity=False)
    return bool(part.get_level_values(0).dtype == level.dtype) and not changed_labels(part, part)


def changed_labels(before: Any, index: Any) -> str:
    """Return what `pandas.concat` would change of the labels of two indexes of equal dtypes."""
    try:
        joined = before.append(index)
    except _FAILURES as error:
        return f"pandas.concat cannot append it: {error}"
    if isinstance(joined, pd.MultiIndex) is not isinstance(index, pd.MultiIndex):
        return f"pandas.concat would make a {type(joined).__name__} of it"
    for number, (old, new) in enumerate(zip(_levels(index), _levels(joined), strict=True)):
        place = level_name(number, joined.names[number], isinstance(joined, pd.MultiIndex))
        names = joined.names[number], index.names[number]
        if not is_same(*map(encode_value, names)):
            return f"pandas.concat would drop the name {index.names[number]!r} of {place}"
        if old.dtype != new.dtype:
            return f"{place} is {old.dtype}, of which pandas.concat would make {new.dtype}"
        if isinstance(joined, pd.MultiIndex):
            # Where one is missing, integers are shown as floats.
            kinds = [part.get_level_values(number).dtype for part in (before, index, joined)]
            if kinds[0] != kinds[1]:
                differing = kinds[0] if kinds[0] != kinds[2] else kinds[1]
                return (
                    f"the labels of {place} are {differing}, of which pandas.concat would make "
                    f"{kinds[2]}, since some are missing"
                )
            merged = _merged(before, index, joined, number) if old.dtype == object else ""
            if merged:
                return f"in {place}, pandas.concat would make {merged}"
    return ""


def _levels(index: Any) -> Any:
    return index.levels if isinstance(index, pd.MultiIndex) else [index]


def _merged(before: Any, index: Any, joined: Any, number: int) -> str:
    """Return which label of a level would become another one that is equal to it."""
    parts = [*before.get_level_values(number), *index.get_level_values(number)]
    for old, new in zip(parts, joined.get_level_values(number), strict=True):
        if old is not new and dump_value(old) != dump_value(new):
            return f"the label {new!r} of {old!r}, which are equal and of different types"
    return ""


def level_name(number: int, name: Any, multi: bool) -> str:
    """Return what an error calls an index, or one level of it."""
    named = "" if name is None else f" {name!r}"
    return f"level {number}{named} of the index" if multi else f"the index{named}"
