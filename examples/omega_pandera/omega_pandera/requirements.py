"""Which schemas a name has, and whether an object fits them."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandera.errors

from omega_core import Metadata, change_object
from omega_core.errors import UnsupportedValueError

from . import PanderaSettings
from .schemas import load
from .words import in_words


def require(obj: Any, name: str, settings: PanderaSettings, source: str | None) -> None:
    """Refuse an object that does not fit, now; or, of one in pieces, each in its turn."""
    for pattern in _patterns(name, settings):
        schema = load(settings.schemas[pattern], pattern, source)
        requirement = Requirement(schema, name, pattern, settings)
        if isinstance(obj, Iterator):
            change_object(requirement.checked)
        else:
            requirement.check(obj)


def refuse_bytes(meta: Metadata, name: str, settings: PanderaSettings) -> None:
    """Refuse what arrives under a name that has a schema, and cannot be looked at before."""
    for pattern in _patterns(name, settings):
        raise UnsupportedValueError(
            f"{name!r} has to fit the schema {settings.schemas[pattern]} ([plugins.pandera] "
            f"schemas, {pattern!r}), and a copy of {meta.name!r} arrives as bytes, unseen. Nothing "
            "was stored. Get it and put it under that name; or, where you trust what arrives, set "
            'copies = "allow".'
        )


def _patterns(name: str, settings: PanderaSettings) -> list[str]:
    # As in a shell, what begins with a dot is hidden from patterns that do not.
    return [
        pattern
        for pattern in settings.schemas
        if fnmatch.fnmatchcase(name, pattern) and name.startswith(".") <= pattern.startswith(".")
    ]


@dataclass(frozen=True)
class Requirement:
    """One schema that what is put under a name has to fit."""

    schema: Any
    name: str
    pattern: str
    settings: PanderaSettings

    def checked(self, pieces: Iterator[Any]) -> Iterator[Any]:
        """Return the same pieces, each of which is looked at before the backend gets it."""
        rows = 0
        for number, piece in enumerate(pieces, start=1):
            self.check(piece, f", piece {number}, from row {rows:,} on")
            rows += len(piece)
            yield piece

    def check(self, obj: Any, part: str = "") -> None:
        """Raise where an object does not fit, or only after pandera has changed it.

        Raises
        ------
        UnsupportedValueError
            Says which columns and checks fail, in how many rows, and shows some of the values.
        """
        about = f"{self.name!r}{part}"
        schema = f"the schema {self.settings.schemas[self.pattern]} of {self.pattern!r}"
        try:
            found = self.schema.validate(obj, lazy=True)
        except pandera.errors.SchemaErrors as exc:
            cases = in_words(exc.failure_cases, self.settings.examples)
            raise UnsupportedValueError(
                f"{about} does not fit {schema}, and nothing was stored:\n{cases}\n"
                "Mend the data, or the schema. All cases are in error.__cause__.failure_cases."
            ) from exc
        except (TypeError, pandera.errors.BackendNotFoundError) as exc:
            raise UnsupportedValueError(
                f"{about} is a {type(obj).__module__}.{type(obj).__name__}, which {schema} is not "
                "for. Nothing was stored. Convert it, or put it under another name."
            ) from exc
        if not _is_same(found, obj):
            raise UnsupportedValueError(
                f"{about} fits {schema} only after that has changed it (coerce, parsers, defaults, "
                "or rows that it drops). Nothing was stored, because what is stored is what was "
                "put. Put what schema.validate(obj) returns."
            )


def _is_same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    same = type(one) is type(other) and bool(one.equals(other))
    return same and _names(one) == _names(other)  # of which `equals` of pandas knows nothing


def _names(obj: Any) -> list[Any]:
    axes = [getattr(obj, axis, None) for axis in ("index", "columns")]
    return [getattr(obj, "name", None), *(getattr(axis, "names", None) for axis in axes)]
