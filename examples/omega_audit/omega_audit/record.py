"""One record of the audit, from before an operation until after it."""

from __future__ import annotations

import datetime as dt
import getpass
import logging
import os
import socket
from typing import Any

from pymongo.errors import PyMongoError

from omega_core import Metadata, OmegaStore

COLLECTION = "omega.audit"

log = logging.getLogger("omega_audit")


class Record:
    """Writes straight to MongoDB: a ``store.put`` would be audited as well, without an end."""

    def __init__(self, what: str, store: OmegaStore, name: str) -> None:
        self._collection = store.mongodb[COLLECTION]
        inserted = self._collection.insert_one(
            {
                "what": what,
                "bucket": store.bucket,
                "store": store.prefix,
                "name": name,
                "who": f"{_user()}@{socket.gethostname()}",
                "pid": os.getpid(),
                "begun": dt.datetime.now(dt.UTC),
                "outcome": "begun",
            }
        )
        self._id = inserted.inserted_id

    def succeeded(self, result: Any) -> None:
        about = {}
        if isinstance(result, Metadata):
            about = {"kind": result.kind, "version": result.version}
        self._end({"outcome": "success", **about})

    def failed(self, error: BaseException) -> None:
        self._end({"outcome": "failure", "error": f"{type(error).__name__}: {error}"})

    def _end(self, outcome: dict[str, Any]) -> None:
        try:
            ended = {**outcome, "ended": dt.datetime.now(dt.UTC)}
            self._collection.update_one({"_id": self._id}, {"$set": ended})
        except PyMongoError:
            # The operation is over, and its outcome must not change: the record stays at "begun".
            log.warning("The end of an operation could not be recorded.", exc_info=True)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # containers run as ids that have no name
        return str(os.getuid())
