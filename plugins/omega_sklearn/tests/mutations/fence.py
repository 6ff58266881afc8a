"""Arrays with an inaccessible page on either side, so that reading past an end is a signal."""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

import numpy as np

_PAGE = mmap.PAGESIZE
_mprotect = ctypes.CDLL(None, use_errno=True).mprotect
_mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def fenced(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a copy that ends where a page ends, or the array itself if it has no plain memory."""
    if array.dtype.hasobject or array.dtype.itemsize == 0:
        return array
    pages = max(1, -(-array.nbytes // _PAGE))
    memory = mmap.mmap(-1, (pages + 2) * _PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for page in (0, pages + 1):
        if _mprotect(start + page * _PAGE, _PAGE, 0) != 0:
            raise OSError(ctypes.get_errno(), "mprotect")
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    copy: np.ndarray[Any, Any] = np.ndarray(
        array.shape,
        array.dtype,
        buffer=memory,
        offset=(pages + 1) * _PAGE - array.nbytes,
        order=order,
    )
    copy[...] = array
    return copy


def fence_loading() -> None:
    """Make `numpy.load` return fenced arrays, in this process."""
    load = np.load

    def load_fenced(*args: Any, **kwargs: Any) -> Any:
        loaded = load(*args, **kwargs)
        return fenced(loaded) if isinstance(loaded, np.ndarray) else loaded

    np.load = load_fenced
