"""``python.rows``: an iterable of mappings, one document per item, readable by any MongoDB tool."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sized
from dataclasses import replace
from typing import Any

from bson.codec_options import CodecOptions

from ..difference import ADDED, CHANGED, REMOVED, Change, Read, RowChanges, same
from ..errors import IntegrityError, UnsupportedOptionError, UnsupportedValueError
from ..faithful import decode, encode
from ..mongo.database import EXACT_TYPES
from ..preview import Preview
from ..protocol.metadata import Metadata
from ..protocol.resources import ids_of
from ..query import Q
from ..shapes import GENERATION, each, fields, integer, text
from ..summary import ColumnSummary, Summary
from .base import BaseDataBackend
from .filters import possible_matches, understand
from .matching import matches
from .row_documents import dump_row, read_rows

_BATCH = 1000
_SAMPLED = 100
_READ_TO_PREVIEW = 20_000
_SHAPE = fields({"batches": each(fields({"gen": GENERATION, "rows": integer()}), least=1)})
_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(type_registry=EXACT_TYPES)


class PythonRowsBackend(BaseDataBackend):
    """Stores the items of an iterable in a collection; appends, filters and indexes.

    Values survive as in ``python.data``. Top-level keys are strings without a leading ``$``, a
    dot or NUL, and not ``_id``, so that other tools can query them. Each item that is read is
    compared with the checksum in its ``_id``; whether some are missing, where no filter is given.
    """

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        return isinstance(obj, Iterable) and not isinstance(obj, str | bytes | Mapping)

    def put(
        self,
        obj: Iterable[Mapping[str, Any]],
        name: str,
        attributes: dict[str, Any] | None = None,
        *,
        append: bool = False,
        index: Iterable[str] = (),
        **kwargs: Any,
    ) -> Metadata:
        """Store the items of ``obj``, in their order.

        Parameters
        ----------
        append
            Add them to those that are there, atomically.
        index
            Keys to index: ``["a", "-b"]``, with a minus for descending.
        """
        if not self.supports(obj, name):
            raise UnsupportedValueError(
                f"put of {name!r}: python.rows takes an iterable of mappings, "
                f"not {type(obj).__name__}."
            )
        keys = [_index_key(key, name) for key in ([index] if isinstance(index, str) else index)]
        meta = self.data_store.make_metadata(name, "python.rows", attributes=attributes)
        collection = self.data_store.collection(name)
        gen = self.data_store.generation(name)
        count = 0
        # The ids begin with the generation: readers see the batches that the metadata lists, and
        # the collector finds those of a writer that crashed.
        codec = collection.codec_options
        documents = (dump_row(gen, i, _checked(item, i, name), codec) for i, item in enumerate(obj))
        while batch := list(itertools.islice(documents, _BATCH)):
            collection.insert_many(batch, ordered=True)
            count += len(batch)
            self.progress(count, len(obj) if isinstance(obj, Sized) else None)
        for key in keys:
            collection.create_index([key])
        batches = meta.kind_meta.get("batches", [])
        batch_meta = {"gen": gen, "rows": count, "crc": True}
        meta.kind_meta = {**meta.kind_meta, "batches": [*batches, batch_meta]}
        if meta.collection is None:
            if not count:
                collection.database.create_collection(collection.name)
            meta.collection = collection.name
        return meta.save()

    def describe(self, name: str, **kwargs: Any) -> Summary:
        """Return the number of items, and the keys of the first of them with their types."""
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside of a describe there is one"
        batches = meta.kind_meta["batches"]
        first = {"_id": ids_of(batches[0]["gen"])}
        checked = {batches[0]["gen"]} if batches[0].get("crc") else ()
        collection = self.data_store.collection(name)
        what = f"{meta.prefix}{meta.name!r} in bucket {meta.bucket!r}, version {meta.version}"
        found = itertools.islice(
            read_rows(collection, first, _CODEC, checked, what, batch_size=_SAMPLED), _SAMPLED
        )
        types: dict[str, list[str]] = {}
        sampled = 0
        for item in found:
            sampled += 1
            for key, value in item.items():
                called = type(decode(value)).__name__
                if key != "_id" and called not in types.setdefault(key, []):
                    types[key].append(called)
        columns = tuple(ColumnSummary(key, " | ".join(seen)) for key, seen in types.items())
        rows = sum(batch["rows"] for batch in batches)
        details = {"batches": len(batches)}
        if sampled < rows:
            details["keys are those of the first"] = sampled
        return replace(super().describe(name), rows=rows, columns=columns, details=details)

    def changed_rows(self, one: Read, two: Read) -> list[RowChanges]:
        """Return which items differ, by their position."""
        before, after = one(), two()
        return [RowChanges.of_items("position", _changes(before, after), len(before))]

    def preview(self, summary: Summary, read: Read) -> Preview | None:
        """Return the first items; of very many, which are read whole, none."""
        if (summary.rows or 0) > _READ_TO_PREVIEW:
            return None
        keys = [column.name for column in summary.columns]
        rows = [tuple(item.get(key) for key in keys) for item in read()[:_BATCH]]
        return Preview(tuple(keys), rows)

    def misshapen(self, meta: Metadata) -> str | None:
        return _SHAPE(meta.kind_meta, "kind_meta") or text()(meta.collection, "collection")

    def get(
        self, name: str, *, filter: Mapping[Any, Any] | Q | None = None, **kwargs: Any
    ) -> list[dict[str, Any]]:
        """Return the items, in the order in which they were put.

        Parameters
        ----------
        filter
            Only those that match: ``{"qty__gt": 3, "state": "NY"}``, or a `Q`. A missing key is
            as None and NaN are: only ``ne``, ``nin``, ``~`` and ``isnull`` match it. Values that
            cannot be ordered, such as a string and a number, do not match.
        """
        meta = self.data_store.metadata(name)
        assert meta is not None
        condition = understand(filter, name)
        query = possible_matches(condition)
        collection = self.data_store.collection(name)
        what = f"{meta.prefix}{meta.name!r} in bucket {meta.bucket!r}, version {meta.version}"
        items: list[dict[str, Any]] = []
        read, total = 0, sum(batch["rows"] for batch in meta.kind_meta["batches"])
        for batch in meta.kind_meta["batches"]:
            gen = batch["gen"]
            # What was stored before there were checksums has none.
            checked = {gen} if batch.get("crc") else ()
            asked = {"$and": [{"_id": ids_of(gen)}, query]}
            found = list(read_rows(collection, asked, _CODEC, checked, what))
            if filter is None and len(found) != batch["rows"]:
                raise IntegrityError(
                    f"{what}: {len(found)} of the {batch['rows']} rows of the batch {gen} are "
                    "there. Restore an earlier version, or store it again."
                )
            rows = ({k: decode(v) for k, v in item.items() if k != "_id"} for item in found)
            items += [row for row in rows if matches(condition, row)]
            read += len(found)
            self.progress(read, total)
        return items


def _changes(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[Change]:
    shared = min(len(before), len(after))
    for at, (one, two) in enumerate(zip(before, after, strict=False)):
        if not same(one, two):
            keys = [key for key in {**one, **two} if not same(one.get(key), two.get(key))]
            parts = ({key: row.get(key) for key in keys} for row in (one, two))
            yield Change(at, CHANGED, *parts)
    for at in range(shared, len(before)):
        yield Change(at, REMOVED, before=before[at])
    for at in range(shared, len(after)):
        yield Change(at, ADDED, after=after[at])


def _checked(item: Any, position: int, name: str) -> dict[str, Any]:
    where = f"item {position} of {name!r}"
    if type(item) is not dict:
        raise UnsupportedValueError(
            f"{where} is a {type(item).__name__}; python.rows takes dicts. Convert it."
        )
    for key in item:
        if (
            type(key) is not str
            or not key
            or key == "_id"
            or key[0] == "$"
            or "\0" in key
            or "." in key
        ):
            raise UnsupportedValueError(
                f"{where} has the key {key!r}. Keys are strings, not '_id', without a leading "
                "'$', dots or NUL. Rename it, or store the list as kind='python.data'."
            )
    return {key: encode(value, f"{where}[{key!r}]") for key, value in item.items()}


def _index_key(key: Any, name: str) -> tuple[str, int]:
    if not isinstance(key, str) or not key.lstrip("-") or key.lstrip("-")[0] == "$":
        raise UnsupportedOptionError(
            f"put of {name!r}: index takes names of keys, with '-' for descending, not {key!r}."
        )
    return (key[1:], -1) if key.startswith("-") else (key, 1)
