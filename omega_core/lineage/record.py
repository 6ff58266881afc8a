"""The record that an action leaves on what it stores: on what data, by which versions, how long."""

from __future__ import annotations

from typing import Any

from ..backends.store import Store
from ..columns import UNKNOWN
from ..libraries import versions
from ..protocol.acting import Acting
from ..protocol.fence import current_task
from ..protocol.lineage import FORMAT, Record, packed
from ..protocol.metadata import Metadata
from ..protocol.naming import DATA, JOBS, MODELS, SECTION, TEMPORARY, Key

_VERSION = ("version", "rev", "gen")


def record_of(
    acting: Acting, part: str, datasets: Store, distribution: str, obj: Any = None
) -> Record:
    """Return the lineage of the model that an action fitted, or of the result that it made.

    Parameters
    ----------
    part
        ``"model"`` or ``"result"``.
    distribution
        That of the plugin that acts.
    obj
        What is stored.
    """
    record: Record = {"format": FORMAT, "action": acting.action}
    if acting.home == JOBS:
        record["job"] = identity(acting.meta, JOBS)
    elif (model := _model(acting, part)) is not None:
        record["model"] = identity(model, MODELS)
    for letter in ("X", "Y"):
        key = acting.datasets.get(letter)
        record[letter] = None if key is None else _dataset(acting, key, datasets)
    others = [key for key in acting.readings if key not in acting.datasets.values()]
    if others:
        record["others"] = [_dataset(acting, key, datasets) for key in others]
    if acting.rows is not None:
        record["rows"] = [acting.rows.start, acting.rows.stop]
    task = current_task()
    return {
        **record,
        "libraries": versions(distribution, [type(obj), *acting.seen]),
        "task": None if task is None else task.id,
        "started": acting.started,
        "duration": acting.duration,
    }


def _model(acting: Acting, part: str) -> Metadata | None:
    """Return the version that made a result, or that was fitted further; None for a fit anew."""
    if part == "result":
        return acting.pinned(acting.key)
    return acting.meta if acting.fits == "further" else None


def _dataset(acting: Acting, key: Key, datasets: Store) -> Record:
    """Return what is known of a dataset: of one that was read elsewhere, its name and version."""
    reading = acting.readings.get(key)
    if reading is not None:
        return {**identity(reading.meta, DATA), **packed(reading.description)}
    meta = acting.pinned(key) or datasets.metadata(key.name)
    return {**(unknown(key) if meta is None else identity(meta, DATA)), **UNKNOWN}


def identity(meta: Metadata, expected: str) -> Record:
    """Return what a record calls one version of an object by.

    Parameters
    ----------
    expected
        The prefix of the store that it is in, unless the record says otherwise.
    """
    if meta.name.startswith(TEMPORARY):
        # It was passed by value: nobody finds it under that name again.
        return {"name": None, "bucket": meta.bucket, **dict.fromkeys(_VERSION)}
    store = {} if meta.prefix == expected else {"store": SECTION[meta.prefix]}
    values = {key: getattr(meta, key) for key in _VERSION}
    return {**store, "name": meta.name, "bucket": meta.bucket, **values}


def unknown(key: Key) -> Record:
    """Return the same of a dataset that is not there."""
    return {"name": key.name, "bucket": key.bucket, **dict.fromkeys(_VERSION)}
