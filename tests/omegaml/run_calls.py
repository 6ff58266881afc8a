"""Run what docs/omegaml.md says that is typed there, with the real omega|ml.

    python run_calls.py URL PAGE OUT

Run by a Python that has omegaml==0.18.0, in an empty directory. OUT takes what failed, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
url, page, out = sys.argv[1:]
os.environ["OMEGA_MONGO_URL"] = url
# Tasks are run where they are called, as without a broker.
os.environ["OMEGA_LOCAL_RUNTIME"] = "1"
warnings.simplefilter("ignore")

from calls import ELSEWHERE, calls, prepared  # noqa: E402
from omegaml import Omega  # noqa: E402
from omegaml.backends.basedata import BaseDataBackend  # noqa: E402
from omegaml.backends.virtualobj import virtualobj  # noqa: E402
from omegaml.store.query import MongoQ  # noqa: E402

SKIPPED = ("The command line",)


@virtualobj
def function(*args: Any, **kwargs: Any) -> int:
    return 42


class Foo(BaseDataBackend):
    KIND = "foo.rows"

    @classmethod
    def supports(cls, *args: Any, **kwargs: Any) -> bool:
        return False


class Mixin:
    pass


def stored(om: Any, names: dict[str, Any]) -> None:
    """Store what the calls of a section name."""
    put = om.datasets.put
    df = names["df"]
    put(df.copy(), "sales", replace=True)
    for name in ("old1", "old2"):
        put(df.copy(), name, replace=True)
    put(names["states"].copy(), "states", replace=True)
    put({"a": 1}, "facts", replace=True)
    put([{"a": {"b": 1}}, {"a": 2}], "docs", as_raw=True, replace=True)
    put(names["np"].arange(3), "array", replace=True)
    put("report.bin", "file", replace=True)
    put(function, "virtual", replace=True)
    put(names["points"].copy(), "X", replace=True)
    put(names["labels"].copy(), "Y", replace=True)
    if not om.datasets.exists("history"):
        put(df.copy(), "history", revisions=True)
        put(df.copy().assign(qty=9), "history")
    for name in ("churn", "scaler", "steps"):
        om.models.drop(name, force=True)
    om.models.put(names["model"], "churn", tag="first")
    om.models.put(names["other"], "churn")
    om.models.put(names["scaler"], "scaler")
    om.models.put(names["steps"].partial_fit(names["X"], names["y"], classes=[0, 1]), "steps")
    om.jobs.create("print('hello')", "daily")
    om["team"].datasets.put(df.copy(), "sales", replace=True)
    om["team"].models.put(names["model"], "churn")


failed: dict[str, str] = {}
names: dict[str, Any] = {"os": os, "url": url, "Omega": Omega, "Q": MongoQ}
names |= {"function": function, "Foo": Foo, "Mixin": Mixin}
prepared(names)
before = ""
for call in calls(Path(page).read_text(encoding="utf-8")):
    if call.section in SKIPPED or call.there in ELSEWHERE:
        continue
    if call.section != before:
        om = Omega(mongo_url=url)
        names["om"] = om
        stored(om, names)
        names["notebook"] = om.jobs.get("daily")
        before = call.section
    try:
        exec(compile(call.there, call.there, "exec"), names)
    except Exception as error:
        failed[call.there] = "".join(traceback.format_exception_only(error)).strip()[:300]
Path(out).write_text(json.dumps(failed, indent=1), encoding="utf-8")
