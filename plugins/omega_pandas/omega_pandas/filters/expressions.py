"""A filter that is a `pyarrow.compute.Expression`: evaluated as it is, over an Arrow table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset

from omega_core.errors import UnsupportedOptionError, UnsupportedValueError, suggestion

from ..encoding.statistics import Stats

_RESULT = "mask"
_REFUSALS = (pa.ArrowException, TypeError, ValueError, OverflowError, NotImplementedError)


class ExpressionPredicate:
    """Which rows an expression is true for; where it is null, it is not true.

    Columns are converted as `pyarrow.Table.from_pandas` does: NaN becomes null.

    Parameters
    ----------
    expression
        Refers to columns by names: their labels, which are strings.
    labels
        Of all columns of the frame.
    subject
        What errors call the frame.
    """

    def __init__(self, expression: Any, labels: Any, subject: str) -> None:
        self._expression = expression
        self._labels = labels
        # What an expression refers to is only told in its text, where names are as they are. A
        # name that is part of another, or of a value, costs a column that is not needed.
        text = str(expression)
        self._where = f"{subject}: filter {text}"
        if "FieldPath(" in text:
            raise UnsupportedOptionError(
                f"{self._where} refers to a column by its number. Use its name: "
                "pyarrow.compute.field('name')."
            )
        self.positions = [
            position
            for position, label in enumerate(labels)
            if isinstance(label, str) and label in text
        ]

    def mask(self, columns: Mapping[int, Any], rows: int) -> np.ndarray[Any, Any]:
        """Return which rows match.

        Raises
        ------
        UnsupportedOptionError
            An unknown or ambiguous column, or a result that is no truth value.
        UnsupportedValueError
            A column that Arrow cannot hold, or types that it cannot compare.
        """
        names: list[str] = []
        arrays: list[Any] = []
        failed: dict[str, Exception] = {}
        for position in self.positions:
            label = self._labels[position]
            try:
                arrays.append(pa.Array.from_pandas(pd.Series(columns[position])))
                names.append(label)
            except _REFUSALS as error:
                # It may not be referred to at all.
                failed[label] = error
        if not arrays:
            # Without a column, a table would have no rows.
            names, arrays = [_RESULT], [pa.nulls(rows)]
        try:
            result = self._evaluate(names, arrays)
        except _REFUSALS as error:
            raise self._explained(error, failed) from error
        if pa.types.is_null(result.type):
            return np.zeros(rows, dtype=bool)
        if not pa.types.is_boolean(result.type):
            raise UnsupportedOptionError(
                f"{self._where} gives {result.type}, not true or false. Compare it with a value."
            )
        mask = result.combine_chunks().fill_null(False).to_numpy(zero_copy_only=False)
        return np.asarray(mask, dtype=bool)

    def may_match(self, stats: Callable[[int], Stats | None]) -> bool:
        """Return True: an expression is not looked into."""
        return True

    def _evaluate(self, names: list[str], arrays: list[Any]) -> Any:
        try:
            return self._result(names, arrays)
        except _REFUSALS:
            # Objects of which all are missing here may be text elsewhere.
            if not any(pa.types.is_null(array.type) for array in arrays):
                raise
            texts = [a.cast(pa.string()) if pa.types.is_null(a.type) else a for a in arrays]
            return self._result(names, texts)

    def _result(self, names: list[str], arrays: list[Any]) -> Any:
        table = pa.Table.from_arrays(arrays, names=names)
        columns = {_RESULT: self._expression}
        return pa.dataset.dataset(table).to_table(columns=columns, use_threads=False)[_RESULT]

    def _explained(self, error: Exception, failed: dict[str, Exception]) -> Exception:
        text = str(error)
        _, _, after = text.partition("FieldRef.Name(")
        for label, reason in failed.items():
            if after.startswith(f"{label})"):
                return UnsupportedValueError(
                    f"{self._where}: Arrow cannot hold column {label!r}: {reason} Use Q."
                )
        name = after.partition(") in")[0]
        if text.startswith("No match"):
            known = [label for label in self._labels if isinstance(label, str)]
            return UnsupportedOptionError(
                f"{self._where}: there is no column {name!r}.{suggestion(name, known)}"
            )
        if text.startswith("Multiple matches"):
            return UnsupportedOptionError(
                f"{self._where}: there are several columns {name!r}. Filter by another one."
            )
        return UnsupportedValueError(f"{self._where}: {text}")
