"""Frames, series and arrays go out as files that other tools read, and come back as they were."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings

import omega_pandas.archived.npy_files
import omega_pandas.segments.layout
from omega_core.errors import ArchiveError, IntegrityError

from .samples import object_array
from .strategies import frames

if TYPE_CHECKING:
    from omega_core import Metadata, Omega

Same = Callable[[Any, Any], None]


def passed_on(om: Omega, path: Path) -> tuple[Metadata, set[str]]:
    """Export ``x`` to a file, and import it elsewhere; return what it has become, and its files."""
    path.unlink(missing_ok=True)
    om.datasets.export("x", path)
    with zipfile.ZipFile(path) as archive:
        names = {name.rpartition("/")[2] for name in archive.namelist()}
    imported = om["there"].datasets.import_(path, replace=True)
    return imported, names - {"manifest.json", "version.json"}


def member(path: Path, name: str) -> io.BytesIO:
    with zipfile.ZipFile(path) as archive:
        (found,) = (one for one in archive.namelist() if one.endswith(name))
        return io.BytesIO(archive.read(found))


@pytest.fixture
def sales() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "qty": np.arange(5),
            "state": pd.Categorical(["NY", "CA", "NY", None, "CA"]),
            "at": pd.date_range("2026-01-01", periods=5, tz="Europe/Rome"),
            "note": ["a", "b", None, "d", "é"],
        },
        index=pd.Index([10, 11, 12, 13, 14], name="id"),
    )


def test_a_frame_is_a_feather_file_with_the_names_and_values_that_it_has(
    om: Omega, tmp_path: Path, assert_same: Same, sales: pd.DataFrame
) -> None:
    om.datasets.put(sales, "x", attributes={"owner": "ann"})
    imported, names = passed_on(om, tmp_path / "x.zip")
    assert names == {"table.arrow"}
    assert (imported.kind, imported.attributes) == ("pandas.dataframe", {"owner": "ann"})
    assert_same(sales, om["there"].datasets.get("x"))
    table = pa.ipc.open_file(member(tmp_path / "x.zip", ".arrow")).read_all()
    assert table.column("state").to_pylist() == ["NY", "CA", "NY", None, "CA"]
    assert table.column("note").to_pylist() == ["a", "b", None, "d", "é"]
    assert table.column("id").to_pylist() == [10, 11, 12, 13, 14]


def test_pandas_reads_it_as_the_frame_that_it_was(om: Omega, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": [1, 2]}, index=pd.Index([7, 8], name="id"))
    om.datasets.put(frame, "x")
    passed_on(om, tmp_path / "x.zip")
    pd.testing.assert_frame_equal(pd.read_feather(member(tmp_path / "x.zip", ".arrow")), frame)


def test_batches_stay_and_can_be_appended_to(
    om: Omega, tmp_path: Path, assert_same: Same, sales: pd.DataFrame
) -> None:
    om.datasets.put(sales, "x")
    for _ in range(3):
        om.datasets.put(sales, "x", append=True)
    there = om["there"].datasets
    for copied in (
        passed_on(om, tmp_path / "x.zip")[0],
        om.datasets.copy("x", "y", bucket="there"),
    ):
        assert_same(om.datasets.get("x"), there.get(copied.name))
        assert len(copied.kind_meta["batches"]) == 4
        there.put(sales, copied.name, append=True)
        assert_same(pd.concat([sales] * 5), there.get(copied.name))
        found = there.get(copied.name, filter={"qty__gt": 3, "state": "CA"})
        assert len(found) == 5
    there.drop("x")
    there.drop("y")
    om.gc(grace=0)
    assert_same(pd.concat([sales] * 4), om.datasets.get("x"))
    assert om.database.data("omega.there.segments").count_documents({}) == 0


OBJECTS = {
    "range index": lambda: pd.DataFrame({"a": range(300)}, index=pd.RangeIndex(5, 605, 2)),
    "odd labels": lambda: pd.DataFrame([[1, "x"], [2, "y"]], columns=[("a", 1), "a"]),
    "twice a label": lambda: pd.DataFrame([[1, 2.5]], columns=["a", "a"]),
    "no columns": lambda: pd.DataFrame(index=range(7)),
    "no rows": lambda: pd.DataFrame({"a": pd.array([], dtype="Int8"), "b": pd.Categorical([])}),
    "objects": lambda: pd.DataFrame({"a": object_array(1, "b", None, {"c": (1, 2)})}),
    "periods": lambda: pd.DataFrame({"p": pd.period_range("2026-01", periods=3, freq="M")}),
    "wide": lambda: pd.DataFrame(np.ones((2, 1500)), columns=[f"column {n}" for n in range(1500)]),
    "index of levels": lambda: pd.DataFrame(
        {"v": range(4)}, index=pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["k", None])
    ),
    "series": lambda: pd.Series([1.5, None], name="s", index=pd.date_range("2026", periods=2)),
    "lone index": lambda: pd.CategoricalIndex(["b", "a", None], name="i"),
    "arrow table": lambda: pa.table(
        {"l": [[1, 2], None, []], "d": pa.array([1, 2, 3], pa.int16())}
    ),
}


@pytest.mark.parametrize("kind", OBJECTS, ids=str)
def test_what_is_odd_comes_back_as_it_was(
    om: Omega, tmp_path: Path, assert_same: Same, kind: str
) -> None:
    obj = OBJECTS[kind]()
    om.datasets.put(obj, "x")
    passed_on(om, tmp_path / "x.zip")
    assert_same(om.datasets.get("x"), om["there"].datasets.get("x"))


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(frame=frames())
def test_any_frame_comes_back_from_an_archive_and_from_a_copy(
    om: Omega, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, assert_same: Same, frame: Any
) -> None:
    monkeypatch.setattr(omega_pandas.segments.layout, "SEGMENT_ROWS", 2)
    om.datasets.put(frame, "x")
    passed_on(om, tmp_path / "x.zip")
    assert_same(frame, om["there"].datasets.get("x"))
    om.datasets.copy("x", "y")
    assert_same(frame, om.datasets.get("y"))


ARRAYS = {
    "numbers": lambda: np.arange(24.0).reshape(2, 3, 4),
    "columns first": lambda: np.asfortranarray(np.arange(12).reshape(3, 4)),
    "one": lambda: np.array(5, dtype=">i2"),
    "none": lambda: np.empty((0, 3)),
    "text": lambda: np.array(["a", "bcd"]),
    "records": lambda: np.array([(1, 2.5)], dtype=np.dtype("i1,f8", align=True)),
    "moments": lambda: np.array(["2026-01-01", "NaT"], dtype="M8[D]"),
}


@pytest.mark.parametrize("kind", ARRAYS, ids=str)
def test_an_array_is_a_file_of_numpy_and_comes_back_as_it_was(
    om: Omega, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, assert_same: Same, kind: str
) -> None:
    monkeypatch.setattr(omega_pandas.archived.npy_files, "_PIECE", 16)
    array = ARRAYS[kind]()
    om.datasets.put(array, "x")
    _, names = passed_on(om, tmp_path / "x.zip")
    assert names <= {"array.npy", "segments.bson"}
    back = om["there"].datasets.get("x")
    assert_same(array, back)
    assert back.flags.f_contiguous == array.flags.f_contiguous
    if "array.npy" in names:
        assert_same(array, np.load(member(tmp_path / "x.zip", ".npy")))


@pytest.mark.parametrize("layout", ["rows", "sparse", "parquet", "file"])
def test_other_layouts_come_back_as_they_lie_there(
    make_omega: Callable[..., Omega], tmp_path: Path, assert_same: Same, layout: str
) -> None:
    om = make_omega(uris={"allow": [tmp_path.as_uri() + "/"]})
    frame = pd.DataFrame({f"c{n}": [n, n + 1] for n in range(30)})
    uri = f"{tmp_path.as_uri()}/files/{{key}}"
    puts: dict[str, Callable[[], Any]] = {
        "rows": lambda: om.datasets.put(frame, "x", layout="rows", index=["c1"]),
        "sparse": lambda: om.datasets.put(sp.csr_array(np.eye(5)), "x"),
        "parquet": lambda: om.datasets.put(frame, "x", format="parquet", uri=uri),
        "file": lambda: om.datasets.put(frame, "x", uri=uri),
    }
    puts[layout]()
    if layout == "rows":
        om.datasets.put(frame, "x", append=True)
    imported, names = passed_on(om, tmp_path / "x.zip")
    assert names & {"documents.bson", "segments.bson", "payload.parquet", "payload.arrow"}
    om.datasets.copy("x", "y")
    for back in (om["there"].datasets.get("x"), om.datasets.get("y")):
        if layout == "sparse":
            assert (back != om.datasets.get("x")).nnz == 0
        else:
            assert_same(om.datasets.get("x"), back)
    if imported.uri is not None:
        assert imported.uri != om.datasets.metadata("x").uri  # type: ignore[union-attr]


def test_a_reader_of_rows_hears_how_far_it_is(om: Omega) -> None:
    told: list[tuple[float, float | None]] = []
    frame = pd.DataFrame(np.ones((400_000, 3)))
    om.datasets.put(frame, "x", progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (400_000, 400_000)
    told.clear()
    om.datasets.get("x", progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (400_000, 400_000)
    told.clear()
    pieces = (frame.head(10) for _ in range(3))
    om.datasets.put(pieces, "x", progress=lambda done, total: told.append((done, total)))
    assert told == [(10, None), (20, None), (30, None)]


def test_a_forged_file_is_refused(om: Omega, tmp_path: Path, sales: pd.DataFrame) -> None:
    import hashlib
    import json

    om.datasets.put(sales, "x")
    path = om.datasets.export("x", tmp_path / "x.zip")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, pa.schema({"a": pa.int8()})) as writer:
        writer.write_table(pa.table({"a": pa.array([1], pa.int8())}))
    for forged in (b"no arrow at all", sink.getvalue().to_pybytes()):
        bad = tmp_path / "bad.zip"
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(bad, "w") as other:
            found = {name: archive.read(name) for name in archive.namelist()}
            said = json.loads(found["datasets/0001-x/1/version.json"])
            digest, size = hashlib.sha256(forged).hexdigest(), len(forged)
            said["members"][0] |= {"sha256": digest, "size": {"$numberInt": str(size)}}
            found[said["members"][0]["member"]] = forged
            changed = json.dumps(said).encode()
            found["datasets/0001-x/1/version.json"] = changed
            manifest = json.loads(found["manifest.json"])
            manifest["objects"][0]["versions"][0] |= {
                "sha256": hashlib.sha256(changed).hexdigest(),
                "size": {"$numberInt": str(len(changed))},
            }
            found["manifest.json"] = json.dumps(manifest).encode()
            for name, data in found.items():
                other.writestr(name, data)
        with pytest.raises((ArchiveError, IntegrityError)):
            om["there"].datasets.import_(bad)
        assert om["there"].datasets.list() == []
