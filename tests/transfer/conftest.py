"""An `Omega` that may write files, and others: of another database, and of another server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pymongo
import pytest

from omega_core import Omega


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Where objects may lie outside of MongoDB."""
    directory = tmp_path / "outside"
    directory.mkdir()
    return directory


@pytest.fixture
def om(make_omega: Callable[..., Omega], files: Path) -> Omega:
    """An `Omega` on a fresh database, with a directory for files."""
    return make_omega(uris={"allow": [files.as_uri() + "/"]})


@pytest.fixture
def other(mongo_url: str, mongo_database: str, files: Path) -> Iterator[Omega]:
    """An `Omega` on another database of the same server."""
    config = {
        "mongo": {"url": f"{mongo_url}/{mongo_database}_other"},
        "uris": {"allow": [files.as_uri() + "/"]},
    }
    with Omega(config) as other:
        yield other
    with pymongo.MongoClient(mongo_url) as client:
        client.drop_database(f"{mongo_database}_other")
