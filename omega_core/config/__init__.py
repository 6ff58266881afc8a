"""The configuration: a file, environment variables and arguments become one `Config`."""

from __future__ import annotations

from ..secret import Secret
from .config import Config
from .editing import edit_plugins
from .loading import load_config
from .sections import (
    MongoConfig,
    PluginsConfig,
    RuntimeConfig,
    SecurityConfig,
    StoresConfig,
    UiConfig,
    UrisConfig,
)

__all__ = [
    "Config",
    "MongoConfig",
    "PluginsConfig",
    "RuntimeConfig",
    "Secret",
    "SecurityConfig",
    "StoresConfig",
    "UiConfig",
    "UrisConfig",
    "edit_plugins",
    "load_config",
]
