"""Importing the plugin imports nothing that it wraps."""

from __future__ import annotations

import subprocess
import sys

CHECK = """
import sys
import omega_pandas
kinds = [spec.kind for spec in omega_pandas.backends()]
declared = "pandas.dataframe pandas.dfrows pandas.parquet pandas.series numpy.ndarray scipy.sparse"
assert kinds == declared.split(), kinds
heavy = {"pandas", "numpy", "pyarrow", "scipy", "pymongo", "mongoengine"} & set(sys.modules)
assert not heavy, f"omega_pandas imports {heavy}: move the import into the module that uses it"
"""


def test_declaring_imports_neither_pandas_nor_numpy_nor_pyarrow_nor_pymongo() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHECK], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
