"""Models act on datasets by name; here on lists, which need no plugin but this one."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any, ClassVar

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.cross_decomposition import CCA
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils import all_estimators

from omega_core import ACTIONS, BackendSpec, Omega
from omega_core.errors import (
    ConflictError,
    NoBackendError,
    ObjectNotFoundError,
    UnsupportedOptionError,
    UntrustedFormatError,
)
from omega_sklearn.actions.estimator_actions import EstimatorActions
from omega_sklearn.actions.method_call import answer

MakeOmega = Callable[..., Omega]

_X, _Y = load_iris(return_X_y=True)
X: list[list[float]] = _X[::3].tolist()
Y: list[int] = _Y[::3].tolist()


def pipeline() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=2.0))


@pytest.fixture
def iris(om: Omega) -> Omega:
    """A store with the datasets ``X`` and ``y``, and the unfitted model ``m``."""
    om.datasets.put(X, "X")
    om.datasets.put(Y, "y")
    om.models.put(pipeline(), "m")
    return om


def supervised() -> list[Any]:
    """The ways in which an estimator tells that it lacks y: all those of scikit-learn's own."""
    return [
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=3),
        MultiOutputClassifier(LogisticRegression()),
        SelectKBest(k=1),
        CCA(),
        DummyClassifier(),
        LinearDiscriminantAnalysis(),
    ]


@pytest.mark.parametrize("model", supervised(), ids=lambda model: type(model).__name__)
def test_a_fit_without_a_target_says_to_pass_one(om: Omega, model: Any) -> None:
    om.models.register_backend(BackendSpec("test.copied", Copied, types=None))
    Copied.models["m"] = model
    om.models.put(model, "m", kind="test.copied")
    om.datasets.put(X, "X")
    told = r"fit of 'm': this model needs a target.*Yname: om\.runtime\.model\('m'\)\.fit\(X, Y\)"
    for data in ("X", X):
        with pytest.raises(UnsupportedOptionError, match=told):
            om.runtime.model("m").fit(data).get()
    assert om.models.metadata("m").version == 1


class Copied(EstimatorActions):
    """Keeps its models in memory: here it matters what is said, and not what can be stored."""

    kind = "test.copied"
    models: ClassVar[dict[str, Any]] = {}

    def put(self, obj: Any, name: str, attributes: Any = None, **kwargs: Any) -> Any:
        return self.model_store.make_metadata(name, self.kind).save()

    def get(self, name: str, **kwargs: Any) -> Any:
        return clone(self.models[name])


def test_a_score_without_a_target_says_to_pass_one_as_well(iris: Omega) -> None:
    for model in (pipeline(), LogisticRegression(), LinearRegression(), search()):
        iris.models.put(model, "m")
        iris.runtime.model("m").fit("X", "y").get()
        with pytest.raises(UnsupportedOptionError, match=r"score of 'm'.*\.score\(X, Y\)"):
            iris.runtime.model("m").score("X").get()
    iris.models.put(KMeans(3), "k")
    iris.runtime.model("k").fit("X").get()
    assert isinstance(iris.runtime.model("k").score("X").get(), float)


def search() -> Any:
    return GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2, scoring="accuracy")


@pytest.mark.filterwarnings("ignore:.*deprecated:FutureWarning")
def test_every_estimator_that_needs_a_target_is_told_so() -> None:
    """Those that can be made without arguments: what they raise without y is recognised."""
    meta: Any = SimpleNamespace(name="m")
    data = np.abs(_X)
    told = 0
    for _, cls in all_estimators(type_filter=["classifier", "regressor"]):
        required = inspect.signature(cls).parameters.values()
        if any(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in required):
            continue
        with pytest.raises(UnsupportedOptionError, match="Yname"):
            answer(cls().fit, data, None, {}, action="fit", meta=meta)
        told += 1
    assert told > 70


def test_another_mistake_is_not_taken_for_a_missing_target(iris: Omega) -> None:
    iris.datasets.put([["a", "b"]], "text")
    iris.models.put(StandardScaler(), "scale")
    with pytest.raises(ValueError, match="could not convert string"):
        iris.runtime.model("scale").fit("text").get()
    with pytest.raises(ValueError, match="does not accept the deep parameter"):
        iris.runtime.model("m").fit("X", "y", deep=1).get()


# --- fit ----------------------------------------------------------------------------------------


def test_fit_stores_a_new_version_and_returns_its_metadata(iris: Omega) -> None:
    meta = iris.models.perform("fit", "m", "X", "y")
    assert (meta.kind, meta.version) == ("sklearn.skops", 2)
    assert [version.version for version in iris.models.versions("m")] == [1, 2]
    assert not hasattr(iris.models.get("m", version=1), "classes_")
    fitted = pipeline().fit(X, Y)
    np.testing.assert_array_equal(iris.models.get("m")[-1].coef_, fitted[-1].coef_)


def test_the_runtime_fits_and_predicts_by_name(iris: Omega) -> None:
    iris.runtime.model("m").fit("X", "y").get()
    assert iris.runtime.model("m").predict("X").get() == pipeline().fit(X, Y).predict(X).tolist()


def test_lineage_says_what_the_model_was_fitted_on(iris: Omega) -> None:
    iris.datasets.put(X, "X")
    before = dt.datetime.now(dt.UTC)
    meta = iris.models.perform("fit", "m", "X", "y")
    lineage = iris.models.metadata("m").attributes["lineage"]
    assert lineage == meta.attributes["lineage"]
    assert lineage["action"] == "fit"
    x = iris.datasets.metadata("X")
    assert lineage["X"] == {
        "name": "X",
        "bucket": "default",
        "version": 2,
        "rev": x.rev,
        "gen": x.gen,
        "rows": len(X),
        "columns": None,
        "dtypes": None,
    }
    assert (lineage["Y"]["name"], lineage["Y"]["version"]) == ("y", 1)
    assert lineage["libraries"]["scikit-learn"] == sklearn.__version__
    assert {"python", "numpy", "skops", "omega-sklearn"} < set(lineage["libraries"])
    assert lineage["started"].utcoffset() == dt.timedelta(0)
    assert abs(lineage["started"] - before) < dt.timedelta(minutes=1)
    assert lineage["duration"] > 0


def test_fit_keeps_the_attributes_of_the_user(iris: Omega) -> None:
    iris.models.put(pipeline(), "m", attributes={"owner": "me"})
    attributes = iris.models.perform("fit", "m", "X", "y").attributes
    assert set(attributes) == {"owner", "lineage"}


def test_a_put_ends_the_lineage_of_the_payload_before(iris: Omega) -> None:
    iris.models.perform("fit", "m", "X", "y")
    meta = iris.models.put(pipeline(), "m", attributes={"owner": "me"})
    assert meta.attributes == {"owner": "me"}


def test_a_failed_fit_changes_nothing(iris: Omega) -> None:
    iris.models.perform("fit", "m", "X", "y")
    before = iris.models.metadata("m")
    iris.datasets.put(Y[:-1], "short")
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        iris.models.perform("fit", "m", "X", "short")
    after = iris.models.metadata("m")
    assert (after.rev, after.gen) == (before.rev, before.gen)
    assert iris.models.perform("predict", "m", "X") == pipeline().fit(X, Y).predict(X).tolist()


def test_the_callers_estimator_and_data_are_not_touched(iris: Omega) -> None:
    model = pipeline().fit(X, Y)
    before = joblib.hash(model)
    iris.models.put(model, "mine")
    iris.models.perform("fit", "mine", "X", "y")
    iris.models.perform("predict", "mine", "X")
    assert joblib.hash(model) == before


def test_keyword_arguments_reach_the_estimator(iris: Omega) -> None:
    weights = np.linspace(0.1, 2, len(Y))
    iris.models.put(LogisticRegression(), "lr")
    iris.models.perform("fit", "lr", "X", "y", sample_weight=weights)
    expected = LogisticRegression().fit(X, Y, sample_weight=weights)
    np.testing.assert_array_equal(iris.models.get("lr").coef_, expected.coef_)


def test_a_model_without_y_is_fitted_on_x_alone(iris: Omega) -> None:
    model = KMeans(3, random_state=0, n_init=1)
    iris.models.put(model, "k")
    iris.models.perform("fit", "k", "X")
    assert iris.models.perform("predict", "k", "X") == clone(model).fit(X).labels_.tolist()
    assert iris.models.metadata("k").attributes["lineage"]["Y"] is None


def test_partial_fit_goes_on_from_batch_to_batch(iris: Omega) -> None:
    model = SGDClassifier(random_state=0)
    iris.models.put(model, "sgd")
    iris.datasets.put(X[::2], "X2")
    iris.datasets.put(Y[::2], "y2")
    iris.models.perform("partial_fit", "sgd", "X", "y", classes=[0, 1, 2])
    iris.models.perform("partial_fit", "sgd", "X2", "y2")
    model.partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X[::2], Y[::2])
    np.testing.assert_array_equal(iris.models.get("sgd").coef_, model.coef_)
    assert iris.models.metadata("sgd").version == 3


def test_a_batch_is_not_lost_when_the_model_was_replaced_meanwhile(iris: Omega) -> None:
    class Interfering(list):  # type: ignore[type-arg]
        """Classes; while they are read, somebody else replaces the model."""

        def __iter__(self) -> Any:
            other = Thread(target=iris.models.put, args=(SGDClassifier(alpha=0.5), "sgd"))
            other.start()
            other.join()
            return super().__iter__()

    iris.models.put(SGDClassifier(), "sgd")
    with pytest.raises(ConflictError):
        iris.models.perform("partial_fit", "sgd", "X", "y", classes=Interfering([0, 1, 2]))
    assert iris.models.get("sgd").alpha == 0.5


def test_a_search_is_fitted_and_asked_like_any_model(iris: Omega) -> None:
    iris.models.put(GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1.0]}), "search")
    iris.models.perform("fit", "search", "X", "y")
    assert iris.models.get("search").best_params_["C"] in (0.1, 1.0)
    assert len(iris.models.perform("predict", "search", "X")) == len(X)


def test_a_fit_stays_where_the_model_is_stored(make_omega: MakeOmega, tmp_path: Path) -> None:
    root = tmp_path / "models"
    root.mkdir()
    om = make_omega(uris={"allow": [f"file://{root}/"]})
    om.datasets.put(X, "X")
    om.datasets.put(Y, "y")
    first = om.models.put(pipeline(), "m", uri=f"file://{root}/{{key}}")
    second = om.models.perform("fit", "m", "X", "y")
    assert first.uri != second.uri
    assert second.uri.startswith(f"file://{root}/")
    assert second.uri.endswith(".skops")
    assert len(om.models.perform("predict", "m", "X")) == len(X)


# --- asking -------------------------------------------------------------------------------------


def test_every_answer_equals_the_local_one_as_plain_python(iris: Omega) -> None:
    iris.models.perform("fit", "m", "X", "y")
    local = pipeline().fit(X, Y)
    for action in ("predict", "predict_proba", "decision_function"):
        answer = iris.models.perform(action, "m", "X")
        assert type(answer) is list
        assert answer == getattr(local, action)(X).tolist()
    score = iris.models.perform("score", "m", "X", "y")
    assert type(score) is float
    assert score == local.score(X, Y)


def test_arrays_come_back_for_lists_without_pure_python(iris: Omega) -> None:
    iris.models.perform("fit", "m", "X", "y")
    answer = iris.models.perform("predict_proba", "m", "X", pure_python=False)
    np.testing.assert_array_equal(answer, pipeline().fit(X, Y).predict_proba(X))


def test_transform_and_fit_transform_agree(iris: Omega) -> None:
    iris.models.put(StandardScaler(), "scale")
    expected = StandardScaler().fit_transform(X).tolist()
    assert iris.models.perform("fit_transform", "scale", "X") == expected
    assert iris.models.perform("transform", "scale", "X") == expected
    meta = iris.models.metadata("scale")
    assert (meta.version, meta.attributes["lineage"]["action"]) == (2, "fit_transform")


def test_sparse_answers_are_lists_or_stay_sparse(om: Omega) -> None:
    om.datasets.put([["a"], ["b"], ["a"]], "X")
    om.models.put(OneHotEncoder(), "onehot")
    om.models.perform("fit", "onehot", "X")
    assert om.models.perform("transform", "onehot", "X") == [[1, 0], [0, 1], [1, 0]]
    assert om.models.perform("transform", "onehot", "X", pure_python=False).shape == (3, 2)


def test_texts_are_datasets_too(om: Omega) -> None:
    texts = ["red apple", "green apple", "red car", "green car"]
    om.datasets.put(texts, "texts")
    om.datasets.put([1, 1, 0, 0], "fruit")
    om.models.put(make_pipeline(TfidfVectorizer(), LogisticRegression()), "m")
    om.models.perform("fit", "m", "texts", "fruit")
    assert om.models.perform("predict", "m", "texts") == [1, 1, 0, 0]


def test_several_outputs_come_back_as_a_list_per_row(iris: Omega) -> None:
    iris.datasets.put([[y, y > 0] for y in Y], "two")
    iris.models.put(MultiOutputClassifier(LogisticRegression(max_iter=500)), "multi")
    iris.models.perform("fit", "multi", "X", "two")
    answer = iris.models.perform("predict", "multi", "X")
    assert {len(row) for row in answer} == {2}
    first, second = iris.models.perform("predict_proba", "multi", "X")
    assert (len(first[0]), len(second[0])) == (3, 2)
    iris.models.perform("predict_proba", "multi", "X", rName="r")
    assert iris.datasets.get("r") == [first, second]


def test_an_answer_of_two_parts_is_a_list_of_two(iris: Omega) -> None:
    iris.models.put(GaussianProcessRegressor(), "gp")
    iris.models.perform("fit", "gp", "X", "y")
    mean, std = iris.models.perform("predict", "gp", "X", return_std=True)
    assert (len(mean), len(std)) == (len(X), len(X))


def test_a_score_is_stored_with_what_it_was_made_from(iris: Omega) -> None:
    fitted = iris.models.perform("fit", "m", "X", "y")
    meta = iris.models.perform("score", "m", "X", "y", rName="accuracy")
    assert iris.datasets.get("accuracy") == pipeline().fit(X, Y).score(X, Y)
    lineage = iris.datasets.metadata("accuracy").attributes["lineage"]
    assert lineage == meta.attributes["lineage"]
    assert lineage["model"] == {
        "name": "m",
        "bucket": "default",
        "version": 2,
        "rev": fitted.rev,
        "gen": fitted.gen,
    }
    assert (lineage["action"], lineage["X"]["name"], lineage["Y"]["name"]) == ("score", "X", "y")


def test_an_answer_that_nothing_can_store_is_refused_before_the_model_changes(
    make_omega: MakeOmega,
) -> None:
    om = make_omega(plugins={"enabled": ["sklearn"]})
    om.datasets.put(X, "X")
    om.models.put(StandardScaler(), "scale")
    with pytest.raises(NoBackendError):
        om.models.perform("fit_transform", "scale", "X", rName="r")
    assert om.models.metadata("scale").version == 1
    assert not om.datasets.exists("r")


def test_a_model_can_be_kept_among_the_datasets(iris: Omega) -> None:
    iris.datasets.put(pipeline().fit(X, Y), "kept")
    assert not iris.models.exists("kept")
    assert iris.datasets.get("kept").predict(X).tolist() == pipeline().fit(X, Y).predict(X).tolist()


def test_models_may_have_names_of_any_character(iris: Omega) -> None:
    iris.models.put(pipeline(), "a/b@[c] ünï")
    iris.models.perform("fit", "a/b@[c] ünï", "X", "y")
    assert len(iris.models.perform("predict", "a/b@[c] ünï", "X")) == len(X)


def test_each_bucket_has_models_and_datasets_of_its_own(iris: Omega) -> None:
    other = iris["other"]
    other.models.put(pipeline(), "m")
    with pytest.raises(ObjectNotFoundError):
        other.models.perform("fit", "m", "X", "y")
    other.datasets.put(X, "X")
    other.datasets.put(Y, "y")
    assert other.models.perform("fit", "m", "X", "y").bucket == "other"
    assert iris.models.metadata("m").version == 1


def test_a_joblib_model_is_fitted_as_one_and_only_where_pickle_is_allowed(
    make_omega: MakeOmega,
) -> None:
    om = make_omega(security={"pickle": "allow"})
    om.datasets.put(X, "X")
    om.datasets.put(Y, "y")
    om.models.put(RandomForestClassifier(5), "m", kind="sklearn.joblib")
    assert om.models.perform("fit", "m", "X", "y").kind == "sklearn.joblib"
    assert len(om.models.perform("predict", "m", "X")) == len(X)
    with pytest.raises(UntrustedFormatError):
        make_omega().models.perform("predict", "m", "X")


# --- what goes wrong ----------------------------------------------------------------------------


def _objects(om: Omega) -> dict[str, Any]:
    return {
        f"{store.prefix}{meta.name}": meta.rev
        for store in (om.datasets, om.models)
        for meta in store.list(hidden=True, raw=True)
    }


@pytest.mark.parametrize("action", ["predict", "predict_proba", "decision_function", "score"])
def test_an_unfitted_model_says_to_fit_it_first(iris: Omega, action: str) -> None:
    before = _objects(iris)
    arguments = ("m", "X", "y") if action == "score" else ("m", "X")
    with pytest.raises(NotFittedError, match=r"'m' in bucket 'default'.*model\('m'\)\.fit"):
        iris.models.perform(action, *arguments, rName="r")
    assert _objects(iris) == before


def test_a_model_that_needs_no_fit_is_asked_without(om: Omega) -> None:
    om.datasets.put(["one text", "another"], "texts")
    om.models.put(HashingVectorizer(n_features=8), "hash")
    assert len(om.models.perform("transform", "hash", "texts")[0]) == 8


@pytest.mark.parametrize(
    ("action", "arguments", "missing"),
    [
        ("fit", ("nobody", "X", "y"), "nobody"),
        ("fit", ("m", "nothing", "y"), "nothing"),
        ("fit", ("m", "X", "nothing"), "nothing"),
        ("predict", ("nobody", "X"), "nobody"),
        ("score", ("fitted", "nothing", "y"), "nothing"),
        ("predict", ("fitted", "nothing"), "nothing"),
    ],
)
def test_a_name_that_does_not_exist_is_named(
    iris: Omega, action: str, arguments: tuple[str, ...], missing: str
) -> None:
    iris.models.put(pipeline().fit(X, Y), "fitted")
    before = _objects(iris)
    with pytest.raises(ObjectNotFoundError, match=f"'{missing}'"):
        iris.models.perform(action, *arguments)
    assert _objects(iris) == before


def test_another_number_of_features_is_for_the_estimator_to_refuse(iris: Omega) -> None:
    iris.models.perform("fit", "m", "X", "y")
    iris.datasets.put([[1.0, 2.0]], "narrow")
    with pytest.raises(ValueError, match="expecting 4 features"):
        iris.models.perform("predict", "m", "narrow")


@pytest.mark.parametrize(
    ("model", "action"),
    [
        (LinearSVC(), "predict_proba"),
        (LogisticRegression(), "transform"),
        (LogisticRegression(), "fit_transform"),
        (LogisticRegression(), "partial_fit"),
        (LinearRegression(), "decision_function"),
        (StandardScaler(), "predict"),
        (StandardScaler(), "score"),
    ],
)
def test_an_action_that_the_estimator_lacks_is_named_with_kind_and_class(
    iris: Omega, model: Any, action: str
) -> None:
    assert action in ACTIONS
    iris.models.put(model.fit(X, Y), "m")
    with pytest.raises(
        NotImplementedError, match=rf"sklearn\.skops.*'m'.*{type(model).__name__}.*'{action}'"
    ):
        iris.models.perform(action, "m", "X")
