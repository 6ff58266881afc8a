"""The signal that a value would not come back equal, raised where it is noticed."""

from __future__ import annotations

from typing import Any


class Unfaithful(Exception):  # noqa: N818  (a verdict on the user's value, not a failure of ours)
    """A value has no exact encoding.

    Raised deep in the codec, where only the value is known; `objects` adds the column and the
    object, and raises `omega_core.errors.UnsupportedValueError`.

    Parameters
    ----------
    what
        What was found, such as ``"row 5 holds a shapely.Point"``.
    remedy
        What the user can do about it.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def within(self, place: str) -> Unfaithful:
        """Return the same verdict, with the place it was found at in front."""
        return Unfaithful(f"{place} {self.what}", self.remedy)


def type_name(value: Any) -> str:
    """Return the qualified name of the type of ``value``, without ``builtins.``."""
    kind = type(value)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
