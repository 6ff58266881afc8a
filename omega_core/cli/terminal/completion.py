"""The names of objects, for whoever presses Tab: one query, no plugin, and nothing is started."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...config import Config

_MOST = 200
_PATIENCE = 1.0
"""Seconds that a server has to answer; a shell that hangs is worse than one that does not know."""

_PREFIXES = {"datasets": "data/", "models": "models/", "jobs": "jobs/"}


def object_names(ctx: Any, incomplete: str) -> list[str]:
    """Return the names of the store of the group that begin with what was typed."""
    return _names(ctx, incomplete, ctx.parent.info_name)


def dataset_names(ctx: Any, incomplete: str) -> list[str]:
    """Return the names of datasets that begin with what was typed."""
    return _names(ctx, incomplete, "datasets")


def _names(ctx: Any, incomplete: str, attribute: str) -> list[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            config = _config(ctx.find_root().params)
            if config.mongo.url is None and not _runs(config):
                return []
            return _found(config, incomplete, _PREFIXES[attribute])
    except Exception:
        # Whatever is wrong, who runs the command is told; while they type, it would be noise.
        return []


def _config(given: Mapping[str, Any]) -> Config:
    from ...config import load_config

    return load_config(given.get("config"), url=given.get("url"), bucket=given.get("bucket"))


def _runs(config: Config) -> bool:
    from ...mongo.embedded import status

    return status(config.mongo.data_dir).running


def _found(config: Config, incomplete: str, prefix: str) -> list[str]:
    from ...mongo.database import Database

    timeout = min(config.mongo.timeout, _PATIENCE)
    database = Database(dataclasses.replace(config.mongo, timeout=timeout))
    try:
        query = {
            "bucket": config.stores.bucket,
            "prefix": prefix,
            "name": {"$gte": incomplete, "$lt": incomplete + "\U0010ffff"},
            "gen": {"$exists": True},
        }
        found = database.metadata.find(query, {"name": 1, "_id": 0}, limit=_MOST)
        names = sorted(str(document["name"]) for document in found)
    finally:
        database.close()
    # Shells take what has a space for several words, and would run what a backtick says.
    return [name for name in names if _is_plain(name) and (incomplete or name[0] != ".")]


def _is_plain(name: str) -> bool:
    return all(c.isalnum() or c in "-_./@+,%" for c in name)
