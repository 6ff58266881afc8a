"""An array of any dtype but object comes back with its shape, bytes and memory order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from omega_pandas.array import ArrayBackend

STRUCTURED = [
    np.dtype([("a", "i4"), ("b", "S3"), ("c", ">f8", (2, 3))]),
    np.dtype([("a", "i1"), ("b", "f8")], align=True),
    np.dtype({"names": ["x", "y"], "formats": ["i2", "i2"], "offsets": [6, 0], "itemsize": 16}),
    np.dtype({"names": ["whole", "low"], "formats": ["u4", "u2"], "offsets": [0, 0]}),
    np.dtype([(("title", "name"), "f4")]),
    np.dtype([("outer", [("inner", "U2"), ("when", "M8[25s]")])]),
    np.dtype([]),
]
SIMPLE = [
    *("?", "i1", "u8", "f2", "f4", "f8", "c8", "c16", ">i4", ">f8", ">c8", "<i2"),
    *("S5", "U5", ">U3", "V7", "M8[ns]", "M8[D]", "m8[25s]", "M8", ">M8[us]", "S0", "U0"),
]
DTYPES = [*map(np.dtype, SIMPLE), np.dtype(np.longdouble), np.dtype(np.clongdouble), *STRUCTURED]


def sample(dtype: np.dtype[Any], *shape: int) -> np.ndarray[Any, Any]:
    count = math.prod(shape)
    size = dtype.itemsize * count
    if dtype.kind == "U":
        return np.array(["aü", "😀"] * count, dtype=dtype)[:count].reshape(shape)
    raw = np.random.default_rng(0).integers(0, 2, size, dtype=np.uint8)
    array = np.zeros(shape, dtype=dtype)
    if size:
        array.reshape(-1).view(np.uint8)[:] = raw
    return array


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)], ids=str)
def test_every_dtype_and_shape_survives(
    roundtrip: Callable[[Any], Any], dtype: np.dtype[Any], shape: tuple[int, ...]
) -> None:
    back = roundtrip(sample(dtype, *shape))
    assert back.flags.writeable
    assert back.dtype.isalignedstruct == dtype.isalignedstruct
    assert back.dtype.fields == dtype.fields


def test_memory_order_survives_and_views_become_values(roundtrip: Callable[[Any], Any]) -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    assert roundtrip(array).flags.c_contiguous
    assert roundtrip(np.asfortranarray(array)).flags.f_contiguous
    assert roundtrip(array.T).flags.f_contiguous
    back = roundtrip(array[:, ::-2, 1:])
    assert back.flags.c_contiguous
    roundtrip(np.broadcast_to(np.array([1, 2]), (3, 2)))


def test_arrays_larger_than_a_batch_survive(roundtrip: Callable[[Any], Any]) -> None:
    roundtrip(np.asfortranarray(np.random.default_rng(0).random((1000, 1100))))


def test_subclasses_are_nobodys() -> None:
    backend = ArrayBackend(data_store=None, model_store=None)  # type: ignore[arg-type]
    assert backend.supports(np.array(5), "x")
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix([[1]])
    for other in (matrix, np.rec.array([(1,)]), np.ma.masked_array([1]), np.int64(1)):
        assert not backend.supports(other, "x")
