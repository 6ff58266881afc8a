"""The rules for implementations of hooks, checked before a plugin is registered.

pluggy takes more than it acts on: it drops defaults or passes them depending on its version, fills
``**kwargs`` with nothing, keeps hooks that nobody calls, and lets the plugin that was registered
last answer first. Each of these would fail later, silently, in somebody's data.
"""

from __future__ import annotations

import inspect
from typing import Any

import pluggy

from ..errors import PluginContractError, suggestion
from .hookspecs import DECLARED, ROUTED, Declarations, Operations


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
