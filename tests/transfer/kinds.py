"""One object of every kind of the core, how it is put, and whether two of them are the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from omega_core import Omega

Put = Callable[[Omega, Path], None]


def _data(om: Omega, directory: Path) -> None:
    value = {
        "a": (1, 2.5, Decimal("1.10")),
        "at": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        "b": b"x",
    }
    om.datasets.put(value, "x", attributes={"owner": "ann", "n": 1, "t": (1, 2)})


def _large_data(om: Omega, directory: Path) -> None:
    om.datasets.put(["text" * 10, *range(20_000)], "x", attributes={"owner": "bob"})


def _rows(om: Omega, directory: Path) -> None:
    om.datasets.put(({"n": n, "s": "é"} for n in range(50)), "x", kind="python.rows", index=["n"])
    om.datasets.put([{"n": 50}], "x", append=True)


def _no_rows(om: Omega, directory: Path) -> None:
    om.datasets.put([], "x", kind="python.rows")


def _bytes(om: Omega, directory: Path) -> None:
    om.datasets.put(bytes(range(256)) * 20_000, "x")


def _file(om: Omega, directory: Path) -> None:
    path = directory / "report.txt"
    path.write_text("a report\n")
    om.datasets.put(path, "x")


def _directory(om: Omega, directory: Path) -> None:
    inner = directory / "tree" / "inner"
    inner.mkdir(parents=True)
    (inner / "one.txt").write_bytes(b"1")
    om.datasets.put(directory / "tree", "x")


def _at_uri(om: Omega, directory: Path) -> None:
    om.datasets.put(b"outside" * 1000, "x", uri=f"{directory.as_uri()}/files/{{key}}")


def _reference(om: Omega, directory: Path) -> None:
    (directory / "other.bin").write_bytes(b"a,b\n1,2\n")
    om.datasets.put(f"{directory.as_uri()}/other.bin", "x", reference=True)


CORE: dict[str, Put] = {
    "data": _data,
    "large data": _large_data,
    "rows": _rows,
    "no rows": _no_rows,
    "bytes": _bytes,
    "file": _file,
    "directory": _directory,
    "at a uri": _at_uri,
    "reference": _reference,
}


def value(om: Omega, name: str, **options: Any) -> Any:
    """Return an object as what can be compared."""
    got = om.datasets.get(name, **options)
    if not hasattr(got, "read"):
        return got
    with got:
        return got.read()
