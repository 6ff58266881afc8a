"""What a commit accepts: the shortest forms of the documentation, and nothing unreadable."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import pytest
from mongoengine.fields import GridFSProxy

from omega_core import BaseDataBackend, Metadata, Omega, hookimpl
from omega_core.errors import (
    ConfigError,
    PluginContractError,
    UnsupportedValueError,
    UriNotAllowedError,
)
from omega_core.testing.orphans import find_orphans

Make = Callable[..., Omega]
Document = dict[str, Any]


class MinimalRows(BaseDataBackend):
    """The minimal form: the metadata that is there, or else new metadata, and a save."""

    KIND = "minimal.rows"
    TYPES = None

    def put(
        self, obj: Any, name: str, attributes: Document | None = None, **kwargs: Any
    ) -> Metadata:
        meta = self.data_store.metadata(name)
        if meta is None:
            meta = self.data_store.make_metadata(name, self.KIND)
        collection = self.data_store.collection(name)
        collection.insert_many([dict(item) for item in obj])
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Any:
        return list(self.data_store.collection(name).find({}, {"_id": 0}))


class MinimalFile(MinimalRows):
    KIND = "minimal.file"

    def put(
        self, obj: Any, name: str, attributes: Document | None = None, **kwargs: Any
    ) -> Metadata:
        fileid = self.data_store.fs.put(
            BytesIO(obj), filename=self.data_store.object_store_key(name, "foo")
        )
        meta = self.data_store.metadata(name) or self.data_store.make_metadata(name, self.KIND)
        meta.gridfile = GridFSProxy(grid_id=fileid)
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Any:
        meta = self.data_store.metadata(name)
        assert meta is not None
        return meta.gridfile.read()


class MinimalUnnamedFile(MinimalFile):
    """Writes a file, and does not say so."""

    KIND = "minimal.unnamed"

    def put(
        self, obj: Any, name: str, attributes: Document | None = None, **kwargs: Any
    ) -> Metadata:
        self.data_store.fs.put(obj)
        meta = self.data_store.metadata(name) or self.data_store.make_metadata(name, self.KIND)
        return meta.save()


class MinimalService(MinimalRows):
    """An external service, whose key is the one that the documentation gives it."""

    KIND = "minimal.service"
    blobs: ClassVar[dict[str, bytes]] = {}

    def put(
        self, obj: Any, name: str, attributes: Document | None = None, **kwargs: Any
    ) -> Metadata:
        filename = self.data_store.object_store_key(name, "foo")
        assert filename == self.data_store.object_store_key(name, "foo")
        self.blobs[filename] = obj
        if obj == b"fails":
            raise ValueError("after the blob was written")
        meta = self.data_store.metadata(name) or self.data_store.make_metadata(name, self.KIND)
        meta.uri = f"foofs://{filename}"
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Any:
        meta = self.data_store.metadata(name)
        assert meta is not None
        assert meta.uri == f"foofs://{self.data_store.object_store_key(name, 'foo')}"
        return self.blobs[meta.uri.removeprefix("foofs://")]


MINIMAL: dict[str, tuple[Any, Any]] = {
    "minimal.rows": ([{"x": 1}], [{"x": 2}, {"x": 3}]),
    "minimal.file": (b"one", b"two"),
    "minimal.unnamed": (b"one", b"two"),
    "minimal.service": (b"one", b"two"),
}
OTHERS: dict[str, Any] = {
    "python.data": {"a": 1},
    "python.data, large": ["x" * 100] * 1000,
    "python.file": bytes(100_000),
    "python.rows": [{"old": 1}],
    **{kind: values[0] for kind, values in MINIMAL.items()},
}


@pytest.fixture
def minimal(make_omega: Make) -> Omega:
    om = make_omega(stores={"keep": {"datasets": 4}})
    for backend in (MinimalRows, MinimalFile, MinimalUnnamedFile, MinimalService):
        om.datasets.register_backend(backend)
    return om


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("kind", MINIMAL)
def test_the_minimal_form_over_an_object_of_any_kind(minimal: Omega, kind: str, other: str) -> None:
    store = minimal.datasets
    store.put(OTHERS[other], "x", kind=other.partition(",")[0], attributes={"a": 1, "b": 1})
    for new in MINIMAL[kind]:
        meta = store.put(new, "x", kind=kind, attributes={"b": 2})
        assert meta.kind == kind
        assert meta.attributes == {"a": 1, "b": 2}
        assert store.get("x") == new
    minimal.gc(grace=0)
    assert store.get("x") == MINIMAL[kind][1]
    assert store.get("x", version=2) == MINIMAL[kind][0]
    store.restore("x", 2)
    assert store.get("x") == MINIMAL[kind][0]
    assert store.put(MINIMAL[kind][1], "x", kind=kind, attributes={}).attributes == {}
    store.drop("x")
    assert minimal.gc(grace=0).blocked == []
    assert find_orphans(minimal.database.mongodb) == []


@pytest.mark.parametrize("kind", MINIMAL)
def test_the_minimal_form_of_a_new_object_takes_the_attributes(minimal: Omega, kind: str) -> None:
    meta = minimal.datasets.put(MINIMAL[kind][0], "x", kind=kind, attributes={"a": 1})
    assert meta.attributes == {"a": 1}
    assert minimal.datasets.metadata("x") == meta


def test_no_rows_are_an_empty_object(minimal: Omega) -> None:
    minimal.datasets.put([], "x", kind="minimal.rows")
    assert minimal.datasets.get("x") == []
    minimal.datasets.put([{"x": 1}], "x", kind="minimal.rows")
    assert minimal.datasets.get("x", version=1) == []


def test_a_put_that_failed_changes_nothing_in_an_external_service(minimal: Omega) -> None:
    minimal.datasets.put(b"one", "x", kind="minimal.service")
    with pytest.raises(ValueError, match="after the blob was written"):
        minimal.datasets.put(b"fails", "x", kind="minimal.service")
    assert minimal.datasets.get("x") == b"one"


def test_keys_are_of_one_version_and_outside_of_a_put_of_the_live_one(minimal: Omega) -> None:
    store = minimal.datasets
    none = store.object_store_key("x", "foo")
    keys = [none]
    for obj in (b"one", b"two"):
        meta = store.put(obj, "x", kind="minimal.service")
        keys.append(store.object_store_key("x", "foo"))
        assert meta.uri == f"foofs://{keys[-1]}"
        assert str(meta.gen) in keys[-1]
    assert len({*keys, store.object_store_key("x", "bar"), store.object_store_key("y", "foo")}) == 5
    store.restore("x", 1)
    assert store.object_store_key("x", "foo") == keys[1]
    store.drop("x")
    assert store.object_store_key("x", "foo") == none
    long = "ünï" * 100
    store.put(b"one", long, kind="minimal.service")
    assert len(store.object_store_key(long, "a long extension").encode()) <= 120


# --- what is refused -------------------------------------------------------------------------


class Doing(BaseDataBackend):
    """Does what a test says, as its put."""

    KIND = "test.doing"
    TYPES = None
    do: ClassVar[Callable[[Any, str], Metadata]]

    def put(
        self,
        obj: Any,
        name: str,
        attributes: Document | None = None,
        uri: str | None = None,
        **kwargs: Any,
    ) -> Metadata:
        return type(self).do(self.data_store, name)

    def get(self, name: str, **kwargs: Any) -> Any:
        return self.data_store.metadata(name)


def open_file(store: Any, name: str) -> Metadata:
    meta: Metadata = store.make_metadata(name, "test.doing")
    store.create_file(meta, "x").write(b"half")
    return meta.save()


def two_files_and_one_open(store: Any, name: str) -> Metadata:
    meta: Metadata = store.make_metadata(name, "test.doing")
    with store.create_file(meta, "x") as file:
        file.write(b"whole")
    store.create_file(meta, "y").write(b"half")
    return meta.save()


def other_metadata(store: Any, name: str) -> Metadata:
    with store.create_file(store.make_metadata(name, "test.doing"), "x") as file:
        file.write(b"whole")
    saved: Metadata = store.make_metadata(name, "test.doing").save()
    return saved


def undeclared_kind(store: Any, name: str) -> Metadata:
    saved: Metadata = store.make_metadata(name, "test.do").save()
    return saved


def kind_of_another_plugin(store: Any, name: str) -> Metadata:
    saved: Metadata = store.make_metadata(name, "python.data").save()
    return saved


def file_that_is_not_there(store: Any, name: str) -> Metadata:
    meta: Metadata = store.make_metadata(name, "test.doing")
    meta.gridfile = GridFSProxy(grid_id="nowhere")
    return meta.save()


def file_of_the_old_version(store: Any, name: str) -> Metadata:
    meta: Metadata = store.make_metadata(name, "test.doing")
    meta.gridfile = store.mongodb["omega.default.fs.files"].find_one()["_id"]
    return meta.save()


def collection_of_another_object(store: Any, name: str) -> Metadata:
    meta: Metadata = store.make_metadata(name, "test.doing")
    document = store.mongodb["omega.metadata"].find_one({"name": "rows"})
    meta.collection = document["collection"]
    return meta.save()


def file_of_the_driver_left_open(store: Any, name: str) -> Metadata:
    meta: Metadata = store.make_metadata(name, "test.doing")
    file = store.fs.new_file()
    file.write(b"half")
    meta.gridfile = GridFSProxy(grid_id=file._id)
    return meta.save()


def a_file_that_was_discarded(store: Any, name: str) -> Metadata:
    meta: Metadata = store.make_metadata(name, "test.doing")
    with suppress(ValueError), store.create_file(meta, "x") as file:
        file.write(b"half")
        raise ValueError("that nobody sees")
    return meta.save()


def metadata_of_the_old_version(store: Any, name: str) -> Metadata:
    meta: Metadata = store.metadata(name, version=1)
    meta.kind = "test.doing"
    return meta.save()


REFUSED: list[tuple[Callable[[Any, str], Metadata], str]] = [
    (open_file, r"a file of create_file is not closed.*'with' block"),
    (two_files_and_one_open, r"a file of create_file is not closed"),
    (other_metadata, r"written for other metadata.*pass the same to create_file"),
    (undeclared_kind, r"'test\.do', which the plugin does not declare.*declares 'test\.doing'"),
    (kind_of_another_plugin, r"'python\.data', which the plugin does not declare"),
    (file_that_is_not_there, r"'nowhere', and there is none.*self\.data_store\.fs"),
    (file_of_the_old_version, r"belongs to another version.*self\.data_store\.fs"),
    (file_of_the_driver_left_open, r"a file of fs\.new_file is not closed"),
    (a_file_that_was_discarded, r"was discarded.*Let the exception pass"),
    (metadata_of_the_old_version, r"metadata of another version.*metadata\(name\)"),
    (collection_of_another_object, r"belongs to another version.*collection\(name\)"),
]


@pytest.mark.parametrize(("do", "text"), REFUSED, ids=[do.__name__ for do, _ in REFUSED])
def test_what_nobody_could_read_is_refused_and_nothing_is_replaced(
    om: Omega, monkeypatch: pytest.MonkeyPatch, do: Callable[[Any, str], Metadata], text: str
) -> None:
    om.datasets.register_backend(Doing)
    monkeypatch.setattr(Doing, "do", staticmethod(do), raising=False)
    om.datasets.put(bytes(100_000), "x")
    om.datasets.put([{"a": 1}], "rows", kind="python.rows")
    with pytest.raises(PluginContractError, match=rf"'x'.*kind 'test\.doing' \(runtime.*{text}"):
        om.datasets.put(slice(1), "x", kind="test.doing")
    assert om.datasets.get("x").read() == bytes(100_000)
    assert len(om.datasets.versions("x")) == 1
    assert find_orphans(om.database.mongodb) == []


def nothing(store: Any, name: str) -> Metadata:
    saved: Metadata = store.make_metadata(name, "test.doing").save()
    return saved


def test_a_uri_that_a_backend_ignores_is_refused(
    make_omega: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    om = make_omega(uris={"allow": [tmp_path.as_uri() + "/"]})
    om.datasets.register_backend(Doing)
    monkeypatch.setattr(Doing, "do", staticmethod(nothing), raising=False)
    with pytest.raises(PluginContractError, match=r"uri=.*was asked for.*create_file"):
        om.datasets.put(slice(1), "x", kind="test.doing", uri=f"{tmp_path.as_uri()}/{{key}}")
    with pytest.raises(UriNotAllowedError):
        om.datasets.put(slice(1), "x", kind="test.doing", uri="file:///srv/elsewhere/{key}")
    assert om.datasets.list(hidden=True) == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_the_author_wrote_by_the_driver_is_freed_with_its_object(om: Omega) -> None:
    from gridfs import GridFS

    def by_the_driver(store: Any, name: str) -> Metadata:
        meta: Metadata = store.make_metadata(name, "test.doing")
        meta.gridfile = GridFS(store.mongodb, "omega.default.fs").put(b"mine")
        return meta.save()

    om.datasets.register_backend(Doing)
    Doing.do = staticmethod(by_the_driver)
    om.datasets.put(slice(1), "x", kind="test.doing")
    assert om.datasets.metadata("x").gridfile.read() == b"mine"  # type: ignore[union-attr]
    om.datasets.drop("x")
    assert om.gc(grace=0).blocked == []
    assert find_orphans(om.database.mongodb) == []


# --- what a wrapper sees ---------------------------------------------------------------------


class Looking:
    """A wrapper of put that looks at the object by its name."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    @hookimpl(wrapper=True)
    def put(self, store: Any, name: str) -> Generator[None, Any, Any]:
        for _ in range(2):
            meta = store.metadata(name)
            self.seen.append(None if meta is None else (meta.kind, meta.version, meta.attributes))
            if len(self.seen) % 2:
                result = yield
        return result


def test_a_wrapper_sees_the_old_object_before_and_the_new_one_after(minimal: Omega) -> None:
    looking = Looking()
    minimal.plugins.manager.register(looking)
    minimal.datasets.put({"a": 1}, "x", attributes={"a": 1})
    minimal.datasets.put([{"b": 1}], "x", kind="minimal.rows", attributes={"b": 1})
    first, second = ("python.data", 1, {"a": 1}), ("minimal.rows", 2, {"a": 1, "b": 1})
    assert looking.seen == [None, first, first, second]


# --- the size of the document ----------------------------------------------------------------


def test_versions_whose_metadata_does_not_fit_are_refused_before_data_is_written(
    make_omega: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omega_core.protocol.commit.MAX_DOCUMENT_BYTES", 700_000)
    om = make_omega(stores={"keep": {"datasets": 100}})
    om.datasets.register_backend(Doing)
    with pytest.raises(UnsupportedValueError, match=r"'x'.*keep fewer versions"):  # noqa: PT012
        for i in range(100):
            om.datasets.put(i, "x", attributes={"note": f"{i} " + "x" * 20_000})
    asked: list[str] = []
    monkeypatch.setattr(Doing, "do", staticmethod(lambda store, name: asked.append(name)))
    with pytest.raises(UnsupportedValueError, match=r"data/'x'.*has [\d,]+ bytes already"):
        om.datasets.put(slice(1), "x", kind="test.doing", attributes={"note": "x" * 20_000})
    assert asked == []
    assert om.datasets.get("x") == i - 1
    assert find_orphans(om.database.mongodb) == []


def test_the_server_s_own_limit_is_told_in_our_words(om: Omega) -> None:
    class Large(BaseDataBackend):
        KIND = "test.large"
        TYPES = None

        def put(
            self, obj: Any, name: str, attributes: Document | None = None, **kwargs: Any
        ) -> Metadata:
            meta = self.data_store.make_metadata(name, self.KIND)
            meta.kind_meta = {"large": "x" * obj}
            return meta.save()

        def get(self, name: str, **kwargs: Any) -> Any:
            meta = self.data_store.metadata(name)
            assert meta is not None
            return len(meta.kind_meta["large"])

    om.datasets.register_backend(Large)
    for size, text in ((8_300_000, "MongoDB takes 16,777,216"), (17_000_000, "and may note")):
        om.datasets.put(8_300_000, "x", kind="test.large")
        with pytest.raises(UnsupportedValueError, match=text):
            om.datasets.put(size, "x", kind="test.large")
        assert om.datasets.get("x") == 8_300_000
        om.datasets.drop("x")
        om.gc(grace=0)
    assert find_orphans(om.database.mongodb) == []


def test_more_than_a_hundred_versions_are_not_kept(make_omega: Make) -> None:
    with pytest.raises(ConfigError, match=r"keep\.models is 1000, and at most 100 versions"):
        make_omega(stores={"keep": {"models": 1000}})
