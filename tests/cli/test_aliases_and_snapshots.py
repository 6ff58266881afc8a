"""``omega datasets alias`` and ``omega snapshot``, through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from omega_core import Omega

Run = Callable[..., Any]


def read(done: Any) -> Any:
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_a_version_is_named_and_found_by_the_name(omega: Run, om: Omega) -> None:
    for text in (b"1", b"22", b"333"):
        om.models.put(text, "m")
    assert "champion is version 3" in omega("models", "alias", "m", "champion").stdout
    assert read(omega("models", "alias", "m", "champion", "2", "--json"))["version"] == 2
    assert read(omega("models", "alias", "m", "safe", "champion", "--json"))["aliases"] == [
        "champion",
        "safe",
    ]
    found = read(omega("models", "aliases", "m", "--json"))
    assert [(one["alias"], one["version"]) for one in found] == [("champion", 2), ("safe", 2)]
    assert [move["version"] for move in found[0]["before"]] == [3]
    assert "champion" in omega("models", "aliases", "m").stdout
    info = read(omega("models", "info", "m", "--version", "champion", "--json"))
    assert (info["version"], info["size"], info["aliases"]) == (2, 2, ["champion", "safe"])
    assert omega("models", "unalias", "m", "safe").exit_code == 0
    assert [*om.models.aliases("m")] == ["champion"]
    wrong = omega("models", "info", "m", "--version", "champoin")
    assert wrong.exit_code == 1
    assert "Did you mean 'champion'?" in wrong.stderr
    assert omega("models", "alias", "m", "1").exit_code == 1
    om.models.unalias("m", "champion")
    assert "no aliases" in omega("models", "aliases", "m").stdout


def test_a_snapshot_from_first_to_last(omega: Run, om: Omega) -> None:
    om.datasets.put({"n": 1}, "x")
    om.datasets.put({"n": 1}, "y/1")
    om.models.put(b"m", "m")
    assert "no snapshots" in omega("snapshot", "list").stdout
    taken = read(omega("snapshot", "create", "q1", "--note", "before", "--json"))
    assert taken["objects"] == {"datasets": 2, "models": 1, "jobs": 0}
    assert omega("snapshot", "create", "q1").exit_code == 1
    some = omega("snapshot", "create", "q2", "--datasets", "y/*", "--without", "models", "--json")
    assert read(some)["objects"] == {"datasets": 1, "models": 0, "jobs": 0}
    assert omega("snapshot", "create", "q3", "--without", "nothing").exit_code == 2
    listed = omega("snapshot", "list").stdout
    assert "2 datasets, 1 models" in listed
    assert "before" in listed
    assert [one["name"] for one in read(omega("snapshot", "list", "--json"))] == ["q1", "q2"]
    om.datasets.drop("x")
    contents = read(omega("snapshot", "show", "q1", "--json"))["contents"]
    assert [(one["store"], one["name"], one["version"]) for one in contents] == [
        ("datasets", "x", 1),
        ("datasets", "y/1", 1),
        ("models", "m", 1),
    ]
    assert "y/1" in omega("snapshot", "show", "q1").stdout
    refused = omega("snapshot", "drop", "q1")
    assert refused.exit_code == 2
    assert "--yes" in refused.stderr
    assert read(omega("snapshot", "drop", "q1", "--yes", "--json")) == {"dropped": "q1"}
    gone = omega("snapshot", "show", "q1")
    assert gone.exit_code == 1
    assert "No snapshot 'q1'" in gone.stderr


@pytest.mark.parametrize(
    "command", [["snapshot", "list"], ["datasets", "aliases", "x"]], ids=" ".join
)
def test_as_a_command_of_its_own(
    om: Omega, mongo_url: str, mongo_database: str, command: list[str]
) -> None:
    om.datasets.put({"n": 1}, "x")
    url = f"{mongo_url}/{mongo_database}"
    run = [sys.executable, "-m", "omega_core", "--url", url, *command, "--json"]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
