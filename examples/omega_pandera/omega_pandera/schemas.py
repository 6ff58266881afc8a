"""Schemas, by what the configuration says of them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from omega_core.errors import ConfigError

from . import FILES


def load(schema: str, pattern: str, source: str | None) -> Any:
    """Return a schema: of a module that can be imported, or of a file.

    Each time anew, so that a file that was changed is the one that counts. A module that the
    configuration names is imported, and runs, as its user wants; nobody but who writes the
    configuration can name one. A file runs nothing: it has the checks that pandera knows by name.

    Raises
    ------
    ConfigError
        It is not there, or no schema.
    """
    where = f"[plugins.pandera] schemas, {pattern!r} = {schema!r}:"
    try:
        found = _from_file(schema, source) if schema.endswith(FILES) else _from_module(schema)
    except Exception as exc:
        # Whatever a module, or a parser, raises: nothing may be stored unseen.
        raise ConfigError(f"{where} it cannot be loaded: {type(exc).__name__}: {exc}") from exc
    if not callable(getattr(found, "validate", None)):
        raise ConfigError(f"{where} it is a {type(found).__name__}, which cannot validate.")
    return found


def _from_module(schema: str) -> Any:
    module, _, names = schema.partition(":")
    found: Any = importlib.import_module(module)
    for name in names.split("."):
        found = getattr(found, name)
    return found


def _from_file(schema: str, source: str | None) -> Any:
    import yaml
    from pandera.pandas import DataFrameSchema

    base = Path() if source in (None, "mapping") else Path(str(source)).parent
    text = (base / Path(schema).expanduser()).read_text(encoding="utf-8")
    document = yaml.safe_load(text)  # which JSON is, too
    if not isinstance(document, dict) or document.get("schema_type") != "dataframe":
        # pandera takes it for a schema that asks nothing.
        raise ValueError("it does not say schema_type: dataframe")
    return DataFrameSchema.from_yaml(text)
