"""A database that the real omega|ml 0.18.0 wrote, once for all processes of a session."""

from __future__ import annotations

import fcntl
import json
import os
import runpy
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from bson import decode_file_iter, encode
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

HERE = Path(__file__).parent
PYTHON = "OMEGAML_PYTHON"


@pytest.fixture(scope="session")
def omegaml_python() -> str:
    """The Python that has omegaml==0.18.0, which cannot be installed beside pandas 3."""
    found = os.environ.get(PYTHON)
    if not found:
        pytest.skip(f"needs a Python with omegaml==0.18.0 in {PYTHON}: nox -s tests makes it")
    return found


@pytest.fixture(scope="session")
def cases() -> dict[str, Any]:
    """What was put."""
    pytest.importorskip("pandas")
    return runpy.run_path(str(HERE / "cases.py"))


@pytest.fixture(scope="session")
def written(
    omegaml_python: str, mongo_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The URL of the database, and what omega|ml returned of it.

    One process of the session writes it; the others, each of which has a server of its own, load
    what that one left.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    dump, got = shared / "omegaml.bson", shared / "omegaml.json"
    name = f"omegaml_{uuid.uuid4().hex[:16]}"
    url = f"{mongo_url}/{name}"
    client: pymongo.MongoClient[Any]
    with pymongo.MongoClient(mongo_url) as client:
        with open(shared / "omegaml.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if dump.exists():
                _load(client[name], dump)
            else:
                _write(omegaml_python, url, got)
                _save(client[name], dump)
        yield url, json.loads(got.read_text(encoding="utf-8"))
        client.drop_database(name)


def _write(python: str, url: str, got: Path) -> None:
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("OMEGA", "PYTHON", "COV_"))
    }
    done = subprocess.run(
        [python, str(HERE / "write_database.py"), url, str(got)],
        env=environment,
        cwd=got.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def _save(database: Any, dump: Path) -> None:
    raw: CodecOptions[Any] = CodecOptions(document_class=RawBSONDocument)
    unfinished = dump.with_suffix(".part")
    with unfinished.open("wb") as file:
        for collection in database.list_collection_names():
            for document in database.get_collection(collection, codec_options=raw).find():
                file.write(encode({"in": collection, "is": document}))
    unfinished.replace(dump)


def _load(database: Any, dump: Path) -> None:
    raw: CodecOptions[Any] = CodecOptions(document_class=RawBSONDocument)
    waiting: dict[str, list[Any]] = {}
    with dump.open("rb") as file:
        for entry in decode_file_iter(file, raw):
            waiting.setdefault(str(entry["in"]), []).append(entry["is"])
    for collection, documents in waiting.items():
        database[collection].insert_many(documents)
