"""The round trip through bytes, and the check that nothing was lost, as fixtures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .equality import same
from .payloads import from_bytes, to_bytes


@pytest.fixture(scope="session")
def encode() -> Callable[[Any], bytes]:
    """Return the function that makes the payload of an object."""
    return to_bytes


@pytest.fixture(scope="session")
def decode() -> Callable[..., Any]:
    """Return the function that makes the object of a payload."""
    return from_bytes


@pytest.fixture(scope="session")
def assert_same() -> Callable[[Any, Any], None]:
    """Return the check that two objects are equal in everything."""
    return same


@pytest.fixture(scope="session")
def roundtrip() -> Callable[[Any], Any]:
    """Return the function that stores an object, checks what comes back, and returns it."""

    def check(obj: Any) -> Any:
        before = obj.copy(deep=True) if hasattr(obj, "attrs") else obj.copy()
        back = from_bytes(to_bytes(obj))
        same(before, obj)
        same(obj, back)
        return back

    return check
