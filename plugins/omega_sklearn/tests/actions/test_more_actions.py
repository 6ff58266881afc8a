"""What scikit-learn's estimators do beyond what every model backend may have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.preprocessing import LabelBinarizer, StandardScaler

from omega_core import Omega
from omega_core.errors import ColumnMismatchError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3)).round(3).tolist()
Y = [int(row[0] > 0) for row in X]

CASES = [
    ("predict_log_proba", LogisticRegression()),
    ("inverse_transform", StandardScaler()),
    ("score_samples", GaussianMixture(2, random_state=0)),
    ("kneighbors", KNeighborsClassifier()),
    ("apply", RandomForestClassifier(3, random_state=0)),
]


@pytest.fixture
def stored(om: Omega) -> Omega:
    om.datasets.put(X, "X")
    om.datasets.put(Y, "y")
    return om


@pytest.mark.parametrize(("action", "model"), CASES, ids=[action for action, _ in CASES])
def test_it_is_the_method_of_the_estimator(stored: Omega, action: str, model: Any) -> None:
    stored.models.put(model, "m")
    stored.runtime.model("m").fit("X", "y").get()
    expected = getattr(model.fit(X, Y), action)(X)
    plain = (
        [part.tolist() for part in expected] if isinstance(expected, tuple) else expected.tolist()
    )
    assert getattr(stored.runtime.model("m"), action)("X").get() == plain
    meta = getattr(stored.runtime.model("m"), action)("X", rName="r").get()
    assert (meta.lineage["action"], meta.lineage["model"]["version"]) == (action, 2)
    assert np.allclose(np.asarray(stored.datasets.get("r")), np.asarray(plain))


def test_fit_predict_stores_the_model(stored: Omega) -> None:
    model = KMeans(2, n_init=1, random_state=0)
    stored.models.put(model, "m")
    expected = model.fit_predict(X).tolist()
    assert stored.runtime.model("m").fit_predict("X").get() == expected
    meta = stored.runtime.model("m").fit_predict("X", rName="r").get()
    assert (meta.lineage["action"], meta.lineage["model"]["version"]) == ("fit_predict", 3)
    assert stored.models.metadata("m").lineage["action"] == "fit_predict"
    assert stored.datasets.get("r").tolist() == expected


def test_options_reach_the_method(stored: Omega) -> None:
    stored.models.put(KNeighborsClassifier().fit(X, Y), "m")
    found = stored.runtime.model("m").kneighbors("X", n_neighbors=1, return_distance=False).get()
    assert found == [[i] for i in range(30)]


@pytest.mark.parametrize(
    ("model", "action"),
    [(StandardScaler(), "kneighbors"), (LogisticRegression(), "fit_predict"), (PCA(), "apply")],
)
def test_what_the_estimator_lacks_is_named_with_kind_and_class(
    stored: Omega, model: Any, action: str
) -> None:
    stored.models.put(model.fit(X, Y), "m")
    told = rf"sklearn\.skops.*'m'.*{type(model).__name__}.*'{action}'"
    with pytest.raises(NotImplementedError, match=told):
        stored.models.perform(action, "m", "X")
    assert stored.models.metadata("m").version == 1


def test_answers_of_uneven_length_and_of_many_dimensions_are_plain(stored: Omega) -> None:
    stored.models.put(RadiusNeighborsClassifier(radius=0.7, outlier_label=0).fit(X, Y), "m")
    assert len(stored.models.perform("predict", "m", "X")) == 30
    boosted = GradientBoostingClassifier(n_estimators=2, random_state=0).fit(X, Y)
    stored.models.put(boosted, "g")
    assert stored.models.perform("apply", "g", "X") == boosted.apply(X).tolist()
    several = MultiOutputClassifier(LogisticRegression()).fit(X, [[y, 1 - y] for y in Y])
    stored.models.put(several, "several")
    assert len(stored.models.perform("predict_proba", "several", "X")) == 2


def test_frames_come_back_with_the_names_of_the_fit(om: Omega) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("omega_pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c"], index=[f"row {i}" for i in range(30)])
    om.datasets.put(frame, "X")
    om.models.put(PCA(2), "pca")
    om.models.perform("fit_transform", "pca", "X", rName="reduced")
    assert list(om.datasets.get("reduced").columns) == ["pca0", "pca1"]
    back = om.models.perform("inverse_transform", "pca", "reduced", pure_python=False)
    assert list(back.columns) == ["a", "b", "c"]
    assert back.index.equals(frame.index)
    with pytest.raises(ColumnMismatchError):
        om.models.perform("transform", "pca", "reduced")
    om.models.put(KNeighborsClassifier().fit(frame, Y), "near")
    distances, numbers = om.models.perform("kneighbors", "near", "X", pure_python=False)
    assert list(numbers.columns) == [f"kneighbors_{i}" for i in range(5)]
    assert distances.index.equals(frame.index)


def test_labels_of_texts_are_plain(om: Omega) -> None:
    om.datasets.put(["red", "green", "red"], "colors")
    om.models.put(LabelBinarizer(), "lb")
    om.models.perform("fit", "lb", "colors")
    om.models.perform("transform", "lb", "colors", rName="bits")
    assert om.models.perform("inverse_transform", "lb", "bits") == ["red", "green", "red"]


def test_a_model_of_before_stays_at_its_uri(
    make_omega: Callable[..., Omega], tmp_path: Path
) -> None:
    om = make_omega(uris={"allow": [f"{tmp_path.as_uri()}/"]})
    om.datasets.put(X, "X")
    om.datasets.put(Y, "y")
    uri = f"{tmp_path.as_uri()}/{{key}}"
    om.models.put(LogisticRegression(), "m", uri=uri)
    # As omega-sklearn noted it before the options of a put were kept.
    change = {"$set": {"kind_meta.uri": uri}, "$unset": {"options": 1, "seal": 1}}
    om.database.mongodb["omega.metadata"].update_one({"name": "m"}, change)
    assert om.models.perform("fit", "m", "X", "y").uri.startswith(tmp_path.as_uri())
