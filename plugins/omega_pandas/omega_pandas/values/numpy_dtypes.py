"""numpy dtypes as JSON, and the raw bytes of arrays.

Nothing is evaluated on the way back: a simple dtype must match a pattern, and a structured one
is spelt out field by field.
"""

from __future__ import annotations

import functools
import re
from typing import Any, Literal

import numpy as np

from omega_core.errors import IntegrityError

from .unfaithful import Unfaithful

Json = Any
_SIMPLE = re.compile(
    r"[<>|=](b1|[iufc]\d{1,2}|[mM]8(\[\d*(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?|[SUV]\d+)"
)
_RAW = "store it as raw bytes (tobytes), or convert it with astype"


def encode_dtype(dtype: np.dtype[Any]) -> Json:
    """Return a JSON description from which `decode_dtype` makes an equal dtype."""
    if dtype.metadata:
        raise Unfaithful(
            f"has the dtype {dtype} with metadata attached, which is not stored",
            "drop the metadata of the dtype first, with astype",
        )
    if dtype.hasobject:
        raise Unfaithful(
            f"has the dtype {dtype}, which holds Python objects",
            "convert it with astype to a dtype of fixed size",
        )
    if dtype.names is not None:
        fields = dtype.fields
        assert fields is not None
        entries = []
        for name in dtype.names:
            field = fields[name]
            title = field[2] if len(field) > 2 else None
            if title is not None and not isinstance(title, str):
                raise Unfaithful(f"has a field {name!r} with a title that is not text", _RAW)
            entries.append([name, encode_dtype(field[0]), field[1], title])
        spec: Json = {"fields": entries, "size": dtype.itemsize, "aligned": dtype.isalignedstruct}
    elif dtype.subdtype is not None:
        spec = {"base": encode_dtype(dtype.subdtype[0]), "shape": list(dtype.subdtype[1])}
    elif dtype.type in (np.longdouble, np.clongdouble):
        spec = {"long": dtype.str, "format": _longdouble_format()}
    else:
        spec = dtype.str
    try:
        same = decode_dtype(spec)
    except IntegrityError:
        same = None
    # A dtype of another package, such as bfloat16, calls itself void.
    if same is None or same != dtype or same.type is not dtype.type:
        raise Unfaithful(f"has the dtype {dtype}, which numpy cannot restore", _RAW)
    return spec


def decode_dtype(spec: Json) -> np.dtype[Any]:
    """Make the dtype of a description; anything unknown is an `IntegrityError`."""
    if isinstance(spec, str):
        return _decode_simple(spec)
    if isinstance(spec, dict):
        if "fields" in spec:
            entries = spec["fields"]
            titles = [title for _, _, _, title in entries]
            layout: dict[str, Any] = {
                "names": [name for name, _, _, _ in entries],
                "formats": [decode_dtype(inner) for _, inner, _, _ in entries],
                "offsets": [offset for _, _, offset, _ in entries],
                "itemsize": spec["size"],
            }
            if any(title is not None for title in titles):
                layout["titles"] = titles
            structured: np.dtype[Any] = np.dtype(layout, bool(spec["aligned"]))  # type: ignore[call-overload]
            return structured
        if "base" in spec:
            return np.dtype((decode_dtype(spec["base"]), tuple(spec["shape"])))
        if "long" in spec:
            return _decode_longdouble(spec)
    raise IntegrityError(f"The stored dtype {spec!r} is not understood by this omega-pandas.")


@functools.lru_cache(maxsize=256)
def _decode_simple(spec: str) -> np.dtype[Any]:
    # Remembered, since a frame may have thousands of columns of one dtype.
    if not _SIMPLE.fullmatch(spec):
        raise IntegrityError(f"The stored dtype {spec!r} is not one of numpy's.")
    return np.dtype(spec)


def _longdouble_format() -> list[int]:
    # 80-bit x86, 128-bit IEEE and double-double share a width and not a meaning.
    info = np.finfo(np.longdouble)
    return [np.dtype(np.longdouble).itemsize, int(info.nmant), int(info.maxexp)]


def _decode_longdouble(spec: Json) -> np.dtype[Any]:
    if spec["format"] != _longdouble_format():
        raise IntegrityError(
            f"The object holds long doubles of the format {spec['format']} "
            f"(bytes, mantissa bits, exponent), and this machine has {_longdouble_format()}. "
            "Read it on the kind of machine that wrote it, and store it as float64."
        )
    if not re.fullmatch(r"[<>|=][fc]\d{1,2}", str(spec["long"])):
        raise IntegrityError(f"The stored dtype {spec!r} is not one of numpy's.")
    return np.dtype(str(spec["long"]))


def memory_order(array: np.ndarray[Any, Any]) -> Literal["C", "F"]:
    """Return the order in which the values of ``array`` are written: its own, if it has one."""
    flags = array.flags
    return "F" if flags.f_contiguous and not flags.c_contiguous else "C"


def array_bytes(array: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the values of ``array`` in its memory order, as a flat view of bytes."""
    if array.nbytes == 0:
        return np.empty(0, dtype=np.uint8)
    flat = array.reshape(-1, order=memory_order(array))
    return np.ascontiguousarray(flat).view(np.uint8)


def empty_array(
    dtype: np.dtype[Any], shape: tuple[int, ...], order: str
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, np.dtype[np.uint8]]]:
    """Return a writable array, and the flat view of its bytes to be filled in."""
    if order not in ("C", "F"):
        raise IntegrityError(f"The stored memory order {order!r} is neither C nor F.")
    array: np.ndarray[Any, Any] = np.zeros(shape, dtype=dtype, order=order)  # type: ignore[call-overload]
    if array.nbytes == 0:
        return array, np.empty(0, dtype=np.uint8)
    return array, array.reshape(-1, order=order).view(np.uint8)  # type: ignore[call-overload]
