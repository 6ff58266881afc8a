"""The tests that a wrapper has to pass: what backends return and raise arrives as it is.

Subclass, and pytest finds the rest, once the plugin is installed::

    # tests/test_acme.py
    from omega_core.testing import WrapperTests

    class TestAudit(WrapperTests):
        config = {"plugins": {"audit": {"collection": "log"}}}

Every hook that a wrapper can stand around is called, by way of a store, with a backend that
answers what a test says.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar

import pytest

from ..backends.actions import action
from ..backends.base import ACTIONS, BaseJobBackend, BaseModelBackend
from ..config import SecurityConfig
from ..errors import ConflictError, NoBackendError, ObjectNotFoundError
from ..omega import Omega
from ..plugins.hookspecs import ROUTED
from ..plugins.spec import BackendSpec
from ..protocol.metadata import Metadata
from ..summary import Summary
from .promises import (
    broken,
    holds,
    is_equal,
    listed,
    promise,
    raised,
    refused,
    shown,
    told_type,
)


class StubObject:
    """What a `StubBackend` stores."""


class AskedObject:
    """What a `StubBackend` is asked about, by `supports`."""


class StubBackend(BaseModelBackend):
    """Stores nothing, and answers what its class attributes say."""

    KIND = "omega_core_testing.stub"
    returns: ClassVar[Any] = None
    raises: ClassVar[BaseException | None] = None
    supported: ClassVar[bool] = True

    def _answer(self) -> Any:
        if self.raises is not None:
            raise self.raises
        return self.returns

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        self._answer()
        return self.supported

    def put(
        self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        self._answer()
        return self.model_store.make_metadata(name, self.KIND, attributes=attributes).save()

    def get(self, name: str, **kwargs: Any) -> Any:
        return self._answer()

    def describe(self, name: str, **kwargs: Any) -> Summary:
        self._answer()
        return dataclasses.replace(super().describe(name), details={"told by": "the stub"})

    def fit(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Metadata:
        self._answer()
        return self.model_store.put(StubObject(), modelname, kind=self.KIND)

    def partial_fit(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Metadata:
        return self.fit(modelname, Xname)

    def fit_transform(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        self.fit(modelname, Xname)
        return self._answer()

    def transform(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        return self._answer()

    def predict(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        return self._answer()

    def predict_proba(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        return self._answer()

    def decision_function(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        return self._answer()

    def score(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        return self._answer()

    @action
    def weigh(
        self, modelname: str, Xname: str, rName: str | None = None, pure_python: bool = True
    ) -> Any:
        """Do what no contract has a name for."""
        return self._answer()


class StubJobBackend(BaseJobBackend):
    """Runs nothing, and answers what a `StubBackend` says."""

    KIND = "omega_core_testing.stub_job"
    stub: ClassVar[type[StubBackend]] = StubBackend

    def put(
        self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        return self.job_store.make_metadata(name, self.KIND, attributes=attributes).save()

    def get(self, name: str, **kwargs: Any) -> Any:
        return None

    def run(
        self,
        jobname: str,
        params: Mapping[str, Any] | None = None,
        *,
        rName: str,
        **kwargs: Any,
    ) -> Metadata:
        if self.stub.raises is not None:
            raise self.stub.raises
        return self.job_store.put({"left": "by the stub"}, rName)


def _put(om: Omega) -> Metadata:
    return om.models.put(StubObject(), "stub", kind=StubBackend.KIND)


def _run(om: Omega) -> Any:
    if om.config.security.run_jobs == "allow":
        return om.jobs.perform("run", "job", rName="left")
    config = dataclasses.replace(om.config, security=SecurityConfig(run_jobs="allow"))
    with Omega(config, bucket=om.bucket) as allowed:
        for spec in om.plugins.specs.values():
            if spec.kind not in allowed.plugins.specs:
                allowed.plugins.register(dataclasses.replace(spec))
        return allowed.jobs.perform("run", "job", rName="left")


def _acting(name: str) -> Callable[[Omega], Any]:
    return lambda om: om.models.perform(name, "stub", "X")


OPERATIONS: dict[str, Callable[[Omega], Any]] = {
    "supports": lambda om: om.models.kind_for(AskedObject()),
    "put": _put,
    "get": lambda om: om.models.get("stub"),
    "describe": lambda om: om.models.describe("stub"),
    "drop": lambda om: om.models.drop("stub"),
    "copy": lambda om: om.models.copy("stub", "copied"),
    "run": _run,
    "act": _acting("weigh"),
    **{name: _acting(name) for name in ACTIONS},
}
"""How each hook comes to be called."""

STORING = {"put": "stub", "copy": "copied", "fit": "stub", "partial_fit": "stub"}
"""The hooks that return the metadata of a model, with its name."""

VALUES = ("get", "act", *(name for name in ACTIONS if name not in STORING))
"""The hooks that return whatever the backend does."""

RAISING = tuple(hook for hook in ROUTED if hook not in ("drop", "copy"))
"""The hooks that a backend answers; the core answers the others."""


class WrapperTests:
    """A wrapper changes nothing: what backends return and raise arrives as it is.

    Attributes
    ----------
    config
        Sections of the configuration: ``{"plugins": {"audit": {...}}}``.
    changes
        Hooks whose results the wrapper is meant to change, as one that encrypts does with "put"
        and "get", or whose errors. What is put has to come back equal all the same.
    """

    config: ClassVar[dict[str, Any]] = {}
    changes: ClassVar[Collection[str]] = ()

    @pytest.fixture
    def om(self, make_omega: Callable[..., Omega]) -> Omega:
        """An `Omega` with the plugin that wraps."""
        return make_omega(**{"security": {"run_jobs": "allow"}, **self.config})

    @pytest.fixture
    def objects(self) -> list[Any]:
        """At least two objects that differ, and that the wrapper lets pass."""
        return [{"a": [1, 2]}, {"b": "text"}]

    def same(self, one: Any, other: Any) -> bool:
        """Return whether two objects are equal; override where ``==`` fails."""
        return bool(one == other)

    @pytest.fixture
    def stub(self, om: Omega) -> type[StubBackend]:
        """A backend that returns, and raises, what a test says."""

        class Stub(StubBackend):
            returns: ClassVar[Any] = None
            raises: ClassVar[BaseException | None] = None

        class StubJob(StubJobBackend):
            stub: ClassVar[type[StubBackend]] = Stub

        om.datasets.register_backend(BackendSpec(Stub.KIND, Stub, types=None))
        asked = BackendSpec(f"{Stub.KIND}.asked", Stub, types=[f"{__name__}:AskedObject"])
        om.datasets.register_backend(asked)
        om.datasets.register_backend(BackendSpec(StubJob.KIND, StubJob, types=None))
        om.datasets.put([1.0], "X")
        om.models.put(StubObject(), "stub", kind=Stub.KIND)
        om.jobs.put(StubObject(), "job", kind=StubJob.KIND)
        return Stub

    # --- what is wrapped ---------------------------------------------------------------------

    def test_every_hook_is_tried(self) -> None:
        promise("the kit calls every hook that can be wrapped", sorted(OPERATIONS), sorted(ROUTED))
        tried = {"supports", "describe", "drop", "run", *STORING, *VALUES}
        promise("the kit looks at what each of them returns", sorted(tried), sorted(ROUTED))
        unknown = set(self.changes) - set(ROUTED)
        what = f"{type(self).__name__}.changes names hooks"
        holds(what, not unknown, expected=f"some of {listed(ROUTED)}", got=unknown)

    def test_there_is_a_plugin_that_wraps(self, om: Omega) -> None:
        states = {plugin.id: plugin.state for plugin in om.plugins}
        errors = [str(plugin.error) for plugin in om.plugins if plugin.error is not None]
        holds(
            "there is a wrapper to be tested",
            [plugin for plugin in om.plugins if plugin.wraps],
            expected="a plugin that is installed (pip install -e .), enabled, and has hooks with "
            "@hookimpl(wrapper=True)",
            got=(states, *errors),
        )

    # --- what is returned --------------------------------------------------------------------

    def test_put_returns_the_metadata(self, om: Omega, stub: type[StubBackend]) -> None:
        meta = om.models.put(StubObject(), "x", kind=stub.KIND)
        _is_stored("put", om, "x", meta)

    @pytest.mark.parametrize("operation", STORING)
    def test_what_stores_returns_the_metadata(
        self, om: Omega, stub: type[StubBackend], operation: str
    ) -> None:
        self._unless_it_changes(operation)
        meta = OPERATIONS[operation](om)
        _is_stored(operation, om, STORING[operation], meta)
        versions = {"put": 2, "fit": 2, "partial_fit": 2, "copy": 1}
        promise(f"{operation} is done once: versions", meta.version, versions[operation])

    @pytest.mark.parametrize("value", [None, 0, "", [], [1.5, "text"]], ids=repr)
    @pytest.mark.parametrize("operation", VALUES)
    def test_what_a_backend_returns_is_returned(
        self, om: Omega, stub: type[StubBackend], operation: str, value: Any
    ) -> None:
        self._unless_it_changes(operation)
        stub.returns = value
        before = copy.deepcopy(value)
        got = OPERATIONS[operation](om)
        if got is not value:
            broken(
                f"what the backend returns from {operation} is returned, the very object",
                expected=told_type(value),
                got=told_type(got),
            )
        promise(f"what the backend returns from {operation} is left as it is", got, before)

    def test_a_summary_arrives_as_it_is(self, om: Omega, stub: type[StubBackend]) -> None:
        self._unless_it_changes("describe")
        summary = OPERATIONS["describe"](om)
        promise("a summary arrives as it is", summary.details, {"told by": "the stub"})

    def test_a_run_returns_the_metadata_of_what_it_leaves(
        self, om: Omega, stub: type[StubBackend]
    ) -> None:
        self._unless_it_changes("run")
        meta = OPERATIONS["run"](om)
        stored = om.jobs.metadata("left")
        promise("a run returns the metadata of what it leaves", meta, stored)
        promise("a job runs once: versions of what it leaves", meta.version, 1)

    def test_support_arrives_as_it_is(self, om: Omega, stub: type[StubBackend]) -> None:
        self._unless_it_changes("supports")
        kind = OPERATIONS["supports"](om)
        promise("what a backend supports, it stores", kind, f"{stub.KIND}.asked")
        stub.supported = False
        with refused(NoBackendError, "an object that the backend does not support"):
            OPERATIONS["supports"](om)

    def test_drop_says_whether_there_was_one(self, om: Omega, stub: type[StubBackend]) -> None:
        self._unless_it_changes("drop")
        promise("drop says that there was an object", om.models.drop("stub"), True)
        gone = om.models.drop("stub", missing_ok=True)
        promise("drop says that there was none any more", gone, False)
        with refused(ObjectNotFoundError, "a drop of what is not there"):
            om.models.drop("stub")

    # --- what is raised ----------------------------------------------------------------------

    @pytest.mark.parametrize("operation", RAISING)
    @pytest.mark.parametrize("error", [ValueError("no"), KeyError("k"), KeyboardInterrupt()])
    def test_what_a_backend_raises_is_raised(
        self, om: Omega, stub: type[StubBackend], operation: str, error: BaseException
    ) -> None:
        self._unless_it_changes(operation)
        stub.raises = error
        what = f"what the backend raises in {operation} is raised, the very error"
        try:
            got = OPERATIONS[operation](om)
        except BaseException as exc:
            if exc is error:
                return
            broken(what, expected=raised(error), got=raised(exc), cause=exc)
        broken(what, expected=raised(error), got=f"no error, and {told_type(got)}")

    def test_a_copy_that_is_refused_is_refused(self, om: Omega, stub: type[StubBackend]) -> None:
        om.models.copy("stub", "copied")
        with refused(ConflictError, "a copy over another revision than is expected"):
            om.models.copy("stub", "copied", if_rev=99)

    # --- what is stored ----------------------------------------------------------------------

    def test_what_is_put_comes_back_equal(self, om: Omega, objects: list[Any]) -> None:
        """Also from one that encrypts, and from one that remembers."""
        old, new = objects[:2]
        before = copy.deepcopy([old, new])
        store = om.datasets

        def comes_back(what: str, expected: Any, got: Any) -> None:
            if not is_equal(self, self.same, expected, got):
                broken(what, expected=shown(expected), got=shown(got))

        for obj in (old, new):
            meta = store.put(obj, "x")
            promise("put stores under the name that is asked for", meta.name, "x")
            for time in ("", ", also the second time"):
                comes_back(f"what is put comes back equal{time}", obj, store.get("x"))
        comes_back("version 1 is what it was", old, store.get("x", version=1))
        store.copy("x", "y")
        comes_back("a copy is what was copied", new, store.get("y"))
        store.restore("x", 1)
        comes_back("what is restored is what was put", old, store.get("x"))
        store.drop("x")
        with refused(ObjectNotFoundError, "a get of what was dropped"):
            store.get("x")
        store.put(new, "x")
        comes_back("after a drop, the object is what was put then", new, store.get("x"))
        promise("the caller's objects are left as they were", [old, new], before)

    def _unless_it_changes(self, hook: str) -> None:
        if hook in self.changes:
            pytest.skip(f"declared: it changes what {hook} returns")


def _is_stored(operation: str, om: Omega, name: str, meta: Any) -> None:
    what = f"{operation} returns the metadata that the store has"
    if not isinstance(meta, Metadata):
        broken(what, expected="Metadata", got=told_type(meta))
    promise(what, meta, om.models.metadata(name))
    promise(f"{operation} stores under the name that is asked for", meta.name, name)
