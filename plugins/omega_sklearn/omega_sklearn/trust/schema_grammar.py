"""What the schema of a skops file may say: the ways in which skops itself uses a name.

skops asks whether the *name* of a type is trusted, and a file may then use that name in ways that
skops never writes: call a class with arguments of its choice, where skops would have filled the
attributes of a bare instance; convert the keys of a dict by a function; or declare one thing and
mean another node by its id. Held to the grammar below, loading calls nothing but the constructors
of plain data and of scikit-learn's losses. Everything else that a trusted name can be is a value:
a class or a function that is not called, or an instance whose state is set, and which
`omega_sklearn.soundness` then examines.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Collection
from typing import Any

from ..skops_schema import dicts_in, read_schema

_NUMPY_SCALAR = (
    r"numpy\.(bool_?|str_|bytes_|datetime64|timedelta64|u?int(8|16|32|64|p|c)|u?byte|u?short|"
    r"u?long|u?longlong|float(16|32|64|128)|longdouble|complex(64|128|256)|clongdouble)"
)
_CALLED = {
    "ConstructorFromReduceNode": r"builtins\.frozenset",
    "DefaultDictNode": r"collections\.defaultdict",
    "DictNode": r"builtins\.dict|collections\.OrderedDict|sklearn\.utils(\._bunch)?\.Bunch",
    "ListNode": r"builtins\.list",
    "SetNode": r"builtins\.set",
    "TupleNode": (
        r"builtins\.tuple|sklearn\.impute\._iterative\._ImputerTriplet|"
        r"sklearn\.gaussian_process\.kernels\.Hyperparameter"
    ),
    "NdArrayNode": rf"numpy\.ndarray|{_NUMPY_SCALAR}",
    "MaskedArrayNode": r"numpy\.ma\.(core\.)?MaskedArray",
    "RandomStateNode": r"numpy\.random\.mtrand\.RandomState",
    "RandomGeneratorNode": r"numpy\.random\._generator\.Generator",
    "SparseMatrixNode": r"scipy\.sparse\.\w+\.\w+",
    # scikit-learn 1.5 compiled its losses under the bare name of their module.
    "LossNode": r"(sklearn\._loss\.)?_loss\.Cy\w+|sklearn\.linear_model\._sgd_fast\.\w+",
    "TreeNode": r"sklearn\.tree\._tree\.Tree",
    "PartialNode": r"functools\.partial",
}
"""Nodes that call, or could be made to call, what they name: and what they may name."""

_NOT_CALLED = frozenset(
    {
        *("ObjectNode", "TypeNode", "FunctionNode"),
        *("JsonNode", "BytesNode", "BytearrayNode", "SliceNode", "DTypeNode"),
    }
)
_NOT_AN_OBJECT = re.compile(
    "|".join(names for loader, names in _CALLED.items() if loader != "ConstructorFromReduceNode")
    + r"|numpy\.dtype"
)
"""What skops has nodes of its own for: a bare instance of these could be given any attributes."""

_KEY = re.compile(rf"builtins\.(str|int|float)|{_NUMPY_SCALAR}")
_OLDEST = 2
"""The first protocol of skops that this package has written; older ones have other nodes."""


class GrammarError(Exception):
    """Says what in a file skops would not have written."""


def check(data: bytes, own: Collection[str]) -> frozenset[str]:
    """Return the names of types and functions in a skops file.

    Raises `GrammarError` where the file says what skops does not write.

    Parameters
    ----------
    own
        The reader's own trusted types, which may be used in any way.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = read_schema(archive)
    if not isinstance(schema, dict):
        raise GrammarError("no object at its root")
    protocol = schema.get("protocol")
    if not isinstance(protocol, int) or protocol < _OLDEST:
        raise GrammarError(f"protocol {protocol!r} of skops")
    meanings: dict[Any, tuple[str, str]] = {}
    for node in dicts_in(schema):
        loader, name = node.get("__loader__"), f"{node.get('__module__')}.{node.get('__class__')}"
        if not isinstance(loader, str):
            continue
        # One id is one object. Otherwise a node could stand for another that was checked as
        # something else.
        if meanings.setdefault(node.get("__id__", id(node)), (loader, name)) != (loader, name):
            raise GrammarError(f"{name} under the id of another object")
        if name not in own:
            _check_use(loader, name)
        if "key_types" in node:
            _check_keys(node["key_types"], own)
    return frozenset(name for _, name in meanings.values())


def _check_use(loader: str, name: str) -> None:
    names = _CALLED.get(loader)
    if names is not None and not re.fullmatch(names, name):
        raise GrammarError(f"{name} called by {loader}")
    if loader == "ObjectNode" and _NOT_AN_OBJECT.fullmatch(name):
        raise GrammarError(f"{name} without its contents")
    # A bound method or an operator is code by its nature: only the reader's own list has any.
    if names is None and loader not in _NOT_CALLED:
        raise GrammarError(f"{name} used by {loader}")


def _check_keys(key_types: Any, own: Collection[str]) -> None:
    kinds = key_types.get("content") if isinstance(key_types, dict) else None
    if not isinstance(kinds, list) or key_types.get("__loader__") != "ListNode":
        raise GrammarError("a dict without the types of its keys")
    for kind in kinds:
        name = f"{kind.get('__module__')}.{kind.get('__class__')}"
        named = kind.get("__loader__") == "TypeNode"
        if not named or not (name in own or _KEY.fullmatch(name)):
            raise GrammarError(f"{name} called for the keys of a dict")
