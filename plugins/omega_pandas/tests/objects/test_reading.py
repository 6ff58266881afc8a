"""Reading runs nothing that is stored, and damage is an error, never a wrong object."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from omega_core.errors import IntegrityError
from omega_pandas.files.arrow_stream import Payload, write_payload
from omega_pandas.objects.header import Encoded
from omega_pandas.objects.pandas_objects import encode_frame

Decode = Callable[..., Any]


def tampered(frame: pd.DataFrame, change: Callable[[dict[str, Any]], object]) -> bytes:
    encoded = encode_frame(frame)
    header = json.loads(json.dumps(encoded.header))
    change(header)
    file = io.BytesIO()
    write_payload(Encoded(header, encoded.table), file)
    return file.getvalue()


FRAME = pd.DataFrame(
    {"x": pd.Series([1, "a"], dtype=object), "y": [1, 2], "c": pd.Categorical(["a", "b"])},
    index=pd.MultiIndex.from_tuples([(1, 2), (3, 4)]),
)

DAMAGE: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a newer format": (lambda h: h.update(format=2), "Upgrade it: pip install -U omega-pandas"),
    "no format": (lambda h: h.pop("format"), "no omega_pandas header"),
    "another object": (lambda h: h.update(object="series"), "malformed"),
    "an unknown dtype": (lambda h: h["columns"][1].update(dtype="os:system"), "not understood"),
    "an unknown index": (lambda h: h["index"].update(index="os:system"), "not understood"),
    "an unknown encoding": (lambda h: h["columns"][0].update({"as": "pickle"}), "not understood"),
    "an unknown numpy dtype": (lambda h: h["columns"][1].update(numpy="O"), "not one of numpy's"),
    "another numpy dtype": (
        lambda h: h["columns"][1].update(numpy="<f8"),
        "are int64, not float64",
    ),
    "an unknown tag": (lambda h: h.update(attrs={"eval": "1"}), "unknown tag 'eval'"),
    "two tags": (lambda h: h.update(attrs={"int": "0x1", "str": ""}), "unknown tag"),
    "a malformed tag": (
        lambda h: h.update(attrs={"int": "__import__"}),
        "'int' value is malformed",
    ),
    "an unknown offset": (
        lambda h: h.update(attrs={"offset": ["Popen", 1, False, []]}),
        "'Popen' is not known",
    ),
    "an array that is not there": (lambda h: h["index"]["codes"].__setitem__(0, "i9"), "'i9'"),
    "a side that is not there": (lambda h: h["columns"][2]["categories"].update(at=99), "99"),
    "codes beyond the level": (
        lambda h: h["index"]["codes"].__setitem__(0, "c1"),
        "outside its levels",
    ),
    "fewer rows": (lambda h: h.update(rows=1), r"holds \[2\] rows where 1 were written"),
    "fewer columns": (lambda h: h["columns"].pop(), "malformed"),
    "a missing key": (lambda h: h["index"].pop("names"), "malformed"),
    "no columns": (lambda h: h.update(columns=None), "malformed"),
}


@pytest.mark.parametrize(("change", "message"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_header_that_makes_no_sense_is_an_error(
    decode: Decode, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    with pytest.raises(IntegrityError, match=message):
        decode(tampered(FRAME, change))


def test_a_payload_that_is_not_one_is_an_error(
    decode: Decode, encode: Callable[[Any], bytes]
) -> None:
    data = encode(FRAME)
    for damaged in (b"", b"nonsense", data[: len(data) // 2]):
        with pytest.raises(IntegrityError):
            decode(damaged)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, pa.schema([])):
        pass
    with pytest.raises(IntegrityError, match="no omega_pandas header"):
        Payload(sink.getvalue())


def test_the_header_is_json_and_the_table_is_for_anybody() -> None:
    encoded = encode_frame(
        pd.DataFrame({"n": [1, 2], "s": ["a", None], "t": pd.to_datetime(["2024", None])})
    )
    assert json.loads(json.dumps(encoded.header)) == encoded.header
    assert encoded.table.column("c0").to_pylist() == [1, 2]
    assert encoded.table.column("c1").to_pylist() == ["a", None]
    assert encoded.table.column("c2").null_count == 1


def test_only_the_columns_asked_for_are_decoded(decode: Decode) -> None:
    frame = pd.DataFrame({"good": [1, 2], "bad": np.array([1.5, 2.5])})
    data = tampered(frame, lambda header: header["columns"][1].update(dtype="unknown"))
    assert decode(data, ["good"])["good"].tolist() == [1, 2]
