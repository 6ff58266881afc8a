"""Tab completion shows what is for users, all of it, and nothing else."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import omega_core
from omega_core import ACTIONS, Omega

ROOT = Path(__file__).parents[1]

FOR_USERS = {
    "om": "at bucket buckets close config datasets drop_snapshot export gc import_ jobs locations "
    "models plugins runtime snapshot snapshots",
    "om.datasets": "bucket prefix omega config put get drop exists list metadata versions restore "
    "copy export import_ move gc explain describe diff page actions alias aliases lineage unalias "
    "used_by perform register_backend get_backend get_backend_byobj get_backend_bykind "
    # And for those who write backends.
    "collection compact create_file fs generation make_metadata mongodb not_found "
    "object_store_key open_file segments",
    "om.runtime": "job map model result",
    "om.runtime.job('j')": "name run submit",
    "om.runtime.model('m')": " ".join(["name", *ACTIONS]),
    "om.runtime.model('m').predict('X')": "add_done_callback cancel cancelled done exception get "
    "id progress result running status",
    "om.plugins": "engines file_formats filesystems kinds settings spec",
    "om.datasets.metadata('X')": "aliases attributes bucket collection created damage gen gridfile "
    "id inline is_current kind kind_meta lineage modified name plugin prefix reload rev save uri "
    "version",
    "next(iter(om.plugins))": "distribution doubts engines error file_formats id schemes "
    "specs state summary target version wraps",
}


def test_the_objects_in_a_notebook_show_what_is_for_users(om: Omega, install: Any) -> None:
    install("acme", "")
    om.datasets.put([1], "X")
    for expression, names in FOR_USERS.items():
        shown = dir(eval(expression, {"om": om}))
        assert shown == sorted(names.split()), expression
        value = eval(expression, {"om": om})
        for name in shown:
            getattr(value, name)  # nothing is promised that is not there
    assert dir(om.models) == dir(om.datasets)
    of_jobs = {"history", "pause", "resume", "schedule", "schedules", "unschedule"}
    assert set(dir(om.jobs)) == {*dir(om.datasets), *of_jobs}


def test_what_a_user_adds_is_shown_as_well(om: Omega) -> None:
    class Ours(Omega):
        def report(self) -> str:
            return "ours"

    with Ours(om.config) as ours:
        ours.note = "mine"  # type: ignore[attr-defined]
        assert {"report", "note"} <= set(dir(ours))


def test_whatever_the_documentation_uses_is_shown(om: Omega) -> None:
    om.datasets.put([1], "X")
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")]
    # Half of it is what there is elsewhere; what it says that there is here runs in a test.
    pages.remove(ROOT / "docs" / "omegaml.md")
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    uses = {
        r"\bom\.(\w+)": om,
        r"\bom\.(?:datasets|models)\.(\w+)": om.datasets,
        r"\bom\.jobs\.(\w+)": om.jobs,
        r"\b(?:store|self\.data_store|self\.model_store)\.(?!py\b)(\w+)": om.datasets,
        r"\bmeta\.(\w+)": om.datasets.metadata("X"),
        r"\bom\.runtime\.(\w+)": om.runtime,
    }
    for pattern, value in uses.items():
        found = set(re.findall(pattern, text))
        assert found, pattern
        assert found <= set(dir(value)), pattern


def test_the_package_shows_its_public_names_and_its_version() -> None:
    names = [name for name in dir(omega_core) if not name.startswith("__")]
    assert names == [name for name in sorted(omega_core.__all__) if not name.startswith("__")]
    assert omega_core.__version__ == importlib.metadata.version("omega-core")
    program = "import omega_core, sys; print(omega_core.__version__, 'pymongo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == [omega_core.__version__, "False"], done.stderr
