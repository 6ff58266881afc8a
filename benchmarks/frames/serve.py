"""One peer in a process of its own: reads one JSON command a line, answers one JSON line.

::

    python -m serve PEER --url mongodb://... --database NAME --directory DIR --case CASE [--quick]

Times are measured here, so that the pipe and the parent cost nothing.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import digest
import pandas as pd
from cases import APPEND_ROWS, APPENDS, CASES, QUICK_APPENDS, raw_bytes
from memory import Peak
from peers import ENTRIES
from peers.base import BasePeer, UnableError

Answer = dict[str, Any]


class Served:
    """The operations that are measured, each a method that returns an answer."""

    def __init__(self, peer: BasePeer, case_name: str, quick: bool) -> None:
        self._peer = peer
        self._case = CASES[case_name]
        self._frame = self._case.frame(quick)
        self._appends = QUICK_APPENDS if quick else APPENDS
        self._put: set[str] = set()
        peer.prepare(self._frame)

    def about(self) -> Answer:
        return {
            "digest": digest.values(self._frame),
            "raw": raw_bytes(self._frame),
            "rows": len(self._frame),
            "columns": len(self._frame.columns),
        }

    def put(self) -> Answer:
        self._clear("frame")
        self._put.add("frame")
        return self._timed(lambda: self._peer.put(self._frame, "frame"))[0]

    def get(self) -> Answer:
        return self._checked(lambda: self._peer.get("frame"), lambda: self._frame)

    def column(self) -> Answer:
        name = self._case.column
        if len(self._frame.columns) == 1:
            raise UnableError("there is one column")
        return self._checked(lambda: self._peer.column("frame", name), lambda: self._frame[[name]])

    def random(self) -> Answer:
        return self._filter("random")

    def ordered(self) -> Answer:
        return self._filter("ordered")

    def _filter(self, which: str) -> Answer:
        found = self._case.bound(which, self._frame)
        if found is None:
            raise UnableError("there is no such column")
        column, bound = found
        return self._checked(
            lambda: self._peer.below("frame", column, bound),
            lambda: self._frame[self._frame[column] < bound],
        )

    # --- appends -----------------------------------------------------------------------------

    def appends(self) -> Answer:
        """Append pieces, one at a time; how long the first and the last tenth took is told."""
        self._clear("pieces")
        self._put.add("pieces")
        pieces = [
            self._frame.iloc[i * APPEND_ROWS : (i + 1) * APPEND_ROWS] for i in range(self._appends)
        ]
        self._peer.append(pieces[0], "pieces")
        seconds = [
            self._timed(lambda piece=piece: self._peer.append(piece, "pieces"), collect=False)[0][
                "seconds"
            ]
            for piece in pieces[1:]
        ]
        tenth = max(1, len(seconds) // 10)
        return {
            "seconds": sum(seconds),
            "first": sorted(seconds[:tenth])[tenth // 2],
            "last": sorted(seconds[-tenth:])[tenth // 2],
        }

    def get_pieces(self) -> Answer:
        return self._checked(lambda: self._peer.get("pieces"), self._pieced)

    def put_whole(self) -> Answer:
        """Put at once what `appends` puts in pieces."""
        self._clear("whole")
        self._put.add("whole")
        return self._timed(lambda: self._peer.put(self._pieced(), "whole"))[0]

    def get_whole(self) -> Answer:
        return self._checked(lambda: self._peer.get("whole"), self._pieced)

    def _pieced(self) -> pd.DataFrame:
        return self._frame.iloc[: self._appends * APPEND_ROWS]

    # --- sizes -------------------------------------------------------------------------------

    def stored(self) -> Answer:
        return {"bytes": self._peer.stored_bytes()}

    def peak_put(self) -> Answer:
        """Return what a put takes beside the frame, besides its time."""
        with Peak() as peak:
            answer = self.put()
        return {**answer, "bytes": peak.bytes}

    def peak_get(self) -> Answer:
        """Return what a get takes, with the frame that it returns; in a process that put none."""
        with Peak() as peak:
            answer, result = self._timed(lambda: self._peer.get("frame"))
        return {**answer, "bytes": peak.bytes, "rows": len(result)}

    # --- measuring ---------------------------------------------------------------------------

    def _clear(self, name: str) -> None:
        if name in self._put:
            self._peer.clear(name)

    def _timed(self, call: Callable[[], Any], collect: bool = True) -> tuple[Answer, Any]:
        if collect:
            gc.collect()
        began = time.perf_counter()
        result = call()
        return {"seconds": time.perf_counter() - began}, result

    def _checked(
        self, call: Callable[[], pd.DataFrame], expected: Callable[[], pd.DataFrame]
    ) -> Answer:
        """Measure, and compare what came back with what pandas makes of the frame itself."""
        answer, result = self._timed(call)
        if not isinstance(result, pd.DataFrame):
            return answer
        wanted = expected()
        return {
            **answer,
            "equal": digest.values(result) == digest.values(wanted),
            "same_dtypes": digest.dtypes(result) == digest.dtypes(wanted),
        }


def _answers(served: Served, commands: IO[str]) -> Any:
    for line in commands:
        try:
            yield getattr(served, json.loads(line)["operation"])()
        except UnableError as exc:
            yield {"unable": str(exc)}
        except Exception as exc:
            # Peers refuse frames with errors of every class; the report names them.
            first_line = next(iter(str(exc).strip().splitlines()), "")
            yield {"unable": f"{type(exc).__name__}: {first_line[:150]}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=ENTRIES)
    parser.add_argument("--url", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--case", choices=CASES, required=True)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    # What libraries print goes to the standard error: the standard output is the protocol.
    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(answer: Answer) -> None:
        protocol.write(json.dumps(answer) + "\n")
        protocol.flush()

    try:
        module = importlib.import_module(f"peers.{arguments.peer}")
        peer: BasePeer = module.Peer(arguments.url, arguments.database, arguments.directory)
        served = Served(peer, arguments.case, arguments.quick)
    except ImportError as exc:
        say({"unable": f"is not installed ({exc})"})
        return
    versions = {
        package: importlib.metadata.version(package) for package in ENTRIES[arguments.peer].packages
    }
    say({"versions": versions, **served.about()})
    for answer in _answers(served, sys.stdin):
        say(answer)
    peer.close()


if __name__ == "__main__":
    main()
