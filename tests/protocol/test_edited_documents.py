"""Whoever edits a metadata document is told of it, or gets the right data: never anything else."""

from __future__ import annotations

import collections
import datetime as dt
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError

from omega_core import Omega, OmegaStore
from omega_core.errors import IntegrityError, OmegaError
from omega_core.testing.document_edits import Edit, edits, write

Make = Callable[..., Omega]
Document = dict[str, Any]

SAMPLE = 4
"""Edits of each kind, where ``--every-edit`` does not say more."""


def contents(obj: Any) -> Any:
    """Return what can be compared of what a get returned."""
    if isinstance(obj, io.IOBase):
        with obj:
            return obj.read()  # type: ignore[attr-defined]
    if hasattr(obj, "get_params"):
        return type(obj), obj.get_params(), obj.coef_.tolist()
    if hasattr(obj, "dtypes") and hasattr(obj, "to_dict"):
        return str(obj.dtypes), str(obj.index), obj.to_dict()
    if hasattr(obj, "tocsr"):
        return type(obj), obj.dtype, obj.indices.tolist(), obj.toarray().tolist()
    if hasattr(obj, "tobytes"):
        return obj.dtype, obj.shape, obj.tobytes()
    return obj


@dataclass
class Kind:
    """How objects of a kind are made: the first, second and third put, and what is appended."""

    objects: Callable[[], list[Any]]
    store: str = "datasets"
    options: dict[str, Any] = field(default_factory=dict)
    append: bool = False
    plugins: str = ""


def frames() -> list[Any]:
    import pandas as pd

    return [pd.DataFrame({"a": [n, 2], "b": ["x", "y"]}) for n in range(5)]


def series() -> list[Any]:
    import pandas as pd

    return [pd.Series([n, 2], name="s") for n in range(5)]


def arrays() -> list[Any]:
    import numpy as np

    return [np.arange(6).reshape(2, 3) + n for n in range(5)]


def matrices() -> list[Any]:
    import scipy.sparse

    return [scipy.sparse.csr_array([[0, n], [2, 0]]) for n in range(5)]


def models() -> list[Any]:
    from sklearn.linear_model import Ridge

    return [Ridge(alpha=n).fit([[0.0], [1.0]], [0.0, n]) for n in range(1, 6)]


def rows() -> list[Any]:
    return [[{"n": n}, {"n": 2}] for n in range(5)]


def blobs() -> list[Any]:
    return [b"%d" % n * 3000 for n in range(5)]


KINDS = {
    "python.data": Kind(lambda: [{"n": n, "t": (n,)} for n in range(5)]),
    "python.rows": Kind(rows, options={"kind": "python.rows"}, append=True),
    "python.file": Kind(blobs),
    "python.file at a uri": Kind(blobs, options={"uri": "{root}/{{key}}"}),
    "uri.reference": Kind(
        lambda: [f"{{root}}/{n}.txt" for n in range(5)], options={"reference": True}
    ),
    "pandas.dataframe": Kind(frames, append=True, plugins="pandas"),
    "pandas.dataframe at a uri": Kind(frames, options={"uri": "{root}/{{key}}"}, plugins="pandas"),
    "pandas.series": Kind(series, append=True, plugins="pandas"),
    "pandas.dfrows": Kind(frames, options={"layout": "rows"}, append=True, plugins="pandas"),
    "pandas.parquet": Kind(
        frames, options={"format": "parquet", "uri": "{root}/{{key}}"}, plugins="pandas"
    ),
    "numpy.ndarray": Kind(arrays, plugins="pandas"),
    "scipy.sparse": Kind(matrices, plugins="pandas"),
    "sklearn.skops": Kind(models, store="models", plugins="sklearn"),
}


class Edited:
    """An object ``x`` that has everything a document may have, and its document, edited."""

    def __init__(self, om: Omega, kind: Kind, root: str) -> None:
        for n in range(5):
            Path(root.removeprefix("file://"), f"{n}.txt").write_text(f"text {n}")
        self.store: OmegaStore = getattr(om, kind.store)
        self.metadata = om.database.metadata
        self.kind = kind
        self.options = {k: self._placed(v, root) for k, v in kind.options.items()}
        self.objects = [self._placed(obj, root) for obj in kind.objects()]
        attributes = {"owner": "ann", "run": (1, dt.timedelta(1))}
        for obj in self.objects[:3]:
            self.store.put(obj, "x", attributes=attributes, **self.options)
        self.store.put(self.objects[3], "y", **self.options)
        if kind.append:
            for name in ("x", "y"):
                self.store.put(self.objects[4], name, append=True, **self._kind_only())
        self.right = contents(self.store.get("x"))
        self.before = contents(self.store.get("x", version=2))
        self.appended: Any = None
        self.document = self._found("x")
        past = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
        res = {"gridfs": True, "segments": True}
        self.document["pending"] = {"0" * 32: {"lease": past, "owner": "h:1", "res": res}}
        self.document["gc_at"] = past
        self.other = self._found("y")

    def unsealed(self) -> None:
        """Make the documents such as there were before there were seals."""
        for document in (self.document, self.other):
            for payload in (document, *document.get("versions", [])):
                payload.pop("seal")
                for batch in payload["kind_meta"].get("batches", []):
                    batch.pop("seal")

    def operations(self) -> Iterator[tuple[str, Callable[[], Any], Any]]:
        """Yield what can be done with an object, and what it then returns, if that is known."""
        store = self.store
        yield "get", lambda: contents(store.get("x")), self.right
        yield "get version", lambda: contents(store.get("x", version=2)), self.before
        yield "metadata", lambda: self._described(store.metadata("x")), None
        yield "versions", lambda: [self._described(m) for m in store.versions("x")], None
        listed = [self.other["name"]]
        yield "list", lambda: self._others(map(self._described, store.list(raw=True))), listed
        yield "names", lambda: [name for name in store.list() if name == "y"], listed
        yield "exists", lambda: "x" in store, None
        yield "dry gc", lambda: store.gc(grace=0, dry_run=True), None
        yield "save", lambda: self._saved(), None
        yield "restore", lambda: (store.restore("x", 2), contents(store.get("x")))[1], self.before
        if self.kind.append:
            yield "append", self._append, None
        yield "put", self._replace, contents(self.objects[0])
        yield "drop", lambda: (store.drop("x"), "x" in store)[1], False

    def edit(self, document: Document) -> None:
        """Make the edit; undo what was done to the document before."""
        own = [self.document["_id"], self.other["_id"]]
        self.metadata.delete_many({"_id": {"$nin": own}})
        write(self.metadata, document)

    @staticmethod
    def _others(metas: Iterable[Any]) -> list[str]:
        return [meta.name for meta in metas if meta.name == "y" and meta.damage is None]

    def _append(self) -> Any:
        self.store.put(self.objects[4], "x", append=True, **self._kind_only())
        return contents(self.store.get("x"))

    def _replace(self) -> Any:
        self.store.put(self.objects[0], "x", **self.options)
        if self.kind.options.get("reference"):
            return self.objects[0]
        return contents(self.store.get("x"))

    def _saved(self) -> None:
        meta = self.store.metadata("x")
        if meta is not None:
            meta.attributes["more"] = 1
            assert meta.save().attributes["more"] == 1

    def _kind_only(self) -> Document:
        return {k: v for k, v in self.options.items() if k in ("kind", "layout")}

    @staticmethod
    def _described(meta: Any) -> Any:
        if meta is not None and meta.damage is not None:
            assert meta.name in meta.damage
            with pytest.raises(IntegrityError):
                meta.save()
        repr(meta)
        return meta

    @staticmethod
    def _placed(value: Any, root: str) -> Any:
        return value.format(root=root) if isinstance(value, str) else value

    def _found(self, name: str) -> Document:
        found = self.metadata.find_one({"name": name})
        assert found is not None
        return dict(found)


def judged(edited: Edited, edit: Edit, sealed: bool) -> Iterator[tuple[str, str]]:
    """Do everything with an edited object; yield how each ended, and how that is to be called."""
    for operation, act, right in edited.operations():
        try:
            edited.edit(edit.document)
        except DuplicateKeyError:
            return  # the server lets nobody make this edit
        try:
            result = act()
        except OmegaError as error:
            told = "\n".join([str(error), *getattr(error, "__notes__", [])])
            yield operation, "told" if "'x'" in told else f"unnamed: {error!r}"
        except Exception as error:
            yield operation, f"foreign: {error!r}"
        else:
            same = right is None or result == right
            yield operation, "right" if same else "wrong"


@pytest.fixture
def root(tmp_path: Path) -> str:
    directory = tmp_path / "files"
    directory.mkdir()
    return directory.as_uri()


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "unsealed"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_is_told_or_harmless(
    make_omega: Make, root: str, kind: str, sealed: bool, request: pytest.FixtureRequest
) -> None:
    if KINDS[kind].plugins:
        pytest.importorskip(f"omega_{KINDS[kind].plugins}")
    # Before there were seals, no file travelled in the document.
    stores = {} if sealed else {"inline": 0}
    om = make_omega(uris={"allow": [root + "/"]}, stores=stores)
    edited = Edited(om, KINDS[kind], root)
    if not sealed:
        edited.unsealed()
    everything = list(edits(edited.document, edited.other))
    step = request.config.getoption("--every-edit") or len(everything) // SAMPLE
    chosen = everything[zlib.crc32(kind.encode()) % step :: step]
    counts: collections.Counter[str] = collections.Counter()
    bad: list[str] = []
    for edit in chosen:
        for operation, ended in judged(edited, edit, sealed):
            counts[ended.partition(":")[0]] += 1
            # Of what was stored without a seal, only the shape is known.
            if ended not in ("told", "right") and not (ended == "wrong" and not sealed):
                bad.append(f"{operation} after {edit}: {ended[:300]}")
    print(f"\n{kind:26} {'sealed' if sealed else 'unsealed':8} {len(chosen):6,} edits, "
          + ", ".join(f"{n:,} {what}" for what, n in sorted(counts.items())))  # fmt: skip
    assert not bad, f"{len(bad)} of {sum(counts.values())}:\n" + "\n".join(bad[:40])
