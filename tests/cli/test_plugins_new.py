"""``omega plugins new``: each variant works at once, and what cannot be is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import venv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from omega_core.mongo.binary import find_mongod

ROOT = Path(__file__).parents[2]

Run = Callable[..., Any]

ALL = ["--model", "--engine", "--scheme", "six", "--wrapper", "put", "--wrapper", "predict"]
VARIANTS = {
    "one-thing": [],
    "two-graph": ["--kind", "two.graph", "--type", "networkx:Graph"],
    "three": ["--model"],
    "four": ["--engine"],
    "five": ["--scheme", "five"],
    "six": ALL,
    "seven-log": [f"--wrapper={hook}" for hook in ("put", "get", "drop", "act", "run", "fit")],
    "eight-digraph": ["--model", "--type", "networkx:DiGraph", "--license", "Apache-2.0"],
    "nine-context": ["--type", "decimal:Context"],
}
"""Names whose ids differ, so that all of them can be installed side by side."""

SHORTER = {
    # Of these, the other files are those of the variant with all parts: compared below.
    **dict.fromkeys(("three", "four", "five", "seven-log"), ("tests/test_plugin.py",)),
    # Of a library: what differs are `dump` and `load`, which all tests use.
    **dict.fromkeys(("two-graph", "eight-digraph"), ("-k", "not AtUri and not crash")),
}
"""What is run of the suites that say little that others do not."""


class Bench:
    """A fresh environment, and what is run in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.bin = directory / "venv" / "bin"
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
        venv.create(directory / "venv", with_pip=True)
        # The mongod of whoever runs this, which need not be installed again.
        (directory / "mongod").symlink_to(find_mongod())
        self.environ = {
            **kept,
            "PATH": f"{directory}{os.pathsep}{kept['PATH']}",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "MYPY_CACHE_DIR": str(directory / "mypy"),
        }

    def run(self, *command: str, cwd: Path | None = None) -> str:
        program = [str(self.bin / command[0]), *command[1:]]
        done = subprocess.run(
            program, capture_output=True, text=True, env=self.environ, cwd=cwd, check=False
        )
        assert done.returncode == 0, f"{command} in {cwd}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """The core, installed from its wheel, and the tools that a new project names."""
    bench = Bench(tmp_path / "bench")
    tools = ["pytest>=8.3", "ruff>=0.9", "mypy>=1.14", "hatchling>=1.27,<2", "twine>=6.1"]
    bench.run("pip", "install", "--quiet", *tools, "networkx")
    wheels = Path(os.environ.get("WHEELS_UNDER_TEST", tmp_path / "wheels"))
    if "WHEELS_UNDER_TEST" not in os.environ:
        build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
        bench.run("pip", *build, str(wheels), str(ROOT))
    [core] = wheels.glob("omega_core-*.whl")
    bench.run("pip", "install", "--quiet", str(core))
    return bench


@pytest.mark.slow
def test_each_variant_is_green_at_once(bench: Bench, tmp_path: Path) -> None:
    def write(name: str) -> Path:
        where = ["--directory", str(tmp_path)]
        bench.run("omega", "plugins", "new", name, *VARIANTS[name], *where)
        bench.run("hatchling", "build", "-t", "wheel", cwd=tmp_path / name)
        return tmp_path / name

    def read(name: str) -> None:
        bench.run("ruff", "check", ".", cwd=tmp_path / name)
        bench.run("ruff", "format", "--check", ".", cwd=tmp_path / name)
        bench.run("mypy", name.replace("-", "_"), cwd=tmp_path / name)

    def test(name: str) -> str:
        command = ["pytest", "-q", "-p", "no:cacheprovider", *SHORTER.get(name, ())]
        return bench.run(*command, cwd=tmp_path / name).splitlines()[-1]

    with ThreadPoolExecutor(4) as pool:
        projects = list(pool.map(write, VARIANTS))
        wheels = [str(wheel) for project in projects for wheel in project.glob("dist/*.whl")]
        assert len(wheels) == len(VARIANTS)
        bench.run("pip", "install", "--quiet", "--no-deps", *wheels)
        # Their own tests run `omega plugins check`. The longest first.
        order = sorted(VARIANTS, key=lambda name: (name in SHORTER, name != "six"))
        tested = pool.map(test, order)
        for name in VARIANTS:
            read(name)  # one after another, so that each finds the core in the cache
        bench.run("twine", "check", "--strict", *wheels)
        results = dict(zip(order, tested, strict=True))
    assert all("passed" in line for line in results.values()), results


def of_project(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): path.read_text(encoding="utf-8")
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_the_files_of_a_part_are_the_same_whatever_else_there_is(
    omega: Run, tmp_path: Path
) -> None:
    parts = {
        "--model": ("acme/objects.py", "acme/format.py", "acme/backend.py", "test_backend"),
        "--engine": ("acme/engine.py", "test_engine"),
        "--scheme=acme": ("acme/filesystem.py", "test_filesystem"),
        "--wrapper=put": ("acme/wrappers.py", "test_wrappers"),
    }

    def written(*options: str) -> dict[str, str]:
        directory = tmp_path / "-".join(options)
        directory.mkdir()
        result = omega("plugins", "new", "acme", *options, "--directory", str(directory))
        assert result.exit_code == 0, result.stderr
        return of_project(directory / "acme")

    together = written(*parts)
    for option, files in parts.items():
        alone = written(option)
        for file in files:
            path = file if "/" in file else f"tests/{file}.py"
            assert alone[path] == together[path], path
    assert not [text for text in together.values() if "#[" in text]


def test_what_was_written_is_told_and_what_to_do_next(
    omega: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = omega("plugins", "new", "acme-graph", "--type", "no_such_library:Graph", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    files = set(of_project(tmp_path / "acme-graph"))
    assert set(document["files"]) == files
    assert files >= {
        *("pyproject.toml", "README.md", "LICENSE", ".gitignore", ".github/workflows/ci.yml"),
        *("acme_graph/py.typed", "acme_graph/__init__.py", "tests/test_backend.py"),
    }
    told = {key: document[key] for key in ("directory", "id", "package", "kind", "type")}
    assert told == {
        "directory": "acme-graph",
        "id": "acme",
        "package": "acme_graph",
        "kind": "acme.graph",
        "type": "no_such_library:Graph",
    }
    assert any("no_such_library is not installed here" in step for step in document["next"])
    shown = omega("plugins", "new", "other-thing", "--license", "Apache-2.0").stdout
    assert "wrote 13 files to other-thing" not in shown  # the text of the licence is not ours
    for step in ("cd other-thing", "pytest", "omega plugins check other-thing", "LICENSE"):
        assert step in shown


REFUSED = {
    "Acme-Graph": ([], "Try 'acme-graph'"),
    "1acme": ([], "Try 'acme'"),
    "acme--x": ([], "Try 'acme-x'"),
    "acme_graph": ([], "Try 'acme-graph'"),
    "class": ([], "a keyword of Python"),
    "json": ([], "a module of Python itself"),
    "networkx": (["--type", "networkx:Graph"], "the library itself, which it would hide"),
    "pandas-more": ([], "belongs to the package omega-pandas"),
    "python-more": ([], "belongs to the core"),
    "acme-a": (["--kind", "graph"], "For acme-a, say 'acme.graph'"),
    "acme-b": (["--kind", "Acme.graph"], "is no kind"),
    "acme-c": (["--kind", "beta.graph"], "Say --kind acme.graph"),
    "acme-d": (["--kind", "python.data"], "a kind of the core"),
    "acme-e": (["--type", "networkx.Graph"], "names no class"),
    "acme-f": (["--type", "builtins:dict"], "is stored by the core"),
    "acme-g": (["--type", "decimal:Contxt"], "Did you mean 'Context'?"),
    "acme-h": (["--wrapper", "pot"], "Did you mean 'put'?"),
    "acme-i": (["--wrapper", "backends"], "declares, and cannot be wrapped"),
    "acme-j": (["--scheme", "file"], "belongs to the core"),
    "acme-k": (["--scheme", "acme://"], "without '://'"),
    "acme-l": (["--license", "my own!"], "no expression of SPDX"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_written(
    omega: Run, tmp_path: Path, name: str
) -> None:
    options, told = REFUSED[name]
    site = tmp_path / "projects"
    site.mkdir()
    result = omega("plugins", "new", name, *options, "--directory", str(site))
    assert result.exit_code == 2
    assert told in " ".join(re.sub(r"[│╭╰╮╯─]", " ", result.stderr).split())
    assert list(site.iterdir()) == []


def test_what_is_there_already_stays_as_it_is(omega: Run, tmp_path: Path) -> None:
    where = ["--directory", str(tmp_path / "projects")]
    missing = omega("plugins", "new", "acme", *where)
    assert missing.exit_code == 1
    assert "There is no directory" in missing.stderr
    directory = tmp_path / "projects" / "acme"
    directory.mkdir(parents=True)
    (directory / "ours").touch()
    for name in ("acme", "acme-more"):
        (tmp_path / "projects" / "acme-more").unlink(missing_ok=True)
        (tmp_path / "projects" / "acme-more").symlink_to("nowhere")
        result = omega("plugins", "new", name, *where)
        assert result.exit_code == 1
        assert "is there already, and stays as it is" in result.stderr
    assert sorted(path.name for path in directory.parent.iterdir()) == ["acme", "acme-more"]
    assert [path.name for path in directory.iterdir()] == ["ours"]


@pytest.mark.parametrize(
    ("name", "options", "id_", "kind"),
    [
        ("acme", [], "acme", "acme.object"),
        ("acme-graph", [], "acme", "acme.graph"),
        ("omega-acme", ["--model"], "acme", "acme.object"),
        ("acme-graph", ["--engine"], "acme-graph", None),
        ("omega-acme-graph", ["--wrapper", "put"], "acme-graph", None),
        ("acme-graph", ["--kind", "acme-graph.digraph"], "acme-graph", "acme-graph.digraph"),
    ],
)
def test_the_id_is_what_the_kind_begins_with(
    omega: Run, tmp_path: Path, name: str, options: list[str], id_: str, kind: str | None
) -> None:
    command = ["plugins", "new", name, *options, "--directory", str(tmp_path), "--json"]
    document = json.loads(omega(*command).stdout)
    assert (document["id"], document["kind"]) == (id_, kind)
    project = (tmp_path / name / "pyproject.toml").read_text(encoding="utf-8")
    assert f'{id_} = "{name.replace("-", "_")}"' in project
