"""Files of models are read under the rules of the kinds, and written so that others can."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from omega_core import Omega
from omega_core.errors import UntrustedFormatError
from omega_sklearn.formats.files import JoblibFormat, SkopsFormat


@pytest.fixture
def model() -> LinearRegression:
    return LinearRegression().fit([[1.0], [2.0]], [2.0, 4.0])


def test_a_file_of_skops_goes_in_and_out(om: Omega, model: LinearRegression) -> None:
    SkopsFormat(om).write(model, file := io.BytesIO())
    assert skops.io.loads(file.getvalue()).coef_ == model.coef_
    file.seek(0)
    assert np.array_equal(SkopsFormat(om).read(file).coef_, model.coef_)


def test_what_is_not_trusted_is_not_made(om: Omega, tmp_path: Path) -> None:
    path = tmp_path / "odd.skops"
    skops.io.dump({"call": Path}, path)
    with pytest.raises(UntrustedFormatError, match=r"odd\.skops.*trusted_types"):
        SkopsFormat(om).read(path)


def test_joblib_is_read_where_that_is_allowed_alone(
    make_omega: Callable[..., Omega], om: Omega, model: LinearRegression, tmp_path: Path
) -> None:
    path = tmp_path / "model.joblib"
    joblib.dump(model, path)
    with pytest.raises(UntrustedFormatError, match="pickle"):
        JoblibFormat(om).read(path)
    allowed = make_omega(security={"pickle": "allow"})
    assert JoblibFormat(allowed).read(path).coef_ == model.coef_
