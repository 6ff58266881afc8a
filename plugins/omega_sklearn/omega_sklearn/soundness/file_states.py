"""The states that a file hands to compiled objects, examined before anything is built.

Compiled code takes a state apart without a look at its length: a tuple that is too short, or an
array without dimensions, is read beyond its end while the model is loaded.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from numpy.lib import format as npy

from ..skops_schema import Node, dicts_in, read_schema
from .descriptions import UnsoundError, require

_TUPLES = {
    r"sklearn\.neighbors\._(kd|ball)_tree\.\w+": 13,
    r"sklearn\.metrics\._dist_metrics\.\w+": 3,
}
"""The lengths of the states of compiled classes, which are tuples."""

_TREE = {"nodes": 1, "values": 3}
"""The dimensions of the arrays in the state of a decision tree."""


def check_file(data: bytes) -> None:
    """Raise `UnsoundError` where loading a skops file would read outside of what it holds."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        first: dict[Any, Node] = {}
        various: set[Any] = set()
        states: list[Node] = []
        for node in _nodes(read_schema(archive)):
            # Without an id, it is built where it stands.
            id_ = node.get("__id__")
            if id_ is not None and first.setdefault(id_, node) != node:
                various.add(id_)
            if _is_state(node):
                _check_state(node, archive)
                states.append(node)
        for node in (inner for state in states for inner in _nodes(state)):
            # skops builds one object for one id: no other must stand for what was examined. A state
            # in two places has one id, and parts that were made anew for each.
            require(
                _is_state(node) or node.get("__id__") not in various,
                "a state under the id of another object",
            )


def _is_state(node: Node) -> bool:
    loader = node.get("__loader__")
    return loader == "TreeNode" or (loader == "ObjectNode" and _length(node) is not None)


def _name(node: Node) -> str:
    return f"{node.get('__module__')}.{node.get('__class__')}"


def _length(node: Node) -> int | None:
    return next((n for pattern, n in _TUPLES.items() if re.fullmatch(pattern, _name(node))), None)


def _check_state(node: Node, archive: zipfile.ZipFile) -> None:
    if node["__loader__"] == "TreeNode":
        _check_tree(node, archive)
    else:
        _check_tuple(node)


def _check_tree(node: Node, archive: zipfile.ZipFile) -> None:
    content = node["content"]["content"]
    for field, dimensions in _TREE.items():
        array = content.get(field, {})
        require(
            array.get("__loader__") == "NdArrayNode"
            and array.get("__class__") == "ndarray"
            and array.get("type") == "numpy"
            and len(_shape(archive, array["file"])) == dimensions,
            f"the {field} of a Tree are no array of {dimensions} dimension(s)",
        )


def _check_tuple(node: Node) -> None:
    content, length = node.get("content"), _length(node)
    # Without a state, the object is left as it was made, which the checks after loading refuse.
    if content is not None:
        require(
            content.get("__loader__") == "TupleNode"
            and content.get("__class__") == "tuple"
            and len(content.get("content", ())) == length,
            f"the state of a {_name(node)} is no tuple of {length}",
        )


def _shape(archive: zipfile.ZipFile, file: str) -> tuple[int, ...]:
    with archive.open(file) as member:
        version = npy.read_magic(member)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        if read is None:
            raise UnsoundError("an array in an unknown format")
        shape: tuple[int, ...] = read(member)[0]
        return shape


def _nodes(schema: Any) -> Iterator[Node]:
    return (part for part in dicts_in(schema) if "__loader__" in part or "__id__" in part)
