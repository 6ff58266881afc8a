"""The README tells the truth: its code runs, its configuration loads, its commands are CI's."""

from __future__ import annotations

import ast
import dataclasses
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROMISE = re.compile(r"# -> (?P<result>.+)$")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


class CheckPromises(ast.NodeTransformer):
    """Turns ``expression  # -> result`` into a check that it is so."""

    def __init__(self, source: str) -> None:
        self.lines = source.splitlines()
        self.made = 0

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        promise = PROMISE.search(self.lines[node.end_lineno - 1 if node.end_lineno else 0])
        if promise is None:
            return node
        self.made += 1
        call = ast.Call(
            ast.Name("_check", ast.Load()),
            [node.value, ast.Constant(promise["result"]), ast.Constant(ast.unparse(node))],
            [],
        )
        return ast.copy_location(ast.Expr(call), node)


def check(result: Any, promised: str, code: str) -> None:
    assert repr(result) == promised, code


@pytest.mark.needs_plugins("pandas", "sklearn", "notebook")
def test_the_code_of_the_readme_does_what_it_says(
    mongo_url: str, mongo_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMEGA_MONGO__URL", f"{mongo_url}/{mongo_database}")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"_check": check}
    promises = 0
    for source in blocks("python"):
        checks = CheckPromises(source)
        tree = ast.fix_missing_locations(checks.visit(ast.parse(source)))
        exec(compile(tree, "README.md", "exec"), namespace)
        promises += checks.made
    namespace["om"].close()
    assert promises == README.count("# -> ")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    shell = ["bash", "-euo", "pipefail", "-c", blocks("sh")[3]]
    done = subprocess.run(shell, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("mean radius,mean area\n")
    assert Path("cancer.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_configuration_of_the_readme_loads_and_names_every_key(tmp_path: Path) -> None:
    from omega_core import Omega

    (text,) = blocks("toml")
    file = tmp_path / "omega.toml"
    file.write_text(text, encoding="utf-8")
    with Omega(file) as om:
        config = om.config
    shown = tomllib.loads(text)
    for section in ("mongo", "plugins", "stores", "security", "uris", "runtime", "ui"):
        keys = {field.name for field in dataclasses.fields(getattr(config, section))}
        assert keys - {"sections"} == shown[section].keys() - config.plugins.sections.keys()
    assert config.uris.allow == ("s3://ml-objects/", "file:///srv/ml/")


@pytest.mark.needs_plugins("s3")
def test_the_section_of_a_plugin_in_the_readme_is_one_that_it_takes(tmp_path: Path) -> None:
    from omega_core import Omega
    from omega_s3.settings import S3Settings

    file = tmp_path / "omega.toml"
    file.write_text(blocks("toml")[0], encoding="utf-8")
    with Omega(file) as om:
        assert om.config.section("s3", S3Settings).endpoint == "http://127.0.0.1:9000"


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert blocks("sh")[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("link", re.findall(r"\]\(([^):]+)\)", README))
def test_what_the_readme_links_to_exists(link: str) -> None:
    assert (ROOT / link).exists()
