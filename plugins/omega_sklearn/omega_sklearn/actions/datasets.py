"""The datasets that an estimator is given: read at one version, described for the lineage."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from omega_core.errors import ColumnMismatchError

if TYPE_CHECKING:
    from omega_core import Metadata, Store


@dataclass(frozen=True)
class Dataset:
    """A dataset, and the metadata of the version that it was read from."""

    value: Any
    meta: Metadata

    @classmethod
    def read(cls, store: Store, name: str) -> Self:
        """Read the current version, and no other one even if it is replaced meanwhile."""
        meta = store.metadata(name)
        if meta is None:
            raise store.not_found(name)
        return cls(store.get(name, version=meta.version), meta)

    @property
    def columns(self) -> list[str] | None:
        """The labels of the columns as text; None where there are none."""
        if is_frame(self.value):
            return [str(label) for label in self.value.columns]
        if is_series(self.value) and self.value.name is not None:
            return [str(self.value.name)]
        return None

    def describe(self) -> dict[str, Any]:
        """Return what the lineage says about the dataset."""
        if is_frame(self.value):
            dtypes = [str(dtype) for dtype in self.value.dtypes]
        elif hasattr(self.value, "dtype"):
            dtypes = [str(self.value.dtype)]
        else:
            dtypes = None
        shape = getattr(self.value, "shape", None)
        return {
            **identity(self.meta),
            "rows": int(shape[0]) if shape else _length(self.value),
            "columns": self.columns,
            "dtypes": dtypes,
        }

    def target(self) -> Any:
        """Return the dataset as y: of one dimension where it has but one column."""
        value = self.value
        if is_frame(value):
            return value.iloc[:, 0] if value.shape[1] == 1 else value
        if isinstance(value, np.ndarray) and value.ndim == 2 and value.shape[1] == 1:
            return value.ravel()
        return value

    def check_columns(self, expected: Sequence[str] | None, model: str) -> None:
        """Raise `ColumnMismatchError` unless a frame has the columns of the fit, in their order."""
        if expected is None or not is_frame(self.value):
            return
        columns = self.columns or []
        if columns == list(expected):
            return
        missing = list((Counter(expected) - Counter(columns)).elements())
        extra = list((Counter(columns) - Counter(expected)).elements())
        problems = []
        if missing:
            problems.append(f"missing: {', '.join(map(repr, missing))}")
        if extra:
            problems.append(f"extra: {', '.join(map(repr, extra))}")
        if not problems:
            order = ", ".join(map(repr, expected))
            problems.append(f"the same columns in another order; at fit it was {order}")
        raise ColumnMismatchError(
            f"The columns of dataset {self.meta.name!r} are not those that model {model!r} was "
            f"fitted on: {'; '.join(problems)}. Select the columns of the fit and store the "
            "dataset again, or fit the model on this one."
        )


def identity(meta: Metadata) -> dict[str, Any]:
    """Return what the lineage calls a version of an object by."""
    return {key: getattr(meta, key) for key in ("name", "bucket", "version", "rev", "gen")}


def is_frame(value: object) -> bool:
    """Return whether this is a pandas DataFrame, without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def is_series(value: object) -> bool:
    """Return whether this is a pandas Series, without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.Series)


def fitted_columns(model: Any, lineage: Mapping[str, Any] | None) -> list[str] | None:
    """Return the columns of the frame that a model was fitted on; None where it was no frame.

    By the lineage; or, for a model that was fitted before it was stored, by what scikit-learn
    remembers.
    """
    if lineage is not None:
        columns = lineage["X"]["columns"]
        return list(columns) if columns is not None else None
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def _length(value: Any) -> int | None:
    return len(value) if hasattr(value, "__len__") else None
