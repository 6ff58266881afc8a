"""The options of the put that stored a model, kept with it: a fit stores it again as it was.

They are a part of the payload, beside ``kind_meta``: sealed, kept by a version, brought back by a
restore.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import UnsupportedValueError
from . import attributes as codec
from .metadata import Metadata
from .naming import generation_key

Document = dict[str, Any]

_OF_ONE_PUT = ("append",)


def to_document(options: Mapping[str, Any]) -> Document | None:
    """Return options as MongoDB stores them; None where there are none.

    What would not come back equal is left out: it cannot be kept, and is no reason to refuse.
    """
    kept: Document = {}
    for name, value in options.items():
        if name in _OF_ONE_PUT or value is None:
            continue
        try:
            codec.to_document({name: value}, name)
        except UnsupportedValueError:
            continue
        kept[name] = value
    return codec.to_document(kept, "options") if kept else None


def of(meta: Metadata) -> dict[str, Any]:
    """Return the options of the put that stored an object."""
    if meta.options is not None:
        return codec.from_document(meta.options)
    # What was stored before options were kept lies where its key shows.
    start = -1
    if meta.uri is not None and meta.gen is not None:
        start = meta.uri.find(generation_key(meta.name, meta.gen))
    return {} if start < 0 else {"uri": f"{(meta.uri or '')[:start]}{{key}}"}
