"""The kit for authors: our own backends pass it, and what breaks the contract does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from omega_core import BaseDataBackend, Metadata, Omega, OmegaStore, hookimpl
from omega_core.errors import PluginContractError
from omega_core.testing import DataBackendTests, WrapperTests
from omega_core.testing.capabilities import CAPABILITIES

Make = Callable[..., Omega]


class Datasets(DataBackendTests):
    @pytest.fixture
    def store(self, om: Omega) -> OmegaStore:
        return om.datasets


class TestPythonData(DataBackendTests):
    """By the fixtures of the kit alone."""

    capabilities = ("describe",)

    @pytest.fixture
    def described(self) -> dict[str, Any]:
        return {"details": {"type": "dict", "length": 1}}

    @pytest.fixture
    def objects(self) -> list[Any]:
        return [{"a": (1, {2})}, None, [b"bytes"]]


class TestPythonRows(Datasets):
    kind = "python.rows"
    capabilities = ("append", "filter", "describe")

    @pytest.fixture
    def filtered(self) -> list[tuple[Any, Any]]:
        return [({"i": 2}, [{"i": 2}]), ({"i__gte": 1}, [{"i": 1}, {"i": 2}]), ({"i": 3}, [])]

    @pytest.fixture
    def described(self) -> dict[str, Any]:
        return {"rows": 2}

    @pytest.fixture
    def objects(self) -> list[Any]:
        return [[{"i": 1}, {"i": 2}], [{"j": "x"}], []]


class TestPythonFile(Datasets):
    capabilities = ("uri", "describe")

    @pytest.fixture
    def described(self) -> dict[str, Any]:
        return {"size": 3}

    @pytest.fixture
    def objects(self) -> list[Any]:
        return [b"one", b"another" * 1000]

    def equal(self, stored: Any, got: Any) -> bool:
        with got:
            return bool(got.read() == stored)


@pytest.mark.slow
class TestFrames(Datasets):
    """All that the kit knows of, on the kind that can do all of it."""

    capabilities = tuple(CAPABILITIES)
    put_options: ClassVar[dict[str, Any]] = {"layout": "columns"}
    get_options: ClassVar[dict[str, Any]] = {"as_": "pandas", "rows": slice(0, 100)}

    @pytest.fixture
    def objects(self) -> list[Any]:
        pd = pytest.importorskip("pandas")
        frame = pd.DataFrame({"x": [1, 2, 3], "y": ["a", None, "c"]})
        return [frame, pd.DataFrame({"x": [4], "y": ["d"]})]

    @pytest.fixture
    def filtered(self, objects: list[Any]) -> list[tuple[Any, Any]]:
        return [({"x__gt": 1}, objects[0][objects[0].x > 1])]

    @pytest.fixture
    def selected(self, objects: list[Any]) -> list[tuple[list[Any], Any]]:
        return [(["y", "x"], objects[0][["y", "x"]])]

    @pytest.fixture
    def described(self) -> dict[str, Any]:
        return {"rows": 3, "details": {"batches": 1}}

    def appended(self, one: Any, other: Any) -> Any:
        return pytest.importorskip("pandas").concat([one, other])

    def joined(self, chunks: list[Any]) -> Any:
        return pytest.importorskip("pandas").concat(chunks)

    def loaded(self, lazy: Any) -> Any:
        return lazy.to_pandas()

    def same(self, one: Any, other: Any) -> bool:
        return bool(one.equals(other))


@pytest.mark.slow
class TestEstimators(DataBackendTests):
    capabilities = ("uri", "describe")

    @pytest.fixture
    def described(self) -> dict[str, Any]:
        return {"details": {"estimator": "sklearn.linear_model._ridge.Ridge", "fitted": False}}

    @pytest.fixture
    def store(self, om: Omega) -> OmegaStore:
        return om.models

    @pytest.fixture
    def objects(self) -> list[Any]:
        pytest.importorskip("omega_sklearn")
        from sklearn.linear_model import Ridge

        return [Ridge(alpha=1), Ridge(alpha=2)]

    def same(self, one: Any, other: Any) -> bool:
        return bool(one.get_params() == other.get_params())


@pytest.fixture
def examples(install_examples: Callable[..., None]) -> None:
    install_examples("foo", "audit")


class Foo(DataBackendTests):
    @pytest.fixture
    def store(self, examples: None, make_omega: Make, tmp_path: Path) -> OmegaStore:
        return make_omega(plugins={"foo": {"root": str(tmp_path / "foofs")}}).datasets


class TestFooRows(Foo):
    @pytest.fixture
    def objects(self, store: OmegaStore) -> list[Any]:
        from omega_foo.types import FooRows

        return [FooRows([{"x": 1}]), FooRows([{"x": 2}, {"x": 3}])]


class TestFooFile(Foo):
    @pytest.fixture
    def objects(self, store: OmegaStore) -> list[Any]:
        from omega_foo.types import FooFile

        return [FooFile(b"one"), FooFile(b"two")]


class TestFooBlobs(Foo):
    capabilities = ("export",)

    @pytest.fixture
    def directories(self, tmp_path: Path) -> list[Path]:
        return [tmp_path / "foofs"]

    @pytest.fixture
    def objects(self, store: OmegaStore) -> list[Any]:
        from omega_foo.types import FooBlob

        return [FooBlob(b"one"), FooBlob(b"two")]


class TestAudit(WrapperTests):
    @pytest.fixture
    def om(self, examples: None, make_omega: Make) -> Omega:
        om = make_omega()
        assert om.plugins["audit"].state == "enabled"
        return om


# --- the kit finds what breaks the contract --------------------------------------------------


class Careless(BaseDataBackend):
    """Changes what it stores, forgets the attributes, and keeps files of its own for ever."""

    KIND = "test.careless"
    TYPES = ("builtins:slice",)
    files: ClassVar[list[str]] = []

    def put(
        self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        self.data_store.mongodb["omega.default.segments"].insert_one({"payload": "lost"})
        meta = self.data_store.make_metadata(name, self.KIND, attributes={"color": "none"})
        meta.kind_meta = {"start": obj.start}
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Any:
        meta = self.data_store.metadata(name)
        assert meta is not None
        return slice(meta.kind_meta["start"], None)


@pytest.mark.parametrize(
    "test",
    [
        DataBackendTests.test_objects_come_back_equal,
        DataBackendTests.test_attributes_are_kept_updated_and_reset,
        DataBackendTests.test_a_drop_and_the_collector_leave_nothing,
    ],
    ids=lambda test: test.__name__,
)
def test_a_careless_backend_does_not_pass(om: Omega, test: Callable[..., None]) -> None:
    om.datasets.register_backend(Careless)
    with pytest.raises(AssertionError):
        test(DataBackendTests(), om.datasets, [slice(1, 2), slice(3, 4)])


class Broken(BaseDataBackend):
    """Stores slices by their numbers; each subclass breaks one promise of a commit."""

    KIND = "test.broken"
    TYPES = ("builtins:slice",)

    def put(
        self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        meta = self.data_store.make_metadata(name, self.KIND, attributes=attributes)
        self.write(meta, f"{obj.start} {obj.stop}".encode())
        return meta.save()

    def write(self, meta: Metadata, data: bytes) -> None:
        with self.data_store.create_file(meta, "slice") as file:
            file.write(data)

    def get(self, name: str, **kwargs: Any) -> Any:
        meta = self.data_store.metadata(name)
        assert meta is not None
        return slice(*map(int, self.read(meta).split()))

    def read(self, meta: Metadata) -> bytes:
        with self.data_store.open_file(meta) as file:
            return file.read()


class KeepsPointers(Broken):
    """Saves a copy of the metadata that is there, and with it the pointers of another kind."""

    def put(
        self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        meta = self.data_store.make_metadata(name, self.KIND, attributes=attributes)
        document = self.data_store.mongodb["omega.metadata"].find_one({"name": name}) or {}
        meta.collection, meta.gridfile = document.get("collection"), document.get("gridfile")
        meta.kind_meta = {"start": obj.start, "stop": obj.stop}
        return meta.save()

    def read(self, meta: Metadata) -> bytes:
        return f"{meta.kind_meta['start']} {meta.kind_meta['stop']}".encode()


class LeavesFileOpen(Broken):
    def write(self, meta: Metadata, data: bytes) -> None:
        self.data_store.create_file(meta, "slice").write(data)


class ForgetsWhichMetadata(Broken):
    def write(self, meta: Metadata, data: bytes) -> None:
        super().write(self.data_store.make_metadata(meta.name, self.KIND), data)


class SavesAnotherKind(Broken):
    def write(self, meta: Metadata, data: bytes) -> None:
        meta.kind = "test.another"
        super().write(meta, data)


class IgnoresUri(Broken):
    def put(
        self,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None = None,
        uri: str | None = None,
        **kwargs: Any,
    ) -> Metadata:
        return super().put(obj, name, attributes)


class OneKeyForAllVersions(Broken):
    blobs: ClassVar[dict[str, bytes]] = {}

    def write(self, meta: Metadata, data: bytes) -> None:
        self.blobs[meta.name] = data
        meta.uri = f"memory://{meta.name}"

    def read(self, meta: Metadata) -> bytes:
        return self.blobs[meta.name]


Kit = DataBackendTests


@pytest.mark.parametrize(
    ("broken", "test", "more", "text"),
    [
        (
            KeepsPointers,
            Kit.test_a_put_over_another_kind_replaces_all_of_it,
            ("python.rows",),
            r"meta\.collection is .*, which belongs to another version",
        ),
        (
            KeepsPointers,
            Kit.test_a_put_over_another_kind_replaces_all_of_it,
            ("python.file",),
            r"meta\.gridfile names the file .*, which belongs to another version",
        ),
        (LeavesFileOpen, Kit.test_the_files_of_a_put_are_closed_before_it_saves, (), "not closed"),
        (
            ForgetsWhichMetadata,
            Kit.test_the_files_of_a_put_are_closed_before_it_saves,
            (),
            "was written for other metadata than what is saved",
        ),
        (
            SavesAnotherKind,
            Kit.test_the_kind_is_one_that_the_plugin_declares,
            (),
            "'test.another', which the plugin does not declare.*'test.broken'",
        ),
        (
            IgnoresUri,
            Kit.test_a_uri_is_where_the_object_lies_or_is_refused,
            (Path("/srv/omega"),),
            r"an option uri= is taken and not used.*create_file\(meta, ext, uri=uri\)",
        ),
        (
            OneKeyForAllVersions,
            Kit.test_every_version_has_a_payload_of_its_own,
            (),
            "version 1 is not what it was",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_kit_catches_what_a_commit_must_not_accept(
    om: Omega, broken: type[Broken], test: Callable[..., None], more: tuple[Any, ...], text: str
) -> None:
    om.datasets.register_backend(broken)
    with pytest.raises((AssertionError, pytest.fail.Exception, PluginContractError)) as caught:
        test(Kit(), om.datasets, [slice(1, 2), slice(3, 4)], *more)
    assert re.search(text, str(caught.value), re.DOTALL)


def test_the_backend_that_the_broken_ones_derive_from_passes(om: Omega, tmp_path: Path) -> None:
    om.datasets.register_backend(Broken)
    for test, more in (
        (Kit.test_a_put_over_another_kind_replaces_all_of_it, ("python.rows",)),
        (Kit.test_the_files_of_a_put_are_closed_before_it_saves, ()),
        (Kit.test_the_kind_is_one_that_the_plugin_declares, ()),
        (Kit.test_a_uri_is_where_the_object_lies_or_is_refused, (tmp_path,)),
        (Kit.test_every_version_has_a_payload_of_its_own, ()),
        (Kit.test_a_name_that_was_dropped_and_collected_goes_on_counting, ()),
    ):
        test(Kit(), om[test.__name__].datasets, [slice(1, 2), slice(3, 4)], *more)


class Meddling:
    """Returns something else, and makes a value of an error."""

    @hookimpl(wrapper=True)
    def get(self) -> Generator[None, Any, Any]:
        yield
        return "something else"

    @hookimpl(wrapper=True)
    def predict(self) -> Generator[None, Any, Any]:
        try:
            return (yield)
        except ValueError:
            return "a default"

    @hookimpl(wrapper=True)
    def put(self) -> Generator[None, Any, None]:
        yield


def test_a_meddling_wrapper_does_not_pass(om: Omega) -> None:
    stub = WrapperTests.stub.__wrapped__(WrapperTests(), om)  # type: ignore[attr-defined]
    om.plugins.manager.register(Meddling())
    with pytest.raises(PluginContractError):
        WrapperTests().test_put_returns_the_metadata(om, stub)
    with pytest.raises(AssertionError):
        WrapperTests().test_what_a_backend_returns_is_returned(om, stub, "get", 0)
    told = "what the backend raises in predict is raised.*expected ValueError: no, got no error"
    with pytest.raises(AssertionError, match=told):
        WrapperTests().test_what_a_backend_raises_is_raised(om, stub, "predict", ValueError("no"))
