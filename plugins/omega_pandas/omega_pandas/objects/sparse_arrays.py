"""Sparse matrices and arrays of scipy: taken apart into arrays, and put together again.

The compiled code of scipy believes the arrays that it is given: an index out of bounds makes it
read and write memory that is not its own. So what does not fit together is neither stored nor made
a matrix of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from omega_core.errors import IntegrityError, StoreError

from ..values.numpy_dtypes import array_bytes, decode_dtype, empty_array, encode_dtype, memory_order
from ..values.unfaithful import Unfaithful
from .header import Header, Json, make_header
from .numpy_arrays import Array

try:
    import scipy.sparse
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "sparse matrices need scipy, which is not installed: pip install 'omega-pandas[scipy]'"
    ) from error

Arrays = dict[str, Array]

_PARTS = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data",),
    "dia": ("data", "offsets"),
}
_FORMATS = {
    getattr(scipy.sparse, f"{format_}_{kind}"): format_
    for format_ in _PARTS
    for kind in ("matrix", "array")
}
_CLASSES = {class_.__name__: class_ for class_ in _FORMATS}
_OTHERS = ("lil_matrix", "lil_array", "dok_matrix", "dok_array")
UNSTORED = tuple(getattr(scipy.sparse, name) for name in _OTHERS)
"""Of Python objects: for building a matrix, and not for keeping it."""

_DTYPES = frozenset(map(np.dtype, "?bBhHiIlLqQfdgFDG"))
"""Those that scipy computes with; older versions take others, and fail later."""

_FLAGS = ("_has_sorted_indices", "_has_canonical_format", "has_canonical_format")
_ATTRIBUTES = {"_shape", "maxprint", "coords", "row", "col", *_FLAGS}


class Misfit(Exception):  # noqa: N818  (a verdict; who knows the object makes an error of it)
    """The arrays of a matrix do not fit together."""


@dataclass(frozen=True)
class ArraySpec:
    """One of the arrays of a matrix, among the bytes that all of them are stored as.

    Attributes
    ----------
    start, stop
        Its first byte, and the one after its last.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: str
    start: int
    stop: int

    def filled(self, data: Any, rows: tuple[int, int] | None = None) -> Array:
        """Return the array of its bytes, or of those of some of its rows."""
        shape = self.shape if rows is None else (rows[1] - rows[0], *self.shape[1:])
        array_size = int(np.prod(shape, dtype=object)) * self.dtype.itemsize
        if len(data) != array_size:
            raise IntegrityError(f"The payload has {len(data)} bytes of {self.name}, not {shape}.")
        array, view = empty_array(self.dtype, shape, self.order)
        position = 0
        for chunk in data.chunks:
            view[position : position + len(chunk)] = chunk.to_numpy()
            position += len(chunk)
        return array

    def bytes_of(self, start: int, stop: int) -> tuple[int, int]:
        """Return where the rows ``start`` to ``stop`` of an array of one dimension are."""
        size = self.dtype.itemsize
        return self.start + start * size, self.start + stop * size


def is_sparse(obj: Any) -> bool:
    """Return whether an object is of one of scipy's own classes that can be stored."""
    return type(obj) in _FORMATS


def take_apart(matrix: Any) -> tuple[Header, Arrays]:
    """Return a header and the arrays of a matrix, which are not copied.

    Raises
    ------
    Unfaithful
        For what `put_together` would not make an equal matrix of.
    """
    format_ = _FORMATS[type(matrix)]
    own = vars(matrix)
    for name in own.keys() - _ATTRIBUTES - set(_PARTS[format_]):
        raise Unfaithful(f"has an attribute {name!r} of its own", f"delete it: del x.{name}")
    arrays: Arrays = {name: getattr(matrix, name) for name in _PARTS[format_]}
    if format_ == "coo":
        coords = matrix.coords if hasattr(matrix, "coords") else (matrix.row, matrix.col)
        arrays.update((f"coords{axis}", array) for axis, array in enumerate(coords))
    for name, array in arrays.items():
        if type(array) is not np.ndarray:
            raise Unfaithful(
                f"has a {type(array).__name__} for {name}", "make it a plain array of numpy"
            )
    header = make_header(
        "sparse",
        [],
        **{"class": type(matrix).__name__},
        shape=[int(length) for length in matrix.shape],
        flags={name: bool(own[name]) for name in _FLAGS if name in own},
    )
    try:
        put_together(header, arrays)
    except Misfit as error:
        raise Unfaithful(
            f"does not fit together: {error}", "build it again, for example with x.tocoo().tocsr()"
        ) from error
    return header, arrays


def put_together(header: Header, arrays: Mapping[str, Array]) -> Any:
    """Make the matrix of a header and its arrays, which are not copied.

    Raises
    ------
    Misfit
        Where using it could do harm, or would fail.
    """
    class_ = _CLASSES.get(header["class"])
    if class_ is None:
        raise Misfit(f"there is no class {header['class']!r}")
    format_ = _FORMATS[class_]
    shape = tuple(header["shape"])
    if not shape or not all(type(length) is int and 0 <= length < 2**63 for length in shape):
        raise Misfit(f"its shape is {shape}")
    data = arrays["data"]
    _is(data.dtype in _DTYPES, f"scipy does not compute with {data.dtype}")
    _CHECKS.get(format_, _check_compressed)(format_, shape, arrays)
    try:
        matrix = class_(shape, dtype=data.dtype, **_blocks(format_, data))
    except (TypeError, ValueError) as error:
        if len(shape) != 2:
            raise StoreError(
                f"A {class_.__name__} of {len(shape)} dimension(s) needs a newer scipy than "
                f"{scipy.__version__}: pip install -U scipy"
            ) from error
        raise Misfit(str(error)) from error
    if format_ == "coo":
        coords = tuple(arrays[f"coords{axis}"] for axis in range(len(shape)))
        if hasattr(matrix, "coords"):
            matrix.coords = coords
        else:
            matrix.row, matrix.col = coords
    for name in _PARTS[format_]:
        setattr(matrix, name, arrays[name])
    for name, value in header["flags"].items():
        if name in _FLAGS:
            vars(matrix)[name] = bool(value)
    return matrix


def _blocks(format_: str, data: Array) -> dict[str, Any]:
    return {"blocksize": data.shape[1:]} if format_ == "bsr" else {}


# --- whether it fits -----------------------------------------------------------------------------


def _check_compressed(format_: str, shape: tuple[int, ...], arrays: Mapping[str, Array]) -> None:
    """Look through the arrays of csr, csc and bsr."""
    data, indices, indptr = arrays["data"], arrays["indices"], arrays["indptr"]
    if len(shape) != 2 and (format_ != "csr" or len(shape) != 1):
        raise Misfit(f"its shape is {shape}")
    major, minor = shape if len(shape) == 2 else (1, shape[0])
    if format_ == "csc":
        major, minor = minor, major
    if format_ == "bsr":
        _is(data.ndim == 3 and 0 not in data.shape[1:], "its data are no blocks")
        height, width = data.shape[1:]
        _is(major % height == 0 and minor % width == 0, f"its blocks do not fill {shape}")
        major, minor = major // height, minor // width
    else:
        _is(data.ndim == 1, "its data have several dimensions")
    _check_index("indptr", indptr, shape)
    _check_index("indices", indices, shape)
    _is(len(indptr) == major + 1, f"indptr has {len(indptr)} entries, not {major + 1}")
    _is(bool(indptr[0] == 0 and (indptr[1:] >= indptr[:-1]).all()), "indptr does not ascend from 0")
    _is(
        int(indptr[-1]) == len(indices) == len(data),
        f"indptr tells of {int(indptr[-1])} entries, there are {len(indices)} indices and "
        f"{len(data)} values (x.prune() cuts off what is unused)",
    )
    _check_bounds("indices", indices, minor)


def _check_coordinates(format_: str, shape: tuple[int, ...], arrays: Mapping[str, Array]) -> None:
    data = arrays["data"]
    _is(data.ndim == 1, "its data have several dimensions")
    _is(len(arrays) == len(shape) + 1, f"it has {len(arrays) - 1} coordinates of {len(shape)}")
    for axis, length in enumerate(shape):
        name = f"coords{axis}"
        _check_index(name, arrays[name], shape)
        _is(len(arrays[name]) == len(data), f"{name} and data differ in length")
        _check_bounds(name, arrays[name], length)


def _check_diagonals(format_: str, shape: tuple[int, ...], arrays: Mapping[str, Array]) -> None:
    data, offsets = arrays["data"], arrays["offsets"]
    _is(len(shape) == 2, f"its shape is {shape}")
    _check_index("offsets", offsets, shape)
    _is(data.ndim == 2 and len(data) == len(offsets), "its data have no row for each offset")
    _is(len(np.unique(offsets)) == len(offsets), "two of its offsets are the same")
    least = -np.iinfo(offsets.dtype).max
    _is(not len(offsets) or int(offsets.min()) >= least, "an offset is out of bounds")


_CHECKS = {"coo": _check_coordinates, "dia": _check_diagonals}


def _check_index(name: str, array: Array, shape: tuple[int, ...]) -> None:
    fits = array.ndim == 1 and array.dtype in (np.int32, np.int64) and array.dtype.isnative
    _is(fits, f"{name} has the dtype {array.dtype} and {array.ndim} dimension(s)")
    _is(max(shape) <= np.iinfo(array.dtype).max, f"{name} is {array.dtype}, too narrow for {shape}")


def _check_bounds(name: str, array: Array, length: int) -> None:
    if len(array):
        low, high = int(array.min()), int(array.max())
        _is(low >= 0 and high < length, f"{name} goes from {low} to {high}, of {length}")


def _is(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Misfit(otherwise)


# --- as bytes ------------------------------------------------------------------------------------


def described(arrays: Mapping[str, Array]) -> list[Json]:
    """Return what `specs_of` needs to know of arrays whose bytes lie one after the other."""
    return [
        [name, encode_dtype(array.dtype), list(array.shape), memory_order(array)]
        for name, array in arrays.items()
    ]


def bytes_of(arrays: Mapping[str, Array]) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    """Return the bytes of each array, in its memory order."""
    return [array_bytes(array) for array in arrays.values()]


def specs_of(described: Json, size: int) -> dict[str, ArraySpec]:
    """Return where each array is among ``size`` bytes, by its name.

    Raises
    ------
    IntegrityError
        Where they would need more bytes, or fewer.
    """
    specs: dict[str, ArraySpec] = {}
    start = 0
    for name, dtype, shape, order in described:
        lengths = tuple(map(int, shape))
        if any(length < 0 for length in lengths):
            raise IntegrityError(f"The stored array {name!r} has the shape {lengths}.")
        decoded = decode_dtype(dtype)
        stop = start + int(np.prod(lengths, dtype=object)) * decoded.itemsize
        specs[name] = ArraySpec(name, decoded, lengths, order, start, stop)
        start = stop
    if start != size:
        raise IntegrityError(f"The payload has {size} bytes, and its arrays need {start}.")
    return specs
