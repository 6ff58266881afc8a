"""The columns of a table as its metadata lists them: the first hundred, by their `repr`."""

from __future__ import annotations

import ast
import contextlib
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from omega_core import ColumnSummary

if TYPE_CHECKING:
    from omega_core import Metadata, Summary

_DETAILS = ("class", "shape", "dtype", "entries", "file")


def described_file(summary: Summary, meta: Metadata) -> Summary:
    """Return what the metadata of a table in a file at a URI tell of it."""
    told = meta.kind_meta
    details = {**{key: told[key] for key in _DETAILS if key in told}, **listing_note(told)}
    return replace(summary, rows=told.get("rows"), columns=listed_columns(told), details=details)


def described_array(summary: Summary, meta: Metadata) -> Summary:
    """Return what the metadata of an array, or of a sparse matrix, tell of it."""
    told = meta.kind_meta
    shape, dtype = told.get("shape") or [], told.get("dtype")
    details = {key: told[key] for key in _DETAILS if key in told}
    cells = math.prod(shape)
    if "entries" in told:
        details["density"] = told["entries"] / cells if cells else 0.0
    elif isinstance(dtype, str):
        # Of a structured dtype, numpy's text is none that numpy reads.
        with contextlib.suppress(TypeError, ValueError, SyntaxError):
            details["bytes in memory"] = cells * np.dtype(dtype).itemsize
    return replace(summary, rows=shape[0] if shape else None, details=details)


def listed_columns(kind_meta: Mapping[str, Any]) -> tuple[ColumnSummary, ...]:
    """Return the columns that `kind_meta.listing` noted, of which it knows the dtypes alone."""
    dtypes = kind_meta.get("dtypes") or {}
    return tuple(ColumnSummary(_label(text), dtype) for text, dtype in dtypes.items())


def listing_note(kind_meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to say where there are more columns than are listed."""
    count, listed = kind_meta.get("columns"), len(kind_meta.get("dtypes") or {})
    if not isinstance(count, int) or count <= listed:
        return {}
    return {"columns": f"the first {listed} of {count:,}"}


def _label(text: str) -> Any:
    """Return the label whose `repr` was noted, where that is text or a number; else the `repr`."""
    try:
        label = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return label if isinstance(label, str | int | float) else text
