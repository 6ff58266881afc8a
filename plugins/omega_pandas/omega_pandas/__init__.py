"""omega_pandas: frames, series, indexes, arrays and sparse matrices in a store, without loss.

This module only declares: it imports neither pandas nor numpy nor pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from omega_core import BackendSpec, hookimpl

__all__ = ["backends", "file_formats"]


@hookimpl
def backends() -> Iterable[BackendSpec]:
    """Declare the kinds of this plugin."""
    return [
        BackendSpec(
            "pandas.dataframe",
            "omega_pandas.frame:DataFrameBackend",
            types=[
                "pandas:DataFrame",
                "types:GeneratorType",
                *(f"pyarrow:{name}" for name in ("Table", "RecordBatch", "RecordBatchReader")),
                "polars:DataFrame",
            ],
            summary="A DataFrame, exactly: dtypes, index, labels, attrs.",
        ),
        BackendSpec(
            "pandas.dfrows",
            "omega_pandas.rows:RowsBackend",
            types=["pandas:DataFrame"],
            priority=1,
            summary='A DataFrame with layout="rows": a document per row, for other tools.',
        ),
        BackendSpec(
            "pandas.parquet",
            "omega_pandas.parquet:ParquetBackend",
            types=["pandas:DataFrame", "builtins:str"],
            priority=1,
            summary="A DataFrame as a Parquet file at a URI; or tables in files, read in place.",
        ),
        BackendSpec(
            "pandas.series",
            "omega_pandas.series:SeriesBackend",
            types=["pandas:Series", "pandas:Index"],
            summary="A Series, or an Index of any class, exactly.",
        ),
        BackendSpec(
            "numpy.ndarray",
            "omega_pandas.array:ArrayBackend",
            types=["numpy:ndarray"],
            summary="An array of any dtype but object, in its memory order.",
        ),
        BackendSpec(
            "scipy.sparse",
            "omega_pandas.sparse:SparseBackend",
            types=[
                f"scipy.sparse:{format_}_{kind}"
                for format_ in ("csr", "csc", "bsr", "coo", "dia", "lil", "dok")
                for kind in ("matrix", "array")
            ],
            summary="A sparse matrix or array of scipy, exactly: format, indices, explicit zeros.",
        ),
    ]


@hookimpl
def file_formats() -> Mapping[str, str]:
    """Declare the files that are tables."""
    return {
        ".csv": "omega_pandas.files.csv_file:CsvFormat",
        ".parquet": "omega_pandas.files.arrow_file:ParquetFormat",
        ".pq": "omega_pandas.files.arrow_file:ParquetFormat",
        ".feather": "omega_pandas.files.arrow_file:ArrowFormat",
        ".arrow": "omega_pandas.files.arrow_file:ArrowFormat",
        ".jsonl": "omega_pandas.files.jsonl_file:JsonLinesFormat",
        ".ndjson": "omega_pandas.files.jsonl_file:JsonLinesFormat",
    }
