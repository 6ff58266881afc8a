"""Shows the methods that a class takes from its parts, ``x = _of("_part", Part.x)``, as its own."""

from __future__ import annotations

import copy
import re
from typing import Any

import griffe

_TAKEN = re.compile(r"_of\('_\w+', (?P<path>[\w.]+)\)")


class Delegated(griffe.Extension):
    """Puts the function in the place of the attribute."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        for module in pkg.modules.values():
            for owner in module.classes.values():
                if not owner.is_alias:
                    self._fill_in(module, owner)

    def _fill_in(self, module: griffe.Module, owner: griffe.Class) -> None:
        for name, attribute in list(owner.attributes.items()):
            found = _TAKEN.fullmatch(str(attribute.value))
            if attribute.is_alias or found is None:
                continue
            part, _, method = found["path"].partition(".")
            path = module.resolve(part).removeprefix(f"{module.package.name}.")
            function = copy.copy(module.package[path].members[method])
            function.name = name
            owner.set_member(name, function)
