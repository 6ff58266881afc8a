"""A stored frame, series or index as one file of Arrow (Feather), and back without loss.

The columns have their own names and Arrow's own types, wherever pandas and Arrow agree on these.
The headers, which say all that Arrow does not know, travel in the metadata of the schema. Rows are
written and read a segment at a time; none of it is ever in memory as a whole.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa

from omega_core.errors import IntegrityError

from ..columns.header_arrays import Parts
from ..columns.index import decode_index
from ..files.arrow_stream import writable
from ..objects.header import Header, intact
from ..segments.batches import store_common, write_batch
from ..segments.headers import column_specs, value_fields
from ..segments.layout import Document
from ..segments.segment_pieces import Piece, joined
from ..segments.selection import Selection
from ..segments.stored_table import Stored

if TYPE_CHECKING:
    from pymongo.collection import Collection

FILE = "table.arrow"

_KEY = b"omega_pandas"
_MAGIC = b"ARROW1\0\0"
_FORMAT = 1
_EXPORTED = ("frame", "series", "index")


# --- out -------------------------------------------------------------------------------------


def write_arrow(stored: Stored, create: Callable[[str], Any]) -> bool:
    """Write a stored object to a file; False where one schema cannot hold all of it."""
    pieces = [piece for number in range(len(stored.batches)) for piece in _segments(stored, number)]
    fields = stored.batch_fields(0)
    if stored.header["object"] not in _EXPORTED or not fields or not _alike(stored):
        return False
    types = _first(stored, 0).schema
    if any(_first(stored, number).schema != types for number in range(1, len(stored.batches))):
        return False
    categories = _categories(stored)
    schema = _with_categories(_first(stored, 0), categories).schema
    names, pandas = _names(stored, schema)
    own = [
        {"rows": batch.layout.rows, "header": stored.batch_header(number)}
        for number, batch in enumerate(stored.batches)
    ]
    about = {"format": _FORMAT, "fields": fields, "common": stored.header, "batches": own}
    metadata = {_KEY: json.dumps(about, separators=(",", ":")), **pandas}
    schema = pa.schema(
        [field.with_name(name) for field, name in zip(schema, names, strict=True)],
        metadata=metadata,
    )
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(writable(create(FILE)), schema, options=options) as writer:
        for piece in pieces:
            table = _with_categories(_read(stored, piece), categories)
            writer.write_table(table.rename_columns(names).cast(schema).combine_chunks())
    return True


def _segments(stored: Stored, number: int) -> list[Piece]:
    return stored._pieces_of(number, 0, stored.batches[number].layout.rows)


def _alike(stored: Stored) -> bool:
    """Return whether all batches have the same fields, and encode objects in the same way."""
    first = stored.batch_header(0)
    return all(
        stored.batch_fields(number) == stored.batch_fields(0)
        and stored.batch_header(number)["objects"] == first["objects"]
        for number in range(1, len(stored.batches))
    )


def _first(stored: Stored, number: int) -> pa.Table:
    """Return no rows of a batch: its types."""
    return _read(stored, Piece(number, 0, 0, 0))


def _read(stored: Stored, piece: Piece) -> pa.Table:
    fields = stored.batch_fields(piece.batch)
    segments = stored.fetch([piece], fields)
    return pa.table({field: joined(field, [piece], segments) for field in fields})


def _categories(stored: Stored) -> dict[str, Any]:
    """Return the categories of columns, where Arrow can hold them."""
    found: dict[str, Any] = {}
    for name, spec in zip(value_fields(stored.header), column_specs(stored.header), strict=False):
        if spec["dtype"] != "category":
            continue
        try:
            index = decode_index(spec["categories"], Parts(sides=stored.header["sides"]))
            values = pa.array(index, from_pandas=False)
        except (pa.ArrowException, TypeError, ValueError):
            continue
        if not isinstance(values.type, pa.BaseExtensionType) and not values.null_count:
            found[name] = values
    return found


def _with_categories(table: pa.Table, categories: dict[str, Any]) -> pa.Table:
    for name, values in categories.items():
        position = table.column_names.index(name)
        codes = table.column(position).combine_chunks()
        codes = codes.chunk(0) if isinstance(codes, pa.ChunkedArray) else codes
        shown = pa.DictionaryArray.from_arrays(codes, values)
        table = table.set_column(position, name, pa.chunked_array([shown], type=shown.type))
    return table


def _names(stored: Stored, schema: pa.Schema) -> tuple[list[str], dict[bytes, bytes]]:
    """Return how the fields are called in the file, and what pandas wants to know of them."""
    plain = list(schema.names)
    if stored.header["object"] != "frame" or any(type(one) is not str for one in stored.labels):
        return plain, {}
    index = [name for name in plain if name.startswith("i")]
    values = [name for name in plain if not name.startswith("i")]
    empty = Selection(stored, rows=(0, 0)).read()
    empty.attrs = {}
    try:
        with warnings.catch_warnings():
            # Of what Arrow could not bring back: our own header can.
            warnings.simplefilter("ignore")
            wanted = pa.Schema.from_pandas(empty)
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError):
        return plain, {}
    named = dict(zip([*values, *index], wanted.names, strict=False))
    if len(wanted) != len(plain) or len(set(named.values())) != len(plain):
        return plain, {}
    alike = all(schema.field(old).type == wanted.field(new).type for old, new in named.items())
    pandas = {b"pandas": wanted.metadata[b"pandas"]} if alike and wanted.metadata else {}
    return [named[name] for name in plain], pandas


# --- in --------------------------------------------------------------------------------------


def store_arrow(
    file: BinaryIO,
    gen: str,
    collection: Collection[Document],
    subject: str,
    progress: Callable[[float, float | None], None],
) -> Document:
    """Store what `write_arrow` wrote; return the ``header`` and the ``batches`` of its metadata.

    Raises
    ------
    IntegrityError
        The file is another one.
    """
    with intact(), _spooled(file) as table:
        about = _about(table.schema)
        common: Header = about["common"]
        if common["object"] not in _EXPORTED:
            raise IntegrityError(f"{subject}: the file is of a {common['object']!r}.")
        total = sum(int(batch["rows"]) for batch in about["batches"])
        if total != table.num_rows or not about["batches"]:
            raise IntegrityError(f"{subject}: the file has {table.num_rows} rows, not {total}.")
        table = _stored_types(table.rename_columns(about["fields"]))
        start = 0
        entries: list[Document] = []
        for number, batch in enumerate(about["batches"]):
            own, rows = batch["header"], int(batch["rows"])
            expected = [f"i{n}" for n in range(own["levels"])] + value_fields(common)
            if table.column_names != expected or rows < 0:
                raise IntegrityError(f"{subject}: the file has other columns than it says.")
            before = start

            def each(done: int, before: int = before) -> None:
                progress(before + done, total)

            part = table.slice(start, rows)
            entries.append(write_batch(part, own, f"{gen}.{number}", collection, subject, each))
            start += rows
        kept = {"header": store_common(common, gen, collection)}
        return {**_as_read(kept), "batches": [_as_read(entry) for entry in entries]}


def _as_read(document: Document) -> Document:
    """Return what is to be stored as it will be read: a `bson.Binary` is bytes then."""
    return {k: bytes(v) if isinstance(v, bytes) else v for k, v in document.items()}


def _about(schema: pa.Schema) -> Any:
    about = json.loads((schema.metadata or {})[_KEY])
    if about["format"] > _FORMAT:
        raise IntegrityError(
            "The file was written by a newer omega-pandas. Upgrade it: pip install -U omega-pandas"
        )
    return about


@contextmanager
def _spooled(file: BinaryIO) -> Iterator[pa.Table]:
    """Give a table that is mapped into memory, and never there as a whole.

    A file of Arrow is a stream of it between two marks, so that it can be read from start to end.
    """
    if file.read(len(_MAGIC)) != _MAGIC:
        raise IntegrityError("The file is not one of Arrow.")
    with tempfile.NamedTemporaryFile(prefix="omega-", suffix=".arrow") as spool:
        try:
            with (
                pa.ipc.open_stream(pa.PythonFile(file, mode="r")) as reader,
                pa.ipc.new_file(spool.name, reader.schema) as writer,
            ):
                for batch in reader:
                    batch.validate(full=True)
                    writer.write_batch(batch)
            with pa.memory_map(spool.name) as mapped, pa.ipc.open_file(mapped) as whole:
                yield whole.read_all()
        except (pa.ArrowException, OSError) as error:
            raise IntegrityError(f"The file is not one of Arrow: {error}") from error


def _stored_types(table: pa.Table) -> pa.Table:
    """Return the table with the codes in the place of categories, as they are stored."""
    for position, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            chunks = [chunk.indices for chunk in table.column(position).chunks]
            column = pa.chunked_array(chunks, type=field.type.index_type)
            table = table.set_column(position, field.name, column)
    return table
