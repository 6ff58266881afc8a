"""The promises about versions: each stays what it was, until it is dropped and collected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..errors import ConflictError, ObjectNotFoundError
from ..store import OmegaStore
from .backends import BackendTests, left_over, nothing_left, own_collections
from .promises import holds, promise, refused


class VersionTests(BackendTests):
    """Replace, restore, drop: by the store, for every backend that does not stand in its way."""

    def test_a_put_replaces(self, store: OmegaStore, objects: list[Any]) -> None:
        for revision, obj in enumerate(objects, start=1):
            meta = self._put(store, obj, "x")
            what = "each put makes one version and one revision"
            promise(what, (meta.version, meta.rev), (revision, revision))
            self._gets("a put replaces what was there", obj, store, "x")

    def test_versions_stay_and_can_be_restored(self, store: OmegaStore, objects: list[Any]) -> None:
        old, new = objects[:2]
        self._put(store, old, "x")
        self._put(store, new, "x")
        self._gets("version 1 is what it was", old, store, "x", version=1)
        store.restore("x", 1)
        self._gets("a version that is restored is the object", old, store, "x")
        self._gets("a restore keeps version 2", new, store, "x", version=2)
        store.gc(grace=0)
        self._gets("the collector keeps version 2", new, store, "x", version=2)

    def test_a_put_that_expects_another_revision_is_refused(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        old, new = objects[:2]
        self._put(store, old, "x")
        with refused(ConflictError, "a put that expects another revision"):
            self._put(store, new, "x", if_rev=0)
        self._gets("a put that is refused changes nothing", old, store, "x")

    def test_every_version_has_a_payload_of_its_own(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        old, new = objects[:2]
        self._put(store, old, "x")
        self._put(store, new, "x")
        self._gets(
            "every version has a payload of its own: version 1 is not what it was, the put of "
            "version 2 wrote over its payload. The key of an external service comes from "
            "object_store_key, inside of the put",
            old,
            store,
            "x",
            version=1,
        )
        store.restore("x", 1)
        self._gets("a version that is restored is the object", old, store, "x")
        with refused(ConflictError, "a put of a revision that was replaced"):
            self._put(store, new, "x", if_rev=1)
        self._gets("a put that is refused writes over nothing", old, store, "x")

    # --- drop --------------------------------------------------------------------------------

    def test_a_drop_and_the_collector_leave_nothing(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        own = own_collections(store)
        for obj in objects:
            self._put(store, obj, "x")
        store.drop("x")
        with refused(ObjectNotFoundError, "a get of what was dropped"):
            store.get("x")
        what = "a drop and the collector leave nothing"
        nothing_left(what, left_over(store))
        count = store.database.metadata.count_documents({"bucket": store.bucket})
        promise(f"{what}: documents of metadata", count, 0)
        promise(f"{what}: documents in collections of your own", own_collections(store), own)

    def test_a_drop_and_the_collector_leave_nothing_in_directories(
        self, store: OmegaStore, objects: list[Any], directories: list[Path]
    ) -> None:
        if not directories:
            pytest.skip("not given: directories, in which the backend writes by itself")
        for obj in objects:
            self._put(store, obj, "x")
            self._put(store, obj, "y")
        store.drop("x")
        what = f"a drop and the collector leave nothing in {', '.join(map(str, directories))}"
        nothing_left(what, left_over(store, directories))
        self._gets("a drop leaves other objects", objects[-1], store, "y")

    def test_a_drop_frees_what_was_dropped_and_no_more(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        old, new = objects[:2]
        for name in ("x", "y", "x/y"):
            self._put(store, old, name)
            self._put(store, new, name)
        store.drop("x")
        nothing_left("a drop and the collector leave nothing of it", left_over(store))
        for name in ("y", "x/y"):
            what = f"to drop 'x' frees nothing of {name!r}"
            self._gets(f"{what}, version 2", new, store, name)
            self._gets(f"{what}, version 1", old, store, name, version=1)

    def test_a_dropped_name_can_be_used_again(self, store: OmegaStore, objects: list[Any]) -> None:
        old, new = objects[:2]
        self._put(store, old, "x")
        store.drop("x")
        self._put(store, new, "x")
        store.gc(grace=0)
        self._gets("a name that was dropped can be used again", new, store, "x")

    def test_a_name_that_was_dropped_and_collected_goes_on_counting(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        first = self._put(store, objects[0], "x")
        store.drop("x")
        nothing_left("a drop and the collector leave nothing", left_over(store))
        second = self._put(store, objects[0], "x")
        holds(
            "the numbers of a name that was dropped go on",
            (second.version or 0) > (first.version or 0) and (second.rev or 0) > (first.rev or 0),
            expected=f"a version and a revision after {first.version} and {first.rev}",
            got=(second.version, second.rev),
        )
        with refused(ConflictError, "a put that expects a revision from before the drop"):
            self._put(store, objects[1], "x", if_rev=first.rev)
