"""How an object of each kind of omega|ml is read, and as which kind it is put here."""

from __future__ import annotations

import importlib.util
import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import StoreError, UnsupportedValueError, UntrustedFormatError
from ..secret import redact_text
from ..security import require_pickle_allowed
from ..text import counted
from .source import Entry, Source

if TYPE_CHECKING:
    from ..protocol.metadata import Metadata
    from ..store import OmegaStore

_LARGE = 64 * 1024 * 1024
_BLOCK = 4 * 1024 * 1024
_BACKEND_VERSION = "_om_backend_version"


class LeftOutError(StoreError):
    """An object that is not imported, with why and what to do."""


@dataclass
class Reading:
    """An object that is about to be put.

    Attributes
    ----------
    kind : str
        As which it is put, unless ``put`` finds out that it has to be another.
    put
        Takes the name, and the options of a put; puts it.
    rows, bytes
        Of the source, where they are known.
    changed
        What is not as it was, or was lost before.
    """

    kind: str
    put: Callable[..., Metadata]
    rows: int | None = None
    bytes: int | None = None
    changed: list[str] = field(default_factory=list)


def reading(source: Source, entry: Entry, store: OmegaStore) -> Reading:
    """Return how to put an object into a store.

    Raises
    ------
    LeftOutError
        Objects of its kind are not imported, or this one is not.
    PluginError, UntrustedFormatError
        A plugin is missing, or what can run code when it is read is not read here.
    """
    read = _READINGS.get(entry.kind)
    if read is None:
        what, remedy = _WITHOUT.get(entry.kind, ("", ""))
        raise LeftOutError(
            f"{what or f'objects of the kind {entry.kind!r} are not read'}. "
            f"{remedy or 'Get it with omega|ml, and put what it is made of.'}"
        )
    return read(source, entry, store)


# --- rows ----------------------------------------------------------------------------------------


def _frame(source: Source, entry: Entry, store: OmegaStore) -> Reading:
    kind = "pandas.series" if entry.kind == "pandas.serows" else "pandas.dataframe"
    store.get_backend_bykind(kind)
    # pandas is there where the plugin is.
    from . import frames
    from .columns import WiderError

    _named_collection(entry)
    rows = frames.examine(source, entry)
    pieces = frames.series if kind == "pandas.series" else frames.frames

    def put(name: str, **options: Any) -> Metadata:
        while True:
            try:
                saved = store.put(pieces(source, rows), name, kind=kind, **options)
            except WiderError as wider:
                rows.widened(wider.column)
            else:
                made.changed += frames.column_changes(rows)
                return saved

    size = source.size(str(entry.collection))[1]
    made = Reading(kind, put, rows.count, size, rows.changed)
    return made


def _documents(source: Source, entry: Entry, store: OmegaStore) -> Reading:
    collection = _named_collection(entry)
    count, size = source.size(collection)

    def put(name: str, **options: Any) -> Metadata:
        items = source.find(collection, [{"$project": {"_id": 0}}])
        return store.put(items, name, kind="python.rows", **options)

    told = "the documents as they are; get of omega|ml returns pandas.json_normalize of them"
    return Reading("python.rows", put, count, size, [told])


def _data(source: Source, entry: Entry, store: OmegaStore) -> Reading:
    """Return a reading of what ``get`` returns there: the list of all that was put."""
    collection = _named_collection(entry)
    count, size = source.size(collection)
    changed = [f"a list of {counted(count, 'item')}, as get of omega|ml returns it"]

    def items() -> Iterator[Any]:
        for document in source.find(collection, [{"$project": {"data": 1}}]):
            yield document.get("data")

    def put(name: str, **options: Any) -> Metadata:
        return store.put(list(items()), name, kind="python.data", **options)

    def put_rows(name: str, **options: Any) -> Metadata:
        return store.put(items(), name, kind="python.rows", **options)

    if size <= _LARGE:
        return Reading("python.data", put, count, size, changed)
    changed.append("kept as python.rows, as it is large: its items have to be dicts")
    return Reading("python.rows", put_rows, count, size, changed)


# --- files ---------------------------------------------------------------------------------------


def _file(source: Source, entry: Entry, store: OmegaStore) -> Reading:
    _not_elsewhere(entry)
    file = source.file(entry)

    def put(name: str, **options: Any) -> Metadata:
        return store.put(_Stream(file), name, kind="python.file", **options)

    return Reading("python.file", put, bytes=file.length)


class _Stream:
    """The bytes of a file of GridFS, as `OmegaStore.put` takes them: from the beginning."""

    def __init__(self, file: Any) -> None:
        self._file = file
        file.seek(0)

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._file.read(size)
        return data


def _array(source: Source, entry: Entry, store: OmegaStore) -> Reading:
    store.get_backend_bykind("numpy.ndarray")
    _not_elsewhere(entry)
    if str(entry.kind_meta.get("dtype")) == "object":
        raise LeftOutError(
            "it is an array of Python objects, which is stored as a pickle there and as no array "
            "here. Get it with omega|ml, and put array.tolist()."
        )
    file = source.file(entry)

    def put(name: str, **options: Any) -> Metadata:
        import numpy as np

        with _local(file, ".npy") as copy:
            if entry.kind_meta.get("save_method") == "np.save":
                array = np.load(copy, mmap_mode="r", allow_pickle=False)
            else:
                # As the releases before wrote it: nothing but the values.
                dtype = np.dtype(str(entry.kind_meta["dtype"]))
                if dtype.hasobject:
                    raise LeftOutError("its bytes would be taken for the places of objects.")
                found = np.memmap(copy, dtype=dtype, mode="r")
                array = found.reshape(entry.kind_meta["shape"])
            if not array.ndim or array.nbytes <= _LARGE:
                # Not a memory map: its class is another.
                return store.put(np.array(array), name, kind="numpy.ndarray", **options)
            step = max(1, _BLOCK * len(array) // array.nbytes)
            parts = (np.array(array[i : i + step]) for i in range(0, len(array), step))
            return store.put(parts, name, kind="numpy.ndarray", **options)

    shape = entry.kind_meta.get("shape") or [None]
    return Reading("numpy.ndarray", put, shape[0], file.length)


def _hdf(source: Source, entry: Entry, store: OmegaStore) -> Reading:
    store.get_backend_bykind("pandas.dataframe")
    _not_elsewhere(entry)
    # PyTables keeps what is no number as pickles, and reads them without asking.
    _trusted(entry, store)
    if importlib.util.find_spec("tables") is None:
        raise LeftOutError("it is an HDF5 file, and PyTables is missing. Run: pip install tables")
    file = source.file(entry)

    def put(name: str, **options: Any) -> Metadata:
        import pandas as pd

        with _local(file, ".hdf") as copy:
            return store.put(pd.read_hdf(copy), name, **options)

    told = "read whole from its HDF5 file; arrays and lists that went into it are frames, as there"
    return Reading("pandas.dataframe", put, bytes=file.length, changed=[told])


def _model(source: Source, entry: Entry, store: OmegaStore) -> Reading:
    _not_elsewhere(entry)
    _trusted(entry, store)
    store.get_backend_bykind("sklearn.joblib")
    if entry.kind == "sklearn.joblib" and _BACKEND_VERSION not in entry.kind_meta:
        raise LeftOutError(
            "it was written by a release of omega|ml before 0.10, in another format. Get it with "
            "omega|ml, and put it there again."
        )
    file = source.file(entry)

    def put(name: str, **options: Any) -> Metadata:
        import joblib

        with _local(file, ".joblib") as copy, warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model = joblib.load(copy)
        made.changed += list(dict.fromkeys(str(warning.message).split("\n")[0] for warning in told))
        try:
            saved = store.put(model, name, **options)
        except (UntrustedFormatError, UnsupportedValueError) as error:
            made.changed.append(f"kept as a pickle: {str(error)[:300]}")
            saved = store.put(model, name, kind="sklearn.joblib", **options)
        made.kind = saved.kind
        return saved

    made = Reading("sklearn.skops", put, bytes=file.length)
    return made


def _notebook(source: Source, entry: Entry, store: OmegaStore) -> Reading:
    store.get_backend_bykind("notebook.ipynb")
    _not_elsewhere(entry)
    file = source.file(entry)

    def put(name: str, **options: Any) -> Metadata:
        import nbformat

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of cells without an id, which it gives them
            notebook = nbformat.reads(file.read().decode(), as_version=4)
        return store.put(notebook, name, kind="notebook.ipynb", **options)

    changed = []
    config = entry.attributes.get("config")
    cron = None
    if isinstance(config, dict):
        cron = config.get("run-at") or config.get("cron") or config.get("schedule")
    if cron is not None:
        changed.append(
            f"its schedule {json.dumps(str(cron))} is not taken over: omega jobs schedule "
            f"{entry.name} --cron '...'"
        )
    return Reading("notebook.ipynb", put, bytes=file.length, changed=changed)


# --- what they share -----------------------------------------------------------------------------


def _named_collection(entry: Entry) -> str:
    if entry.collection is None:
        raise LeftOutError("its metadata name no collection, so that there is nothing to read.")
    return entry.collection


def _not_elsewhere(entry: Entry) -> None:
    if entry.uri:
        raise LeftOutError(
            f"its bytes are outside of the database, at {redact_text(entry.uri)!r}. Put a "
            "reference to it: om.datasets.put(uri, name, reference=True)."
        )


def _trusted(entry: Entry, store: OmegaStore) -> None:
    try:
        require_pickle_allowed(store, kind=entry.kind, name=entry.name)
    except UntrustedFormatError:
        raise LeftOutError(
            f"it is of the kind {entry.kind!r}, a format that can run any code when it is read. If "
            "you trust everybody who could write to that database, let this import read it: set "
            '[security] pickle = "allow", or OMEGA_SECURITY__PICKLE=allow for this command alone.'
        ) from None


@contextmanager
def _local(file: Any, suffix: str) -> Iterator[str]:
    """Yield the path of a temporary file of the same bytes, which goes with the block."""
    with tempfile.NamedTemporaryFile(suffix=suffix) as copy:
        file.seek(0)
        while block := file.read(_BLOCK):
            copy.write(block)
        copy.flush()
        yield copy.name


_READINGS: dict[str, Callable[[Source, Entry, OmegaStore], Reading]] = {
    "pandas.dfrows": _frame,
    "pandas.serows": _frame,
    "pandas.dfgroup": _frame,
    "pandas.rawdict": _documents,
    "pandas.hdf": _hdf,
    "python.data": _data,
    "python.file": _file,
    "ndarray.bin": _array,
    "sklearn.joblib": _model,
    "python.model": _model,
    "script.ipynb": _notebook,
}

_CODE = "it is a function, which dill stored as code that runs when it is read"
_NET = "it is a model of another library, in that library's own format"
_FILES = (
    "Get it with omega|ml, save it, and put the file: om.models.put(pathlib.Path('...'), name)."
)
_WITHOUT = {
    "virtualobj.dill": (
        _CODE,
        "Install the function as a package, or write a backend of it: docs/plugins.md.",
    ),
    "virtualobj.helper": (_CODE, "Install the function as a package."),
    "python.package": (
        "it is a package of Python",
        "Install it with pip where it runs; what it did as a script, a notebook does as a job.",
    ),
    "pipsrc.package": (
        "it is a package of Python, by the place pip takes it from",
        "Install it with pip where it runs.",
    ),
    "experiment.tracker": (
        "it is the tracker of an experiment",
        "What it logged is in the dataset .experiments/NAME, which --only '.experiments/*' takes.",
    ),
    "pandas.csv": (
        "it is a reference to a CSV file outside of the database",
        "Put a reference to it: om.datasets.put(uri, name, reference=True).",
    ),
    "stream.minibatch": (
        "it is a stream",
        "Its windows are datasets; append to one: om.datasets.put(rows, name, append=True).",
    ),
    "sqlalchemy.conx": (
        "it is a connection to another database, not data",
        "Read it with pandas.read_sql, and put the frame.",
    ),
    **dict.fromkeys(
        (
            *("keras.h5", "tfkeras.h5", "tfkeras.savedmodel", "tf.savedmodel"),
            *("tfestimator.model", "pytorch.pth", "mlflow.model", "model.r"),
        ),
        (_NET, _FILES),
    ),
}
"""Why objects of a kind are not read, and what to do."""
