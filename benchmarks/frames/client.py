"""The parent's end of a peer's process."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from peers import Entry

Answer = dict[str, Any]
_HERE = Path(__file__).parent


class PeerFailedError(Exception):
    """The process of a peer ended."""


class Client:
    """A running peer, for one case. A context manager that ends it."""

    def __init__(
        self, entry: Entry, python: str, url: str, directory: Path, case: str, quick: bool,
        database: str,
    ) -> None:  # fmt: skip
        self.entry = entry
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        directory.mkdir(parents=True, exist_ok=True)
        command = [
            *(python, "-m", "serve", entry.name, "--url", url, "--database", database),
            *("--directory", str(directory), "--case", case),
        ]
        self._process = subprocess.Popen(
            [*command, "--quick"] if quick else command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(_HERE), "PYTHONSAFEPATH": "1"},
        )
        self.about: Answer = {}

    def wait(self) -> Client:
        """Return itself when the peer has its frame."""
        self.about = self._read()
        return self

    def ask(self, operation: str) -> Answer:
        """Let the peer do one operation, and return its answer."""
        assert self._process.stdin is not None, "it is a pipe"
        self._process.stdin.write(json.dumps({"operation": operation}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Answer:
        assert self._process.stdout is not None, "it is a pipe"
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self._errors.seek(0)
            last = "\n".join(self._errors.read().splitlines()[-15:])
            raise PeerFailedError(f"{self.entry.title} ended with the exit code {code}.\n{last}")
        answer: Answer = json.loads(line)
        return answer

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is not None:
            self._process.kill()
        self._process.communicate()
        self._errors.close()
