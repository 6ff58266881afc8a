"""The page about the shell is run in one, and says what comes out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_core import Omega
from omega_core.cli.tree import EACH, STORES, load

PAGE = (Path(__file__).parents[2] / "docs" / "shell.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```sh\n(.*?)^```$(?:\n^```text\n(.*?)^```$)?", re.M | re.S)


@pytest.mark.slow
@pytest.mark.needs_plugins("pandas", "sklearn", "notebook")
@pytest.mark.parametrize("part", [slice(None, 6), slice(6, None)], ids=["tables", "models, jobs"])
def test_the_blocks_of_the_page_do_what_it_says(
    om: Omega, mongo_url: str, mongo_database: str, tmp_path: Path, part: slice
) -> None:
    blocks = BLOCK.findall(PAGE)
    assert len(blocks) == 9
    blocks = blocks[part]
    (tmp_path / "omega.toml").touch()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OMEGA_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OMEGA_MONGO__URL": f"{mongo_url}/{mongo_database}",
        "OMEGA_CONFIG": str(tmp_path / "omega.toml"),
        "PYTHONIOENCODING": "utf-8",
    }
    for code, expected in blocks:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", code],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), code
        assert _plain(done.stdout) == _plain(expected), code


def _plain(output: str) -> str:
    """Return the output without what differs between versions of pandas and Parquet."""
    return re.sub(r'"object"', '"str"', re.sub(r", [\d.]+ kB$", ", 2.7 kB", output, flags=re.M))


@pytest.mark.parametrize("attribute", ["datasets", "models"])
def test_the_page_runs_every_command(attribute: str) -> None:
    run = "\n".join(code for code, _ in BLOCK.findall(PAGE))
    commands: list[Callable[..., object]] = [
        load(command) for command in (*STORES[attribute], *EACH)
    ]
    for command in commands:
        name = command.__name__
        assert re.search(rf"omega (--bucket \w+ )?(datasets|models) {name}\b", run), name
