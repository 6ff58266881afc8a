"""The whole configuration, as one value that says everything but its secrets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..secret import HIDDEN, Secret, redact_text
from .origin import Origin, plain
from .schema import build
from .sections import (
    MongoConfig,
    PluginsConfig,
    RuntimeConfig,
    SecurityConfig,
    StoresConfig,
    UiConfig,
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
    ui: UiConfig = field(default_factory=UiConfig)
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
        table = {**sections.get(plugin_id, {}), **sections.get(plain(plugin_id), {})}
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
        tables = {name: _shown(getattr(self, name), redact) for name in SECTIONS}
        plugins = tables["plugins"]
        del plugins["sections"]
        for plugin_id, raw in self.plugins.sections.items():
            if schemas and plugin_id in schemas:
                plugins[plugin_id] = _shown(self.section(plugin_id, schemas[plugin_id]), redact)
            else:
                plugins[plugin_id] = _hide_texts(raw) if redact else copied(raw)
        return tables


SECTIONS: dict[str, Any] = {
    own.name: own.default_factory
    for own in dataclasses.fields(Config)
    if own.default_factory is not dataclasses.MISSING
}
"""The dataclass of each section."""


def copied(value: Any, leaf: Callable[[Any], Any] = lambda leaf: leaf) -> Any:
    """Return a copy of tables and lists in which ``leaf`` stands for all else."""
    if isinstance(value, Mapping):
        return {key: copied(item, leaf) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copied(item, leaf) for item in value]
    return leaf(value)


def _shown(section: Any, redact: bool) -> dict[str, Any]:
    def leaf(value: Any) -> Any:
        if isinstance(value, Secret):
            return value.reference or (HIDDEN if redact else value.reveal())
        if isinstance(value, str):
            return redact_text(value) if redact else str(value)
        return value

    shown = {f.name: copied(getattr(section, f.name), leaf) for f in dataclasses.fields(section)}
    if isinstance(section, MongoConfig) and redact:
        shown["url"] = section.redacted_url  # which hides also what does not look like a URL
    return shown


def _hide_texts(value: Any) -> Any:
    if isinstance(value, Mapping):
        if len(value) == 1 and value.keys() <= {"env", "file"}:
            return dict(value)  # a reference to a secret is not one
        return {key: _hide_texts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hide_texts(item) for item in value]
    return value if isinstance(value, bool | int | float) else HIDDEN
