"""A writer that somebody derives: complete once it is closed, and otherwise nothing."""

from __future__ import annotations

import gc
from array import array

import pytest

from omega_core.writing import AtomicWriter


class Page(AtomicWriter):
    def __init__(self, shelf: dict[str, bytes], *, fails: str = "") -> None:
        self.shelf, self.fails, self.done = shelf, fails, bytearray()
        if "begin" in fails:
            raise OSError("there is no shelf")
        super().__init__("a page")

    def _write(self, data: memoryview) -> None:
        self.done += data

    def _complete(self) -> None:
        if "complete" in self.fails:
            raise OSError("the shelf is full")
        self.shelf["complete"] = bytes(self.done)

    def _discard(self) -> None:
        if "discard" in self.fails:
            raise OSError("the bin is full")
        self.shelf["discarded"] = bytes(self.done)


def test_a_file_is_there_once_it_is_closed() -> None:
    shelf: dict[str, bytes] = {}
    with Page(shelf) as page:
        assert page.write(b"ab") + page.write(array("H", [1, 2])) == page.tell() == 6
        assert not shelf
    assert page.closed
    page.close()
    page.abort()
    assert shelf == {"complete": b"ab\x01\x00\x02\x00"}
    with pytest.raises(ValueError, match="write to a page, which is closed"):
        page.write(b"c")


def test_an_exception_discards_it() -> None:
    shelf: dict[str, bytes] = {}
    page = Page(shelf)
    page.write(b"half")
    with pytest.raises(TypeError, match="bytes-like"), page:
        page.write("text")
    assert shelf == {"discarded": b"half"}


def test_forgetting_it_discards_it() -> None:
    shelf: dict[str, bytes] = {}
    Page(shelf).write(b"half")
    gc.collect()
    assert shelf == {"discarded": b"half"}


def test_what_cannot_be_completed_is_discarded_and_the_first_error_is_told() -> None:
    shelf: dict[str, bytes] = {}
    with pytest.raises(OSError, match="the shelf is full"), Page(shelf, fails="complete") as page:
        page.write(b"half")
    assert page.closed
    assert shelf == {"discarded": b"half"}
    with pytest.raises(OSError, match="the shelf is full") as caught:
        Page({}, fails="complete, discard").close()
    assert caught.value.__notes__ == ["a page could not be discarded either: the bin is full"]


def test_what_could_not_be_begun_has_nothing_to_discard() -> None:
    shelf: dict[str, bytes] = {}
    with pytest.raises(OSError, match="there is no shelf"):
        Page(shelf, fails="begin")
    gc.collect()
    assert not shelf
