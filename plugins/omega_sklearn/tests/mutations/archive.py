"""A skops file that is taken apart, and the many ways in which one place of it can lie."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.utils import all_estimators
from sklearn.utils._param_validation import Options

Node = dict[str, Any]
Path = tuple[Any, ...]

_NUMBERS = (0, 1, -1, 2, 7, 300, 2**31 - 1, -(2**31), 2**62, 1e-300, 1e308, float("nan"))
_ids = itertools.count(10**18)


def _options() -> dict[str, set[Any]]:
    found: dict[str, set[Any]] = {}
    for _, cls in all_estimators():
        for name, constraints in getattr(cls, "_parameter_constraints", {}).items():
            for constraint in constraints if isinstance(constraints, list) else []:
                if isinstance(constraint, Options):
                    found.setdefault(name, set()).update(map(str, constraint.options))
    return found


_OPTIONS = _options()


class Archive:
    """The schema and the members of a skops file."""

    def __init__(self, data: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            self.members = {name: archive.read(name) for name in archive.namelist()}
        self.schema: Node = json.loads(self.members.pop("schema.json"))

    def mutants(self) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """Yield what each mutant changes, in words, and a function that makes it."""
        for path, node in _sites(self.schema):
            where = _words(path)
            for what, change in _changes(node, path, self.members):
                yield f"{where}: {what}", lambda path=path, change=change: self._with(path, change)

    def _with(self, path: Path, change: Callable[[], tuple[Any, bytes | None]]) -> bytes:
        replacement, member = change()
        members = dict(self.members)
        if isinstance(replacement, dict):
            replacement["__id__"] = next(_ids)
        if member is not None:
            replacement["file"] = "mutant.npy"
            members["mutant.npy"] = member
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("schema.json", json.dumps(_replaced(self.schema, path, replacement)))
            for name, content in members.items():
                archive.writestr(name, content)
        return buffer.getvalue()


_REMOVED = object()


def _sites(node: Any, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    if isinstance(node, dict):
        if "__loader__" in node and path:
            yield path, node
        for key, child in node.items():
            if key != "key_types":
                yield from _sites(child, (*path, key))
    elif isinstance(node, list):
        # What holds of the first and the last holds of those between.
        for index in sorted({*range(len(node))[:2], *range(len(node))[-1:]}):
            yield from _sites(node[index], (*path, index))


def _replaced(node: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    key, *rest = path
    copy = node.copy()
    if not rest and value is _REMOVED:
        del copy[key]
    else:
        copy[key] = _replaced(node[key], tuple(rest), value)
    if isinstance(copy, dict) and "__id__" in copy:
        copy["__id__"] = next(_ids)
    return copy


def _words(path: Path) -> str:
    return ".".join(str(step) for step in path if step not in ("content", "attrs"))


def _json(value: Any) -> Node:
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(value),
        "is_json": True,
    }


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _changes(
    node: Node, path: Path, members: dict[str, bytes]
) -> Iterator[tuple[str, Callable[[], tuple[Any, bytes | None]]]]:
    loader = node["__loader__"]
    yield "None", lambda: (_json(None), None)
    if isinstance(path[-1], str) and path[-1] not in ("content", "args"):
        yield "removed", lambda: (_REMOVED, None)
    if loader == "JsonNode":
        value = json.loads(node["content"])
        for other in _other_values(value, path):
            yield repr(other), lambda other=other: (_json(other), None)
        if isinstance(value, (int, float)):
            yield (
                "an array of its number",
                lambda: (_array_node(), _npy(np.asarray(value))),
            )
    elif loader in ("ListNode", "TupleNode") or "shape" in node:
        content = node["content"]
        for what, other in (
            ("empty", []),
            ("shorter", content[:-1]),
            ("longer", content + content[-1:]),
            ("twice", content * 2),
            ("reversed", content[::-1]),
            ("rows twice", [_twice(row) for row in content]),
            ("rows shorter", [_shorter(row) for row in content]),
        ):
            if other != content:
                yield what, lambda other=other: ({**node, "content": other}, None)
    elif loader == "NdArrayNode":
        array = np.load(io.BytesIO(members[node["file"]]), allow_pickle=False)
        if node["__class__"] != "ndarray":
            for number in _NUMBERS:
                yield repr(number), lambda number=number: (_json(number), None)
            return
        for what, make in _arrays(array):
            yield what, lambda make=make: (dict(node), _npy(make()))
    elif loader == "SparseMatrixNode":
        yield "dense", lambda: (_array_node(), _npy(np.zeros((3, 3))))


def _array_node() -> Node:
    return {
        "__class__": "ndarray",
        "__module__": "numpy",
        "__loader__": "NdArrayNode",
        "type": "numpy",
    }


def _twice(row: Any) -> Any:
    return {**row, "content": row["content"] * 2} if isinstance(row.get("content"), list) else row


def _shorter(row: Any) -> Any:
    return {**row, "content": row["content"][:-1]} if isinstance(row.get("content"), list) else row


def _other_values(value: Any, path: Path) -> list[Any]:
    others: list[Any] = [*sorted(_OPTIONS.get(path[-1], ()))]
    if isinstance(value, bool):
        others += [not value]
    elif isinstance(value, (int, float)):
        others += [*_NUMBERS, value + 1, value - 1, value * 2, "x"]
    elif isinstance(value, str):
        others += ["", "x", 0]
    else:
        others += [0, -1, 1e308]
    return [other for other in others if other is not value]


def _arrays(
    array: np.ndarray[Any, Any],
) -> Iterator[tuple[str, Callable[[], np.ndarray[Any, Any]]]]:
    yield "empty", lambda: array[:0] if array.ndim else np.empty(0, array.dtype)
    yield "0-d", lambda: np.zeros((), array.dtype)
    yield "one more dimension", lambda: array[None]
    yield "one more dimension, last", lambda: array[..., None]
    yield "flat", lambda: array.ravel()
    for axis in range(array.ndim):
        yield f"shorter along {axis}", lambda axis=axis: np.delete(array, [-1], axis=axis)
        yield (
            f"half along {axis}",
            lambda axis=axis: array.take(range(array.shape[axis] // 2), axis=axis),
        )
        yield f"longer along {axis}", lambda axis=axis: np.concatenate([array, array], axis=axis)
        yield (
            f"much longer along {axis}",
            lambda axis=axis: np.concatenate([array] * 200, axis=axis),
        )
        yield f"none along {axis}", lambda axis=axis: array.take([], axis=axis)
    if array.ndim == 2:
        yield "transposed", lambda: array.T
        yield "of another order", lambda: np.asfortranarray(array)
    if array.dtype.names:
        for field in array.dtype.names:
            for number in _NUMBERS:
                for rows in (slice(None), slice(0, 1), slice(-1, None)):
                    yield (
                        f"{field} {number} at {rows.start}",
                        lambda n=number, f=field, r=rows: _with_field(array, f, r, n),
                    )
        return
    if array.dtype.kind in "iufb":
        for dtype in ("i1", "i4", "i8", "u8", "f4", "f8", "c16", "?", "U3", ">f8"):
            if np.dtype(dtype) != array.dtype:
                yield f"of {dtype}", lambda dtype=dtype: array.astype(dtype)
        for number in _NUMBERS:
            for everywhere in (True, False):
                yield (
                    f"{number} {'everywhere' if everywhere else 'once'}",
                    lambda n=number, e=(everywhere): _with_number(array, e, n),
                )
        yield "reversed", lambda: np.ascontiguousarray(array[::-1])


def _cast(number: Any, dtype: Any) -> Any:
    with np.errstate(all="ignore"):
        if np.dtype(dtype).kind in "iu":
            if number != number:
                return 0
            info = np.iinfo(dtype)
            return max(info.min, min(info.max, int(number)))
        return np.array(number).astype(dtype)


def _with_number(array: np.ndarray[Any, Any], everywhere: bool, number: Any) -> Any:
    copy = np.atleast_1d(array.copy())
    if everywhere:
        copy[...] = _cast(number, array.dtype)
    elif copy.size:
        copy.flat[-1] = _cast(number, array.dtype)
    return copy.reshape(array.shape)


def _with_field(array: np.ndarray[Any, Any], field: str, rows: slice, number: Any) -> Any:
    copy = array.copy()
    copy[field][rows] = _cast(number, array.dtype[field])
    return copy
