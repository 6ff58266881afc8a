"""The promises of an engine about results: those of every action, and errors as themselves."""

from __future__ import annotations

import pytest

from ..backends.base import ACTIONS
from ..errors import (
    ObjectNotFoundError,
    OmegaError,
    RemoteError,
)
from ..omega import Omega
from ..protocol.metadata import Metadata
from .engine_model import KitError, KitModel
from .engine_stage import EngineStage, hidden, until, versions
from .promises import NOT_SO, holds, is_a, promise, raising


class ResultTests(EngineStage):
    """What comes back is what comes without an engine."""

    # --- actions -----------------------------------------------------------------------------

    @pytest.mark.parametrize("action", ACTIONS)
    @pytest.mark.parametrize("pure_python", [True, False])
    def test_an_action_gives_what_it_gives_without_an_engine(
        self, bucket: Omega, action: str, pure_python: bool
    ) -> None:
        what = "an action gives what it gives without an engine"
        bucket.models.put(KitModel(6.0, 3), "direct")
        direct = bucket.models.perform(action, "direct", "X", pure_python=pure_python)
        result = getattr(bucket.runtime.model("m"), action)("X", pure_python=pure_python)
        got = result.get(self.patience)
        promise(what, result.status, "success")
        promise(what, result.exception(), None)
        if isinstance(direct, Metadata):
            is_a(what, got, Metadata)
            promise(what, (got.name, got.version, got.prefix), ("m", direct.version, direct.prefix))
            promise(what, got.reload().version, direct.version)
        else:
            promise(what, (type(got), got), (type(direct), direct))
        promise(what, bucket.models.get("m"), bucket.models.get("direct"))

    def test_a_result_can_bestored(self, bucket: Omega) -> None:
        what = "a result can be stored"
        model = bucket.runtime.model("m")
        meta = model.predict("X", rName="a/r.1").get(self.patience)
        is_a(what, meta, Metadata)
        promise(what, (meta.name, meta.prefix, meta.version), ("a/r.1", "data/", 1))
        promise(what, bucket.datasets.get("a/r.1"), [2.0, 2.0, 2.0])
        meta = model.fit_transform("X", rName="t").get(self.patience)
        promise(what, (meta.name, bucket.datasets.get("t")), ("t", [-1.0, 0.0, 1.0]))
        promise(what, model.score("X", "Y", rName="s").get(self.patience).name, "s")
        promise(what, bucket.datasets.get("s"), 6.0)

    def test_options_arrive(self, bucket: Omega) -> None:
        what = "options arrive"
        model = bucket.runtime.model("m")
        promise(what, model.predict("X", factor=2).get(self.patience), [4.0, 4.0, 4.0])
        with raising(TypeError, what, "The kit model has no option 'depth'"):
            model.predict("X", depth=1).get(self.patience)

    def test_values_go_with_their_task(self, bucket: Omega) -> None:
        what = "values go with their task"
        model = bucket.runtime.model("m")
        promise(what, model.fit([1.0, 3.0], [5.0]).get(self.patience).version, 2)
        promise(what, model.predict([0.0, 0.0]).get(self.patience), [3.0, 3.0])
        with raising(ValueError, what, "odd"):
            model.predict([0.0], fail="odd").get(self.patience)
        until(lambda: hidden(bucket) == [], "what a task was given is removed when it ends")

    @pytest.mark.parametrize("pure_python", [True, False])
    def test_a_large_result_comes_back_and_leaves_nothing(
        self, bucket: Omega, pure_python: bool
    ) -> None:
        what = "a large result comes back and leaves nothing"
        bucket.datasets.put([0.0] * 50_000, "large")
        got = bucket.runtime.model("m").predict("large", pure_python=pure_python).get(self.patience)
        holds(
            what,
            type(got) is (list if pure_python else tuple),
            expected="type(got) is (list if pure_python else tuple)",
            got=NOT_SO,
        )
        promise(what, list(got), [2.0] * 50_000)
        until(lambda: hidden(bucket) == [], "what a task was given is removed when it ends")

    def test_the_version_that_is_asked_for_acts(self, bucket: Omega) -> None:
        what = "the version that is asked for acts"
        bucket.models.put(KitModel(10.0, 1), "m")
        promise(what, bucket.runtime.model("m").predict("X").get(self.patience), [10.0] * 3)
        first = bucket.runtime.model("m", version=1)
        promise(what, first.predict("X").get(self.patience), [2.0] * 3)
        with raising(ObjectNotFoundError, what, "No version 9"):
            bucket.runtime.model("m", version=9).predict("X").get(self.patience)

    def test_a_fit_that_expects_another_revision_is_refused(self, bucket: Omega) -> None:
        what = "a fit that expects another revision is refused"
        rev = bucket.models.metadata("m").rev  # type: ignore[union-attr]
        promise(what, bucket.runtime.model("m").fit("X", if_rev=rev).get(self.patience).version, 2)
        with raising(OmegaError, what, "revision"):
            bucket.runtime.model("m").fit("X", if_rev=rev).get(self.patience)
        promise(what, versions(bucket), [1, 2])

    # --- errors ------------------------------------------------------------------------------

    def test_errors_arrive_as_themselves(self, bucket: Omega) -> None:
        what = "errors arrive as themselves"
        model = bucket.runtime.model("m")
        result = model.predict("X", fail="odd")
        with raising(ValueError, what, "odd") as caught:
            result.get(self.patience)
        promise(what, str(caught.value), "odd")
        holds(
            what,
            "so says the test" in caught.value.__notes__,
            expected='"so says the test" in caught.value.__notes__',
            got=caught.value.__notes__,
        )
        promise(what, result.status, "failure")
        is_a(what, result.exception(), ValueError)
        with raising(KitError, what, "error 7 at here") as told:
            model.predict("X", fail="several arguments").get(self.patience)
        promise(what, (told.value.code, told.value.place), (7, "here"))
        with raising(ExceptionGroup, what) as group:
            model.predict("X", fail="group").get(self.patience)
        promise(what, [type(error) for error in group.value.exceptions], [ValueError, KeyError])

    def test_errors_that_cannot_arrive_are_told(self, bucket: Omega) -> None:
        what = "errors that cannot arrive are told"
        model = bucket.runtime.model("m")
        with raising(Exception, what, "nobody knows me") as unknown:
            model.predict("X", fail="unknown class").get(self.patience)
        told = type(unknown.value).__qualname__ + str(unknown.value)
        holds(what, "LocalError" in told, expected='"LocalError" in told', got=told)
        with raising(RemoteError, what, r"stopped by SystemExit: 3"):
            model.predict("X", fail="exit").get(self.patience)
        with raising((ValueError, RemoteError), what, "x" * 1000):
            model.predict("X", fail="long").get(self.patience)
        promise(what, model.predict("X").get(self.patience), [2.0, 2.0, 2.0])

    def test_what_is_missing_is_named(self, bucket: Omega) -> None:
        what = "what is missing is named"
        with raising(ObjectNotFoundError, what, "No object 'n' in the models"):
            bucket.runtime.model("n").fit("X").get(self.patience)
        with raising(ObjectNotFoundError, what, "No object 'Z' in the datasets"):
            bucket.runtime.model("m").fit("Z").get(self.patience)
