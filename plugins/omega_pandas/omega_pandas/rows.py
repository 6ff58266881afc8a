"""The backend of `pandas.dfrows`: one document per row, for whoever else reads MongoDB."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo.errors import DocumentTooLarge, OperationFailure

from omega_core import BaseDataBackend
from omega_core.errors import UnsupportedOptionError, UnsupportedValueError, suggestion

from .batches import check_schema, split_header
from .documents import Layout, encode_rows
from .filters import compile
from .headers import common_id, fetch_header, store_header
from .narrowing import narrowed
from .rowfilters import possible_rows
from .schema import listing
from .tables import encode_frame, select

if TYPE_CHECKING:
    from pymongo.collection import Collection

    from omega_core import Metadata

Json = Any
Document = dict[str, Any]

_BATCH = 1000
_TOO_LARGE = 10334
# Moments stay numbers: those of BSON reach beyond the years of Python.
_CODEC: CodecOptions[Document] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS)


class RowsBackend(BaseDataBackend):
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
        return type(obj) is pd.DataFrame and kwargs.get("layout") == "rows"

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
        keys = [_index_key(key, rows.names, name) for key in _listed(index)]
        appending = append and meta.collection is not None
        gen = store.generation(name)
        if appending:
            check_schema(self._shared(meta, subject), shared, subject)
        else:
            kept = store_header(shared, gen, common_id(gen), store.segments)
            about = listing(0, list(obj.columns), list(obj.dtypes))
            del about["rows"]  # of which each batch has its own number
            meta.kind_meta = {**about, "header": kept, "batches": []}
        collection = store.collection(name)
        _insert(collection, gen, rows.documents(), subject)
        for key in keys:
            collection.create_index([key])
        if meta.collection is None:
            if not len(obj):
                collection.database.create_collection(collection.name)
            meta.collection = collection.name
        header = store_header(own, gen, f"{gen}-header", store.segments)
        batch = {"gen": gen, "payload": gen, "rows": len(obj), "header": header}
        meta.kind_meta = {**meta.kind_meta, "batches": [*meta.kind_meta["batches"], batch]}
        return meta.save()

    def get(self, name: str, *, columns: Any = None, filter: Any = None, **kwargs: Any) -> Any:
        """Return the DataFrame.

        Parameters
        ----------
        columns
            A list of column labels: only these are fetched, and come in this order.
        filter
            Only the rows that match: ``{"qty__gt": 3, "state": "NY"}``, or a `Q`.
        """
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside a get there is one"
        subject = f"The DataFrame {name!r}"
        shared = self._shared(meta, subject)
        positions, labels = select(shared, columns, subject)
        everything = select(shared, None, subject)[1]
        predicate = None if filter is None else compile(filter, everything, subject)
        tested = [] if predicate is None else list(predicate.positions)
        wanted = list(dict.fromkeys([*positions, *tested]))
        collection = self.data_store.collection(name).with_options(codec_options=_CODEC)
        frames: list[Any] = []
        layouts: list[Layout] = []
        taken: list[Any] = []
        start = 0
        for batch in meta.kind_meta["batches"]:
            own = fetch_header(
                batch["header"], f"{batch['gen']}-header", self.data_store.segments, subject
            )
            layout = Layout(shared, own)
            layouts.append(layout)
            condition = {} if filter is None else possible_rows(filter, layout, everything)
            found = _found(collection, batch, condition, layout, wanted)
            rows = batch["rows"] if predicate is None else None
            frame, numbers = layout.read(found, wanted, subject, rows)
            if predicate is not None:
                values = {position: frame[position] for position in tested}
                mask = np.asarray(predicate.mask(values, len(frame)), dtype=bool)
                frame, numbers = frame[mask], numbers[mask]
            frames.append(frame)
            taken.append(numbers + start)
            start += batch["rows"]
        whole = frames[0] if len(frames) == 1 else pd.concat(frames)
        if predicate is not None and any(layout.is_telling for layout in layouts):
            every = self._index(meta, collection, layouts, subject)
            # As pandas does it: a mask that is True everywhere leaves the index alone.
            chosen = np.concatenate(taken)
            whole.index = every if len(chosen) == len(every) else every.take(chosen)
        return narrowed(shared, whole, positions, labels)

    def _index(
        self,
        meta: Metadata,
        collection: Collection[Document],
        layouts: list[Layout],
        subject: str,
    ) -> Any:
        """Return the index of all rows: a regular selection of a regular one is regular."""
        parts = []
        for batch, layout in zip(meta.kind_meta["batches"], layouts, strict=True):
            documents = _found(collection, batch, {}, layout, [])
            parts.append(layout.read(documents, [], subject, batch["rows"])[0].index)
        return parts[0] if len(parts) == 1 else parts[0].append(parts[1:])

    def _shared(self, meta: Metadata, subject: str) -> dict[str, Json]:
        gen = meta.kind_meta["batches"][0]["gen"]
        kept = meta.kind_meta["header"]
        return fetch_header(kept, common_id(gen), self.data_store.segments, subject)


def _found(
    collection: Collection[Document],
    batch: Document,
    condition: Document,
    layout: Layout,
    wanted: list[int],
) -> Iterator[Document]:
    gen = batch["gen"]
    ids = {"_id": {"$gte": f"{gen}-", "$lt": f"{gen}."}}
    query = {"$and": [ids, condition]} if condition else ids
    return iter(collection.find(query, layout.projection(wanted)).sort("_id", 1))


def _insert(
    collection: Collection[Document], gen: str, documents: Iterator[Document], subject: str
) -> None:
    # The ids begin with the generation: readers see the batches that the metadata lists, and the
    # collector finds those of a writer that crashed.
    numbered = ({"_id": f"{gen}-{row:012d}", **item} for row, item in enumerate(documents))
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


def _listed(index: Iterable[str]) -> list[str]:
    return [index] if isinstance(index, str) else list(index)


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
