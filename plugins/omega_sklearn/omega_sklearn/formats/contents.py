"""What a skops file holds, by its schema alone: nothing of it is imported, built or called."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Collection
from typing import Any

from ..skops_schema import Node, dicts_in, read_schema
from . import roundtrip

_LARGEST_SCHEMA = 64 * 1024 * 1024
_LARGEST_VALUE = 2000
_DEEPEST = 8
_MOST_NODES = 1000
_MOST_NAMES = 100


class _Outline:
    """Describes nodes, up to so many: the file may be anybody's."""

    def __init__(self) -> None:
        self._left = _MOST_NODES

    def of(self, node: Any, depth: int = 0) -> Any:
        """Return the value of a node where it is plain, parameters of an estimator, or a name."""
        self._left -= 1
        if not isinstance(node, dict) or depth > _DEEPEST or self._left < 0:
            return "..."
        content = node.get("content")
        match node.get("__loader__"):
            case "JsonNode":
                return _value(content)
            case "ObjectNode" if (state := _state(node)) is not None:
                own = {k: self.of(v, depth + 1) for k, v in state.items() if _is_parameter(k)}
                return {"class": _name(node), **own}
            case "ListNode" | "TupleNode" | "SetNode" if isinstance(content, list):
                return self._items(content, depth)
            case "DictNode" if isinstance(content, dict):
                return {str(k): self.of(v, depth + 1) for k, v in content.items()}
            case _:
                return _name(node)

    def _items(self, content: list[Any], depth: int) -> Any:
        """Return a list; of steps, which are pairs of a name and an estimator, a dict."""
        named: dict[str, Any] = {}
        for item in content:
            parts = item.get("content") if isinstance(item, dict) else None
            if not isinstance(parts, list) or len(parts) < 2:
                break
            label, part = self.of(parts[0], depth + 1), self.of(parts[1], depth + 1)
            if not isinstance(label, str) or label in named or not isinstance(part, str | dict):
                break
            if len(parts) > 2 and isinstance(part, dict):
                part["columns"] = self.of(parts[2], depth + 1)
            named[label] = part
        else:
            if any(isinstance(part, dict) for part in named.values()):
                return named
        return [self.of(item, depth + 1) for item in content[:_MOST_NAMES]]


def contents_of(data: bytes, own: Collection[str]) -> dict[str, Any]:
    """Return what a file holds: parameters with those of parts, classes, and what needs trust.

    Parameters
    ----------
    own
        The names that the reader trusts beyond those of this package.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.getinfo("schema.json").file_size > _LARGEST_SCHEMA:
                return {"unreadable": "its schema is too large to be described"}
            schema = read_schema(archive)
        state = _state(schema) or {}
        described = _Outline().of(schema)
        parameters = described if isinstance(described, dict) else {}
        objects = [node for node in dicts_in(schema) if _is_object(node)]
        inside = sorted({_name(node) for node in objects})
        untrusted = sorted(roundtrip.untrusted(data, own))
    except Exception as error:
        # A file that nobody vouches for fails in any way there is.
        return {"unreadable": f"{type(error).__name__}: {error}"[:_LARGEST_VALUE]}
    found: dict[str, Any] = {
        # What fit leaves ends with an underscore; of a pipeline, it is in its steps.
        "fitted": any(_is_fitted(node) for node in objects),
        "parameters": {key: value for key, value in parameters.items() if key != "class"},
        "inside": inside[:_MOST_NAMES],
        "needs trust in": untrusted[:_MOST_NAMES],
    }
    features = _value((state.get("n_features_in_") or {}).get("content"))
    return {**found, "features": features} if isinstance(features, int) else found


def _state(node: Node) -> dict[str, Any] | None:
    """Return the attributes of an instance, as nodes."""
    content = node.get("content") if isinstance(node, dict) else None
    state = content.get("content") if isinstance(content, dict) else None
    return state if isinstance(state, dict) else None


def _is_parameter(name: str) -> bool:
    return not name.startswith("_") and not name.endswith("_")


def _is_object(node: Node) -> bool:
    return node.get("__loader__") == "ObjectNode" and _state(node) is not None


def _is_fitted(node: Node) -> bool:
    return any(k.endswith("_") and not k.startswith("_") for k in _state(node) or {})


def _name(node: Node) -> str:
    return f"{node.get('__module__')}.{node.get('__class__')}"


def _value(content: Any) -> Any:
    if not isinstance(content, str) or len(content) > _LARGEST_VALUE:
        return "..."
    return json.loads(content)
