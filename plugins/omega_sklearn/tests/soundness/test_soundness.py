"""A model whose contents do not fit together is not given to anyone, and not stored."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import types
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator
from sklearn.cluster import HDBSCAN, BisectingKMeans, KMeans
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

from omega_core import Omega
from omega_core.errors import UnsupportedValueError, UntrustedFormatError
from omega_sklearn.soundness.descriptions import UnsoundError, match
from omega_sklearn.soundness.every_estimator import NEED_NO_FIT

_rng = np.random.RandomState(0)
X = _rng.normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int) ^ (X[:, 1] > 0)
TEXTS = ["the cat sat", "the dog ran", "a bird sang"] * 20


Forge = Callable[..., None]

# --- what fits together in an honest model, and not in a forged one -----------------------------


def _wide_boosting() -> Any:
    model = GradientBoostingRegressor(n_estimators=2).fit(X, Y)
    model.estimators_ = np.hstack([model.estimators_] * 50)
    return model


def _wide_boosting_that_says_so() -> Any:
    model = _wide_boosting()
    model.n_trees_per_iteration_ = 50
    return model


def _boosting_after_fewer_classes() -> Any:
    model = GradientBoostingClassifier(n_estimators=2).fit(X, np.arange(60) % 3)
    model.init_.n_classes_ = 1
    model.init_.class_prior_ = model.init_.class_prior_[:1]
    return model


def _histograms_after_fewer_columns() -> Any:
    model = HistGradientBoostingClassifier(max_iter=2, categorical_features=[1])
    model.fit(np.floor(X), Y)
    name, numerical, columns = model._preprocessor.transformers_[1]
    model._preprocessor.transformers_[1] = (name, numerical, columns & False)
    return model


def _tree(field: str, value: int) -> Any:
    model = DecisionTreeClassifier(random_state=0).fit(X, Y)
    constructor, arguments, state = model.tree_.__reduce__()
    state["nodes"] = state["nodes"].copy()
    if field in state:
        state[field] = value
    else:
        state["nodes"][field][0] = value
    model.tree_ = constructor(*arguments)
    model.tree_.__setstate__(state)
    return model


def _tree_without_nodes() -> Any:
    model = DecisionTreeClassifier(random_state=0).fit(X, Y)
    constructor, arguments, _ = model.tree_.__reduce__()
    model.tree_ = constructor(*arguments)
    return model


def _histograms(field: str, value: int) -> Any:
    model = HistGradientBoostingClassifier(max_iter=2).fit(X, Y)
    model._predictors[0][0].nodes[field][0] = value
    return model


def _neighbors(algorithm: str, field: int, value: Any) -> Any:
    model = KNeighborsClassifier(algorithm=algorithm).fit(X, Y)
    state = list(model._tree.__getstate__())
    state[field] = np.array(state[field])
    state[field][0] = value
    model._tree.__setstate__(tuple(state))
    return model


def _with(model: Any, x: Any = X, y: Any = Y, **attributes: Any) -> Any:
    model.fit(x) if y is None else model.fit(x, y)
    for name, change in attributes.items():
        setattr(model, name, change(getattr(model, name, None)))
    return model


def _stuck_generator() -> Any:
    source = np.random.RandomState(0)
    state = source.get_state(legacy=False)
    state["state"]["key"][:] = 0
    source.set_state(state)
    return LogisticRegression(random_state=source)


def _merged_too_early(merges: Any) -> Any:
    merges["left_node"][0] = len(merges) + 5
    return merges


def _twice(array: Any) -> Any:
    return np.concatenate([array, array])


def _without_variance() -> Any:
    params = {"metric": "seuclidean", "metric_params": {"V": X.var(axis=0)}}
    model = KNeighborsClassifier(algorithm="brute", **params).fit(X, Y)
    model.effective_metric_params_["V"][0] = 0
    return model


FORGED: dict[str, tuple[Callable[[], Any], str]] = {
    "k-means, no centres": (
        lambda: _with(KMeans(2), y=None, cluster_centers_=lambda a: a[:0]),
        "a KMeans without centres",
    ),
    "bisecting k-means, no centres": (
        lambda: _with(BisectingKMeans(2), y=None, cluster_centers_=lambda a: a[:0]),
        "a BisectingKMeans without centres",
    ),
    "neighbours, no variance": (_without_variance, "variances that are none"),
    "neighbours, no numbers": (
        lambda: _with(KNeighborsClassifier(algorithm="brute"), _fit_X=lambda a: a * np.nan),
        "the rows of a KNeighborsClassifier",
    ),
    "boosting, wide": (_wide_boosting, "estimators_ of a GradientBoostingRegressor is not any"),
    "boosting, wider than its loss": (_wide_boosting_that_says_so, "more trees than its loss"),
    "boosting, fewer classes first": (_boosting_after_fewer_classes, "the classes of a Gradient"),
    "histograms, fewer columns first": (_histograms_after_fewer_columns, "loses features"),
    "histograms, child": (lambda: _histograms("left", 10**6), "a TreePredictor has a child"),
    "histograms, cycle": (lambda: _histograms("right", 0), "a TreePredictor has a child"),
    "histograms, feature": (lambda: _histograms("feature_idx", 99), "other features"),
    "tree, child": (lambda: _tree("left_child", 10**6), "a Tree has a child outside itself"),
    "tree, cycle": (lambda: _tree("right_child", 0), "a Tree has a child outside itself"),
    "tree, two parents": (lambda: _tree("right_child", 1), "a node with other than one parent"),
    "tree, feature": (lambda: _tree("feature", 99), "a feature that it does not have"),
    "tree, shallow": (lambda: _tree("max_depth", 0), "not as deep as it says"),
    "tree, too deep": (lambda: _tree("max_depth", 10**9), "not as deep as it says"),
    "tree, no nodes": (_tree_without_nodes, "a Tree has no nodes"),
    "forest": (
        lambda: _with(RandomForestClassifier(n_estimators=2), n_features_in_=lambda n: 1),
        "a Tree of a RandomForestClassifier has other features",
    ),
    "isolation forest": (
        lambda: _with(
            IsolationForest(n_estimators=2, max_features=2),
            estimators_features_=lambda subsets: [subset[:1] for subset in subsets],
        ),
        "a Tree of a IsolationForest has other features",
    ),
    "SVC, counts": (
        lambda: _with(SVC(), _n_support=lambda counts: counts * 1000),
        "the support vectors of a SVC are not as many as it counts",
    ),
    "SVC, classes": (lambda: _with(SVC(), classes_=_twice), "_n_support of a SVC is not int32"),
    "SVC, vectors": (
        lambda: _with(SVC(), support_vectors_=_twice),
        r"support_vectors_ of a SVC is not float64\[vectors, n_features_in_\]",
    ),
    "SVC, kernel": (
        lambda: _with(SVC(kernel="precomputed"), X @ X.T, kernel=lambda _: "rbf"),
        "support_vectors_ of a SVC is not",
    ),
    "SVR, rows": (
        lambda: _with(
            SVR(kernel="precomputed"), X @ X.T, support_=lambda rows: rows + np.int32(10**6)
        ),
        "a SVR refers to rows that it was not fitted on",
    ),
    "SGD": (
        lambda: _with(SGDClassifier(), coef_=lambda coef: coef[:, :1]),
        "coef_ of a SGDClassifier is not float",
    ),
    "ball tree, rows": (lambda: _neighbors("ball_tree", 1, 10**6), "rows that it does not hold"),
    "kd tree, rows": (lambda: _neighbors("kd_tree", 1, 10**6), "rows that it does not hold"),
    "kd tree, ranges": (
        lambda: _neighbors("kd_tree", 2, (0, 10, True, 1.0)),
        "a node of a KDTree refers to rows",
    ),
    "neighbours, classes": (
        lambda: _with(KNeighborsClassifier(algorithm="brute"), _y=lambda y: y + 10**6),
        "_y of a KNeighborsClassifier is not int",
    ),
    "neighbours, width": (
        lambda: _with(KNeighborsClassifier(algorithm="brute"), _fit_X=lambda x: x[:, :1].copy()),
        "_fit_X of a KNeighborsClassifier is not",
    ),
    "neighbours, count": (
        lambda: _with(LocalOutlierFactor(novelty=True), n_samples_fit_=lambda n: 2),
        "_fit_X of a LocalOutlierFactor is not",
    ),
    "k-means, centres": (
        lambda: _with(KMeans(3, n_init=1), cluster_centers_=lambda centers: centers[:, :1]),
        "cluster_centers_ of a KMeans is not",
    ),
    "k-means, threads": (
        lambda: _with(KMeans(3, n_init=1), _n_threads=lambda _: 10**9),
        "too many threads in a KMeans",
    ),
    "bisecting k-means": (
        lambda: _with(
            BisectingKMeans(3, n_init=1),
            _bisecting_tree=lambda tree: setattr(tree.left, "center", np.zeros(1)) or tree,
        ),
        "center of a _BisectingTree is not",
    ),
    "HDBSCAN": (
        lambda: _with(HDBSCAN(), _single_linkage_tree_=_merged_too_early),
        "merged what was not there",
    ),
    "covariance": (
        lambda: _with(EllipticEnvelope(), precision_=lambda _: np.array(1.0)),
        "precision_ of a EllipticEnvelope is not",
    ),
    "topics": (
        lambda: _with(
            LatentDirichletAllocation(2, max_iter=1), abs(X), components_=lambda c: c[:, :1]
        ),
        "components_ of a LatentDirichletAllocation is not",
    ),
    "one hot, columns": (
        lambda: _with(OneHotEncoder(), np.floor(X), _n_features_outs=lambda outs: [1, 1, 1]),
        "the columns of a OneHotEncoder do not match",
    ),
    "one hot, order": (
        lambda: _with(
            OneHotEncoder(), np.floor(X), categories_=lambda all_: [c[::-1].copy() for c in all_]
        ),
        "the categories of a OneHotEncoder are not in order",
    ),
    "one hot, dropped": (
        lambda: _with(
            OneHotEncoder(drop="first"),
            np.floor(X),
            _drop_idx_after_grouping=lambda _: np.array([-1, 0, 0], dtype=object),
        ),
        "drops a category that it does not have",
    ),
    "labels": (
        lambda: _with(
            MultiLabelBinarizer(), [["a"], ["b"]], None, _cached_dict=lambda _: {"a": 0, "b": 10**9}
        ),
        "the vocabulary of a MultiLabelBinarizer",
    ),
    "words": (
        lambda: _with(CountVectorizer(), TEXTS, vocabulary_=lambda words: {"cat": 10**9}),
        "the vocabulary of a CountVectorizer",
    ),
    "dicts": (
        lambda: _with(DictVectorizer(), [{"a": 1}], vocabulary_=lambda _: {"a": -1}),
        "the vocabulary of a DictVectorizer",
    ),
    "hasher, no columns": (lambda: FeatureHasher(n_features=0), "n_features of a FeatureHasher"),
    "hasher, no columns in an array": (
        lambda: HashingVectorizer(n_features=np.array(0)),
        "n_features of a HashingVectorizer",
    ),
    "generator, stuck": (_stuck_generator, "a MT19937 without a state"),
    "method": (
        lambda: _with(StandardScaler(), transform=lambda _: np.log1p),
        "'transform' at a StandardScaler, in front of the one of its class",
    ),
    "in a pipeline": (
        lambda: make_pipeline(StandardScaler(), _wide_boosting()),
        "estimators_ of a GradientBoostingRegressor is not any",
    ),
}


@pytest.mark.filterwarnings("ignore")  # of scikit-learn about our small data
@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_model_is_refused_when_it_is_read(om: Omega, forge: Forge, forgery: str) -> None:
    make, problem = FORGED[forgery]
    forge(om, skops.io.dumps(make()), "m")
    with pytest.raises(UntrustedFormatError, match=problem):
        om.models.get("m")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("forgery", ["boosting, wide", "SVC, counts", "hasher, no columns"])
def test_what_would_be_refused_when_it_is_read_is_not_stored(om: Omega, forgery: str) -> None:
    make, problem = FORGED[forgery]
    with pytest.raises(UnsupportedValueError, match=problem):
        om.models.put(make(), "m")
    assert not om.models.exists("m")


# --- states that are taken apart while a file is loaded -----------------------------------------


def _edited(model: Any, edit: Callable[[dict[str, Any]], None]) -> bytes:
    """Return a skops file whose nodes of compiled states were edited."""
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    stack: list[Any] = [schema]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            if part.get("__class__") in ("Tree", "KDTree", "RandomState"):
                edit(part)
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)
    point = io.BytesIO()
    np.save(point, np.zeros(()))
    members |= {"schema.json": json.dumps(schema).encode(), "point.npy": point.getvalue()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _without_dimensions(node: dict[str, Any]) -> None:
    node["content"]["content"]["nodes"] |= {"file": "point.npy", "__id__": 1}


def _empty(node: dict[str, Any]) -> None:
    node["content"]["content"] = []


def test_what_has_yet_to_be_fitted_may_have_any_parameters_for_fit_looks_at_them(om: Omega) -> None:
    om.models.put(Ridge(alpha=-1), "ridge")
    assert om.models.get("ridge").alpha == -1
    with pytest.raises(ValueError, match="alpha"):
        om.models.get("ridge").fit(X, Y)


@pytest.mark.filterwarnings("ignore:.*deprecated:FutureWarning")  # of classes that go
def test_the_list_of_those_that_need_no_fit_is_that_of_scikit_learn() -> None:
    for name, cls in all_estimators():
        try:
            estimator: Any = cls()
        except TypeError:
            continue  # one of several estimators, which has to be fitted as they have
        if hasattr(estimator, "__sklearn_tags__"):
            with suppress(AttributeError):  # of one that asks an estimator that it does not have
                assert estimator.__sklearn_tags__().requires_fit == (name not in NEED_NO_FIT), name
        elif hasattr(
            estimator, "_get_tags"
        ):  # of 1.5, where some had to be fitted that need not now
            assert estimator._get_tags()["requires_fit"] or name in NEED_NO_FIT, name


def test_a_generator_outside_of_its_own_state_is_refused(om: Omega, forge: Forge) -> None:
    def lose(node: dict[str, Any]) -> None:
        node["content"]["content"]["state"]["content"]["pos"]["content"] = "1000000"

    model = LogisticRegression(random_state=np.random.RandomState(0))
    forge(om, _edited(model, lose), "m")
    # The newest numpy looks at it as well.
    with pytest.raises(UntrustedFormatError, match=r"outside of its own state|state position"):
        om.models.get("m")


def test_a_tree_whose_nodes_have_no_dimension_is_not_built(om: Omega, forge: Forge) -> None:
    forge(om, _edited(DecisionTreeClassifier().fit(X, Y), _without_dimensions), "m")
    with pytest.raises(UntrustedFormatError, match="the nodes of a Tree are no array"):
        om.models.get("m")


def test_a_tree_of_neighbours_whose_state_is_too_short_is_not_built(
    om: Omega, forge: Forge
) -> None:
    forge(om, _edited(KNeighborsClassifier(algorithm="kd_tree").fit(X, Y), _empty), "m")
    with pytest.raises(UntrustedFormatError, match="is no tuple of 13"):
        om.models.get("m")


def test_a_state_does_not_stand_for_another_that_was_examined(om: Omega, forge: Forge) -> None:
    """skops builds one object for one id, from whichever node it finds first."""

    def borrow(node: dict[str, Any]) -> None:
        node["content"]["__id__"] = 7

    model = KNeighborsClassifier(algorithm="kd_tree").fit(X, Y)
    model.before = ()
    payload = _edited(model, borrow)
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    attributes = schema["content"]["content"]
    empty = {**attributes.pop("before"), "__id__": 7}
    schema["content"]["content"] = {"before": empty, **attributes}
    members["schema.json"] = json.dumps(schema).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    forge(om, buffer.getvalue(), "m")
    with pytest.raises(UntrustedFormatError, match="under the id of another object"):
        om.models.get("m")


# --- what is honest, and cannot be told from a forgery ------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        ElasticNet(warm_start=True),
        HistGradientBoostingClassifier(max_iter=2, warm_start=True),
        RandomForestClassifier(n_estimators=2, warm_start=True),
        IsolationForest(n_estimators=2, warm_start=True),
        GradientBoostingClassifier(n_estimators=2, warm_start=True),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_would_continue_on_data_of_any_width_is_refused_with_the_remedy(
    om: Omega, model: BaseEstimator
) -> None:
    om.models.put(model, "m")
    model.fit(X, Y)
    with pytest.raises(UnsupportedValueError, match=r"set_params\(warm_start=False\)"):
        om.models.put(model, "m")
    om.models.put(model.set_params(warm_start=False), "m")
    om.models.get("m").set_params(warm_start=True).fit(X, Y)


def test_a_boosting_that_begins_with_any_estimator_is_refused_with_the_remedy(om: Omega) -> None:
    model = GradientBoostingClassifier(n_estimators=2, init=LogisticRegression())
    om.models.put(model, "m")
    with pytest.raises(UnsupportedValueError, match=r"begins with a LogisticRegression.*init=None"):
        om.models.put(model.fit(X, Y), "m")


def test_a_matrix_that_scipy_would_not_measure_is_refused_with_the_remedy(om: Omega) -> None:
    def measured(**params: Any) -> Any:
        return KNeighborsClassifier(algorithm="brute", metric="mahalanobis", metric_params=params)

    with pytest.raises(UnsupportedValueError, match="Give the covariance as V"):
        om.models.put(measured(VI=np.eye(3)).fit(X, Y), "m")
    om.models.put(measured(V=np.eye(3)).fit(X, Y), "m")


# --- the language of the descriptions -----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("float64[rows, width]", np.zeros((2, 3))),
        ("float[rows, width]", np.zeros((2, 3), "f4")),
        ("int32|int64[rows] 0..", np.arange(3)),
        ("int[rows] 0..width", np.arange(3)),
        ("int[width * 2 - len(names)]", np.arange(4)),
        ("int 1..4", 3),
        ("number 0..", 0.5),
        ("?int[rows]", None),
    ],
)
def test_a_value_is_as_described(text: str, value: Any) -> None:
    match(types.SimpleNamespace(width=3, names=["a", "b"], value=value), {"value": text})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("float64[rows, width]", np.zeros((2, 4))),
        ("float64[rows, width]", np.zeros(3)),
        ("float64[rows]", np.zeros(3, "f4")),
        ("float64[rows]", np.zeros(3, ">f8")),
        ("float64[rows]", np.ma.zeros(3)),
        ("float64[rows]", [0.0]),
        ("int[rows] 0..width", np.array([3])),
        ("int[rows] 0..", np.array([-1])),
        ("int[unknown - 1]", np.zeros(1, int)),
        ("int 1..4", 4),
        ("int 1..", 1.0),
        ("int 1..", np.ones((), int)),
        ("number 0..", float("nan")),
        ("int[rows]", None),
    ],
)
def test_a_value_is_not_as_described(text: str, value: Any) -> None:
    with pytest.raises(UnsoundError):
        match(types.SimpleNamespace(width=3, value=value), {"value": text})


def test_one_name_is_one_length() -> None:
    part = types.SimpleNamespace(a=np.zeros(3), b=np.zeros(3), c=np.zeros(4))
    match(part, {"a": "float[rows]", "b": "float[rows]"})
    with pytest.raises(UnsoundError, match=r"c of a SimpleNamespace is not float\[rows\]"):
        match(part, {"a": "float[rows]", "c": "float[rows]"})


# --- and what nobody has thought of -------------------------------------------------------------


def test_no_forged_number_or_array_ends_the_process_of_a_reader() -> None:
    """A sample; ``nox -s mutations`` forges for ten minutes."""
    forge = Path(__file__).parents[1] / "mutations"
    arguments = ["--share", "0.2", "--mutants", "400", "--seed", "0"]
    done = subprocess.run(
        [sys.executable, "-P", str(forge), *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
