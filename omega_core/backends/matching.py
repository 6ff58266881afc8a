"""Whether a mapping meets a condition, as Python and pandas compare values.

A missing key, None and NaN are null: no comparison holds for them but ``ne``, ``nin`` and
``isnull``. Values that cannot be ordered, such as a string and a number, do not match.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from ..query import Comparison, Condition, Every, Not, is_null

_ORDERED: dict[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "contains": operator.contains,
    "startswith": str.startswith,
    "endswith": str.endswith,
}


def matches(condition: Condition, item: Mapping[Any, Any]) -> bool:
    """Return whether an item meets a condition."""
    if isinstance(condition, Comparison):
        return _compare(item.get(condition.label), condition.operator, condition.value)
    if isinstance(condition, Not):
        return not matches(condition.part, item)
    combine = all if isinstance(condition, Every) else any
    return combine(matches(part, item) for part in condition.parts)


def _compare(found: Any, name: str, value: Any) -> bool:
    if name == "isnull":
        return is_null(found) is value
    if name in ("ne", "nin"):
        return not _compare(found, "eq" if name == "ne" else "in", value)
    if name == "in":
        if is_null(found):
            return any(map(is_null, value))
        return any(not is_null(one) and found == one for one in value)
    if is_null(found):
        return False
    if name == "eq":
        return bool(found == value)
    if name in _TEXT:
        return isinstance(found, str) and _TEXT[name](found, value)
    if name == "between":
        low, high = value
        return _compare(found, "gte", low) and _compare(found, "lte", high)
    try:
        return bool(_ORDERED[name](found, value))
    except TypeError:
        return False
