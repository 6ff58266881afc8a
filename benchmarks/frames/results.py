"""What was measured: samples of seconds, sizes, and whether the results were right."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

from peers import ENTRIES


@dataclass
class Samples:
    """All runs of one operation of one peer on one case."""

    seconds: list[float] = field(default_factory=list)
    bytes: int | None = None
    equal: bool | None = None
    same_dtypes: bool | None = None
    unable: str | None = None
    first: float | None = None
    last: float | None = None

    def add(self, answer: dict[str, Any]) -> None:
        if "unable" in answer:
            self.unable = answer["unable"]
            return
        if "seconds" in answer:
            self.seconds.append(answer["seconds"])
        if "equal" in answer:
            self.equal = answer["equal"] and self.equal is not False
            self.same_dtypes = answer["same_dtypes"] and self.same_dtypes is not False
        self.bytes = answer.get("bytes", self.bytes)
        self.first = answer.get("first", self.first)
        self.last = answer.get("last", self.last)

    @property
    def min(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


@dataclass
class CaseResults:
    """One case: its raw size, and the samples of each peer and operation."""

    name: str
    title: str
    raw: int = 0
    shape: tuple[int, int] = (0, 0)
    digests: set[str] = field(default_factory=set)
    samples: dict[tuple[str, str], Samples] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    """Why a peer has no part in this case."""
    versions: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, peer: str, operation: str, answer: dict[str, Any]) -> Samples:
        samples = self.samples.setdefault((peer, operation), Samples())
        samples.add(answer)
        return samples

    def of(self, peer: str, operation: str) -> Samples:
        return self.samples.get((peer, operation), Samples())

    def peers(self) -> list[str]:
        measured = {peer for peer, _ in self.samples}
        return [peer for peer in ENTRIES if peer in measured]

    def wrong(self) -> list[str]:
        """Return which peers and operations gave other values than pandas."""
        return [f"{p} {o}" for (p, o), s in self.samples.items() if s.equal is False]
