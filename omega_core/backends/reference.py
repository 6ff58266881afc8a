"""``uri.reference``: a file elsewhere, known here by a name, read in place."""

from __future__ import annotations

from typing import Any, BinaryIO

from ..errors import UnsupportedOptionError
from ..protocol.metadata import Metadata
from ..secret import redact_text
from ..shapes import text
from ..summary import Summary
from .base import BaseDataBackend


class ReferenceBackend(BaseDataBackend):
    """Stores a URI. The file is not copied, not owned, and never deleted.

    The same URI is the same object: putting it again makes no new version.
    """

    if_changed = True

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        return isinstance(obj, str) and kwargs.get("reference") is True

    def put(
        self,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None = None,
        *,
        reference: bool = True,
        **kwargs: Any,
    ) -> Metadata:
        """Store a reference to the file at the URI ``obj``.

        Raises
        ------
        FileNotFoundError
            There is no file.
        UriNotAllowedError
            It lies outside ``[uris] allow``.
        """
        if not isinstance(obj, str):
            raise UnsupportedOptionError(
                f"put of {name!r}: a reference is made of a URI string, not {type(obj).__name__}."
            )
        locations = self.data_store.locations
        uri = locations.check(obj)
        meta = self.data_store.make_metadata(name, "uri.reference", attributes=attributes)
        meta.uri = uri
        meta.kind_meta = {"size": locations.size(uri)}
        return meta.save()

    def describe(self, name: str, **kwargs: Any) -> Summary:
        """Return where the file is, and how large: when it was put, and now."""
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside of a describe there is one"
        now: int | None = None
        try:
            now = self.data_store.locations.size(str(meta.uri))
            found = "there"
        except FileNotFoundError:
            found = "missing"
        details = {
            "uri": redact_text(str(meta.uri)),
            "the file is": found,
            "size at put": meta.kind_meta.get("size"),
        }
        return Summary(meta.kind, details=details, size=now)

    def misshapen(self, meta: Metadata) -> str | None:
        return text()(meta.uri, "uri")

    def get(self, name: str, **kwargs: Any) -> BinaryIO:
        """Return the file as it is now, readable and seekable."""
        meta = self.data_store.metadata(name)
        assert meta is not None
        return self.data_store.open_file(meta)
