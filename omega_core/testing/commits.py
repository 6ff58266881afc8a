"""The promises of a commit: what it accepts, and what a crash at any step leaves."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from ..config import UrisConfig
from ..errors import (
    OmegaError,
    PluginContractError,
    UnsupportedOptionError,
    UriNotAllowedError,
)
from ..omega import Omega
from ..protocol.commit import Intent
from ..store import OmegaStore
from .backends import BackendTests, left_over, like, nothing_left, own_collections
from .crashes import CrashingTwin
from .faults import FaultKind
from .promises import broken, holds, missing, promise, raising, refused, shown


class CommitTests(BackendTests):
    """What ``meta.save()`` makes current, for every backend that ends its put with it."""

    @pytest.fixture
    def refused_objects(self) -> list[Any]:
        """Objects that the backend claims by type, and that its put refuses."""
        pytest.skip("not given: refused_objects, which are claimed by type, and refused by put")

    # --- what a commit accepts ---------------------------------------------------------------

    @pytest.mark.parametrize("other", ["python.rows", "python.file"])
    def test_a_put_over_another_kind_replaces_all_of_it(
        self, store: OmegaStore, objects: list[Any], other: str
    ) -> None:
        before: Any = [{"other": 1}] if other == "python.rows" else bytes(100_000)
        replaced = store.put(before, "x", kind=other, attributes={"color": "red"})
        meta = self._put(store, objects[0], "x")
        if meta.kind == other:
            return
        pointers = (meta.collection, getattr(meta.gridfile, "grid_id", None))
        old = (replaced.collection, getattr(replaced.gridfile, "grid_id", None))
        shared = [pointer for pointer in pointers if pointer is not None and pointer in old]
        promise("the new object points at nothing of the one that it replaced", shared, [])
        color = meta.attributes.get("color")
        promise("the attributes of the old object are kept", color, "red")
        store.omega.gc(grace=0)
        self._gets(f"a put over {other!r} replaces all of it", objects[0], store, "x")
        kept = store.get("x", version=1)
        holds("the object of another kind is version 1", kept is not None, expected=other, got=kept)

    def test_the_kind_is_one_that_the_plugin_declares(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        meta = self._accepted(store, objects[0], "whose kind no plugin declares")
        declared = store.omega.plugins.specs[meta.kind].plugin
        wrote = (meta.plugin or {}).get("name")
        promise(f"the kind {meta.kind!r} is one that the plugin declares", wrote, declared)

    def test_the_files_of_a_put_are_closed_before_it_saves(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        for position, obj in enumerate(objects):
            self._accepted(store, obj, "with a file that is not closed", f"object {position}")
            got = store.get(f"object {position}")
            self._comes_back("the files of a put are closed before it saves", obj, got)

    def test_a_uri_is_where_the_object_lies_or_is_refused(
        self, store: OmegaStore, objects: list[Any], tmp_path: Path
    ) -> None:
        for allowed in (True, False):
            uris = UrisConfig(allow=(tmp_path.as_uri() + "/",) if allowed else ())
            with CrashingTwin(store.omega, timeout=30.0, uris=uris) as twin:
                self._put_at_uri(like(store, twin.omega), objects, tmp_path, allowed=allowed)

    def _put_at_uri(
        self, store: OmegaStore, objects: list[Any], directory: Path, *, allowed: bool
    ) -> None:
        name = f"at a uri, {allowed}"
        uri = f"{directory.as_uri()}/{{key}}"
        stored = "a put that is refused stores nothing: is it there"
        try:
            metas = [self._put(store, obj, name, uri=uri) for obj in objects[:2]]
        except PluginContractError as exc:
            pytest.fail(f"an option uri= is taken and not used: {exc}")
        except UnsupportedOptionError:
            promise(stored, name in store, False)  # the right answer of those that take none
            return
        except UriNotAllowedError as exc:
            if allowed:
                broken(
                    "an object is stored where [uris] allow permits",
                    expected=f"a file below {directory.as_uri()}",
                    got=exc,
                    cause=exc,
                )
            promise(stored, name in store, False)
            return
        if not allowed:
            broken(
                "an object is stored only at a place that [uris] allow permits",
                expected="UriNotAllowedError",
                got=f"an object at {metas[0].uri}",
            )
        for version, (meta, obj) in enumerate(zip(metas, objects, strict=False), start=1):
            holds(
                "the object lies where uri= says",
                (meta.uri or "").startswith(directory.as_uri()),
                expected=f"a URI below {directory.as_uri()}",
                got=meta.uri,
            )
            got = store.get(name, version=version)
            self._comes_back(f"version {version} is read where it lies", obj, got)

    # --- what fails --------------------------------------------------------------------------

    def test_what_a_put_refuses_leaves_nothing(
        self,
        store: OmegaStore,
        objects: list[Any],
        refused_objects: list[Any],
        directories: list[Path],
    ) -> None:
        if not refused_objects:
            missing(
                self, "refused_objects", "objects that put refuses", "return [Thing(float('nan'))]"
            )
        self._put(store, objects[0], "old")
        own, before = own_collections(store), store.metadata("old")
        for obj in refused_objects:
            for name in ("new", "old"):
                with refused(OmegaError, f"a put of {shown(obj)}"):
                    self._put(store, obj, name)
        promise("what is refused stores nothing", store.list(hidden=True), ["old"])
        promise("what is refused leaves the old object", store.metadata("old"), before)
        self._gets("what is refused leaves the old object", objects[0], store, "old")
        what = "a put that fails and the collector leave nothing"
        nothing_left(what, left_over(store, directories))
        promise(f"{what}: documents in collections of your own", own_collections(store), own)

    def test_who_interrupts_a_put_ends_it(self, store: OmegaStore, objects: list[Any]) -> None:
        def interrupt(*args: Any) -> Any:
            raise KeyboardInterrupt

        self._put(store, objects[0], "x")
        what = "Ctrl-C ends a put, so that a backend lets it pass"
        with patch.object(Intent, "commit", interrupt), raising(KeyboardInterrupt, what):
            self._put(store, objects[1], "x")
        self._gets("a put that is interrupted changes nothing", objects[0], store, "x")
        nothing_left("a put that is interrupted leaves nothing", left_over(store))

    @pytest.mark.parametrize("kind_of_fault", ["lost answer", "cut off before", "cut off after"])
    def test_a_crash_at_any_step_leaves_the_old_object_or_the_new_one(
        self, store: OmegaStore, objects: list[Any], kind_of_fault: FaultKind
    ) -> None:
        old, new = objects[:2]
        # Small files as well take the longer way, which has more steps.
        stores = dataclasses.replace(store.config.stores, inline=0)
        with CrashingTwin(store.omega, stores=stores) as twin:
            for step in itertools.count(1):
                name = f"step {step}"
                self._put(store, old, name)

                def replace(omega: Omega, name: str = name) -> None:
                    self._put(like(store, omega), new, name)

                struck = twin.crash(step, replace, kind_of_fault)
                got = store.get(name)
                holds(
                    f"a crash at step {step} leaves the old object or the new one",
                    self._equal(new, got) or (struck and self._equal(old, store.get(name))),
                    expected=f"{shown(old)} or {shown(new)}" if struck else shown(new),
                    got=got,
                )
                left = left_over(store)
                nothing_left(f"a crash at step {step} and the collector leave nothing", left)
                if not struck:
                    break
