"""Which functions are the hooks of a plugin, bound so that nothing can take their place.

A hook is found by its name in a module, and that name is not the plugin's alone: importing the
submodule ``acme.backends`` sets ``acme.backends`` to the module, whatever function was there. Of
two `Omega`s in one process, the second would then find a plugin that stores nothing. So a module
keeps a record of its hooks. What is in it counts, whatever became of the name since, until another
hook takes its place, as when the module is reloaded.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
from types import FunctionType, ModuleType
from typing import Any

import pluggy

from ..errors import PluginContractError
from .hookspecs import DECLARED, ROUTED
from .marker import PROJECT, RECORD


class Hooks:
    """The hooks of one plugin, as attributes: what pluggy is given in the place of the plugin."""

    def __init__(self, functions: dict[str, Any]) -> None:
        vars(self).update(functions)


def resolve(target: str) -> object:
    """Import what an entry point names, ``module`` or ``module:attribute``."""
    name, _, path = target.partition(":")
    found: object = importlib.import_module(name.strip())
    for attribute in filter(None, path.strip().split(".")):
        owner, found = found, getattr(found, attribute)
        if isinstance(owner, ModuleType):
            record = vars(owner).setdefault(RECORD, {})
            if _is_submodule(owner, attribute):
                found = record.get(attribute, found)
            else:
                record[attribute] = found
    return found


def bind(manager: pluggy.PluginManager, target: object, who: str, doubts: list[str]) -> Hooks:
    """Return the hooks of what an entry point names: a module, or an object with methods.

    Parameters
    ----------
    doubts
        Takes what the author should change, though nothing is lost by it.

    Raises
    ------
    PluginContractError
        Where hooks were lost, or are those of a class without an instance.
    """
    if isinstance(target, ModuleType):
        return _of_module(manager, target, who, doubts)
    found = {name: getattr(target, name) for name in dir(target) if _marked(manager, target, name)}
    if isinstance(target, type) and found:
        raise PluginContractError(
            f"{who} names the class {target.__qualname__}, whose hooks need an instance. Make one "
            f"in the module (plugin = {target.__qualname__}()), and name that."
        )
    return Hooks(found)


def require_some(hooks: Hooks, target: object, entry: str, who: str) -> None:
    """Refuse an entry point that names an object on purpose, and one without hooks."""
    if ":" not in entry or vars(hooks):
        return
    what = f"the {type(target).__name__} that {entry!r} names has no hooks"
    if isinstance(target, ModuleType):
        what += (
            f"; it is the module {target.__name__}. If an object was meant, the module took its "
            "name when it was imported: rename one of them"
        )
    raise PluginContractError(f"{who}: {what}. Mark its hooks with @hookimpl.")


def _of_module(
    manager: pluggy.PluginManager, module: ModuleType, who: str, doubts: list[str]
) -> Hooks:
    record: dict[str, Any] = vars(module).setdefault(RECORD, {})
    # By its dictionary: its `__dir__` may show less, and pluggy would see no more.
    names = [name for name in [*vars(module)] if _marked(manager, module, name)]
    found = {name: getattr(module, name) for name in names}
    doubts += [
        f"{who}: when the submodule {module.__name__}.{name} is imported, it takes the name of the "
        f"hook {name!r}. omega_core keeps to the hook; rename the submodule, so that others do."
        for name in found
        if _would_be_shadowed(module, name)
    ]
    kept = Hooks(record)
    for name in sorted(set(record) - set(found)):
        hook, options = record[name], manager.parse_hookimpl_opts(kept, name)
        if options is None or hook in found.values():
            continue
        if (options.get("specname") or name) not in DECLARED + ROUTED:
            continue
        found[name] = hook
        now = f"a {type(getattr(module, name)).__name__}" if hasattr(module, name) else "nothing"
        if _is_submodule(module, name):
            now = f"the submodule {module.__name__}.{name}"
        doubts.append(
            f"{who}: {module.__name__} defines the hook {name!r}, and by that name there is {now} "
            "now. omega_core keeps to the hook; leave it its name, so that others do."
        )
    for name in DECLARED + ROUTED:
        # Never recorded: it was imported from elsewhere, or bears a mark of its own.
        if name not in found and _is_submodule(module, name) and _binds(module, name):
            raise PluginContractError(
                f"{who}, hook {name!r}: the submodule {module.__name__}.{name} took its place "
                "before omega_core could see it. Rename the submodule."
            )
    doubts += forgotten_marks(module, who).values()
    record.update(found)
    return Hooks(found)


def forgotten_marks(module: object, who: str) -> dict[str, str]:
    """Return what is to be said of the functions that are no hooks, and were meant to be.

    Those of a module that have the name of a declaration, or are generators with the name of an
    operation. By the name of the function.
    """
    found = {}
    for name, function in own_functions(module).items():
        meant = name in DECLARED or (name in ROUTED and inspect.isgeneratorfunction(function))
        if meant and not is_marked(function):
            mark = "@hookimpl" if name in DECLARED else "@hookimpl(wrapper=True)"
            found[name] = (
                f"{who}: the function {name!r} of {function.__module__} has the name of a hook, "
                f"and no mark, so that nobody calls it. Mark it with {mark}, or rename it."
            )
    return found


def own_functions(module: object) -> dict[str, FunctionType]:
    """Return the functions that a module defines, and did not import, by their names."""
    if not isinstance(module, ModuleType):
        return {}
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    }


def is_marked(function: object) -> bool:
    """Return whether a function bears the mark of a hook."""
    return hasattr(function, f"{PROJECT}_impl")


def _marked(manager: pluggy.PluginManager, target: object, name: str) -> bool:
    return manager.parse_hookimpl_opts(target, name) is not None


def _is_submodule(module: ModuleType, name: str) -> bool:
    value = getattr(module, name, None)
    return isinstance(value, ModuleType) and value.__name__ == f"{module.__name__}.{name}"


def _would_be_shadowed(module: ModuleType, name: str) -> bool:
    """Return whether an import to come sets the name; one that is done does so no more."""
    submodule = f"{module.__name__}.{name}"
    if submodule in sys.modules or not hasattr(module, "__path__"):
        return False
    return importlib.util.find_spec(submodule) is not None


def _binds(module: ModuleType, name: str) -> bool:
    """Return whether the source of a module makes, or imports, something else of this name."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return True
        # `from . import name` is the submodule itself.
        if (
            isinstance(node, ast.ImportFrom)
            and node.module not in (None, module.__name__)
            and any((alias.asname or alias.name) == name for alias in node.names)
        ):
            return True
    return False
