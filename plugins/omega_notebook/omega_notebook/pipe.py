"""The pipe by which the configuration comes to a kernel, as those that inherit it see it."""

from __future__ import annotations

import os

NAME = "OMEGA_NOTEBOOK_PIPE"
"""The environment variable that says which file descriptor it is."""


def inherited() -> tuple[int, ...]:
    """Return the file descriptor, to be passed on; empty where there is none."""
    found = os.environ.get(NAME, "")
    return (int(found),) if found.isdigit() else ()


def read() -> bytes:
    """Return all that comes by the pipe, and forget it: what a notebook starts is not told."""
    [pipe] = inherited()
    del os.environ[NAME]
    with open(pipe, "rb") as source:
        return source.read()
