"""Errors travel as JSON, come back as themselves, and nothing that they name is run for it."""

from __future__ import annotations

import builtins
import importlib
import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core import error_from_json, error_to_json, errors
from omega_core.errors import RemoteError

_PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
)
_VALUES = st.recursive(
    _PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
_OURS = [
    cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, errors.OmegaError)
]


class ManyError(Exception):
    """Takes more than a message, and keeps it."""

    def __init__(self, code: int, where: str, *, hint: str) -> None:
        super().__init__(f"{code} at {where}")
        self.code = code
        self.where = where
        self.hint = hint


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise AttributeError("there is no message")


def travelled(error: BaseException) -> Exception:
    return error_from_json(json.loads(json.dumps(error_to_json(error), allow_nan=False)))


@settings(max_examples=100, deadline=None)
@given(cls=st.sampled_from([ValueError, KeyError, RuntimeError, *_OURS]), args=st.lists(_VALUES))
def test_an_error_comes_back_as_itself(cls: type[Exception], args: list[Any]) -> None:
    error = cls(*args)
    back = travelled(error)
    assert type(back) is cls
    assert str(back) == str(error)
    assert back.args == error.args


@settings(max_examples=30, deadline=None)
@given(notes=st.lists(st.text(max_size=40), max_size=5), inner=st.lists(_PLAIN, min_size=1))
def test_notes_and_groups_come_back(notes: list[str], inner: list[Any]) -> None:
    error = ExceptionGroup("several", [ValueError(arg) for arg in inner])
    for note in notes:
        error.add_note(note)
    back = travelled(error)
    assert isinstance(back, ExceptionGroup)
    assert [(type(e), e.args) for e in back.exceptions] == [(ValueError, (a,)) for a in inner]
    assert getattr(back, "__notes__", []) == notes


def test_a_constructor_of_several_arguments_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ManyError(7, "there", hint="look")
    document = error_to_json(error)

    def never(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a constructor ran")

    monkeypatch.setattr(ManyError, "__init__", never)
    back = error_from_json(document)
    assert isinstance(back, ManyError)
    assert (back.code, back.where, back.hint, str(back)) == (7, "there", "look", "7 at there")


def test_an_error_of_the_system_keeps_its_number_and_file() -> None:
    error = FileNotFoundError(2, "No such file", "/nowhere")
    back = travelled(error)
    assert isinstance(back, FileNotFoundError)
    assert (back.errno, back.filename, str(back)) == (2, "/nowhere", str(error))


def test_the_traceback_of_the_worker_is_a_note() -> None:
    try:
        raise ValueError("odd")
    except ValueError as exc:
        exc.add_note("In fit.")
        back = travelled(exc)
    first, last = back.__notes__
    assert first == "In fit."
    assert last.startswith("On the worker:\nTraceback")
    assert "test_the_traceback_of_the_worker_is_a_note" in last


def test_what_does_not_travel_is_told_by_name() -> None:
    cases: list[tuple[BaseException, str]] = [
        (ValueError(object), "ValueError: <class 'object'>"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(3), "SystemExit: 3"),
        (GeneratorExit(), "GeneratorExit"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "UnicodeDecodeError: 'utf-8' codec"),
        (ValueError("x" * 100_000), "ValueError: xxx"),
        (UnreadableError(), f"{__name__}.UnreadableError: (its message cannot be told"),
    ]
    for error, told in cases:
        back = travelled(error)
        assert type(back) is RemoteError
        assert str(back).startswith(told)
        assert len(json.dumps(error_to_json(error))) < 100_000
    assert "(83,616 characters left out)" in str(travelled(ValueError("x" * 100_000)))


def test_a_class_of_the_main_module_is_told_by_name() -> None:
    """That of the reader is another module than that of the worker."""
    program = (
        "import json; from omega_core import error_to_json\n"
        "class OwnError(Exception): pass\n"
        "print(json.dumps(error_to_json(OwnError('mine'))))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    sys.modules["__main__"].OwnError = ManyError  # type: ignore[attr-defined]
    try:
        assert str(error_from_json(json.loads(said.stdout))) == "__main__.OwnError: mine"
    finally:
        del sys.modules["__main__"].OwnError  # type: ignore[attr-defined]


# --- what others may have written ----------------------------------------------------------------


def forged(module: str, name: str, **more: Any) -> dict[str, Any]:
    return {"module": module, "name": name, "message": "m", "args": ["m"], **more}


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("this", "c"),  # a module that prints when it is imported
        ("os", "system"),
        ("builtins", "eval"),
        ("builtins", "KeyboardInterrupt"),
        ("builtins", "object"),
        ("omega_core.errors", "suggestion"),
        ("omega_core", "Omega"),
        ("", ""),
        ("builtins", "ValueError.__subclasses__"),
        ("nothing.like.it", "Error"),
    ],
)
def test_whatever_a_record_names_nothing_is_imported_or_called(
    module: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(sys.modules)

    def never(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("something was imported")

    monkeypatch.setattr(importlib, "import_module", never)
    monkeypatch.setattr(builtins, "__import__", never)
    try:
        back = error_from_json(forged(module, name))
    finally:
        monkeypatch.undo()
    assert type(back) is RemoteError
    assert set(sys.modules) == before
    assert capsys.readouterr().out == ""


def test_a_module_that_imports_on_access_is_not_asked() -> None:
    module = types.ModuleType("lazy_module")
    asked: list[str] = []
    module.__getattr__ = asked.append  # type: ignore[method-assign]
    sys.modules["lazy_module"] = module
    try:
        assert type(error_from_json(forged("lazy_module", "Error"))) is RemoteError
    finally:
        del sys.modules["lazy_module"]
    assert asked == []


@settings(max_examples=200, deadline=None)
@given(
    document=_VALUES
    | st.fixed_dictionaries(
        {"module": st.sampled_from(["builtins", "omega_core.errors"]) | _VALUES,
         "name": st.sampled_from(["ValueError", "ExceptionGroup", "OSError"]) | _VALUES,
         "message": _VALUES},
        optional={"args": _VALUES, "state": _VALUES, "notes": _VALUES, "traceback": _VALUES,
                  "exceptions": _VALUES},
    )
)  # fmt: skip
def test_a_forged_error_is_an_error_all_the_same(document: Any) -> None:
    back = error_from_json(document)
    assert isinstance(back, Exception)
    assert isinstance(str(back), str)


def test_errors_that_hold_each_other_without_an_end_are_cut_off() -> None:
    document = forged("builtins", "ExceptionGroup")
    document["exceptions"] = [document]
    error: Any = error_from_json(document)
    depth = 0
    while isinstance(error, ExceptionGroup):
        error, depth = error.exceptions[0], depth + 1
    assert depth < 20
    assert "nested too deep" in str(error)


def test_a_file_that_an_error_names_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "file"
    error_from_json(forged("builtins", "OSError", args=[2, "m", str(path)]))
    assert not path.exists()
