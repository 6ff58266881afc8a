"""The README tells the truth of its installation, its configuration, and its commands."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


QUICKSTART, TESTS, INSTALL, *_ = blocks("sh")


def test_a_new_user_finds_omega_as_the_readme_says(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    for directory in ("omega_core", "plugins"):
        shutil.copytree(ROOT / directory, clone / directory)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, clone)
    python = Path(sys._base_executable).resolve().parent
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{INSTALL}command -v omega"],
        cwd=clone,
        env={
            "HOME": str(tmp_path),
            "PATH": f"{python}{os.pathsep}{os.defpath}",
            # What it depends on is here, and need not be fetched.
            "PYTHONPATH": sysconfig.get_path("purelib"),
            "PIP_NO_DEPS": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as the value of --build-isolation
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_CACHE_DIR": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    version, found = done.stdout.splitlines()
    assert re.fullmatch(r"omega-core \d+\.\d+\.\d+", version)
    assert found == f"{clone}/.venv/bin/omega"
    assert "The command is `.venv/bin/omega`" in README


def test_each_page_installs_as_the_readme_does() -> None:
    page = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert f"```sh\n{INSTALL}```" in page


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
    assert TESTS in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("link", re.findall(r"\]\(([^):]+)\)", README))
def test_what_the_readme_links_to_exists(link: str) -> None:
    assert (ROOT / link).exists()
