"""The tests that a model backend has to pass, besides those of every backend.

Subclass, give the fixtures, and pytest finds the rest::

    # tests/test_acme.py
    import pytest
    from omega_core.testing.models import ModelBackendTests

    class TestThings(ModelBackendTests):
        @pytest.fixture
        def objects(self):
            return [Thing(size=1), Thing(size=2)]      # not fitted

        @pytest.fixture
        def X(self):
            return [[1.0], [2.0], [3.0]]

        @pytest.fixture
        def Y(self):
            return [1.0, 2.0, 3.0]

A failure says which promise is broken, what was expected, and what was got instead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ..answers import first_foreign
from ..backends.actions import Action
from ..backends.base import ACTIONS, BaseModelBackend
from ..columns import columns_of
from ..config import UrisConfig
from ..errors import (
    ColumnMismatchError,
    ConflictError,
    ObjectNotFoundError,
    PluginContractError,
    UnsupportedOptionError,
)
from ..omega import Omega
from ..plugins.marker import hookimpl
from ..protocol.metadata import Metadata
from ..store import OmegaStore
from .conformance import DataBackendTests
from .crashes import CrashingTwin


class ModelBackendTests(DataBackendTests):
    """The contract of a model backend, for each action that it offers.

    Attributes
    ----------
    kind, options
        Passed to every put, as for `DataBackendTests`.
    action_options
        Options that an action needs: ``{"partial_fit": {"classes": [0, 1]}}``.
    """

    action_options: ClassVar[dict[str, dict[str, Any]]] = {}

    @pytest.fixture
    def store(self, om: Omega) -> OmegaStore:
        """The models of an empty `Omega` that has the plugin."""
        return om.models

    @pytest.fixture
    def X(self) -> Any:
        """What a model is fitted on and asked about: anything that ``om.datasets`` stores."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `X`")

    @pytest.fixture
    def Y(self) -> Any:
        """The target, for models that take one."""
        return None

    @pytest.fixture
    def acting(self, store: OmegaStore, objects: list[Any], X: Any, Y: Any) -> Stage:
        """The model ``m``, not fitted, and its data."""
        return Stage(store, objects[0], X, Y, self)

    # --- what a class promises ---------------------------------------------------------------

    def test_its_actions_are_those_of_the_contract_or_declared(self, acting: Stage) -> None:
        cls = acting.cls
        offered = acting.store.actions("m")
        assert offered, f"promise: {cls.__name__} acts; it has no action"
        for name in set(dir(cls)) - set(dir(BaseModelBackend)) - set(offered):
            near = get_close_matches(name, set(ACTIONS) - set(offered), n=1, cutoff=0.8)
            assert not near or not callable(getattr(cls, name)), (
                f"promise: an action has the name of its contract; expected {near[0]!r}, got "
                f"{cls.__name__}.{name}, for which nobody asks"
            )

    # --- what fits ---------------------------------------------------------------------------

    def test_what_fits_stores_a_new_version_and_returns_what_is_promised(
        self, acting: Stage
    ) -> None:
        for action in acting.fitting():
            before = acting.version()
            got = acting.perform(action.name)
            _promise(f"{action.name} stores a new version", acting.version(), before + 1)
            if "rName" not in action.parameters:
                now = acting.meta()
                _promise(f"{action.name} returns the metadata of the new version", got, now)

    def test_a_fit_leaves_the_version_before_as_it_was(
        self, acting: Stage, objects: list[Any]
    ) -> None:
        acting.fit()
        kept = acting.store.get("m", version=1)
        assert self.equal(objects[0], kept), "the version before a fit is not what was put"

    def test_a_fit_says_what_it_was_fitted_on(self, acting: Stage) -> None:
        for action in acting.fitting():
            acting.perform(action.name)
            record = _record(acting.meta())
            _promise("the lineage names the action", record.get("action"), action.name)
            for letter in acting.letters(action):
                read = acting.meta(letter, acting.datasets)
                known = record.get(letter) or {}
                told = (known.get("name"), known.get("version"), known.get("gen"))
                _promise(f"the lineage names {letter}", told, (letter, read.version, read.gen))
                assert known.get("rows") is not None, (
                    f"{action.name} does not read {letter} by self.data_store.get({letter}name) in "
                    "the thread that it is called in, so that nobody knows what it was fitted on"
                )

    def test_a_fit_stores_the_model_where_it_was(
        self, acting: Stage, objects: list[Any], tmp_path: Path
    ) -> None:
        uris = UrisConfig(allow=(tmp_path.as_uri() + "/",))
        with CrashingTwin(acting.store.omega, timeout=30.0, uris=uris) as twin:
            store = twin.omega[acting.store.bucket].models
            try:
                self._put(store, objects[0], "at a uri", uri=f"{tmp_path.as_uri()}/{{key}}")
            except UnsupportedOptionError:
                return  # it takes none
            acting.fit("at a uri", store=store)
            uri = acting.meta("at a uri", store).uri
        assert uri is not None, "a fit stores the model in MongoDB, and it was put at a URI"
        _promise("a fit keeps the place", uri.startswith(tmp_path.as_uri()), True)

    def test_a_fit_of_another_revision_is_refused(self, acting: Stage) -> None:
        for action in acting.fitting():
            rev = acting.meta().rev
            acting.put("m")
            with _refused(ConflictError, f"{action.name} of a revision that was replaced"):
                acting.perform(action.name, if_rev=rev)

    def test_what_is_fitted_further_loses_no_update(self, acting: Stage) -> None:
        """Somebody else replaces the model while the action reads its data."""
        for action in acting.fitting():
            if action.fits != "further":
                continue
            acting.fit()
            before = acting.version()
            refused = _refused(ConflictError, f"{action.name} of a model replaced meanwhile")
            with acting.interrupted(lambda: acting.put("m")), refused:
                acting.perform(action.name)
            _promise(f"{action.name} leaves what the other one put", acting.version(), before + 1)

    def test_a_fit_without_its_data_changes_nothing(self, acting: Stage) -> None:
        for action in acting.fitting():
            rev = acting.meta().rev
            with _refused(ObjectNotFoundError, f"{action.name} on a dataset that is not there"):
                acting.perform(action.name, X="nowhere")
            _promise(f"a failed {action.name} changes nothing", acting.meta().rev, rev)

    # --- what asks ---------------------------------------------------------------------------

    def test_an_answer_is_plain_python(self, acting: Stage) -> None:
        for action in acting.asking():
            got = acting.perform(action.name)
            foreign = first_foreign(got)
            assert foreign is None, (
                f"{action.name} with pure_python=True promises lists, dicts and scalars of Python; "
                f"got a {foreign!r} in {got!r}"
            )

    def test_an_answer_of_the_library_can_be_asked_for(self, acting: Stage) -> None:
        for action in acting.asking():
            if "pure_python" in action.parameters:
                acting.perform(action.name, pure_python=False)

    def test_a_result_is_stored_under_the_name_that_is_asked_for(self, acting: Stage) -> None:
        for action in acting.asking() + acting.fitting():
            if "rName" not in action.parameters:
                continue
            name = f"result of {action.name}"
            got = acting.perform(action.name, rName=name)
            stored = acting.datasets.metadata(name)
            _promise(f"{action.name} with rName stores the dataset", stored is not None, True)
            _promise(f"{action.name} with rName returns its metadata", got, stored)
            model = _record(stored).get("model") or {}
            told = (model.get("name"), model.get("version"))
            _promise("the lineage of a result names the model", told, ("m", acting.version()))

    def test_to_ask_changes_neither_the_model_nor_its_data(self, acting: Stage) -> None:
        actions = acting.asking()
        before = acting.everything()
        for action in actions:
            acting.perform(action.name)
            _promise(f"{action.name} changes nothing", acting.everything(), before)

    def test_missing_data_are_an_error(self, acting: Stage) -> None:
        for action in acting.asking():
            with _refused(ObjectNotFoundError, f"{action.name} of a dataset that is not there"):
                acting.perform(action.name, X="nowhere", rName=None)

    def test_the_version_that_is_asked_for_answers(self, acting: Stage) -> None:
        answers = {action.name: acting.perform(action.name) for action in acting.asking()}
        fitted = acting.version()
        acting.put("m")
        for name, answer in answers.items():
            got = acting.perform(name, version=fitted)
            _promise(f"{name} of version {fitted} is what it was", got, answer)

    def test_a_model_that_was_replaced_is_forgotten(self, acting: Stage) -> None:
        actions = acting.asking()
        for name in ("m", "fresh"):
            acting.put(name)
        for action in actions:
            expected, got = (acting.outcome(action.name, model) for model in ("fresh", "m"))
            _promise(f"{action.name} asks the model that was put, and none before", got, expected)

    def test_a_frame_with_other_columns_is_refused(self, acting: Stage, X: Any) -> None:
        labels = columns_of(X)
        if labels is None or len(labels) < 2 or not hasattr(X, "iloc"):
            pytest.skip("X is no frame with two columns")
        acting.datasets.put(X.iloc[:, :-1], "narrow")
        acting.datasets.put(X.iloc[:, ::-1], "turned")
        for action in acting.asking():
            if not action.checks_columns:
                continue
            answer = acting.perform(action.name)
            with _refused(ColumnMismatchError, f"{action.name} without the column {labels[-1]!r}"):
                acting.perform(action.name, X="narrow")
            if acting.by_name:
                got = acting.perform(action.name, X="turned")
                _promise(f"{action.name} goes by the names of columns", got, answer)
            else:
                with _refused(ColumnMismatchError, f"{action.name} of columns in another order"):
                    acting.perform(action.name, X="turned")

    # --- wherever it is ----------------------------------------------------------------------

    def test_a_model_and_its_data_may_have_one_name(self, acting: Stage, X: Any) -> None:
        acting.put("X")
        acting.fit("X")
        _promise("X stays", acting.meta("X", acting.datasets).version, 1)
        _promise("the model is fitted", acting.meta("X").version, 2)

    def test_a_model_acts_among_the_jobs_and_in_another_bucket(self, acting: Stage) -> None:
        omega = acting.store.omega
        other = omega["another bucket"]
        for letter in acting.given:
            other.datasets.put(acting.given[letter], letter)
        for store in (omega.jobs, other.models):
            acting.put("elsewhere", store)
            acting.fit("elsewhere", store=store)
            _promise(f"a fit in {store!r}", acting.meta("elsewhere", store).version, 2)
        assert "elsewhere" not in acting.store, "a model of another store was stored here"

    def test_values_are_taken_in_the_place_of_names(self, acting: Stage) -> None:
        runtime: Any = acting.store.omega.runtime.model("m")
        for action in acting.fitting():
            values = {letter: acting.given[letter] for letter in acting.letters(action)}
            own = self.action_options.get(action.name, {})
            getattr(runtime, action.name)(**values, **own).get(timeout=60)
            record = _record(acting.meta())
            _promise("a value has no name in the lineage", record["X"].get("name"), None)
        left = [n for n in acting.datasets.list(hidden=True) if n not in acting.given]
        _promise("a value is removed when the task ends", left, [])


class Stage:
    """A model and its data, put into an empty store, and what can be done with them."""

    def __init__(
        self, store: OmegaStore, model: Any, X: Any, Y: Any, tests: ModelBackendTests
    ) -> None:
        self.store, self.datasets = store, store.omega.datasets
        self._model, self._tests = model, tests
        self.given = {"X": X} if Y is None else {"X": X, "Y": Y}
        for letter, value in self.given.items():
            self.datasets.put(value, letter)
        kind = self.put("m").kind
        spec = store.omega.plugins.specs[kind]
        self.cls: type[Any] = store.omega.router.adapter(spec).cls
        self.by_name = bool(self.cls.columns_by_name)

    def put(self, name: str, store: OmegaStore | None = None) -> Metadata:
        """Put the model as it is before any fit."""
        return self._tests._put(self.store if store is None else store, self._model, name)

    def meta(self, name: str = "m", store: OmegaStore | None = None) -> Metadata:
        """Return the metadata of an object that is there."""
        found = (self.store if store is None else store).metadata(name)
        assert found is not None, f"there is no {name!r}"
        return found

    def version(self) -> int:
        return self.meta().version or 0

    def everything(self) -> dict[str, Any]:
        """Return the revision of every model and dataset."""
        stores = (self.store, self.datasets)
        metas = [meta for store in stores for meta in store.list(hidden=True, raw=True)]
        return {f"{meta.prefix}{meta.name}": (meta.version, meta.rev) for meta in metas}

    def letters(self, action: Action) -> list[str]:
        """Return which of X and Y the action is given."""
        return [letter for letter in self.given if f"{letter}name" in action.parameters]

    def perform(self, name: str, store: OmegaStore | None = None, **arguments: Any) -> Any:
        """Let the model ``m`` act on its data."""
        # Not ``store or``: an empty store is false.
        store = self.store if store is None else store
        action = store.actions(arguments.get("model", "m"))[name]
        data = dict.fromkeys(("X", "Y")) | {letter: letter for letter in self.letters(action)}
        taken = {**data, **self._tests.action_options.get(name, {}), **arguments}
        model = taken.pop("model", "m")
        try:
            return store.perform(name, model, **taken)
        except PluginContractError as exc:
            pytest.fail(f"The promise of {name!r} is broken: {exc}")

    def outcome(self, name: str, model: str) -> Any:
        """Return the answer of a model, or the class of the error."""
        try:
            return self.perform(name, model=model)
        except Exception as exc:
            return type(exc)

    def fit(self, name: str = "m", store: OmegaStore | None = None) -> None:
        """Fit a model by the first action that fits."""
        action = next(iter(self._fits(self.store.actions("m"))), None)
        if action is not None:
            self.perform(action.name, store, model=name)

    def fitting(self) -> list[Action]:
        """Return the actions that fit, and that this very model offers."""
        return [*filter(self._is_offered, self._fits(self.store.actions("m")))]

    def asking(self) -> list[Action]:
        """Fit the model, and return the actions that ask it, and that it offers."""
        self.fit()
        asked = [act for act in self.store.actions("m").values() if act.fits is None]
        return [*filter(self._is_offered, asked)]

    def _fits(self, offered: dict[str, Action]) -> list[Action]:
        return [action for action in offered.values() if action.fits is not None]

    def _is_offered(self, action: Action) -> bool:
        """Return whether this model, of all that the kind stores, offers an action."""
        try:
            self.perform(action.name)
        except NotImplementedError:
            return False
        return True

    @contextmanager
    def interrupted(self, meanwhile: Callable[[], object]) -> Iterator[None]:
        """Let something happen in another thread when X is read for the first time."""
        other = threading.Thread(target=meanwhile)

        class Meanwhile:
            @hookimpl(wrapper=True)
            def get(self, store: OmegaStore, name: str) -> Generator[None, Any, Any]:
                if name == "X" and store.prefix == "data/" and other.ident is None:
                    other.start()
                    other.join()
                return (yield)

        manager = self.store.omega.plugins.manager
        plugin = Meanwhile()
        manager.register(plugin)
        try:
            yield
        finally:
            manager.unregister(plugin)
        assert other.ident is not None, "promise: what fits reads X; got no get of X"


def _record(meta: Metadata | None) -> dict[str, Any]:
    assert meta is not None
    record = meta.lineage
    assert record is not None, (
        f"{meta!r} has no lineage: it was not put by self.model_store.put or self.data_store.put "
        "in the thread that the action is called in"
    )
    return record


def _promise(promise: str, got: Any, expected: Any) -> None:
    assert got == expected, f"promise: {promise}; expected {expected!r}, got {got!r}"


@contextmanager
def _refused(error: type[Exception], what: str) -> Iterator[None]:
    try:
        yield
    except error:
        return
    except Exception as exc:
        pytest.fail(
            f"promise: {what} is refused; expected {error.__name__}, got "
            f"{type(exc).__name__}: {exc}"
        )
    pytest.fail(f"promise: {what} is refused; expected {error.__name__}, got no error")
