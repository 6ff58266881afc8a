"""How a version arrives in a store: an intent, its bytes, and a commit, as of a put."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..backends.base import BaseDataBackend
from ..backends.store import Store
from ..catalog import Catalog
from ..mongo.database import answering
from ..operations import Collaborators, Operations
from ..payloads import Payloads
from ..protocol import attributes as attributes_codec
from ..protocol.commit import Intent, rollback
from ..protocol.document import explained
from ..protocol.metadata import Metadata
from ..protocol.naming import SECTION
from ..protocol.scope import Scope, entered
from .contents import Contents, generations
from .placement import Placement
from .renaming import Renaming

Document = dict[str, Any]
Each = Callable[[int], None]


class Arrivals:
    """Receives versions in one store, whole or not at all."""

    def __init__(
        self,
        store: Store,
        collaborators: Collaborators,
        payloads: Payloads,
        catalog: Catalog,
        operations: Operations,
    ) -> None:
        self.store = store
        self.collaborators = collaborators
        self.payloads = payloads
        self.catalog = catalog
        self.operations = operations

    def receive(
        self,
        contents: Contents,
        name: str,
        each: Each,
        *,
        if_rev: int | None = None,
        at_least: int = 1,
        version: int | None = None,
        place: Callable[[Renaming, str], str] | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> Metadata:
        """Make a version the current one of ``name``, as the bytes that it consists of.

        Parameters
        ----------
        at_least
            How many versions stay, where the configuration has fewer stay.
        version
            The number that it shall have, unless the name has had that already.
        place
            Where files at URIs go; by default, beside the ones that they are copies of.
        check
            Raises where what was read was not whole; called before the commit.
        """
        intent = self.intent(contents.document, name, if_rev, at_least, version)
        others = sorted(generations(contents.document))
        gen = contents.document["gen"]
        renaming = Renaming(contents.key, gen, intent.key, intent.gen, others)
        locations = self.collaborators.locations

        def placed(uri: str) -> str:
            return renaming.text(uri) if place is None else place(renaming, uri)

        def write() -> Metadata:
            placement = Placement(contents, intent, renaming, locations, placed, each)
            return self._committed(intent, lambda meta: self._write(placement, meta, check))

        with answering(self.payloads.database), explained(self.payloads.database, intent.key):
            return self._called(contents, name, write)

    def receive_readable(
        self,
        document: Document,
        name: str,
        read: Callable[[BaseDataBackend], Metadata],
        *,
        if_rev: int | None = None,
        at_least: int = 1,
        version: int | None = None,
    ) -> Metadata:
        """Make a version the current one, which its backend stores as ``read`` says."""
        spec = self.operations.router.spec(document["kind"], writer=document.get("plugin"))
        adapter = self.operations.router.adapter(spec)
        intent = self.intent(document, name, if_rev, at_least, version)
        intent.res.backend = adapter.cls.drop is not BaseDataBackend.drop
        own = attributes_codec.from_document(document.get("attributes", {}))
        scope = Scope("put", self.payloads.database, intent.key, adapter.home, None, intent, own)

        def write() -> Metadata:
            intent.begin()
            try:
                with (
                    self.collaborators.leases.keeping(intent),
                    self.operations.operating(scope, spec),
                    scope.at_work(),
                ):
                    saved = read(adapter.backend(self.store))
                    self.operations._check_saved(saved, intent, name, spec)
            except BaseException as exc:
                rollback(intent, exc)
                raise
            self.collaborators.housekeeping.after(intent)
            return saved

        with answering(self.payloads.database), explained(self.payloads.database, intent.key):
            meta = Metadata.from_document(document, self.payloads)
            saved = self.operations.router.call(
                "copy", None, store=self.store, meta=meta, name=name, write=write
            )
        assert isinstance(saved, Metadata)
        return saved

    def name(
        self,
        name: str,
        saved: Metadata,
        aliases: Mapping[str, int],
        numbers: Mapping[int, int | None],
    ) -> Metadata:
        """Let aliases name the versions that they named; return the metadata of the current one.

        Parameters
        ----------
        saved
            The current one.
        aliases
            The versions that they named.
        numbers
            What the versions that have arrived are called here.
        """
        arrived = {alias: numbers[old] for alias, old in aliases.items() if old in numbers}
        for alias, number in arrived.items():
            self.catalog.alias(name, alias, number)
        return self.catalog.existing(name, saved.version) if arrived else saved

    def intent(
        self,
        document: Document,
        name: str,
        if_rev: int | None,
        at_least: int,
        version: int | None,
    ) -> Intent:
        """Return the intent to store a version that was written elsewhere."""
        config = self.collaborators.config.stores
        kind = document["kind"]
        plugin = document.get("plugin") or {"name": "unknown", "version": "0"}
        return Intent(
            self.collaborators.freer,
            self.payloads.key(name),
            writer={"kind": kind, "plugin": plugin},
            keep=max(config.keep[SECTION[self.payloads.prefix]], at_least),
            lease=config.lease,
            if_rev=if_rev,
            options=document.get("options"),
            inline=config.inline,
            version=version,
        )

    # --- their parts -------------------------------------------------------------------------

    def _called(self, contents: Contents, name: str, write: Callable[[], Metadata]) -> Metadata:
        """Write it behind the hook, so that wrappers see what arrives, and where."""
        meta = Metadata.from_document(contents.document, self.payloads)
        saved = self.operations.router.call(
            "copy", None, store=self.store, meta=meta, name=name, write=write
        )
        assert isinstance(saved, Metadata)
        return saved

    def _committed(self, intent: Intent, fill: Callable[[Metadata], None]) -> Metadata:
        intent.begin()
        try:
            meta = Metadata(
                name=intent.key.name,
                bucket=intent.key.bucket,
                prefix=intent.key.prefix,
                kind=intent.writer["kind"],
            )
            meta._keeper = self.payloads
            meta.gen = intent.gen
            intent.meta = meta
            scope = Scope(
                "put", self.payloads.database, intent.key, intent.key.prefix, None, intent
            )
            with self.collaborators.leases.keeping(intent):
                fill(meta)
                with entered(scope):
                    saved = meta.save()
        except BaseException as exc:
            rollback(intent, exc)
            raise
        self.collaborators.housekeeping.after(intent)
        return saved

    @staticmethod
    def _write(placement: Placement, meta: Metadata, check: Callable[[], None]) -> None:
        placement.write(meta)
        check()
