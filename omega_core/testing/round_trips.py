"""The promises of a put and a get: what is stored comes back, and nothing else is touched."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ..store import OmegaStore
from .backends import BackendTests, left_over, like, nothing_left
from .crashes import CrashingTwin
from .pickles import found_by_pickle
from .promises import broken, holds, promise, shown, told_type

ODD_NAMES = ("a/b", "a_b", "a.b", "a b", "a@b", "a[0]", "ünï", "$x", ".h", "n", "n.datastore")


class RoundTripTests(BackendTests):
    """What is stored comes back equal, from every client, under every name."""

    def test_objects_come_back_equal(self, store: OmegaStore, objects: list[Any]) -> None:
        for position, obj in enumerate(objects):
            self._put(store, obj, f"object {position}")
        for position, obj in enumerate(objects):
            got = store.get(f"object {position}")
            self._comes_back("objects come back equal", obj, got)

    def test_objects_that_differ_are_told_apart(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        one, two = objects[:2]
        self._put(store, one, "x")
        got = store.get("x")
        if self._equal(two, got):
            broken(
                "objects that differ are told apart",
                expected=f"{type(self).__name__}.equal to say that what came of {shown(one)} is "
                f"not {shown(two)}",
                got=f"{told_type(got)}, and that it is",
            )

    def test_put_returns_the_metadata_that_the_store_has(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        meta = self._put(store, objects[0], "x")
        told = (meta.name, meta.bucket, meta.prefix, meta.version, meta.rev)
        promise(
            "put returns the metadata of what it stored: name, bucket, prefix, version, revision",
            told,
            ("x", store.bucket, store.prefix, 1, 1),
        )
        promise("put returns the metadata that the store has", meta, store.metadata("x"))
        kinds = [spec.kind for spec in store.omega.plugins.specs.values()]
        holds(
            "put stores as a kind that a plugin declares",
            meta.kind in kinds,
            expected=f"one of {', '.join(kinds)}",
            got=meta.kind,
        )
        promise("there is the object that was put, and no other", store.list(raw=True), [meta])

    def test_put_leaves_the_object_as_it_was(self, store: OmegaStore, objects: list[Any]) -> None:
        for obj in objects:
            before = copy.deepcopy(obj)
            self._put(store, obj, "x")
            if not self.same(before, obj):
                broken("put leaves the caller's object as it was", expected=shown(before), got=obj)

    def test_a_copy_and_an_archive_hold_every_version(
        self, store: OmegaStore, objects: list[Any], tmp_path: Path
    ) -> None:
        for position, obj in enumerate(objects[:2]):
            self._put(store, obj, "x", attributes={"position": position})
        kept = [meta.attributes["position"] for meta in store.versions("x")]
        elsewhere = store.omega[f"{store.bucket} copied"].datasets.stores[store.prefix]
        again = store.omega[f"{store.bucket} imported"].datasets.stores[store.prefix]
        store.copy("x", bucket=elsewhere.bucket, versions="all")
        path = store.export("x", tmp_path / "x.zip", versions="all")
        again.import_(path)
        store.drop("x")
        store.gc(grace=0)
        for what, arrived in (("a copy", elsewhere), ("an archive", again)):
            versions = arrived.versions("x")
            held = [meta.attributes["position"] for meta in versions]
            promise(f"{what} holds every version", held, kept)
            for position, meta in zip(kept, versions, strict=True):
                got = arrived.get("x", version=meta.version)
                self._comes_back(
                    f"{what} holds version {meta.version} of {meta.kind!r} as it was",
                    objects[position],
                    got,
                )

    def test_what_is_described_is_json_and_changes_nothing(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        self._put(store, objects[0], "x")
        self._put(store, objects[1], "x")
        before = store.metadata("x")
        kind = None if before is None else before.kind
        summary = store.describe("x", version=1)
        told = (summary.name, summary.version, summary.bucket, summary.kind)
        promise("a summary names object, version, bucket, kind", told, ("x", 1, store.bucket, kind))
        read = self._as_json("a summary", summary.to_dict())
        promise("a summary is JSON, as to_dict has it", read.get("kind"), kind)
        holds("a summary has a repr for people", repr(summary), expected="a text", got=summary)
        difference = store.diff("x", 1)
        read = self._as_json("a difference", difference.to_dict())
        promise("a difference is JSON, as to_dict has it", read.get("versions"), [1, 2])
        same = store.diff("x", 2)
        holds("a version does not differ from itself", not same, expected="nothing", got=same)
        promise("to describe an object changes nothing", store.metadata("x"), before)
        self._gets("to describe an object changes nothing", objects[1], store, "x")

    def test_another_client_reads_it(self, store: OmegaStore, objects: list[Any]) -> None:
        self._put(store, objects[0], "x")
        with CrashingTwin(store.omega, timeout=30.0) as twin:
            got = like(store, twin.omega).get("x")
            self._comes_back("another client reads what was put", objects[0], got)

    def test_a_get_that_is_cut_off_is_an_error_or_the_object(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        got: list[Any] = []
        # No part of the metadata, so that there is something to read.
        stores = dataclasses.replace(store.config.stores, inline=0)
        with CrashingTwin(store.omega, stores=stores) as twin:
            self._put(like(store, twin.omega), objects[0], "x")
            for step in itertools.count(1):
                struck = twin.crash(step, lambda omega: got.append(like(store, omega).get("x")))
                for obj in got:
                    what = f"a get that is cut off at step {step} is an error, or the object"
                    self._comes_back(what, objects[0], obj)
                got.clear()
                if not struck:
                    break

    def test_reading_runs_no_code_of_the_payload(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        if store.config.security.pickle == "allow":
            pytest.skip('[security] pickle = "allow", so that reading may run code')
        for position, obj in enumerate(objects):
            self._put(store, obj, f"object {position}")
        with found_by_pickle() as found:
            for position, _ in enumerate(objects):
                store.get(f"object {position}")
        holds(
            "reading runs no code that a payload names, where [security] pickle denies it",
            not found,
            expected="no class that pickle looks for: a format that is data, or "
            "omega_core.require_pickle_allowed(store, kind=..., name=...) in put and in get",
            got=found,
        )

    def test_names_have_no_second_meaning(self, store: OmegaStore, objects: list[Any]) -> None:
        cycle = itertools.cycle(objects)
        stored = {name: next(cycle) for name in ODD_NAMES}
        for name, obj in stored.items():
            self._put(store, obj, name)
        promise("every name is listed", store.list(hidden=True), sorted(ODD_NAMES))
        for name, obj in stored.items():
            self._gets(f"{name!r} is a name like any other", obj, store, name)
        for name in ODD_NAMES[::2]:
            store.drop(name)
        store.gc(grace=0)
        for name in ODD_NAMES[1::2]:
            what = f"to drop other names leaves {name!r} as it is"
            self._gets(what, stored[name], store, name)

    def test_buckets_do_not_share(self, store: OmegaStore, objects: list[Any]) -> None:
        other = like(store, store.omega["another bucket"])
        self._put(store, objects[0], "x")
        self._put(other, objects[1], "x")
        store.drop("x")
        store.gc(grace=0)
        what = "a drop in one bucket leaves the object of that name in another"
        self._gets(what, objects[1], other, "x")

    # --- threads -----------------------------------------------------------------------------

    def test_puts_from_several_threads_all_land(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        self._together(lambda i: self._put(store, objects[i % 2], "x"), 6)
        meta = store.metadata("x")
        reached = None if meta is None else (meta.version, meta.rev)
        promise("six puts at once make six versions and six revisions", reached, (6, 6))
        got = store.get("x")
        holds(
            "of several puts at once, the object is one of those that were put",
            self._equal(objects[0], got) or self._equal(objects[1], store.get("x")),
            expected=f"{shown(objects[0])} or {shown(objects[1])}",
            got=got,
        )
        left = left_over(store)
        nothing_left("several puts at once and the collector leave nothing", left)

    def test_calls_at_the_same_time_do_not_mix(self, store: OmegaStore, objects: list[Any]) -> None:
        """One instance of a backend serves all threads, so it keeps nothing of a call in self."""

        threads, rounds = 4, 5
        meet = threading.Barrier(threads)

        def put_and_get(i: int) -> None:
            obj = objects[i % 2]
            for round_ in range(rounds):
                # All at once, or a put of one is over before the other's has begun.
                meet.wait()
                try:
                    self._put(store, obj, f"{i}, {round_}")
                except BaseException:
                    meet.abort()
                    raise
            for round_ in range(rounds):
                self._gets(
                    "calls at the same time do not mix, so that a backend keeps no state of a "
                    f"call in self: thread {i} gets what it put",
                    obj,
                    store,
                    f"{i}, {round_}",
                )

        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            self._together(put_and_get, threads)
        finally:
            sys.setswitchinterval(before)

    def _together(self, act: Any, count: int) -> None:
        """Call a function in several threads, and raise the first of their errors."""
        failures: list[BaseException] = []
        start = threading.Barrier(count)

        def run(i: int) -> None:
            try:
                start.wait()
                act(i)
            except threading.BrokenBarrierError:
                pass  # another one failed, and says so
            except BaseException as exc:
                failures.append(exc)

        threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for failure in failures:
            if isinstance(failure, AssertionError):
                raise failure
            broken(
                "several threads use one backend at a time",
                expected="no error",
                got=f"{type(failure).__name__}: {failure}",
                cause=failure,
            )

    @staticmethod
    def _as_json(what: str, value: dict[str, Any]) -> dict[str, Any]:
        try:
            read: dict[str, Any] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError) as exc:
            broken(f"{what} is JSON, as to_dict has it", expected="JSON", got=exc, cause=exc)
        return read
