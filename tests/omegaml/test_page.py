"""The page for who comes from omega|ml tells the truth: its calls run, there and here."""

from __future__ import annotations

import ast
import json
import logging
import os
import re
import runpy
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import omega_core
from omega_core import BackendSpec, BaseDataBackend, Omega, Q
from omega_core.cli.main import app
from omega_core.former_names import FORMER, OPTIONS

HERE = Path(__file__).parent
PATH = HERE.parents[1] / "docs" / "omegaml.md"
PAGE = PATH.read_text(encoding="utf-8")
OF_CALLS = runpy.run_path(str(HERE / "calls.py"))
CALLS = OF_CALLS["calls"](PAGE)
SECTIONS = list(dict.fromkeys(call.section for call in CALLS))


class Foo(BaseDataBackend):
    pass


def test_the_tables_have_the_calls_that_users_type() -> None:
    assert len(CALLS) >= 120
    assert len({call.there for call in CALLS}) == len(CALLS)
    without = [call for call in CALLS if call.here is None]
    assert all(call.note for call in without), "what to do instead is said"
    assert len(without) == 17
    # Each row of a table of three columns was understood.
    rows = [line for line in PAGE.splitlines() if line.startswith("| `") and line.count(" | ") == 2]
    assert len(rows) == len(CALLS)


# --- here ----------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def names(
    make_omega: Callable[..., Omega],
    mongo_url: str,
    mongo_database: str,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Any]:
    """What the calls name, and a store with the objects that they name."""
    url = f"{mongo_url}/{mongo_database}"
    monkeypatch.setenv("OMEGA_MONGO__URL", url)
    om = make_omega(security={"run_jobs": "allow"}, uris={"allow": [f"file://{place}/"]})
    names: dict[str, Any] = {"om": om, "url": url, "os": os, "logging": logging, "Omega": Omega}
    names |= {"Q": Q, "BackendSpec": BackendSpec, "Foo": Foo}
    OF_CALLS["prepared"](names)
    put, df = om.datasets.put, names["df"]
    for name in ("sales", "old1", "old2", "history"):
        put(df, name)
    put(df.assign(qty=9), "history")
    put(names["states"], "states")
    put({"a": 1}, "facts")
    put([{"a": {"b": 1}}, {"a": 2}], "docs", kind="python.rows")
    put(names["np"].arange(3), "array")
    put(Path("report.bin"), "file")
    put(names["points"], "X")
    put(names["labels"], "Y")
    om.models.put(names["model"], "churn")
    om.models.alias("churn", "first")
    om.models.put(names["other"], "churn")
    for name in ("scaler", "steps"):
        om.models.put(names[name], name)
    om.models.put(names["model"], "fitted")
    om.runtime.model("fitted").fit("X", "Y").get()
    om.jobs.put("print('hello')", "daily", kind="notebook.ipynb")
    names["notebook"] = om.jobs.get("daily")
    Path("daily.ipynb").write_text(om.jobs.get("daily", as_="ipynb"), encoding="utf-8")
    om["team"].datasets.put(df, "sales")
    om["team"].models.put(names["model"], "churn")
    return names


@pytest.mark.needs_plugins("pandas", "sklearn", "notebook")
@pytest.mark.filterwarnings("ignore:X does not have valid feature names", "ignore:unclosed file")
@pytest.mark.parametrize("section", SECTIONS)
def test_what_is_typed_here_runs_here(section: str, names: dict[str, Any]) -> None:
    om = names["om"]
    for call in CALLS:
        if call.section != section or call.here is None:
            continue
        try:
            if call.here.startswith("omega "):
                done = CliRunner().invoke(app, shlex.split(call.here)[1:])
                assert done.exit_code == 0, done.output
            else:
                exec(compile(call.here, call.here, "exec"), names)
        except Exception as error:
            raise AssertionError(f"{call.here} failed: {error!r}") from error
        finally:
            if names["om"] is not om:
                names["om"].close()
                names["om"] = om


@pytest.mark.needs_plugins("pandas", "sklearn", "notebook")
def test_what_behaves_differently_does(om: Omega) -> None:
    import pandas as pd

    om.datasets.put(pd.DataFrame({"n": [1]}), "x")
    om.datasets.put(pd.DataFrame({"n": [2]}), "x")
    assert om.datasets.get("x")["n"].tolist() == [2]
    with pytest.raises(KeyError, match="nothing"):
        om.datasets.get("nothing")
    om.datasets.put({"a": 1}, "d")
    assert om.datasets.get("d") == {"a": 1}
    with pytest.raises(KeyError, match=r"columns are an argument"):
        om.datasets.get("x[n]")
    with pytest.raises(TypeError, match="filter="):
        om.datasets.get("x", n__gt=1)
    om.datasets.put("x.csv", "text")
    assert om.datasets.get("text") == "x.csv"


# --- there ---------------------------------------------------------------------------------------


def test_what_is_typed_there_runs_there(
    omegaml_python: str, mongo_url: str, mongo_database: str, tmp_path: Path
) -> None:
    out = tmp_path / "failed.json"
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("OMEGA", "PYTHON", "COV_"))
    }
    script = str(HERE / "run_calls.py")
    done = subprocess.run(
        [omegaml_python, script, f"{mongo_url}/{mongo_database}", str(PATH), str(out)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    failed = json.loads(out.read_text(encoding="utf-8"))
    assert not failed
    assert OF_CALLS["ELSEWHERE"].keys() <= {call.there for call in CALLS}


# --- the names -----------------------------------------------------------------------------------


def test_the_page_lists_the_names_and_options_that_say_the_new_way() -> None:
    listed = PAGE.partition("## Names that say the new way")[2]
    lines = re.findall(r"^- (.*?): (.*?)\.$", listed, re.M | re.S)
    assert len(lines) == len(FORMER) + len(OPTIONS)
    found = [re.findall(r"`(\w+)=?`", names) for _, names in lines]
    assert found[: len(FORMER)] == [list(names) for names in FORMER.values()]
    for (_, options), names in zip(OPTIONS.items(), found[len(FORMER) :], strict=True):
        assert [name for name in names if "__" not in name] == list(options)


def _attributes(code: str) -> Iterator[tuple[str, str]]:
    """Yield of each attribute in a call that is one of ours the class that has it, and its name."""
    stores = {"datasets": "OmegaStore", "models": "OmegaStore", "jobs": "JobStore"}
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Attribute):
            continue
        of = ast.unparse(node.value)
        if of in ("om", "om['team']"):
            yield "Omega", node.attr
        elif of.removeprefix("om.") in stores:
            yield stores[of.removeprefix("om.")], node.attr
        elif of == "om.runtime":
            yield "Runtime", node.attr
        elif re.fullmatch(r"om\.runtime\.model\([^()]*\)", of):
            yield "ModelRuntime", node.attr
        elif of == "result":
            yield "Result", node.attr


def test_each_name_that_is_typed_there_is_here_or_says_the_new_way(om: Omega) -> None:
    om.datasets.put([1], "X")
    model = om.runtime.model("m")
    have = {
        "Omega": om,
        "OmegaStore": om.datasets,
        "JobStore": om.jobs,
        "Runtime": om.runtime,
        "ModelRuntime": model,
        "Result": om.runtime.model("m").predict("X"),
    }
    missing = set()
    for call in CALLS:
        if call.section == "The command line" or "import" in call.there:
            continue
        for cls, name in _attributes(call.there):
            known = FORMER[cls] | (FORMER["OmegaStore"] if cls == "JobStore" else {})
            if not hasattr(have[cls], name) and name not in known:
                missing.add(f"{cls}.{name}")
    assert not missing


def test_a_former_name_raises_what_says_the_new_way_and_is_not_there(om: Omega) -> None:
    om.datasets.put([1], "X")
    have: dict[str, list[Any]] = {
        "omega_core": [omega_core],
        "Omega": [om],
        "OmegaStore": [om.datasets, om.models, om.jobs],
        "JobStore": [om.jobs],
        "Runtime": [om.runtime],
        "ModelRuntime": [om.runtime.model("m")],
        "JobRuntime": [om.runtime.job("j")],
        "Result": [om.runtime.model("m").predict("X")],
    }
    for cls, names in FORMER.items():
        for thing in have[cls]:
            for name, way in names.items():
                with pytest.raises(AttributeError) as caught:
                    getattr(thing, name)
                assert f"omega_core has no {name}: " in str(caught.value)
                if cls != "OmegaStore" or thing is om.datasets:
                    assert way in str(caught.value)
                assert not hasattr(thing, name)
                assert name not in dir(thing)
    with pytest.raises(AttributeError, match=r"om\.datasets\.get\(name, lazy=True\)"):
        om.datasets.getl  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        om.datasets.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_former_names_change_nothing_else(om: Omega) -> None:
    import copy
    import pickle

    class Ours(Omega):
        def setup(self) -> str:
            return "ours"

    with Ours(om.config) as ours:
        assert ours.setup() == "ours"
        assert pickle.loads(pickle.dumps(ours)).config == om.config
    om.streams = "mine"  # type: ignore[attr-defined]
    assert om.streams == "mine"  # type: ignore[attr-defined]
    assert "streams" not in vars(copy.copy(om.datasets))
    # What exists is found as without them: by the type's own slot.
    assert "__getattr__" not in dir(type(om.datasets))


@pytest.mark.needs_plugins("pandas", "sklearn")
def test_the_error_of_a_former_option_says_the_new_way(om: Omega) -> None:
    import pandas as pd

    df = pd.DataFrame({"n": [1]})
    om.datasets.put(df, "x")
    for option, way in OPTIONS["put"].items():
        if option not in ("index",):
            with pytest.raises(TypeError) as caught:
                om.datasets.put(df, "x", **{option: 1})
            assert way in str(caught.value)
    for option, way in OPTIONS["get"].items():
        with pytest.raises(TypeError) as caught:
            om.datasets.get("x", **{option: 1})
        assert way in str(caught.value)
    with pytest.raises(KeyError, match="Versions count from 1"):
        om.datasets.get("x", version=-1)
