"""Tables in files of other people: Parquet, CSV and Feather, read by column and by condition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.feather as pa_feather
import pyarrow.parquet as pq

from omega_core.errors import IntegrityError

_SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".feather": "feather",
    ".arrow": "feather",
}


def format_of(uri: str) -> str | None:
    """Return the format that the end of a URI names, or None."""
    lower = uri.lower()
    return next((name for suffix, name in _SUFFIXES.items() if lower.endswith(suffix)), None)


@contextmanager
def damage_explained(place: str) -> Iterator[None]:
    """Make an `IntegrityError`, which names ``place``, of what Arrow says of a damaged file."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        # The subclasses of OSError tell of something else than the bytes.
        if isinstance(error, pa.ArrowException) or type(error) is OSError:
            raise IntegrityError(
                f"{place} cannot be read: {error}. The file is damaged, or of another format; "
                "put it back, or put the reference anew."
            ) from error
        raise


def read_schema(file: BinaryIO, format: str, place: str) -> pa.Schema:
    """Return the schema of a file; of CSV, as its first block says."""
    with damage_explained(place):
        if format == "parquet":
            return pq.read_schema(file)
        if format == "csv":
            with pa_csv.open_csv(file) as reader:
                return reader.schema
        with pa.ipc.open_file(file) as reader:
            return reader.schema


def read_table(
    file: BinaryIO, format: str, place: str, columns: Sequence[str] | None, condition: Any
) -> pa.Table:
    """Return the rows of a file.

    Parameters
    ----------
    file
        Readable and seekable.
    place
        What an error calls it: the object and the URI.
    columns
        Names that are there, once each; None: all columns.
    condition
        A `pyarrow.compute.Expression`, or None. Row groups of Parquet are left out by their
        statistics.
    """
    names = None if columns is None else list(columns)
    if format == "parquet":
        with damage_explained(place), pq.ParquetFile(file) as parquet:
            if condition is None:
                table = parquet.read(columns=names)
                # A name also stands for those that begin with it and a dot.
                return table if names is None else table.select(names)
    with damage_explained(place):
        file.seek(0)
        if format == "parquet":
            table = pq.read_table(file, columns=names, filters=condition)
            return table if names is None else table.select(names)
        # These formats have no statistics: all is read, and selected then.
        early = names if condition is None else None
        if format == "csv":
            options = pa_csv.ConvertOptions(include_columns=early) if early else None
            table = pa_csv.read_csv(file, convert_options=options)
        else:
            table = pa_feather.read_table(file, columns=early or None, memory_map=False)
        if condition is not None:
            table = table.filter(condition)
        return table if names is None else table.select(names)
