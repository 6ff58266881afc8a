"""``foo.rows``: a payload in a collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from omega_core import BaseDataBackend, Metadata

from .types import FooRows


class FooRowsBackend(BaseDataBackend):
    """Stores one document per item, in a collection that belongs to this version of the object."""

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        # The id of a document is MongoDB's to give, and an empty insert is an error.
        return bool(obj) and not any("_id" in item for item in obj)

    def put(
        self,
        obj: Iterable[Mapping[str, Any]],
        name: str,
        attributes: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Metadata:
        collection = self.data_store.collection(name)
        collection.insert_many([dict(item) for item in obj])
        meta = self.data_store.make_metadata(name, 'foo.rows')
        meta.collection = collection
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> FooRows:
        # In the order in which they were inserted: nothing is ever deleted from this collection.
        return FooRows(self.data_store.collection(name).find({}, {"_id": False}))
