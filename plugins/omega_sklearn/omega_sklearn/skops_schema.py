"""The schema in a skops file: a tree of nodes, which say what is built of what."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]


def read_schema(archive: zipfile.ZipFile) -> Any:
    """Return the schema as it stands in the file, whatever that is."""
    return json.loads(archive.read("schema.json"))


def dicts_in(schema: Any) -> Iterator[Node]:
    """Yield all that could be nodes, also where skops would not look: nothing can be hidden."""
    stack = [schema]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            yield part
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)
