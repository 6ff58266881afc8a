"""Integers as narrower ones that are as exact: distances to the least, or to the one before.

Times are integers, too; what they count is often coarser than their unit, and is divided by.

References
----------
M. Zukowski, S. Heman, N. Nes, P. Boncz: Super-Scalar RAM-CPU Cache Compression. ICDE 2006.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Numbers = np.ndarray[Any, np.dtype[Any]]

_SAMPLE = 2048
_INT64_MAX = 2**63 - 1


def narrow(array: Any) -> tuple[Any, dict[str, Any]] | None:
    """Return integers as their distances to the least, or to the one before, and how to go back.

    Parameters
    ----------
    array
        Of Arrow, of any type of integers; missing ones stay missing.

    Returns
    -------
    narrow, how
        Of a type of fewer bytes, and what `widen` needs to know; or None where there is none.
    """
    if array.type.bit_width == 8:
        return None
    bounds = pc.min_max(array)
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    values = values_of(array)
    # The distances, too, must be numbers of the type.
    most = np.iinfo(values.dtype).max
    if low is None or high - low > most or high > _INT64_MAX:
        return None
    if array.null_count:
        values = np.where(_nulls(array), values.dtype.type(low), values)
    numbers = values - values.dtype.type(low)
    best = _packed(numbers, step=1)
    if best.width > 1 and (step := _step(numbers)) > 1:
        quotients = numbers // numbers.dtype.type(step)
        if np.array_equal(quotients * numbers.dtype.type(step), numbers):
            best = _packed(quotients, step)
    if best.width >= values.dtype.itemsize:
        return None
    base = low if best.slope is None else int(values[0])
    how = {"as": "numbers", "base": base, "step": best.step, "slope": best.slope}
    return with_nulls_of(array, best.numbers.astype(f"u{best.width}")), how


class _Packed(NamedTuple):
    numbers: Numbers
    width: int
    step: int
    slope: int | None


def _packed(numbers: Numbers, step: int) -> _Packed:
    """Choose between numbers from 0 and what they differ by, from the least that they do."""
    width = _width(int(numbers.max()))
    if width > 1 and numbers.dtype.kind == "i" and _slopes(numbers[:_SAMPLE])[2] < width:
        slopes, least, narrower = _slopes(numbers)
        if narrower < width:
            differences = np.zeros_like(numbers)
            np.subtract(slopes, least, out=differences[1:])
            return _Packed(differences, narrower, step, least)
    return _Packed(numbers, width, step, None)


def _slopes(numbers: Numbers) -> tuple[Numbers, int, int]:
    """Return the differences between neighbours, the least, and how many bytes the others need."""
    slopes = np.diff(numbers)
    least = int(slopes.min())
    return slopes, least, _width(int(slopes.max()) - least)


def widen(array: Any, base: int, step: int, slope: int | None, out: Numbers) -> None:
    """Undo `narrow`, into ``out``; what overflows on the way comes back by overflowing again."""
    number = out.dtype.type
    if slope is None:
        np.copyto(out, values_of(array), casting="unsafe")
    else:
        np.cumsum(values_of(array), out=out, dtype=out.dtype)
        out += np.arange(len(out), dtype=out.dtype) * number(slope)
    if step != 1:
        out *= number(step)
    if base:
        out += number(base)


def _step(distances: Numbers) -> int:
    """Return what may divide all distances to the least: of times, their resolution."""
    return int(np.gcd.reduce(distances[:_SAMPLE])) if distances.dtype.itemsize == 8 else 1


def _width(span: int) -> int:
    """Return how many bytes hold numbers from 0 to ``span``."""
    return next(size for size in (1, 2, 4, 8) if span < 2 ** (8 * size))


def values_of(array: Any) -> Numbers:
    """Return the integers of an array; in the place of missing ones there is any."""
    dtype = np.dtype(array.type.to_pandas_dtype())
    data = array.buffers()[1]
    return np.frombuffer(data, dtype=dtype, count=len(array), offset=array.offset * dtype.itemsize)


def _nulls(array: Any) -> Numbers:
    mask: Numbers = array.is_null().to_numpy(zero_copy_only=False)
    return mask


def with_nulls_of(array: Any, numbers: Numbers) -> Any:
    """Return numbers as an array of Arrow, of which the same are missing."""
    return pa.array(numbers, mask=_nulls(array) if array.null_count else None)


def integer_of(type_: pa.DataType) -> np.dtype[Any]:
    """Return the dtype of integers of as many bits as a type, with a sign unless it has none."""
    sign = "u" if pa.types.is_unsigned_integer(type_) else "i"
    return np.dtype(f"{sign}{type_.bit_width // 8}")
