"""The fixtures for authors of plugins: real servers, fresh databases, nobody's configuration."""

from __future__ import annotations

import os
from pathlib import Path

import pymongo

from omega_core.config import load_config
from omega_core.mongo import embedded
from omega_core.testing.fixtures import PrivateMongod


def test_no_configuration_of_the_developer_is_seen() -> None:
    assert [name for name in os.environ if name.startswith("OMEGA_")] == ["OMEGA_CONFIG"]
    config = load_config()
    assert config.to_dict() == load_config({}).to_dict()
    assert config.source == os.environ["OMEGA_CONFIG"]


def test_the_default_data_directory_is_not_that_of_the_developer(tmp_path: Path) -> None:
    base = tmp_path.parent.parent
    assert base in embedded.status().data_dir.parents


def test_a_test_gets_a_fresh_database(mongo_url: str, mongo_database: str) -> None:
    with pymongo.MongoClient[dict[str, str]](mongo_url) as client:
        assert mongo_database not in client.list_database_names()
        client[mongo_database].notes.insert_one({"text": "dropped after the test"})


def test_every_database_was_dropped_after_its_test(mongo_url: str, mongo_database: str) -> None:
    with pymongo.MongoClient[dict[str, str]](mongo_url) as client:
        assert [n for n in client.list_database_names() if n.startswith("test_")] == []


def test_a_private_mongod_may_be_killed_and_comes_back_with_its_data(
    private_mongod: PrivateMongod,
) -> None:
    url = private_mongod.url("crash")
    with pymongo.MongoClient[dict[str, str]](url) as client:
        journaled = pymongo.WriteConcern(j=True)
        client.crash.get_collection("notes", write_concern=journaled).insert_one({"text": "kept"})
    before = private_mongod.pid
    private_mongod.kill()
    assert private_mongod.pid is None
    private_mongod.restart()
    assert private_mongod.pid not in (None, before)
    assert private_mongod.url("crash") == url
    with pymongo.MongoClient[dict[str, str]](url) as client:
        assert client.crash.notes.count_documents({"text": "kept"}) == 1
