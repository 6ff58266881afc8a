"""Names of objects, and the keys under which MongoDB and files know them."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidNameError

DATA, MODELS, JOBS = "data/", "models/", "jobs/"

SECTION = {DATA: "datasets", MODELS: "models", JOBS: "jobs"}
"""The attribute of an `Omega`, and the key of the configuration, for each prefix."""

MAX_NAME_BYTES = 512
TEMPORARY = ".temporary/"
"""How the names begin of values that somebody passed to a model."""

HIDDEN = rf"{re.escape(TEMPORARY)}[0-9a-f]{{32}}"
"""The regular expression of these names, of which none is ever given twice."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")

_OF_A_GENERATION = re.compile(
    r"omega\.(?:[A-Za-z0-9_-]{1,32}\.(?P<own>[0-9a-f]{32})|(?P<side>[0-9a-f]{32})\.[0-9a-f]{16})"
)


@dataclass(frozen=True)
class Key:
    """Identifies one object: the unique index of the metadata."""

    bucket: str
    prefix: str
    name: str

    def filter(self, **more: Any) -> dict[str, Any]:
        return {"bucket": self.bucket, "prefix": self.prefix, "name": self.name, **more}

    @property
    def digest(self) -> str:
        """128 bits that no other key has, in hexadecimal digits."""
        return _digest(self.bucket, self.prefix, self.name)

    def __str__(self) -> str:
        return f"{self.prefix}{self.name!r} in bucket {self.bucket!r}"


def check_name(name: object, what: str = "object name") -> str:
    """Return ``name`` if it can name an object.

    Raises
    ------
    InvalidNameError
        Where it is not a string, is empty, contains NUL or a lone surrogate, or is longer than
        512 bytes in UTF-8.
    """
    if not isinstance(name, str):
        raise InvalidNameError(f"The {what} must be a string, not {type(name).__name__}.")
    if not name:
        raise InvalidNameError(f"The {what} is empty. Give any string of 1 to 512 bytes.")
    if "\0" in name:
        raise InvalidNameError(f"The {what} {name!r} contains NUL. Remove it.")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidNameError(
            f"The {what} {name!r} contains a lone surrogate, which UTF-8 cannot encode."
        ) from None
    if size > MAX_NAME_BYTES:
        raise InvalidNameError(
            f"The {what} {name[:40]!r}... has {size} bytes in UTF-8. "
            f"Shorten it to at most {MAX_NAME_BYTES}."
        )
    return name


def new_generation() -> str:
    """Return the id of a payload that does not exist yet: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def object_store_key(bucket: str, prefix: str, name: str, ext: str, gen: str | None = None) -> str:
    """Return a readable key that no other (bucket, prefix, name, ext, generation) has.

    The key begins with what a human recognises, and goes on with 128 bits of BLAKE2b over the four
    parts, each preceded by its length, and with the generation. It has at most 120 bytes, out of
    ``[A-Za-z0-9._-]``, so it is valid as the name of a collection, of a GridFS file, and of a file
    on any file system.
    """
    widths = (24, 24, 24) if gen is None else (12, 8, 16)
    parts = zip((bucket, prefix, name), widths, strict=True)
    readable = ".".join(_slug(part, width) for part, width in parts)
    own = "" if gen is None else f".{gen}"
    return f"{readable}.{_digest(bucket, prefix, name, ext)}{own}.{_slug(ext, 10)}"


def generation_key(name: str, gen: str) -> str:
    """Return the key of what belongs to one generation of an object.

    Short, because servers before MongoDB 4.4 allow 120 bytes for database and collection.
    """
    return f"omega.{_slug(name, 32)}.{gen}"


def gen_of_collection(name: str) -> str | None:
    """Return the generation whose collection this is, by its name; None for somebody else's."""
    match = _OF_A_GENERATION.fullmatch(name)
    return None if match is None else match["own"] or match["side"]


def side_collection_key(name: str, gen: str) -> str:
    """Return the key of a collection that a backend wants beside the one of its object."""
    return f"omega.{gen}.{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"


def bucket_key(bucket: str) -> str:
    """Return the part of a shared collection's name that no other bucket has."""
    slug = _slug(bucket, 24)
    if slug == bucket:
        return slug
    return f"{slug}.{hashlib.blake2b(bucket.encode(), digest_size=8).hexdigest()}"


def _digest(*parts: str) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()


def _slug(text: str, length: int) -> str:
    return _UNSAFE.sub("_", text).strip("_")[:length] or "x"
