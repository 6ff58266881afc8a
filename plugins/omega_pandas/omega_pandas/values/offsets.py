"""Date offsets (the `freq` of indexes and periods) by the name of their class, n and keywords.

Frequency strings are not used: they lose holidays and keywords, and their spelling changed
between versions of pandas.
"""

from __future__ import annotations

import inspect
from typing import Any

import pandas as pd

from omega_core.errors import IntegrityError

from .unfaithful import Unfaithful

_CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in vars(pd.offsets).values()
    if inspect.isclass(cls) and cls not in (pd.offsets.BaseOffset, pd.offsets.Tick)
}
OFFSET_TYPES = frozenset(_CLASSES.values())


def offset_parts(offset: Any) -> tuple[str, int, bool, dict[str, Any]]:
    """Return class name, n, normalize and keywords of ``offset``."""
    name = type(offset).__name__
    keywords = dict(offset.kwds)
    # numpy's calendar object says again what holidays and weekmask say.
    keywords.pop("calendar", None)
    parts = (name, int(offset.n), bool(offset.normalize), keywords)
    remedy = "remove it (freq=None), or use an offset that pandas itself defines"
    if _CLASSES.get(name) is not type(offset):
        raise Unfaithful(f"has the frequency {offset!r}, which is not one of pandas' own", remedy)
    try:
        same = build_offset(*parts)
    except IntegrityError:
        same = None
    if same != offset:
        raise Unfaithful(f"has the frequency {offset!r}, which cannot be restored", remedy)
    return parts


def build_offset(
    name: str, n: int, normalize: bool, keywords: dict[str, Any]
) -> pd.offsets.BaseOffset:
    """Make an offset of one of pandas' own classes."""
    cls = _CLASSES.get(name)
    if cls is None:
        raise IntegrityError(
            f"The stored frequency {name!r} is not known to pandas {pd.__version__}; "
            "read the object with the version of pandas that wrote it."
        )
    if normalize:
        keywords = {**keywords, "normalize": True}
    try:
        offset: pd.offsets.BaseOffset = cls(n, **keywords)
    except (TypeError, ValueError) as error:
        raise IntegrityError(f"The stored frequency {name!r} is malformed: {error}") from error
    return offset
