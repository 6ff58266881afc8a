"""Models act on frames and series by name; these come from omega-pandas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from omega_core import Omega
from omega_core.errors import ColumnMismatchError

pd = pytest.importorskip("pandas")
pytest.importorskip("omega_pandas")

_X, _Y = load_iris(return_X_y=True, as_frame=True)
X = _X[::3].rename(columns=lambda label: label.removesuffix(" (cm)"))
X.index = [f"flower {i}" for i in range(len(X))]
Y = _Y[::3].set_axis(X.index).rename("species")


def pipeline() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression())


@pytest.fixture
def iris(om: Omega) -> Omega:
    """A store with the datasets ``X`` and ``y``, and the fitted model ``m``."""
    om.datasets.put(X, "X")
    om.datasets.put(Y, "y")
    om.models.put(pipeline(), "m")
    om.models.perform("fit", "m", "X", "y")
    return om


# --- lineage and columns ------------------------------------------------------------------------


def test_lineage_knows_the_columns_and_their_dtypes(iris: Omega) -> None:
    lineage = iris.models.metadata("m").attributes["lineage"]
    assert lineage["X"]["columns"] == list(X.columns)
    assert lineage["X"]["dtypes"] == ["float64"] * 4
    assert lineage["X"]["rows"] == len(X)
    assert (lineage["Y"]["columns"], lineage["Y"]["dtypes"]) == (["species"], ["int64"])
    assert lineage["libraries"]["pandas"] == pd.__version__


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x.drop(columns="petal width"), "missing: 'petal width'"),
        (lambda x: x.assign(colour=1.0), "extra: 'colour'"),
        (
            lambda x: x.rename(columns={"petal width": "petal colour"}),
            "missing: 'petal width'; extra: 'petal colour'",
        ),
        (lambda x: x[x.columns[::-1]], "the same columns in another order; at fit it was 'sepal"),
    ],
)
@pytest.mark.parametrize("action", ["predict", "predict_proba", "decision_function", "score"])
def test_other_columns_are_told_apart_before_the_estimator_sees_them(
    iris: Omega, change: Any, message: str, action: str
) -> None:
    iris.datasets.put(change(X), "other")
    arguments = ("m", "other", "y") if action == "score" else ("m", "other")
    with pytest.raises(ColumnMismatchError, match=message) as caught:
        iris.models.perform(action, *arguments, rName="r")
    assert "dataset 'other'" in str(caught.value)
    assert "model 'm'" in str(caught.value)
    assert not iris.datasets.exists("r")


def test_a_model_that_was_fitted_elsewhere_is_checked_by_what_it_remembers(iris: Omega) -> None:
    iris.models.put(pipeline().fit(X, Y), "m")
    iris.datasets.put(X.drop(columns="petal width"), "other")
    with pytest.raises(ColumnMismatchError, match="missing: 'petal width'"):
        iris.models.perform("predict", "m", "other")


def test_a_put_of_another_model_forgets_the_columns_of_the_one_before(iris: Omega) -> None:
    narrow = X[["sepal length", "petal length"]]
    iris.datasets.put(narrow, "narrow")
    iris.models.put(pipeline().fit(narrow, Y), "m")
    answer = iris.models.perform("predict", "m", "narrow")
    assert answer == pipeline().fit(narrow, Y).predict(narrow).tolist()


def test_labels_that_are_numbers_are_checked_too(iris: Omega) -> None:
    numbered = X.set_axis(range(4), axis=1)
    iris.datasets.put(numbered, "numbered")
    iris.models.perform("fit", "m", "numbered", "y")
    assert len(iris.models.perform("predict", "m", "numbered")) == len(X)
    iris.datasets.put(numbered[[3, 2, 1, 0]], "turned")
    with pytest.raises(ColumnMismatchError, match="another order"):
        iris.models.perform("predict", "m", "turned")


# --- y ------------------------------------------------------------------------------------------


def test_y_with_one_column_is_one_dimension(iris: Omega) -> None:
    iris.datasets.put(Y.to_frame(), "frame")
    iris.datasets.put(Y.to_numpy().reshape(-1, 1), "array")
    for name in ("frame", "array"):
        # scikit-learn would warn of a column vector, and warnings are errors here.
        iris.models.perform("fit", "m", "X", name)
        assert iris.models.perform("score", "m", "X", name) == pipeline().fit(X, Y).score(X, Y)


# --- results ------------------------------------------------------------------------------------


def test_predictions_are_a_series_with_the_index_of_x_and_the_name_of_y(iris: Omega) -> None:
    answer = iris.models.perform("predict", "m", "X", pure_python=False)
    expected = pd.Series(pipeline().fit(X, Y).predict(X), index=X.index, name="species")
    pd.testing.assert_series_equal(answer, expected)


def test_pure_python_is_chosen_per_call(iris: Omega) -> None:
    plain = iris.models.perform("predict", "m", "X")
    assert type(plain) is list
    assert type(plain[0]) is int
    assert iris.models.perform("predict", "m", "X", pure_python=False).tolist() == plain
    assert iris.models.perform("predict", "m", "X") == plain


def test_probabilities_are_a_frame_with_the_classes_as_columns(iris: Omega) -> None:
    local = pipeline().fit(X, Y)
    for action in ("predict_proba", "decision_function"):
        answer = iris.models.perform(action, "m", "X", pure_python=False)
        expected = pd.DataFrame(getattr(local, action)(X), index=X.index, columns=[0, 1, 2])
        pd.testing.assert_frame_equal(answer, expected, check_column_type=False)


def test_a_decision_of_two_classes_is_a_series(iris: Omega) -> None:
    iris.datasets.put(Y > 0, "two")
    iris.models.perform("fit", "m", "X", "two")
    answer = iris.models.perform("decision_function", "m", "X", pure_python=False)
    assert answer.name == "decision_function"
    assert answer.index.equals(X.index)


def test_transformed_data_are_a_frame_with_the_names_of_the_features(iris: Omega) -> None:
    iris.models.put(
        ColumnTransformer([("s", StandardScaler(), ["sepal length"])], remainder="passthrough"),
        "ct",
    )
    fitted = iris.models.perform("fit_transform", "ct", "X", pure_python=False)
    again = iris.models.perform("transform", "ct", "X", pure_python=False)
    pd.testing.assert_frame_equal(fitted, again)
    assert again.columns[0] == "s__sepal length"
    assert again.index.equals(X.index)


def test_a_transformer_that_makes_frames_keeps_them(iris: Omega) -> None:
    iris.models.put(StandardScaler().set_output(transform="pandas"), "scale")
    frame = iris.models.perform("fit_transform", "scale", "X", pure_python=False)
    assert list(frame.columns) == list(X.columns)
    assert iris.models.perform("transform", "scale", "X") == frame.to_numpy().tolist()


def test_several_outputs_are_named_by_the_columns_of_y(iris: Omega) -> None:
    iris.datasets.put(pd.DataFrame({"kind": Y, "late": (Y > 0).astype(int)}), "two")
    iris.models.put(MultiOutputClassifier(LogisticRegression(max_iter=500)), "multi")
    iris.models.perform("fit", "multi", "X", "two")
    answer = iris.models.perform("predict", "multi", "X", pure_python=False)
    assert list(answer.columns) == ["kind", "late"]
    chances = iris.models.perform("predict_proba", "multi", "X", pure_python=False)
    assert list(chances.columns) == [
        ("kind", 0),
        ("kind", 1),
        ("kind", 2),
        ("late", 0),
        ("late", 1),
    ]
    assert chances.index.equals(X.index)


def test_arrays_in_arrays_out(iris: Omega) -> None:
    iris.datasets.put(X.to_numpy(), "Xa")
    iris.datasets.put(Y.to_numpy(), "ya")
    iris.models.put(pipeline(), "array")
    lineage = iris.models.perform("fit", "array", "Xa", "ya").attributes["lineage"]
    assert (lineage["X"]["columns"], lineage["X"]["dtypes"]) == (None, ["float64"])
    answer = iris.models.perform("predict", "array", "Xa", pure_python=False)
    assert isinstance(answer, np.ndarray)


def test_a_series_of_texts_is_x(om: Omega) -> None:
    texts = pd.Series(["red apple", "green apple", "red car"], index=[7, 8, 9], name="text")
    om.datasets.put(texts, "texts")
    om.models.put(TfidfVectorizer(), "tfidf")
    frame = om.models.perform("fit_transform", "tfidf", "texts", pure_python=False)
    assert list(frame.columns) == ["apple", "car", "green", "red"]
    assert list(frame.index) == [7, 8, 9]
    assert om.models.perform("transform", "tfidf", "texts") == frame.to_numpy().tolist()


# --- results that are stored --------------------------------------------------------------------


def test_a_stored_prediction_is_the_series_with_its_lineage(iris: Omega) -> None:
    meta = iris.models.perform("predict", "m", "X", rName="r")
    assert (meta.name, meta.kind) == ("r", "pandas.series")
    expected = pd.Series(pipeline().fit(X, Y).predict(X), index=X.index, name="species")
    pd.testing.assert_series_equal(iris.datasets.get("r"), expected)
    lineage = iris.datasets.metadata("r").attributes["lineage"]
    assert (lineage["action"], lineage["X"]["name"]) == ("predict", "X")
    assert (lineage["model"]["name"], lineage["model"]["version"]) == ("m", 2)


def test_a_stored_prediction_of_an_array_is_an_array(iris: Omega) -> None:
    iris.datasets.put(X.to_numpy(), "Xa")
    iris.models.put(pipeline().fit(X.to_numpy(), Y), "m")
    assert iris.models.perform("predict", "m", "Xa", rName="r").kind == "numpy.ndarray"


def test_a_stored_sparse_result_stays_sparse(om: Omega) -> None:
    frame = pd.DataFrame({"city": ["Basel", "Bern", "Basel"]}, index=[7, 8, 9])
    om.datasets.put(frame, "X")
    om.models.put(OneHotEncoder(), "onehot")
    om.models.perform("fit", "onehot", "X")
    shown = om.models.perform("transform", "onehot", "X", pure_python=False)
    assert list(shown.columns) == ["city_Basel", "city_Bern"]
    assert om.models.perform("transform", "onehot", "X", rName="r").kind == "pandas.dataframe"
    stored = om.datasets.get("r")
    pd.testing.assert_frame_equal(stored, shown)
    assert all(isinstance(dtype, pd.SparseDtype) for dtype in stored.dtypes)
    assert stored.to_numpy().tolist() == [[1, 0], [0, 1], [1, 0]]


def test_fit_transform_stores_the_model_and_the_result(iris: Omega) -> None:
    iris.models.put(StandardScaler(), "scale")
    meta = iris.models.perform("fit_transform", "scale", "X", rName="scaled")
    assert meta.attributes["lineage"]["model"]["version"] == 2
    scaled = iris.datasets.get("scaled")
    np.testing.assert_allclose(scaled.to_numpy(), StandardScaler().fit_transform(X))


# --- values instead of names --------------------------------------------------------------------


def test_values_leave_nothing_behind_also_after_a_failure(iris: Omega) -> None:
    def everything() -> list[str]:
        return sorted(iris.datasets.list(hidden=True))

    before = everything()
    model = iris.runtime.model("m")
    model.fit(X, Y).get()
    assert model.predict(X).get() == pipeline().fit(X, Y).predict(X).tolist()
    with pytest.raises(ColumnMismatchError):
        model.predict(X.drop(columns="petal width")).get()
    assert everything() == before


def test_a_regression_predicts_by_name_through_the_runtime(om: Omega) -> None:
    om.datasets.put(X, "X")
    om.datasets.put(X["petal width"], "width")
    om.models.put(LinearRegression(), "r")
    om.runtime.model("r").fit("X", "width").get()
    answer = om.runtime.model("r").predict("X", pure_python=False).get()
    np.testing.assert_allclose(answer, X["petal width"], atol=1e-9)
    assert answer.name == "petal width"
