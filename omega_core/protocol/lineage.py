"""The record of what a model was fitted on, or a result was made of: one of the attributes.

It belongs to a payload. A put of another one ends it, and a restore brings it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LINEAGE = "lineage"
"""The attribute that holds the record."""

FORMAT = 2
"""Of records that keep labels as they are; the first had no number, and text for each."""

Record = dict[str, Any]


def recorded(attributes: Mapping[str, Any]) -> Record | None:
    """Return the record among the attributes of an object, if it has one.

    The attributes are the user's own, who may have put something else there.
    """
    found = attributes.get(LINEAGE)
    if not isinstance(found, dict) or not isinstance(found.get("X"), dict):
        return None
    return found if isinstance(found.get("action"), str) else None


def columns_at_fit(record: Record | None) -> tuple[list[Any] | None, bool]:
    """Return the labels of X at fit, where it was a frame, and whether they are kept as text."""
    if record is None:
        return None, False
    columns = record["X"].get("columns")
    return (columns if isinstance(columns, list) else None), record.get("format") is None
