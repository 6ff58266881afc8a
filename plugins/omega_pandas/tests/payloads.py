"""An object as the bytes of a file, and back."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd

from omega_pandas.files.arrow_stream import Payload, write_payload
from omega_pandas.objects.column_labels import field_names, select
from omega_pandas.objects.numpy_arrays import decode_ndarray, encode_ndarray
from omega_pandas.objects.pandas_objects import (
    decode_frame,
    decode_lone_index,
    decode_series,
    encode_frame,
    encode_lone_index,
    encode_series,
)


def to_bytes(obj: Any) -> bytes:
    if isinstance(obj, pd.DataFrame):
        encoded = encode_frame(obj)
    elif isinstance(obj, pd.Series):
        encoded = encode_series(obj)
    elif isinstance(obj, pd.Index):
        encoded = encode_lone_index(obj)
    else:
        encoded = encode_ndarray(obj)
    file = io.BytesIO()
    write_payload(encoded, file)
    return file.getvalue()


def from_bytes(data: bytes, columns: Any = None) -> Any:
    payload = Payload(data)
    header = payload.header
    if header["object"] == "frame":
        positions, labels = select(header, columns, "The DataFrame 'x'")
        table = payload.table(lambda names: field_names(names, positions))
        return decode_frame(header, table, positions, labels)
    decode = {"series": decode_series, "index": decode_lone_index, "ndarray": decode_ndarray}
    return decode[header["object"]](header, payload.table())
