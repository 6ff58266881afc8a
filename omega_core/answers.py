"""What an action gives back: saved metadata of what it stores, and plain Python elsewhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import chain
from typing import Any
from uuid import UUID

from .protocol.acting import Acting
from .protocol.metadata import Metadata
from .protocol.naming import JOBS, Key

_SEQUENCES = frozenset({list, tuple, set, frozenset})
_CONTAINERS = _SEQUENCES | {dict}
_PLAIN = _CONTAINERS | {
    *(type(None), bool, int, float, complex, str, bytes, Decimal, UUID),
    *(dt.datetime, dt.date, dt.time, dt.timedelta),
}
_DEPTH = 100

Step = Callable[[Iterable[Any]], Iterable[Any]]


def check_answer(acting: Acting, answer: Any, *, takes_result: bool, pure_python: bool) -> None:
    """Refuse what an action gave back, if it is not what its contract promises.

    Parameters
    ----------
    takes_result
        Whether the action takes ``rName``, so that without one it returns what it found.

    Raises
    ------
    PluginContractError
        Names plugin, version, kind and action, and says whether something was stored.
    """
    acting.require_data(stored(acting))
    _check_rows(acting)
    if acting.fits is not None and not acting.committed.get(acting.key):
        raise acting.broken(
            f"it stored no new version of the model. It ends with 'return self.model_store.put("
            f"model, modelname)', in the thread that it is called in. {stored(acting)}"
        )
    if acting.result is not None:
        _check_metadata(acting, acting.result, answer, "rName")
    elif acting.fits is not None and not takes_result:
        _check_metadata(acting, acting.key, answer, "the model")
    elif pure_python:
        _check_plain(acting, answer)


def _check_rows(acting: Acting) -> None:
    unread = [letter for letter, key in acting.datasets.items() if key not in acting.readings]
    if acting.rows is not None and unread:
        raise acting.broken(
            f"it was asked for the rows {acting.rows.start} to {acting.rows.stop}, and read "
            f"{' and '.join(unread)} in another way than by self.data_store.get in the thread that "
            f"it is called in. {stored(acting)}"
        )


def _check_metadata(acting: Acting, key: Key, answer: Any, what: str) -> None:
    """Refuse an answer that is not the metadata of what the action has stored under ``key``."""
    own = acting.committed.get(key, [])
    if isinstance(answer, Metadata):
        named = Key(answer.bucket, answer.prefix, answer.name)
        if own and named == key and answer.gen == own[-1].gen:
            return
        version = "" if answer.version is None else f", version {answer.version}"
        told = f"it returned the metadata of {named}{version}"
    else:
        told = f"it returned {'None' if answer is None else f'a {type(answer).__name__}'}"
    other = "job_store" if key.prefix == JOBS else "data_store"
    store = "model_store" if key == acting.key else other
    wanted = f"the saved metadata of {key} is promised, which self.{store}.put returns"
    if what == "rName" and acting.home != JOBS:
        wanted += f", as rName={key.name!r} was given"
    raise acting.broken(f"{told}, and {wanted}. {stored(acting)}")


def _check_plain(acting: Acting, answer: Any) -> None:
    foreign = first_foreign(answer)
    if foreign is not None:
        raise acting.broken(
            f"with pure_python=True it returned a {foreign.__module__}.{foreign.__qualname__}"
            f"{'' if type(answer) is foreign else f' in a {type(answer).__name__}'}, and lists, "
            "dicts and scalars of Python are promised: of an array, array.tolist(). "
            f"{stored(acting)}"
        )


def stored(acting: Acting) -> str:
    """Return, for people, what the action has stored so far."""
    metas = [meta for each in acting.committed.values() for meta in each]
    listed = ", ".join(f"{meta.prefix}{meta.name!r}, version {meta.version}" for meta in metas)
    return f"It stored {listed}" if metas else "Nothing was stored"


def first_foreign(value: Any) -> type | None:
    """Return a type within a value that is none of Python's own; None where all are.

    Each level is looked at as a whole, without a loop of Python where it holds lists alone.
    """
    steps: list[Step] = []
    while len(steps) < _DEPTH:
        level: Iterable[Any] = (value,)
        for step in steps:
            level = step(level)
        types = set(map(type, level))
        if not types <= _PLAIN:
            return next(iter(types - _PLAIN))
        if not types & _CONTAINERS:
            return None
        steps.append(chain.from_iterable if types <= _SEQUENCES else _items)
    return None


def _items(level: Iterable[Any]) -> Iterable[Any]:
    """Return what the containers of a level hold, and of dicts the keys as well."""
    return chain.from_iterable(map(_held, level))


def _held(value: Any) -> Iterable[Any]:
    if type(value) is dict:
        return chain(value, value.values())
    return value if type(value) in _CONTAINERS else ()
