"""What pip installs: wheels that hold everything that is needed, and nothing else.

``nox -s tests`` builds them, and sets ``WHEELS_UNDER_TEST`` to where they are.
"""

from __future__ import annotations

import importlib
import os
import sys
import sysconfig
import tarfile
import zipfile
from configparser import ConfigParser
from email.message import Message
from email.parser import Parser
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.skipif(
    "WHEELS_UNDER_TEST" not in os.environ, reason="needs built distributions: nox -s tests"
)

ROOT = Path(__file__).parents[1]
HOMES = {
    "omega_core": ROOT,
    **{
        name: ROOT / "plugins" / name
        for name in (
            *("omega_pandas", "omega_sklearn", "omega_s3", "omega_dask", "omega_celery"),
            "omega_notebook",
        )
    },
}
ENTRY_POINTS = {
    "omega_core": {"console_scripts": {"omega": "omega_core.cli.entry:run"}},
    "omega_pandas": {"omega_core": {"pandas": "omega_pandas"}},
    "omega_sklearn": {"omega_core": {"sklearn": "omega_sklearn"}},
    "omega_s3": {"omega_core": {"s3": "omega_s3"}},
    "omega_dask": {"omega_core": {"dask": "omega_dask"}},
    "omega_celery": {"omega_core": {"celery": "omega_celery"}},
    "omega_notebook": {"omega_core": {"notebook": "omega_notebook"}},
}
each = pytest.mark.parametrize("name", HOMES)


def sources(name: str) -> set[str]:
    """Return the files of a package in the checkout, relative to its home."""
    files = (HOMES[name] / name).rglob("*")
    return {
        str(path.relative_to(HOMES[name]))
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    }


def only(pattern: str) -> Path:
    (found,) = Path(os.environ["WHEELS_UNDER_TEST"]).glob(pattern)
    return found


def in_wheel(name: str) -> dict[str, bytes]:
    with zipfile.ZipFile(only(f"{name}-*.whl")) as archive:
        return {entry: archive.read(entry) for entry in archive.namelist()}


def in_info(name: str, file: str) -> str:
    """Return a file of the wheel's dist-info directory."""
    (found,) = (
        content
        for entry, content in in_wheel(name).items()
        if entry.partition("/")[0].endswith(".dist-info") and entry.partition("/")[2] == file
    )
    return found.decode("utf-8")


def metadata(name: str) -> Message:
    return Parser().parsestr(in_info(name, "METADATA"))


@each
def test_a_wheel_holds_its_package_whole_and_nothing_else(name: str) -> None:
    held = {entry for entry in in_wheel(name) if ".dist-info/" not in entry}
    assert held == sources(name)
    assert f"{name}/py.typed" in held


@each
def test_an_sdist_holds_the_package_its_readme_and_its_licence(name: str) -> None:
    with tarfile.open(only(f"{name}-*.tar.gz")) as archive:
        held = {entry.partition("/")[2] for entry in archive.getnames()}
    assert held >= sources(name) | {"README.md", "LICENSE", "pyproject.toml"}
    # What `omega plugins new` writes has tests of its own, as texts.
    assert not [entry for entry in held - sources(name) if "tests/" in entry]


@each
def test_a_wheel_declares_what_it_offers(name: str) -> None:
    declared = ConfigParser()
    declared.read_string(in_info(name, "entry_points.txt"))
    assert {s: dict(declared[s]) for s in declared.sections()} == ENTRY_POINTS[name]


@each
def test_a_wheel_says_what_it_is(name: str) -> None:
    about = metadata(name)
    assert about["License-Expression"] == "Apache-2.0"
    assert about["Requires-Python"] == ">=3.11"
    assert about["Summary"]
    assert "Typing :: Typed" in about.get_all("Classifier", [])
    readme = (HOMES[name] / "README.md").read_text(encoding="utf-8")
    assert str(about.get_payload()).strip() == readme.strip()
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert in_info(name, "licenses/LICENSE") == licence


@each
def test_every_dependency_says_from_which_release_on(name: str) -> None:
    for text in metadata(name).get_all("Requires-Dist", []):
        operators = {specifier.operator for specifier in Requirement(text).specifier}
        assert operators & {">=", "=="}, f"{text}: the oldest release that works is missing"


def test_the_core_requires_no_library_of_a_plugin() -> None:
    required = {
        Requirement(text).name for text in metadata("omega_core").get_all("Requires-Dist", [])
    }
    assert required.isdisjoint(
        {
            *("numpy", "pandas", "pyarrow", "scikit-learn", "skops", "obstore"),
            *("distributed", "celery", "nbformat", "nbclient", "ipykernel"),
        }
    )


def test_the_kit_for_authors_of_plugins_is_in_the_wheel() -> None:
    assert "omega_core/testing/fixtures.py" in in_wheel("omega_core")


@each
def test_these_tests_run_against_the_wheel_and_not_the_checkout(name: str) -> None:
    try:
        distribution(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} is not installed in this environment")
    loaded = importlib.import_module(name)
    installed = sysconfig.get_path("purelib")
    assert loaded.__file__ is not None
    assert Path(loaded.__file__).is_relative_to(installed)


def test_the_folders_of_the_repository_are_no_packages() -> None:
    # With the checkout on sys.path, its folders would be importable as empty namespace packages.
    assert str(ROOT) not in sys.path
    assert PathFinder.find_spec("plugins") is None
