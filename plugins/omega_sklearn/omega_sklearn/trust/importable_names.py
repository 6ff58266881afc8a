"""Whether the name of a type or a function leads back to it.

Only names are stored. A name of ``__main__`` means another thing in every process, a name of a
package that was uninstalled means nothing, and no trust changes that.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder


def of_main(names: Iterable[str]) -> list[str]:
    """Return those names that are defined in the script or notebook that runs."""
    return sorted(name for name in names if name.rpartition(".")[0] in ("__main__", "__mp_main__"))


def absent(names: Iterable[str]) -> list[str]:
    """Return those names whose module is not installed, without importing anything.

    For names that are not trusted, which is why their modules must not run.
    """
    return sorted(name for name in names if not _is_there(name.rpartition(".")[0]))


def unimportable(names: Iterable[str]) -> list[str]:
    """Return those names that cannot be imported. Only for names that are trusted."""
    found = []
    for name in names:
        module, _, attribute = name.rpartition(".")
        try:
            getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError):
            found.append(name)
    return sorted(found)


def _is_there(module: str) -> bool:
    outer, _, inner = module.rpartition(".")
    if module in sys.modules or isinstance(getattr(sys.modules.get(outer), inner, None), type):
        # The name of a method has the name of its class before it.
        return True
    first, *rest = module.split(".")
    try:
        # The finders look for a top-level name without running it. Below it they would import the
        # package, so that its directories are searched here.
        spec = importlib.util.find_spec(first)
        name = first
        for part in rest:
            if spec is None or spec.submodule_search_locations is None:
                return False
            name = f"{name}.{part}"
            spec = PathFinder.find_spec(name, spec.submodule_search_locations)
    except (ImportError, ValueError):
        return False
    return spec is not None
