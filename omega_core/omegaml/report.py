"""What became of each object that was read from a database of omega|ml."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Status = Literal["imported", "planned", "present", "skipped", "left out", "failed"]


@dataclass
class Outcome:
    """What became of one object.

    Attributes
    ----------
    bucket, store, name : str
        Where it is here, or would be.
    from_bucket, from_kind : str
        Of omega|ml.
    status
        ``"imported"``; ``"planned"`` of a dry run; ``"present"``, imported before and unchanged
        since; ``"skipped"``, because the name is taken here and ``skip_existing`` says so;
        ``"left out"``, because it cannot be imported here; ``"failed"``.
    kind : str or None
        What it is here.
    rows, bytes : int or None
        Of the source. Bytes are those of the documents or of the file, uncompressed.
    versions
        How many versions were put.
    changed
        What is not as it was there, or was lost before.
    reason
        Why it was not imported, and what to do.
    """

    bucket: str
    store: str
    name: str
    from_bucket: str
    from_kind: str
    status: Status = "failed"
    kind: str | None = None
    rows: int | None = None
    bytes: int | None = None
    versions: int = 0
    changed: list[str] = field(default_factory=list)
    reason: str | None = None

    @property
    def is_here(self) -> bool:
        """Whether the object is here now, or would be after what is planned."""
        return self.status not in ("left out", "failed")


@dataclass
class Report:
    """What `import_database` did.

    Attributes
    ----------
    source : str
        The URL, without what nobody has to see.
    objects : list of Outcome
    hidden : int
        How many objects were passed over because they belong to omega|ml itself, or are hidden.
    dry_run : bool
    """

    source: str
    objects: list[Outcome] = field(default_factory=list)
    hidden: int = 0
    dry_run: bool = False

    @property
    def complete(self) -> bool:
        """Whether nothing that was asked for is missing here."""
        return all(outcome.is_here for outcome in self.objects)

    def count(self, status: Status) -> int:
        """Return how many objects ended so."""
        return sum(outcome.status == status for outcome in self.objects)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        return {**asdict(self), "complete": self.complete}
