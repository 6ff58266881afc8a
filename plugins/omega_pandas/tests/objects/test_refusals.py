"""What would not come back equal is refused, by place, type and remedy."""

from __future__ import annotations

import datetime as dt
import enum
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.tests.extension.decimal import DecimalArray

from omega_core import Omega
from omega_core.errors import UnsupportedValueError
from omega_pandas.frame import DataFrameBackend
from omega_pandas.objects.pandas_objects import encode_frame
from omega_pandas.series import SeriesBackend

from ..samples import object_array

Encode = Callable[[Any], bytes]


class Thing:
    """A class of somebody's own."""

    def __repr__(self) -> str:
        return "Thing()"


class Colour(enum.Enum):
    RED = 1


Point = namedtuple("Point", "x y")


class Text(str):
    __slots__ = ()


def refusal(encode: Encode, obj: Any) -> str:
    with pytest.raises(UnsupportedValueError) as error:
        encode(obj)
    return str(error.value)


def objects(*values: Any) -> pd.Series[Any]:
    return pd.Series(object_array(*values), dtype=object)


def test_the_message_says_object_column_row_type_and_remedy() -> None:
    frame = pd.DataFrame({"ok": [1, 2, 3], "x": objects("a", 1, Thing())})
    with pytest.raises(UnsupportedValueError) as error:
        encode_frame(frame, "The DataFrame 'sales'")
    assert str(error.value) == (
        f"The DataFrame 'sales' was not stored: column 'x' (position 1): row 2 is a "
        f"{__name__}.Thing, a type with no exact encoding, and would not come back equal. "
        "To store it, convert it to plain Python, numpy or pandas values, for example to text, "
        "or leave it out."
    )


@pytest.mark.parametrize(
    "value",
    [
        *(Thing(), Colour.RED, Point(1, 2), OrderedDict(a=1), Text("a"), Thing, len, object()),
        *(pd.Series([1]), pd.DataFrame(), pd.Index([1]), range(3), slice(1), ..., (1).__add__),
        *(np.ma.masked_array([1]), np.rec.array([(1,)]), memoryview(b"x"), pa.scalar(1)),
        *(np.array([Thing()]), dt.datetime.now(dt.UTC).astimezone().tzinfo.__class__),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_element_of_another_type_is_refused(encode: Encode, value: Any) -> None:
    assert "column 'x' (position 0): row 1 " in refusal(
        encode, pd.DataFrame({"x": objects("a", value)})
    )


def test_where_in_a_nested_value_the_trouble_lies(encode: Encode) -> None:
    message = refusal(encode, objects({"a": [1, {"b": Thing()}]}))
    assert "row 0 key 'a' item 1 key 'b' is a " in message


def test_a_value_that_contains_itself_is_refused(encode: Encode) -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert "is nested too deeply, or contains itself" in refusal(encode, objects(loop))


def test_labels_names_levels_and_attrs_are_named(encode: Encode) -> None:
    thing = Thing()
    frame = pd.DataFrame([[1, 2]], columns=pd.Index(["a", thing], dtype=object))
    assert "the column labels: row 1 is a " in refusal(encode, frame)
    rows = pd.MultiIndex.from_arrays([[1], [thing]], names=["k", "j"])
    assert "the row index: level 1, named 'j', row 0 is a " in refusal(
        encode, pd.DataFrame({"a": [1]}, index=rows)
    )
    assert "the row index: name Thing() is a " in refusal(
        encode, pd.DataFrame({"a": [1]}, index=pd.Index([1], name=thing))
    )
    assert "the name Thing(): is a " in refusal(encode, pd.Series([1], name=thing))
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = {"good": 1, "bad": thing}
    assert "attrs: key 'bad' is a " in refusal(encode, frame)
    categories = pd.Series(pd.Categorical([thing]))
    assert "has categories, of which row 0 is a " in refusal(encode, categories)


def test_a_dtype_of_another_package_is_refused(encode: Encode) -> None:
    frame = pd.DataFrame({"x": DecimalArray([Decimal(1), Decimal(2)])})
    message = refusal(encode, frame)
    assert "column 'x' (position 0): has the dtype decimal of type " in message
    assert "which is not one of pandas' own" in message
    assert "convert it with astype to a dtype of pandas" in message


def test_a_dtype_that_derives_from_one_of_pandas_is_refused(encode: Encode) -> None:
    class MyInt(pd.Int64Dtype):
        pass

    class MyArray(pd.arrays.IntegerArray):
        @property
        def dtype(self) -> Any:
            return MyInt()

    values = MyArray(np.array([1]), np.array([False]))
    assert "MyInt, which is not one of pandas' own" in refusal(encode, pd.Series(values))


def test_an_arrow_extension_type_of_another_package_is_refused(encode: Encode) -> None:
    class Celsius(pa.ExtensionType):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(pa.float64(), "acme.celsius")

        def __arrow_ext_serialize__(self) -> bytes:
            return b""

        @classmethod
        def __arrow_ext_deserialize__(cls, storage: Any, data: bytes) -> Any:
            return cls()

    celsius = Celsius()
    values = pa.ExtensionArray.from_storage(celsius, pa.array([1.5]))
    nested = pa.StructArray.from_arrays([values], names=["t"])
    for piece in (values, nested):
        array = pd.arrays.ArrowExtensionArray(pa.chunked_array([piece]))
        assert "which another package defines" in refusal(encode, pd.Series(array))


def test_text_with_a_lone_surrogate_is_refused_where_it_is_a_string_dtype(encode: Encode) -> None:
    series = pd.Series(["a", "b\ud800"], dtype=pd.StringDtype("python"))
    message = refusal(encode, series)
    assert "holds text with a lone surrogate ('\\ud800')" in message
    assert "convert the column with astype(object)" in message


def test_time_zones_and_frequencies_without_a_name_are_refused(encode: Encode) -> None:
    class Mars(dt.tzinfo):
        def utcoffset(self, when: Any) -> dt.timedelta:
            return dt.timedelta(minutes=37)

        def dst(self, when: Any) -> dt.timedelta:
            return dt.timedelta(0)

        def tzname(self, when: Any) -> str:
            return "Mars"

    moment = dt.datetime(2024, 1, 1, tzinfo=Mars())
    message = refusal(encode, objects(moment))
    assert "has the time zone " in message
    assert "use datetime.timezone, or a zoneinfo.ZoneInfo with a key" in message

    class Never(pd.offsets.MonthEnd):
        pass

    index = pd.DatetimeIndex(["2024-01-31", "2024-02-29"], freq=Never())
    message = refusal(encode, pd.Series([1, 2], index=index))
    assert "the row index: has the frequency " in message
    assert "remove it (freq=None)" in message


@pytest.mark.parametrize(
    "dtype",
    [np.dtype(object), np.dtype([("a", object)]), np.dtype("f8", metadata={"unit": "m"})],
    ids=["object", "objects in a structure", "metadata"],
)
def test_arrays_with_objects_or_metadata_are_refused(encode: Encode, dtype: np.dtype[Any]) -> None:
    message = refusal(encode, np.zeros(2, dtype=dtype))
    assert message.startswith("the array was not stored: it has the dtype ")


def test_arrays_of_numpy_strings_without_a_width_are_refused(encode: Encode) -> None:
    strings = getattr(np.dtypes, "StringDType", None)
    if strings is None:
        pytest.skip("this numpy has no StringDType")
    assert "convert it with astype" in refusal(encode, np.array(["a"], dtype=strings()))


def test_subclasses_are_nobodys(encode: Encode) -> None:
    class GeoFrame(pd.DataFrame):
        pass

    class GeoSeries(pd.Series):  # type: ignore[type-arg]
        pass

    frames = DataFrameBackend(data_store=None, model_store=None)  # type: ignore[arg-type]
    series = SeriesBackend(data_store=None, model_store=None)  # type: ignore[arg-type]
    assert frames.supports(pd.DataFrame(), "x")
    assert not frames.supports(GeoFrame(), "x")
    assert series.supports(pd.Series([1]), "x")
    assert series.supports(pd.RangeIndex(3), "x")
    assert series.supports(pd.MultiIndex.from_tuples([(1, 2)]), "x")
    assert not series.supports(GeoSeries([1]), "x")


def test_subclasses_are_refused_also_when_the_kind_is_given(encode: Encode) -> None:
    class GeoFrame(pd.DataFrame):
        pass

    class GeoSeries(pd.Series):  # type: ignore[type-arg]
        pass

    message = refusal(encode, GeoFrame({"a": [1]}))
    assert (
        "GeoFrame, and would come back as a pandas.DataFrame. To store it, make it one" in message
    )
    assert "GeoSeries, and would come back as a pandas.Series" in refusal(encode, GeoSeries([1]))
    assert "MaskedArray, and would come back as a numpy.ndarray" in refusal(
        encode, np.ma.masked_array([1])
    )


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1], pa.int64()).view(pa.date64()),
        pa.array([90_000], pa.int32()).view(pa.time32("s")),
        pa.Array.from_buffers(pa.string(), 1, [None, pa.array([0, 1], pa.int32()).buffers()[1],
                                               pa.py_buffer(b"\xff")]),
    ],
    ids=["part of a day", "25 hours", "no UTF-8"],
)  # fmt: skip
def test_values_that_no_reader_would_take_are_refused(om: Omega, array: Any) -> None:
    frame = pd.DataFrame({"x": pd.arrays.ArrowExtensionArray(array)})
    for obj in (frame, pa.table({"x": array})):
        with pytest.raises(UnsupportedValueError, match=r"column 'x'.*values that are none of"):
            om.datasets.put(obj, "x")
    assert "x" not in om.datasets
