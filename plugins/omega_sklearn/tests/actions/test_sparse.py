"""Sparse data, by name and by value; and sparse results, which stay sparse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.preprocessing import MaxAbsScaler

from omega_core import Omega

pytest.importorskip("omega_pandas")

X = sp.random(40, 6, density=0.5, random_state=1, format="csr")
Y = np.arange(40) % 2


@pytest.mark.parametrize("format_", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_a_model_is_fitted_on_sparse_data_and_asked(om: Omega, format_: str, kind: str) -> None:
    x = getattr(sp, f"{format_}_{kind}")(X)
    om.models.put(LogisticRegression(), "m")
    om.datasets.put(x, "X")
    om.datasets.put(Y, "y")
    om.runtime.model("m").fit("X", "y").get()
    expected = LogisticRegression().fit(x, Y).predict(x).tolist()
    assert om.runtime.model("m").predict("X").get() == expected
    assert om.runtime.model("m").predict(x).get() == expected
    lineage: Any = om.models.metadata("m").attributes["lineage"]  # type: ignore[union-attr]
    assert (lineage["X"]["rows"], lineage["X"]["dtypes"]) == (40, ["float64"])


def test_sparse_data_given_by_value_fit_a_model(om: Omega) -> None:
    om.models.put(SGDClassifier(random_state=0), "m")
    om.runtime.model("m").partial_fit(X, Y, classes=[0, 1]).get()
    expected = SGDClassifier(random_state=0).partial_fit(X, Y, classes=[0, 1])
    np.testing.assert_array_equal(om.models.get("m").coef_, expected.coef_)


def test_a_sparse_result_of_data_without_an_index_is_stored_as_it_is(om: Omega) -> None:
    om.models.put(MaxAbsScaler().fit(X), "scale")
    om.datasets.put(X, "X")
    expected = MaxAbsScaler().fit_transform(X)
    shown = om.models.perform("transform", "scale", "X", pure_python=False)
    assert om.models.perform("transform", "scale", "X", rName="r").kind == "scipy.sparse"
    for result in (shown, om.datasets.get("r")):
        assert type(result) is type(expected)
        assert (result != expected).nnz == 0
    assert om.models.perform("transform", "scale", "X") == expected.toarray().tolist()


def test_texts_become_a_sparse_matrix(om: Omega) -> None:
    texts = ["red apple", "green apple", "red car", "green car"]
    om.datasets.put(texts, "texts")
    om.models.put(TfidfVectorizer(), "tfidf")
    meta = om.models.perform("fit_transform", "tfidf", "texts", rName="r")
    assert meta.kind == "scipy.sparse"
    assert (om.datasets.get("r") != TfidfVectorizer().fit_transform(texts)).nnz == 0
