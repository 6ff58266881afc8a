"""What may be appended: what has the stored schema, and labels that `pandas.concat` leaves alone.

An append equals `pandas.concat`, which converts labels of different dtypes to a common one, drops
levels and names that not all parts have, and looks for a better dtype than object. Columns are not
converted, and neither are labels: whatever is accepted comes back as it was put, to the dtype.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from omega_core.errors import UnsupportedValueError

from ..columns.concatenation import changed_labels, is_settled, level_name
from ..columns.dtype_differences import difference, is_same, printed, resolved
from ..columns.header_arrays import Parts
from ..columns.index import decode_index, encode_index
from ..objects.header import Header
from ..values.tagged_json import decode_value
from .headers import column_specs

if TYPE_CHECKING:
    import pyarrow as pa

    from .stored_table import Stored

Json = Any

_NAMES = {"frame": "DataFrame", "series": "Series", "index": "Index"}
_INT64: Json = {"dtype": "numpy", "numpy": np.dtype("int64").str}


def check_schema(before: Header, shared: Header, subject: str) -> None:
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
    pairs = zip(column_specs(before), column_specs(shared), strict=True)
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


def _check_labels(before: Header, shared: Header, subject: str) -> None:
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


def _labels(header: Header) -> list[Any]:
    return list(decode_index(header["labels"], Parts(sides=header["sides"])))


def _label(header: Header, position: int) -> str:
    return f"column {_labels(header)[position]!r}" if header["object"] == "frame" else "the Series"


class Labels:
    """The index of an object, and of what is appended to it, piece by piece.

    Parameters
    ----------
    stored
        What is appended to; None for the first piece of a new object.
    subject
        What a refusal calls what is appended.
    """

    def __init__(self, stored: Stored | None, subject: str) -> None:
        self._stored = stored
        self._subject = subject
        self._last = None if stored is None else _last_header(stored)
        self._pieces: list[tuple[Header, pa.Table]] = []

    def append(self, own: Header, table: pa.Table, *, unique: bool) -> None:
        """Add the labels of one piece.

        Parameters
        ----------
        own, table
            The header of its batch, which takes a note for the next append, and its columns.
        unique
            Whether its flags allow no label to be there twice.

        Raises
        ------
        UnsupportedValueError
            A label that is there, or one of these, would come back as another, or of another
            dtype; names the level and both dtypes. Or one is there already, and may not be.
        """
        if own["index"] is None:
            return  # an array has none
        last = self._last
        if last is not None:
            self._check_levels(last, own)
            settled = own["settled"] and last["settled"]
            if unique or not settled:
                before, index = self._before(), _decoded(own, table)
                changed = "" if settled else changed_labels(before, index)
                if changed:
                    self._refuse(
                        f"{changed}, and an append changes no label. If that is meant, get what "
                        "is stored, and put the result of pandas.concat as a new version"
                    )
                if unique:
                    self._check_unique(before.append(index))
            own["settled"] = settled
        if unique or not own["settled"] or _may_unsettle(own["index"]):
            fields = [name for name in table.column_names if name.startswith("i")]
            self._pieces.append((own, table.select(fields)))
        self._last = own

    def _before(self) -> Any:
        indexes = [_decoded(own, table) for own, table in self._pieces]
        if self._stored is not None:
            indexes.insert(0, self._stored.whole_index())
        return indexes[0].append(indexes[1:]) if len(indexes) > 1 else indexes[0]

    def _check_levels(self, old: Header, new: Header) -> None:
        stored, given = _described_levels(old), _described_levels(new)
        multi = new["index"]["index"] == "multi"
        if (old["index"]["index"] == "multi") is not multi or len(stored) != len(given):
            self._refuse(
                f"its index has {_counted(new)}, and one with {_counted(old)} is stored. Give it "
                "the stored levels, with set_index or reset_index"
            )
        for number, (theirs, ours) in enumerate(zip(stored, given, strict=True)):
            mine, kept = resolved(ours.spec, new["sides"]), resolved(theirs.spec, old["sides"])
            if not is_same(mine, kept):
                place = level_name(number, decode_value(ours.name), multi)
                detail = difference(ours.spec, new["sides"], theirs.spec, old["sides"])
                self._refuse(
                    f"{place} is {printed(ours.spec)}, and {printed(theirs.spec)} is stored"
                    f"{f' ({detail})' if detail else ''}. An append changes no label: convert its "
                    "index to the stored dtype first, for example with astype"
                )
            if not is_same(ours.name, theirs.name):
                names = decode_value(ours.name), decode_value(theirs.name)
                self._refuse(
                    f"{level_name(number, None, multi)} has the name {names[0]!r}, and the stored "
                    f"one has {names[1]!r}; pandas.concat would drop both. Name it so, with "
                    "rename_axis"
                )

    def _check_unique(self, joined: Any) -> None:
        if not joined.is_unique:
            label = joined[joined.duplicated()][0]
            self._refuse(
                f"the label {label!r} is in the stored index, or an earlier piece, and its flags "
                "allow no duplicates. Give its rows other labels, or store it with flags that "
                "allow them"
            )

    def _refuse(self, why: str) -> NoReturn:
        raise UnsupportedValueError(f"{self._subject} was not appended: {why}.")


class _Level(NamedTuple):
    """The name of a level, and the dtype of its labels, as they are described."""

    name: Json
    spec: Json


def _described_levels(own: Header) -> list[_Level]:
    index = own["index"]
    if index["index"] == "multi":
        values = [_values(level) for level in index["levels"]]
        return [_Level(*pair) for pair in zip(index["names"], values, strict=True)]
    return [_Level(index["name"], _values(index))]


def _values(flat: Json) -> Json:
    if flat["index"] == "range":
        return _INT64
    spec = flat["values"]
    # How objects are encoded depends on what they are.
    return {"dtype": "object"} if spec["dtype"] == "object" else spec


def _may_unsettle(index: Json) -> bool:
    """Return whether the labels of another piece may be such that these have to be looked at."""
    multi = bool(index["index"] == "multi")
    return multi or bool(index["index"] == "flat" and index["values"]["dtype"] == "object")


def _last_header(stored: Stored) -> Header:
    """Return what the next append is compared with: the last batch has the dtypes of them all."""
    own = stored.batch_header(len(stored.batches) - 1)
    if "settled" in own:
        return own
    # Written when batches could differ: what it is now is seen only in all labels.
    index, parts = stored.whole_index(), Parts()
    spec = encode_index(index[:0], parts.placer("i"), parts)
    return {"index": spec, "sides": parts.sides, "settled": is_settled(index)}


def _decoded(own: Header, table: pa.Table) -> Any:
    return decode_index(own["index"], Parts(table, own["sides"]))


def _counted(own: Header) -> str:
    if own["index"]["index"] != "multi":
        return "one level, without a MultiIndex"
    names = [decode_value(name) for name in own["index"]["names"]]
    return f"{len(names)} level{'s' if len(names) > 1 else ''} {names}"
