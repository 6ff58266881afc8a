"""What is stored of an object: a header in JSON, and an Arrow table. Nothing of where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from omega_core.errors import IntegrityError, OmegaError

Json = Any
Header = dict[str, Json]
"""What is stored of an object besides its table; also a part of that."""

FORMAT = 1
"""The version of the header; a reader refuses a higher one."""

_MALFORMED = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Encoded:
    """An object as a header (JSON-able) and a table (its columns, and those of its index).

    The header has the keys ``format``, ``object`` (frame, series, index or ndarray), ``pandas``
    (the version that wrote) and ``sides`` (see `columns.header_arrays`), and what the object
    needs: see `objects.pandas_objects`.
    """

    header: Header
    table: pa.Table


def make_header(kind: str, sides: list[str], **fields: Json) -> Header:
    """Return the header of an object."""
    return {
        "format": FORMAT,
        "object": kind,
        "pandas": pd.__version__,
        **fields,
        "sides": sides,
    }


def dump_header(header: Header) -> bytes:
    """Return a header as JSON."""
    return json.dumps(header, separators=(",", ":"), allow_nan=False).encode("ascii")


def load_header(data: bytes | None) -> Header:
    """Return the header that `dump_header` wrote, after a check of its version."""
    try:
        header = json.loads(data or b"null")
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"The header of the object is not JSON: {error}") from error
    if not isinstance(header, dict) or not isinstance(header.get("format"), int):
        raise IntegrityError("The payload has no omega_pandas header.")
    if header["format"] > FORMAT:
        raise IntegrityError(
            f"The object was written in format {header['format']}, by a newer omega-pandas; "
            f"this one reads up to format {FORMAT}. Upgrade it: pip install -U omega-pandas"
        )
    return header


@contextmanager
def intact() -> Iterator[None]:
    """Make an `IntegrityError` of what a malformed header or array raises while it is decoded."""
    try:
        yield
    except OmegaError:
        raise  # some of which are LookupErrors, TypeErrors or ValueErrors as well
    except _MALFORMED as error:
        raise IntegrityError(
            f"The stored object is malformed ({type(error).__name__}: {error}); "
            "restore an earlier version, or store it again."
        ) from error
