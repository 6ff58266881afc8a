"""Objects of plugins go elsewhere without these: as bytes, with their lineage."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_core import Omega
from omega_core.errors import PluginDisabledError

pytestmark = pytest.mark.needs_plugins("pandas", "sklearn")


@pytest.fixture
def om(make_omega: Callable[..., Omega]) -> Omega:
    """An `Omega` with a frame and a model that was fitted on it."""
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    om = make_omega()
    X = np.arange(10.0)
    om.datasets.put(pd.DataFrame({"x": X}), "X")
    om.datasets.put(pd.DataFrame({"y": X * 2}), "Y")
    om.models.put(LinearRegression(), "line", attributes={"owner": "ann"})
    om.runtime.model("line").fit("X", "Y").get()
    return om


@pytest.fixture
def bare(make_omega: Callable[..., Omega]) -> Omega:
    """One on the same database, without any plugin."""
    return make_omega(plugins={"enabled": []})


def test_copies_and_raw_archives_need_no_plugin(om: Omega, bare: Omega, tmp_path: Path) -> None:
    path = bare.export(tmp_path / "all.zip", versions="all")
    bare["imported"].import_(path)
    for name in ("X", "Y"):
        bare.datasets.copy(name, bucket="copied")
    bare.models.copy("line", bucket="copied", versions="all")
    fitted = om.models.metadata("line")
    assert fitted is not None
    for bucket in ("imported", "copied"):
        there = om[bucket]
        assert there.datasets.get("X").equals(om.datasets.get("X"))
        assert there.runtime.model("line").predict("X").get() == pytest.approx(range(0, 20, 2))
        model = there.models.metadata("line")
        assert model is not None
        assert (model.lineage, model.attributes["owner"]) == (fitted.lineage, "ann")
        assert model.version == 2
        assert there.models.get("line", version=1) is not None


def test_a_model_is_a_file_that_skops_reads(om: Omega, tmp_path: Path) -> None:
    import skops.io

    path = om.models.export("line", tmp_path / "line.zip")
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("payload.skops"))
        model = skops.io.loads(archive.read(name))
    assert model.coef_.ravel() == pytest.approx([2.0])


def test_what_only_a_plugin_reads_is_refused_before_anything_is_written(
    om: Omega, bare: Omega, tmp_path: Path
) -> None:
    path = om.export(tmp_path / "all.zip")
    with pytest.raises(PluginDisabledError, match="pandas"):
        bare["there"].import_(path)
    assert bare["there"].database.metadata.count_documents({"bucket": "there"}) == 0
