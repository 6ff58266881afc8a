"""The kit for model backends: ours pass it, and each broken promise is caught by its name."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from omega_core import BackendSpec, BaseDataBackend, BaseModelBackend, Metadata, Omega, action
from omega_core.errors import ColumnMismatchError, OmegaError, PluginContractError, StoreError
from omega_core.testing.models import ModelBackendTests, Stage

Make = Callable[..., Omega]


class Sum:
    """A model that adds what it was fitted on to what it is asked about."""

    def __init__(self, total: float | None = None) -> None:
        self.total = total

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sum) and self.total == other.total

    __hash__ = None  # type: ignore[assignment]


class Sound(BaseModelBackend):
    """Does everything as it is documented; each subclass breaks one promise."""

    KIND = "test.sum"
    TYPES = (f"{__name__}:Sum",)

    def put(
        self,
        obj: Sum,
        name: str,
        attributes: dict[str, Any] | None = None,
        uri: str | None = None,
        **kwargs: Any,
    ) -> Metadata:
        meta = self.model_store.make_metadata(name, self.KIND, attributes=attributes)
        with self.model_store.create_file(meta, "sum", uri=uri) as file:
            file.write(repr(obj.total).encode())
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Sum:
        meta = self.model_store.metadata(name)
        assert meta is not None
        with self.model_store.open_file(meta) as file:
            text = file.read().decode()
        return Sum(None if text == "None" else float(text))

    def fit(
        self, modelname: str, Xname: str, Yname: Any = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        total = sum(map(sum, self.values(Xname)))
        if Yname is not None:
            total += sum(self.data_store.get(Yname))
        return self.model_store.put(Sum(float(total)), modelname)

    def partial_fit(
        self, modelname: str, Xname: str, Yname: Any = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        before = self.model_store.get(modelname).total or 0.0
        total = before + sum(map(sum, self.values(Xname)))
        if Yname is not None:
            total += sum(self.data_store.get(Yname))
        return self.model_store.put(Sum(float(total)), modelname)

    def predict(
        self, modelname: str, Xname: str, rName: Any = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        return self.answered(self.answer(modelname, Xname), rName)

    @action
    def distance(self, modelname: str, Xname: str, rName: Any = None, power: int = 1) -> Any:
        """Return the distances of the rows from the sum."""
        found = [abs(x) ** power for x in self.answer(modelname, Xname)]
        return self.answered(found, rName)

    def answer(self, name: str, data: str) -> Any:
        total = self.model_store.get(name).total
        if total is None:
            raise StoreError(f"The model {name!r} is not fitted.")
        return [float(sum(row)) + total for row in self.values(data)]

    def answered(self, result: Any, name: str | None) -> Any:
        return result if name is None else self.data_store.put(result, name)

    def values(self, name: str) -> list[list[float]]:
        value = self.data_store.get(name)
        return value.to_numpy().tolist() if hasattr(value, "to_numpy") else value  # type: ignore[no-any-return]


class Kit(ModelBackendTests):
    capabilities = ("uri",)

    @pytest.fixture
    def store(self, om: Omega) -> Any:
        om.models.register_backend(Sound)
        return om.models

    @pytest.fixture
    def objects(self) -> list[Any]:
        return [Sum(), Sum(1.0)]

    @pytest.fixture
    def X(self) -> Any:
        return [[1.0, 2.0], [3.0, 4.0]]

    @pytest.fixture
    def Y(self) -> Any:
        return [1.0, 2.0]


class TestSound(Kit):
    """What every broken backend below derives from passes the kit."""


@pytest.mark.slow
@pytest.mark.needs_plugins("pandas")
class TestSoundOnFrames(Kit):
    @pytest.fixture
    def X(self) -> Any:
        pandas = pytest.importorskip("pandas")
        return pandas.DataFrame({"a": [1.0, 3.0], "b": [2.0, 4.0]})


class TestFooMean(Kit):
    """The example of the documentation, whose author did nothing for any of it."""

    capabilities = ()

    @pytest.fixture
    def store(self, install_examples: Callable[..., None], make_omega: Make) -> Any:
        install_examples("foo")
        return make_omega().models

    @pytest.fixture
    def objects(self, store: Any) -> list[Any]:
        from omega_foo.types import FooMean

        return [FooMean(), FooMean(2.0)]

    @pytest.fixture
    def X(self) -> Any:
        return [1.0, 2.0, 6.0]

    @pytest.fixture
    def Y(self) -> Any:
        return None


@pytest.mark.slow
@pytest.mark.needs_plugins("pandas", "sklearn")
class TestEstimators(Kit):
    capabilities = ("uri", "describe")
    action_options: ClassVar[dict[str, dict[str, Any]]] = {"partial_fit": {"classes": [0, 1]}}

    @pytest.fixture
    def described(self) -> dict[str, Any]:
        return {"details": {"fitted": False}}

    @pytest.fixture
    def store(self, om: Omega) -> Any:
        return om.models

    @pytest.fixture
    def objects(self) -> list[Any]:
        from sklearn.linear_model import SGDClassifier

        return [SGDClassifier(random_state=0), SGDClassifier(alpha=0.5)]

    def same(self, one: Any, other: Any) -> bool:
        return bool(one.get_params() == other.get_params())

    @pytest.fixture
    def X(self) -> Any:
        pandas = pytest.importorskip("pandas")
        return pandas.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})

    @pytest.fixture
    def Y(self) -> Any:
        return [0, 0, 1, 1]


# --- what breaks a promise -------------------------------------------------------------------


class FitReturnsNone(Sound):
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        super().fit(*args, **kwargs)


class FitStoresNothing(Sound):
    def fit(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        self.values(Xname)
        return self.model_store.metadata(modelname)


class IgnoresRName(Sound):
    def answered(self, result: Any, name: str | None) -> Any:
        return result


class Scalar(float):
    """Stands for the scalar of an array library: a float, and not a float of Python."""


class AnswersArrays(Sound):
    def answer(self, name: str, data: str) -> Any:
        return Scalar(sum(super().answer(name, data)))


class RNameReturnsName(Sound):
    def answered(self, result: Any, name: str | None) -> Any:
        super().answered(result, name)
        return result if name is None else name


class Misspelt(Sound):
    def pedict(self, modelname: str, Xname: str, rName: Any = None, **kwargs: Any) -> Any:
        return []


class MisspeltWithOtherParameters(Sound):
    def transfrom(self, model: str, data: str) -> Any:
        return []


class AnotherSignature(Sound):
    def predict(self, X: Any) -> Any:  # type: ignore[override]
        return []


class ModelAsData(BaseDataBackend):
    KIND, TYPES = "test.sum", Sound.TYPES
    put, get, fit, predict = Sound.put, Sound.get, Sound.fit, Sound.predict


class AnswersNestedScalars(Sound):
    def answer(self, name: str, data: str) -> Any:
        return [[Scalar(x)] for x in super().answer(name, data)]


class FitStoresElsewhere(Sound):
    def fit(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        return super().fit(f"{modelname}-fitted", Xname, *args, **kwargs)


class FitChangesItsData(Sound):
    def fit(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        self.data_store.put([[0.0, 0.0]], Xname)
        return super().fit(modelname, Xname, *args, **kwargs)


class PredictFitsAgain(Sound):
    def answer(self, name: str, data: str) -> Any:
        self.model_store.put(Sum(0.0), name)
        return super().answer(name, data)


class StoresResultElsewhere(Sound):
    def answered(self, result: Any, name: str | None) -> Any:
        return super().answered(result, name if name is None else f"{name} of today")


class ReturnsAnOlderVersion(Sound):
    def fit(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        super().fit(modelname, Xname, *args, **kwargs)
        return self.model_store.metadata(modelname, version=1)


class SwallowsMissingData(Sound):
    def values(self, name: str) -> list[list[float]]:
        try:
            return super().values(name)
        except OmegaError:
            return []


class TurnsColumnsUnseen(Sound):
    def values(self, name: str) -> list[list[float]]:
        try:
            return super().values(name)
        except ColumnMismatchError:
            chosen = self.data_store.get(name, columns=["a"])
            return chosen.to_numpy().tolist()  # type: ignore[no-any-return]


class FitsInAThreadOfItsOwn(Sound):
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        found: list[Any] = []
        fit = super().fit
        thread = threading.Thread(target=lambda: found.append(fit(*args, **kwargs)))
        thread.start()
        thread.join()
        return found[0]


class FitsWithoutItsTarget(Sound):
    def fit(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        return super().fit(modelname, Xname)


class FitTransformForgetsTheModel(Sound):
    def fit_transform(
        self, modelname: str, Xname: str, Yname: Any = None, rName: Any = None, **kwargs: Any
    ) -> Any:
        return self.answered([sum(row) for row in self.values(Xname)], rName)


class RemembersModelsByName(Sound):
    known: ClassVar[dict[str, float]] = {}

    def fit(self, modelname: str, *args: Any, **kwargs: Any) -> Any:
        self.known.pop(modelname, None)
        return super().fit(modelname, *args, **kwargs)

    def answer(self, name: str, data: str) -> Any:
        total = self.known.setdefault(name, self.model_store.get(name).total or -1.0)
        return [total for _ in self.values(data)]


class AsksTheLatestVersion(Sound):
    def answer(self, name: str, data: str) -> Any:
        latest = self.model_store.versions(name)[-1]
        total = self.model_store.get(name, version=latest.version).total or 0.0
        return [total for _ in self.values(data)]


class AnswersLater(Sound):
    def answer(self, name: str, data: str) -> Any:
        return (total for total in super().answer(name, data))


class Asynchronous(Sound):
    async def predict(self, *args: Any, **kwargs: Any) -> Any:
        return super().predict(*args, **kwargs)


class PredictIsNoMethod(Sound):
    predict = "later"  # type: ignore[assignment]


class DeclaredToFit(Sound):
    @action(fits="anew")
    def predict(
        self, modelname: str, Xname: str, rName: Any = None, pure_python: bool = True
    ) -> Any:
        return []


class LosesUpdates(Sound):
    """Reads what is current as late as it can, around the store."""

    def partial_fit(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        rows = self.values(Xname)
        current = self.model_store.versions(modelname)[-1]
        total = float(sum(map(sum, rows)))
        return self.model_store.put(Sum(total), modelname, if_rev=current.rev)


class DropsItsData(Sound):
    def answer(self, name: str, data: str) -> Any:
        found = super().answer(name, data)
        self.data_store.drop(data)
        return found


Promise = ModelBackendTests
FITS = Promise.test_what_fits_stores_a_new_version_and_returns_what_is_promised

BROKEN: list[tuple[type, Any, str]] = [
    # The eight, then others.
    (FitReturnsNone, FITS,
     r"fit of 'm': the backend \(runtime .*kind 'test\.sum'\) does not keep the contract of 'fit': "
     r"it returned None, and the saved metadata of models/'m'.*stored models/'m', version 2"),
    (FitStoresNothing, FITS,
     r"contract of 'fit': it stored no new version of the model.*Nothing was stored"),
    (IgnoresRName, Promise.test_a_result_is_stored_under_the_name_that_is_asked_for,
     r"contract of 'predict': it returned a list, and the saved metadata of data/.*rName="),
    (AnswersArrays, Promise.test_an_answer_is_plain_python,
     r"contract of 'predict': with pure_python=True it returned a .*Scalar, and lists"),
    (RNameReturnsName, Promise.test_a_result_is_stored_under_the_name_that_is_asked_for,
     r"contract of 'predict': it returned a str, and the saved metadata.*It stored data/"),
    (Misspelt, None, r"kind 'test\.sum' \(runtime .*Misspelt\.pedict has the parameters of an "
     r"action, and is none\. Did you mean 'predict'\?"),
    (AnotherSignature, None, r"kind 'test\.sum'.*action 'predict': AnotherSignature\.predict\(X"),
    (ModelAsData, None, r"ModelAsData is a BaseDataBackend, and has the action 'fit'"),
    (MisspeltWithOtherParameters, Promise.test_its_actions_are_those_of_the_contract_or_declared,
     r"expected 'transform', got MisspeltWithOtherParameters\.transfrom"),
    (AnswersNestedScalars, Promise.test_an_answer_is_plain_python, r"Scalar in a list"),
    (FitStoresElsewhere, FITS,
     r"contract of 'fit': it stored no new version.*It stored models/'m-fitted', version 1"),
    (FitChangesItsData, Promise.test_a_fit_says_what_it_was_fitted_on,
     r"contract of 'fit': it stores another dataset under the name of its X, 'X'"),
    (PredictFitsAgain, Promise.test_to_ask_changes_neither_the_model_nor_its_data,
     r"contract of 'predict': it stores the model 'm' anew, and 'predict' asks a model"),
    (StoresResultElsewhere, Promise.test_a_result_is_stored_under_the_name_that_is_asked_for,
     r"it returned the metadata of data/'result of predict of today'"),
    (ReturnsAnOlderVersion, FITS,
     r"it returned the metadata of models/'m' in bucket 'default', version 1, and"),
    (SwallowsMissingData, Promise.test_missing_data_are_an_error,
     r"its X, 'nowhere', could not be read \(ObjectNotFoundError.*and it went on"),
    (SwallowsMissingData, Promise.test_a_fit_without_its_data_changes_nothing,
     r"contract of 'fit': its X, 'nowhere', could not be read.*Nothing was stored"),
    (FitsInAThreadOfItsOwn, FITS,
     r"contract of 'fit': it stored no new version of the model.*in the thread that it is called"),
    (FitsWithoutItsTarget, Promise.test_a_fit_says_what_it_was_fitted_on,
     r"fit does not read Y by"),
    (FitTransformForgetsTheModel, FITS, r"contract of 'fit_transform': it stored no new version"),
    (RemembersModelsByName, Promise.test_a_model_that_was_replaced_is_forgotten,
     r"predict asks the model that was put, and none before; expected \[-1\.0.*got \[13\.0"),
    (AsksTheLatestVersion, Promise.test_the_version_that_is_asked_for_answers,
     r"promise: predict of version 2 is what it was; expected \[13\.0, 13\.0\], got \[0\.0"),
    (AnswersLater, Promise.test_an_answer_is_plain_python, r"it returned a builtins\.generator"),
    (Asynchronous, None, r"action 'predict': Asynchronous\.predict"),
    (PredictIsNoMethod, None, r"action 'predict': PredictIsNoMethod\.predict"),
    (DeclaredToFit, None, r"action 'predict': DeclaredToFit declares it with fits='anew'"),
    (LosesUpdates, Promise.test_what_is_fitted_further_loses_no_update,
     r"promise: partial_fit of a model replaced meanwhile is refused"),
    (DropsItsData, Promise.test_to_ask_changes_neither_the_model_nor_its_data,
     r"contract of 'predict': it drops its X, 'X'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "test", "text"),
    BROKEN,
    ids=[f"{cls.__name__}-{getattr(test, '__name__', 'at load')}" for cls, test, _ in BROKEN],
)
def test_a_broken_promise_is_caught_by_its_name(
    om: Omega, broken: type, test: Callable[..., None] | None, text: str
) -> None:
    om.models.register_backend(BackendSpec(Sound.KIND, broken, types=Sound.TYPES))
    if test is None:
        with pytest.raises(PluginContractError) as refused:
            om.models.put(Sum(), "m")
        assert re.search(text, str(refused.value), re.DOTALL)
        assert om.database.metadata.count_documents({}) == 0
        return
    with pytest.raises((AssertionError, pytest.fail.Exception)) as caught:
        run(om, test, [[1.0, 2.0], [3.0, 4.0]])
    assert re.search(text, str(caught.value), re.DOTALL)


def run(om: Omega, test: Callable[..., None], X: Any) -> None:
    tests = ModelBackendTests()
    test(tests, Stage(om.models, Sum(), X, [1.0, 2.0], tests))


@pytest.mark.needs_plugins("pandas")
def test_columns_that_a_backend_turns_itself_are_caught(om: Omega) -> None:
    pandas = pytest.importorskip("pandas")
    om.models.register_backend(TurnsColumnsUnseen)
    X = pandas.DataFrame({"a": [1.0, 3.0], "b": [2.0, 4.0]})
    tests = ModelBackendTests()
    stage = Stage(om.models, Sum(), X, [1.0, 2.0], tests)
    with pytest.raises(pytest.fail.Exception, match=r"ColumnMismatchError.*it went on"):
        tests.test_a_frame_with_other_columns_is_refused(stage, X)
