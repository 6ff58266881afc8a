"""The backends that come with the core, declared as those of a plugin are."""

from __future__ import annotations

from .spec import BackendSpec

# Below any plugin: one that claims the same class, or says that it supports the object, wins.
_PRIORITY = -10

FILE_FORMATS = {".json": "omega_core.backends.json_file:JsonFormat"}
"""The files that the core reads and writes by itself; any other it keeps as it is."""


def builtin_specs() -> list[BackendSpec]:
    """Return what the core stores by itself, fresh for one `Omega`."""
    here = "omega_core.backends"
    return [
        BackendSpec(
            "python.data",
            f"{here}.python_data:PythonDataBackend",
            types=[
                *(f"builtins:{t}" for t in ("dict", "list", "tuple", "set", "frozenset")),
                *(f"builtins:{t}" for t in ("str", "int", "float", "bool", "complex")),
                "types:NoneType",
                *(f"datetime:{t}" for t in ("datetime", "date", "time", "timedelta")),
                "decimal:Decimal",
                "uuid:UUID",
            ],
            priority=_PRIORITY,
            summary="Nested Python data; types survive exactly.",
        ),
        BackendSpec(
            "python.rows",
            f"{here}.python_rows:PythonRowsBackend",
            types=None,
            summary="An iterable of mappings, one document per item; by kind='python.rows'.",
        ),
        BackendSpec(
            "python.file",
            f"{here}.python_file:PythonFileBackend",
            types=[
                "builtins:bytes",
                "builtins:bytearray",
                "builtins:memoryview",
                "_io:_IOBase",  # the base of all files; io.IOBase is a subclass of it
                "tempfile:_TemporaryFileWrapper",
                "pathlib:Path",
            ],
            priority=_PRIORITY,
            summary="Bytes, binary files, and paths of files and directories.",
        ),
        BackendSpec(
            "uri.reference",
            f"{here}.reference:ReferenceBackend",
            types=["builtins:str"],
            priority=_PRIORITY + 1,
            summary="A URI, read in place; by kind='uri.reference' or reference=True.",
        ),
    ]
