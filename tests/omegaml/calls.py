"""The calls of docs/omegaml.md, by section: what is typed there, and what is typed here."""

from __future__ import annotations

import re
from typing import NamedTuple

NONE = "—"

ELSEWHERE = {
    "om.runtime.status()": "asks a broker",
    "om.runtime.workers()": "asks a broker",
    "om.runtime.result(result.id).get()": "asks a broker",
    "om.scripts.put('pkg://./package', 'script')": "needs a package with a setup.py",
    "om.runtime.script('script').run()": "needs that script",
}
"""What is typed there and does not run without more than a database, and why."""

_ROW = re.compile(r"^\| (`.*?`) \| (`.*`|—) \| ?(.*?) ?\|$")


class Call(NamedTuple):
    """One row; ``here`` is None where there is no such thing."""

    section: str
    there: str
    here: str | None
    note: str


def calls(page: str) -> list[Call]:
    """Return the rows of the tables of three columns."""
    found = []
    section = ""
    for line in page.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        row = _ROW.match(line)
        if row is not None:
            there, here, note = row.groups()
            mine = None if here == NONE else here.strip("`")
            found.append(Call(section, there.strip("`"), mine, note))
    return found


def prepared(names: dict[str, object]) -> None:
    """Add what the calls name: objects of pandas and scikit-learn, and files in the directory."""
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression, SGDClassifier
    from sklearn.model_selection import GridSearchCV
    from sklearn.preprocessing import StandardScaler

    df = pd.DataFrame({"qty": [1, 2, 3], "state": ["NY", "CA", "NY"], "note": ["ab", "cd", "ae"]})
    X, y = [[float(n)] for n in range(20)], [0, 1] * 5 + [1] * 10
    names |= {
        "np": np,
        "pd": pd,
        "Path": Path,
        "GridSearchCV": GridSearchCV,
        "df": df,
        "big": pd.DataFrame({"n": range(3000)}),
        "X": X,
        "y": y,
        "points": pd.DataFrame({"n": [n for (n,) in X]}),
        "labels": pd.DataFrame({"y": y}),
        "model": LogisticRegression().fit(X, y),
        "other": LogisticRegression(C=2.0).fit(X, y),
        "scaler": StandardScaler().fit(X),
        "steps": SGDClassifier(),
        "place": str(Path.cwd()),
        "states": pd.DataFrame({"state": ["NY", "CA"], "name": ["New York", "California"]}),
        "dump": None,
    }
    Path("report.bin").write_bytes(b"report")
    df.to_csv("sales.csv", index=False)
