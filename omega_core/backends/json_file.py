"""Files of JSON, as Python data."""

from __future__ import annotations

import base64
import datetime as dt
import io
import json
import math
import os
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, BinaryIO, ClassVar
from uuid import UUID

from ..errors import UnsupportedValueError
from ..file_format import FileFormat, Source


class JsonFormat(FileFormat):
    """A document of JSON: read as it is, written as near as JSON comes to Python data.

    Times are written as text of ISO 8601, bytes as base64, tuples and sets as lists, keys as text,
    and what is no number as null.
    """

    kinds: ClassVar[Mapping[str, Mapping[str, Any]]] = {"python.data": {}, "python.rows": {}}
    text = True

    def read(self, source: Source, *, kind: str | None = None) -> Any:
        """Return the document."""
        try:
            if isinstance(source, str | os.PathLike):
                with open(source, "rb") as file:
                    return json.load(file)
            return json.load(source)
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UnsupportedValueError(f"{_called(source)} is no JSON: {error}.") from error

    def write(self, obj: Any, target: BinaryIO, *, indent: int | None = None) -> None:
        """Write the document, and a line break; of rows, a list."""
        text = io.TextIOWrapper(target, encoding="utf-8", write_through=False)
        try:
            encoder = json.JSONEncoder(indent=indent, ensure_ascii=False)
            if isinstance(obj, Iterator):
                _write_list(obj, encoder, text)
            else:
                for part in encoder.iterencode(_plain(obj)):
                    text.write(part)
            text.write("\n")
            text.flush()
        finally:
            text.detach()


def _write_list(rows: Iterator[Any], encoder: json.JSONEncoder, text: io.TextIOWrapper) -> None:
    """Write what an iterator gives as a list, an item a line: never all of it is in memory."""
    text.write("[")
    for number, row in enumerate(rows):
        text.write(",\n" if number else "\n")
        text.write(encoder.encode(_plain(row)))
    text.write("\n]")


def _called(source: Source) -> str:
    return repr(str(source)) if isinstance(source, str | os.PathLike) else "standard input"


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal | UUID | dt.timedelta | complex):
        return str(value)
    raise UnsupportedValueError(
        f"JSON is written of Python data, not of {type(value).__module__}."
        f"{type(value).__qualname__}. Choose another format."
    )
