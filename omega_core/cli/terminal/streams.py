"""Where data comes from and goes to: files that are whole or not there, and the pipes."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import typer

STANDARD = "-"
"""What names standard input, or standard output."""


@contextmanager
def sink(target: str, *, text: bool) -> Iterator[BinaryIO]:
    """Open what data is written to: a file that appears when it is whole, or standard output.

    Parameters
    ----------
    target
        A path, or ``-``. A file that is there is replaced; into a device or a pipe it is written.
    text
        Whether a terminal may show it.
    """
    if target == STANDARD:
        if not text and sys.stdout.isatty():
            raise typer.BadParameter(
                "these are no characters for a terminal; name a file with -o, or another --format"
            )
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(target)
    if path.exists() and not path.is_file():
        if path.is_dir():
            raise IsADirectoryError(f"{target!r} is a directory. Name a file in it.")
        with path.open("wb") as special:
            yield special
        return
    # Beside the link's target, not in its place.
    path = path.resolve()
    part = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:8]}.part")
    try:
        with part.open("xb") as file:
            yield file
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def end_quietly() -> None:
    """Let nothing more be written to a pipe whose reader has gone, also not at the exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
