"""The real command between other ones: pipes that close, shells that ask, servers that start."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega

OMEGA = f"{sys.executable} -m omega_core"


@pytest.fixture
def shell(mongo_url: str, mongo_database: str, tmp_path: Path) -> Callable[..., Any]:
    """Run a line of bash, whose ``$OMEGA`` is the command on the test's database."""
    (tmp_path / "omega.toml").touch()

    def run(line: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "OMEGA": OMEGA,
            "OMEGA_CONFIG": str(tmp_path / "omega.toml"),
            "OMEGA_MONGO__URL": f"{mongo_url}/{mongo_database}",
            **more,
        }
        return subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_pipe_whose_reader_has_gone_is_no_error(shell: Callable[..., Any], om: Omega) -> None:
    om.datasets.put(b"line\n" * 100_000, "long")
    done = shell("$OMEGA datasets get long | head -n 1; echo ${PIPESTATUS[0]}")
    assert (done.stdout, done.stderr) == ("line\n0\n", "")
    # Also where it has gone before anything is written, and all fits into its buffer.
    done = shell("$OMEGA --version | true; echo ${PIPESTATUS[0]}")
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_device_is_written_to_and_not_replaced(shell: Callable[..., Any], om: Omega) -> None:
    om.datasets.put(b"hello", "x")
    done = shell("$OMEGA datasets get x -o >(cat > copy); wait; $OMEGA datasets get x -o /dev/null")
    assert done.returncode == 0, done.stderr
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("store", ["datasets", "models"])
def test_a_shell_completes_names_of_the_store(
    shell: Callable[..., Any], om: Omega, store: str
) -> None:
    for name in ("sales", "sales/2024", "other", "odd name", "$(odd)", ".hidden"):
        getattr(om, store).put(1, name)
    asked = {"_OMEGA_COMPLETE": "complete_bash", "COMP_CWORD": "3"}
    # As the script does that `omega --show-completion` prints.
    found = shell("$OMEGA", COMP_WORDS=f"omega {store} get sa", **asked)
    assert found.stdout.split("\n")[:2] == ["sales", "sales/2024"], found.stderr
    found = shell("$OMEGA", COMP_WORDS=f"omega {store} info ", **asked)
    assert found.stdout.split("\n")[:3] == ["other", "sales", "sales/2024"]


def test_completion_asks_the_server_once_and_imports_no_plugin(om: Omega) -> None:
    from omega_core.cli.terminal import completion

    om.datasets.put(1, "sales")
    seen: list[str] = []

    class Context:
        params: dict[str, Any] = {"url": om.config.mongo.url}  # noqa: RUF012

        def find_root(self) -> Context:
            return self

    import pymongo.monitoring

    class Listener(pymongo.monitoring.CommandListener):
        def started(self, event: Any) -> None:
            seen.append(event.command_name)

        def succeeded(self, event: Any) -> None:
            pass

        def failed(self, event: Any) -> None:
            pass

    pymongo.monitoring.register(listener := Listener())
    try:
        assert completion.dataset_names(Context(), "s") == ["sales"]
    finally:
        pymongo.monitoring._LISTENERS.command_listeners.remove(listener)
    assert [name for name in seen if name in ("find", "aggregate")] == ["find"]


def test_completion_neither_starts_a_server_nor_says_what_is_wrong(
    shell: Callable[..., Any], tmp_path: Path
) -> None:
    asked = {"_OMEGA_COMPLETE": "complete_bash", "COMP_CWORD": "3"}
    words = "omega datasets get s"
    data = tmp_path / "data"
    (tmp_path / "own.toml").write_text(f"[mongo]\ndata_dir = '{data}'\n")
    own = {"OMEGA_CONFIG": str(tmp_path / "own.toml")}
    done = shell("env -u OMEGA_MONGO__URL $OMEGA", COMP_WORDS=words, **asked, **own)
    assert (done.stdout.strip(), done.stderr) == ("", "")
    assert not data.exists()
    (tmp_path / "own.toml").write_text("[broken")
    done = shell("$OMEGA", COMP_WORDS=words, **asked, **own)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_help_makes_no_command_that_nobody_asked_for() -> None:
    code = """
import typer.main

made = []
make = typer.main.get_command_from_info


def noting(*args, **more):
    made.append(args[0] if args else more["command_info"])
    return make(*args, **more)

typer.main.get_command_from_info = noting
from omega_core.cli.main import app
try:
    app(["--help"])
finally:
    print(sorted(info.callback.__module__.split(".")[-1] for info in made), flush=True)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    made = done.stdout.splitlines()[-1]
    assert "doctor" in made
    for module in ("objects", "look", "moving", "server"):
        assert f"'{module}'" not in made


def test_who_waits_for_a_server_is_told_once_how_not_to(tmp_path: Path) -> None:
    (tmp_path / "omega.toml").write_text(f"[mongo]\ndata_dir = '{tmp_path / 'data'}'\n")
    environment = {**os.environ, "OMEGA_CONFIG": str(tmp_path / "omega.toml")}
    environment.pop("OMEGA_MONGO__URL", None)

    def run(*arguments: str, terminal: bool = True) -> str:
        ours, theirs = pty.openpty()
        try:
            command = [sys.executable, "-m", "omega_core", "datasets", "list", *arguments]
            stderr = theirs if terminal else subprocess.DEVNULL
            subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, stderr=stderr, check=True
            )
            os.write(theirs, b"|")
            said = b""
            while not said.endswith(b"|"):
                said += os.read(ours, 4096)
            return said.decode()
        finally:
            os.close(ours)
            os.close(theirs)

    assert "omega server start" not in run(terminal=False)
    assert "omega server start" not in run("--json")
    assert "omega server start" in " ".join(run().split())
    assert "omega server start" not in run()
    path = subprocess.run(
        [sys.executable, "-m", "omega_core", "server", "status", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    # Whoever came first also left last.
    assert json.loads(path.stdout)["running"] is False
