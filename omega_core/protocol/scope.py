"""What is being done at this moment, in this thread: which object, which generation.

A backend knows only names and its two stores. The scope tells those stores that ``name`` means,
right now, the version being read or the generation being written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ..errors import PluginContractError
from ..mongo.database import Database
from .acting import Acting
from .commit import Intent
from .lineage import Record
from .metadata import Metadata
from .naming import Key

MAX_DEPTH = 16


# eq=False: two scopes are the same only if they are one.
@dataclass(eq=False)
class Scope:
    """One operation on one object.

    Attributes
    ----------
    key
        The object, in the store that was called.
    home
        The prefix of the store that the backend calls its own: ``data/`` for data backends,
        ``models/`` for model backends. A data backend that is used from ``om.jobs`` says
        ``self.data_store`` and means the object at hand.
    meta
        What is read, or what a write replaces; None for a first put.
    intent
        The write under way, for a put.
    attributes
        What the caller of a put says of the attributes, for backends that do not pass it on.
    writing
        Whether the backend of a put, or of an action, is at work, and none of its wrappers.
    acting
        What a model does, for an action.
    lineage
        Returns what is recorded of the payload that an action puts, once all of it is written.
    """

    operation: str
    database: Database
    key: Key
    home: str
    meta: Metadata | None = None
    intent: Intent | None = None
    attributes: dict[str, Any] | None = None
    writing: bool = False
    acting: Acting | None = None
    lineage: Callable[[], Record] | None = None
    outer: Scope | None = None

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Say, for the length of the block, that it is the backend who calls the stores."""
        self.writing = True
        try:
            yield
        finally:
            self.writing = False

    def concerns(self, database: Database, key: Key) -> bool:
        """Return whether ``key`` means the object at hand."""
        return (
            key.name == self.key.name
            and self.operation in ("put", "get", "describe", "drop")
            and self.serves(database, key.bucket)
            and key.prefix in (self.key.prefix, self.home)
        )

    def serves(self, database: Database, bucket: str) -> bool:
        """Return whether the object at hand is in this bucket of this database."""
        return self.database is database and self.key.bucket == bucket


_current: ContextVar[Scope | None] = ContextVar("omega_core_scope", default=None)


def current_scope() -> Scope | None:
    """Return the innermost operation under way in this context."""
    return _current.get()


def acting_in(database: Database, bucket: str) -> Acting | None:
    """Return the innermost action under way in this context, if it is in this bucket."""
    scope = _current.get()
    while scope is not None:
        if scope.acting is not None and scope.serves(database, bucket):
            return scope.acting
        scope = scope.outer
    return None


def called_by_backend(acting: Acting) -> bool:
    """Return whether the backend of an action is calling, and no wrapper, nor another backend."""
    scope = _current.get()
    return scope is not None and scope.acting is acting and scope.writing


def asked_model() -> tuple[str, str, str, str] | None:
    """Return what names the payload that is read: bucket, prefix, name and generation.

    None unless it is the model that the backend of an action is about to ask: whoever else gets a
    model gets one of its own, and so does an action that fits.
    """
    scope = _current.get()
    outer = None if scope is None else scope.outer
    if scope is None or outer is None or scope.operation != "get" or scope.meta is None:
        return None
    acting = outer.acting
    if acting is None or acting.fits is not None or not outer.writing or acting.key != scope.key:
        return None
    assert scope.meta.gen is not None
    return scope.key.bucket, scope.key.prefix, scope.key.name, scope.meta.gen


def read_by_backend(acting: Acting, key: Key) -> bool:
    """Return whether the backend of an action is reading: itself, or out of what it stores.

    An iterator that it puts reads the data while the put is under way.
    """
    scope = _current.get()
    if acting.knows(key):
        while scope is not None and scope.acting is not acting and scope.operation == "put":
            scope = scope.outer
    return scope is not None and scope.acting is acting and scope.writing


@contextmanager
def entered(scope: Scope) -> Iterator[Scope]:
    """Make ``scope`` the current one.

    Raises
    ------
    PluginContractError
        Where operations are nested so deep that a wrapper must be calling itself.
    """
    scope.outer = _current.get()
    chain = []
    link: Scope | None = scope
    while link is not None:
        chain.append(f"{link.operation} {link.key.prefix}{link.key.name}")
        link = link.outer
    if len(chain) > MAX_DEPTH:
        cycle = " -> ".join(reversed(chain[:4]))
        raise PluginContractError(
            f"Operations are nested {len(chain)} deep: ... -> {cycle}. A wrapper of "
            f"{scope.operation!r} calls the operation that it wraps; let it skip its own objects."
        )
    token = _current.set(scope)
    try:
        yield scope
    finally:
        _current.reset(token)
