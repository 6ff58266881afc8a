"""The collections of MongoDB as a put sees them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from pymongo.collection import Collection
from pymongo.results import InsertManyResult, InsertOneResult

from .naming import Key

Document = dict[str, Any]

OBJECT = "object"
"""The field of a document in the shared collection that says, as `Key.digest`, whose it is."""


class GenerationCollection(Collection[Document]):
    """A collection that takes no documents as well as some: an object may be empty."""

    def insert_many(self, documents: Iterable[Any], *args: Any, **kwargs: Any) -> InsertManyResult:
        """Insert documents as the driver does, which would refuse to insert none."""
        remaining = iter(documents)
        first = list(itertools.islice(remaining, 1))
        if not first:
            return InsertManyResult([], acknowledged=True)
        # A list goes on as itself, because the driver adds an `_id` to the documents in it.
        given = documents if isinstance(documents, list) else itertools.chain(first, remaining)
        return super().insert_many(given, *args, **kwargs)


class OwnedSegments(Collection[Document]):
    """The shared collection of a bucket, where each document that a put writes names its object.

    By that, the collector frees what belongs to the object, and nothing that a forged document of
    another one claims.
    """

    def __init__(self, segments: Collection[Document], key: Key) -> None:
        super().__init__(segments.database, segments.name, write_concern=segments.write_concern)
        self._mark = {OBJECT: key.digest}

    def insert_one(self, document: Any, *args: Any, **kwargs: Any) -> InsertOneResult:
        return super().insert_one({**document, **self._mark}, *args, **kwargs)

    def insert_many(self, documents: Iterable[Any], *args: Any, **kwargs: Any) -> InsertManyResult:
        marked = [{**document, **self._mark} for document in documents]
        return super().insert_many(marked, *args, **kwargs)
