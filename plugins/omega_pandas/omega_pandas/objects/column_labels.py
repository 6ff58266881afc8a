"""Which columns of a frame are meant by their labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from omega_core.errors import UnsupportedOptionError, suggestion

from ..columns.header_arrays import Parts
from ..columns.index import decode_index
from .header import Header, intact


def field_names(names: Iterable[str], positions: list[int]) -> list[str]:
    """Return the names of the fields of a table that the columns at ``positions`` need."""
    wanted = {f"c{position}" for position in positions}
    return [name for name in names if not name.startswith("c") or name in wanted]


def select(header: Header, columns: Any, subject: str, labels: Any = None) -> tuple[list[int], Any]:
    """Return positions and labels of the columns asked for, in the order asked for.

    Parameters
    ----------
    labels
        All labels, where they are decoded already.

    Raises
    ------
    UnsupportedOptionError
        For a column that the frame does not have, with the closest one that it has.
    """
    if labels is None:
        with intact():
            labels = decode_index(header["labels"], Parts(sides=header["sides"]))
    if columns is None:
        return list(range(len(labels))), labels
    if isinstance(columns, str | bytes) or not pd.api.types.is_list_like(columns):
        raise UnsupportedOptionError(
            f"columns= takes a list of labels, not {columns!r}. Ask {subject} for [{columns!r}]."
        )
    positions = asked_positions(columns, labels, subject)
    return positions, labels.take(positions)


def asked_positions(columns: Iterable[Any], labels: Any, subject: str) -> list[int]:
    """Return the positions of the columns of these labels, of which none may be unknown."""
    positions: list[int] = []
    for label in columns:
        found = positions_of(labels, label)
        if not found:
            raise no_column(subject, label, labels, suggestion(str(label), labels))
        positions.extend(found)
    return positions


def positions_of(labels: Any, label: Any) -> list[int]:
    """Return the positions of all columns of one label."""
    try:
        found = labels.get_loc(label)
    except (KeyError, TypeError, ValueError, pd.errors.InvalidIndexError):
        return []
    if isinstance(found, slice):
        return list(range(len(labels)))[found]
    if isinstance(found, int | np.integer):
        return [int(found)]
    return [int(position) for position in np.flatnonzero(found)]


def no_column(subject: str, label: Any, labels: Any, advice: str) -> UnsupportedOptionError:
    """Return the error for a label that no column has."""
    return UnsupportedOptionError(
        f"{subject} has no column {label!r}.{advice} It has {len(labels)}: "
        f"{', '.join(map(repr, labels[:10]))}{', ...' if len(labels) > 10 else ''}."
    )
