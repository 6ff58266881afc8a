"""What the kit says: no check without words, and what has to be given, with an example."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import omega_core.testing
from omega_core import Omega
from omega_core.testing import (
    DataBackendTests,
    EngineTests,
    FilesystemTests,
    JobBackendTests,
    ModelBackendTests,
    WrapperTests,
    promises,
)

CHECKS = {"promise": 0, "holds": 0, "is_a": 0, "there": 0, "broken": 0, "raising": 1, "refused": 1}
"""Where the words stand, in the calls of these."""

DIRECTORY = Path(omega_core.testing.__file__).parent
CLASSES = [
    DataBackendTests,
    EngineTests,
    FilesystemTests,
    JobBackendTests,
    ModelBackendTests,
    WrapperTests,
]


def modules() -> list[Path]:
    """Return the modules in which there are checks: of the classes, and what these derive from."""
    found = {Path(inspect.getfile(base)) for cls in CLASSES for base in cls.__mro__[:-1]}
    return sorted(found | {DIRECTORY / "statemachine.py", DIRECTORY / "engine_blocks.py"})


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.stem)
def test_every_check_goes_by_way_of_the_promises(module: Path) -> None:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        where = f"{module.name}:{getattr(node, 'lineno', '')}"
        assert not isinstance(node, ast.Assert), where
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) != "pytest.raises", where
            if ast.unparse(node.func) in CHECKS:
                what = node.args[CHECKS[ast.unparse(node.func)]]
                if isinstance(what, ast.Constant):
                    assert len(str(what.value).split()) > 2, f"{where}: a check without words"


def test_a_failure_says_promise_expected_and_got() -> None:
    said = []
    for fail in (
        lambda: promises.promise("one is two", 1, 2),
        lambda: promises.promise("one is true", 1, True),
        lambda: promises.holds("it is dry", False, expected="no rain", got="rain"),
        lambda: promises.is_a("a number comes", "x", int),
        lambda: promises.there("there is one", None),
    ):
        with pytest.raises(AssertionError) as failed:
            fail()  # type: ignore[no-untyped-call]
        said.append(str(failed.value))
    assert said == [
        "promise: one is two; expected 2, got 1",
        "promise: one is true; expected True, got 1",
        "promise: it is dry; expected no rain, got 'rain'",
        "promise: a number comes; expected a int, got a str ('x')",
        "promise: there is one; expected that there is one, got None",
    ]


def test_a_refusal_says_what_came_instead() -> None:
    with promises.refused(KeyError, "a look at nothing", "k") as refusal:
        raise KeyError("k")
    assert isinstance(refusal.value, KeyError)
    with pytest.raises(AssertionError) as failed, promises.refused(KeyError, "a look at nothing"):
        pass
    said = "promise: a look at nothing is refused; expected KeyError, got no error"
    assert str(failed.value) == said
    with pytest.raises(AssertionError) as other, promises.raising(KeyError, "it raises", "a b"):
        raise ValueError("c")
    expected = "promise: it raises; expected KeyError that says 'a b', got ValueError: c"
    assert str(other.value) == expected
    assert isinstance(other.value.__cause__, ValueError)


def test_what_is_long_is_shown_with_its_beginning_and_its_end() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise ValueError("no repr")

    text = promises.shown(b"x" * 5_000_000)
    assert len(text) < 500
    assert "5000003 characters" in text
    assert promises.shown(1) == "1"


REQUIRED: list[tuple[type, str]] = [
    (DataBackendTests, "objects"),
    (DataBackendTests, "filtered"),
    (DataBackendTests, "selected"),
    (DataBackendTests, "described"),
    (ModelBackendTests, "X"),
    (JobBackendTests, "failing"),
    (FilesystemTests, "root"),
    (EngineTests, "om"),
]


@pytest.mark.parametrize(("cls", "fixture"), REQUIRED)
def test_a_fixture_that_is_missing_is_told_with_an_example(cls: type, fixture: str) -> None:
    with pytest.raises(pytest.fail.Exception) as failed:
        getattr(cls, fixture).__wrapped__(cls())
    said = str(failed.value)
    assert said.startswith(f"{cls.__name__} needs a fixture `{fixture}`: ")
    example = said.partition("For example:\n\n")[2]
    ast.parse("class Tests:\n" + example)
    assert f"def {fixture}(self" in example


def test_every_fixture_that_raises_is_told_with_an_example() -> None:
    asked = {
        node.args[1].value
        for module in modules()
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "missing"
        if isinstance(node.args[1], ast.Constant)
    }
    assert asked == {fixture for _, fixture in REQUIRED} | {"refused_objects"}


def test_objects_that_cannot_be_compared_are_told_what_to_override() -> None:
    class Array:
        def __eq__(self, other: object) -> Any:
            raise ValueError("the truth value of an array is ambiguous")

        __hash__ = None  # type: ignore[assignment]

    tests = DataBackendTests()
    with pytest.raises(pytest.fail.Exception, match="Override the method `same`"):
        tests._comes_back("objects come back equal", Array(), Array())


def test_objects_are_alike_to_the_class_and_the_order() -> None:
    class Mine(list[int]):
        pass

    for one, other in (
        (1, 1.0),
        (True, 1),
        ([1], (1,)),
        ([1], Mine([1])),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": [1]}, {"a": [1.0]}),
        ([1, 2], [1]),
    ):
        assert not promises.alike(one, other), (one, other)
        assert promises.alike(one, one)


def test_the_store_is_that_of_the_kind(om: Omega) -> None:
    class Request:
        def __init__(self, objects: list[Any]) -> None:
            self.objects = objects

        def getfixturevalue(self, name: str) -> list[Any]:
            return self.objects

    class Rows(DataBackendTests):
        kind = "python.rows"

    store = DataBackendTests.store.__wrapped__  # type: ignore[attr-defined]
    assert store(DataBackendTests(), om, Request([{"a": 1}])) is om.datasets
    assert store(Rows(), om, Request([])) is om.datasets
    told = "find their backend; expected a plugin that is installed, enabled and declares it"
    with pytest.raises(pytest.fail.Exception, match=told):
        store(DataBackendTests(), om, Request([object()]))


def test_who_needs_no_pytest_imports_none() -> None:
    program = """
        import sys
        import omega_core.testing
        import omega_core.testing.engine_plugin
        assert dir(omega_core.testing)[-1] == "store_state_machine"
        print("pytest" in sys.modules, "hypothesis" in sys.modules, "pymongo" in sys.modules)
        from omega_core.testing import DataBackendTests
        print("pytest" in sys.modules)
        try:
            omega_core.testing.DataBackendTest
        except AttributeError as exc:
            print(exc)
    """
    code = inspect.cleandoc(program)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "False False False",
        "True",
        "module 'omega_core.testing' has no attribute 'DataBackendTest'",
    ], done.stderr


def test_what_the_kit_is_made_of_is_rewritten_for_pytest() -> None:
    # A plain assert of somebody who adds one shows its values as well.
    tests = {Path(inspect.getfile(cls)).stem for base in CLASSES for cls in base.__mro__[:-1]}
    assert tests <= set(omega_core.testing._TESTS)
