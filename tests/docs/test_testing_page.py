"""The page on the kit: its tests run, its tables are complete, and its failures read like that."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import omega_core.testing
from omega_core import Omega
from omega_core.testing import DataBackendTests, FilesystemTests, WrapperTests
from omega_core.testing.capabilities import CAPABILITIES
from omega_core.testing.filesystems import FILE_CAPABILITIES

from ..plugins.broken_backends import IgnoresAppend, Note, Sound
from ..plugins.test_broken_plugins import TABLE

ROOT = Path(__file__).parents[2]
PATH = ROOT / "docs" / "testing.md"
PAGE = PATH.read_text(encoding="utf-8")
BLOCK = re.compile(r"^<!-- (?P<mark>[^\n]*) -->\n```python\n(?P<code>.*?)^```$", re.M | re.S)
BLOCKS = [(match["mark"], match["code"]) for match in BLOCK.finditer(PAGE)]
CHOSEN = (
    "(TestFiles and not crash)",
    "(TestRows and (append or filter or summary or declared))",
    "(TestMean and (fit or answer or result))",
    "(TestScripts and run)",
    "TestScratchFiles",
    "(TestLocal and (stored or closed or values))",
    "(TestAudit and (metadata or wraps or equal))",
    "dict",
    "one_of_the_two",
)
GENERATED = "<!-- generated: by tests/docs/test_testing_page.py -->\n"


@pytest.mark.slow
def test_the_tests_of_the_page_pass(
    install: Callable[..., str],
    install_examples: Callable[..., None],
    site: Path,
    tmp_path: Path,
) -> None:
    install_examples("foo", "audit")
    for mark, code in BLOCKS:
        if mark.startswith("installed: "):
            install(mark.removeprefix("installed: omega_"), code, module=mark.split()[1])
    tests = tmp_path / "project" / "tests" / "test_acme.py"
    tests.parent.mkdir(parents=True)
    tests.write_text("\n".join(code for mark, code in BLOCKS if mark == "tests"), encoding="utf-8")
    paths = [site, *(ROOT / "examples" / f"omega_{id}" for id in ("foo", "audit"))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    fixtures = ["-p", "omega_core.testing.fixtures", "-p", "no:cacheprovider"]
    # Of each class what is its own; all of it, tests/testing runs on these very examples.
    chosen = ["-k", " or ".join(CHOSEN), "-rs", "-q", "--basetemp", str(tmp_path / "basetemp")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *fixtures, *chosen, str(tests)],
        cwd=tests.parents[1],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for reason in ("not declared: append", "not given: directories", "not declared: processes"):
        assert reason in done.stdout, done.stdout


def test_every_class_fixture_and_attribute_is_on_the_page() -> None:
    shown = set(re.findall(r"`(\w+)[`(]", PAGE))
    assert set(omega_core.testing.__all__) <= shown
    for name in omega_core.testing.__all__:
        cls = getattr(omega_core.testing, name)
        if not name.endswith("Tests"):
            continue
        for attribute in {n for n in dir(cls) if not n.startswith(("_", "test_", "pytest"))}:
            # What only the kit itself asks for.
            if attribute not in ("acting", "job", "stub", "bucket", "place"):
                assert attribute in shown, f"{name}.{attribute}"
    parameters = inspect.signature(omega_core.testing.store_state_machine).parameters
    assert set(parameters) <= shown


def test_every_capability_is_on_the_page() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (?:`(\w+)` names|the class has `(\w+)`)", PAGE, re.M)
    assert {name: put or there for name, put, there in rows} == {
        name: capability.method for name, capability in CAPABILITIES.items()
    }
    for name in FILE_CAPABILITIES:
        assert f'"{name}"' in PAGE
    assert f"by default `{FilesystemTests.capabilities!r}`".replace("'", '"') in PAGE
    assert WrapperTests.changes == ()


def test_failures_read_as_the_page_says(om: Omega) -> None:
    class Floats(Sound):
        def get(self, name: str, **kwargs: Any) -> Any:
            return Note(map(float, super().get(name)))

    class TestAppending(DataBackendTests):
        __test__ = False

    shown = re.findall(r"^```text\n(.*?)\n```$", PAGE, re.M | re.S)
    notes = [Note([3, 1]), Note([2])]
    om.datasets.register_backend(Floats)
    with pytest.raises(AssertionError) as failed:
        DataBackendTests().test_objects_come_back_equal(om.datasets, notes)
    assert str(failed.value) in shown
    with_append = om[f"{om.bucket} appending"]
    appending = type("Appending", (IgnoresAppend,), {"KIND": "acme.appending", "TYPES": None})
    with_append.datasets.register_backend(appending)
    tests = TestAppending()
    vars(tests)["kind"] = "acme.appending"
    with pytest.raises(AssertionError) as failed:
        tests.test_what_it_can_do_is_declared(with_append.datasets, notes)
    assert str(failed.value) in shown


def test_the_table_of_the_page_is_the_one_that_is_tested() -> None:
    rows = [
        f"| {broken.mistake} | {broken.caught} | `{broken.by}` | ``{broken.says}`` |"
        for broken in sorted(TABLE, key=lambda broken: ORDER.index(broken.caught))
    ]
    head = ["", "| mistake | caught | by | in these words |", "|---|---|---|---|"]
    expected = GENERATED + "\n".join([*head, *rows]) + "\n"
    if os.environ.get("WRITE_TABLE"):
        PATH.write_text(PAGE[: PAGE.index(GENERATED)] + expected, encoding="utf-8")
    assert PAGE[PAGE.index(GENERATED) :] == expected, "WRITE_TABLE=1 writes it"


ORDER = ["load", "use", "check", "kit"]
