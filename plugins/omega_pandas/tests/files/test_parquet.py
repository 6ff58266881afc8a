"""Frames as Parquet files at URIs, and tables in the files of others, read in place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from omega_core import errors
from omega_core.query import Q

if TYPE_CHECKING:
    from omega_core import Omega

Same = Callable[[Any, Any], None]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    lake = tmp_path / "lake"
    lake.mkdir()
    return lake


@pytest.fixture
def near(make_omega: Callable[..., Omega], lake: Path) -> Omega:
    """An `Omega` that may touch the lake."""
    return make_omega(uris={"allow": [f"{lake.as_uri()}/"]})


def mixed() -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "n": [1, 2, 3],
            "x": [0.5, np.nan, -0.0],
            "s": ["a", None, "ü"],
            "c": pd.Categorical(["x", "y", "x"], ordered=True),
            "t": pd.date_range("2024-10-27", periods=3, freq="h", tz="Europe/Berlin"),
            "old": np.array(["1066-10-14", "NaT", "9999-01-01"], dtype="M8[s]"),
            "z": np.array([1j, 2, 3]),
            "h": np.array([1.5, np.nan, np.inf], dtype="f2"),
            "d": np.array([1, 2, "NaT"], dtype="m8[s]"),
            "i": pd.array([1, None, 3], dtype="Int8"),
            "p": pd.period_range("2024", periods=3, freq="M"),
        },
        index=pd.date_range("2024", periods=3, freq="D", name="day"),
    )
    frame.attrs = {"unit": "kg"}
    return frame


def put(om: Omega, frame: pd.DataFrame, lake: Path, name: str = "sales") -> Any:
    return om.datasets.put(frame, name, format="parquet", uri=f"{lake.as_uri()}/{{key}}")


# --- our own files ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        mixed(),
        pd.DataFrame(),
        pd.DataFrame(index=[3, 4]),
        pd.DataFrame({"a": [1], "a.b": [2], 5: [3], None: [4]}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame({"a": range(3)}, index=pd.MultiIndex.from_product([["x"], [1, 2, 3]])),
        pd.DataFrame({"__index_level_0__": [1]}, index=["x"]),
    ],
)
def test_a_frame_comes_back_equal_from_its_file(
    near: Omega, lake: Path, assert_same: Same, frame: pd.DataFrame
) -> None:
    meta = put(near, frame, lake)
    assert meta.kind == "pandas.parquet"
    assert_same(frame, near.datasets.get("sales"))
    assert pq.read_table(next(lake.glob("*.parquet"))).num_rows == len(frame)


def test_others_find_the_columns_by_their_labels(near: Omega, lake: Path) -> None:
    put(near, mixed(), lake)
    table = pq.read_table(next(lake.glob("*.parquet")))
    assert table.column("n").to_pylist() == [1, 2, 3]


def test_columns_and_filters_select_what_pandas_would(
    near: Omega, lake: Path, assert_same: Same
) -> None:
    frame = mixed()
    put(near, frame, lake)
    assert_same(frame[["s", "n"]], near.datasets.get("sales", columns=["s", "n"]))
    found = near.datasets.get("sales", columns=["x"], filter={"n__gte": 2})
    assert_same(frame.loc[frame.n >= 2, ["x"]], found)
    with pytest.raises(errors.UnsupportedOptionError, match="no column 'm'"):
        near.datasets.get("sales", columns=["m"])
    with pytest.raises(errors.UnsupportedOptionError, match="no column 'm'"):
        near.datasets.get("sales", filter={"m": 1})


def test_the_file_goes_with_the_object(near: Omega, lake: Path) -> None:
    put(near, mixed(), lake)
    near.datasets.drop("sales")
    near.datasets.gc(grace=0)
    assert not list(lake.iterdir())


def test_what_parquet_cannot_hold_is_refused_and_nothing_is_stored(near: Omega, lake: Path) -> None:
    frame = pd.DataFrame({"good": [1], "odd": np.array([2**62], dtype="M8[s]")})
    with pytest.raises(errors.UnsupportedValueError, match="column 'odd'"):
        put(near, frame, lake)
    assert not near.datasets.exists("sales")
    assert not list(lake.iterdir())


def test_parquet_needs_a_place(om: Omega) -> None:
    with pytest.raises(errors.UnsupportedOptionError, match="a Parquet file needs a place"):
        om.datasets.put(mixed(), "sales", kind="pandas.parquet")
    assert not om.datasets.exists("sales")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"format": "parquet"}, "a Parquet file needs a place: uri='s3://bucket/prefix/{key}'"),
        ({"format": "csv"}, "is written with format='parquet', not 'csv'"),
        ({"format": "parquet", "reference": True}, "without reference="),
        ({"format": "parquet", "append": True}, "'pandas.parquet' has no option 'append'"),
        ({"format": "parquet", "layout": "rows"}, "'pandas.parquet' has no option 'layout'"),
        ({"layout": "row"}, "layout= takes 'columns' or, of a DataFrame, 'rows', not 'row'"),
        ({"layout": "rows", "uri": "file:///x/{key}"}, "'pandas.dfrows' has no option 'uri'"),
    ],
)
def test_an_option_that_chooses_how_to_store_says_what_it_needs(
    om: Omega, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(errors.UnsupportedOptionError) as caught:
        om.datasets.put(mixed(), "sales", **options)
    assert told in str(caught.value)
    assert not om.datasets.exists("sales")


@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_a_truncated_file_is_an_error_that_names_object_and_uri(
    near: Omega, lake: Path, keep: float
) -> None:
    put(near, mixed(), lake)
    (path,) = lake.glob("*.parquet")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(errors.IntegrityError, match="sales"):
        near.datasets.get("sales")
    path.unlink()
    with pytest.raises(errors.IntegrityError, match=path.name):
        near.datasets.get("sales")


# --- references -------------------------------------------------------------------------------


def plain(start: int = 0, stop: int = 1000) -> pd.DataFrame:
    numbers = np.arange(start, stop)
    return pd.DataFrame(
        {
            "qty": numbers,
            "state": np.where(numbers % 3, "NY", "CA"),
            "price": numbers / 7,
            "a.b": numbers,
        }
    )


@pytest.fixture(params=["parquet", "csv", "feather"])
def file(request: pytest.FixtureRequest, lake: Path) -> Path:
    path = lake / f"x.{request.param}"
    if request.param == "csv":
        plain().to_csv(path, index=False)
    elif request.param == "feather":
        plain().to_feather(path)
    else:
        plain().to_parquet(path, row_group_size=100)
    return path


def refer(om: Omega, path: Path, name: str = "lake", end: str = "") -> Any:
    return om.datasets.put(f"{path.as_uri()}{end}", name, reference=True)


def test_a_file_of_others_is_read_in_place_and_never_deleted(near: Omega, file: Path) -> None:
    before = file.read_bytes()
    meta = refer(near, file)
    assert (meta.kind, meta.kind_meta["columns"]) == ("pandas.parquet", 4)
    pd.testing.assert_frame_equal(near.datasets.get("lake"), plain())
    near.datasets.drop("lake")
    near.datasets.gc(grace=0)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"qty__gt": 990}, lambda f: f.qty > 990),
        (
            {"state": "NY", "qty__between": (3, 9)},
            lambda f: (f.state == "NY") & (f.qty <= 9) & (f.qty >= 3),
        ),
        (Q(qty=3) | Q(qty__in=[5, 999]), lambda f: f.qty.isin([3, 5, 999])),
        (~(Q(state="NY") | Q(qty__lt=900)), lambda f: ~((f.state == "NY") | (f.qty < 900))),
        ({"state__ne": "NY", "price__lt": 2.5}, lambda f: (f.state != "NY") & (f.price < 2.5)),
        ({"state__startswith": "C"}, lambda f: f.state.str.startswith("C")),
        ({"a.b": 3}, lambda f: f["a.b"] == 3),
        ({"qty__gt": 5000}, lambda f: f.qty > 5000),
    ],
)  # fmt: skip
def test_filters_of_a_file_select_what_pandas_would(
    near: Omega, file: Path, filter: Any, expected: Any
) -> None:
    refer(near, file)
    whole = plain()
    wanted = whole.loc[expected(whole), ["price", "a.b"]].reset_index(drop=True)
    found = near.datasets.get("lake", columns=["price", "a.b"], filter=filter)
    pd.testing.assert_frame_equal(found, wanted)


def test_a_filter_may_be_an_arrow_expression(near: Omega, file: Path) -> None:
    refer(near, file)
    found = near.datasets.get("lake", filter=pa.compute.field("qty") > 990, columns=["qty"])
    assert found["qty"].tolist() == list(range(991, 1000))


def test_an_unknown_column_is_an_error_with_the_closest(near: Omega, file: Path) -> None:
    refer(near, file)
    for options in ({"columns": ["stat"]}, {"filter": {"stat": "NY"}}):
        with pytest.raises(errors.UnsupportedOptionError, match="Did you mean 'state'"):
            near.datasets.get("lake", **options)
    with pytest.raises(errors.UnsupportedOptionError, match="nothing"):
        near.datasets.get("lake", filter=pa.compute.field("nothing") == 1)
    with pytest.raises(errors.UnsupportedOptionError, match="columns= takes a list"):
        near.datasets.get("lake", columns="qty")


def test_a_directory_of_parquet_files_is_one_table(near: Omega, lake: Path) -> None:
    (lake / "deep").mkdir()
    plain(0, 10).to_parquet(lake / "a.parquet")
    plain(10, 20).to_parquet(lake / "deep" / "b.parquet")
    (lake / "_SUCCESS").touch()
    (lake / ".a.parquet.crc").touch()
    refer(near, lake, end="/")
    pd.testing.assert_frame_equal(near.datasets.get("lake"), plain(0, 20))
    plain(20, 30).to_parquet(lake / "e.parquet")
    found = near.datasets.get("lake", filter={"qty__gte": 15})
    pd.testing.assert_frame_equal(found, plain(15, 30).reset_index(drop=True))


def test_a_directory_of_files_that_do_not_fit_is_an_error(near: Omega, lake: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no Parquet file"):
        refer(near, lake, end="/")
    plain().to_parquet(lake / "a.parquet")
    plain()[["qty"]].to_parquet(lake / "b.parquet")
    refer(near, lake, end="/")
    with pytest.raises(errors.IntegrityError, match=r"b\.parquet has other columns"):
        near.datasets.get("lake")
    (lake / "year=2024").mkdir()
    plain().to_parquet(lake / "year=2024" / "c.parquet")
    with pytest.raises(errors.UnsupportedOptionError, match="lies in a partition"):
        near.datasets.get("lake")


def test_a_reference_to_nothing_or_to_rubbish_is_refused(near: Omega, lake: Path) -> None:
    with pytest.raises(FileNotFoundError):
        refer(near, lake / "x.parquet")
    for name in ("x.parquet", "x.feather"):
        (lake / name).write_bytes(b"rubbish" * 10)
        with pytest.raises(errors.IntegrityError, match=f"'lake' at .*{name}"):
            refer(near, lake / name)
    with pytest.raises(errors.UriNotAllowedError):
        refer(near, lake.parent / "x.parquet")
    assert not near.datasets.exists("lake")


def test_a_file_that_is_truncated_or_vanishes_is_an_error(near: Omega, lake: Path) -> None:
    path = lake / "x.parquet"
    plain().to_parquet(path)
    refer(near, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(errors.IntegrityError, match=r"'lake' at .*x\.parquet cannot be read"):
        near.datasets.get("lake")
    path.unlink()
    with pytest.raises(errors.IntegrityError, match=r"lake.* refers to .*x\.parquet, and there is"):
        near.datasets.get("lake")
    refer_to = near.datasets.metadata("lake")
    assert refer_to is not None


def late(unit: str = "us") -> Any:
    return pa.array([1608881400000 * 10**6], pa.int64()).cast(pa.timestamp(unit))


def nested(values: Any) -> Any:
    return pa.StructArray.from_arrays([values], names=["inner"])


NO_UNICODE = pa.Array.from_buffers(
    pa.string(), 1, [None, pa.array([0, 1], pa.int32()).buffers()[1], pa.py_buffer(b"\xff")]
)
TWICE = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
BEYOND: dict[str, tuple[Any, str]] = {
    "nested year": (nested(late()), "year 52953 is out of range"),
    "year in a list": (
        pa.ListArray.from_arrays([0, 1], nested(late("ms"))),
        "is out of range",
    ),
    "year in a map": (pa.MapArray.from_arrays([0, 1], ["k"], late()), "is out of range"),
    "date": (pa.array([20_000_000], pa.int32()).cast(pa.date32()), "is out of range"),
    "dates in a list": (
        pa.ListArray.from_arrays([0, 1], pa.array([20_000_000], pa.int32()).cast(pa.date32())),
        "is out of range",
    ),
    "hour": (pa.array([90_000_000_000], pa.int64()).view(pa.time64("us")), "hour must be in"),
    "text": (NO_UNICODE, "Invalid UTF8"),
    "text in a list": (pa.ListArray.from_arrays([0, 1], NO_UNICODE), "failed"),
    "zone": (pa.array([1], pa.int64()).view(pa.timestamp("us", "Nowhere/City")), "holds what"),
    "fields of one name": (TWICE, "several fields of the name 'a'"),
    "deep fields of one name": (nested(TWICE), "several fields of the name 'a'"),
    "categories": (
        pa.DictionaryArray.from_arrays(pa.array([0]), pa.array(["a", "a"])),
        "categories must be unique",
    ),
    "null category": (
        pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([None], pa.string())),
        "categories cannot be null",
    ),
    "union": (
        pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]),
        "union",
    ),
}


@pytest.mark.parametrize("end", ["x.parquet", "x.feather", ""])
@pytest.mark.parametrize(("values", "what"), BEYOND.values(), ids=BEYOND.keys())
def test_values_that_pandas_cannot_hold_are_told_by_file_and_column(
    near: Omega, lake: Path, end: str, values: Any, what: str
) -> None:
    table = pa.table({"n": pa.array([1]), "far": values})
    path = lake / (end or "b.parquet")
    write = pyarrow.feather.write_feather if end.endswith("feather") else pq.write_table
    try:
        write(table, str(path))
        if not end:
            # Of a directory, the second file.
            write(table.slice(0, 0), lake / "a.parquet")
        read = pq.read_table if path.suffix == ".parquet" else pyarrow.feather.read_table
        read(path)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        pytest.skip("the format has no such type")
    near.datasets.put(lake.as_uri() + f"/{end}", "far", reference=True)
    if "categories must" in what and path.suffix == ".parquet":
        assert near.datasets.get("far")["far"].tolist() == ["a"]
        return
    # Where it is the type, the first file has it already.
    told = "a" if not end and what in ("holds what", BEYOND["fields of one name"][1]) else path.stem
    for options in ({}, {"filter": {"n": 1}}, {"columns": ["far"]}):
        with pytest.raises(errors.UnsupportedValueError, match=what) as caught:
            near.datasets.get("far", **options)
        assert f"The table 'far' at {lake.as_uri()}/{told}." in str(caught.value)
        assert "the column 'far' " in str(caught.value)
    if "fields" not in what:
        assert near.datasets.get("far", columns=["n"])["n"].tolist()[-1] == 1


@pytest.mark.parametrize(
    "note",
    [
        "{",
        "[]",
        "{}",
        '{"index_columns": ["nope"], "columns": [], "column_indexes": []}',
        '{"index_columns": 5, "columns": [], "column_indexes": []}',
        '{"index_columns": [{"kind": "range", "name": null, "start": 0, "stop": 1, "step": 0}], '
        '"columns": [], "column_indexes": []}',
        '{"index_columns": [], "columns": [{"name": "n", "field_name": "n", "metadata": null, '
        '"pandas_type": "int64", "numpy_type": "martian"}], "column_indexes": []}',
    ],
)
def test_a_note_of_pandas_that_is_unusable_is_told_by_file(
    near: Omega, lake: Path, note: str
) -> None:
    table = pa.table({"n": [1]}).replace_schema_metadata({b"pandas": note.encode()})
    pq.write_table(table, lake / "x.parquet")
    refer(near, lake / "x.parquet")
    for options in ({}, {"columns": ["n"]}, {"filter": {"n": 1}}):
        with pytest.raises(errors.UnsupportedValueError, match=r"x\.parquet: what pandas noted"):
            near.datasets.get("lake", **options)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"", "Empty CSV file"),
        (b"a,b\n1,2\n3\n", "Expected 2 columns, got 1"),
        ("a,b\n1,2\n".encode("utf-16"), "cannot be read"),
    ],
    ids=["nothing", "ragged", "another encoding"],
)
def test_a_csv_file_that_cannot_be_parsed_is_told_by_file(
    near: Omega, lake: Path, text: bytes, what: str
) -> None:
    (lake / "x.csv").write_bytes(b"n\n1\n")
    refer(near, lake / "x.csv")
    (lake / "x.csv").write_bytes(text)
    with pytest.raises(errors.IntegrityError, match=what) as caught:
        near.datasets.get("lake")
    assert "x.csv" in str(caught.value)


def test_large_integers_beside_nulls_stay_exact(near: Omega, lake: Path) -> None:
    signed = pa.array([2**63 - 1, None, 1], type=pa.int64())
    unsigned = pa.array([2**64 - 1, None, 1], type=pa.uint64())
    pq.write_table(pa.table({"n": signed, "u": unsigned}), lake / "x.parquet")
    refer(near, lake / "x.parquet")
    found = near.datasets.get("lake")
    assert str(found["n"].dtype) == "Int64"
    assert found["n"][0] == 2**63 - 1
    assert found["u"][0] == 2**64 - 1


def test_other_references_stay_with_the_core(near: Omega, lake: Path) -> None:
    (lake / "x.bin").write_bytes(b"1")
    assert refer(near, lake / "x.bin").kind == "uri.reference"
    assert near.datasets.put("just text.csv", "text").kind == "python.data"
