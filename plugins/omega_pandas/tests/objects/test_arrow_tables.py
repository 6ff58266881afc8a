"""Tables of Arrow, and of whoever speaks its C stream, become frames and come back as tables."""

from __future__ import annotations

import datetime as dt
import io
import sys
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from omega_core import Omega
from omega_core.errors import UnsupportedOptionError, UnsupportedValueError
from omega_pandas.files.arrow_stream import Payload, write_payload
from omega_pandas.objects.arrow_tables import is_tabular, to_arrow, to_encoded, to_polars
from omega_pandas.objects.column_labels import select
from omega_pandas.objects.pandas_objects import decode_frame, encode_frame


def table() -> pa.Table:
    struct = pa.struct([("x", pa.int8()), pa.field("y", pa.list_(pa.string()), nullable=False)])
    schema = pa.schema(
        [
            pa.field("n", pa.int32(), nullable=False, metadata={"unit": "kg"}),
            pa.field("s", pa.string()),
            pa.field("s", pa.dictionary(pa.int8(), pa.string(), ordered=True)),
            pa.field("d", pa.decimal128(10, 2)),
            pa.field("t", pa.timestamp("ns", "Europe/Berlin")),
            pa.field("st", struct),
            pa.field("", pa.null()),
        ],
        metadata={"made by": "us"},
    )
    columns: list[Any] = [
        [1, 2],
        ["a", None],
        pa.array(["x", "x"]).dictionary_encode().cast(schema.field(2).type),
        [None, 1],
        [0, None],
        [{"x": 1, "y": ["a"]}, None],
        [None, None],
    ]
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, type=field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


class Stream:
    """A table of a library that has nothing but the C stream of Arrow."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)


def through_bytes(obj: Any) -> Payload:
    file = io.BytesIO()
    write_payload(to_encoded(obj, "The table 'x'"), file)
    return Payload(file.getvalue())


@pytest.mark.parametrize(
    "given",
    [
        lambda t: t,
        lambda t: pa.concat_tables([t.slice(0, 1), t.slice(1)]),
        lambda t: t.to_reader(),
        lambda t: t.to_batches()[0],
        Stream,
    ],
)
def test_a_table_comes_back_equal_in_schema_and_values(given: Any) -> None:
    obj = given(table())
    assert is_tabular(obj)
    payload = through_bytes(obj)
    back = to_arrow(payload.header, payload.table())
    assert back.schema.equals(table().schema, check_metadata=True)
    assert back.equals(table(), check_metadata=True)


def test_some_columns_keep_their_fields() -> None:
    payload = through_bytes(table())
    back = to_arrow(payload.header, payload.table(), [3, 0])
    assert back.equals(table().select([3, 0]), check_metadata=True)
    assert to_arrow(payload.header, payload.table(), []).schema.metadata == {b"made by": b"us"}


@pytest.mark.parametrize("empty", [pa.table({}), table().slice(0, 0)])
def test_tables_without_rows_or_columns_come_back(empty: pa.Table) -> None:
    payload = through_bytes(empty)
    assert to_arrow(payload.header, payload.table()).equals(empty, check_metadata=True)


def test_as_a_frame_its_columns_stay_arrow() -> None:
    payload = through_bytes(table())
    positions, labels = select(payload.header, None, "x")
    frame = decode_frame(payload.header, payload.table(), positions, labels)
    assert list(frame.columns) == table().column_names
    for position, field in enumerate(table().schema):
        assert frame.dtypes.iloc[position] == pd.ArrowDtype(field.type)
    assert frame.index.equals(pd.RangeIndex(2))


def test_a_frame_becomes_the_table_that_arrow_makes_of_it() -> None:
    frame = pd.DataFrame({"n": [1, 2], "c": pd.Categorical(["a", None])}, index=["x", "y"])
    encoded = encode_frame(frame)
    assert to_arrow(encoded.header, encoded.table).equals(pa.Table.from_pandas(frame))
    expected = pa.Table.from_pandas(frame[["c"]])
    assert to_arrow(encoded.header, encoded.table, [1]).equals(expected)


@pytest.mark.parametrize("obj", [pd.DataFrame(), pd.Series([1]), np.zeros(3), [1], "text"])
def test_what_pandas_and_others_have_is_no_table(obj: Any) -> None:
    assert not is_tabular(obj)


def test_a_stream_without_columns_is_refused() -> None:
    class Values:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return pa.chunked_array([[1, 2]]).__arrow_c_stream__(requested_schema)

    with pytest.raises(UnsupportedValueError, match=r"The table 'x' .*Values, which is no table"):
        to_encoded(Values(), "The table 'x'")


def test_a_type_of_another_package_is_refused_with_its_column() -> None:
    class Point(pa.ExtensionType):
        def __init__(self) -> None:
            super().__init__(pa.int64(), "acme.point")

        def __arrow_ext_serialize__(self) -> bytes:
            return b""

        @classmethod
        def __arrow_ext_deserialize__(cls, storage_type: Any, serialized: bytes) -> Point:
            return cls()

    points = pa.ExtensionArray.from_storage(Point(), pa.array([1]))
    with pytest.raises(UnsupportedValueError, match=r"column 'p' .*which another package defines"):
        to_encoded(pa.table({"n": [1], "p": points}), "The table 'x'")


def test_polars_is_asked_for_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(UnsupportedOptionError, match="pip install polars"):
        to_polars(pa.table({"a": [1]}))


def test_frames_of_polars_are_put_as_they_are_and_come_back_equal(om: Omega) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(
        {
            "n": [1, None, 3],
            "s": ["a", "", None],
            "t": [dt.datetime(2024, 1, 1), None, dt.datetime(1700, 1, 1)],
            "l": [[1], [], None],
        }
    )
    om.datasets.put(frame, "p")
    assert om.datasets.get("p", as_="polars").equals(frame)
    assert om.datasets.get("p", as_="polars", filter={"n__gt": 1}).equals(
        frame.filter(polars.col("n") > 1)
    )
    assert om.datasets.get("p")["n"].tolist() == [1, pd.NA, 3]


def test_rows_of_views_are_selected_too(om: Omega) -> None:
    table = pa.table(
        {
            "n": [1, 2, 3],
            "s": pa.array(["a", None, "c"], pa.string_view()),
            "b": pa.array([b"a", b"", None], pa.binary_view()),
            "l": pa.array([["x"], None, ["y", None]], pa.list_(pa.string_view())),
            "d": pa.array([{"x": "a"}, None, {"x": None}], pa.struct([("x", pa.string_view())])),
        }
    )
    om.datasets.put(table, "t")
    assert om.datasets.get("t", as_="arrow").equals(table)
    chosen = om.datasets.get("t", as_="arrow", filter={"n__in": [1, 3]})
    assert chosen.equals(pa.concat_tables([table.slice(0, 1), table.slice(2)]))


def test_tables_are_put_as_they_are_and_come_back_equal(om: Omega) -> None:
    table = pa.table(
        {
            "n": pa.array([1, None, 3], pa.int8()),
            "d": pa.array([["x"], [], None], pa.list_(pa.string())),
        },
        metadata={"who": "test"},
    )
    reader = pa.RecordBatchReader.from_batches(
        table.schema, [batch for part in (table, table) for batch in part.to_batches()]
    )
    om.datasets.put(table, "t")
    assert om.datasets.get("t", as_="arrow").equals(table, check_metadata=True)
    assert om.datasets.get("t", as_="arrow", columns=["d"]).equals(table.select(["d"]))
    assert om.datasets.get("t", as_="arrow", filter={"n__gt": 1}).column("n").to_pylist() == [3]
    assert om.datasets.get("t").dtypes.map(str).tolist() == ["int8[pyarrow]", "list<item: string>[pyarrow]"]  # fmt: skip  # noqa: E501
    om.datasets.put(reader, "t")
    assert om.datasets.get("t", as_="arrow").to_pylist() == [*table.to_pylist()] * 2
    om.datasets.put(table, "t", append=True)
    assert om.datasets.get("t").index.equals(pd.RangeIndex(9))
    assert [len(c) for c in om.datasets.get("t", as_="arrow", chunksize=4)] == [4, 4, 1]
    empty = pa.RecordBatchReader.from_batches(table.schema, [])
    om.datasets.put(empty, "e")
    assert om.datasets.get("e", as_="arrow").equals(table.slice(0, 0), check_metadata=True)


def test_a_frame_is_given_as_arrow(om: Omega) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    om.datasets.put(frame, "f")
    assert om.datasets.get("f", as_="arrow").equals(pa.Table.from_pandas(frame))
