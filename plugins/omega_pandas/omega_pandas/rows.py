"""The backend of `pandas.dfrows`: one document per row, for whoever else reads MongoDB."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
from pymongo.errors import DocumentTooLarge, OperationFailure

from omega_core import dump_row
from omega_core.errors import UnsupportedOptionError, UnsupportedValueError, suggestion

from .columnar import FrameBackend
from .kind_meta import listing, misshapen_rows
from .objects.pandas_objects import encode_frame
from .row_documents.documents import encode_rows
from .row_documents.stored_rows import RowsSelection, StoredRows
from .segments.append_checks import Labels, check_schema
from .segments.batches import store_common
from .segments.documents import Progress
from .segments.headers import split_header, store_header
from .segments.layout import Document, Layout
from .segments.selection import read_part
from .segments.summaries import column_summaries, table_details

if TYPE_CHECKING:
    from pymongo.collection import Collection

    from omega_core import Metadata, Summary


_BATCH = 1000
_TOO_LARGE = 10334


class RowsBackend(FrameBackend):
    """Stores each row of a DataFrame as a document with a field per column.

    Slower and larger than the default layout: for frames that other tools of MongoDB read. What
    BSON cannot hold exactly is refused.

    Examples
    --------
    >>> om.datasets.put(frame, "sales", layout="rows", index=["state", "-qty"])  # doctest: +SKIP
    >>> om.datasets.get("sales", filter={"qty__gt": 3}, columns=["state"])       # doctest: +SKIP
    """

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        """Return whether ``obj`` is a DataFrame itself, and ``layout="rows"`` was asked for."""
        rows = kwargs.get("layout") == "rows" and kwargs.get("format") is None
        return rows and type(obj) is pd.DataFrame

    def put(
        self,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None = None,
        *,
        layout: str = "rows",
        append: bool = False,
        index: Iterable[str] = (),
        **kwargs: Any,
    ) -> Metadata:
        """Store a DataFrame.

        Parameters
        ----------
        layout
            ``"rows"``.
        append
            Add the rows to those that are there, as `pandas.concat` would. The columns, dtypes and
            categories must be the stored ones; nothing is converted.
        index
            Columns, or names of index levels, for indexes of MongoDB: ``["a", "-b"]``, with a
            minus for descending.

        Raises
        ------
        UnsupportedValueError
            Before anything is written, naming the column that BSON cannot hold exactly, or the
            label that cannot be the key of a field.
        """
        subject = f"The DataFrame {name!r}"
        if layout != "rows":
            raise UnsupportedOptionError(
                f"put of {name!r}: pandas.dfrows has the layout 'rows', not {layout!r}."
            )
        store = self.data_store
        meta = store.make_metadata(name, "pandas.dfrows", attributes=attributes)
        encoded = encode_frame(obj, subject)
        shared, own = split_header(encoded)
        rows = encode_rows(encoded, shared, own, subject)
        index = [index] if isinstance(index, str) else index
        keys = [_index_key(key, rows.names, name) for key in index]
        appending = append and meta.collection is not None
        gen = store.generation(name)
        if appending:
            stored = self._stored(meta)
            check_schema(stored.header, shared, subject)
            Labels(stored, subject).append(own, encoded.table, unique=not shared["duplicates"])
        else:
            kept = store_common(shared, gen, store.segments)
            about = listing(0, list(obj.columns), list(obj.dtypes))
            del about["rows"]  # of which each batch has its own number
            meta.kind_meta = {**about, "header": kept, "batches": []}
        collection = store.collection(name)
        _insert(collection, gen, rows.documents(), subject, lambda n: self.progress(n, len(obj)))
        for key in keys:
            collection.create_index([key])
        if meta.collection is None:
            if not len(obj):
                collection.database.create_collection(collection.name)
            meta.collection = collection.name
        header = store_header(own, gen, f"{gen}-header", store.segments)
        width = len(rows.fields)
        cut = Layout(len(obj), 1, (width,) if width else ())
        batch = {
            "gen": gen, "payload": gen, **cut.to_document(), "header": header, "crc": True
        }  # fmt: skip
        meta.kind_meta = {**meta.kind_meta, "batches": [*meta.kind_meta["batches"], batch]}
        return meta.save()

    def misshapen(self, meta: Metadata) -> str | None:
        return misshapen_rows(meta)

    def describe(self, name: str, **kwargs: Any) -> Summary:
        """Return the columns and their dtypes; of values that lie in documents, nothing is kept."""
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside of a describe there is one"
        stored = self._stored(meta)
        return replace(
            super().describe(name),
            rows=stored.rows,
            columns=column_summaries(stored, statistics=False),
            details=table_details(stored),
        )

    def read(self, meta: Metadata, **options: Any) -> Any:
        stored = self._stored(meta, options.pop("as_of"))
        return read_part(RowsSelection, stored, **options)

    def _stored(self, meta: Metadata, as_of: int | dt.datetime | None = None) -> StoredRows:
        store = self.data_store
        return StoredRows(store.collection(meta.name), store.segments, meta, as_of)


def _insert(
    collection: Collection[Document],
    gen: str,
    documents: Iterator[Document],
    subject: str,
    progress: Progress,
) -> None:
    codec = collection.codec_options
    done = 0
    numbered = (dump_row(gen, row, item, codec) for row, item in enumerate(documents))
    while batch := list(itertools.islice(numbered, _BATCH)):
        try:
            collection.insert_many(batch, ordered=True)
        except (DocumentTooLarge, OperationFailure) as error:
            # The driver looks at the size of a document only where it could not fit a message.
            if isinstance(error, OperationFailure) and error.code != _TOO_LARGE:
                raise
            raise UnsupportedValueError(
                f"{subject} was not stored: one of its rows is larger than a document of MongoDB "
                "may be (16 MB). Leave layout='rows' out: the default layout takes it."
            ) from None
        done += len(batch)
        progress(done)


def _index_key(key: Any, names: list[str], name: str) -> tuple[str, int]:
    if isinstance(key, str):
        if key in names:
            return key, 1
        if key[:1] == "-" and key[1:] in names:
            return key[1:], -1
    raise UnsupportedOptionError(
        f"put of {name!r}: index= takes names of columns, with '-' for descending, and there is no "
        f"column {key!r}.{suggestion(str(key).lstrip('-'), names)}"
    )
