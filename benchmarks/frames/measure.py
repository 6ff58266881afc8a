"""Runs the peers on one case, in turns."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from cases import Case
from client import Client, PeerFailedError
from peers import ENTRIES, Entry
from pymongo import MongoClient
from results import CaseResults

OPERATIONS = ("put", "get", "column", "random", "ordered")
_FLOOR = ("put", "get")


class Bench:
    """The server, the directory and the interpreters that all measurements share."""

    def __init__(
        self, url: str, directory: Path, pythons: Mapping[str, str], repeats: int, quick: bool
    ) -> None:
        self._url = url
        self._directory = directory
        self._pythons = pythons
        self._repeats = repeats
        self._quick = quick

    def run(self, case: Case, peers: Iterable[str]) -> CaseResults:
        """Measure one case on the peers that can take part in it."""
        results = CaseResults(case.name, case.title)
        entries = []
        for entry in (ENTRIES[name] for name in peers):
            if entry.by_row and self._quick:
                results.absent[entry.name] = "not run in a quick run"
            elif entry.by_row and case.huge:
                results.absent[entry.name] = "not run: row by row, this takes many minutes"
            elif entry.environment not in self._pythons:
                results.absent[entry.name] = "not run: it needs an environment of its own"
            else:
                entries.append(entry)
        for entry in entries:
            if entry.is_floor:
                continue
            if not self._quick or case.appends:
                self._sizes(case, entry, results)
        if "omega" in results.absent:
            results.absent["floor"] = "there are no documents"
        self._times(case, [e for e in entries if e.name not in results.absent], results)
        if len(results.digests) > 1:
            raise AssertionError(f"{case.name}: the peers did not store the same frame")
        return results

    def _client(self, case: Case, entry: Entry, quick: bool) -> Client:
        python = self._pythons[entry.environment]
        place = f"{case.name}_{entry.name}"
        return Client(
            entry, python, self._url, self._directory / place, case.name, quick, f"b_{place}"
        )

    def _remove(self, case: Case, entry: Entry) -> None:
        shutil.rmtree(self._directory / f"{case.name}_{entry.name}", ignore_errors=True)
        with MongoClient(self._url) as client:
            client.drop_database(f"b_{case.name}_{entry.name}")

    def _sizes(self, case: Case, entry: Entry, results: CaseResults) -> None:
        """Measure bytes and memory, in processes that do nothing else, on an empty database."""
        _tell(f"{case.name}: {entry.title}: sizes")
        try:
            with self._client(case, entry, self._quick).wait() as client:
                if "unable" in client.about:
                    results.absent[entry.name] = client.about["unable"]
                    return
                if "unable" in (answer := client.ask("peak_put")):
                    results.absent[entry.name] = answer["unable"]
                    return
                results.add(entry.name, "peak_put", answer)
                rows = client.about["rows"]
                results.add(entry.name, "stored", client.ask("stored"))
            # A process that does not hold the frame: what is freed of it would hide a part.
            with self._client(case, entry, quick=True).wait() as client:
                answer = client.ask("peak_get")
                if answer.get("rows", rows) != rows:
                    raise AssertionError(f"{entry.title} returned {answer['rows']} of {rows} rows")
                results.add(entry.name, "peak_get", answer)
            # What takes so long to put is not put again: the other operations find it there.
            if entry.by_row:
                results.add(entry.name, "put", {"seconds": results.of(entry.name, "peak_put").min})
        except PeerFailedError as exc:
            _tell(str(exc))
            results.absent[entry.name] = str(exc).splitlines()[0]
        finally:
            if not results.of(entry.name, "put").seconds:
                self._remove(case, entry)

    def _times(self, case: Case, entries: list[Entry], results: CaseResults) -> None:
        with contextlib.ExitStack() as stack:
            clients: dict[str, Client] = {}
            for entry in entries:
                stack.callback(self._remove, case, entry)
                # All make their frames at the same time; nothing is measured before all are done.
                clients[entry.name] = stack.enter_context(self._client(case, entry, self._quick))
            for name, client in [*clients.items()]:
                client.wait()
                if "unable" in client.about:
                    results.absent[name] = client.about["unable"]
                    del clients[name]
                    continue
                results.digests.add(client.about["digest"])
                results.raw = client.about["raw"]
                results.shape = client.about["rows"], client.about["columns"]
                results.versions[name] = client.about["versions"]
            for turn in range(self._repeats):
                _tell(f"{case.name}: turn {turn + 1} of {self._repeats}")
                for operation in OPERATIONS:
                    for name, client in clients.items():
                        self._once(results, client, name, operation)
            if case.appends:
                _tell(f"{case.name}: appends")
                self._append(results, clients)

    def _append(self, results: CaseResults, clients: dict[str, Client]) -> None:
        for name, client in clients.items():
            self._once(results, client, name, "appends")
        for _ in range(self._repeats):
            for operation in ("put_whole", "get_whole", "get_pieces"):
                for name, client in clients.items():
                    if results.of(name, "appends").unable is None:
                        self._once(results, client, name, operation)

    def _once(self, results: CaseResults, client: Client, name: str, operation: str) -> None:
        if ENTRIES[name].is_floor and operation not in _FLOOR:
            return
        samples = results.of(name, operation)
        if samples.unable is not None or (ENTRIES[name].by_row and samples.seconds):
            return
        results.add(name, operation, client.ask(operation))


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
