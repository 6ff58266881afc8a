"""What a backend can do beyond put and get, as its tests declare it.

What is declared is tested. What is not declared is skipped, and says so; but what a method takes
without being declared fails, because nobody would have tested it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ..backends.base import BaseDataBackend
from ..config import UrisConfig
from ..errors import OmegaError, UnsupportedOptionError
from ..omega import Omega
from ..plugins.spec import BackendSpec
from ..store import OmegaStore
from ..summary import Summary
from .backends import BackendTests, left_over, like, nothing_left
from .crashes import CrashingTwin
from .promises import (
    broken,
    holds,
    listed,
    missing,
    not_declared,
    promise,
    refused,
    shown,
    undeclared,
)


@dataclass(frozen=True)
class Capability:
    """One thing that a backend may be able to do.

    Attributes
    ----------
    method
        The method of the backend that shows it: by an option of this name, or by being there.
    """

    name: str
    method: str
    by_option: bool
    summary: str


CAPABILITIES = {
    capability.name: capability
    for capability in (
        Capability("append", "put", True, "`put(..., append=True)` adds to what is there"),
        Capability("uri", "put", True, "`put(..., uri=...)` stores at a URI"),
        Capability("filter", "get", True, "`get(..., filter=...)` returns what a filter keeps"),
        Capability("columns", "get", True, "`get(..., columns=...)` returns some columns"),
        Capability("chunksize", "get", True, "`get(..., chunksize=n)` returns it in pieces"),
        Capability("lazy", "get", True, "`get(..., lazy=True)` reads when it is asked to"),
        Capability("describe", "describe", False, "`describe` tells more than kind and size"),
        Capability("export", "export_payload", False, "`export_payload` and `import_payload`"),
    )
}
"""What `DataBackendTests.capabilities` may name."""


class CapabilityTests(BackendTests):
    """Each capability that is declared works; none is there that is not declared.

    Attributes
    ----------
    put_options, get_options
        Options of the backend's own, with a value for each: ``{"compress": True}``. An object that
        is put, or got, with one of them comes back equal.
    chunksize
        What is asked for where "chunksize" is declared.
    """

    put_options: ClassVar[dict[str, Any]] = {}
    get_options: ClassVar[dict[str, Any]] = {}
    chunksize: ClassVar[int] = 2

    def appended(self, one: Any, other: Any) -> Any:
        """Return what is stored where ``other`` was appended to ``one``."""
        return one + other

    def joined(self, chunks: list[Any]) -> Any:
        """Return the object whose pieces these are."""
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole = whole + chunk
        return whole

    def loaded(self, lazy: Any) -> Any:
        """Return the object that a lazy one stands for."""
        return lazy.get()

    @pytest.fixture
    def filtered(self) -> list[tuple[Any, Any]]:
        """Filters, each with what it keeps of the first of ``objects``."""
        example = 'return [({"size__gt": 1}, Things([2, 3]))]'
        missing(self, "filtered", "filters, each with what it keeps of the first object", example)

    @pytest.fixture
    def selected(self) -> list[tuple[list[Any], Any]]:
        """Columns, each with what they are of the first of ``objects``."""
        example = 'return [(["size"], Things(...))]'
        missing(self, "selected", "columns, each with what they are of the first object", example)

    @pytest.fixture
    def described(self) -> dict[str, Any]:
        """What the summary of the first of ``objects`` says at least: ``{"rows": 2}``."""
        missing(
            self,
            "described",
            "what the summary of the first object says, by the attributes of a Summary",
            'return {"rows": 2}',
        )

    # --- declared, or not there --------------------------------------------------------------

    def test_what_it_can_do_is_declared(self, store: OmegaStore, objects: list[Any]) -> None:
        unknown = set(self.capabilities) - set(CAPABILITIES)
        what = f"{type(self).__name__}.capabilities names capabilities"
        holds(what, not unknown, expected=f"some of {listed(CAPABILITIES)}", got=unknown)
        cls = self._class(store, objects)
        there = [name for name in CAPABILITIES if self._has(store, objects, name)]
        if hidden := [name for name in there if name not in self.capabilities]:
            methods = [CAPABILITIES[name].method for name in hidden]
            undeclared(hidden, there, cls.__name__, type(self).__name__, methods)
        for method, declared in (("put", self.put_options), ("get", self.get_options)):
            known = store.omega.router.options(self._spec(store, objects), method)
            what = f"the options of {method} that {type(self).__name__} names are there"
            promise(what, sorted(set(declared) - known), [])

    def test_options_of_its_own_change_nothing_of_an_object(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        router, spec = store.omega.router, self._spec(store, objects)
        given = {"put": self.put_options, "get": self.get_options}
        untested = [
            f"{name} of {method}"
            for method, options in given.items()
            for name in sorted(router.options(spec, method) - set(options) - set(CAPABILITIES))
            if name not in self.options
        ]
        for name, value in self.put_options.items():
            self._put(store, objects[0], f"with {name}", **{name: value})
            what = f"an object that was put with {name}={value!r} comes back equal"
            self._gets(what, objects[0], store, f"with {name}")
        self._put(store, objects[0], "x")
        for name, value in self.get_options.items():
            what = f"an object that is got with {name}={value!r} is what was put"
            self._gets(what, objects[0], store, "x", **{name: value})
        if untested:
            pytest.skip(f"not declared: options {', '.join(untested)} (put_options, get_options)")

    # --- attributes, unknown options ---------------------------------------------------------

    def test_attributes_are_kept_updated_and_reset(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        obj = objects[0]
        own = {"color": "red", "size": 1}

        def has(attributes: dict[str, Any], expected: dict[str, Any], what: str) -> None:
            # What a backend adds by itself is its own affair.
            found = {key: attributes[key] for key in expected if key in attributes}
            promise(f"attributes of a put {what}", found, expected)

        has(self._put(store, obj, "x", attributes=own).attributes, own, "are stored")
        has(self._put(store, obj, "x").attributes, own, "are kept by one that gives none")
        updated = self._put(store, obj, "x", attributes={"size": 2}).attributes
        has(updated, {"color": "red", "size": 2}, "are updated by those that are given")
        reset = self._put(store, obj, "x", attributes={}).attributes
        kept = sorted(own.keys() & reset.keys())
        promise("attributes of a put are reset by {}: what is left", kept, [])

    def test_an_unknown_option_is_refused(self, store: OmegaStore, objects: list[Any]) -> None:
        unknown = "an option that nobody understands"
        with refused(UnsupportedOptionError, unknown, "no_such_option"):
            self._put(store, objects[0], "x", no_such_option=1)
        promise(f"a put with {unknown} stores nothing", store.list(), [])
        self._put(store, objects[0], "x")
        with refused(UnsupportedOptionError, unknown, "no_such_option"):
            store.get("x", no_such_option=1)

    # --- append ------------------------------------------------------------------------------

    def test_an_append_adds_to_what_is_there(self, store: OmegaStore, objects: list[Any]) -> None:
        self._declares("append", store, objects)
        old, new = objects[:2]
        both = self.appended(old, new)
        self._put(store, old, "x", append=True)
        self._gets("an append to nothing stores the object", old, store, "x")
        meta = self._put(store, new, "x", append=True)
        what = "an append adds to what is there"
        self._gets(what, both, store, "x")
        promise("an append makes no new version", meta.version, 1)
        self._put(store, new, "x")
        self._gets("a put without append replaces", new, store, "x")
        self._gets("an append stays in its version", both, store, "x", version=1)
        store.drop("x")
        nothing_left("a drop and the collector leave nothing of an append", left_over(store))

    def test_an_append_of_a_client_that_dies_is_there_or_not(
        self, store: OmegaStore, objects: list[Any]
    ) -> None:
        self._declares("append", store, objects)
        old, new = objects[:2]
        both = self.appended(old, new)
        with CrashingTwin(store.omega) as twin:
            for step in itertools.count(1):
                name = f"step {step}"
                self._put(store, old, name)

                def append(omega: Omega, name: str = name) -> None:
                    self._put(like(store, omega), new, name, append=True)

                struck = twin.crash(step, append)
                got = store.get(name)
                holds(
                    f"an append that crashes at step {step} is there as a whole or not at all",
                    self._equal(both, got) or (struck and self._equal(old, store.get(name))),
                    expected=f"{shown(old)} or {shown(both)}",
                    got=got,
                )
                nothing_left(f"an append that crashes at step {step}", left_over(store))
                if not struck:
                    break

    # --- at a URI ----------------------------------------------------------------------------

    def test_an_object_at_a_uri_is_one_like_any_other(
        self, store: OmegaStore, objects: list[Any], tmp_path: Path
    ) -> None:
        self._declares("uri", store, objects)
        old, new = objects[:2]
        uris = UrisConfig(allow=(tmp_path.as_uri() + "/",))
        with CrashingTwin(store.omega, timeout=30.0, uris=uris) as twin:
            there = like(store, twin.omega)
            uri = tmp_path.as_uri() + "/"
            for obj in (old, new):
                self._put(there, obj, "x", uri=uri)
            what = "an object at a URI has versions"
            self._gets(what, old, there, "x", version=1)
            there.restore("x", 1)
            self._gets("a version at a URI can be restored", old, there, "x")
            there.gc(grace=0)
            what = "the collector keeps the versions at a URI"
            self._gets(what, new, there, "x", version=2)
            nothing_left(what, left_over(there, [tmp_path]))
            if "append" in self.capabilities:
                self._append_at_a_uri(there, objects, uri)
            there.drop("x")
            left = left_over(there, [tmp_path])
            nothing_left("a drop and the collector leave nothing at a URI", left)
            files = [path.name for path in tmp_path.rglob("*") if path.is_file()]
            promise("a drop and the collector leave no file at a URI", files, [])

    def _append_at_a_uri(self, there: OmegaStore, objects: list[Any], uri: str) -> None:
        """Append to an object at a URI; a backend may refuse it, and then changes nothing."""
        old, new = objects[:2]
        self._put(there, old, "y", uri=uri)
        expected = self.appended(old, new)
        try:
            self._put(there, new, "y", append=True)
        except OmegaError:
            expected = old
        self._gets("an append to an object at a URI adds to it", expected, there, "y")
        there.drop("y")

    # --- reading a part ----------------------------------------------------------------------

    def test_a_filter_keeps_what_it_says(
        self, store: OmegaStore, objects: list[Any], request: pytest.FixtureRequest
    ) -> None:
        self._declares("filter", store, objects)
        self._put(store, objects[0], "x")
        for given, expected in request.getfixturevalue("filtered"):
            got = store.get("x", filter=given)
            self._comes_back(f"filter={given!r} keeps what it says", expected, got)
        self._gets("without a filter, all is there", objects[0], store, "x")

    def test_some_columns_can_be_read(
        self, store: OmegaStore, objects: list[Any], request: pytest.FixtureRequest
    ) -> None:
        self._declares("columns", store, objects)
        self._put(store, objects[0], "x")
        for given, expected in request.getfixturevalue("selected"):
            got = store.get("x", columns=given)
            self._comes_back(f"columns={given!r} reads those, in this order", expected, got)
        with refused(OmegaError, "a column that is not there", "no such column"):
            store.get("x", columns=["no such column"])

    def test_an_object_can_be_read_in_pieces(self, store: OmegaStore, objects: list[Any]) -> None:
        self._declares("chunksize", store, objects)
        self._put(store, objects[0], "x")
        read = store.get("x", chunksize=self.chunksize)
        what = f"chunksize={self.chunksize} gives an iterator of pieces"
        holds(what, isinstance(read, Iterable), expected="an iterator", got=read)
        pieces = [*read]
        holds(what, pieces, expected="at least one piece", got=pieces)
        self._comes_back("all pieces together are the object", objects[0], self.joined(pieces))
        for wrong in (0, -1):
            with refused((OmegaError, ValueError), f"chunksize={wrong}"):
                [*store.get("x", chunksize=wrong)]

    def test_a_lazy_object_is_the_object(self, store: OmegaStore, objects: list[Any]) -> None:
        self._declares("lazy", store, objects)
        self._put(store, objects[0], "x")
        lazy = store.get("x", lazy=True)
        self._put(store, objects[1], "x")
        what = "a lazy object stays the version that it was got of, also when that is replaced"
        self._comes_back(what, objects[0], self.loaded(lazy))

    # --- methods -----------------------------------------------------------------------------

    def test_a_summary_says_what_there_is_to_know(
        self, store: OmegaStore, objects: list[Any], request: pytest.FixtureRequest
    ) -> None:
        self._declares("describe", store, objects)
        self._put(store, objects[0], "x")
        summary = store.describe("x")
        holds(
            "describe returns a Summary", isinstance(summary, Summary), expected="one", got=summary
        )
        for attribute, expected in request.getfixturevalue("described").items():
            got = getattr(summary, attribute, None)
            if isinstance(expected, dict) and isinstance(got, Mapping):
                got = {key: got[key] for key in expected if key in got}
            promise(f"the summary of an object says its {attribute}", got, expected)

    def test_an_export_is_a_form_that_can_be_imported(
        self, store: OmegaStore, objects: list[Any], tmp_path: Path
    ) -> None:
        self._declares("export", store, objects)
        cls = self._class(store, objects)
        if cls.import_payload is BaseDataBackend.import_payload:
            broken(
                "what export_payload writes, import_payload reads",
                expected=f"a method import_payload of {cls.__name__}",
                got="none",
            )
        for position, obj in enumerate(objects):
            name = f"object {position}"
            meta = self._put(store, obj, name)
            before = store.metadata(name)
            path = store.export(name, tmp_path / f"{position}.zip")
            promise("an export changes nothing", store.metadata(name), before)
            again = like(store, store.omega[f"{store.bucket} {position}"])
            again.import_(path)
            got = again.get(name)
            self._comes_back("what is imported is what was exported", obj, got)
            arrived = again.metadata(name)
            kind = None if arrived is None else arrived.kind
            promise("an import keeps the kind", kind, meta.kind)
            nothing_left("an import and the collector leave nothing", left_over(again))

    # --- their parts -------------------------------------------------------------------------

    def _spec(self, store: OmegaStore, objects: list[Any]) -> BackendSpec:
        kind = self.kind if self.kind is not None else store.kind_for(objects[0])
        spec: BackendSpec = store.omega.plugins.spec(kind)
        return spec

    def _class(self, store: OmegaStore, objects: list[Any]) -> type[BaseDataBackend]:
        cls: type[BaseDataBackend] = store.omega.router.adapter(self._spec(store, objects)).cls
        return cls

    def _has(self, store: OmegaStore, objects: list[Any], name: str) -> bool:
        """Return whether the backend has what shows a capability."""
        capability = CAPABILITIES[name]
        if capability.by_option:
            spec = self._spec(store, objects)
            return name in store.omega.router.options(spec, capability.method)
        method = getattr(self._class(store, objects), capability.method)
        return method is not getattr(BaseDataBackend, capability.method)

    def _declares(self, name: str, store: OmegaStore, objects: list[Any]) -> None:
        """Skip what is not declared; fail where what is declared is not there."""
        capability = CAPABILITIES[name]
        if name not in self.capabilities:
            not_declared(name)
        if not self._has(store, objects, name):
            broken(
                f"{type(self).__name__} declares {name!r}, so that {capability.summary}",
                expected=f"{self._class(store, objects).__name__}.{capability.method} to have it",
                got="none",
            )
