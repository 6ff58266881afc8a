"""Files of tables: every row has the dtypes of all, whatever the first ones look like."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import UnsupportedOptionError, UnsupportedValueError
from omega_pandas.files import csv_file, frames, jsonl_file
from omega_pandas.files.arrow_file import ArrowFormat, ParquetFormat
from omega_pandas.files.csv_file import CsvFormat
from omega_pandas.files.jsonl_file import JsonLinesFormat

FORMATS = [CsvFormat, ParquetFormat, ArrowFormat, JsonLinesFormat]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make files of a few lines such ones of many blocks, and of many pieces."""
    for module in (csv_file, jsonl_file):
        monkeypatch.setattr(module, "_BLOCK", 64)
    monkeypatch.setattr(frames, "CHUNK_ROWS", 20)


def whole(pieces: Iterator[Any]) -> Any:
    """Return one frame of pieces, which have the same dtypes, and indexes that go on."""
    found = list(pieces)
    assert len({tuple(map(str, piece.dtypes)) for piece in found}) == 1
    frame = pd.concat(found)
    assert frame.index.equals(pd.RangeIndex(len(frame)))
    return frame


def from_csv(data: str, /, **options: Any) -> Any:
    return whole(CsvFormat(None).read(io.BytesIO(data.encode()), **options))


def dtypes(frame: Any) -> list[str]:
    return [str(dtype) for dtype in frame.dtypes]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["1"] * 60 + ["2"], "int64"),
        (["1"] * 60 + [""], "Int64"),
        (["1"] * 60 + ["2.5"], "float64"),
        (["1"] * 60 + ["x"], "str"),
        ([""] * 60 + ["1"], "Int64"),
        ([""] * 60 + ["1.5"], "float64"),
        ([""] * 60 + ["x"], "str"),
        ([""] * 60, "float64"),
        (["true"] * 60 + ["false"], "bool"),
        (["true"] * 60 + [""], "boolean"),
        (["true"] * 60 + ["x"], "str"),
        (["2024-01-01"] * 60 + ["2024-01-02"], "datetime64[s]"),
        (["2024-01-01"] * 60 + ["2024-01-02 10:00:00.5"], "datetime64[ns]"),
        (["2024-01-01"] * 60 + ["soon"], "str"),
        (["NA"] * 60 + ["1"], "Int64"),
    ],
    ids=range(15),
)
def test_a_column_of_csv_has_the_type_of_all_its_values(values: list[str], dtype: str) -> None:
    frame = from_csv("a,b\n" + "".join(f"{value},0\n" for value in values))
    found = str(frame["a"].dtype)
    assert found == dtype or (dtype == "str" and found == "object")
    assert frame["a"].isna().sum() == values.count("") + values.count("NA")
    assert len(frame) == len(values)


def test_csv_is_read_as_it_is_told() -> None:
    frame = from_csv("zip;name\n007;a\n", delimiter=";", text="zip")
    assert list(frame["zip"]) == ["007"]
    assert list(from_csv("a\tb\n1\t2\n", delimiter="tab").columns) == ["a", "b"]
    latin = CsvFormat(None).read(io.BytesIO("a\né\n".encode("latin-1")), encoding="latin-1")
    assert list(whole(latin)["a"]) == ["é"]
    assert from_csv('a,b\n"x\ny","say ""hi"""\n').iloc[0].tolist() == ["x\ny", 'say "hi"']
    country = from_csv("code\nNA\nDE\n")["code"]
    assert list(country) == ["NA", "DE"]
    with pytest.raises(UnsupportedOptionError, match="a delimiter is one character"):
        from_csv("a\n", delimiter="::")


def test_a_table_without_rows_has_its_columns() -> None:
    assert list(from_csv("a,b\n").columns) == ["a", "b"]
    for format in FORMATS[1:3]:
        frame = pd.DataFrame({"a": pd.Series([], dtype="Int64")})
        assert dtypes(read_again(format, frame)) == ["Int64"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "standard input is no CSV: Empty"),
        (b"a,b\n1,2,3\n", "Expected 2 columns, got 3"),
        (b"a,a\n1,2\n", "several columns of the name 'a'"),
        (b"a\n\xe9\n", "encoding=latin-1"),
    ],
    ids=range(4),
)
def test_what_is_no_csv_says_why(data: bytes, text: str) -> None:
    with pytest.raises(UnsupportedValueError, match=text):
        list(CsvFormat(None).read(io.BytesIO(data)))


@pytest.mark.parametrize("format", FORMATS[1:], ids=lambda format: format.__name__)
@pytest.mark.parametrize("data", [b"garbage\n", b"ARROW1\0\0garbage", b'{"a": 1}\n{"a": []}\n'])
def test_what_is_no_table_of_a_format_says_so(format: Any, data: bytes) -> None:
    with pytest.raises(UnsupportedValueError, match=r"^standard input.* is no "):
        list(format(None).read(io.BytesIO(data)))


@pytest.mark.usefixtures("small_blocks")
def test_json_lines_have_the_columns_and_types_of_all_lines() -> None:
    lines = b'{"a": 1, "t": "2024-01-01"}\n' * 20 + b'\n{"a": 1.5, "t": "x", "b": [1]}\n'
    frame = whole(JsonLinesFormat(None).read(io.BytesIO(lines)))
    assert dtypes(frame)[0] == "float64"
    assert frame["t"].iloc[0] == "2024-01-01"
    assert frame["b"].iloc[0] is None
    assert list(frame["b"].iloc[-1]) == [1]


class Pipe:
    """A binary file that can only be read from its beginning to its end."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seekable(self) -> bool:
        return False


class Sink:
    """A binary file that can only be written."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: Any) -> int:
        self.data += bytes(data)
        return len(data)


def read_again(format: Any, *pieces: Any) -> Any:
    sink: Any = Sink() if format is not CsvFormat else io.BytesIO()
    format(None).write(iter(pieces), sink)
    data = sink.data if isinstance(sink, Sink) else sink.getvalue()
    return pd.concat(list(format(None).read(Pipe(data))))


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.__name__)
def test_pieces_are_written_as_one_table_that_a_pipe_gives_back(format: Any) -> None:
    frame = pd.DataFrame(
        {
            "i": range(6),
            "n": pd.array([1, None, 3, None, 5, None], dtype="Int64"),
            "f": [0.1, None, 1e300, 2.0, -0.0, 3.5],
            "s": ["a", None, 'say "hi"', "ü\n", "x,y", "z"],
            "b": [True, False] * 3,
            "t": pd.date_range("2024-01-01", periods=6, unit="ns") + pd.Timedelta("1ns"),
        }
    )
    again = read_again(format, frame[:2], frame[2:])
    if format is JsonLinesFormat:
        # JSON has no times: they are text, to the nanosecond.
        again["t"] = pd.to_datetime(again["t"])
    for column in frame:
        before, after = frame[column], again[column]
        assert list(before.isna()) == list(after.isna())
        assert list(before.dropna()) == list(after.dropna())


@pytest.mark.parametrize("format", FORMATS[1:3], ids=lambda format: format.__name__)
def test_what_pandas_notes_in_a_file_comes_back(format: Any) -> None:
    frame = pd.DataFrame(
        {"c": pd.Categorical(["u", "v"]), "t": pd.date_range("2024", periods=2, tz="Europe/Rome")},
        index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", "y"]),
    )
    pd.testing.assert_frame_equal(read_again(format, frame[:1], frame[1:]), frame)


def test_a_column_of_which_the_first_piece_knows_no_type_waits_for_the_next() -> None:
    pieces = [pd.DataFrame({"o": [None, None]}), pd.DataFrame({"o": [None, "x"]})]
    assert list(read_again(ParquetFormat, *pieces)["o"].dropna()) == ["x"]
    assert len(read_again(ParquetFormat, pieces[0])) == 2


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.__name__)
def test_series_and_arrays_are_tables_of_one_or_more_columns(format: Any) -> None:
    assert list(read_again(format, pd.Series([1, 2], name="a"))["a"]) == [1, 2]
    assert read_again(format, np.eye(2)).shape == (2, 2)
    with pytest.raises(UnsupportedValueError, match=r"not of builtins\.set"):
        format(None).write({1}, io.BytesIO())


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1),
        ),
        max_size=20,
    )
)
@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.__name__)
def test_numbers_and_texts_survive_every_format(format: Any, rows: list[Any]) -> None:
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    types = {"i": "Int64", "f": "float64", "s": "string"}
    frame = pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=dtype)
            for (name, dtype), values in zip(types.items(), columns, strict=True)
        }
    )
    if format is CsvFormat:
        # CSV does not say of what type a column is, so the reader is told.
        sink = io.BytesIO()
        format(None).write(frame, sink)
        sink.seek(0)
        again = pd.concat(list(format(None).read(sink, text="s")))
    else:
        again = read_again(format, frame)
    if not len(frame):
        return
    for column in frame:
        before, after = frame[column], again[column]
        assert list(before.isna()) == list(after.isna())
        assert [str(v) for v in before.dropna()] == [
            str(type(b)(a)) for a, b in zip(after.dropna(), before.dropna(), strict=True)
        ]


def test_appended_rows_get_the_dtypes_of_the_stored_ones_or_are_refused() -> None:
    like = pd.DataFrame({"a": pd.array([], "float64"), "s": pd.array([], "str")})[:0]
    frame = from_csv("a,s\n1,007\n", like=like)
    assert dtypes(frame) == dtypes(like)
    assert list(frame["s"]) == ["007"]
    like = pd.DataFrame({"a": np.array([], "int8")})
    assert dtypes(from_csv("a\n1\n", like=like)) == ["int8"]
    for value in ("300", "1.5", "x", "1\nNA"):
        with pytest.raises(UnsupportedValueError, match=r"column 'a' is .*, and the stored one is"):
            from_csv(f"a\n{value}\n", like=like)
    colours = pd.DataFrame({"a": pd.Categorical([], categories=["red"])})
    assert dtypes(from_csv("a\nred\n", like=colours)) == ["category"]
    with pytest.raises(UnsupportedValueError, match="which does not hold its values"):
        from_csv("a\nblue\n", like=colours)


def test_a_stream_of_arrow_is_read_as_well(tmp_path: Path) -> None:
    table = pa.table({"a": [1, None]})
    path = tmp_path / "x.arrow"
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    assert dtypes(whole(ArrowFormat(None).read(path))) == ["Int64"]


def test_a_pipe_is_copied_to_a_file_that_is_gone_afterwards(tmp_path: Path) -> None:
    tempfile.tempdir, before = str(tmp_path), tempfile.tempdir
    try:
        assert len(whole(CsvFormat(None).read(Pipe(b"a\n1\n")))) == 1  # type: ignore[arg-type]
    finally:
        tempfile.tempdir = before
    assert list(tmp_path.iterdir()) == []


def test_the_module_that_declares_them_imports_no_library() -> None:
    import subprocess

    code = (
        "import sys, omega_pandas; omega_pandas.file_formats(); assert 'pyarrow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
