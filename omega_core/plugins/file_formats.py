"""The formats of files: which one a suffix means, and which one writes a kind."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..errors import PluginContractError, PluginLoadError, UnsupportedOptionError, suggestion
from ..file_format import FileFormat
from .builtin import FILE_FORMATS
from .discovery import Plugin
from .factories import imported
from .registry import CORE, Plugins
from .remedies import SUFFIXES


class FileFormats:
    """The formats that the core and the enabled plugins know, each imported when it is used.

    Parameters
    ----------
    plugins
        Who declares them.
    omega
        What each works for.
    """

    def __init__(self, plugins: Plugins, omega: Any) -> None:
        self._plugins = plugins
        self._omega = omega
        self._offered: Mapping[str, tuple[Plugin | None, Any]] = {
            **{suffix: (None, target) for suffix, target in FILE_FORMATS.items()},
            **plugins.file_formats,
        }

    @property
    def suffixes(self) -> list[str]:
        """The suffixes that are known, sorted."""
        return sorted(self._offered)

    def suffix_of(self, path: str | os.PathLike[str]) -> str | None:
        """Return the longest known suffix of a path, or None.

        Raises
        ------
        UnsupportedOptionError
            Nobody here reads it, and a plugin that is not there does: says which.
        """
        name = os.path.basename(os.fspath(path)).lower()
        found = [suffix for suffix in self._offered if name.endswith(suffix) and name != suffix]
        if found:
            return max(found, key=len)
        for suffix, plugin in SUFFIXES.items():
            missing = self._plugins.missing(plugin) if name.endswith(suffix) else ""
            if missing:
                raise UnsupportedOptionError(
                    f"{os.fspath(path)!r}: {suffix} files are read and written by the plugin "
                    f"{plugin!r}, which is not there.{missing} To keep the file as it is: "
                    "--kind python.file"
                )
        return None

    def get(self, suffix: str) -> FileFormat:
        """Return the format of a suffix, as ``.csv`` or ``csv``.

        Raises
        ------
        UnsupportedOptionError
            There is none; names the nearest.
        PluginLoadError, PluginContractError
            What the plugin names cannot be imported, or is no format.
        """
        key = suffix.lower() if suffix.startswith(".") else f".{suffix.lower()}"
        if key not in self._offered:
            self.suffix_of(f"file{key}")
            raise UnsupportedOptionError(
                f"There is no format {suffix!r}.{suggestion(key, self._offered)} "
                f"Formats: {', '.join(one.removeprefix('.') for one in self.suffixes)}."
            )
        owner, target = self._offered[key]
        who = "The core" if owner is None else str(owner)
        try:
            made = imported(target, who)(self._omega)
        except PluginLoadError:
            raise
        except Exception as exc:
            raise PluginContractError(
                f"{who} offers {target!r} for {key} files, which cannot be made for an Omega: "
                f"{type(exc).__name__}: {exc}. Derive it from omega_core.FileFormat."
            ) from exc
        if not (callable(getattr(made, "read", None)) and callable(getattr(made, "write", None))):
            raise PluginContractError(
                f"{who} offers {target!r} for {key} files, which has no read() and write(). "
                "Derive it from omega_core.FileFormat."
            )
        format_: FileFormat = made
        return format_

    def for_kind(self, kind: str, plugin: str) -> str | None:
        """Return the suffix of the format that writes a kind, of those of its plugin, or None."""
        for suffix, (owner, _) in self._offered.items():
            if (CORE if owner is None else owner.id) == plugin and kind in self.get(suffix).kinds:
                return suffix
        return None
