"""Models are kept by what names their payload, up to a number of bytes, for all threads."""

from __future__ import annotations

import threading
from typing import Any

from omega_core.plugins.model_cache import ModelCache


def held(cache: ModelCache, *keys: str) -> list[bool]:
    """Return which of these are kept; asking does not make room for the others."""
    missing = object()
    return [cache.get(key, lambda: missing, lambda _: None) is not missing for key in keys]


def test_what_was_asked_for_last_is_kept_within_the_bytes() -> None:
    cache = ModelCache(100)
    for key in "abc":
        cache.get(key, lambda key=key: key, lambda _: 40)
    assert held(cache, "a", "b", "c") == [False, True, True]
    held(cache, "b")
    cache.get("d", lambda: "d", lambda _: 40)
    assert held(cache, "b", "c", "d") == [True, False, True]
    assert cache.size == 80


def test_what_is_larger_than_all_of_it_makes_nothing_go() -> None:
    cache = ModelCache(100)
    cache.get("a", lambda: "a", lambda _: 10)
    assert cache.get("b", lambda: "b", lambda _: 101) == "b"
    assert held(cache, "a", "b") == [True, False]


def test_an_error_of_reading_keeps_nothing() -> None:
    cache = ModelCache(100)

    def fail() -> Any:
        raise ValueError

    for _ in range(2):
        try:
            cache.get("a", fail, lambda _: 1)
        except ValueError:
            continue
        raise AssertionError
    assert (len(cache), cache.size) == (0, 0)


def test_of_two_threads_that_read_at_a_time_both_get_one_model() -> None:
    cache = ModelCache(100)
    together = threading.Barrier(2)
    found: list[object] = []

    def read() -> object:
        together.wait(10)
        return object()

    threads = [
        threading.Thread(target=lambda: found.append(cache.get("a", read, lambda _: 60)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] is found[1]
    assert (len(cache), cache.size) == (1, 60)
