"""The backend of `pandas.DataFrame`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import GeneratorType
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from omega_core.errors import UnsupportedOptionError

from .columnar import ArrowExports, FrameBackend
from .kind_meta import listing
from .objects.arrow_tables import converted, is_tabular, to_encoded, to_table
from .objects.column_labels import field_names, select
from .objects.header import Encoded
from .objects.pandas_objects import decode_frame, encode_frame

if TYPE_CHECKING:
    from omega_core import Metadata


class DataFrameBackend(FrameBackend, ArrowExports):
    """Stores a DataFrame such that an equal one comes back, to the dtype, index and label.

    Examples
    --------
    >>> om.datasets.put(frame, "sales")                                   # doctest: +SKIP
    >>> om.datasets.put(more, "sales", append=True)                       # doctest: +SKIP
    >>> om.datasets.get("sales", columns=["qty"], filter={"qty__gt": 3})  # doctest: +SKIP
    """

    kind = "pandas.dataframe"
    called = "DataFrame"
    encode = staticmethod(encode_frame)

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        """Return whether ``obj`` is a DataFrame itself: a subclass would come back as its base.

        A generator is taken for one of DataFrames. Tables of other libraries are taken too.
        """
        taken = type(obj) in (pd.DataFrame, GeneratorType) or is_tabular(obj)
        # Also of a layout that there is not: `put` says which there are.
        return taken and kwargs.get("layout") != "rows"

    def put(
        self,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None = None,
        uri: str | None = None,
        append: bool = False,
        layout: str = "columns",
        **kwargs: Any,
    ) -> Metadata:
        """Store a DataFrame, or those that an iterator gives, one after the other.

        A table of Arrow, a reader of its batches, or a DataFrame of polars is stored as it is.

        Parameters
        ----------
        uri
            Where to write it, as one Arrow file, instead of in MongoDB.
        append
            Add the rows to those that are there, as `pandas.concat` would. The columns, dtypes and
            categories must be the stored ones; nothing is converted.
        layout
            ``"columns"``; for ``"rows"`` see the kind ``pandas.dfrows``.

        Raises
        ------
        UnsupportedValueError
            Before anything is visible, naming what would not come back equal.
        """
        subject = f"The DataFrame {name!r}"
        if layout != "columns":
            raise UnsupportedOptionError(
                f"put of {name!r}: layout= takes 'columns' or, of a DataFrame, 'rows', "
                f"not {layout!r}."
            )
        in_pieces = isinstance(obj, Iterator | pa.RecordBatchReader)
        if in_pieces or is_tabular(obj):
            if uri is not None:
                raise UnsupportedOptionError(
                    f"put of {name!r}: only a DataFrame goes to a uri, not a {type(obj).__name__}."
                )
            shown: dict[str, Any] = {}
            pieces = _pieces(obj) if in_pieces else [obj]
            return self.put_pieces(
                lambda start: _encoded(pieces, subject, start, shown),
                name,
                shown,
                attributes,
                append=append,
            )
        encoded = encode_frame(obj, subject)
        shown = listing(len(obj), list(obj.columns), list(obj.dtypes))
        return self.put_encoded(encoded, name, shown, attributes, uri=uri, append=append)

    def read(self, meta: Metadata, **options: Any) -> Any:
        if meta.uri is None:
            return self.read_selection(meta, **options)
        asked = ("rows", "chunksize", "as_of", "filter")
        given = [key for key in asked if options[key] is not None]
        if given or options["lazy"]:
            raise UnsupportedOptionError(
                f"get of {meta.name!r}: a frame at a uri is read whole; it has no option "
                f"{(given or ['lazy'])[0]!r}. Store it in MongoDB to read parts of it."
            )
        payload = self.read_payload(meta)
        header = payload.header
        subject = f"The DataFrame {meta.name!r}"
        positions, labels = select(header, options["columns"], subject)
        table = payload.table(lambda names: field_names(names, positions))
        return converted(decode_frame(header, table, positions, labels), options["as_"])


def _encoded(
    pieces: Iterable[Any], subject: str, start: int, shown: dict[str, Any]
) -> Iterator[Encoded]:
    """Encode frames and tables; ``shown`` takes what a list of objects shows of the first one."""
    for piece in pieces:
        tabular = is_tabular(piece)
        encoded = to_encoded(piece, subject, start) if tabular else encode_frame(piece, subject)
        if not shown and tabular:
            schema = to_table(piece, subject).schema
            shown.update(listing(0, schema.names, schema.types))
        elif not shown:
            shown.update(listing(0, list(piece.columns), list(piece.dtypes)))
        start += encoded.table.num_rows
        yield encoded


def _pieces(obj: Any) -> Iterator[Any]:
    """Return what an iterator gives, or the batches of a reader, of which there may be none."""
    empty = isinstance(obj, pa.RecordBatchReader)
    for piece in obj:
        empty = False
        yield piece
    if empty:
        yield obj.schema.empty_table()
