"""The signal that a value would not come back equal, raised where it is noticed."""

from __future__ import annotations

from typing import Any

from omega_core.errors import UnsupportedValueError

_UNEQUAL = ", and would not come back equal"


class Unfaithful(Exception):  # noqa: N818  (a verdict on the user's value, not a failure of ours)
    """A value has no exact encoding.

    Raised where only the value is known; who knows the column and the object makes an error of it.

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

    def refusal(self, said: str, why: str = _UNEQUAL) -> UnsupportedValueError:
        """Return the error that people see; ``said`` begins it, with the object and the place."""
        return UnsupportedValueError(f"{said} {self.what}{why}. To store it, {self.remedy}.")


class Refused:
    """Within it, the verdict on a value is the error that people see: see `Unfaithful.refusal`."""

    def __init__(self, said: str, why: str = _UNEQUAL) -> None:
        self._said = said
        self._why = why

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Unfaithful):
            raise error.refusal(self._said, self._why) from None


def type_name(value: Any) -> str:
    """Return the qualified name of the type of ``value``, without ``builtins.``."""
    kind = type(value)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
