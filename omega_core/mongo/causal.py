"""Reads that never go back, on a replica set: a client sees what it has written and has seen.

A new primary may answer a read with an older state than the one before it had acknowledged, until
it knows how far the majority is; and a primary that was deposed may not know that yet. So each read
asks for a state that is not before the latest operation that this client has heard of, of all its
threads. (`Causal consistency`, MongoDB manual; the driver's sessions do it for one thread.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import pymongo
from bson.codec_options import TypeRegistry
from bson.int64 import Int64
from bson.timestamp import Timestamp
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.results import DeleteResult, UpdateResult

Document = dict[str, Any]
T = TypeVar("T")


class CausalClock:
    """The latest operation that one client knows of, whichever of its threads did it."""

    def __init__(self, client: pymongo.MongoClient[Document]) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._operation: Timestamp | None = None
        self._cluster: Mapping[str, Any] | None = None

    @contextmanager
    def session(self) -> Iterator[ClientSession]:
        """Open a session that stands at what is known, and note what it has come to."""
        with self._client.start_session(causal_consistency=True) as session:
            with self._lock:
                operation, cluster = self._operation, self._cluster
            if operation is not None and cluster is not None:
                session.advance_operation_time(operation)
                session.advance_cluster_time(cluster)
            try:
                yield session
            finally:
                self._note(session)

    def _note(self, session: ClientSession) -> None:
        with self._lock:
            reached = session.operation_time
            if reached is not None and (self._operation is None or reached > self._operation):
                self._operation, self._cluster = reached, session.cluster_time


class CausalCollection:
    """A collection, of which every operation stands in a session of a `CausalClock`.

    Parameters
    ----------
    clock
        None on a standalone server, which has neither sessions of this kind nor a need for them.
    """

    def __init__(self, collection: Collection[Document], clock: CausalClock | None) -> None:
        self._collection = collection
        self._clock = clock
        # With decoders of types, the driver stumbles over an answer that tells of a write concern
        # that failed (PyMongo 4.20: "'RawBSONDocument' object has no attribute 'update'").
        plain = collection.codec_options.with_options(type_registry=TypeRegistry())
        self._modified = collection.with_options(codec_options=plain)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    def find(self, *args: Any, **kwargs: Any) -> Iterator[Document]:
        """Yield what is found; the session lasts as long as that."""
        with self._session() as session:
            yield from self._collection.find(*args, **kwargs, session=session)

    def aggregate(self, pipeline: Sequence[Document]) -> Iterator[Document]:
        """Yield what is aggregated; the session lasts as long as that."""
        with self._session() as session:
            yield from self._collection.aggregate(pipeline, session=session)

    def find_one(self, *args: Any, **kwargs: Any) -> Document | None:
        return self._run(self._collection.find_one, *args, **kwargs)

    def distinct(self, *args: Any, **kwargs: Any) -> list[Any]:
        return self._run(self._collection.distinct, *args, **kwargs)

    def update_one(self, *args: Any, **kwargs: Any) -> UpdateResult:
        return self._run(self._collection.update_one, *args, **kwargs)

    def update_many(self, *args: Any, **kwargs: Any) -> UpdateResult:
        return self._run(self._collection.update_many, *args, **kwargs)

    def find_one_and_update(self, *args: Any, **kwargs: Any) -> Any:
        return _exact(self._run(self._modified.find_one_and_update, *args, **kwargs))

    def delete_one(self, *args: Any, **kwargs: Any) -> DeleteResult:
        return self._run(self._collection.delete_one, *args, **kwargs)

    def _session(self) -> AbstractContextManager[ClientSession | None]:
        return nullcontext() if self._clock is None else self._clock.session()

    def _run(self, method: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        with self._session() as session:
            return method(*args, **kwargs, session=session)


def _exact(value: Any) -> Any:
    """Return what was decoded, with int in the place of the driver's subclass of it."""
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return int(value) if type(value) is Int64 else value
