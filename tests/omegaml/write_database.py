"""Put what `cases` makes into a database, with the real omega|ml.

    python write_database.py URL OUT

Run by a Python that has omegaml==0.18.0. OUT takes what its ``get`` returned, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
url, out = sys.argv[1:]
os.environ["OMEGA_MONGO_URL"] = url
warnings.simplefilter("ignore")

import cases  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from omegaml import Omega  # noqa: E402
from omegaml.backends.virtualobj import virtualobj  # noqa: E402
from sklearn.linear_model import LinearRegression  # noqa: E402

om = Omega(mongo_url=url)
data = om.datasets
X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]


def lines(name: str) -> list[list[str]]:
    """Return what ``get`` returns, such that it can be compared."""
    found = data.get(name)
    frame = found.to_frame() if isinstance(found, pd.Series) else found
    return [[str(value) for value in row] for row in frame.reset_index().values.tolist()]


for name, made in {**cases.FRAMES, **cases.SERIES}.items():
    data.put(made(), name, attributes={"case": name})
for name, array in cases.ARRAYS.items():
    data.put(array(), name)
data.put(np.array(["a", 1], dtype=object), "arrays/objects", allow_pickle=True)
for name, puts in cases.DATA.items():
    for obj in puts:
        data.put(obj, name)
for frame in cases.appended():
    data.put(frame, "appended")
for frame in cases.narrowed():
    data.put(frame, "narrowed")
data.put(pd.DataFrame({"n": [1]}), "c/1")
data.put(pd.DataFrame({"n": [2]}), "c_1")
data.put(pd.DataFrame({"a.b": [1], 7: [2]}), "renamed")
data.put(cases.grouped(), "grouped", groupby=["k"])
data.put(cases.DOCUMENTS, "documents", as_raw=True)
data.put(cases.many(), "many")
data.put(pd.DataFrame({"n": [1, 2]}), "revised", revisions=True)
data.put(pd.DataFrame({"n": [7]}), "revised")
data.put(pd.DataFrame({"n": [1]}), "hdf", as_hdf=True)
data.put({"secret": True}, ".hidden")
with tempfile.TemporaryDirectory() as directory:
    path = Path(directory) / "file.bin"
    path.write_bytes(cases.FILE)
    data.put(str(path), "files/bytes", attributes={"owner": {"name": "ann", "since": 2020}})
    om["team"].datasets.put(str(path), "files/bytes")
    data.put(str(path), "files/elsewhere", uri=str(Path(directory) / "gone.bin"))
om["team"].datasets.put(pd.DataFrame({"n": [5]}), "numbers")


@virtualobj
def function(*args: object, **kwargs: object) -> int:
    return 42


data.put(function, "function")

model = LinearRegression()
om.models.put(model, "line", attributes={"note": "not fitted"}, tag="first")
om.models.put(model.fit(X, y), "line", tag="2024")
om.models.put(LinearRegression(fit_intercept=False).fit(X, y), "line", attributes={"note": "last"})
for i in range(4):
    om.models.put(LinearRegression(n_jobs=i + 1), "many versions")
om.jobs.create("print('hello')", "reports/daily")
om.jobs.create("1 + 1", "timed")
meta = om.jobs.metadata("timed")
meta.attributes["config"] = {"run-at": "0 6 * * *"}
meta.save()
with om.runtime.experiment("trial") as experiment:
    experiment.log_metric("score", 0.5)

got = {name: lines(name) for name in (*cases.FRAMES, *cases.SERIES) if name != "square[1]"}
got |= {name: lines(name) for name in ("appended", "narrowed", "c/1", "c_1")}
got["data"] = {name: data.get(name) for name in cases.DATA}
got["predicted"] = om.models.get("line").predict(X).tolist()
Path(out).write_text(json.dumps(got), encoding="utf-8")
