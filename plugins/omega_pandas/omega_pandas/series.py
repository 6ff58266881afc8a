"""The backend of `pandas.Series`, and of `pandas.Index` in all its classes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from omega_core.errors import UnsupportedOptionError

from .columnar import ArrowExports
from .columns.index import INDEX_TYPES
from .kind_meta import listing
from .objects.header import Encoded, intact
from .objects.pandas_objects import (
    decode_lone_index,
    decode_series,
    encode_lone_index,
    encode_series,
)
from .previews import series_preview
from .row_changes import Read, series_changes
from .segments.stored_table import Stored
from .values.unfaithful import type_name

if TYPE_CHECKING:
    from omega_core import Metadata, Preview, RowChanges, Summary


class SeriesBackend(ArrowExports):
    """Stores a Series or an Index such that an equal one comes back.

    In filters, the values of a Series are called ``value``: ``{"value__gt": 3}``.
    """

    kind = "pandas.series"
    called = "Series"
    encode = staticmethod(encode_series)

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        """Return whether ``obj`` is of pandas' own class: a subclass would lose its own."""
        return type(obj) is pd.Series or type(obj) in INDEX_TYPES

    def put(
        self,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None = None,
        uri: str | None = None,
        append: bool = False,
        **kwargs: Any,
    ) -> Metadata:
        """Store a Series or an Index; or, with ``kind="pandas.series"``, Series of an iterator.

        Parameters
        ----------
        uri
            Where to write it, as one Arrow file, instead of in MongoDB.
        append
            Add the values to those that are there, as `pandas.concat` would. For Series.

        Raises
        ------
        UnsupportedValueError
            Before anything is written, naming what would not come back equal.
        """
        if isinstance(obj, Iterator):
            if uri is not None:
                raise UnsupportedOptionError(
                    f"put of {name!r}: only a Series goes to a uri, not a {type_name(obj)}."
                )
            shown: dict[str, Any] = {}
            return self.put_pieces(
                lambda _: _encoded(obj, f"The Series {name!r}", shown),
                name,
                shown,
                attributes,
                append=append,
            )
        if isinstance(obj, pd.Index):
            encoded = encode_lone_index(obj, f"The Index {name!r}")
            levels = obj.levels if isinstance(obj, pd.MultiIndex) else [obj]
            labels, dtypes = list(obj.names), [level.dtype for level in levels]
            if append:
                raise UnsupportedOptionError(
                    f"put of {name!r}: an Index takes no append. Append a Series."
                )
        else:
            encoded = encode_series(obj, f"The Series {name!r}")
            labels, dtypes = [obj.name], [obj.dtype]
        shown = {**listing(len(obj), labels, dtypes), "class": type(obj).__name__}
        return self.put_encoded(encoded, name, shown, attributes, uri=uri, append=append)

    def preview(self, summary: Summary, read: Read) -> Preview | None:
        """Return the first values, and some of others."""
        return series_preview(summary, read)

    def changed_rows(self, one: Read, two: Read) -> list[RowChanges]:
        """Return which rows differ, by position and by index."""
        return series_changes(one(), two())

    def get(
        self,
        name: str,
        filter: Any = None,
        rows: slice | None = None,
        chunksize: int | None = None,
        lazy: bool = False,
        as_of: int | dt.datetime | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return the Series or the Index; the options are those of a DataFrame."""
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside a get there is one"
        asked = {"filter": filter, "rows": rows, "chunksize": chunksize, "as_of": as_of}
        given = [key for key, value in asked.items() if value is not None] + ["lazy"] * lazy
        whole = meta.uri is not None or meta.kind_meta["class"] != "Series"
        if given and whole:
            raise UnsupportedOptionError(
                f"get of {name!r}: an Index, or a file at a uri, is read whole; it has no option "
                f"{given[0]!r}."
            )
        if meta.uri is not None:
            payload = self.read_payload(meta)
            decode = decode_lone_index if payload.header["object"] == "index" else decode_series
            return decode(payload.header, payload.table())
        if whole:
            with intact():
                return Stored(self.data_store.segments, meta).whole_index()
        return self.read_selection(
            meta, filter=filter, rows=rows, chunksize=chunksize, lazy=lazy, as_of=as_of
        )


def _encoded(pieces: Iterable[Any], subject: str, shown: dict[str, Any]) -> Iterator[Encoded]:
    """Encode Series; ``shown`` takes what a list of objects shows of the first one."""
    for piece in pieces:
        encoded = encode_series(piece, subject)
        if not shown:
            shown.update({**listing(0, [piece.name], [piece.dtype]), "class": "Series"})
        yield encoded
