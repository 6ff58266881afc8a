"""Which package to install for what. Only what we publish: of other names we know nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import suggestion

PACKAGES = {"pandas": "omega-pandas", "sklearn": "omega-sklearn", "s3": "omega-s3"}
"""The id of a plugin -> its package."""

LIBRARIES = {
    "pandas": "pandas",
    "numpy": "pandas",
    "pyarrow": "pandas",
    "polars": "pandas",
    "sklearn": "sklearn",
}
"""The top-level module of an object's class -> the id of the plugin that stores it."""


def installation(id_: str, writer: Mapping[str, Any] | None = None) -> str:
    """Return how to get a plugin, as a sentence; empty where nobody could know.

    Advice to install a package of a guessed name would send people to whoever registers it.

    Parameters
    ----------
    writer
        The plugin that wrote an object, as its metadata remembers it.
    """
    package = (writer or {}).get("distribution") or PACKAGES.get(id_)
    if package is not None:
        return f" Install it: pip install {package}"
    if writer is not None:
        return f" Install the package that provides the plugin {id_!r}."
    return suggestion(id_, PACKAGES)
