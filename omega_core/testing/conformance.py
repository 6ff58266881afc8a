"""The tests that a plugin has to pass: for its backends, and for its wrappers.

Subclass, give the fixtures, and pytest finds the rest::

    # tests/test_acme.py
    import pytest
    from omega_core.testing.conformance import DataBackendTests

    class TestThings(DataBackendTests):
        @pytest.fixture
        def store(self, om):
            return om.datasets

        @pytest.fixture
        def objects(self):
            return [Thing(1), Thing(2)]

Load the fixtures of `omega_core.testing.fixtures` for ``om``, an `Omega` on a real MongoDB.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ..backends.base import BaseModelBackend
from ..config import UrisConfig
from ..errors import (
    ConflictError,
    ObjectNotFoundError,
    PluginContractError,
    UnsupportedOptionError,
    UriNotAllowedError,
)
from ..omega import Omega
from ..plugins.spec import BackendSpec
from ..protocol.metadata import Metadata
from ..store import OmegaStore
from .crashes import CrashingTwin
from .faults import FaultKind, let_time_pass
from .orphans import find_orphans

ODD_NAMES = ("a/b", "a_b", "a.b", "a b", "a@b", "a[0]", "ünï", "$x", ".h", "n", "n.datastore")
HOUR = 3600.0


class DataBackendTests:
    """The contract of a backend. Model backends store as data backends do, and pass it too.

    Attributes
    ----------
    kind
        Passed to every put; None: the objects find their backend by type.
    options
        Passed to every put.
    """

    kind: ClassVar[str | None] = None
    options: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def store(self) -> OmegaStore:
        """An empty store: ``om.datasets`` or ``om.models``."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `store`")

    @pytest.fixture
    def objects(self) -> list[Any]:
        """At least two objects that differ."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `objects`")

    def same(self, one: Any, other: Any) -> bool:
        """Return whether two objects, as they are put, are equal; override where ``==`` fails."""
        return bool(one == other)

    def equal(self, stored: Any, got: Any) -> bool:
        """Return whether ``got`` came back as what ``stored`` was put as."""
        return self.same(stored, got)

    # --- round trip --------------------------------------------------------------------------

    def test_objects_come_back_equal(self, store: OmegaStore, objects: list[Any]) -> None:
        for position, obj in enumerate(objects):
            self._put(store, obj, f"object {position}")
        for position, obj in enumerate(objects):
            assert self.equal(obj, store.get(f"object {position}"))

    def test_objects_that_differ_are_told_apart(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        one, two = objects[:2]
        self._put(store, one, "x")
        assert not self.equal(two, store.get("x"))

    def test_put_returns_the_metadata_that_the_store_has(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        meta = self._put(store, objects[0], "x")
        assert (meta.name, meta.bucket, meta.prefix) == ("x", store.bucket, store.prefix)
        assert (meta.version, meta.rev) == (1, 1)
        assert store.metadata("x") == meta
        assert meta.kind in [spec.kind for spec in store.omega.plugins.specs.values()]
        assert store.list(raw=True) == [meta]

    def test_put_leaves_the_object_as_it_was(self, store: OmegaStore, objects: list[Any]) -> None:
        for obj in objects:
            before = copy.deepcopy(obj)
            self._put(store, obj, "x")
            assert self.same(before, obj)

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
        for arrived in (elsewhere, again):
            versions = arrived.versions("x")
            assert [meta.attributes["position"] for meta in versions] == kept
            for position, meta in zip(kept, versions, strict=True):
                got = arrived.get("x", version=meta.version)
                assert self.equal(objects[position], got), f"{arrived.bucket}, {meta!r}"

    def test_what_is_described_is_json_and_changes_nothing(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        self._put(store, objects[0], "x")
        self._put(store, objects[1], "x")
        before = store.metadata("x")
        summary = store.describe("x", version=1)
        assert (summary.name, summary.version, summary.bucket) == ("x", 1, store.bucket)
        assert before is not None
        assert summary.kind == before.kind
        assert json.loads(json.dumps(summary.to_dict(), allow_nan=False))["kind"] == summary.kind
        assert repr(summary)
        difference = store.diff("x", 1)
        assert json.loads(json.dumps(difference.to_dict(), allow_nan=False))["versions"] == [1, 2]
        assert not store.diff("x", 2)
        assert store.metadata("x") == before
        assert self.equal(objects[1], store.get("x"))

    def test_another_client_reads_it(self, store: OmegaStore, objects: list[Any]) -> None:
        self._put(store, objects[0], "x")
        with CrashingTwin(store.omega, timeout=30.0) as twin:
            assert self.equal(objects[0], _like(store, twin.omega).get("x"))

    def test_names_have_no_second_meaning(self, store: OmegaStore, objects: list[Any]) -> None:
        cycle = itertools.cycle(objects)
        stored = {name: next(cycle) for name in ODD_NAMES}
        for name, obj in stored.items():
            self._put(store, obj, name)
        assert store.list(hidden=True) == sorted(ODD_NAMES)
        for name, obj in stored.items():
            assert self.equal(obj, store.get(name))
        for name in ODD_NAMES[::2]:
            store.drop(name)
        store.gc(grace=0)
        for name in ODD_NAMES[1::2]:
            assert self.equal(stored[name], store.get(name))

    def test_buckets_do_not_share(self, store: OmegaStore, objects: list[Any]) -> None:
        other = _like(store, store.omega["another bucket"])
        self._put(store, objects[0], "x")
        self._put(other, objects[1], "x")
        store.drop("x")
        store.gc(grace=0)
        assert self.equal(objects[1], other.get("x"))

    # --- replace, versions, drop -------------------------------------------------------------

    def test_a_put_replaces(self, store: OmegaStore, objects: list[Any]) -> None:
        for revision, obj in enumerate(objects, start=1):
            meta = self._put(store, obj, "x")
            assert (meta.version, meta.rev) == (revision, revision)
            assert self.equal(obj, store.get("x"))

    def test_versions_stay_and_can_be_restored(self, store: OmegaStore, objects: list[Any]) -> None:
        old, new = objects[:2]
        self._put(store, old, "x")
        self._put(store, new, "x")
        assert self.equal(old, store.get("x", version=1))
        store.restore("x", 1)
        assert self.equal(old, store.get("x"))
        assert self.equal(new, store.get("x", version=2))
        store.gc(grace=0)
        assert self.equal(new, store.get("x", version=2))

    def test_a_put_that_expects_another_revision_is_refused(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        old, new = objects[:2]
        self._put(store, old, "x")
        with pytest.raises(ConflictError):
            self._put(store, new, "x", if_rev=0)
        assert self.equal(old, store.get("x"))

    def test_a_drop_and_the_collector_leave_nothing(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        for obj in objects:
            self._put(store, obj, "x")
        store.drop("x")
        with pytest.raises(ObjectNotFoundError):
            store.get("x")
        assert _left_over(store) == []
        assert store.database.metadata.count_documents({"bucket": store.bucket}) == 0

    def test_a_dropped_name_can_be_used_again(self, store: OmegaStore, objects: list[Any]) -> None:
        old, new = objects[:2]
        self._put(store, old, "x")
        store.drop("x")
        self._put(store, new, "x")
        store.gc(grace=0)
        assert self.equal(new, store.get("x"))

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
        assert not shared, f"the new object still points at {shared} of the one that it replaced"
        assert meta.attributes.get("color") == "red", "the attributes of the old object are kept"
        store.omega.gc(grace=0)
        got = store.get("x")
        assert self.equal(objects[0], got), f"put over {other!r}, {got!r} comes back"
        assert store.get("x", version=1) is not None

    def test_the_kind_is_one_that_the_plugin_declares(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        meta = self._accepted(store, objects[0], "whose kind no plugin declares")
        plugins = store.omega.plugins
        assert plugins.specs[meta.kind].plugin == (meta.plugin or {}).get("name")

    def test_the_files_of_a_put_are_closed_before_it_saves(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        for position, obj in enumerate(objects):
            self._accepted(store, obj, "with a file that is not closed", f"object {position}")
            assert self.equal(obj, store.get(f"object {position}"))

    def test_a_uri_is_where_the_object_lies_or_is_refused(
        self, store: OmegaStore, objects: list[Any], tmp_path: Path
    ) -> None:
        for allowed in (True, False):
            uris = UrisConfig(allow=(tmp_path.as_uri() + "/",) if allowed else ())
            with CrashingTwin(store.omega, timeout=30.0, uris=uris) as twin:
                self._put_at_uri(_like(store, twin.omega), objects, tmp_path, allowed=allowed)

    def _put_at_uri(
        self, store: OmegaStore, objects: list[Any], directory: Path, *, allowed: bool
    ) -> None:
        name = f"at a uri, {allowed}"
        uri = f"{directory.as_uri()}/{{key}}"
        try:
            metas = [self._put(store, obj, name, uri=uri) for obj in objects[:2]]
        except PluginContractError as exc:
            pytest.fail(f"an option uri= is taken and not used: {exc}")
        except UnsupportedOptionError:
            assert name not in store  # which is the right answer of those that take none
            return
        except UriNotAllowedError:
            assert not allowed
            assert name not in store
            return
        assert allowed, "an object was stored at a place that [uris] allow does not permit"
        for version, (meta, obj) in enumerate(zip(metas, objects, strict=False), start=1):
            assert (meta.uri or "").startswith(directory.as_uri())
            assert self.equal(obj, store.get(name, version=version))

    def test_every_version_has_a_payload_of_its_own(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        old, new = objects[:2]
        self._put(store, old, "x")
        self._put(store, new, "x")
        assert self.equal(old, store.get("x", version=1)), (
            "version 1 is not what it was: the put of version 2 wrote over its payload. The key of "
            "an external service comes from object_store_key, inside of the put"
        )
        store.restore("x", 1)
        assert self.equal(old, store.get("x"))
        with pytest.raises(ConflictError):
            self._put(store, new, "x", if_rev=1)
        assert self.equal(old, store.get("x"))

    def test_a_name_that_was_dropped_and_collected_goes_on_counting(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        first = self._put(store, objects[0], "x")
        store.drop("x")
        assert _left_over(store) == []
        second = self._put(store, objects[0], "x")
        assert (second.version or 0) > (first.version or 0)
        assert (second.rev or 0) > (first.rev or 0)
        with pytest.raises(ConflictError):
            self._put(store, objects[1], "x", if_rev=first.rev)

    # --- attributes and options --------------------------------------------------------------

    def test_attributes_are_kept_updated_and_reset(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        obj = objects[0]
        own = {"color": "red", "size": 1}
        assert own.items() <= self._put(store, obj, "x", attributes=own).attributes.items()
        # What a backend adds by itself is its own affair.
        assert own.items() <= self._put(store, obj, "x").attributes.items()
        updated = self._put(store, obj, "x", attributes={"size": 2}).attributes
        assert {"color": "red", "size": 2}.items() <= updated.items()
        reset = self._put(store, obj, "x", attributes={}).attributes
        assert not own.keys() & reset.keys()

    def test_an_unknown_option_is_refused(self, store: OmegaStore, objects: list[Any]) -> None:
        with pytest.raises(UnsupportedOptionError, match="no_such_option"):
            self._put(store, objects[0], "x", no_such_option=1)
        assert store.list() == []
        self._put(store, objects[0], "x")
        with pytest.raises(UnsupportedOptionError, match="no_such_option"):
            store.get("x", no_such_option=1)

    # --- crashes and races -------------------------------------------------------------------

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
                    self._put(_like(store, omega), new, name)

                struck = twin.crash(step, replace, kind_of_fault)
                got = store.get(name)
                assert self.equal(new, got) or (struck and self.equal(old, store.get(name))), (
                    f"after a crash at step {step}, {got!r} is neither the old object nor the new"
                )
                assert _left_over(store) == [], f"after a crash at step {step}"
                if not struck:
                    break

    def test_puts_from_several_threads_all_land(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        failures: list[BaseException] = []

        def put(obj: Any) -> None:
            try:
                self._put(store, obj, "x")
            except BaseException as exc:
                failures.append(exc)

        threads = [threading.Thread(target=put, args=(objects[i % 2],)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        meta = store.metadata("x")
        assert meta is not None
        assert (meta.version, meta.rev) == (6, 6)
        got = store.get("x")
        assert self.equal(objects[0], got) or self.equal(objects[1], store.get("x"))
        assert _left_over(store) == []

    def _put(self, store: OmegaStore, obj: Any, name: str, **options: Any) -> Metadata:
        return store.put(obj, name, kind=self.kind, **{**self.options, **options})

    def _accepted(self, store: OmegaStore, obj: Any, fault: str, name: str = "x") -> Metadata:
        try:
            return self._put(store, obj, name)
        except PluginContractError as exc:
            pytest.fail(f"a put was refused that saved metadata {fault}, or the like: {exc}")


class WrapperTests:
    """A wrapper changes nothing: what backends return and raise arrives as it is.

    Give a fixture ``om``: an `Omega` with the plugin that wraps. For wrappers that are meant to
    observe; one that changes objects, as encryption does, passes with a `StubObject` all the same.
    """

    @pytest.fixture
    def om(self) -> Omega:
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `om`")

    @pytest.fixture
    def stub(self, om: Omega) -> type[StubBackend]:
        """A backend that returns, and raises, what a test says."""

        class Stub(StubBackend):
            returns: ClassVar[Any] = None
            raises: ClassVar[BaseException | None] = None

        om.datasets.register_backend(BackendSpec(Stub.KIND, Stub, types=None))
        om.models.put(StubObject(), "stub", kind=Stub.KIND)
        return Stub

    def test_put_returns_the_metadata(self, om: Omega, stub: type[StubBackend]) -> None:
        meta = om.models.put(StubObject(), "x", kind=stub.KIND)
        assert isinstance(meta, Metadata)
        assert meta == om.models.metadata("x")

    @pytest.mark.parametrize("value", [None, 0, "", []], ids=repr)
    @pytest.mark.parametrize("operation", ["get", "predict", "transform", "score"])
    def test_what_a_backend_returns_is_returned(
        self, om: Omega, stub: type[StubBackend], operation: str, value: Any
    ) -> None:
        stub.returns = value
        assert _operate(om, operation) is value

    @pytest.mark.parametrize("operation", ["put", "get", "fit", "predict"])
    @pytest.mark.parametrize("error", [ValueError("no"), KeyError("k"), KeyboardInterrupt()])
    def test_what_a_backend_raises_is_raised(
        self, om: Omega, stub: type[StubBackend], operation: str, error: BaseException
    ) -> None:
        stub.raises = error
        with pytest.raises(type(error)) as told:
            _operate(om, operation)
        assert told.value is error

    def test_drop_says_whether_there_was_one(self, om: Omega, stub: type[StubBackend]) -> None:
        assert om.models.drop("stub") is True
        assert om.models.drop("stub", missing_ok=True) is False
        with pytest.raises(ObjectNotFoundError):
            om.models.drop("stub")


class StubObject:
    """What a `StubBackend` stores."""


class StubBackend(BaseModelBackend):
    """Stores nothing, and answers what its class attributes say."""

    KIND = "omega_core_testing.stub"
    returns: ClassVar[Any] = None
    raises: ClassVar[BaseException | None] = None

    def _answer(self) -> Any:
        if self.raises is not None:
            raise self.raises
        return self.returns

    def put(
        self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        self._answer()
        return self.model_store.make_metadata(name, self.KIND, attributes=attributes).save()

    def get(self, name: str, **kwargs: Any) -> Any:
        return self._answer()

    def fit(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Metadata:
        self._answer()
        return self.model_store.put(StubObject(), modelname, kind=self.KIND)

    def transform(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        return self._answer()

    def predict(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        return self._answer()

    def score(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        return self._answer()


def _operate(om: Omega, operation: str) -> Any:
    if operation == "put":
        return om.models.put(StubObject(), "stub", kind=StubBackend.KIND)
    if operation == "get":
        return om.models.get("stub")
    return om.models.perform(operation, "stub", "X")


def _like(store: OmegaStore, omega: Omega) -> OmegaStore:
    """Return the store of ``omega`` that has the prefix of ``store``."""
    stores = (omega.datasets, omega.models, omega.jobs)
    return next(candidate for candidate in stores if candidate.prefix == store.prefix)


def _left_over(store: OmegaStore) -> list[str]:
    """Return what is left over when all leases are over and all is collected."""
    let_time_pass(store.database.mongodb, HOUR)
    collected = store.omega.gc(grace=0)
    return [*collected.blocked, *find_orphans(store.database.mongodb)]
