"""The fitted models that are taken apart: every estimator of scikit-learn, and its variants."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.cluster import HDBSCAN, BisectingKMeans, MiniBatchKMeans
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import ElasticNet, SGDClassifier
from sklearn.neighbors import (
    KernelDensity,
    KNeighborsClassifier,
    LocalOutlierFactor,
    RadiusNeighborsClassifier,
)
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, SplineTransformer
from sklearn.svm import SVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier


def _estimators() -> Any:
    path = Path(__file__).parents[1] / "formats" / "test_estimators.py"
    spec = importlib.util.spec_from_file_location("estimators", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["estimators"] = module
    spec.loader.exec_module(module)
    return module


ESTIMATORS = _estimators()
X, Y = ESTIMATORS.X, ESTIMATORS.Y

VARIANTS: dict[str, tuple[Any, Any]] = {
    "ball_tree": (KNeighborsClassifier(algorithm="ball_tree"), X),
    "ball_tree minkowski": (KNeighborsClassifier(algorithm="ball_tree", p=3), X),
    "ball_tree mahalanobis": (
        KNeighborsClassifier(
            algorithm="ball_tree", metric="mahalanobis", metric_params={"V": np.cov(X.T)}
        ),
        X,
    ),
    "brute": (KNeighborsClassifier(algorithm="brute"), X),
    "brute seuclidean": (
        KNeighborsClassifier(
            algorithm="brute", metric="seuclidean", metric_params={"V": np.ones(X.shape[1])}
        ),
        X,
    ),
    "radius brute": (RadiusNeighborsClassifier(radius=9, algorithm="brute"), X),
    "novelty": (LocalOutlierFactor(novelty=True), X),
    "density": (KernelDensity(algorithm="ball_tree"), X),
    "SVC probability": (SVC(probability=True), X),
    "SVC linear": (SVC(kernel="linear"), X),
    "SVC sparse": (SVC(), "sparse"),
    "SVC precomputed": (SVC(kernel="precomputed"), X @ X.T),
    "OneClassSVM sparse": (OneClassSVM(), "sparse"),
    "multi-output tree": (DecisionTreeClassifier(max_depth=3), X),
    "warm forest": (RandomForestClassifier(n_estimators=2, max_depth=2, warm_start=True), X),
    "warm boosting": (GradientBoostingClassifier(n_estimators=2, warm_start=True), X),
    "warm elastic net": (ElasticNet(alpha=0.01, warm_start=True), X),
    "warm sgd": (SGDClassifier(warm_start=True, average=True), X),
    "vectorizer": (CountVectorizer(), ESTIMATORS.TEXTS),
    "hashing": (HashingVectorizer(n_features=16), ESTIMATORS.TEXTS),
    "hasher": (FeatureHasher(n_features=16), ESTIMATORS.RECORDS),
    "dicts": (DictVectorizer(), ESTIMATORS.RECORDS),
    "tfidf": (TfidfVectorizer(), ESTIMATORS.TEXTS),
    "one hot infrequent": (
        OneHotEncoder(min_frequency=3, handle_unknown="infrequent_if_exist"),
        np.floor(X),
    ),
    "one hot drop": (OneHotEncoder(drop="first", handle_unknown="ignore"), np.floor(X)),
    "bins": (KBinsDiscretizer(n_bins=3, encode="onehot"), X),
    "sparse splines": (SplineTransformer(sparse_output=True), X),
    "mini batch": (MiniBatchKMeans(n_clusters=3, n_init=1, max_iter=3), X),
    "bisecting": (BisectingKMeans(n_clusters=3, n_init=1), X),
    "hdbscan": (HDBSCAN(store_centers="both"), X),
    "kmeans sparse": (ESTIMATORS.ESTIMATORS["KMeans"](n_clusters=3, n_init=1), "sparse"),
}


def subjects(chosen: Callable[[str], bool]) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield the name, the fitted model, and the data that it was fitted on, of those chosen."""
    import scipy.sparse

    warnings.simplefilter("ignore")
    for name, cls in sorted(ESTIMATORS.ESTIMATORS.items()):
        # skops does not store it: it refers to itself.
        if name == "Birch" or not chosen(name):
            continue
        model, x = ESTIMATORS._fitted(ESTIMATORS._instance(name, cls))
        yield name, model, x, Y
        if "warm_start" in model.get_params(deep=False):
            warm = clone(model).set_params(warm_start=True)
            try:
                yield f"{name} warm", warm.fit(x, Y), x, Y
            except ValueError:
                continue
    for name, (model, x) in VARIANTS.items():
        if not chosen(name):
            continue
        data = scipy.sparse.csr_matrix(X) if isinstance(x, str) else x
        y = np.c_[Y, Y] if name.startswith("multi-output") else Y
        yield name, clone(model).fit(data, y), X if isinstance(x, str) else x, y
    for name, model in ESTIMATORS.VARIANTS.items():
        if not chosen(name):
            continue
        x = np.floor(X) if name in ("categories", "integer dtype") else X
        if name == "stop words":
            x = ESTIMATORS.TEXTS
        yield name, clone(model).fit(x, Y), x, Y
