"""A frame of the codec as documents, one per row; and back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from omega_core import row_place
from omega_core.errors import UnsupportedValueError

from ..columns.header_arrays import Arrow, Parts, whole
from ..objects.column_labels import select
from ..objects.header import Encoded, Header, intact
from ..segments.layout import Document
from ..values.unfaithful import Refused
from .fields import Field, make_field, make_level, read_field

Json = Any

_SLICE = 10_000
"""Rows that exist as Python objects at one time."""


@dataclass(frozen=True)
class Rows:
    """The rows of a frame, checked, and ready to be documents."""

    fields: list[Field]
    arrays: list[Arrow]
    count: int

    @property
    def names(self) -> list[str]:
        """The keys of the documents."""
        return [field.name for field in self.fields]

    def documents(self) -> Iterator[Document]:
        """Yield a document per row."""
        names = self.names
        for start in range(0, self.count, _SLICE):
            columns = [
                field.dump(array.slice(start, _SLICE))
                for field, array in zip(self.fields, self.arrays, strict=True)
            ]
            if columns:
                yield from (
                    dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)
                )
            else:
                yield from ({} for _ in range(min(_SLICE, self.count - start)))


def encode_rows(encoded: Encoded, shared: Header, own: Header, subject: str) -> Rows:
    """Check a frame for what BSON takes, and note its fields in the two parts of its header.

    Raises
    ------
    UnsupportedValueError
        Naming the column, the index level or the label that cannot be in a document.
    """
    labels = select(shared, None, subject)[1]
    _check_labels(labels, subject)
    fields: list[Field] = []
    arrays: list[Arrow] = []
    shared["fields"], own["fields"] = {}, {}
    for position, label in enumerate(labels):
        name = f"c{position}"
        array = whole(encoded.table.column(name))
        spec = own["objects"].get(str(position), shared["columns"][position])
        with _refused(subject, f"column {label!r}"):
            field = make_field(label, spec, array, Parts(sides=shared["sides"]))
            arrays.append(field.prepare(array))
        fields.append(field)
        noted = own if str(position) in own["objects"] else shared
        noted["fields"][name] = field.to_json()
    names = _index_names(own["index"], set(labels))
    parts = Parts(sides=own["sides"])
    for level, key in enumerate(names):
        name = f"i{level}"
        array = whole(encoded.table.column(name))
        with _refused(subject, f"the row index, level {level}" if len(names) > 1 else "the index"):
            if own["index"]["index"] == "multi":
                field = make_level(key, own["index"]["levels"][level], parts)
            else:
                field = make_field(key, own["index"]["values"], array, parts)
            arrays.append(field.prepare(array))
        fields.append(field)
        own["fields"][name] = field.to_json()
    return Rows(fields, arrays, encoded.header["rows"])


class RowLayout:
    """How one batch of rows lies in its documents.

    Parameters
    ----------
    shared, own
        The two parts of the header, with the fields that `encode_rows` noted.
    """

    @intact()
    def __init__(self, shared: Header, own: Header) -> None:
        self._shared = shared
        self._own = own
        self.fields: dict[str, Field] = {}
        sides = Parts(sides=shared["sides"])
        for position, spec in enumerate(shared["columns"]):
            name = f"c{position}"
            described = shared["fields"].get(name) or own["fields"][name]
            self.fields[name] = read_field(described, spec.get("categories"), sides)
        sides = Parts(sides=own["sides"])
        for name, described in own["fields"].items():
            if name.startswith("i"):
                self.fields[name] = read_field(described, self._index_values(name), sides)

    def spec(self, position: int) -> Json:
        """Return how the codec describes a column."""
        objects: Header = self._own["objects"]
        return objects.get(str(position), self._shared["columns"][position])

    def projection(self, names: list[str]) -> tuple[dict[str, int], bool]:
        """Return what to fetch of the documents, for the fields of the table that are named.

        Where these are all columns, the index comes with them: of a whole row, but not of a part,
        the checksum can be compared. The second value says whether it is one.
        """
        whole = {name for name in self.fields if name.startswith("c")} <= set(names)
        wanted = self.fields if whole else names
        return {"_id": 1, **{self.fields[name].name: 1 for name in wanted}}, whole

    @intact()
    def load(
        self, documents: Iterator[Document], names: list[str]
    ) -> tuple[dict[str, Arrow], np.ndarray[Any, Any]]:
        """Return the fields that are named, as Arrow arrays, and the numbers of the rows."""
        pieces: dict[str, list[Arrow]] = {name: [self.fields[name].load([])] for name in names}
        numbers: list[int] = []
        while found := list(itertools.islice(documents, _SLICE)):
            numbers += [row_place(document["_id"])[1] for document in found]
            for name in names:
                field = self.fields[name]
                pieces[name].append(field.load([document[field.name] for document in found]))
        arrays = {name: pa.concat_arrays(mine) for name, mine in pieces.items()}
        return arrays, np.array(numbers, dtype=int)

    def _index_values(self, name: str) -> Json:
        spec = self._own["index"]
        if spec["index"] == "multi":
            return spec["levels"][int(name[1:])]
        return spec["values"].get("categories")


def _refused(subject: str, place: str) -> Refused:
    return Refused(f"{subject} was not stored in rows: {place}", why="")


def _check_labels(labels: Any, subject: str) -> None:
    seen: set[str] = set()
    for label in labels:
        if not _is_key(label) or label in seen:
            why = "is there twice" if _is_key(label) else "cannot be the key of a field"
            raise UnsupportedValueError(
                f"{subject} was not stored in rows: the column label {label!r} {why}. Labels are "
                "different strings, not '_id', without a leading '$', dots or NUL. Rename it, or "
                "leave layout='rows' out: the default layout takes any label."
            )
        seen.add(label)


def _is_key(label: Any) -> bool:
    return (
        type(label) is str
        and bool(label)
        and label != "_id"
        and label[0] != "$"
        and "\0" not in label
        and "." not in label
        and not any("\ud800" <= char <= "\udfff" for char in label)
    )


def _index_names(spec: Json, taken: set[str]) -> list[str]:
    """Return the keys for the levels of the index: their names, where those can be keys."""
    if spec["index"] == "range":
        return []
    multi = spec["index"] == "multi"
    names = []
    for level, name in enumerate(spec["names"] if multi else [spec["name"]]):
        key = name if _is_key(name) and name not in taken else f"_index{level if multi else ''}"
        while key in taken:
            key += "_"
        taken.add(key)
        names.append(key)
    return names
