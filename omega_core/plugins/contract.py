"""The rules for plugins, checked before anything of one is used.

pluggy takes more than it acts on: it drops defaults or passes them depending on its version, fills
``**kwargs`` with nothing, keeps hooks that nobody calls, and lets the plugin that was registered
last answer first. Each of these would fail later, silently, in somebody's data.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Container, Iterable, Mapping
from typing import Any

import pluggy

from ..errors import PluginConflictError, PluginContractError, suggestion
from .discovery import Plugin
from .hookspecs import DECLARED, ROUTED, Declarations, Operations
from .spec import BackendSpec

_SUFFIX = re.compile(r"(\.[^\s./\\A-Z]+)+\Z")


def check_implementations(manager: pluggy.PluginManager, plugin: object, who: str) -> None:
    """Refuse a plugin whose hooks would not do what their author meant.

    Parameters
    ----------
    who
        Plugin id and version, for the message.

    Raises
    ------
    PluginContractError
        Names plugin, version and hook.
    """
    for attribute in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, attribute)
        if options is None:
            continue
        hook = options.get("specname") or attribute
        where = f"{who}, hook {hook!r}:"
        if hook not in DECLARED and hook not in ROUTED:
            raise PluginContractError(
                f"{where} there is no such hook.{suggestion(hook, DECLARED + ROUTED)} "
                f"The hooks are {', '.join(DECLARED + ROUTED)}."
            )
        if options.get("hookwrapper"):
            raise PluginContractError(
                f"{where} hookwrapper=True is the old style; use @hookimpl(wrapper=True)."
            )
        wrapper = bool(options.get("wrapper"))
        if hook in ROUTED and not wrapper:
            raise PluginContractError(
                f"{where} only a backend may answer it. Declare a BackendSpec in backends(), or "
                "stand around all backends with @hookimpl(wrapper=True)."
            )
        if hook in DECLARED and wrapper:
            raise PluginContractError(f"{where} it declares, and cannot be wrapped.")
        _check_parameters(hook, getattr(plugin, attribute), where)


def _check_parameters(hook: str, function: Any, where: str) -> None:
    owner = Declarations if hook in DECLARED else Operations
    known = [name for name in inspect.signature(getattr(owner, hook)).parameters if name != "self"]
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise PluginContractError(
                f"{where} the parameter {str(parameter)!r} would always be empty; "
                f"name the arguments that it wants, out of {', '.join(known) or 'none'}."
            )
        if parameter.default is not parameter.empty or parameter.kind is parameter.KEYWORD_ONLY:
            raise PluginContractError(
                f"{where} the parameter {name!r} must be a plain one, without a default."
            )
        if name not in known:
            raise PluginContractError(
                f"{where} it has no argument {name!r}.{suggestion(name, known)} "
                f"Its arguments are {', '.join(known) or 'none'}."
            )


def check_kinds(plugin: Plugin, specs: Iterable[object], *, own: Container[str]) -> None:
    """Refuse what is no declaration of a kind, or one of a kind of the core.

    Raises
    ------
    PluginContractError, PluginConflictError
        Names the plugin, the kind, and what its author has to do.
    """
    seen = set()
    for spec in specs:
        if not isinstance(spec, BackendSpec):
            raise PluginContractError(
                f"{plugin}, hook 'backends': expected BackendSpec, got {type(spec).__name__}."
            )
        if spec.kind in seen:
            raise PluginContractError(
                f"{plugin}, hook 'backends': it declares the kind {spec.kind!r} twice."
            )
        seen.add(spec.kind)
        if spec.kind in own:
            renamed = f"{plugin.id}.{spec.kind.rpartition('.')[2]}"
            raise PluginConflictError(
                f"{plugin} declares the kind {spec.kind!r}, which is a kind of the core, and stays "
                f"with it. Its author has to rename it, say to {renamed!r}; until then, nothing of "
                "this plugin is used."
            )


def check_names(
    plugin: Plugin,
    what: str,
    offered: Iterable[str],
    taken: Mapping[str, tuple[Plugin, Any]],
    *,
    own: str,
) -> None:
    """Refuse a scheme or an engine that is the core's, or another plugin's.

    Raises
    ------
    PluginConflictError
        Names both owners.
    """
    for key in offered:
        if key == own:
            raise PluginConflictError(
                f"{plugin} offers the {what} {key!r}, which is the core's own. Its author has to "
                "rename it; until then, nothing of this plugin is used."
            )
        if key in taken:
            other = taken[key][0]
            raise PluginConflictError(
                f"The {what} {key!r} is offered by {other} and by {plugin}. Disable one of them: "
                f"put {other.id!r} or {plugin.id!r} into disabled in [plugins]."
            )


def check_suffixes(plugin: Plugin, offered: Iterable[object]) -> None:
    """Refuse a format of files that no file name would ever mean.

    Raises
    ------
    PluginContractError
        Names the plugin and the suffix.
    """
    for suffix in offered:
        if not isinstance(suffix, str) or not _SUFFIX.match(suffix):
            raise PluginContractError(
                f"{plugin}, hook 'file_formats': {suffix!r} is no suffix of a file in small "
                "letters that begins with a dot, such as '.csv'."
            )
