"""What the tests of all distributions share: their options, and the plugins that they need."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

import pytest
from hypothesis import HealthCheck, settings

# Here rather than by the option -p, whose imports come before all that measures coverage.
pytest_plugins = ["omega_core.testing.fixtures"]

# No clock judges an example, since the machine may be busy with other tests, and the examples of
# one test share its fixtures.
settings.register_profile(
    "omega",
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("omega")


def _is_installed(plugin: str) -> bool:
    try:
        distribution(f"omega-{plugin}")
    except PackageNotFoundError:
        return False
    return True


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs_plugins"):
        missing = [plugin for plugin in marker.args if not _is_installed(plugin)]
        if missing:
            pytest.skip(f"needs the plugins {', '.join(missing)}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-edit",
        type=int,
        help="make every n-th edit of metadata documents, rather than a few; 20 takes minutes",
    )
    parser.addoption(
        "--step-downs",
        type=int,
        default=2,
        help="how often the primary of a replica set is deposed; it is killed half as often",
    )
