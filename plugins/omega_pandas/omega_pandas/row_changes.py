"""Which rows differ between two versions of a frame, a series, an array or a sparse matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from omega_core import Change, RowChanges
from omega_core.errors import UnsupportedOptionError

from .values.python_scalars import python_scalar

Read = Any
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Places = np.ndarray[Any, np.dtype[np.intp]]

SAMPLE = 10
_CELLS = 8_000_000
"""Values of a version that are in memory at a time, unless one column has more."""


def frame_changes(one: Read, two: Read) -> list[RowChanges]:
    """Compare two stored frames, a few columns at a time.

    By position; and by index, where the labels are unique in both and do not say the same.
    """
    heads = one(columns=[]), two(columns=[])
    names = [_labels(one), _labels(two)]
    both = [label for label in names[0] if label in set(names[1])]
    if any(len(set(labels)) < len(labels) for labels in names):
        # By a label that is there twice, no column can be asked for.
        whole = one(), two()
        return _compared(heads, [whole], tuple(map(_Whole, whole)))
    wide = max(1, _CELLS // max(1, *(len(head) for head in heads)))
    groups = (both[start : start + wide] for start in range(0, len(both), wide))
    parts = ((one(columns=group), two(columns=group)) for group in groups)
    return _compared(heads, parts, (_Rows(one), _Rows(two)))


def series_changes(one: Any, two: Any) -> list[RowChanges]:
    """Compare two series, or two indexes."""
    frames = tuple(
        pd.DataFrame({"value": pd.Series(obj.array, dtype=obj.dtype)})
        if isinstance(obj, pd.Index) else obj.to_frame("value")
        for obj in (one, two)
    )  # fmt: skip
    heads = tuple(frame.iloc[:, :0] for frame in frames)
    return _compared(heads, [frames], tuple(map(_Whole, frames)))


def array_changes(one: Any, two: Any) -> list[RowChanges]:
    """Compare two arrays along their first dimension, if the others are the same."""
    if one.ndim == 0 or one.shape[1:] != two.shape[1:]:
        return []
    shared = min(len(one), len(two))
    changed = np.zeros(shared, bool)
    if shared:
        before, after = one[:shared], two[:shared]
        try:
            unlike: Any = np.asarray(before != after)
        except TypeError:
            return []  # numbers and text, say
        if before.dtype.kind in "fcmM" and after.dtype.kind in "fcmM":
            unlike = unlike & ~(np.isnan(before) & np.isnan(after))
        changed = unlike.reshape(shared, -1).any(axis=1)
    places = np.arange(shared)
    return [_counted("position", changed, places, places, len(one), len(two),
                     (_Items(one), _Items(two)))]  # fmt: skip


def sparse_changes(one: Any, two: Any) -> list[RowChanges]:
    """Compare two sparse matrices row by row, if they are as wide."""
    if one.ndim != 2 or two.ndim != 2 or one.shape[1] != two.shape[1]:
        return []
    one, two = one.tocsr(), two.tocsr()
    shared = min(one.shape[0], two.shape[0])
    unlike = (one[:shared] != two[:shared]).tocsr()
    changed = np.diff(unlike.indptr) > 0
    places = np.arange(shared)
    counts = one.shape[0], two.shape[0]
    return [_counted("position", changed, places, places, *counts, (_Untold(), _Untold()))]


class _Rows:
    """Rows of a stored frame, each read when it is asked for."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._whole: Any = None

    def __getitem__(self, place: int) -> dict[Any, Any]:
        if self._whole is None:
            try:
                return _values(self._read(rows=slice(place, place + 1)), 0)
            except UnsupportedOptionError:
                self._whole = self._read()  # a file is read whole
        return _values(self._whole, place)


class _Whole:
    """Rows of a frame in memory."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def __getitem__(self, place: int) -> dict[Any, Any]:
        return _values(self._frame, place)


class _Items:
    """Rows of an array."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __getitem__(self, place: int) -> Any:
        return self._array[place].tolist()


class _Untold:
    """Rows of what is better not written out."""

    def __getitem__(self, place: int) -> None:
        return None


def _values(frame: Any, place: int) -> dict[Any, Any]:
    """Return the values of a row by label, each as its column has it."""
    found: dict[Any, Any] = {}
    for position, label in enumerate(frame.columns):
        key = label if label not in found else f"{label} ({position})"
        found[key] = python_scalar(frame.iloc[:, position].array[place])
    return found


def _labels(read: Read) -> list[Any]:
    """Return the labels of the columns of a stored frame; reads as little as the kind allows."""
    try:
        return list(read(rows=slice(0, 0)).columns)
    except UnsupportedOptionError:
        return list(read().columns)


def _compared(heads: Sequence[Any], parts: Any, rows: Sequence[Any]) -> list[RowChanges]:
    """Compare parts of two frames, which come one after the other, each with all rows."""
    one, two = (head.index for head in heads)
    shared = min(len(one), len(two))
    ways = {"position": (np.arange(shared), np.arange(shared))}
    if _says_more(one, two):
        found = _matched(one, two)
        before = np.flatnonzero(found >= 0)
        ways["index"] = (before, found[before])
    changed: dict[str, Mask] = {by: np.zeros(len(at[0]), bool) for by, at in ways.items()}
    if len(ways) == 1 and not _numbered(one, two):
        # Of labels that match no rows, another one makes another row.
        left, right = (pd.Series([*index[:shared]], dtype=object).array for index in (one, two))
        changed["position"] |= differs(left, right)
    for part in parts:
        for before, after in _columns(*part):
            for by, (left, right) in ways.items():
                changed[by] |= differs(before.take(left), after.take(right))
    return [
        _counted(by, changed[by], *places, len(one), len(two), rows, one if by == "index" else None,
                 two if by == "index" else None)
        for by, places in ways.items()
    ]  # fmt: skip


def _says_more(one: Any, two: Any) -> bool:
    """Return whether rows can be matched by labels, with another outcome than by position."""
    if one.nlevels != two.nlevels or not (one.is_unique and two.is_unique):
        return False
    return not _numbered(one, two) and not (len(one) == len(two) and one.equals(two))


def _numbered(one: Any, two: Any) -> bool:
    """Return whether the labels of both say the position alone, and in the same way."""
    ranges = isinstance(one, pd.RangeIndex) and isinstance(two, pd.RangeIndex)
    return ranges and (one.start, one.step) == (two.start, two.step)


def _matched(one: Any, two: Any) -> Places:
    """Return where each label of an index is in another; -1 where it is not."""
    try:
        found: Places = two.get_indexer(one)
    except (TypeError, ValueError, pd.errors.InvalidIndexError):
        places = {label: place for place, label in enumerate(two.tolist())}
        found = np.array([places.get(label, -1) for label in one.tolist()], dtype=np.intp)
    return found


def _columns(before: Any, after: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the values of columns of one label; of those of several, in their order."""
    for label in dict.fromkeys(before.columns):
        left = np.flatnonzero(_is(before.columns, label))
        right = np.flatnonzero(_is(after.columns, label))
        for mine, theirs in zip(left, right, strict=False):
            yield before.iloc[:, mine].array, after.iloc[:, theirs].array


def _is(labels: Any, label: Any) -> list[bool]:
    return [_same(other, label) for other in labels]


def differs(before: Any, after: Any) -> Mask:
    """Return where two arrays of one length differ; what is missing in both is the same."""
    if before.dtype == after.dtype and not pd.api.types.is_object_dtype(before.dtype):
        try:
            missing = pd.isna(before), pd.isna(after)
            unlike = before != after
            if hasattr(unlike, "to_numpy"):
                unlike = unlike.to_numpy(dtype=bool, na_value=True)
            found: Mask = np.asarray(unlike, dtype=bool) & ~(missing[0] & missing[1])
            if pd.api.types.is_float_dtype(before.dtype) and not isinstance(before.dtype, np.dtype):
                # In an array with missing values aside, NaN is a value, and differs from itself.
                for place in np.flatnonzero(found).tolist():
                    found[place] = not _same(before[place], after[place])
            return found
        except (TypeError, ValueError, NotImplementedError, AttributeError):
            pass  # nested values, say, which pandas does not compare at once
    pairs = zip(before.tolist(), after.tolist(), strict=True)
    return np.fromiter((not _same(*pair) for pair in pairs), bool, len(before))


def _same(one: Any, two: Any) -> bool:
    if one is two:
        return True
    if isinstance(one, np.ndarray) or isinstance(two, np.ndarray):
        return (
            type(one) is type(two)
            and one.dtype == two.dtype
            and one.shape == two.shape
            and all(map(_same, one.ravel().tolist(), two.ravel().tolist()))
        )
    if isinstance(one, list | tuple) and isinstance(two, list | tuple):
        return type(one) is type(two) and len(one) == len(two) and all(map(_same, one, two))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_same(one[key], two[key]) for key in one)
    if pd.api.types.is_scalar(one) and pd.api.types.is_scalar(two):
        gone = pd.isna(one), pd.isna(two)
        if any(gone):
            return all(gone)
    try:
        return bool(one == two)
    except (TypeError, ValueError):
        return False


def _counted(
    by: str,
    changed: Mask,
    left: Places,
    right: Places,
    before: int,
    after: int,
    rows: Sequence[Any],
    one: Any = None,
    two: Any = None,
) -> RowChanges:
    """Count the rows, and read some of those that differ.

    Parameters
    ----------
    left, right
        The places of matched rows in the first version and in the second.
    before, after
        How many rows each has.
    rows
        Of each, what gives the row at a place.
    one, two
        The indexes that say what a row is called; by default by its place.
    """
    at = np.flatnonzero(changed)
    removed = _others(before, left)
    added = _others(after, right)
    sample = [
        *(
            _changed(_called(one, left[n]), rows[0][int(left[n])], rows[1][int(right[n])])
            for n in at[:SAMPLE].tolist()
        ),
        *(Change(_called(one, n), "removed", before=rows[0][n]) for n in removed[:SAMPLE].tolist()),
        *(Change(_called(two, n), "added", after=rows[1][n]) for n in added[:SAMPLE].tolist()),
    ]
    return RowChanges(by, len(added), len(removed), len(at), len(left) - len(at), tuple(sample))


def _others(count: int, matched: Places) -> Places:
    """Return the places of the rows that were not matched."""
    free = np.ones(count, bool)
    free[matched] = False
    return np.flatnonzero(free)


def _called(index: Any, place: Any) -> Any:
    return int(place) if index is None else python_scalar(index[int(place)])


def _changed(at: Any, before: Any, after: Any) -> Change:
    """Return a change of a row, of a frame with the values alone that differ."""
    if isinstance(before, dict):
        kept = [k for k in before if k in after and not _same(before[k], after[k])]
        before, after = ({key: row[key] for key in kept} for row in (before, after))
    return Change(at, "changed", before, after)
