"""The configuration: a file, environment variables and arguments become one `Config`."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ConfigError, ConfigWarning, suggestion
from ..secret import HIDDEN, Secret, redact_text
from .file import (
    KeyPath,
    Origin,
    find_file,
    override_key,
    read_file,
    require_file,
)
from .schema import EnvText, build, found, unknown_key
from .sections import (
    MongoConfig,
    PluginsConfig,
    RuntimeConfig,
    SecurityConfig,
    StoresConfig,
    UrisConfig,
)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole configuration, checked. Picklable; secrets by reference stay references.

    ``source`` is the file, ``"mapping"``, or None where there are only defaults, environment
    variables and arguments.
    """

    mongo: MongoConfig = field(default_factory=MongoConfig)
    plugins: PluginsConfig = field(default_factory=PluginsConfig)
    stores: StoresConfig = field(default_factory=StoresConfig)
    security: SecurityConfig = field(default_factory=SecurityConfig)
    uris: UrisConfig = field(default_factory=UrisConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)
    source: str | None = None
    origin: Origin = field(default=Origin("the configuration"), repr=False, compare=False)

    def section(self, plugin_id: str, schema: type[T]) -> T:
        """Return ``[plugins.<plugin_id>]`` as an instance of the plugin's dataclass.

        Raises
        ------
        ConfigError
            An unknown or missing key, or a wrong type, with its place.
        PluginContractError
            ``schema`` is not a dataclass of the supported types.
        """
        sections = self.plugins.sections
        # An environment variable cannot spell acme-audit; it says ACME_AUDIT.
        spelled = plugin_id.lower().replace("-", "_")
        table = {**sections.get(plugin_id, {}), **sections.get(spelled, {})}
        return build(schema, table, ("plugins", plugin_id), self.origin)

    def to_dict(
        self, *, redact: bool = True, schemas: Mapping[str, type] | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return the configuration in the shape of the file.

        Parameters
        ----------
        redact
            Hide the values of secrets. False gives a mapping that `load_config` reads back.
        schemas
            The dataclasses of plugins by plugin id. They tell which settings are secrets; in the
            section of a plugin that is not named here, every text is hidden.
        """
        shown = {name: _shown(getattr(self, name), redact) for name in _SECTIONS if name != PLUGINS}
        plugins = dataclasses.replace(self.plugins, sections={})
        table = {k: v for k, v in _shown(plugins, redact).items() if k != "sections"}
        for plugin_id, raw in self.plugins.sections.items():
            if schemas and plugin_id in schemas:
                table[plugin_id] = _shown(self.section(plugin_id, schemas[plugin_id]), redact)
            else:
                table[plugin_id] = _hide_texts(raw) if redact else _copied(raw)
        return {name: table if name == PLUGINS else shown[name] for name in _SECTIONS}


PLUGINS = "plugins"

_SECTIONS: dict[str, type] = {
    "mongo": MongoConfig,
    PLUGINS: PluginsConfig,
    "stores": StoresConfig,
    "security": SecurityConfig,
    "uris": UrisConfig,
    "runtime": RuntimeConfig,
}


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
    arguments: dict[KeyPath, str | None] = {("mongo", "url"): url, ("stores", "bucket"): bucket}
    tables: dict[str, Any]
    source: str | None
    if isinstance(config, Config):
        return _with_arguments(config, url, bucket)
    if isinstance(config, Mapping):
        tables, source = _copied(config), "mapping"
        origin = Origin("the configuration given as a mapping")
    else:
        path = find_file(environ) if config is None else _existing(config)
        tables, source = (read_file(path), str(path)) if path else ({}, None)
        origin = Origin("the configuration", file=source)

    overrides = {
        **_override_from_environment(tables, environ),
        **_override_from_arguments(tables, arguments),
    }
    _warn_of_strangers(tables, environ)
    return _checked(tables, source, dataclasses.replace(origin, overrides=overrides))


def _existing(config: str | os.PathLike[str]) -> Path:
    path = Path(config).expanduser()
    if not path.is_file() and ("://" in str(config) or redact_text(str(config)) != str(config)):
        # Not shown: it may hold a password.
        raise ConfigError("config is a path or a mapping; a server's URL goes in url=...")
    return require_file(path, f"there is no configuration file {str(path)!r}")


def _with_arguments(config: Config, url: str | None, bucket: str | None) -> Config:
    if url is not None:
        origin = Origin("argument url")
        checked = build(MongoConfig, {"url": url}, ("mongo",), origin)
        config = dataclasses.replace(
            config, mongo=dataclasses.replace(config.mongo, url=checked.url)
        )
    if bucket is not None:
        stores = build(StoresConfig, {"bucket": bucket}, ("stores",), Origin("argument bucket"))
        config = dataclasses.replace(
            config, stores=dataclasses.replace(config.stores, bucket=stores.bucket)
        )
    return config


def _override_from_environment(
    tables: dict[str, Any], environ: Mapping[str, str]
) -> dict[KeyPath, str]:
    overrides = {}
    for name in sorted(environ):
        rest = name.removeprefix("OMEGA_")
        # OMEGA_CONFIG, or the OMEGA_MONGO_PASSWORD that somebody's secret refers to.
        if rest == name or "__" not in rest:
            continue
        path = tuple(rest.lower().split("__"))
        place = f"environment variable {name}"
        _set(tables, path, EnvText(environ[name]), place)
        overrides[override_key(path)] = place
    return overrides


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
        known = [f"OMEGA_{section}__{key}".upper() for section, key in _keys()]
        exact = [key for key in known if key.replace("__", "_") == name]
        near = suggestion(name, exact or [*known, "OMEGA_CONFIG"])
        warnings.warn(
            f"The environment variable {name} is no setting, and is ignored.{near} Settings are "
            "OMEGA_<SECTION>__<KEY>, with two underscores between the two.",
            ConfigWarning,
            stacklevel=4,
        )


def _keys() -> Iterator[tuple[str, str]]:
    for section, schema in _SECTIONS.items():
        for field_ in dataclasses.fields(schema):
            if field_.name != "sections":
                yield section, field_.name


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield str(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _override_from_arguments(
    tables: dict[str, Any], arguments: Mapping[KeyPath, str | None]
) -> dict[KeyPath, str]:
    overrides = {}
    for path, value in arguments.items():
        if value is not None:
            place = f"argument {path[-1]}"
            _set(tables, path, value, place)
            overrides[path] = place
    return overrides


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
        if name not in _SECTIONS:
            raise unknown_key(name, _SECTIONS, (), origin)
    sections: dict[str, Any] = {
        name: build(schema, tables[name], (name,), origin)
        for name, schema in _SECTIONS.items()
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
    sections: dict[str, Mapping[str, Any]] = {}
    for key, value in table.items():
        if key in own:
            continue
        if not isinstance(value, Mapping):
            raise unknown_key(key, own, (PLUGINS,), origin)
        sections[key] = value
    settings = {key: value for key, value in table.items() if key in own}
    checked = build(PluginsConfig, settings, (PLUGINS,), origin)
    return dataclasses.replace(checked, sections=sections)


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(item) for item in value]
    return value


def _shown(value: Any, redact: bool) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown = {f.name: _shown(getattr(value, f.name), redact) for f in dataclasses.fields(value)}
        if isinstance(value, MongoConfig) and redact:
            shown["url"] = value.redacted_url  # which hides also what does not look like a URL
        return shown
    if isinstance(value, Secret):
        return value.reference or (HIDDEN if redact else value.reveal())
    if isinstance(value, Mapping):
        return {key: _shown(item, redact) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_shown(item, redact) for item in value]
    if isinstance(value, str):
        return redact_text(value) if redact else str(value)
    return value


def _hide_texts(value: Any) -> Any:
    if isinstance(value, Mapping):
        if len(value) == 1 and value.keys() <= {"env", "file"}:
            return dict(value)  # a reference to a secret is not one
        return {key: _hide_texts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hide_texts(item) for item in value]
    return value if isinstance(value, bool | int | float) else HIDDEN
