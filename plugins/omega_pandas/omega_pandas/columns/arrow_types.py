"""Arrow types: text, those that a header keeps by name, and those of other packages."""

from __future__ import annotations

import re

import pyarrow as pa

from omega_core.errors import IntegrityError

from ..values.unfaithful import Unfaithful

_SIMPLE: dict[str, pa.DataType] = {
    str(arrow_type): arrow_type
    for arrow_type in (
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
        *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float16(), pa.float32(), pa.float64()),
        *(pa.string(), pa.large_string(), pa.binary(), pa.large_binary()),
        *(pa.bool_(), pa.date32(), pa.null()),
        *map(pa.duration, ("s", "ms", "us", "ns")),
    )
}
_TIMESTAMP = re.compile(r"timestamp\[(s|ms|us|ns)(?:, tz=([^\]]+))?\]")


def is_text(kind: pa.DataType) -> bool:
    """Return whether values of a type are text, that is not stored as views."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def byte_size(column: pa.ChunkedArray) -> int:
    """Return the bytes of a column, or of all that its chunks are a part of."""
    try:
        return int(column.nbytes)
    except pa.ArrowTypeError:
        # Of views, older releases of pyarrow cannot tell which bytes are theirs.
        return int(column.get_total_buffer_size())


def parse_type(text: str) -> pa.DataType:
    """Return the Arrow type of this name, of those whose values are plain."""
    timestamp = _TIMESTAMP.fullmatch(text)
    if timestamp:
        return pa.timestamp(*timestamp.groups())
    try:
        return _SIMPLE[text]
    except KeyError:
        raise IntegrityError(
            f"The stored field type {text!r} is not understood; "
            "it was written by a newer omega-pandas, or is damaged."
        ) from None


def refuse_extension(arrow_type: pa.DataType) -> None:
    """Refuse a type that another package defines, also inside of another type."""
    if isinstance(arrow_type, pa.BaseExtensionType):
        if not arrow_type.extension_name.startswith("arrow."):
            raise Unfaithful(
                f"has the Arrow extension type {arrow_type}, which another package defines",
                "cast it to its storage type",
            )
        refuse_extension(arrow_type.storage_type)
    elif pa.types.is_dictionary(arrow_type):
        refuse_extension(arrow_type.value_type)
    else:
        for position in range(arrow_type.num_fields):
            refuse_extension(arrow_type.field(position).type)
