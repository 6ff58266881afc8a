"""Attributes as the metadata document holds them: plain BSON where that is exact, else tagged.

Plain are text, numbers, booleans, None, bytes, lists and dicts of these, and moments in UTC of
whole milliseconds; so other tools, and queries, find them under their names. What BSON lacks is
tagged as in ``python.data``. A document that holds anything tagged says so by `MARK`, under which
are the attributes whose keys MongoDB would misunderstand, each with its position. One without it
is what it is, whoever wrote it.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Mapping
from typing import Any

import bson

from ..errors import IntegrityError, UnsupportedValueError
from ..faithful import Rules, decode, encode, is_plain_key

MARK = "$tagged"

ATTRIBUTES_LIMIT = 1024 * 1024
"""Bytes of BSON. Each version keeps its own in the same document, which may have 16 MB."""

Document = dict[str, Any]


def to_document(attributes: Any, subject: str) -> Document:
    """Return attributes as what MongoDB stores.

    Parameters
    ----------
    subject
        Whose attributes they are, for errors.

    Raises
    ------
    UnsupportedValueError
        Naming the key of what would not come back equal and of the same type, or is too large.
    """
    if not isinstance(attributes, Mapping):
        raise UnsupportedValueError(
            f"{subject}: attributes are a dict, not a {type(attributes).__name__}. "
            "Give each a name: {'owner': 'ann'}."
        )
    document: Document = {}
    odd: list[list[Any]] = []
    for position, (key, value) in enumerate(attributes.items()):
        encoded = encode(value, f"{subject}: attributes[{key!r}]", _RULES)
        name = _without_numpy(key)
        if is_plain_key(name):
            document[name] = encoded
        else:
            where = f"{subject}: the key {key!r} of the attributes"
            odd.append([position, encode(name, where), encoded])
    if odd or any(map(_is_tagged, document.values())):
        document[MARK] = odd
    _check_size(document, subject)
    return document


def from_document(document: Document) -> Document:
    """Return the attributes that a document holds.

    Raises
    ------
    IntegrityError
        Saying which of them is none that `to_document` wrote.
    """
    tagged = MARK in document
    read = decode if tagged else _as_written
    items: list[tuple[Any, Any]] = []
    for key, value in document.items():
        if key != MARK:
            items.append((key, _read(read, value, f"attributes[{key!r}]")))
    odd = document.get(MARK, [])
    if not isinstance(odd, list):
        raise IntegrityError(f"attributes[{MARK!r}] is a {type(odd).__name__}, not a list")
    for number, entry in enumerate(odd):
        where = f"attributes[{MARK!r}][{number}]"
        if not isinstance(entry, list) or len(entry) != 3 or type(entry[0]) is not int:
            raise IntegrityError(f"{where} is not a position, a key and a value")
        key = _read(decode, entry[1], where)
        items.insert(entry[0], (key, _read(decode, entry[2], where)))
    try:
        return dict(items)
    except TypeError as exc:
        raise IntegrityError(f"attributes[{MARK!r}]: {exc}") from exc


def are_same(attributes: Any, document: Document) -> bool:
    """Return whether attributes are those of a document, to the type: 1 is neither True nor 1.0."""
    before = from_document(document)
    try:
        pair = [bson.encode(to_document(each, "")) for each in (attributes, before)]
    except UnsupportedValueError:
        # What others wrote, or earlier versions: it may stay.
        return bool(attributes == before)
    return pair[0] == pair[1]


def _read(read: Any, value: Any, where: str) -> Any:
    try:
        return read(value)
    except IntegrityError as exc:
        raise IntegrityError(f"{where}: {exc}") from exc


def _as_written(value: Any) -> Any:
    """Return what a document without tags holds: as it is, but for the driver's class of UTC."""
    if isinstance(value, list):
        return [_as_written(item) for item in value]
    if isinstance(value, dict):
        return {key: _as_written(item) for key, item in value.items()}
    return decode(value)


def _is_tagged(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_is_tagged, value))
    if isinstance(value, dict):
        return any(key[0] == "$" or _is_tagged(item) for key, item in value.items())
    return False


def _check_size(document: Document, subject: str) -> None:
    try:
        size = len(bson.encode(document))
    except (bson.errors.BSONError, OverflowError, RecursionError) as exc:
        raise UnsupportedValueError(
            f"{subject}: its attributes cannot be stored as BSON: {exc}"
        ) from exc
    if size <= ATTRIBUTES_LIMIT:
        return
    sizes = {key: len(bson.encode({"": value})) for key, value in document.items()}
    largest = max(sizes, key=sizes.__getitem__)
    raise UnsupportedValueError(
        f"{subject}: its attributes have {size:,} bytes as BSON, and may have "
        f"{ATTRIBUTES_LIMIT:,}; the largest is {largest!r} with {sizes[largest]:,}. They travel "
        "with every look at the object: store what is large as an object of its own, and its name "
        "as the attribute."
    )


def _without_numpy(value: Any) -> Any:
    """Return a scalar of numpy as the value of Python's own that equals it, where there is one."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.generic):
        return value
    # Of extended precision there is none; and a subclass is of another's making.
    taken = value.dtype.kind in "biufcSU" and value.dtype.char not in "gG"
    return value.item() if taken and type(value) is value.dtype.type else value


_RULES = Rules(plain_zone=dt.UTC, understand=_without_numpy)
