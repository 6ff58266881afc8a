"""The columns of a dataset: what a value shows of them, and whether they are those of a fit.

Nothing is imported to look at a value: a frame is whatever shows its columns as the frames of
pandas, polars or Arrow do, or as a frame that is read when it is asked.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from .errors import ColumnMismatchError

log = logging.getLogger("omega_core")

T = TypeVar("T")

Description = dict[str, Any]

UNKNOWN: Description = {"rows": None, "columns": None, "dtypes": None}
"""Of a value that nobody saw."""

_KEPT = (str, int, bool, float, type(None))
_TEXT = {str}


def describe(value: Any, *, count: bool = True) -> Description:
    """Return ``rows``, ``columns`` and ``dtypes`` of a value, None for each that it does not show.

    Parameters
    ----------
    count
        Whether the rows may be counted, where that means to read them.
    """
    try:
        return {
            "rows": _rows(value) if count else None,
            "columns": _labels_of_any(value),
            "dtypes": _dtypes(value),
        }
    except Exception as exc:
        # Whatever it is, it is its reader's to understand, and none of this may stop that.
        log.warning(
            "Of a %s, neither rows nor columns are recorded: %r.", type(value).__name__, exc
        )
        return dict(UNKNOWN)


def label_of(label: Any) -> Any:
    """Return a label as the lineage keeps it: as it is, where that comes back the same."""
    if isinstance(label, tuple):
        return tuple(map(label_of, label))
    if not isinstance(label, _KEPT) and hasattr(label, "dtype") and hasattr(label, "item"):
        label = label.item()
    if type(label) in _KEPT and label == label:
        return label
    return str(label)


def columns_of(value: Any) -> list[Any] | None:
    """Return the labels of the columns of a frame; None where the value is no frame."""
    try:
        labels = _frame_labels(value)
    except Exception as exc:
        log.warning(
            "The columns of a %s cannot be told, and are not checked: %r.",
            type(value).__name__,
            exc,
        )
        return None
    return None if labels is None else _kept(labels)


def check_columns(
    value: T,
    expected: Sequence[Any] | None,
    *,
    dataset: str,
    model: str,
    by_name: bool = False,
    as_text: bool = False,
) -> T:
    """Return a frame whose columns are those of the fit, in their order.

    Parameters
    ----------
    value
        What a model is about to be given. Anything but a frame is returned as it is.
    expected
        The labels at fit; None where they are not known, and nothing can be checked.
    dataset, model
        The names of both, for the error.
    by_name
        Put columns that are merely in another order into that of the fit, instead of refusing them.
    as_text
        Compare the labels as text, which is how lineages of the first format keep them.

    Raises
    ------
    ColumnMismatchError
        Says which columns are missing, extra, or that they are in another order.
    """
    found = columns_of(value)
    if expected is None or found is None:
        return value
    if as_text:
        found = [str(label) for label in found]
    if found == [*expected] and set(map(type, found)) <= _TEXT:
        return value  # soon said, also of thousands of columns
    wanted, given = _exact(expected), _exact(found)
    if given == wanted:
        return value
    missing = [*(Counter(wanted) - Counter(given)).elements()]
    extra = [*(Counter(given) - Counter(wanted)).elements()]
    if not missing and not extra and by_name and len(set(given)) == len(given):
        return cast(T, _taken(value, [given.index(label) for label in wanted]))
    problems = [
        f"{what}: {', '.join(repr(label) for _, label in labels)}"
        for what, labels in (("missing", missing), ("extra", extra))
        if labels
    ]
    if not problems:
        order = ", ".join(map(repr, expected))
        problems.append(f"the same columns in another order; at fit it was {order}")
    raise ColumnMismatchError(
        f"The columns of dataset {dataset!r} are not those that model {model!r} was fitted on: "
        f"{'; '.join(problems)}. Select the columns of the fit and store the dataset again, or "
        "fit the model on this one."
    )


def _kept(labels: list[Any]) -> list[Any]:
    return labels if set(map(type, labels)) <= _TEXT else [label_of(label) for label in labels]


def _exact(labels: Sequence[Any]) -> list[tuple[str, Any]]:
    """Return labels such that 1, 1.0, True and "1" are four."""
    return [(_types(label), label) for label in map(label_of, labels)]


def _types(label: Any) -> str:
    if isinstance(label, tuple):
        return f"({', '.join(map(_types, label))})"
    return type(label).__name__


def _taken(value: Any, positions: list[int]) -> Any:
    if hasattr(value, "iloc"):
        return value.iloc[:, positions]
    labels = _frame_labels(value)
    assert labels is not None
    return value.select([labels[position] for position in positions])


def _frame_labels(value: Any) -> list[Any] | None:
    """Return the labels of a frame; those of Arrow, of a lazy one, and of the others, in turn."""
    # A series shows its items as attributes, whatever they are called.
    if len(getattr(value, "shape", ("rows", "columns"))) != 2:
        return None
    for labels in (getattr(value, "column_names", None), getattr(value, "schema", None)):
        if isinstance(labels, (list, tuple, Mapping)):
            return [*labels]
    labels = getattr(value, "columns", None)
    if labels is None or not hasattr(value, "shape") or not hasattr(value, "dtypes"):
        return None
    return [*labels]


def _labels_of_any(value: Any) -> list[Any] | None:
    labels = columns_of(value)
    if labels is None and hasattr(value, "dtype") and getattr(value, "name", None) is not None:
        return [label_of(value.name)]  # a series
    return labels


def _dtypes(value: Any) -> list[str] | None:
    if _frame_labels(value) is None:
        return [str(value.dtype)] if hasattr(value, "dtype") else None
    schema: Any = getattr(value, "schema", None)
    if isinstance(schema, Mapping):
        dtypes = schema.values()
    else:
        # Of Arrow; a frame of pandas has no such list, even if a column is called so.
        arrow = isinstance(getattr(value, "column_names", None), list)
        dtypes = schema.types if arrow else value.dtypes
    return [str(dtype) for dtype in dtypes]


def _rows(value: Any) -> int | None:
    shape = getattr(value, "shape", None)
    if shape:
        return int(shape[0])
    return len(value) if hasattr(value, "__len__") else None
