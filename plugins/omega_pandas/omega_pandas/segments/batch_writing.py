"""Batches: an encoded object written as one, checked against the object that it is appended to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omega_core.errors import UnsupportedValueError

from ..columns.dtype_differences import difference, is_same, printed, resolved
from ..columns.header_arrays import Parts, mapped_references
from ..columns.index import decode_index
from ..objects.header import Encoded
from ..values.tagged_json import decode_value
from .documents import Progress, write_table
from .headers import common_id, store_header, value_fields

if TYPE_CHECKING:
    import pyarrow as pa
    from pymongo.collection import Collection

Json = Any
Document = dict[str, Any]

_NAMES = {"frame": "DataFrame", "series": "Series", "index": "Index"}


def split_header(encoded: Encoded) -> tuple[dict[str, Json], dict[str, Json]]:
    """Return what all batches of an object share, and what this batch has of its own.

    Of its own are the rows, the index, and how columns of Python objects are encoded, which
    depends on the objects. ``settled`` is for the next append: see `segments.append_checks`.
    """
    shared = dict(encoded.header)
    sides = shared["sides"]
    fields = encoded.table.schema
    own: dict[str, Json] = {
        "format": shared["format"],
        "levels": sum(name.startswith("i") for name in fields.names),
        "rows": shared.pop("rows", None),
        "index": shared.pop("index", None),
        "settled": shared.pop("settled", True),
        "objects": {},
    }
    own["index"], own["sides"] = _with_own_sides(own["index"], sides)
    specs = []
    for position, spec in enumerate(_columns(shared)):
        if spec["dtype"] == "object":
            own["objects"][str(position)] = spec
            spec = {"dtype": "object"}
        specs.append(spec)
    parts = {"labels": shared.get("labels"), "columns": specs}
    parts, shared["sides"] = _with_own_sides(parts, sides)
    if "columns" in shared:
        shared.update(parts)
    elif "values" in shared:
        (shared["values"],) = parts["columns"]
    values = set(value_fields(shared))
    shared["types"] = {
        field.name: str(field.type)
        for field in fields
        if field.name in values and field.name[1:] not in own["objects"]
    }
    return shared, own


def _with_own_sides(spec: Json, sides: list[str]) -> tuple[Json, list[str]]:
    """Number the sides that a description refers to anew, and leave out the others."""
    kept: list[int] = []

    def change(reference: int) -> int:
        if reference not in kept:
            kept.append(reference)
        return kept.index(reference)

    changed = mapped_references(spec, change)
    return changed, [sides[reference] for reference in kept]


def write_batch(
    table: pa.Table,
    own: dict[str, Json],
    payload: str,
    collection: Collection[Document],
    subject: str,
    progress: Progress | None = None,
) -> Document:
    """Write a table, and what is its batch's own; return the entry for ``kind_meta``."""
    rows = table.num_rows if own["rows"] is None else own["rows"]
    layout, size = write_table(table, rows, payload, collection, subject, progress)
    kept = store_header(own, payload, f"{payload}-header", collection)
    gen = payload.partition(".")[0]
    return {
        "gen": gen, "payload": payload, **layout.to_document(), "bytes": size, "header": kept
    }  # fmt: skip


def store_common(shared: dict[str, Json], gen: str, collection: Collection[Document]) -> Any:
    """Keep what all batches share; return what goes into ``kind_meta``."""
    return store_header(shared, gen, common_id(gen), collection)


def check_schema(before: dict[str, Json], shared: dict[str, Json], subject: str) -> None:
    """Refuse to append what has another schema than what is stored; nothing is converted.

    Raises
    ------
    UnsupportedValueError
        Naming the first column that differs, and how.
    """
    kind = _NAMES[before["object"]]
    if before["object"] != shared["object"]:
        raise UnsupportedValueError(
            f"{subject} was not appended: it is a {_NAMES[shared['object']]}, and a {kind} "
            "is stored."
        )
    if before["object"] == "frame":
        _check_labels(before, shared, subject)
    pairs = zip(_columns(before), _columns(shared), strict=True)
    for position, (old, new) in enumerate(pairs):
        name = f"c{position}"
        same_type = before["types"].get(name) == shared["types"].get(name)
        sides = shared["sides"], before["sides"]
        if same_type and is_same(resolved(new, sides[0]), resolved(old, sides[1])):
            continue
        label = _label(shared, position)
        detail = difference(new, sides[0], old, sides[1])
        why = f" ({detail})" if detail else ""
        if old["dtype"] == new["dtype"] == "category":
            raise UnsupportedValueError(
                f"{subject} was not appended: {label} has other categories, or another order of "
                f"them, than the stored one{why}. Give it the stored dtype: "
                "astype(stored.dtype)."
            )
        raise UnsupportedValueError(
            f"{subject} was not appended: {label} is {printed(new)}, and {printed(old)} is "
            f"stored{why}. Convert it with astype."
        )
    if not is_same(before.get("name"), shared.get("name")):
        names = decode_value(shared["name"]), decode_value(before["name"])
        raise UnsupportedValueError(
            f"{subject} was not appended: its name is {names[0]!r}, and {names[1]!r} is stored. "
            "Give it the stored one, with rename."
        )
    for key, what in (("attrs", "attrs"), ("duplicates", "flags")):
        if not is_same(before.get(key), shared.get(key)):
            raise UnsupportedValueError(
                f"{subject} was not appended: its {what} differ from the stored ones. "
                f"Set them to those of the stored {kind}."
            )


def _check_labels(before: dict[str, Json], shared: dict[str, Json], subject: str) -> None:
    old_labels = resolved(before["labels"], before["sides"])
    if is_same(old_labels, resolved(shared["labels"], shared["sides"])):
        return
    old, new = ([repr(label) for label in _labels(header)] for header in (before, shared))
    missing = [label for label in old if label not in new]
    extra = [label for label in new if label not in old]
    what = [f"it lacks {', '.join(missing[:5])}"] if missing else []
    what += [f"it has also {', '.join(extra[:5])}"] if extra else []
    if not what:
        what = ["they are in another order, or of another type"]
    raise UnsupportedValueError(
        f"{subject} was not appended: its columns are not the stored ones: {'; '.join(what)}. "
        "Reorder, add or drop columns first, or put it as a new object."
    )


def _labels(header: dict[str, Json]) -> list[Any]:
    return list(decode_index(header["labels"], Parts(sides=header["sides"])))


def _columns(header: dict[str, Json]) -> list[Json]:
    if "columns" in header:
        return list(header["columns"])
    return [header["values"]] if "values" in header else []


def _label(header: dict[str, Json], position: int) -> str:
    return f"column {_labels(header)[position]!r}" if header["object"] == "frame" else "the Series"
