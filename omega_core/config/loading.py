"""Loading: a file, environment variables and arguments become one `Config`."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError, ConfigWarning, suggestion
from ..secret import redact_text
from .config import SECTIONS, Config, copied
from .file import find_file, read_file, require_file
from .origin import KeyPath, Origin, override_key
from .schema import EnvText, build, found, unknown_key
from .sections import PluginsConfig

PLUGINS = "plugins"

Override = tuple[KeyPath, str, str]
"""A setting, its value, and the words for what sets it."""


def load_config(
    config: str | os.PathLike[str] | Mapping[str, Any] | Config | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    url: str | None = None,
    bucket: str | None = None,
) -> Config:
    """Return the configuration: file, then environment variables, then arguments.

    Parameters
    ----------
    config
        A path or a mapping, instead of the file that is searched for: ``$OMEGA_CONFIG``, else
        ``omega.toml`` in the working directory or above, else ``[tool.omega]`` in
        ``pyproject.toml`` there, else ``omega.toml`` in the user's configuration directory. Or a
        `Config`, to which only the arguments are applied.
    environ
        Instead of `os.environ`. ``OMEGA_<SECTION>__<KEY>`` sets one key.
    url, bucket
        Win over everything.

    Raises
    ------
    ConfigError
        A missing file, invalid TOML, an unknown section or key, a wrong type.
    """
    environ = os.environ if environ is None else environ
    if isinstance(config, Config):
        return _with_arguments(config, url, bucket)
    tables: dict[str, Any]
    source: str | None
    if isinstance(config, Mapping):
        tables, source = copied(config), "mapping"
        origin = Origin("the configuration given as a mapping")
    else:
        path = find_file(environ) if config is None else _existing(config)
        tables, source = (read_file(path), str(path)) if path else ({}, None)
        origin = Origin("the configuration", file=source)

    overrides: dict[KeyPath, str] = {}
    for key, value, place in (*_from_environment(environ), *_from_arguments(url, bucket)):
        _set(tables, key, value, place)
        overrides[override_key(key)] = place
    _warn_of_strangers(tables, environ)
    return _checked(tables, source, dataclasses.replace(origin, overrides=overrides))


def _existing(config: str | os.PathLike[str]) -> Path:
    path = Path(config).expanduser()
    if not path.is_file() and ("://" in str(config) or redact_text(str(config)) != str(config)):
        # Not shown: it may hold a password.
        raise ConfigError("config is a path or a mapping; a server's URL goes in url=...")
    return require_file(path, f"there is no configuration file {str(path)!r}")


def _with_arguments(config: Config, url: str | None, bucket: str | None) -> Config:
    for (name, key), value, place in _from_arguments(url, bucket):
        section = getattr(config, name)
        checked = build(type(section), {key: value}, (name,), Origin(place))
        changed = dataclasses.replace(section, **{key: getattr(checked, key)})
        config = dataclasses.replace(config, **{name: changed})
    return config


def _from_arguments(url: str | None, bucket: str | None) -> Iterator[Override]:
    if url is not None:
        yield ("mongo", "url"), url, "argument url"
    if bucket is not None:
        yield ("stores", "bucket"), bucket, "argument bucket"


def _from_environment(environ: Mapping[str, str]) -> Iterator[Override]:
    for name in sorted(environ):
        rest = name.removeprefix("OMEGA_")
        # Not OMEGA_CONFIG, nor the OMEGA_MONGO_PASSWORD that somebody's secret refers to.
        if rest != name and "__" in rest:
            path = tuple(rest.lower().split("__"))
            yield path, EnvText(environ[name]), f"environment variable {name}"


def _warn_of_strangers(tables: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    """Warn of variables that are named as if they were ours, and that nothing refers to.

    Not an error: the name is a common one, and another program's variables are its own.
    """
    used = set(_texts(tables))
    for name in sorted(environ):
        if not name.startswith("OMEGA_") or name == "OMEGA_CONFIG" or "__" in name:
            continue
        # Named by a reference, or read by the caller, who passed its value on.
        if name in used or environ[name] in used:
            continue
        known = [
            f"OMEGA_{section}__{key.name}".upper()
            for section, schema in SECTIONS.items()
            for key in dataclasses.fields(schema)
            if key.name != "sections"
        ]
        exact = [key for key in known if key.replace("__", "_") == name]
        near = suggestion(name, exact or [*known, "OMEGA_CONFIG"])
        warnings.warn(
            f"The environment variable {name} is no setting, and is ignored.{near} Settings are "
            "OMEGA_<SECTION>__<KEY>, with two underscores between the two.",
            ConfigWarning,
            stacklevel=4,
        )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield str(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _set(tables: dict[str, Any], path: KeyPath, value: Any, place: str) -> None:
    table = tables
    for key in path[:-1]:
        inner = table.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ConfigError(
                f"{place}: sets a key inside of {key!r}, which is not a table but {found(inner)}."
            )
        table = inner
    table[path[-1]] = value


def _checked(tables: dict[str, Any], source: str | None, origin: Origin) -> Config:
    for name in tables:
        if name not in SECTIONS:
            raise unknown_key(name, SECTIONS, (), origin)
    sections: dict[str, Any] = {
        name: build(schema, tables[name], (name,), origin)
        for name, schema in SECTIONS.items()
        if name in tables and name != PLUGINS
    }
    mongo = sections.get("mongo")
    if mongo is not None and mongo.data_dir is not None:
        data_dir = origin.resolve(("mongo", "data_dir"), mongo.data_dir)
        sections["mongo"] = dataclasses.replace(mongo, data_dir=data_dir)
    if PLUGINS in tables:
        sections[PLUGINS] = _checked_plugins(tables[PLUGINS], origin)
    return Config(**sections, source=source, origin=origin)


def _checked_plugins(table: Any, origin: Origin) -> PluginsConfig:
    if not isinstance(table, Mapping):
        return build(PluginsConfig, table, (PLUGINS,), origin)
    own = {f.name for f in dataclasses.fields(PluginsConfig)} - {"sections"}
    sections = {key: value for key, value in table.items() if key not in own}
    for key, value in sections.items():
        if not isinstance(value, Mapping):
            raise unknown_key(key, own, (PLUGINS,), origin)
    settings = {key: value for key, value in table.items() if key in own}
    checked = build(PluginsConfig, settings, (PLUGINS,), origin)
    return dataclasses.replace(checked, sections=sections)
