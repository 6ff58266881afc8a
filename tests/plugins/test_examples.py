"""The example of a third party's plugin keeps the promises of the core, without knowing of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega, OmegaStore
from omega_core.errors import (
    ConfigError,
    IntegrityError,
    ObjectNotFoundError,
    StoreError,
    UnsupportedValueError,
)

EXAMPLES = Path(__file__).parents[2] / "examples"
KINDS = ["foo.rows", "foo.file", "foo.uri"]
NAMES = [
    *("a/b", "a_b", "a.b", "a b", "a+b", "a(b)", "a[b]", "a@b", "a#b", "a{b}", "n"),
    *("n.datastore", "_t", ".h", "ünï", "$x", "../x", "x" * 500),
]


DOCUMENTED = {
    "rows": """
        collection = self.data_store.collection(name)
        collection.insert_many([dict(item) for item in obj])
        meta = self.data_store.make_metadata(name, 'foo.rows')
        meta.collection = collection
        return meta.save()
""",
    "file": """
        filename = self.data_store.object_store_key(name, 'foo')
        fileid = self.data_store.fs.put(BytesIO(obj), filename=filename)
        meta = self.data_store.make_metadata(name, 'foo.file')
        meta.gridfile = GridFSProxy(grid_id=fileid)
        return meta.save()
""",
    "uri": """
        meta.uri = 'foofs://{}'.format(fileid)
        return meta.save()
""",
}


@pytest.mark.parametrize("module", DOCUMENTED)
def test_the_examples_of_the_storage_documentation_stand_there_as_they_are(module: str) -> None:
    source = (EXAMPLES / "omega_foo" / "omega_foo" / f"{module}.py").read_text(encoding="utf-8")
    assert DOCUMENTED[module] in source


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where foofs keeps its blobs."""
    return tmp_path / "foofs"


@pytest.fixture
def foo_omega(
    make_omega: Callable[..., Omega],
    install_examples: Callable[..., None],
    root: Path,
) -> Callable[..., Omega]:
    """Make an `Omega` in which omega-foo is the only plugin."""
    install_examples("foo")

    def make(**sections: Any) -> Omega:
        plugins = {"enabled": ["foo"], "foo": {"root": str(root)}}
        return make_omega(plugins=plugins, **sections)

    return make


@pytest.fixture
def om(foo_omega: Callable[..., Omega]) -> Omega:
    return foo_omega()


def an_object(kind: str, text: str) -> Any:
    """Return an object that this kind stores, made from a text."""
    from omega_foo.types import FooBlob, FooFile, FooRows

    if kind == "foo.rows":
        return FooRows({"i": i, "text": text} for i in range(3))
    return {"foo.file": FooFile, "foo.uri": FooBlob}[kind](text.encode())


def leftovers(om: Omega, root: Path) -> list[str]:
    """Return everything that is stored anywhere and belongs to objects."""
    db = om.datasets.mongodb
    # The last one says how far the versions of dropped names counted, and no more.
    shared = {"omega.metadata", "system.views", "omega.dropped", "omega.tasks"}
    found = []
    for name in db.list_collection_names():
        own = name.startswith("omega.") and name.endswith((".segments", ".fs.files", ".fs.chunks"))
        if not own and name not in shared:
            found.append(name)
        elif own:
            found += [f"{name}: {d['_id']}" for d in db[name].find({}, {"_id": 1})]
    return found + [str(path) for path in root.glob("**/*")]


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_is_stored_by_its_type_and_comes_back_equal(om: Omega, kind: str) -> None:
    obj = an_object(kind, "hello")
    meta = om.datasets.put(obj, "x")
    got = om.datasets.get("x")
    assert (meta.kind, meta.version) == (kind, 1)
    assert got == obj
    assert type(got) is type(obj)
    assert om.datasets.metadata("x") == meta


@pytest.mark.parametrize("kind", KINDS)
def test_plain_objects_are_stored_by_kind(om: Omega, kind: str) -> None:
    plain: Any = [{"x": 1}] if kind == "foo.rows" else b"plain"
    om.datasets.put(plain, "x", kind=kind)
    assert om.datasets.get("x") == plain


def test_plain_objects_stay_with_the_core(om: Omega) -> None:
    assert om.datasets.put([{"x": 1}], "rows").kind == "python.data"
    assert om.datasets.put(b"x", "bytes").kind == "python.file"


def test_the_callers_rows_are_not_changed(om: Omega) -> None:
    rows = [{"x": 1}, {"x": 2}]
    om.datasets.put(rows, "x", kind="foo.rows")
    assert rows == [{"x": 1}, {"x": 2}]


def test_rows_that_would_not_come_back_are_refused_before_anything_is_written(
    om: Omega, root: Path
) -> None:
    from omega_foo.types import FooRows

    assert "foo.rows (foo 0.1.0; claims omega_foo.types:FooRows): does not support it" in (
        om.datasets.explain(FooRows([{"_id": 1}]))
    )
    with pytest.raises(UnsupportedValueError, match="would not come back as itself"):
        om.datasets.put(FooRows([{"_id": 1}]), "x")
    assert not om.datasets.exists("x")
    assert leftovers(om, root) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_name_is_another_object(om: Omega, kind: str, root: Path) -> None:
    store = om.datasets
    for name in NAMES:
        store.put(an_object(kind, name), name)
    for name in NAMES:
        assert store.get(name) == an_object(kind, name)
    assert store.list(hidden=True) == sorted(NAMES)
    for position, name in enumerate(NAMES):
        store.drop(name)
        assert not store.exists(name)
        assert store.list(hidden=True) == sorted(NAMES[position + 1 :])
        store.gc(grace=0)
        for other in NAMES[position + 1 :][:2]:
            assert store.get(other) == an_object(kind, other)
    assert leftovers(om, root) == []


@pytest.mark.parametrize("kind", KINDS)
def test_versions_stay_are_read_and_restored(om: Omega, kind: str) -> None:
    store = om.datasets
    for text in ("one", "two"):
        store.put(an_object(kind, text), "x")
    assert [meta.version for meta in store.versions("x")] == [1, 2]
    assert store.get("x", version=1) == an_object(kind, "one")
    assert store.get("x") == an_object(kind, "two")
    store.restore("x", 1)
    store.gc(grace=0)
    assert store.get("x") == an_object(kind, "one")
    assert store.get("x", version=2) == an_object(kind, "two")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_replaced_beyond_the_kept_versions_is_freed(
    foo_omega: Callable[..., Omega], kind: str, root: Path
) -> None:
    om = foo_omega(stores={"keep": {"datasets": 1}})
    om.datasets.put(an_object(kind, "one"), "x")
    one = leftovers(om, root)
    om.datasets.put(an_object(kind, "two"), "x")
    assert om.datasets.gc(grace=0).freed == 1
    assert om.datasets.get("x") == an_object(kind, "two")
    now = leftovers(om, root)
    assert len(now) == len(one)
    assert not set(one) & {path for path in now if path != str(root)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_drop_leaves_nothing_behind_of_any_version(om: Omega, kind: str, root: Path) -> None:
    for text in ("one", "two"):
        om.datasets.put(an_object(kind, text), "x")
    assert leftovers(om, root)
    om.datasets.drop("x")
    om.datasets.gc(grace=0)
    assert leftovers(om, root) == []
    assert om.datasets.mongodb["omega.metadata"].count_documents({}) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_replaces_another(om: Omega, kind: str) -> None:
    om.datasets.put({"a": 1}, "x")
    om.datasets.put(an_object(kind, "new"), "x")
    assert om.datasets.get("x") == an_object(kind, "new")
    assert om.datasets.get("x", version=1) == {"a": 1}


@pytest.mark.parametrize("kind", KINDS)
def test_buckets_isolate(om: Omega, kind: str, root: Path) -> None:
    other = om["team/a"]
    om.datasets.put(an_object(kind, "mine"), "x")
    other.datasets.put(an_object(kind, "theirs"), "x")
    assert om.datasets.get("x") == an_object(kind, "mine")
    other.datasets.drop("x")
    other.datasets.gc(grace=0)
    assert other.datasets.list() == []
    assert om.datasets.get("x") == an_object(kind, "mine")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("store", ["jobs", "models"])
def test_a_data_backend_serves_the_store_that_was_called(
    om: Omega, kind: str, store: str, root: Path
) -> None:
    called: OmegaStore = getattr(om, store)
    om.datasets.put(an_object(kind, "data"), "x")
    assert called.put(an_object(kind, store), "x").prefix == f"{store}/"
    assert called.get("x") == an_object(kind, store)
    assert om.datasets.get("x") == an_object(kind, "data")
    called.drop("x")
    called.gc(grace=0)
    assert om.datasets.get("x") == an_object(kind, "data")
    om.datasets.drop("x")
    om.datasets.gc(grace=0)
    assert leftovers(om, root) == []


@pytest.mark.parametrize("store", ["datasets", "models", "jobs"])
def test_a_backend_has_the_datasets_and_the_models_whoever_was_called(
    om: Omega, store: str
) -> None:
    for kind in (*KINDS, "foo.mean"):
        backend = getattr(om["b"], store).get_backend_bykind(kind)
        assert backend.data_store is om["b"].datasets
        assert backend.model_store is om["b"].models


@pytest.mark.parametrize("kind", KINDS)
def test_attributes_are_kept_though_the_backend_never_heard_of_them(om: Omega, kind: str) -> None:
    om.datasets.put(an_object(kind, "one"), "x", attributes={"owner": "ann"})
    om.datasets.put(an_object(kind, "two"), "x")
    assert om.datasets.metadata("x").attributes == {"owner": "ann"}
    om.datasets.put(an_object(kind, "three"), "x", attributes={"team": "a"})
    assert om.datasets.metadata("x").attributes == {"owner": "ann", "team": "a"}
    om.datasets.put(an_object(kind, "four"), "x", attributes={})
    assert om.datasets.metadata("x").attributes == {}


def test_the_file_is_read_through_the_metadata_that_put_returned_and_after_a_reload(
    om: Omega,
) -> None:
    meta = om.datasets.put(an_object("foo.file", "hello"), "x")
    assert meta.gridfile.read() == b"hello"
    assert meta.reload().gridfile.read() == b"hello"


def test_the_metadata_points_at_what_the_backend_assigned(om: Omega, root: Path) -> None:
    rows = om.datasets.put(an_object("foo.rows", "x"), "rows")
    blob = om.datasets.put(an_object("foo.uri", "x"), "blob")
    assert rows.collection in om.datasets.mongodb.list_collection_names()
    assert blob.uri == f"foofs://{blob.gen}/{om.datasets.object_store_key('blob', 'foo')}"
    assert (root / blob.uri.removeprefix("foofs://")).read_bytes() == b"x"


# --- damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["chunks", "files"])
def test_a_damaged_file_is_an_error_and_never_other_data(om: Omega, damage: str) -> None:
    om.datasets.put(an_object("foo.file", "hello"), "x")
    om.datasets.mongodb[f"omega.default.fs.{damage}"].delete_many({})
    with pytest.raises(IntegrityError, match=r"'x'.*version 1"):
        om.datasets.get("x")


def test_a_lost_blob_is_an_error_that_names_it(om: Omega, root: Path) -> None:
    meta = om.datasets.put(an_object("foo.uri", "hello"), "x")
    (root / meta.uri.removeprefix("foofs://")).unlink()
    with pytest.raises(IntegrityError, match=r"x.*nothing at foofs://"):
        om.datasets.get("x")


@pytest.mark.parametrize("kind", KINDS)
def test_a_failing_put_leaves_the_old_object_and_nothing_else(
    om: Omega, kind: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    om.datasets.put(an_object(kind, "old"), "x")
    before = leftovers(om, root)

    def fails(meta: Any) -> None:
        raise RuntimeError("no")

    with monkeypatch.context() as patch:
        patch.setattr("omega_core.protocol.metadata.Metadata.save", fails)
        with pytest.raises(RuntimeError, match="no") as caught:
            om.datasets.put(an_object(kind, "new"), "x")
    assert "In put of data/'x'" in "".join(caught.value.__notes__)
    assert om.datasets.get("x") == an_object(kind, "old")
    assert leftovers(om, root) == before


# --- the model, and the settings ---------------------------------------------------------------


def test_the_model_is_fitted_and_asked_by_the_names_of_datasets(om: Omega) -> None:
    from omega_foo.types import FooMean

    om.models.put(FooMean(), "mean")
    om.datasets.put([1.0, 2.0, 6.0], "y")
    model = om.runtime.model("mean")
    assert model.fit("y").get().version == 2
    assert model.predict("y").get() == [3.0, 3.0, 3.0]
    assert model.predict([0, 0]).get() == [3.0, 3.0]
    assert model.predict("y", rName="predicted").get().name == "predicted"
    assert om.datasets.get("predicted") == [3.0, 3.0, 3.0]
    assert om.datasets.list(hidden=True) == ["predicted", "y"]


def test_the_model_says_what_is_missing(om: Omega) -> None:
    from omega_foo.types import FooMean

    om.models.put(FooMean(), "mean")
    om.datasets.put([1.0], "y")
    model = om.runtime.model("mean")
    with pytest.raises(StoreError, match="'mean' is not fitted"):
        model.predict("y").get()
    with pytest.raises(ObjectNotFoundError, match="No object 'z'"):
        model.fit("z").get()
    with pytest.raises(NotImplementedError, match=r"transform.*\n?.*") as caught:
        model.transform("y").get()
    told = str(caught.value) + "".join(caught.value.__notes__)
    assert "foo.mean" in told
    assert om.models.metadata("mean").version == 1


def test_without_the_root_of_foofs_only_its_own_kind_fails(
    foo_omega: Callable[..., Omega], make_omega: Callable[..., Omega]
) -> None:
    om = make_omega(plugins={"enabled": ["foo"]})
    om.datasets.put(an_object("foo.file", "x"), "file")
    with pytest.raises(ConfigError, match=r"\[plugins\.foo\] root is not set"):
        om.datasets.put(an_object("foo.uri", "x"), "blob")
    assert om.datasets.list() == ["file"]


def test_a_misspelt_setting_is_told_with_the_closest_one(
    foo_omega: Callable[..., Omega], make_omega: Callable[..., Omega]
) -> None:
    om = make_omega(plugins={"enabled": ["foo"], "foo": {"rot": "/x"}})
    with pytest.raises(ConfigError, match=r"'rot' in \[plugins\.foo\].*Did you mean 'root'\?"):
        om.datasets.put({"a": 1}, "x")
