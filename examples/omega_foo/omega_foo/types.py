"""The imaginary library: the objects that the plugin stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class FooRows(list[dict[str, Any]]):
    """Rows, each a dict."""


class FooFile(bytes):
    """The content of a file."""


class FooBlob(bytes):
    """A blob that is too large for the database."""


@dataclass
class FooMean:
    """Predicts the mean of what it was fitted on; None before that."""

    mean: float | None = None
