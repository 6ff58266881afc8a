"""The kit for file systems: ours pass it, and each broken promise is caught by its name."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega
from omega_core.testing import FilesystemTests

Install = Callable[..., str]
Make = Callable[..., Omega]


class TestLocalFiles(FilesystemTests):
    @pytest.fixture
    def root(self, tmp_path: Path) -> str:
        return tmp_path.as_uri() + "/"


SCRATCH = """
    from omega_core import hookimpl

    @hookimpl
    def filesystems():
        return {"scratch": open_filesystem}

    def open_filesystem(settings):
        from fsspec.implementations.memory import MemoryFileSystem

        class ScratchFileSystem(MemoryFileSystem):
            protocol = "scratch"

        return ScratchFileSystem()
"""


class TestScratch(FilesystemTests):
    """That of the documentation, of ten lines."""

    capabilities = ("list",)

    @pytest.fixture
    def root(self, install: Install) -> str:
        install("scratch", SCRATCH)
        return "scratch://tmp/"


# --- what breaks a promise -------------------------------------------------------------------

BROKEN = """
    import io
    import threading
    from omega_core import Secret, hookimpl
    from omega_core.writing import AtomicWriter
    from dataclasses import dataclass

    @dataclass(frozen=True, kw_only=True)
    class Settings:
        password: Secret | None = None

    @hookimpl
    def settings():
        return Settings

    @hookimpl
    def filesystems():
        return {"broken": lambda settings: Broken(settings)}

    class Writer(AtomicWriter):
        def __init__(self, files, path):
            self.files, self.path, self.data = files, path, bytearray()
            super().__init__(path)

        def _write(self, data):
            self.data += data

        def _complete(self):
            self.files[self.path] = bytes(self.data)

        def _discard(self):
            self.data.clear()

    class FileSystem:
        "Sound; what derives from it breaks one promise."

        files = {}

        def __init__(self, settings):
            self.settings = settings

        def open(self, path, mode="rb"):
            if mode == "rb":
                self.info(path)
                return io.BytesIO(self.files[path])
            if path in self.files:
                raise FileExistsError(path)
            return Writer(self.files, path)

        def info(self, path):
            if path not in self.files:
                raise FileNotFoundError(path)
            return {"size": len(self.files[path]), "type": "file"}

        def rm_file(self, path):
            self.files.pop(path, None)

        def find(self, prefix):
            return sorted(path for path in self.files if path.startswith(prefix))

"""

SOUND = """
    class Broken(FileSystem):
        pass
"""

HALF = """
    class Broken(FileSystem):
        "What is written is there at once, and stays when it is aborted."

        def open(self, path, mode="rb"):
            file = super().open(path, mode)
            if mode != "rb":
                file._discard = file._complete
            return file
"""

NO_ABORT = """
    class Broken(FileSystem):
        "Cannot abort, and rm_file removes nothing that was just written."

        def open(self, path, mode="rb"):
            if mode == "rb":
                return super().open(path, mode)
            files = self.files

            class Plain(io.BytesIO):
                def close(self):
                    files[path] = self.getvalue()
                    super().close()

            return Plain()

        def rm_file(self, path):
            pass
"""

OVERWRITES = """
    class Broken(FileSystem):
        def open(self, path, mode="rb"):
            return super().open(path, mode) if mode == "rb" else Writer(self.files, path)
"""

EMPTY = """
    class Broken(FileSystem):
        "What is missing is empty."

        def open(self, path, mode="rb"):
            if mode == "rb":
                return io.BytesIO(self.files.get(path, b""))
            return super().open(path, mode)

        def info(self, path):
            return {"size": len(self.files.get(path, b"")), "type": "file"}
"""

OLD_LIST = """
    class Broken(FileSystem):
        "Remembers what it has listed."

        def find(self, prefix):
            self.__dict__.setdefault("listed", {}).setdefault(prefix, super().find(prefix))
            return self.listed[prefix]
"""

FLAT_LIST = """
    class Broken(FileSystem):
        def find(self, prefix):
            return [p for p in super().find(prefix) if "/" not in p[len(prefix):]]
"""

PREFIX = """
    class Broken(FileSystem):
        "Deletes whatever begins like it."

        def rm_file(self, path):
            for found in [found for found in self.files if found.startswith(path)]:
                del self.files[found]
"""

STRICT_DELETE = """
    class Broken(FileSystem):
        def rm_file(self, path):
            if path not in self.files:
                raise OSError(f"cannot remove {path}")
            del self.files[path]
"""

NAMES = """
    class Broken(FileSystem):
        "Takes paths for URLs, and loses what follows a # or ?."

        def open(self, path, mode="rb"):
            return super().open(path.split("#")[0].split("?")[0], mode)

        def info(self, path):
            return super().info(path.split("#")[0].split("?")[0])
"""

NO_SEEK = """
    class Broken(FileSystem):
        def open(self, path, mode="rb"):
            file = super().open(path, mode)
            if mode == "rb":
                file.seek = lambda position, whence=0: position
            return file
"""

TELLS = """
    class Broken(FileSystem):
        def info(self, path):
            try:
                return super().info(path)
            except FileNotFoundError:
                secret = self.settings.password.reveal()
                raise FileNotFoundError(f"GET {path}?password={secret}: 404") from None
"""

SHORT = """
    class Broken(FileSystem):
        "Loses what comes after the first megabyte."

        def open(self, path, mode="rb"):
            file = super().open(path, mode)
            return io.BytesIO(file.read()[:1 << 20]) if mode == "rb" else file
"""

Kit = FilesystemTests
PASSWORD = "correct horse"


class OnBroken(FilesystemTests):
    config = {"plugins": {"broken": {"password": PASSWORD}}}  # noqa: RUF012
    capabilities = ("list", "atomic")
    large = 2 << 20


@pytest.fixture
def broken_om(install: Install, make_omega: Make, request: pytest.FixtureRequest) -> Omega:
    name = f"broken-{next(_numbers)}"  # a module of another name for each
    install(
        "broken",
        BROKEN + request.param,
        distribution=f"omega-{name}",
        module=f"fake_{next(_numbers)}",
    )
    return make_omega(**OnBroken.config, uris={"allow": ["broken://tmp/"]})


_numbers = itertools.count()

CASES: list[tuple[str, Callable[..., None], tuple[Any, ...], str]] = [
    (HALF, Kit.test_a_file_that_is_given_up_is_not_there, ("small",),
     r"promise: a file whose block failed does not exist; expected False, got True"),
    (NO_ABORT, Kit.test_a_file_that_is_given_up_is_not_there, ("small",),
     r"promise: a file whose block failed does not exist"),
    (NO_ABORT, Kit.test_an_object_lies_there_with_its_versions, (),
     r"promise: a drop and the collector leave no file"),
    (OVERWRITES, Kit.test_nothing_is_overwritten, (),
     r"to create a file that is there is refused; expected FileExistsError, got no error"),
    (EMPTY, Kit.test_a_missing_file_is_a_file_not_found_error, (),
     r"promise: a file that is not there does not exist; expected False, got True"),
    (OLD_LIST, Kit.test_what_is_listed_is_what_is_there, (),
     r"promise: a listing has the files at any depth, and is no older one"),
    (FLAT_LIST, Kit.test_what_is_listed_is_what_is_there, (),
     r"promise: a listing has the files at any depth"),
    (PREFIX, Kit.test_to_delete_is_idempotent, (), r"promise: to delete 'x' leaves 'xy'"),
    (STRICT_DELETE, Kit.test_to_delete_is_idempotent, (),
     r"can be deleted, whether it is there or not; expected no error, got OSError: cannot"),
    (NAMES, Kit.test_names_are_taken_as_they_are, (),
     r"promise: a file can be written to broken://tmp/.*/a%3Fb; expected one, got FileExists"),
    (NO_SEEK, Kit.test_a_part_can_be_read, (), r"promise: .* bytes from \d+ are those that were"),
    (TELLS, Kit.test_errors_name_the_place_and_no_secret, (),
     r"promise: credentials are in no error and in no repr"),
    (SHORT, Kit.test_bytes_come_back, (),
     r"promise: a file of 2097152 bytes comes back; expected 2097152 bytes.*got 1048576 bytes"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("broken_om", "test", "more", "text"),
    CASES,
    ids=[f"{number}-{test.__name__}" for number, (_, test, _, _) in enumerate(CASES)],
    indirect=["broken_om"],
)
def test_a_broken_file_system_is_caught_by_its_promise(
    broken_om: Omega, test: Callable[..., None], more: tuple[Any, ...], text: str
) -> None:
    with pytest.raises(AssertionError, match=text):
        test(OnBroken(), broken_om, f"broken://tmp/{next(_numbers)}/", *more)


class TestSound(OnBroken):
    """What the broken ones derive from passes."""

    @pytest.fixture
    def root(self, install: Install) -> str:
        install("broken", BROKEN + SOUND)
        return "broken://tmp/"
