"""The peers, each a module with a class `Peer`; see `base` for what one does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """What is known of a peer without importing it."""

    name: str
    title: str
    environment: str
    """Whose interpreter runs it; the dependency groups ``benchmark-*`` say what is in there."""
    packages: tuple[str, ...]
    """Whose versions are reported."""
    by_row: bool = False
    """Stores row by row: slow, so that it runs once, and not on the largest frame."""
    is_floor: bool = False
    """Moves bytes, and makes no frame of them."""


ENTRIES = {
    entry.name: entry
    for entry in (
        Entry("omega", "omega_core", "omega", ("omega-core", "omega-pandas", "pandas", "pyarrow")),
        Entry("floor", "the floor: the same bytes", "omega", ("pymongo",), is_floor=True),
        Entry(
            "plain", "the floor: plain Arrow, zstd", "omega", ("pymongo", "pyarrow"), is_floor=True
        ),
        Entry("arcticdb", "ArcticDB on LMDB", "arcticdb", ("arcticdb", "pandas")),
        Entry("parquet", "Parquet file", "omega", ("pyarrow",)),
        Entry("feather", "Feather file", "omega", ("pyarrow",)),
        Entry("pymongoarrow", "pymongoarrow", "pymongoarrow", ("pymongoarrow", "pandas"), True),
        Entry("documents", "insert_many and find", "pymongoarrow", ("pymongo", "pandas"), True),
        Entry("omegaml", "omegaml", "omegaml", ("omegaml", "pandas"), True),
    )
}
