"""Copies within one server: the documents never travel to the client.

Each returns False where the server does not do it, and has left nothing then: a server before
4.4 merges nothing into the collection that it reads, and a user may be let to write the target
by its own connection alone. Whoever asks copies them by way of the client.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import OperationFailure, PyMongoError

from ..mongo.database import Database
from ..protocol.collection import OBJECT
from ..protocol.commit import Intent
from ..protocol.resources import ids_of
from .contents import StoredContents
from .renaming import Renaming

Document = dict[str, Any]
Documents = Collection[Document]


def on_one_server(one: Database, other: Database) -> bool:
    """Return whether two connections lead to the same process."""
    if one is other:
        return True
    try:
        return _process(one) is not None and _process(one) == _process(other)
    except PyMongoError:
        return False


def _process(database: Database) -> Any:
    hello: Document = database.client.admin.command("hello")
    return hello.get("topologyVersion", {}).get("processId")


def merged_chunks(source: Documents, target: Documents, old: Any, new: str, file: Document) -> bool:
    """Copy the chunks of a file; they are numbered in their ids."""
    number = {"$toString": "$n"}
    stages: list[Document] = [
        {"$match": {"files_id": {"$eq": old}}},
        {"$set": {"files_id": new, "_id": {"$concat": [f"{new}-", number]}}},
    ]
    if not _merge(source, target, stages, lambda: target.delete_many({"files_id": new})):
        return False
    size = file["chunkSize"]
    return target.count_documents({"files_id": new}) == -(-file["length"] // size) or _undo(
        lambda: target.delete_many({"files_id": new})
    )


def merged_segments(
    contents: StoredContents, target: Documents, renaming: Renaming, digest: str, intent: Intent
) -> bool:
    """Copy the documents in the shared collection, with ids that tell the new generations."""
    source = contents.segment_collection
    conditions = contents.segment_conditions()
    for gen, condition in conditions.items():
        alien = {"$or": [{"_id": {"$lt": gen}}, {"_id": {"$gt": f"{gen}~"}}, _NO_TEXT]}
        if source.find_one({"$and": [condition, alien]}, {"_id": 1}) is not None:
            return False
    for gen, condition in conditions.items():
        intent.check_lease()
        new = renaming.gens[gen]
        stages = [
            {"$match": condition},
            {"$set": {"_id": _bound("$_id", new), "payload": _bound("$payload", new)}},
            {"$set": {OBJECT: digest}},
        ]
        every = [{"payload": {"$gte": one, "$lt": f"{one}/"}} for one in renaming.gens.values()]
        mine = {"$or": every, OBJECT: digest}
        if not _merge(source, target, stages, partial(target.delete_many, mine)):
            return False
    return True


_NO_TEXT = {"_id": {"$not": {"$type": "string"}}}


def _bound(field: str, gen: str) -> Document:
    return {"$concat": [gen, {"$substrBytes": [field, 32, -1]}]}


def merged_collection(source: Documents, target: Documents, renaming: Renaming) -> bool:
    """Copy a collection of its own, unless ids in it tell a generation: see `with_new_id`."""
    for gen in renaming.gens:
        if source.find_one({"_id": ids_of(gen)}, {"_id": 1}) is not None:
            return False
    return _merge(source, target, [], lambda: target.delete_many({}))


def _merge(
    source: Documents, target: Documents, stages: list[Document], undo: Callable[[], Any]
) -> bool:
    into = {"db": target.database.name, "coll": target.name}
    durable = source.with_options(write_concern=target.write_concern)
    last = {"$merge": {"into": into, "whenMatched": "fail", "whenNotMatched": "insert"}}
    try:
        durable.aggregate([*stages, last])
    except OperationFailure:
        return _undo(undo)
    return True


def _undo(undo: Callable[[], Any]) -> bool:
    undo()
    return False
