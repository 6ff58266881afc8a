"""What a stored model is, told without loading it, nor trusting anything in it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from omega_core import Omega

X = np.random.RandomState(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)


class Noted(BaseEstimator):
    """Leaves a file where it is made, or where its state is set."""

    path = ""

    def __init__(self, path: str = "") -> None:
        self.path = path

    def __setstate__(self, state: dict[str, Any]) -> None:
        Path(state["path"]).touch()

    def fit(self, X: Any, y: Any = None) -> Noted:
        return self


def test_parameters_of_a_model_and_of_its_parts_are_told(om: Omega) -> None:
    scaled = ColumnTransformer([("scaled", StandardScaler(with_mean=False), [0, 1])])
    model = make_pipeline(scaled, LogisticRegression(C=2.5))
    om.models.put(model, "m")
    om.models.put(model.fit(X, Y), "m")
    told = om.models.describe("m")
    assert told.details["estimator"] == "sklearn.pipeline.Pipeline"
    assert told.details["fitted"] is True
    assert om.models.describe("m", version=1).details["fitted"] is False
    steps = told.details["parameters"]["steps"]
    assert steps["logisticregression"]["C"] == 2.5
    assert steps["logisticregression"]["class"].endswith(".LogisticRegression")
    inner = steps["columntransformer"]["transformers"]["scaled"]
    assert inner["with_mean"] is False
    assert inner["columns"] == [0, 1]
    assert any(name.endswith(".StandardScaler") for name in told.details["inside"])
    assert told.details["needs trust in"] == []
    assert json.dumps(told.to_dict())


def test_what_differs_between_two_fits_is_told(om: Omega) -> None:
    om.models.put(LogisticRegression(C=1.0), "m")
    om.models.put(LogisticRegression(C=2.0, max_iter=50), "m")
    told = om.models.diff("m", 1)
    assert {(c.at, c.before, c.after) for c in told.details} == {
        ("parameters.C", 1.0, 2.0), ("parameters.max_iter", 100, 50)
    }  # fmt: skip
    om.datasets.put(X.tolist(), "X")
    om.datasets.put(Y.tolist(), "y")
    om.runtime.model("m").fit("X", "y").get()
    told = om.models.diff("m", 2)
    assert ("fitted", False, True) in {(c.at, c.before, c.after) for c in told.details}
    assert ("X.name", "X") in {(c.at, c.after) for c in told.lineage}
    assert om.models.describe("m").details["made of"] == {
        "action": "fit", "X": "'X', version 1", "Y": "'y', version 1"
    }  # fmt: skip


def test_nothing_untrusted_is_loaded_to_be_described(
    om: Omega, forge: Callable[..., None], tmp_path: Path
) -> None:
    mark = tmp_path / "loaded"
    forge(om, skops.io.dumps(make_pipeline(Noted(str(mark)))), "m")
    told = om.models.describe("m")
    assert not mark.exists()
    assert told.details["needs trust in"] == [f"{Noted.__module__}.Noted"]
    assert told.details["parameters"]["steps"]["noted"]["path"] == str(mark)
    assert str(mark) in om.models.page("m")
    assert not mark.exists()


def test_functions_are_told_by_their_names(om: Omega) -> None:
    om.models.put(FunctionTransformer(np.log1p), "m")
    # numpy 1 has its functions in another module.
    names = ("numpy.log1p", "numpy.core._multiarray_umath.log1p")
    assert om.models.describe("m").details["parameters"]["func"] in names


def test_a_file_that_is_none_is_described_as_far_as_it_goes(
    om: Omega, forge: Callable[..., None]
) -> None:
    deep: Any = {"__loader__": "JsonNode", "content": "1", "__class__": "str", "__module__": "x"}
    for _ in range(100):
        deep = {
            "__loader__": "ListNode", "content": [deep], "__class__": "list",
            "__module__": "builtins",
        }  # fmt: skip
    bombs: dict[str, bytes] = {"none": b"no zip"}
    for name, schema in (("list", [1]), ("deep", deep), ("odd", {"content": {"content": [1]}})):
        with zipfile.ZipFile(buffer := io.BytesIO(), "w") as archive:
            archive.writestr("schema.json", json.dumps(schema))
        bombs[name] = buffer.getvalue()
    for name, data in bombs.items():
        forge(om, data, name)
        told = om.models.describe(name)
        assert told.details["estimator"].endswith("LogisticRegression")
        assert json.dumps(told.to_dict())
        assert "unreadable" in told.details or "parameters" in told.details


def test_pickles_are_not_opened(om: Omega, forge: Callable[..., None]) -> None:
    forge(om, b"not a pickle at all", "m", "sklearn.joblib")
    told = om.models.describe("m").details
    assert told["reading runs code"] is True
    assert told["this configuration permits that"] is False
