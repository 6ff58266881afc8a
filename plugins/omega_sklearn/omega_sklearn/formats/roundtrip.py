"""A model as the bytes of a skops file, and back: one reader, for those who get and for a put.

A put reads its own bytes back under the trust of its own configuration, and compares what it got
with what it was given. So what is stored can be read, and is what was given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from types import MethodType
from typing import Any
from zipfile import ZIP_DEFLATED

import skops.io

from .. import soundness
from ..object_graph import ATOMS, FUNCTIONS
from ..trust import importable_names, parameter_check, schema_grammar
from ..trust.trusted_types import SHIPPED
from .comparison import Place, difference, members, path

# Level 1 costs a fraction of level 6 and comes within a fifth of its size.
_COMPRESSION = {"compression": ZIP_DEFLATED, "compresslevel": 1}


class ChangedError(Exception):
    """Says where a model would come back as something else."""


class OfMainError(Exception):
    """Says where a model holds what other processes would not find."""


def read(data: bytes, own: Collection[str]) -> Any:
    """Return the model in a skops file, or raise where it is not to be trusted.

    Parameters
    ----------
    own
        The names that the reader trusts beyond those of this package.
    """
    return _load(data, schema_grammar.check(data, own), own)


def _load(data: bytes, used: Collection[str], own: Collection[str]) -> Any:
    soundness.check_file(data)
    # skops looks through the list at every object: it is given those names only that are needed.
    model = skops.io.loads(data, trusted=[*own, *SHIPPED.intersection(used)])
    # First: what follows asks methods, and nothing must stand in front of those.
    parameter_check.check(model, own)
    soundness.check(model)
    return model


def untrusted(data: bytes, own: Collection[str]) -> set[str]:
    """Return the names in a skops file that a reader does not trust."""
    return set(skops.io.get_untrusted_types(data=data)).difference(SHIPPED, own)


def write(model: Any) -> bytes:
    """Return a model as the bytes of a skops file."""
    return skops.io.dumps(model, **_COMPRESSION)  # type: ignore[no-any-return]


def verify(model: Any, data: bytes, own: Collection[str]) -> None:
    """Raise where ``data`` does not come back as ``model``, or does not come back at all."""
    used = schema_grammar.check(data, own)
    for name in importable_names.of_main(used):
        raise OfMainError(
            f"{place_of(model, name)} is {name}, which is defined in the script or notebook that "
            "runs now. Only its name is stored, and other processes do not find it by that. Define "
            "it in a module that readers can import"
        )
    changed = difference(model, _load(data, used, own))
    if changed is not None:
        raise ChangedError(
            f"skops would change silently what it holds: {changed.path} is {changed.given}, and "
            f"would come back as {changed.again}"
        )


def culprit(model: Any, own: Collection[str]) -> tuple[str, object]:
    """Return the innermost part that does not come back, after the way to it.

    For errors alone: everything on the way is written and read again.
    """
    place: Place = None
    part, seen = model, {id(model)}
    while True:
        for inner, step in _members(part):
            if type(inner) in ATOMS or id(inner) in seen or _comes_back(inner, own):
                continue
            seen.add(id(inner))
            part, place = inner, (place, step) if step else place
            break
        else:
            return path(place), part


def place_of(model: Any, name: str) -> str:
    """Return where in ``model`` a type or a function of that name is used first."""

    def is_it(part: Any) -> bool:
        named = part if isinstance(part, (type, *FUNCTIONS)) else type(part)
        return f"{named.__module__}.{named.__name__}" == name

    return _first(model, is_it)


def place_of_parameter(model: Any, own: Collection[str]) -> str:
    """Return where in ``model`` the object is whose parameters are refused."""

    def is_it(part: Any) -> bool:
        try:
            parameter_check.check_part(part, own)
        except parameter_check.ParameterError:
            return True
        return False

    return _first(model, is_it)


def _first(model: Any, is_it: Callable[[Any], bool]) -> str:
    stack: list[tuple[Any, Place]] = [(model, None)]
    seen = set()
    while stack:
        part, place = stack.pop()
        if is_it(part):
            return path(place)
        if type(part) not in ATOMS and id(part) not in seen:
            seen.add(id(part))
            stack += [(m, (place, step) if step else place) for m, step in _members(part)][::-1]
    return path(None)


def _members(part: Any) -> Iterator[tuple[object, str]]:
    # The function of a bound method is not found by its name, and need not be.
    if isinstance(part, (type, MethodType, *FUNCTIONS)):
        return
    try:
        yield from list(members(part))
    except Exception:
        # What does not say what it is made of has no inside, as far as an error can tell.
        return


def _comes_back(part: Any, own: Collection[str]) -> bool:
    try:
        verify(part, write(part), own)
    except Exception:
        # Whatever it is: the innermost part for which there is any is what the error names.
        return False
    return True
