"""Frames, series, indexes and arrays by name, in a real store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from omega_core.errors import (
    IntegrityError,
    NoBackendError,
    UnsupportedOptionError,
    UnsupportedValueError,
)

if TYPE_CHECKING:
    from omega_core import Omega

Same = Callable[[Any, Any], None]


def mixed() -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "n": [1, 2, 3],
            "x": [0.5, np.nan, -0.0],
            "s": ["a", None, "ü"],
            "o": pd.Series([1, "a", None], dtype=object),
            5: pd.Categorical(["x", "y", "x"], ordered=True),
            ("t", 1): pd.date_range("2024-10-27", periods=3, freq="h", tz="Europe/Berlin"),
            None: pd.array([1, None, 3], dtype="Int8"),
            "p": pd.period_range("2024", periods=3, freq="M"),
        },
        index=pd.date_range("2024", periods=3, freq="D", name="day"),
    )
    frame.attrs = {"unit": "kg", "nested": {"a": (1, 2)}}
    return frame


OBJECTS: dict[str, Any] = {
    "frame": mixed(),
    "empty frame": pd.DataFrame(),
    "series": pd.Series([1, None, 3], dtype="Int64", name=("a", 1), index=list("xyz")),
    "range": pd.RangeIndex(1, 9, 2),
    "levels": pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", None]),
    "days": pd.date_range("2024", periods=3, freq="D"),
    "categories": pd.CategoricalIndex(["a", "b"], categories=["b", "a"]),
    "array": np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3)),
    "structured array": np.array([(1, "a")], dtype=[("a", "i2"), ("b", "U3")]),
    "zero-dimensional array": np.array(2.5),
}
KINDS = {"frame": "pandas.dataframe", "empty frame": "pandas.dataframe", "array": "numpy.ndarray"}


@pytest.mark.parametrize("label", OBJECTS)
def test_an_object_comes_back_equal_and_the_callers_stays_as_it_was(
    om: Omega, assert_same: Same, label: str
) -> None:
    obj = OBJECTS[label]
    before = obj.copy()
    meta = om.datasets.put(obj, label)
    assert_same(obj, om.datasets.get(label))
    assert_same(before, obj)
    assert meta.kind == KINDS.get(label, "numpy.ndarray" if "array" in label else "pandas.series")


def test_a_put_replaces_and_the_version_before_is_still_there(om: Omega, assert_same: Same) -> None:
    om.datasets.put(mixed(), "x")
    om.datasets.put(np.arange(3), "x")
    om.datasets.put(pd.Series([1.5]), "x")
    assert_same(pd.Series([1.5]), om.datasets.get("x"))
    assert_same(np.arange(3), om.datasets.get("x", version=2))


def test_the_metadata_says_what_a_listing_needs(om: Omega) -> None:
    meta = om.datasets.put(mixed(), "sales", attributes={"owner": "me"})
    assert meta.kind_meta["rows"] == 3
    assert meta.kind_meta["columns"] == 8
    assert meta.kind_meta["dtypes"]["'n'"] == "int64"
    assert meta.kind_meta["dtypes"]["('t', 1)"].endswith("Europe/Berlin]")
    assert meta.attributes == {"owner": "me"}
    stored = om.datasets.metadata("sales")
    assert stored is not None
    assert stored.kind_meta == meta.kind_meta
    assert om.datasets.put(pd.RangeIndex(5), "i").kind_meta["class"] == "RangeIndex"
    assert om.datasets.put(np.zeros((2, 3)), "a").kind_meta["shape"] == [2, 3]


def test_labels_that_mongodb_would_not_take_as_keys_are_no_trouble(
    om: Omega, assert_same: Same
) -> None:
    labels = ["$x", "a.b", "", "\0", "ünï", "x" * 5000, "\ud800"] * 2
    frame = pd.DataFrame([range(14)], columns=pd.Index(labels, dtype=object))
    om.datasets.put(frame, "x")
    assert_same(frame, om.datasets.get("x"))


def test_ten_thousand_columns_fit(om: Omega) -> None:
    frame = pd.DataFrame(np.zeros((2, 10_000))).add_prefix("a column with a long name ")
    meta = om.datasets.put(frame, "wide")
    assert meta.kind_meta["columns"] == 10_000
    assert len(meta.kind_meta["dtypes"]) == 100
    assert om.datasets.get("wide").equals(frame)


def test_columns_are_an_option_of_frames(om: Omega, assert_same: Same) -> None:
    frame = mixed()
    om.datasets.put(frame, "sales")
    assert_same(frame[["s", "n"]], om.datasets.get("sales", columns=["s", "n"]))
    with pytest.raises(UnsupportedOptionError, match="The DataFrame 'sales' has no column 'q'"):
        om.datasets.get("sales", columns=["q"])
    om.datasets.put(pd.Series([1]), "series")
    with pytest.raises(UnsupportedOptionError, match="columns"):
        om.datasets.get("series", columns=["q"])


def test_a_refusal_stores_nothing_and_leaves_what_was_there(om: Omega, assert_same: Same) -> None:
    frame = pd.DataFrame({"good": [1], "bad": pd.Series([object()], dtype=object)})
    with pytest.raises(UnsupportedValueError, match=r"The DataFrame 'new' .* column 'bad'"):
        om.datasets.put(frame, "new")
    assert not om.datasets.exists("new")
    om.datasets.put(mixed(), "old")
    with pytest.raises(UnsupportedValueError):
        om.datasets.put(frame, "old")
    assert_same(mixed(), om.datasets.get("old"))
    with pytest.raises(UnsupportedValueError, match="holds Python objects"):
        om.datasets.put(np.array([object()]), "array")


def test_a_subclass_is_for_a_plugin_of_its_own(om: Omega) -> None:
    class GeoFrame(pd.DataFrame):
        pass

    with pytest.raises(NoBackendError):
        om.datasets.put(GeoFrame({"a": [1]}), "x")
    with pytest.raises(NoBackendError):
        om.datasets.put(np.ma.masked_array([1]), "x")
    assert not om.datasets.exists("x")


def test_a_frame_lies_at_a_uri_as_well(
    make_omega: Callable[..., Omega], tmp_path: Path, assert_same: Same
) -> None:
    root = tmp_path.as_uri()
    om = make_omega(uris={"allow": [f"{root}/"]})
    for label, obj in OBJECTS.items():
        meta = om.datasets.put(obj, label, uri=f"{root}/{{key}}")
        assert str(meta.uri).startswith(root)
        assert_same(obj, om.datasets.get(label))
    assert any(tmp_path.iterdir())


def test_a_flipped_byte_is_an_error_and_never_another_frame(
    make_omega: Callable[..., Omega], tmp_path: Path
) -> None:
    om = make_omega(uris={"allow": [f"{tmp_path.as_uri()}/"]})
    om.datasets.put(mixed(), "sales", uri=f"{tmp_path.as_uri()}/{{key}}")
    (path,) = (found for found in tmp_path.rglob("*") if found.is_file())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(IntegrityError):
        om.datasets.get("sales")


def test_an_option_that_nobody_understands_is_an_error(om: Omega) -> None:
    with pytest.raises(UnsupportedOptionError):
        om.datasets.put(mixed(), "x", layuot="rows")
    with pytest.raises(UnsupportedOptionError):
        om.datasets.put(mixed(), "x", kind="pandas.dataframe", layout="diagonal")


@pytest.mark.parametrize("order", ["C", "F"])
def test_some_rows_of_an_array_are_its_slice(om: Omega, assert_same: Same, order: Any) -> None:
    array = np.arange(60.0).reshape(5, 3, 4).copy(order=order)
    om.datasets.put(array, "x")
    for rows in [slice(1, 3), (1, 3), (4, 99), (2, 2), slice(-2, None)]:
        part = array[slice(*rows) if isinstance(rows, tuple) else rows]
        assert_same(np.array(part, order="K"), om.datasets.get("x", rows=rows))
    with pytest.raises(UnsupportedOptionError, match="slice without a step"):
        om.datasets.get("x", rows=slice(0, 4, 2))
    om.datasets.put(np.array(1.0), "scalar")
    with pytest.raises(UnsupportedOptionError, match="no dimension"):
        om.datasets.get("scalar", rows=(0, 1))


def test_rows_of_a_frame_may_be_a_pair_of_ends(om: Omega, assert_same: Same) -> None:
    om.datasets.put(mixed(), "x")
    assert_same(mixed()[1:3], om.datasets.get("x", rows=(1, 3)))


def test_arrays_and_series_of_an_iterator_are_stored_as_one(om: Omega, assert_same: Same) -> None:
    arrays = [np.ones((2, 3), "f4", order="F"), np.zeros((0, 3), "f4"), np.full((1, 3), 7, "f4")]
    om.datasets.put(iter(arrays), "a", kind="numpy.ndarray")
    assert_same(np.concatenate(arrays), om.datasets.get("a"))
    assert_same(np.concatenate(arrays)[1:3], om.datasets.get("a", rows=(1, 3)))
    parts = [pd.Series([1.5, 2], name="s"), pd.Series([3.0], name="s", index=[2])]
    meta = om.datasets.put(iter(parts), "s", kind="pandas.series")
    assert_same(pd.concat(parts), om.datasets.get("s"))
    assert meta.kind_meta["rows"] == 3


@pytest.mark.parametrize(
    ("parts", "match"),
    [
        ([], "gives no array"),
        ([np.ones(2), np.ones(2, "f4")], "has the dtype float32"),
        ([np.ones((1, 2)), np.ones((1, 3))], "has the shape"),
        ([np.array(1.0)], "no dimension"),
    ],
)
def test_arrays_that_are_no_parts_of_one_are_refused(
    om: Omega, parts: list[Any], match: str
) -> None:
    with pytest.raises(UnsupportedValueError, match=match):
        om.datasets.put(iter(parts), "a", kind="numpy.ndarray")
    assert not om.datasets.exists("a")
