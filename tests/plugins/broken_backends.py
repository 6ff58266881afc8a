"""Broken backends of data, caught by the core when they are used, or by the kit."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from omega_core import BaseDataBackend, Metadata
from omega_core.errors import UnsupportedValueError
from omega_core.testing import DataBackendTests as Kit

from .broken_cases import Bench, Broken, at_use, in_kit, in_use

Attributes = dict[str, Any] | None


class Note(list[Any]):
    """What the backends here claim."""


class Sound(BaseDataBackend):
    """Stores notes as it is documented; each subclass breaks one promise."""

    KIND = "acme.note"
    TYPES = (f"{__name__}:Note",)

    def put(self, obj: Any, name: str, attributes: Attributes = None, **kwargs: Any) -> Metadata:
        meta = self.data_store.make_metadata(name, self.KIND, attributes=attributes)
        self.write(meta, json.dumps(obj).encode())
        return meta.save()

    def write(self, meta: Metadata, data: bytes) -> None:
        with self.data_store.create_file(meta, "note") as file:
            file.write(data)

    def get(self, name: str, **kwargs: Any) -> Any:
        meta = self.data_store.metadata(name)
        assert meta is not None
        return Note(json.loads(self.read(meta)))

    def read(self, meta: Metadata) -> bytes:
        with self.data_store.open_file(meta) as file:
            return file.read()


class Service(Sound):
    """Keeps notes in a service of its own, that the store cannot reach, as it is documented."""

    blobs: ClassVar[dict[str, bytes]] = {}

    def write(self, meta: Metadata, data: bytes) -> None:
        key = self.key(meta)
        self.blobs[key] = data
        meta.uri = f"memory://{key}"

    def key(self, meta: Metadata) -> str:
        return f"{self.data_store.generation(meta.name)}/{meta.name}"

    def read(self, meta: Metadata) -> bytes:
        return self.blobs[(meta.uri or "").removeprefix("memory://")]

    def drop(self, meta: Metadata) -> None:
        for key in [key for key in self.blobs if key.startswith(f"{meta.gen}/")]:
            del self.blobs[key]

    def export_payload(self, meta: Metadata, create: Callable[[str], Any]) -> bool:
        create("note.json").write(self.read(meta))
        return True

    def import_payload(
        self, name: str, open: Callable[[str], Any], kind_meta: Any, attributes: Attributes = None
    ) -> Metadata:
        with open("note.json") as file:
            return self.put(Note(json.loads(file.read())), name, attributes)


# --- what the core refuses -----------------------------------------------------------------------


class PutReturnsNone(Sound):
    def put(self, *args: Any, **kwargs: Any) -> Any:
        super().put(*args, **kwargs)


class PutReturnsName(Sound):
    def put(self, obj: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        super().put(obj, name, *args, **kwargs)
        return name


class PutSavesNothing(Sound):
    def put(self, obj: Any, name: str, attributes: Attributes = None, **kwargs: Any) -> Metadata:
        return self.data_store.make_metadata(name, self.KIND, attributes=attributes)


class PutSavesAnotherName(Sound):
    def put(self, obj: Any, name: str, attributes: Attributes = None, **kwargs: Any) -> Metadata:
        return self.data_store.make_metadata(f"{name}.json", self.KIND).save()


class LeavesFileOpen(Sound):
    def write(self, meta: Metadata, data: bytes) -> None:
        self.data_store.create_file(meta, "note").write(data)


class SavesBeforeItWrites(Sound):
    def put(self, obj: Any, name: str, attributes: Attributes = None, **kwargs: Any) -> Metadata:
        meta = self.data_store.make_metadata(name, self.KIND, attributes=attributes)
        file = self.data_store.create_file(meta, "note")
        saved = meta.save()
        file.write(json.dumps(obj).encode())
        file.close()
        return saved


class ForgetsWhichMetadata(Sound):
    def write(self, meta: Metadata, data: bytes) -> None:
        super().write(self.data_store.make_metadata(meta.name, self.KIND), data)


class SavesAnotherKind(Sound):
    def write(self, meta: Metadata, data: bytes) -> None:
        meta.kind = "acme.other"
        super().write(meta, data)


class IgnoresUri(Sound):
    def put(
        self,
        obj: Any,
        name: str,
        attributes: Attributes = None,
        uri: str | None = None,
        **kwargs: Any,
    ) -> Metadata:
        return super().put(obj, name, attributes)


class IgnoresAppend(Sound):
    def put(
        self,
        obj: Any,
        name: str,
        attributes: Attributes = None,
        append: bool = False,
        **kwargs: Any,
    ) -> Metadata:
        return super().put(obj, name, attributes)


class SwallowsErrors(Sound):
    def put(self, obj: Any, name: str, attributes: Attributes = None, **kwargs: Any) -> Any:
        try:
            return super().put(obj, name, attributes)
        except Exception:
            return None


class OtherPointer(Sound):
    """Points at the collection of the version before."""

    def put(self, obj: Any, name: str, attributes: Attributes = None, **kwargs: Any) -> Metadata:
        live = self.data_store.mongodb["omega.metadata"].find_one({"name": name}) or {}
        meta = self.data_store.make_metadata(name, self.KIND, attributes=attributes)
        self.data_store.collection(name).insert_many([{"item": item} for item in obj])
        if live.get("collection"):
            meta.collection = live["collection"]
        return meta.save()


class NeedsArguments(Sound):
    def __init__(self, path: str) -> None:
        self.path = path


class PicklesWithoutSafety(Sound):
    """Unpickles what anybody stored, whatever the configuration says."""

    def put(self, obj: Any, name: str, attributes: Attributes = None, **kwargs: Any) -> Metadata:
        meta = self.data_store.make_metadata(name, self.KIND, attributes=attributes)
        self.write(meta, pickle.dumps(obj))
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Any:
        meta = self.data_store.metadata(name)
        assert meta is not None
        return pickle.loads(self.read(meta))


class Coroutine(Sound):
    async def put(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        return super().put(*args, **kwargs)


class DescribesAsText(Sound):
    def describe(self, name: str, **kwargs: Any) -> Any:
        return f"a note of the name {name}"


def put(store: Any) -> Any:
    return store.put(Note([1]), "x")


def put_twice(store: Any) -> Any:
    put(store)
    return store.put(Note([2]), "x")


def put_unserialisable(store: Any) -> Any:
    return store.put(Note([object()]), "x")


def use(
    id: str, mistake: str, backend: type, says: str, act: Callable[[Any], Any] = put, **more: Any
) -> Broken:
    by = more.pop("by", "PluginContractError")
    return at_use(id, mistake, backend, by, says, act=act, types=Sound.TYPES, **more)


USE: list[Broken] = [
    use("put returns None", "`put` that returns nothing", PutReturnsNone,
        "NoneType came back instead of its metadata"),
    use("put returns a name", "`put` that returns the name", PutReturnsName,
        "str came back instead of its metadata"),
    use("put saves nothing", "`put` that returns metadata without `save()`", PutSavesNothing,
        "did not save its metadata, so nothing was stored"),
    use("put saves another name", "`put` that saves under another name", PutSavesAnotherName,
        "its backend saves metadata of 'x.json', which this put does not store"),
    use("file left open", "A file that is not closed", LeavesFileOpen, "not closed"),
    use("saved before written", "`save()` before the file is written", SavesBeforeItWrites,
        "not closed"),
    use("file of other metadata", "A file that belongs to other metadata", ForgetsWhichMetadata,
        "was written for other metadata than what is saved"),
    use("another kind", "A kind that the plugin does not declare", SavesAnotherKind,
        "'acme.other', which the plugin does not declare"),
    use("ignored uri", "`uri=` that is taken and not used", IgnoresUri,
        "create_file(meta, ext, uri=uri)",
        lambda store: store.put(Note([1]), "x", uri=store.config.uris.allow[0])),
    use("ignored append", "`append=True` that is taken and not used", IgnoresAppend,
        "what was written belongs to no batch, so that it would be lost",
        lambda store: (put(store), store.put(Note([2]), "x", append=True))),
    use("swallowed error", "`put` that swallows an error", SwallowsErrors,
        "did not save its metadata, so nothing was stored", put_unserialisable),
    use("pointer of another version", "A pointer at the collection of another version",
        OtherPointer, "which belongs to another version", put_twice),
    use("init with arguments", "An `__init__` with arguments of its own", NeedsArguments,
        "NeedsArguments(path: 'str') cannot be made as the core does"),
    use("coroutine", "A `put` that is a coroutine", Coroutine, "Coroutine.put is a coroutine"),
    in_use("factory to nowhere", "A backend whose class cannot be imported",
           """
    from omega_core import BackendSpec, hookimpl

    class Thing:
        pass

    @hookimpl
    def backends():
        return [BackendSpec("acme.thing", "acme_nowhere:Backend", types=[f"{__name__}:Thing"])]
""", "PluginLoadError", "offers 'acme_nowhere:Backend', which cannot be imported",
           act=lambda om, module: om.datasets.put(sys.modules[module].Thing(), "x")),
    use("describe returns text", "`describe` that returns no Summary", DescribesAsText,
        "str came back instead of a Summary", lambda store: (put(store), store.describe("x"))),
]  # fmt: skip


# --- what the kit finds --------------------------------------------------------------------------


class GetReturnsNone(Sound):
    def get(self, name: str, **kwargs: Any) -> Any:
        super().get(name)


class LosesTheClass(Sound):
    def get(self, name: str, **kwargs: Any) -> Any:
        return list(super().get(name))


class ChangesNumbers(Sound):
    """As a format does that has floats alone."""

    def get(self, name: str, **kwargs: Any) -> Any:
        return Note(float(x) if isinstance(x, int) else x for x in super().get(name))


class Sorts(Sound):
    def get(self, name: str, **kwargs: Any) -> Any:
        return Note(sorted(super().get(name)))


class ChangesTheObject(Sound):
    def put(self, obj: Any, name: str, attributes: Attributes = None, **kwargs: Any) -> Metadata:
        obj.append("stored")
        return super().put(obj, name, attributes)

    def get(self, name: str, **kwargs: Any) -> Any:
        return Note(super().get(name)[:-1])


class ReturnsOtherMetadata(Sound):
    def put(self, obj: Any, name: str, attributes: Attributes = None, **kwargs: Any) -> Any:
        before = self.data_store.mongodb["omega.metadata"].count_documents({})
        saved = super().put(obj, name, attributes)
        return saved if before > 1 else self.data_store.make_metadata("y", self.KIND)


class StoresBeforeItLooks(Sound):
    def put(self, obj: Any, name: str, attributes: Attributes = None, **kwargs: Any) -> Metadata:
        self.data_store.mongodb["acme_notes"].insert_one({"name": name})
        if None in obj:
            raise UnsupportedValueError(f"{name!r} has a None.")
        return super().put(obj, name, attributes)


class OneCollection(Sound):
    """Writes everything into one collection, under the name of the object."""

    def write(self, meta: Metadata, data: bytes) -> None:
        collection = self.data_store.mongodb["acme_notes"]
        collection.replace_one({"_id": meta.name}, {"data": data}, upsert=True)

    def read(self, meta: Metadata) -> bytes:
        found = self.data_store.mongodb["acme_notes"].find_one({"_id": meta.name}) or {}
        return bytes(found["data"])


class NeverDeletes(Sound):
    """Writes into a collection of its own, and leaves it there."""

    def write(self, meta: Metadata, data: bytes) -> None:
        collection = self.data_store.mongodb["acme_notes"]
        meta.kind_meta = {"id": str(collection.insert_one({"data": data}).inserted_id)}

    def read(self, meta: Metadata) -> bytes:
        found = self.data_store.mongodb["acme_notes"].find()
        return next(bytes(d["data"]) for d in found if str(d["_id"]) == meta.kind_meta["id"])


class OneKey(Service):
    def key(self, meta: Metadata) -> str:
        return f"{meta.bucket}/{meta.name}"


class KeepsStateInSelf(Sound):
    def put(self, obj: Any, name: str, attributes: Attributes = None, **kwargs: Any) -> Metadata:
        self.obj = obj
        meta = self.data_store.make_metadata(name, self.KIND, attributes=attributes)
        self.data_store.metadata("who asks the server meanwhile")
        self.write(meta, json.dumps(self.obj).encode())
        return meta.save()


class GetSwallowsErrors(Sound):
    def get(self, name: str, **kwargs: Any) -> Any:
        try:
            return super().get(name)
        except Exception:
            return Note()


class SwallowsCtrlC(Sound):
    def put(self, obj: Any, name: str, attributes: Attributes = None, **kwargs: Any) -> Any:
        try:
            return super().put(obj, name, attributes)
        except:  # noqa: E722
            return None


class DropFails(Service):
    def drop(self, meta: Metadata) -> None:
        raise KeyError(meta.uri)


class DropsTheName(Service):
    """Frees what lies under a name, whichever generation it is of."""

    def drop(self, meta: Metadata) -> None:
        for key in [key for key in self.blobs if key.endswith(f"/{meta.name}")]:
            del self.blobs[key]


class DropsTooMuch(Service):
    def drop(self, meta: Metadata) -> None:
        self.blobs.clear()


class ForgetsToDrop(Service):
    """Keeps files in a directory, and frees none of them."""

    root: ClassVar[Path]

    def write(self, meta: Metadata, data: bytes) -> None:
        file = self.root / self.data_store.object_store_key(meta.name, "note")
        file.write_bytes(data)
        meta.uri = f"memory://{file}"

    def read(self, meta: Metadata) -> bytes:
        return Path((meta.uri or "").removeprefix("memory://")).read_bytes()

    def drop(self, meta: Metadata) -> None:
        pass


class OverwritesAttributes(Sound):
    def put(self, obj: Any, name: str, attributes: Attributes = None, **kwargs: Any) -> Metadata:
        meta = self.data_store.make_metadata(name, self.KIND)
        meta.attributes = {"author": "acme", **(attributes or {})}
        self.write(meta, json.dumps(obj).encode())
        return meta.save()


class FiltersNothing(Sound):
    def get(self, name: str, *, filter: Any = None, **kwargs: Any) -> Any:
        return super().get(name)


class ExportsOneWay(Sound):
    def export_payload(self, meta: Metadata, create: Any) -> bool:
        create("note.json").write(json.dumps(self.get(meta.name)).encode())
        return True


class DescribesWrongly(Sound):
    def describe(self, name: str, **kwargs: Any) -> Any:
        import dataclasses

        return dataclasses.replace(super().describe(name), rows=7)


class Declared(Kit):
    """The kit, with what a subclass of it would declare."""

    def __init__(self, **declared: Any) -> None:
        vars(self).update(declared)

    def appended(self, one: Any, other: Any) -> Any:
        return Note([*one, *other])


def objects() -> list[Any]:
    return [Note(["b", 1, "a"][::2]), Note([3, 1])]


def kit(
    id: str, mistake: str, backend: type, test: Any, says: str, *more: Any, **declared: Any
) -> Broken:
    def run(bench: Bench) -> None:
        Service.blobs.clear()
        store = bench.store(backend, Sound.KIND, Sound.TYPES)
        given = [value(bench) if callable(value) else value for value in more]
        test(Declared(**declared), store, objects(), *given)

    return in_kit(id, mistake, f"DataBackendTests.{test.__name__}", says, run)


class _Given:
    """A request that answers with what it was given."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def getfixturevalue(self, name: str) -> Any:
        return self.value


def _directory(bench: Bench) -> list[Path]:
    ForgetsToDrop.root = bench.tmp_path / "acme"
    ForgetsToDrop.root.mkdir()
    return [ForgetsToDrop.root]


KIT: list[Broken] = [
    kit("get returns None", "`get` that returns nothing", GetReturnsNone,
        Kit.test_objects_come_back_equal,
        "objects come back equal; expected a Note (['b', 'a']), got None"),
    kit("get loses the class", "`get` that returns a list for a subclass of it", LosesTheClass,
        Kit.test_objects_come_back_equal, "expected a Note (['b', 'a']), got a list (['b', 'a'])"),
    kit("get changes numbers", "Integers that come back as floats", ChangesNumbers,
        Kit.test_objects_come_back_equal, "expected a Note ([3, 1]), got a Note ([3.0, 1.0])"),
    kit("get sorts", "Items that come back in another order", Sorts,
        Kit.test_objects_come_back_equal, "expected a Note (['b', 'a']), got a Note (['a', 'b'])"),
    kit("changes the object", "`put` that changes the object of its caller", ChangesTheObject,
        Kit.test_put_leaves_the_object_as_it_was, "put leaves the caller's object as it was"),
    kit("returns other metadata", "`put` that returns the metadata of another object",
        ReturnsOtherMetadata, Kit.test_put_returns_the_metadata_that_the_store_has,
        "put returns the metadata of what it stored"),
    kit("stores before it looks", "`put` that writes, and then refuses", StoresBeforeItLooks,
        Kit.test_what_a_put_refuses_leaves_nothing,
        "documents in collections of your own; expected {'acme_notes': 1}, got {'acme_notes': 3}",
        [Note([None])], []),
    kit("one collection", "One collection for all versions of a name", OneCollection,
        Kit.test_every_version_has_a_payload_of_its_own, "version 1 is not what it was"),
    kit("leaves its collection", "A collection of its own that nobody empties", NeverDeletes,
        Kit.test_a_drop_and_the_collector_leave_nothing,
        "documents in collections of your own; expected {}, got {'acme_notes': 2}"),
    kit("one key", "One URI for all versions of a name", OneKey,
        Kit.test_every_version_has_a_payload_of_its_own, "version 1 is not what it was"),
    kit("state in self", "State of a call in `self`", KeepsStateInSelf,
        Kit.test_calls_at_the_same_time_do_not_mix, "a backend keeps no state of a call in self"),
    kit("get swallows errors", "`get` that returns an empty object where it fails",
        GetSwallowsErrors, Kit.test_a_get_that_is_cut_off_is_an_error_or_the_object,
        "is an error, or the object; expected a Note (['b', 'a']), got a Note ([])"),
    kit("swallows Ctrl-C", "A bare `except`, which swallows Ctrl-C", SwallowsCtrlC,
        Kit.test_who_interrupts_a_put_ends_it,
        "Ctrl-C ends a put, so that a backend lets it pass; expected KeyboardInterrupt"),
    kit("pickle without the gate", "pickle without `require_pickle_allowed`", PicklesWithoutSafety,
        Kit.test_reading_runs_no_code_of_the_payload,
        "reading runs no code that a payload names, where [security] pickle denies it"),
    kit("drop fails", "A `drop` that fails", DropFails,
        Kit.test_a_drop_and_the_collector_leave_nothing, "a drop and the collector leave nothing"),
    kit("drop ignores the generation", "A `drop` that frees all versions of the name", DropsTheName,
        Kit.test_every_version_has_a_payload_of_its_own,
        "a put that is refused writes over nothing; expected a Note (['b', 'a']), got KeyError"),
    kit("drop frees too much", "A `drop` that frees other objects", DropsTooMuch,
        Kit.test_a_drop_frees_what_was_dropped_and_no_more,
        "to drop 'x' frees nothing of 'y', version 2; expected a Note ([3, 1]), got KeyError"),
    kit("drop forgets", "A `drop` that frees nothing", ForgetsToDrop,
        Kit.test_a_drop_and_the_collector_leave_nothing_in_directories,
        "a drop and the collector leave nothing in", _directory),
    kit("overwrites attributes", "`attributes` that replace those that were there",
        OverwritesAttributes, Kit.test_attributes_are_kept_updated_and_reset,
        "attributes of a put are kept by one that gives none"),
    kit("undeclared append", "`append` that the tests do not declare", IgnoresAppend,
        Kit.test_what_it_can_do_is_declared,
        "undeclared: append; IgnoresAppend.put has it"),
    kit("declared and not there", "A capability that is declared, and not there", Sound,
        Kit.test_an_append_adds_to_what_is_there,
        "Declared declares 'append', so that `put(..., append=True)` adds to what is there",
        capabilities=("append",)),
    kit("ignored filter", "`filter=` that is taken and not used", FiltersNothing,
        Kit.test_a_filter_keeps_what_it_says, "filter={'x': 1} keeps what it says",
        _Given([({"x": 1}, Note())]), capabilities=("filter",)),
    kit("exports one way", "`export_payload` without `import_payload`", ExportsOneWay,
        Kit.test_an_export_is_a_form_that_can_be_imported,
        "what export_payload writes, import_payload reads",
        lambda bench: bench.tmp_path, capabilities=("export",)),
    kit("describes wrongly", "`describe` that says something else", DescribesWrongly,
        Kit.test_a_summary_says_what_there_is_to_know,
        "the summary of an object says its rows; expected 2, got 7",
        _Given({"rows": 2}), capabilities=("describe",)),
]  # fmt: skip
