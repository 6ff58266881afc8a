"""The tests that the file system of a scheme has to pass.

Subclass, say where the tests may write, and pytest finds the rest::

    # tests/test_acme.py
    import pytest
    from omega_core.testing import FilesystemTests

    class TestAcmeFiles(FilesystemTests):
        config = {"plugins": {"acme": {"endpoint": "http://127.0.0.1:9000"}}}

        @pytest.fixture
        def root(self):
            return "acme://bucket/tests/"

Each test writes to a directory of its own below ``root``, by way of `Omega.locations` and of puts.
"""

from __future__ import annotations

import dataclasses
import gc
import itertools
import os
import pickle
import subprocess
import sys
import traceback
import uuid
from collections.abc import Callable, Collection, Iterator
from typing import Any, ClassVar
from urllib.parse import quote

import pytest

from ..config import Secret
from ..omega import Omega
from .backends import left_over, nothing_left
from .crashes import CrashingTwin
from .file_bytes import FailingFile, bytes_of, delete_file, read_file, same_bytes, write_file
from .promises import (
    Words,
    holds,
    missing,
    not_declared,
    promise,
    raising,
    refused,
)

ODD_FILES = ("a b", "a#b", "a?b", "a%20b", "a+b&c=d", "ünï", "a'b", "a[0]", "a.b.c", "~a", "$a")
"""Names of files, as they are; their URIs are encoded."""

FILE_CAPABILITIES = {
    "list": "the files below a directory can be listed",
    "processes": "another process, or another machine, sees the same files",
    "atomic": "a file is not seen before it is closed",
}
"""What `FilesystemTests.capabilities` may name."""

_OTHER_PROCESS = """
import pickle, sys
omega, reads, writes = pickle.load(sys.stdin.buffer)
with omega, omega.locations.open(reads) as file:
    found = file.read()
    with omega.locations.create(writes) as written:
        written.write(found[::-1])
"""


class _GivenUpError(Exception):
    """Ends a block that writes a file."""


class FilesystemTests:
    """The contract of a file system.

    Attributes
    ----------
    config
        Sections of the configuration that the file system needs.
    capabilities
        What it can do, of `FILE_CAPABILITIES`. Nobody needs "atomic": of what is not closed yet,
        no object knows. One that keeps its files in the memory of a process declares ``("list",)``.
    large
        Bytes that make a large file: more than it holds back before it writes, or sends.
    """

    config: ClassVar[dict[str, Any]] = {}
    capabilities: ClassVar[Collection[str]] = ("list", "processes")
    large: ClassVar[int] = 9 << 20

    @pytest.fixture
    def root(self) -> str:
        """The URI of a place that the tests may write to; ends in a slash."""
        missing(
            self,
            "root",
            "the URI of a place that the tests may write to, with a slash at its end",
            'return "acme://bucket/tests/"',
        )

    @pytest.fixture
    def om(self, make_omega: Callable[..., Omega], root: str) -> Omega:
        """An `Omega` that may write below `root`."""
        return make_omega(**{**self.config, "uris": {"allow": [root]}})

    @pytest.fixture
    def place(self, om: Omega, root: str) -> Iterator[str]:
        """A directory that no other test writes to, as a URI that ends in a slash."""
        holds("root ends in a slash", root.endswith("/"), expected="a slash", got=root)
        place = f"{root}{uuid.uuid4().hex}/"
        yield place
        for uri in self._listed(om, place):
            om.locations.delete(uri)

    # --- bytes -------------------------------------------------------------------------------

    def test_bytes_come_back(self, om: Omega, place: str) -> None:
        files = om.locations
        for size in (0, 1, 1000, self.large):
            data = bytes_of(size)
            write_file(files, f"{place}{size}", data)
            got = read_file(files, f"{place}{size}")
            same_bytes(f"a file of {size} bytes comes back", data, got)
            promise(f"a file of {size} bytes has that size", files.size(f"{place}{size}"), size)

    def test_a_part_can_be_read(self, om: Omega, place: str) -> None:
        files, data = om.locations, bytes_of(self.large)
        write_file(files, f"{place}x", data)
        size = len(data)
        with files.open(f"{place}x") as file:
            for start, length in ((0, 10), (size - 5, 5), (size // 2, 70_000), (3, 1), (size, 5)):
                promise(f"a file seeks to {start}", file.seek(start), start)
                got = file.read(length)
                what = f"{length} bytes from {start} are those that were written"
                same_bytes(what, data[start : start + length], got)
                promise(f"a file says where it is after {what}", file.tell(), start + len(got))
            file.seek(-7, os.SEEK_END)
            same_bytes("a file seeks from its end", data[-7:], file.read())
            promise("after its end, a file gives no bytes", file.read(1), b"")

    def test_names_are_taken_as_they_are(self, om: Omega, place: str) -> None:
        files = om.locations
        names = [*ODD_FILES, "deep/er/x", "deep/er/y"]
        uris = {name: place + quote(name) for name in names}
        for name, uri in uris.items():
            write_file(files, uri, name.encode())
        for name, uri in uris.items():
            same_bytes(f"the file {name!r} has its own bytes", name.encode(), read_file(files, uri))
        for name in names[::2]:
            delete_file(files, uris[name])
        for position, name in enumerate(names):
            what = f"the file {name!r} is there, when others are deleted"
            promise(what, files.exists(uris[name]), position % 2 == 1)

    # --- whole, or not at all ----------------------------------------------------------------

    def test_nothing_is_overwritten(self, om: Omega, place: str) -> None:
        files, uri = om.locations, f"{place}x"
        write_file(files, uri, b"first")
        with refused(FileExistsError, "to create a file that is there"), files.create(uri) as file:
            file.write(b"second")
        same_bytes("what is refused leaves the file as it was", b"first", read_file(files, uri))

    @pytest.mark.parametrize("size", ["small", "large"])
    def test_a_file_is_whole_once_it_is_closed(self, om: Omega, place: str, size: str) -> None:
        files, uri = om.locations, f"{place}x"
        data = bytes_of(1000 if size == "small" else self.large)
        with files.create(uri) as file:
            file.write(data)
            if "atomic" in self.capabilities:
                self._is_not_there("a file that is not closed yet", om, place, uri)
            file.write(data)
        what = "a file is whole once it is closed"
        same_bytes(what, data + data, read_file(files, uri))
        if "list" in self.capabilities:
            promise(f"{what}, and listed", files.list(place), [uri])
        if "atomic" not in self.capabilities:
            not_declared("atomic", FILE_CAPABILITIES["atomic"])

    @pytest.mark.parametrize("size", ["small", "large"])
    def test_a_file_that_is_given_up_is_not_there(self, om: Omega, place: str, size: str) -> None:
        files, data = om.locations, bytes_of(1000 if size == "small" else self.large)
        what = "the error of a block that writes comes out of it"
        with raising(_GivenUpError, what), files.create(f"{place}failed") as file:
            file.write(data)
            raise _GivenUpError
        self._is_not_there("a file whose block failed", om, place, f"{place}failed")
        aborted = files.create(f"{place}aborted")
        aborted.write(data)
        aborted.abort()
        aborted.close()
        self._is_not_there("a file that was aborted", om, place, f"{place}aborted")
        forgotten = files.create(f"{place}forgotten")
        forgotten.write(data)
        del forgotten
        gc.collect()
        self._is_not_there("a file that was forgotten", om, place, f"{place}forgotten")
        for name in ("failed", "aborted", "forgotten"):
            write_file(files, place + name, b"anew")
            what = f"the name of a file that was {name} can be used"
            same_bytes(what, b"anew", read_file(files, place + name))

    # --- what is not there -------------------------------------------------------------------

    def test_a_missing_file_is_a_file_not_found_error(self, om: Omega, place: str) -> None:
        files, uri = om.locations, f"{place}missing"
        promise("a file that is not there does not exist", files.exists(uri), False)
        for what, act in (
            ("to open", lambda: files.open(uri).read()),
            ("the size of", lambda: files.size(uri)),
        ):
            with refused(FileNotFoundError, f"{what} a file that is not there") as told:
                act()
            text = _told(told.value)
            holds("the error names the URI", uri in text, expected=uri, got=text)

    def test_to_delete_is_idempotent(self, om: Omega, place: str) -> None:
        files = om.locations
        for name in ("x", "xy", "x.z"):
            write_file(files, place + name, name.encode())
        delete_file(files, f"{place}x")
        delete_file(files, f"{place}x")
        delete_file(files, f"{place}never there")
        promise("a file that was deleted is gone", files.exists(f"{place}x"), False)
        for name in ("xy", "x.z"):
            what = f"to delete 'x' leaves {name!r}"
            promise(what, files.exists(place + name), True)
            same_bytes(what, name.encode(), read_file(files, place + name))

    def test_what_is_listed_is_what_is_there(self, om: Omega, place: str) -> None:
        self._declares("list")
        files = om.locations
        expected: list[str] = []
        for name in ("b", "a", "deep/x", "deep/er/y", "deeper"):
            write_file(files, place + name, b"1")
            expected = sorted([*expected, place + name])
            what = "a listing has the files at any depth, and is no older one"
            promise(what, files.list(place), expected)
        below = [uri for uri in expected if uri.startswith(f"{place}deep/")]
        promise("a listing of a directory has its files alone", files.list(f"{place}deep/"), below)
        for uri in expected:
            delete_file(files, uri)
        promise("a listing is empty when all is deleted", self._listed(om, place), [])

    # --- who else is there -------------------------------------------------------------------

    def test_two_processes_see_the_same_files(self, om: Omega, place: str) -> None:
        self._declares("processes")
        files, data = om.locations, bytes_of(100_000)
        write_file(files, f"{place}ours", data)
        given = pickle.dumps((om, f"{place}ours", f"{place}theirs"))
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", _OTHER_PROCESS]
        done = subprocess.run(command, input=given, capture_output=True, env=environ, timeout=120)
        what = "another process reads a file, and writes one"
        holds(what, done.returncode == 0, expected="exit 0", got=Words(done.stderr.decode()))
        same_bytes(what, data[::-1], read_file(files, f"{place}theirs"))

    def test_errors_name_the_place_and_no_secret(self, om: Omega, place: str) -> None:
        secrets = [value.reveal() for value in self._secrets(om)]
        texts = [repr(om), repr(om.config), repr(om.locations)]
        for act in (om.locations.open, om.locations.size, om.locations.list):
            try:
                act(f"{place}missing")
            except Exception as exc:
                text = _told(exc)
                what = f"an error of {act.__name__} names the place"
                holds(what, f"{place}missing" in text, expected=f"{place}missing", got=text)
                texts.append("".join(traceback.format_exception(exc)))
        texts += [repr(om.plugins.settings(plugin.id)) for plugin in om.plugins]
        shows = [text for text in texts for secret in secrets if secret in text]
        what = "credentials are in no error and in no repr"
        holds(what, not shows, expected="none of them", got=Words("a text that has one"))
        if not secrets:
            pytest.skip("no secret to look for: the settings of the plugin have none that is set")

    # --- objects -----------------------------------------------------------------------------

    def test_an_object_lies_there_with_its_versions(self, om: Omega, place: str) -> None:
        store = om.datasets
        for data in (b"one", b"another" * 100_000):
            meta = store.put(data, "x", uri=place)
            uri = meta.uri or ""
            holds("an object lies where uri= says", uri.startswith(place), expected=place, got=uri)
        if "list" in self.capabilities:
            uris = sorted(meta.uri or "" for meta in store.versions("x"))
            promise("each version has a file", om.locations.list(place), uris)
        for version, data in ((1, b"one"), (2, b"another" * 100_000)):
            with store.get("x", version=version) as file:
                same_bytes(f"version {version} is what was put", data, file.read())
        store.restore("x", 1)
        store.gc(grace=0)
        with store.get("x") as file:
            same_bytes("a version that is restored is the object", b"one", file.read())
        uris = [meta.uri or "" for meta in store.versions("x")]
        store.drop("x")
        nothing_left("a drop and the collector leave nothing", left_over(store))
        left = [uri for uri in uris if om.locations.exists(uri)]
        promise("a drop and the collector leave no file", left, [])
        promise("a drop and the collector leave no other file", self._listed(om, place), [])

    def test_a_put_that_fails_leaves_no_file(self, om: Omega, place: str) -> None:
        def chunks() -> Iterator[bytes]:
            yield bytes_of(100_000)
            raise _GivenUpError

        om.datasets.put(b"old", "x", uri=place)
        before = self._listed(om, place)
        with raising(_GivenUpError, "the error of what is put comes out of the put"):
            om.datasets.put(FailingFile(chunks()), "x", uri=place, kind="python.file")
        nothing_left("a put that fails and the collector leave nothing", left_over(om.datasets))
        promise("a put that fails leaves no file", self._listed(om, place), before)
        with om.datasets.get("x") as file:
            same_bytes("a put that fails leaves the old object", b"old", file.read())

    def test_a_crash_at_any_step_leaves_no_file(self, om: Omega, place: str) -> None:
        stores = dataclasses.replace(om.config.stores, inline=0)
        with CrashingTwin(om, stores=stores) as twin:
            for step in itertools.count(1):
                name = f"step {step}"
                om.datasets.put(b"old", name, uri=place)

                def replace(omega: Omega, name: str = name) -> None:
                    omega.datasets.put(b"new", name, uri=place)

                struck = twin.crash(step, replace)
                with om.datasets.get(name) as file:
                    got = file.read()
                holds(
                    f"a crash at step {step} leaves the old object or the new one",
                    got == b"new" or (struck and got == b"old"),
                    expected="b'old' or b'new'" if struck else "b'new'",
                    got=got,
                )
                what = f"a crash at step {step} and the collector leave no file of nobody"
                nothing_left(what, left_over(om.datasets))
                if "list" in self.capabilities:
                    kept = sorted(meta.uri or "" for meta in om.datasets.versions(name))
                    promise(what, om.locations.list(place), kept)
                om.datasets.drop(name)
                om.gc(grace=0)
                if not struck:
                    break

    # --- their parts -------------------------------------------------------------------------

    def _declares(self, capability: str) -> None:
        if capability not in self.capabilities:
            not_declared(capability, FILE_CAPABILITIES[capability])

    def _listed(self, om: Omega, place: str) -> list[str]:
        """Return what is there, where that can be listed; a place without files may be missing."""
        if "list" not in self.capabilities:
            return []
        try:
            return om.locations.list(place)
        except FileNotFoundError:
            return []

    def _is_not_there(self, what: str, om: Omega, place: str, uri: str) -> None:
        promise(f"{what} does not exist", om.locations.exists(uri), False)
        promise(f"{what} is not listed", uri in self._listed(om, place), False)
        with refused(FileNotFoundError, f"to open {what}"), om.locations.open(uri) as file:
            file.read()

    @staticmethod
    def _secrets(om: Omega) -> Iterator[Secret]:
        for plugin in om.plugins:
            settings = om.plugins.settings(plugin.id)
            for field in dataclasses.fields(settings) if settings is not None else ():
                value = getattr(settings, field.name)
                if isinstance(value, Secret):
                    yield value


def _told(error: BaseException) -> str:
    """Return all that an error says, with its notes."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])
