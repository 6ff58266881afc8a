"""The name that somebody may have meant, found along an index and not among all there are.

A typo at the end of a name leaves it beside the right one in the order of the index. One at its
beginning, or in its case, takes it far away: then the right one is among the names that differ in
one character, and those are looked up as such. Both are bounded, however many names there are.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pymongo.collection import Collection

from .errors import suggestion
from .protocol.naming import TEMPORARY

Stage = dict[str, Any]

_NEIGHBOURS = 20
_COMPARED = 8
_LETTERS = 24
_CHARACTERS = 12_000
"""Of all the names that are looked up."""

_FREQUENT = "etaoinsrdyhlucmfpgwbvk"


def whereabouts(
    metadata: Collection[Stage], bucket: str, prefix: str, others: list[str], name: str
) -> tuple[list[str], str]:
    """Return where an object is that is not here, and the name that may have been meant.

    In one round trip, and of this bucket alone: what others hold is not everybody's to know.

    Parameters
    ----------
    metadata
        The collection of the metadata documents.
    prefix, others
        The store where it is not, and those where it may be.

    Returns
    -------
    prefixes : list of str
        The stores of the bucket that have an object of this very name.
    hint : str
        ``" Did you mean 'x'?"``, or nothing.
    """
    here = {"bucket": bucket, "prefix": prefix, "gen": {"$exists": True}}
    first: Stage = {"$limit": _NEIGHBOURS}
    seen: Stage = {"$project": {"prefix": 1, "name": 1, "_id": 0}}

    def side(operator: str, order: int) -> list[Stage]:
        sort = {"$sort": {"name": order}}
        return [{"$match": {**here, "name": {operator: name}}}, sort, first, seen]

    below, above = side("$lt", -1), side("$gt", 1)
    elsewhere: list[Stage] = [{"$match": {**here, "name": name, "prefix": {"$in": others}}}, seen]
    room = max(_NEIGHBOURS, _CHARACTERS // len(name))
    alike = list(dict.fromkeys(islice(_edits(name), room)))
    edited: list[Stage] = [{"$match": {**here, "name": {"$in": alike}}}, seen]
    beside: list[str] = []
    stores: list[str] = []
    more = [
        {"$unionWith": {"coll": metadata.name, "pipeline": p}} for p in (above, edited, elsewhere)
    ]
    for found in metadata.aggregate([*below, *more]):
        if found["prefix"] != prefix:
            stores.append(found["prefix"])
        elif not found["name"].startswith(TEMPORARY):
            beside.append(found["name"])
    if stores:
        return stores, ""
    near = set(beside).intersection(alike)
    same_letters = [other for other in beside if other.casefold() == name.casefold()]
    # The edits come in the order in which they are likely.
    for likely in (*(edit for edit in alike if edit in near), *same_letters):
        return [], f" Did you mean {likely!r}?"
    beside.sort(key=lambda other: -_shared(name, other))
    return [], suggestion(name, beside[:_COMPARED])


def _edits(name: str) -> Iterator[str]:
    """Yield names that differ from ``name`` in one place, or in their case."""
    yield from (name.lower(), name.upper(), name.title(), name.capitalize(), name.swapcase())
    places = range(len(name) + 1)
    for i in places[:-1]:
        yield name[:i] + name[i].swapcase() + name[i + 1 :]
        yield name[:i] + name[i + 1 :]
        yield name[:i] + name[i + 1 : i + 2] + name[i] + name[i + 2 :]
    # An alphabet of all characters would be too many.
    digits = string.digits if any(map(str.isdigit, name)) else ""
    letters = list(dict.fromkeys(f"{name}{digits}{_FREQUENT}"))[:_LETTERS]
    for i in places:
        for letter in letters:
            yield name[:i] + letter + name[i:]
            # A typo makes a letter of a letter, and a digit of a digit.
            if i < len(name) and letter.isdigit() == name[i].isdigit():
                yield name[:i] + letter + name[i + 1 :]


def _shared(one: str, other: str) -> float:
    """Return how much of two names is the same, from their beginnings and their ends."""
    shorter = min(len(one), len(other))
    start = next((i for i in range(shorter) if one[i] != other[i]), shorter)
    rest = shorter - start
    end = next((i for i in range(rest) if one[-1 - i] != other[-1 - i]), rest)
    return 2 * (start + end) / (len(one) + len(other))
