"""Models come in as files, act by the names of datasets, and go out as files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega

from .test_data import ran, told

pytestmark = pytest.mark.needs_plugins("pandas", "sklearn")
Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def line(om: Omega) -> None:
    """Put a model that is not fitted yet, and what it is fitted on."""
    from sklearn.linear_model import LinearRegression

    om.datasets.put([[1.0], [2.0], [3.0]], "X")
    om.datasets.put([2.0, 4.0, 6.0], "y")
    om.models.put(LinearRegression(), "line")


@pytest.mark.usefixtures("line")
def test_a_model_is_fitted_and_asked_by_name(omega: Run, om: Omega) -> None:
    fitted = json.loads(ran(omega("models", "fit", "line", "X", "y", "--json")).stdout)
    assert (fitted["name"], fitted["version"]) == ("line", 2)
    shown = ran(omega("models", "predict", "line", "X")).stdout.splitlines()
    assert [round(float(value), 6) for value in shown] == [2, 4, 6]
    document = json.loads(ran(omega("models", "predict", "line", "X", "--json")).stdout)
    assert [round(value, 6) for value in document] == [2, 4, 6]
    ran(omega("models", "predict", "line", "X", "-r", "answers"))
    assert "answers" in om.datasets
    score = ran(omega("models", "act", "line", "score", "X", "y")).stdout
    assert float(score) == pytest.approx(1)


@pytest.mark.usefixtures("line")
def test_what_a_model_cannot_or_has_not_is_told_before_it_acts(omega: Run, om: Omega) -> None:
    told(omega("models", "act", "line", "pedict", "X"), "no action 'pedict'", "'predict'")
    told(omega("models", "fit", "line", "XX", "y"), "No object 'XX'")
    told(omega("models", "predict", "lime", "X"), "'lime'", "'line'")
    told(omega("models", "predict", "line", "X"), "not fitted")
    assert om.models.metadata("line").version == 1  # type: ignore[union-attr]


@pytest.mark.usefixtures("line")
def test_a_model_goes_out_as_skops_and_comes_back(omega: Run, om: Omega) -> None:
    ran(omega("models", "fit", "line", "X", "y"))
    ran(omega("models", "get", "line", "-o", "line.skops"))
    ran(omega("models", "put", "line.skops", "again", "-a", "by=ann"))
    meta = om.models.metadata("again")
    assert meta is not None
    assert (meta.kind, meta.attributes["by"]) == ("sklearn.skops", "ann")
    assert om.models.get("again").coef_ == om.models.get("line").coef_


def test_a_file_that_needs_trust_is_refused(omega: Run, om: Omega) -> None:
    Path("bad.skops").write_bytes(b"not a zip")
    told(omega("models", "put", "bad.skops"), "bad.skops")
    Path("bad.joblib").write_bytes(b"\x80\x04.")
    told(omega("models", "put", "bad.joblib"), 'pickle = "allow"')
    assert om.models.list() == []


@pytest.mark.usefixtures("line")
def test_a_model_is_looked_into(omega: Run) -> None:
    ran(omega("models", "fit", "line", "X", "y"))
    found = json.loads(ran(omega("models", "inspect", "line", "--json")).stdout)
    assert {"fit", "predict", "score"} <= set(found["actions"])
    assert found["version"] == 2
    assert "LinearRegression" in ran(omega("models", "inspect", "line")).stdout
