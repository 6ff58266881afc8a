"""What a commit accepts: the metadata of a put, as its backend saved it.

``meta.save()`` inside a put is the one gate through which an object becomes current. What could
not be read afterwards does not pass, and what an author left out is filled in where there is but
one answer.
"""

from __future__ import annotations

import re

from ..errors import PluginContractError
from .commit import Intent
from .metadata import Metadata
from .naming import gen_of_collection, generation_key
from .resources import OWNER

_OF_A_GENERATION = re.compile(r"([0-9a-f]{32})-.*", re.DOTALL)


def admit(meta: Metadata, intent: Intent) -> None:
    """Complete the metadata that a put is about to commit, or refuse it.

    Raises
    ------
    PluginContractError
        Names the plugin, the kind and what its author has to do. Nothing is replaced.
    """
    if meta.kind not in intent.kinds:
        declared = ", ".join(repr(kind) for kind in sorted(intent.kinds))
        raise _refusal(
            intent,
            f"its metadata has the kind {meta.kind!r}, which the plugin does not declare, so that "
            f"nobody could read the object. It declares {declared}",
        )
    base = intent.live["gen"] if intent.appends and intent.live is not None else intent.gen
    if meta.gen != base:
        raise _refusal(
            intent,
            "the metadata of another version is saved, with what that points at. Inside a put, "
            "self.data_store.metadata(name) or make_metadata(name, kind) is the one to fill in",
        )
    _admit_file(meta, intent)
    if intent.appends:
        _admit_append(meta, intent)
    own = generation_key(intent.key.name, intent.gen)
    if meta.collection is not None:
        _admit_collection(meta, intent)
    elif own in intent.res.collections:
        # The backend opened it, and said nothing of it.
        meta.collection = own
    if intent.uri is not None and meta.uri is None:
        raise _refusal(
            intent,
            f"uri={intent.uri!r} was asked for, and the object is not stored there. A put that "
            "takes uri= passes it to self.data_store.create_file(meta, ext, uri=uri), or sets "
            "meta.uri to where it stored the object; one that cannot does not name the option",
        )


def _admit_file(meta: Metadata, intent: Intent) -> None:
    if any(not writer.closed for writer in intent.writers):
        raise _refusal(
            intent,
            "a file of create_file is not closed, so that it is not complete. Write it in a "
            "'with' block, which ends before meta.save()",
        )
    if any(not file.closed for file in intent.grid_files):
        raise _refusal(
            intent,
            "a file of fs.new_file is not closed, so that it is not complete. Close it before "
            "meta.save()",
        )
    complete = [writer for writer in intent.writers if writer.complete]
    pointers = (meta.gridfile, meta.uri, meta.inline, meta.collection)
    points_at_nothing = all(pointer is None for pointer in pointers)
    if intent.writers and not complete and points_at_nothing:
        raise _refusal(
            intent,
            "its file of create_file was discarded, by an exception in its 'with' block or by "
            "abort(), and nothing else was stored. Let the exception pass",
        )
    if complete and not any(writer.meta is meta for writer in complete):
        raise _refusal(
            intent,
            "a file of create_file was written for other metadata than what is saved, which does "
            "not name it. Make the metadata once, and pass the same to create_file",
        )
    if points_at_nothing and len(intent.grid_files) == 1:
        # The backend wrote one file by itself, and said nothing of it.
        meta.gridfile = intent.grid_files[0]._id
    if meta.gridfile is not None:
        _own_file(meta, intent)


def _admit_append(meta: Metadata, intent: Intent) -> None:
    """Refuse an append whose file no batch names: it would be lost, and nobody would be told."""
    live = intent.live if intent.live is not None else {}
    before = live.get("kind_meta", {}).get("batches", [])
    written = [*(writer for writer in intent.writers if writer.complete), *intent.grid_files]
    if written and len(meta.kind_meta.get("batches", [])) <= len(before):
        raise _refusal(
            intent,
            "append=True was asked for, and what was written belongs to no batch, so that it would "
            "be lost. A put that takes append= adds a batch to kind_meta['batches'] that says "
            "where it is; one that cannot does not name the option",
        )


def _own_file(meta: Metadata, intent: Intent) -> None:
    """Note a file that the backend wrote around ``fs``, so that a drop frees it as well."""
    file_id = meta.gridfile.grid_id
    match = _OF_A_GENERATION.fullmatch(file_id) if isinstance(file_id, str) else None
    if (match is not None and match[1] == intent.gen) or file_id in intent.res.files:
        return
    files = intent.database.data(f"{intent.database.files(intent.namespace)}.files")
    if match is None:
        intent.record("files", file_id)
        claim = {"$set": {OWNER: intent.gen}}
        if files.update_one({"_id": file_id, OWNER: {"$exists": False}}, claim).matched_count:
            return
    there = files.find_one({"_id": file_id}, {"_id": 1})
    raise _refusal(
        intent,
        f"meta.gridfile names the file {file_id!r}, "
        + (
            "which belongs to another version"
            if there is not None
            else "and there is none in the GridFS of the bucket"
        )
        + ". Write it inside the put, through self.data_store.fs or create_file",
    )


def _admit_collection(meta: Metadata, intent: Intent) -> None:
    live = (intent.live or {}).get("collection")
    if intent.appends and meta.collection == live:
        return
    owner = gen_of_collection(meta.collection)
    if owner is not None and owner != intent.gen:
        raise _refusal(
            intent,
            f"meta.collection is {meta.collection!r}, which belongs to another version. Inside a "
            "put, self.data_store.collection(name) is the one of the version being written",
        )


def _refusal(intent: Intent, reason: str) -> PluginContractError:
    plugin = intent.writer["plugin"]
    return PluginContractError(
        f"put of {intent.key}: the backend of kind {intent.writer['kind']!r} ({plugin['name']} "
        f"{plugin['version']}) did not store it: {reason}. Nothing was stored or replaced."
    )
