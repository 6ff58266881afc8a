"""What to do about a plugin that is missing, disabled or broken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..config import Config
from ..errors import suggestion

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?\Z")
"""The name of a package, which has no room for options of pip."""

PACKAGES = {
    id_: f"omega-{id_}" for id_ in ("pandas", "sklearn", "s3", "dask", "celery", "notebook")
}
"""The id of a plugin -> its package. Only what we publish: of other names we know nothing."""

LIBRARIES = {
    "pandas": "pandas",
    "numpy": "pandas",
    "pyarrow": "pandas",
    "polars": "pandas",
    "scipy": "pandas",
    "sklearn": "sklearn",
    "nbformat": "notebook",
}
"""The top-level module of an object's class -> the id of the plugin that stores it."""


SUFFIXES = {
    **dict.fromkeys((".csv", ".parquet", ".pq", ".feather", ".arrow"), "pandas"),
    **dict.fromkeys((".jsonl", ".ndjson"), "pandas"),
    **dict.fromkeys((".skops", ".joblib"), "sklearn"),
}
"""The suffix of a file -> the id of the plugin that reads and writes it."""


def installation(id_: str, writer: Mapping[str, Any] | None = None) -> str:
    """Return how to get a plugin, as a sentence; empty where nobody could know.

    Advice to install a package of a guessed name would send people to whoever registers it.

    Parameters
    ----------
    writer
        The plugin that wrote an object, as its metadata remembers it.
    """
    package = PACKAGES.get(id_)
    if package is not None:
        return f" Install it: pip install {package}"
    if writer is not None:
        # Told, and not advised: whoever writes to the database says what stands there.
        wrote = str(writer.get("distribution", ""))
        of = f" The object says that it is of the package {wrote!r}." if _NAME.match(wrote) else ""
        return f" Install the package that provides the plugin {id_!r}, if you trust it.{of}"
    return suggestion(id_, PACKAGES)


def enabling(config: Config, id_: str) -> str:
    """Return how to enable a plugin where the configuration in force comes from."""
    edits = []
    if id_ in config.plugins.disabled:
        edits.append(("disabled", f"take {id_!r} out of disabled"))
    if config.plugins.enabled is not None and id_ not in config.plugins.enabled:
        edits.append(("enabled", f"add {id_!r} to enabled"))
    return _change(config, f"omega plugins enable {id_}", edits)


def disabling(config: Config, id_: str) -> str:
    """Return how to disable a plugin where the configuration in force comes from."""
    return _change(
        config, f"omega plugins disable {id_}", [("disabled", f"add {id_!r} to disabled")]
    )


def _change(config: Config, command: str, edits: list[tuple[str, str]]) -> str:
    """Return the command that edits the file, or the edits where it is not a file that says so."""
    keys = [key for key, _ in edits]
    places = {config.origin.override(("plugins", key)) for key in keys} - {None}
    if config.source == "mapping":
        places.add(config.origin.label)
    if not places:
        return command if config.source is None else f"{command} (in {config.source})"
    where = " and ".join(sorted(map(str, places)))
    return f"{' and '.join(edit for _, edit in edits)} in [plugins] ({where})"
