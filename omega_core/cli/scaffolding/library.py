"""What is known here of the library whose objects a plugin is to store."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from .plan import ImpossiblePluginError

_SECONDS = 60.0
_PROBE = """
import copy, copyreg, importlib, json, sys
module, name = sys.argv[1].split(":")
try:
    loaded = importlib.import_module(module)
except ModuleNotFoundError as exc:
    missing = exc.name == module.partition(".")[0]
    print(json.dumps({"missing": missing, "error": str(exc)})); sys.exit()
found = getattr(loaded, name, None)
if not isinstance(found, type):
    print(json.dumps({"names": [n for n in dir(loaded) if isinstance(getattr(loaded, n), type)]}))
    sys.exit()
try:
    made = found.__new__(found)
    vars(made).update(title="one")
    make, made_of, *state = made.__reduce_ex__(2)
    plain = make is copyreg.__newobj__ and made_of == (found,) and not any(state[1:])
    plain = plain and not hasattr(found, "__setstate__") and state[0] == vars(made)
    plain = plain and vars(copy.deepcopy(made)) == vars(made)
except Exception:
    plain = False
print(json.dumps({"plain": bool(plain)}))
"""


@dataclass(frozen=True)
class Library:
    """The library of a class.

    Attributes
    ----------
    module
        What is imported first, as ``networkx``.
    requirement
        What the plugin depends on, as ``networkx>=3.2``.
    known
        Whether it is installed here, so that somebody has looked.
    plain
        Whether an object is its attributes, as far as is known.
    """

    module: str
    requirement: str
    known: bool = False
    plain: bool = True


def looked_up(type_: str) -> Library:
    """Return what is known of the library of ``"module:Class"``; imports it, in another process.

    Raises
    ------
    ImpossiblePluginError
        The library is here, and has no such class.
    """
    import importlib_metadata

    module = type_.partition(":")[0]
    top = module.partition(".")[0]
    names = importlib_metadata.packages_distributions().get(top, [])
    if not names and top not in sys.stdlib_module_names:
        return Library(top, top)
    told = _probed(type_)
    if told.get("missing"):
        return Library(top, names[0] if names else top)
    if "names" in told:
        from ...errors import suggestion

        name = type_.partition(":")[2]
        raise ImpossiblePluginError(
            f"{module} has no class {name!r}.{suggestion(name, told['names'])} A class is named as "
            "module:Class, as it is imported."
        )
    requirement = ""
    if names:
        release = importlib_metadata.version(names[0]).split("+")[0]
        requirement = f"{names[0]}>={'.'.join(release.split('.')[:2])}"
    return Library(top, requirement, known=True, plain=bool(told.get("plain")))


def _probed(type_: str) -> dict[str, Any]:
    command = [sys.executable, "-P", "-c", _PROBE, type_]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        return {"plain": False}
    return found
