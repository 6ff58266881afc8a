"""The backend of `pandas.parquet`: one Parquet file at a URI, and references to files of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from omega_core import BaseDataBackend
from omega_core.errors import IntegrityError, UnsupportedOptionError

from .files.arrow_stream import writable
from .files.conditions import possible_rows
from .files.formats import damage_explained, format_of, read_schema, read_table
from .files.parquet_feet import foot_of, with_feet
from .files.parquet_tables import encoded_table, parquet_table, stored_header, write_parquet
from .files.to_pandas import check_names, index_columns, to_frame
from .filters.predicates import Predicate, compile
from .kind_meta import listing, misshapen_parquet
from .listed_columns import described_file
from .objects.arrow_tables import converted
from .objects.column_labels import asked_positions, field_names, select
from .objects.header import Header
from .objects.pandas_objects import decode_frame, encode_frame, make_frame
from .previews import frame_preview
from .row_changes import Read, frame_changes

if TYPE_CHECKING:
    from omega_core import Metadata, Preview, RowChanges, Summary

_MOST_FEET = 16
"""Files of a directory of which the foot is read."""


class ParquetBackend(BaseDataBackend):
    """Stores a DataFrame as one Parquet file at a URI, or refers to files that are there.

    Examples
    --------
    >>> om.datasets.put(df, "sales", format="parquet", uri="s3://b/p/{key}")       # doctest: +SKIP
    >>> om.datasets.put("s3://b/lake/sales/", "lake", reference=True)              # doctest: +SKIP
    >>> om.datasets.get("lake", columns=["qty"], filter={"state": "NY"})           # doctest: +SKIP
    """

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        """Return whether a format was asked for, or ``obj`` refers to a table."""
        if isinstance(obj, str):
            known = obj.endswith("/") or format_of(obj) is not None
            return kwargs.get("reference") is True and known
        # Also where it lacks the place, or is another format: `put` says what it needs.
        return type(obj) is pd.DataFrame and kwargs.get("format") is not None

    def put(
        self,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None = None,
        *,
        uri: str | None = None,
        format: str = "parquet",
        reference: bool = False,
        **kwargs: Any,
    ) -> Metadata:
        """Store a DataFrame, or a reference.

        Parameters
        ----------
        uri
            Where to write, with ``{key}`` in the place of a name unique to this version.
        format
            ``"parquet"``.
        reference
            ``obj`` is the URI of a ``.parquet``, ``.csv`` or ``.feather`` file; or of a directory
            of Parquet files, with a slash at its end. It is read in place, and never deleted.

        Raises
        ------
        UnsupportedValueError
            Before anything is written, naming what Parquet cannot hold.
        FileNotFoundError, IntegrityError
            There is no file at the reference, or one that cannot be read.
        """
        if isinstance(obj, str):
            return self._refer(obj, name, attributes, reference, uri)
        if format != "parquet" or reference:
            raise UnsupportedOptionError(
                f"put of {name!r}: a frame is written with format='parquet', not {format!r}, and "
                "without reference=; a file that is there is put as its URI, with reference=True."
            )
        if uri is None:
            raise UnsupportedOptionError(
                f"put of {name!r}: a Parquet file needs a place: uri='s3://bucket/prefix/{{key}}'. "
                "Without format=, the frame is stored in MongoDB."
            )
        subject = f"The DataFrame {name!r}"
        table = parquet_table(encode_frame(obj, subject), list(obj.columns), subject)
        meta = self.data_store.make_metadata(name, "pandas.parquet", attributes=attributes)
        shown = listing(len(obj), list(obj.columns), list(obj.dtypes))
        meta.kind_meta = {**shown, "file": "parquet", "owned": True}
        with self.data_store.create_file(meta, "parquet", uri=uri) as file:
            write_parquet(table, writable(file))
        return meta.save()

    def misshapen(self, meta: Metadata) -> str | None:
        return misshapen_parquet(meta)

    def get(
        self,
        name: str,
        *,
        columns: Any = None,
        filter: Any = None,
        as_: str = "pandas",
        **kwargs: Any,
    ) -> Any:
        """Return the DataFrame.

        Parameters
        ----------
        columns
            A list of column labels: only these are read, and come in this order.
        filter
            Only the rows that match: ``{"qty__gt": 3}``, a `Q`, or, for references, a pyarrow
            expression. Of a reference, a default index is numbered anew.
        as_
            ``"arrow"`` or ``"polars"`` for a table of theirs.
        """
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside a get there is one"
        read = self._own if meta.kind_meta.get("owned") else self._referred
        return converted(read(meta, columns, filter), as_)

    def describe(self, name: str, **kwargs: Any) -> Summary:
        """Return the columns; of Parquet with what the foot of the file tells of their values."""
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside of a describe there is one"
        summary = described_file(super().describe(name), meta)
        files = self._existing_files(meta)
        if meta.kind_meta["file"] != "parquet" or len(files) > _MOST_FEET:
            return summary
        feet = []
        for uri in files:
            with self.data_store.locations.open(uri) as file:
                feet.append(foot_of(file, f"The table {name!r} at {uri}"))
        return with_feet(summary, feet)

    def preview(self, summary: Summary, read: Read) -> Preview:
        """Return the first rows, and some of others."""
        return frame_preview(summary, read)

    def changed_rows(self, one: Read, two: Read) -> list[RowChanges]:
        """Return which rows differ, by position and by index, as the files are now."""
        return frame_changes(one, two)

    # --- our own files -----------------------------------------------------------------------

    def _own(self, meta: Metadata, columns: Any, filter: Any) -> Any:
        subject = f"The DataFrame {meta.name!r}"
        place = f"{subject} at {meta.uri}"
        with self.data_store.open_file(meta) as file:
            schema = read_schema(file, "parquet", place)
            header = stored_header(schema)
            positions, labels = select(header, columns, subject)
            predicate = None
            if filter is not None:
                predicate = compile(filter, select(header, None, subject)[1], subject)
            tested = () if predicate is None else predicate.positions
            wanted = list(dict.fromkeys([*positions, *tested]))
            names = {
                field: header["names"][field] for field in field_names(header["names"], wanted)
            }
            stored = read_table(file, "parquet", place, list(names.values()), None)
        with damage_explained(place):
            table = encoded_table(header, stored, names)
        frame = decode_frame(header, table, wanted, pd.Index(wanted))
        frame = _filtered(frame, predicate, range(len(header["columns"])))
        return _narrowed(header, frame, positions, labels)

    # --- references --------------------------------------------------------------------------

    def _refer(
        self, obj: str, name: str, attributes: dict[str, Any] | None, reference: bool, uri: Any
    ) -> Metadata:
        if not reference or uri is not None:
            raise UnsupportedOptionError(
                f"put of {name!r}: a URI is put as a reference: put({obj!r}, {name!r}, "
                "reference=True), without uri=."
            )
        locations = self.data_store.locations
        place = locations.check(obj)
        format = "parquet" if place.endswith("/") else format_of(place)
        if format is None:
            raise UnsupportedOptionError(
                f"put of {name!r}: a table is a .parquet, .csv or .feather file, or a directory of "
                f"Parquet files with a slash at its end, not {place}."
            )
        meta = self.data_store.make_metadata(name, "pandas.parquet", attributes=attributes)
        meta.uri = place
        files = self._files(meta)
        with locations.open(files[0]) as file:
            schema = read_schema(file, format, f"{name!r} at {files[0]}")
        shown = listing(0, schema.names, schema.types)
        del shown["rows"]  # which may change, as the file may
        meta.kind_meta = {**shown, "file": format, "owned": False}
        return meta.save()

    def _referred(self, meta: Metadata, columns: Any, filter: Any) -> Any:
        subject = f"The table {meta.name!r}"
        locations = self.data_store.locations
        format = meta.kind_meta["file"]
        tables: list[tuple[str, pa.Table]] = []
        predicate: Predicate | None = None
        for uri in self._existing_files(meta):
            place = f"{subject} at {uri}"
            try:
                file = locations.open(uri)
            except FileNotFoundError as exc:
                raise _vanished(meta, uri) from exc
            with file:
                schema = read_schema(file, format, place)
                if not tables:
                    check_names(schema, place)
                    first = schema
                    wanted = needed = _chosen(columns, first.names, place)
                    condition = filter
                    if filter is not None and not isinstance(filter, pc.Expression):
                        predicate = compile(filter, pd.Index(first.names, dtype=object), subject)
                        types = dict(zip(first.names, first.types, strict=True))
                        condition = possible_rows(filter, types)
                        needed = [*wanted, *(first.names[at] for at in predicate.positions)]
                elif not schema.equals(first):
                    raise IntegrityError(
                        f"{place} has other columns or types than the first file of the "
                        "directory. Refer to files of one schema."
                    )
                file.seek(0)
                try:
                    # Those in which pandas keeps the index come along.
                    names = list(dict.fromkeys([*needed, *index_columns(schema, place)]))
                    tables.append((place, read_table(file, format, place, names, condition)))
                except IntegrityError as error:
                    if isinstance(filter, pc.Expression) and "FieldRef" in str(error):
                        raise UnsupportedOptionError(
                            f"{place}: filter={filter}: {error}"
                        ) from error
                    raise
        frame = to_frame(tables)
        numbered = isinstance(frame.index, pd.RangeIndex)
        found = _filtered(frame, predicate, first.names)
        result = found[[name for name in wanted if name in frame.columns]].copy()
        return result.reset_index(drop=True) if numbered else result

    def _existing_files(self, meta: Metadata) -> list[str]:
        try:
            return self._files(meta)
        except FileNotFoundError as exc:
            raise _vanished(meta, str(meta.uri)) from exc

    def _files(self, meta: Metadata) -> list[str]:
        """Return the files that an object refers to, now."""
        uri = str(meta.uri)
        if not uri.endswith("/"):
            return [uri]
        found = []
        for file in self.data_store.locations.list(uri):
            names = file.removeprefix(uri).split("/")
            if any(name[0] in "._" for name in names) or format_of(file) != "parquet":
                continue
            if any("=" in name for name in names[:-1]):
                raise UnsupportedOptionError(
                    f"{meta.name!r}: {file} lies in a partition, whose value would be lost. "
                    f"Refer to one partition: {file.rpartition('/')[0]}/"
                )
            found.append(file)
        if not found:
            raise FileNotFoundError(f"there is no Parquet file in {uri}")
        return found


def _vanished(meta: Metadata, uri: str) -> IntegrityError:
    return IntegrityError(
        f"{meta.prefix}{meta.name!r} in bucket {meta.bucket!r} refers to {uri}, and there "
        "is nothing any more. Put the file back, or drop the reference."
    )


def _chosen(columns: Any, names: list[str], place: str) -> list[str]:
    """Return the columns asked for, after a check that they are there."""
    if columns is None:
        return names
    if isinstance(columns, str | bytes) or not pd.api.types.is_list_like(columns):
        raise UnsupportedOptionError(f"{place}: columns= takes a list of labels, not {columns!r}.")
    labels = pd.Index(names, dtype=object)
    return [names[position] for position in asked_positions(columns, labels, place)]


def _filtered(frame: Any, predicate: Predicate | None, names: Sequence[Any]) -> Any:
    """Return the rows that match; ``names`` are those of the columns, by their positions."""
    if predicate is None:
        return frame
    values = {position: frame[names[position]] for position in predicate.positions}
    return frame[predicate.mask(values, len(frame))]


def _narrowed(header: Header, frame: Any, positions: list[int], labels: Any) -> Any:
    """Return the columns at ``positions`` of a frame whose labels are positions.

    Not by pandas' own selection: a copy of a frame takes big-endian columns for native ones.
    """
    columns = [_column_values(frame[position]) for position in positions]
    return make_frame(header, frame.index, columns, labels)


def _column_values(column: Any) -> Any:
    return column.to_numpy() if isinstance(column.dtype, np.dtype) else column.array
