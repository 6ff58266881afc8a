"""What is bound to a name and a generation, said anew for another name and other generations.

The ids of documents and files, and the names of collections and of files at URIs, bear the
generation that wrote them: by that they are found, and freed. A copy has generations of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..protocol.naming import Key, generation_key, new_generation, object_store_key

_GENERATION = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


class Renaming:
    """Maps what belongs to one generation of an object to what belongs to another.

    Parameters
    ----------
    source, target
        The objects.
    gen, new_gen
        Their generations.
    others
        Further generations that the payload consists of: those of appended batches.
    """

    def __init__(
        self, source: Key, gen: str, target: Key, new_gen: str, others: Iterable[str] = ()
    ) -> None:
        self.source, self.gen = source, gen
        self.target, self.new_gen = target, new_gen
        self.gens = {gen: new_gen}
        for other in others:
            if other not in self.gens:
                self.gens[other] = new_generation()
        self._own = (generation_key(source.name, gen), generation_key(target.name, new_gen))
        self._ids: list[tuple[Any, Any]] = []

    def add_id(self, old: Any, new: Any) -> None:
        """Note the new id of what has an id that does not tell its generation."""
        self._ids.append((old, new))

    def text(self, text: str) -> str:
        """Return text with the generations in it, and the keys made of them, said anew."""
        renamed = text.replace(*self._own)
        return _GENERATION.sub(lambda match: self.gens.get(match[0], match[0]), renamed)

    def filename(self, filename: str) -> str:
        """Return the name of a file in GridFS, which bears a digest of the object as well."""
        extension = filename.rpartition(".")[2]
        source, target = self.source, self.target
        parts = (source.bucket, source.prefix, source.name, extension, self.gen)
        if filename != object_store_key(*parts):
            return self.text(filename)
        return object_store_key(target.bucket, target.prefix, target.name, extension, self.new_gen)

    def bound(self, id_: Any) -> str | None:
        """Return the new id of what has an id that begins with its generation; else None."""
        if not isinstance(id_, str) or id_[:32] not in self.gens or id_[32:33].isalnum():
            return None
        return self.gens[id_[:32]] + id_[32:]

    def value(self, value: Any) -> Any:
        """Return what a backend has noted, wherever it names an id."""
        if isinstance(value, str):
            changed = self._changed(value)
            return self.text(value) if changed is None else changed
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        changed = self._changed(value)
        return value if changed is None else changed

    def _changed(self, value: Any) -> Any:
        for old, new in self._ids:
            if type(old) is type(value) and old == value:
                return new
        return None
