"""The collection of an object as a put sees it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from pymongo.collection import Collection
from pymongo.results import InsertManyResult

Document = dict[str, Any]


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
