"""The backend of `pandas.DataFrame`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from types import GeneratorType
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from omega_core.errors import UnsupportedOptionError

from .columnar import ColumnarBackend
from .files.arrow_stream import Payload, write_payload
from .kind_meta import listing
from .objects.arrow_tables import converted, is_tabular, to_encoded, to_table
from .objects.column_labels import field_names, select
from .objects.header import Encoded
from .objects.pandas_objects import decode_frame, encode_frame
from .segments.documents import Progress

if TYPE_CHECKING:
    from omega_core import Metadata


class DataFrameBackend(ColumnarBackend):
    """Stores a DataFrame such that an equal one comes back, to the dtype, index and label.

    Examples
    --------
    >>> om.datasets.put(frame, "sales")                                   # doctest: +SKIP
    >>> om.datasets.put(more, "sales", append=True)                       # doctest: +SKIP
    >>> om.datasets.get("sales", columns=["qty"], filter={"qty__gt": 3})  # doctest: +SKIP
    """

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
        progress: Progress | None = None,
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
        progress
            Called with what is done, and all there is to do.

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
        shown: dict[str, Any] = {}
        in_pieces = isinstance(obj, Iterator | pa.RecordBatchReader)
        if in_pieces or is_tabular(obj):
            if uri is not None:
                raise UnsupportedOptionError(
                    f"put of {name!r}: only a DataFrame goes to a uri, not a {type(obj).__name__}."
                )

            def pieces(start: int) -> Iterator[Encoded]:
                for piece in _pieces(obj) if in_pieces else [obj]:
                    tabular = is_tabular(piece)
                    encoded = (
                        to_encoded(piece, subject, start)
                        if tabular
                        else encode_frame(piece, subject)
                    )
                    if not shown:
                        types = to_table(piece, subject).schema if tabular else None
                        labels = list(piece.columns) if types is None else types.names
                        dtypes = list(piece.dtypes) if types is None else types.types
                        shown.update(listing(0, labels, dtypes))
                    start += encoded.table.num_rows
                    yield encoded

            return self.put_columnar(
                "pandas.dataframe",
                pieces,
                name,
                lambda rows: {**shown, "rows": rows},
                attributes,
                append=append,
                progress=progress,
            )
        encoded = encode_frame(obj, subject)
        if uri is None:
            labels, dtypes = list(obj.columns), list(obj.dtypes)
            return self.put_columnar(
                "pandas.dataframe",
                lambda _: [encoded],
                name,
                lambda rows: listing(rows, labels, dtypes),
                attributes,
                append=append,
                progress=progress,
            )
        if append:
            raise UnsupportedOptionError(f"put of {name!r}: a file at a uri takes no append.")
        meta = self.data_store.make_metadata(name, "pandas.dataframe", attributes=attributes)
        meta.kind_meta = listing(len(obj), list(obj.columns), list(obj.dtypes))
        with self.data_store.create_file(meta, "arrow", uri=uri) as file:
            write_payload(encoded, file)
        return meta.save()

    def encode_again(self, obj: Any, meta: Metadata) -> Encoded:
        return encode_frame(obj, f"The DataFrame {meta.name!r}")

    def get(
        self,
        name: str,
        columns: Any = None,
        filter: Any = None,
        rows: slice | None = None,
        chunksize: int | None = None,
        lazy: bool = False,
        as_of: int | dt.datetime | None = None,
        as_: str = "pandas",
        **kwargs: Any,
    ) -> Any:
        """Return the DataFrame, or a part of it.

        Parameters
        ----------
        columns
            A list of column labels: only these are read, and come in this order.
        filter
            A mapping such as ``{"qty__gt": 3, "state": "NY"}``, a `Q`, or a pyarrow expression.
        rows
            A slice of row numbers, before the filter.
        chunksize
            Return an iterator of frames of at most so many rows, read one at a time.
        lazy
            Return a `LazyFrame`, which reads what is asked of it.
        as_of
            The revision, or a time with a time zone: leaves out what was appended later.
        as_
            ``"arrow"`` or ``"polars"`` for a table of theirs.
        """
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside a get there is one"
        if meta.uri is not None:
            asked = {"rows": rows, "chunksize": chunksize, "as_of": as_of, "filter": filter}
            given = [key for key, value in asked.items() if value is not None]
            if given or lazy:
                raise UnsupportedOptionError(
                    f"get of {name!r}: a frame at a uri is read whole; it has no option "
                    f"{(given or ['lazy'])[0]!r}. Store it in MongoDB to read parts of it."
                )
            return converted(self._read_file(meta, columns), as_)
        return self.read_selection(
            meta,
            columns=columns,
            filter=filter,
            rows=rows,
            chunksize=chunksize,
            lazy=lazy,
            as_of=as_of,
            as_=as_,
        )

    def _read_file(self, meta: Metadata, columns: Any) -> Any:
        with self.data_store.open_file(meta) as file:
            payload = Payload(file.read())
        header = payload.header
        positions, labels = select(header, columns, f"The DataFrame {meta.name!r}")
        table = payload.table(lambda names: field_names(names, positions))
        return decode_frame(header, table, positions, labels)


def _pieces(obj: Any) -> Iterator[Any]:
    """Return what an iterator gives, or the batches of a reader, of which there may be none."""
    empty = isinstance(obj, pa.RecordBatchReader)
    for piece in obj:
        empty = False
        yield piece
    if empty:
        yield obj.schema.empty_table()
