"""Every estimator of scikit-learn comes back from the store as it was put there."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sklearn
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
)
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.experimental import (  # noqa: F401  (scikit-learn hides these without)
    enable_halving_search_cv,
    enable_iterative_imputer,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2, f_regression, mutual_info_classif
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, DotProduct, Matern, WhiteKernel
from sklearn.linear_model import LogisticRegression, Ridge, TweedieRegressor
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

from omega_core import Omega
from omega_core.errors import StoreError, UnsupportedValueError


@pytest.fixture(scope="module")
def om(mongo_url: str) -> Iterator[Omega]:
    """One store for all of these tests: a fresh database for each would take most of the time."""
    with Omega({"mongo": {"url": f"{mongo_url}/every_estimator"}}) as omega:
        yield omega


_rng = np.random.RandomState(0)
X = np.abs(_rng.normal(size=(60, 4))) + 0.1
Y = np.repeat([0, 1, 2], 20)
X[:, 0] += Y
TEXTS = ["a bird in the hand", "two in the bush", "a stitch in time"] * 20
RECORDS = [{"city": "Basel", "rain": 1.0}, {"city": "Bern", "rain": 2.0}] * 30

INPUTS: list[tuple[Any, Any]] = [
    (X, Y),
    (X, Y > 0),
    (X[:, :1], Y),
    (X, np.c_[Y > 0, Y > 1].astype(int)),
    (X, np.c_[X[:, 0], Y]),
    (TEXTS, Y),
    (RECORDS, Y),
    (Y, None),
    ([["a", "b"], ["b"], ["c"]] * 20, None),
    (X, X[:, 0]),
    (X @ X.T, None),
    (_rng.normal(size=(3, 12, 12)), None),
]
"""What estimators are fitted on and asked about: each takes the first of these that it can."""

SMALLER: dict[str, dict[str, Any]] = {
    "TSNE": {"max_iter": 250},
    "LogisticRegressionCV": {"Cs": 2, "cv": 2},
    "HistGradientBoostingClassifier": {"max_iter": 5},
    "HistGradientBoostingRegressor": {"max_iter": 5},
    "RandomizedSearchCV": {"n_iter": 2},
    "MLPClassifier": {"max_iter": 5},
    "MLPRegressor": {"max_iter": 5},
}
"""Parameters that save time, and change nothing about what there is to store."""

_ARGUMENTS: dict[str, Callable[[bool], Any]] = {
    "estimator": lambda regression: Ridge() if regression else LogisticRegression(),
    "base_estimator": lambda regression: Ridge() if regression else LogisticRegression(),
    "estimators": lambda regression: (
        [("a", Ridge()), ("b", Ridge(alpha=2))]
        if regression
        else [("a", LogisticRegression()), ("b", LogisticRegression(C=2))]
    ),
    "transformers": lambda _: [("s", StandardScaler(), [0, 1]), ("p", "passthrough", [2])],
    "transformer_list": lambda _: [("s", StandardScaler()), ("p", "passthrough")],
    "steps": lambda _: [("s", StandardScaler()), ("m", LogisticRegression())],
    "param_grid": lambda _: {"C": [0.1, 1.0]},
    "param_distributions": lambda _: {"C": [0.1, 1.0, 2.0, 3.0]},
    "dictionary": lambda _: X[:3],
    "n_components": lambda _: 2,
}


def _instance(name: str, cls: type[BaseEstimator]) -> BaseEstimator:
    regression = "Regressor" in name or name == "RegressorChain"
    arguments = {}
    for parameter in inspect.signature(cls).parameters.values():
        required = parameter.default is inspect.Parameter.empty
        # The random projections' automatic choice wants more features than these data have.
        projected = "RandomProjection" in name and parameter.name == "n_components"
        if (required or projected) and parameter.name in _ARGUMENTS:
            arguments[parameter.name] = _ARGUMENTS[parameter.name](regression)
    if name == "SelfTrainingClassifier":
        # The estimator is positional here because its name changed in scikit-learn 1.6.
        return cls(LogisticRegression())
    if name == "FrozenEstimator":
        arguments["estimator"] = LogisticRegression().fit(X, Y)
    model = cls(**arguments, **SMALLER.get(name, {}))
    if "n_estimators" in model.get_params(deep=False):
        model.set_params(n_estimators=5)
    return model


def _fitted(model: BaseEstimator) -> tuple[BaseEstimator, Any]:
    reasons = []
    for x, y in INPUTS:
        candidate = clone(model)
        try:
            candidate.fit(x, y) if y is not None else candidate.fit(x)
            _answers(candidate, x)
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            reasons.append(repr(error))
        else:
            return candidate, x
    raise AssertionError(f"{model} fits none of the inputs: {reasons}")


def _answers(model: Any, x: Any) -> dict[str, Any]:
    answers = {}
    for method in ("predict", "predict_proba", "decision_function", "transform", "kneighbors"):
        if hasattr(model, method):
            answers[method] = getattr(model, method)(x)
    return answers


def _assert_equal(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if scipy.sparse.issparse(left):
        assert left.dtype == right.dtype
        assert (left != right).nnz == 0
    elif isinstance(left, (list, tuple)):
        for one, other in zip(left, right, strict=True):
            _assert_equal(one, other)
    elif np.asarray(left).dtype.kind == "f":
        # The same numbers at another address: vectorised loops may round the last digit otherwise.
        np.testing.assert_allclose(left, right, rtol=1e-9)
    else:
        np.testing.assert_array_equal(left, right)


def _parameters(model: Any) -> str:
    return re.sub(r" at 0x[0-9A-F]+", "", str(model.get_params()))


def _assert_comes_back(om: Omega, model: Any, x: Any) -> None:
    om.models.put(model, "m")
    again = om.models.get("m")
    assert type(again) is type(model)
    assert _parameters(again) == _parameters(model)
    assert set(vars(again)) == set(vars(model))
    answers, expected = _answers(again, x), _answers(model, x)
    assert set(answers) == set(expected)
    for method, answer in answers.items():
        _assert_equal(answer, expected[method])


ESTIMATORS = dict(all_estimators())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of scikit-learn about our small data
@pytest.mark.parametrize("name", sorted(set(ESTIMATORS) - {"Birch"}))
def test_every_estimator_of_scikit_learn_comes_back_equal(om: Omega, name: str) -> None:
    model, x = _fitted(_instance(name, ESTIMATORS[name]))
    _assert_comes_back(om, model, x)


VARIANTS: dict[str, Any] = {
    "ball tree": KNeighborsClassifier(algorithm="ball_tree"),
    "kd tree, manhattan": KNeighborsClassifier(algorithm="kd_tree", metric="manhattan"),
    "ball tree, mahalanobis": KNeighborsClassifier(
        algorithm="ball_tree", metric="mahalanobis", metric_params={"V": np.cov(X.T)}
    ),
    "ball tree, seuclidean": KNeighborsClassifier(
        algorithm="ball_tree", metric="seuclidean", metric_params={"V": np.ones(4)}
    ),
    "minkowski": KNeighborsClassifier(algorithm="ball_tree", metric="minkowski", p=3),
    "kernel density": KernelDensity(),
    "f_regression": SelectKBest(f_regression, k=2),
    "chi2": SelectKBest(chi2, k=2),
    "mutual information": SelectKBest(mutual_info_classif, k=2),
    "kernels": GaussianProcessRegressor(RBF() + WhiteKernel() * DotProduct() + Matern()),
    "search": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=KFold(3)),
    "scorer": GridSearchCV(
        LogisticRegression(), {"C": [1.0]}, scoring=make_scorer(f1_score, average="macro")
    ),
    "scoring by name": GridSearchCV(
        LogisticRegression(), {"C": [1.0]}, scoring=["accuracy", "f1_macro"], refit="accuracy"
    ),
    "sgd optimizer": MLPClassifier(solver="sgd", max_iter=5),
    "tweedie": TweedieRegressor(power=1.5),
    "exponential loss": GradientBoostingClassifier(n_estimators=3),
    "quantile loss": HistGradientBoostingRegressor(loss="quantile", quantile=0.3, max_iter=3),
    "categories": HistGradientBoostingClassifier(max_iter=3, categorical_features=[1]),
    "ufunc": FunctionTransformer(np.log1p, inverse_func=np.expm1),
    "numpy function": FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": 1}),
    "integer dtype": OneHotEncoder(dtype=np.int32, sparse_output=False),
    "random state": LogisticRegression(random_state=np.random.RandomState(3)),
    "stop words": CountVectorizer(stop_words=["in"]),
    "columns": ColumnTransformer([("s", StandardScaler(), slice(0, 2))], remainder="passthrough"),
    "bagged pipelines": BaggingClassifier(
        make_pipeline(StandardScaler(), DecisionTreeClassifier()), n_estimators=3
    ),
    "subsets of features": IsolationForest(n_estimators=3, max_features=2),
    "kernel machine": SVC(kernel="rbf"),
}


@pytest.mark.filterwarnings("ignore")  # of scikit-learn about our small data
@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_parameters_that_need_other_types_come_back_too(om: Omega, variant: str) -> None:
    model = VARIANTS[variant]
    x = np.floor(X) if variant in ("categories", "integer dtype") else X
    if variant == "stop words":
        x = TEXTS
    _assert_comes_back(om, clone(model).fit(x, Y), x)


@pytest.mark.filterwarnings("ignore")
def test_a_model_of_sparse_training_data_comes_back(om: Omega) -> None:
    sparse = scipy.sparse.csr_array(X)
    _assert_comes_back(om, SVC().fit(sparse, Y), sparse)
    _assert_comes_back(om, KNeighborsClassifier().fit(sparse, Y), sparse)


def test_a_pipeline_of_texts_comes_back(om: Omega) -> None:
    model = make_pipeline(TfidfVectorizer(stop_words="english"), LogisticRegression())
    _assert_comes_back(om, model.fit(TEXTS, Y), TEXTS)


def test_experimental_estimators_come_back(om: Omega) -> None:
    from sklearn.impute import IterativeImputer
    from sklearn.model_selection import HalvingGridSearchCV

    gaps = X.copy()
    gaps[::7, 1] = np.nan
    _assert_comes_back(om, IterativeImputer(random_state=0).fit(gaps), gaps)
    search = HalvingGridSearchCV(LogisticRegression(), {"C": [0.1, 1.0, 10.0]}, random_state=0)
    _assert_comes_back(om, search.fit(X, Y), X)


def test_what_refers_to_itself_is_refused_with_the_way_out(om: Omega) -> None:
    from sklearn.cluster import Birch

    with pytest.raises(UnsupportedValueError, match=r"'b' \(Birch\).*kind='sklearn.joblib'"):
        om.models.put(Birch().fit(X), "b")
    assert not om.models.exists("b")


def test_a_model_of_another_scikit_learn_is_read_with_its_own_warning(
    om: Omega, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("sklearn.base.__version__", "1.0.1")
        om.models.put(LogisticRegression(C=3), "old")
    with pytest.warns(InconsistentVersionWarning, match=r"1\.0\.1"):
        assert om.models.get("old").C == 3


def test_metadata_says_what_was_stored(om: Omega) -> None:
    meta = om.models.put(make_pipeline(StandardScaler()), "p")
    assert meta.kind_meta["estimator"] == "sklearn.pipeline.Pipeline"
    assert meta.kind_meta["sklearn_version"] == sklearn.__version__


def test_a_format_of_the_future_says_to_upgrade(om: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("omega_sklearn.formats.estimator_backend._FORMAT", 2)
        om.models.put(LogisticRegression(), "future")
    with pytest.raises(StoreError, match=r"reads format 1\. Upgrade it: pip install -U"):
        om.models.get("future")
