"""The tests that a model backend has to pass, besides those of every backend.

Subclass, give the fixtures, and pytest finds the rest::

    # tests/test_acme.py
    import pytest
    from omega_core.testing import ModelBackendTests

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

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pytest

from ..answers import first_foreign
from ..backends.base import ACTIONS, BaseModelBackend
from ..columns import columns_of
from ..config import UrisConfig
from ..errors import (
    ColumnMismatchError,
    ConflictError,
    ObjectNotFoundError,
    UnsupportedOptionError,
)
from ..omega import Omega
from ..protocol.metadata import Metadata
from ..store import OmegaStore
from .conformance import DataBackendTests
from .crashes import CrashingTwin
from .promises import Words, broken, holds, listed, missing, promise, refused, shown, there
from .stage import ActingTests, Stage

__all__ = ["ModelBackendTests", "Stage"]


class ModelBackendTests(DataBackendTests, ActingTests):
    """The contract of a model backend, for each action that it offers.

    Attributes
    ----------
    kind, options
        Passed to every put, as for `DataBackendTests`.
    action_options
        Options that an action needs: ``{"partial_fit": {"classes": [0, 1]}}``.
    """

    @pytest.fixture
    def store(self, om: Omega) -> OmegaStore:
        """The models of an empty `Omega` that has the plugin."""
        return om.models

    @pytest.fixture
    def X(self) -> Any:
        """What a model is fitted on and asked about: anything that ``om.datasets`` stores."""
        missing(
            self,
            "X",
            "what a model is fitted on and asked about, which om.datasets stores",
            "return [[1.0], [2.0], [3.0]]",
        )

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
        holds(f"{cls.__name__} acts", offered, expected=f"one of {listed(ACTIONS)}", got=offered)
        for name in set(dir(cls)) - set(dir(BaseModelBackend)) - set(offered):
            near = get_close_matches(name, set(ACTIONS) - set(offered), n=1, cutoff=0.8)
            if near and callable(getattr(cls, name)):
                broken(
                    "an action has the name of its contract",
                    expected=repr(near[0]),
                    got=f"{cls.__name__}.{name}, for which nobody asks",
                )

    # --- what fits ---------------------------------------------------------------------------

    def test_what_fits_stores_a_new_version_and_returns_what_is_promised(
        self, acting: Stage
    ) -> None:
        for action in acting.fitting():
            before = acting.version()
            got = acting.perform(action.name)
            promise(f"{action.name} stores a new version", acting.version(), before + 1)
            if "rName" not in action.parameters:
                now = acting.meta()
                promise(f"{action.name} returns the metadata of the new version", got, now)

    def test_a_fit_leaves_the_version_before_as_it_was(
        self, acting: Stage, objects: list[Any]
    ) -> None:
        acting.fit()
        kept = acting.store.get("m", version=1)
        self._comes_back("the version before a fit is what was put", objects[0], kept)

    def test_a_fit_says_what_it_was_fitted_on(self, acting: Stage) -> None:
        for action in acting.fitting():
            acting.perform(action.name)
            record = _record(acting.meta())
            promise("the lineage names the action", record.get("action"), action.name)
            for letter in acting.letters(action):
                read = acting.meta(letter, acting.datasets)
                known = record.get(letter) or {}
                told = (known.get("name"), known.get("version"), known.get("gen"))
                promise(f"the lineage names {letter}", told, (letter, read.version, read.gen))
                holds(
                    f"the lineage says how many rows {letter} had",
                    known.get("rows") is not None,
                    expected="their number",
                    got=Words(
                        f"none: {action.name} does not read {letter} by "
                        f"self.data_store.get({letter}name) in the thread that it is called in, "
                        "so that nobody knows what it was fitted on"
                    ),
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
        holds(
            "a fit stores the model at the URI where it was",
            (uri or "").startswith(tmp_path.as_uri()),
            expected=f"a URI below {tmp_path.as_uri()}",
            got=uri,
        )

    def test_a_fit_of_another_revision_is_refused(self, acting: Stage) -> None:
        for action in acting.fitting():
            rev = acting.meta().rev
            acting.put("m")
            with refused(ConflictError, f"{action.name} of a revision that was replaced"):
                acting.perform(action.name, if_rev=rev)

    def test_what_is_fitted_further_loses_no_update(self, acting: Stage) -> None:
        """Somebody else replaces the model while the action reads its data."""
        for action in acting.fitting():
            if action.fits != "further":
                continue
            acting.fit()
            before = acting.version()
            refusal = refused(ConflictError, f"{action.name} of a model replaced meanwhile")
            with acting.interrupted(lambda: acting.put("m")), refusal:
                acting.perform(action.name)
            promise(f"{action.name} leaves what the other one put", acting.version(), before + 1)

    def test_a_fit_without_its_data_changes_nothing(self, acting: Stage) -> None:
        for action in acting.fitting():
            rev = acting.meta().rev
            with refused(ObjectNotFoundError, f"{action.name} on a dataset that is not there"):
                acting.perform(action.name, X="nowhere")
            promise(f"a failed {action.name} changes nothing", acting.meta().rev, rev)

    # --- what asks ---------------------------------------------------------------------------

    def test_an_answer_is_plain_python(self, acting: Stage) -> None:
        for action in acting.asking():
            got = acting.perform(action.name)
            foreign = first_foreign(got)
            holds(
                f"{action.name} with pure_python=True gives lists, dicts and scalars of Python",
                foreign is None,
                expected="nothing else",
                got=Words(f"a {foreign!r} in {shown(got)}"),
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
            promise(f"{action.name} with rName stores the dataset", stored is not None, True)
            promise(f"{action.name} with rName returns its metadata", got, stored)
            model = _record(stored).get("model") or {}
            told = (model.get("name"), model.get("version"))
            promise("the lineage of a result names the model", told, ("m", acting.version()))

    def test_to_ask_changes_neither_the_model_nor_its_data(self, acting: Stage) -> None:
        actions = acting.asking()
        before = acting.everything()
        for action in actions:
            acting.perform(action.name)
            promise(f"{action.name} changes nothing", acting.everything(), before)

    def test_missing_data_are_an_error(self, acting: Stage) -> None:
        for action in acting.asking():
            with refused(ObjectNotFoundError, f"{action.name} of a dataset that is not there"):
                acting.perform(action.name, X="nowhere", rName=None)

    def test_the_version_that_is_asked_for_answers(self, acting: Stage) -> None:
        answers = {action.name: acting.perform(action.name) for action in acting.asking()}
        fitted = acting.version()
        acting.put("m")
        for name, answer in answers.items():
            got = acting.perform(name, version=fitted)
            promise(f"{name} of version {fitted} is what it was", got, answer)

    def test_a_model_that_was_replaced_is_forgotten(self, acting: Stage) -> None:
        actions = acting.asking()
        for name in ("m", "fresh"):
            acting.put(name)
        for action in actions:
            expected, got = (acting.outcome(action.name, model) for model in ("fresh", "m"))
            promise(f"{action.name} asks the model that was put, and none before", got, expected)

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
            with refused(ColumnMismatchError, f"{action.name} without the column {labels[-1]!r}"):
                acting.perform(action.name, X="narrow")
            if acting.by_name:
                got = acting.perform(action.name, X="turned")
                promise(f"{action.name} goes by the names of columns", got, answer)
            else:
                with refused(ColumnMismatchError, f"{action.name} of columns in another order"):
                    acting.perform(action.name, X="turned")

    # --- wherever it is ----------------------------------------------------------------------

    def test_a_model_and_its_data_may_have_one_name(self, acting: Stage, X: Any) -> None:
        acting.put("X")
        acting.fit("X")
        promise("a fit leaves X as it was", acting.meta("X", acting.datasets).version, 1)
        promise("the model is fitted", acting.meta("X").version, 2)

    def test_a_model_acts_among_the_jobs_and_in_another_bucket(self, acting: Stage) -> None:
        omega = acting.store.omega
        other = omega["another bucket"]
        for letter in acting.given:
            other.datasets.put(acting.given[letter], letter)
        for store in (omega.jobs, other.models):
            acting.put("elsewhere", store)
            acting.fit("elsewhere", store=store)
            promise(f"a fit in {store!r}", acting.meta("elsewhere", store).version, 2)
        promise("a model of another store is not stored here", "elsewhere" in acting.store, False)

    def test_values_are_taken_in_the_place_of_names(self, acting: Stage) -> None:
        runtime: Any = acting.store.omega.runtime.model("m")
        for action in acting.fitting():
            values = {letter: acting.given[letter] for letter in acting.letters(action)}
            own = self.action_options.get(action.name, {})
            getattr(runtime, action.name)(**values, **own).get(timeout=60)
            record = _record(acting.meta())
            promise("a value has no name in the lineage", record["X"].get("name"), None)
        left = [n for n in acting.datasets.list(hidden=True) if n not in acting.given]
        promise("a value is removed when the task ends", left, [])


def _record(meta: Metadata | None) -> dict[str, Any]:
    record = None if meta is None else meta.lineage
    return there(
        f"{meta!r} has a lineage, as it is put by self.model_store.put or self.data_store.put in "
        "the thread that the action is called in",
        record,
    )
