"""How the rows and columns of a batch are cut into documents, and what those are called."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from omega_core.errors import IntegrityError

Document = dict[str, Any]

SEGMENT_ROWS = 128 * 1024
"""Rows of a segment, at most."""

SEGMENT_BYTES = 8 * 1024 * 1024
"""Bytes of one column in one segment before compression, at most, unless one value has more."""

GROUP_BYTES = 256 * 1024
"""A column with fewer bytes in a segment shares its document with its neighbours."""


@dataclass(frozen=True)
class Layout:
    """How the documents of one batch are cut: enough to name each without asking the server.

    Attributes
    ----------
    rows
        Of the batch.
    segment_rows
        Of each segment but the last.
    groups
        How many fields each document of a segment holds, in their order.
    """

    rows: int
    segment_rows: int
    groups: tuple[int, ...]

    @classmethod
    def of(cls, table: pa.Table, rows: int, sizes: Sequence[int]) -> Layout:
        """Choose a layout for a table of columns of ``sizes`` bytes.

        A table without columns does not know its ``rows``.
        """
        widths = [size / max(1, rows) for size in sizes]
        widest = max([1 / 8, *widths])
        most = SEGMENT_BYTES if table.column_names == ["bytes"] else SEGMENT_ROWS
        segment_rows = max(1, min(most, int(SEGMENT_BYTES / widest)))
        groups: list[int] = []
        size = 0.0
        for width in widths:
            bytes_ = width * min(rows, segment_rows)
            if groups and size < GROUP_BYTES and size + bytes_ < 2 * GROUP_BYTES:
                groups[-1] += 1
                size += bytes_
            else:
                groups.append(1)
                size = bytes_
        return cls(rows, segment_rows, tuple(groups))

    @classmethod
    def from_document(cls, document: Document) -> Layout:
        groups = tuple(size for size, times in document["groups"] for _ in range(times))
        return cls(document["rows"], document["segment_rows"], groups)

    def to_document(self) -> Document:
        runs: list[list[int]] = []
        for size in self.groups:
            if runs and runs[-1][0] == size:
                runs[-1][1] += 1
            else:
                runs.append([size, 1])
        return {"rows": self.rows, "segment_rows": self.segment_rows, "groups": runs}

    @property
    def segments(self) -> int:
        # Also of no rows there is one, which holds the types.
        return max(1, -(-self.rows // self.segment_rows)) if self.groups else 0

    @property
    def starts(self) -> list[int]:
        """The first field of each document of a segment."""
        return [0, *itertools.accumulate(self.groups[:-1])] if self.groups else []

    def bounds(self, segment: int) -> tuple[int, int]:
        """Return the first row of a segment, and the one after its last."""
        start = segment * self.segment_rows
        return start, min(self.rows, start + self.segment_rows)

    def group_of(self, fields: Sequence[str]) -> dict[str, int]:
        """Return, for the fields of the batch in their order, the document that holds each."""
        if sum(self.groups) != len(fields):
            raise IntegrityError(
                f"The batch has {len(fields)} fields, and its metadata tell of {sum(self.groups)}."
            )
        places: dict[str, int] = {}
        names = iter(fields)
        for group, size in enumerate(self.groups):
            for _ in range(size):
                places[next(names)] = group
        return places


def document_id(payload: str, segment: int, group: int) -> str:
    """Return the id of a document; ``payload`` begins with the generation that wrote it."""
    return f"{payload}-{segment:06d}-{group:05d}"
