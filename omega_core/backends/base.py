"""The interface of a backend, and how to write one.

A plugin is two files. The first declares, and imports nothing heavy::

    # omega_acme/__init__.py      entry point, group "omega_core":  acme = "omega_acme"
    from omega_core import BackendSpec, hookimpl

    @hookimpl
    def backends():
        return [BackendSpec("acme.thing", "omega_acme.thing:ThingBackend", types=["acme:Thing"])]

The second does the work, and knows nothing of plugins::

    # omega_acme/thing.py
    from omega_core import BaseDataBackend

    class ThingBackend(BaseDataBackend):
        def put(self, obj, name, attributes=None, **kwargs):
            meta = self.data_store.make_metadata(name, "acme.thing", attributes=attributes)
            with self.data_store.create_file(meta, "thing") as file:
                file.write(obj.to_bytes())
            return meta.save()

        def get(self, name, **kwargs):
            meta = self.data_store.metadata(name)
            with self.data_store.open_file(meta) as file:
                return acme.Thing.from_bytes(file.read())

Everything that `put` writes through the store belongs to a fresh generation that nobody can see
until ``meta.save()`` commits it. A backend cannot leave a torn object, whatever happens to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from .actions import Action, declaration, declared
from .store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import BinaryIO

    from ..difference import Read, RowChanges
    from ..preview import Preview
    from ..protocol.metadata import Metadata
    from ..summary import Summary


class BaseDataBackend:
    """Stores and retrieves the objects of one or more kinds.

    One instance serves one `Omega`, for all its buckets and from all its threads: keep no state
    about a single call on ``self``.

    Attributes
    ----------
    data_store, model_store
        The datasets and the models store of the current bucket. The only way to MongoDB.
    job_store
        Its jobs store; there once the backend is made, and not in its ``__init__``.
    settings
        The validated ``[plugins.<id>]`` section, or None where the plugin declares none.
    extension
        What the name of the one file that is a payload ends with, when it is exported.
    """

    data_store: Store
    model_store: Store
    job_store: Store
    settings: Any = None
    if_changed: ClassVar[bool] = False
    """Whether a put makes no new version of what is there already, where nobody says so."""
    extension: ClassVar[str] = "bin"

    def __init__(self, *, data_store: Store, model_store: Store) -> None:
        self.data_store = data_store
        self.model_store = model_store

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        """Return whether this backend stores ``obj`` faithfully. True for whatever it claims."""
        return True

    def put(
        self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        """Store ``obj`` and return its saved metadata.

        ``append=True`` and ``uri=...`` arrive as options, and only where the method names them.
        """
        self._lacks("put", name)

    def get(self, name: str, **kwargs: Any) -> Any:
        """Return the object. Inside, ``metadata(name)`` is the version that was asked for."""
        self._lacks("get", name)

    def misshapen(self, meta: Metadata) -> str | None:
        """Return which field of ``meta`` is not as `put` leaves it, and how; None where all are.

        Asked before `get`, before an append and before the actions of a model, so that they need
        not doubt what they find: somebody may have edited the document. `omega_core.shapes` has
        what it takes::

            def misshapen(self, meta):
                return fields({"rows": integer()})(meta.kind_meta, "kind_meta")
        """
        return None

    def describe(self, name: str, **kwargs: Any) -> Summary:
        """Return what the object is, for `OmegaStore.describe`; by default its kind and its size.

        Inside, ``metadata(name)`` is the version that was asked for. It is meant to be fast: say
        what the metadata and small reads tell, and None where that is nothing::

            def describe(self, name, **kwargs):
                summary = super().describe(name)
                rows = self.data_store.metadata(name).kind_meta["rows"]
                return dataclasses.replace(summary, rows=rows)
        """
        from ..protocol.scope import current_scope  # a plugin is declared without these
        from ..summary import Summary, stored_bytes

        # Whichever store is this backend's own.
        scope = current_scope()
        meta = None if scope is None else scope.meta
        assert meta is not None, "asked by way of a store, it is about a version"
        return Summary(meta.kind, size=stored_bytes(meta.integrity, meta.kind_meta))

    def changed_rows(self, one: Read, two: Read) -> Iterable[RowChanges]:
        """Return which rows, or items, differ between two versions; by default nothing.

        Asked by `OmegaStore.diff` for versions of this kind that are not the same to the byte.

        Parameters
        ----------
        one, two
            Each gets a version from the store, with the options of `get`: ``one(rows=...)``.
        """
        return ()

    def preview(self, summary: Summary, read: Read) -> Preview | None:
        """Return some rows of the object, for `OmegaStore.page`; by default none.

        Parameters
        ----------
        summary
            What `describe` returned.
        read
            Gets the version from the store, with the options of `get`; read a part, where the kind
            has parts.
        """
        return None

    def drop(self, meta: Metadata) -> None:
        """Free what one generation holds outside GridFS, collections and owned URIs.

        Called by the collector, after the grace, for every generation; must be idempotent.
        """

    def export_payload(self, meta: Metadata, create: Callable[[str], BinaryIO]) -> bool:
        """Write a payload as files that others can read, without loss; whether there is a form.

        Optional, with `import_payload`: without it, what lies in MongoDB or at a URI is exported as
        it is. Called as `get` is: ``self.data_store`` reads the version that is exported.

        Parameters
        ----------
        create
            ``create("table.arrow")`` opens a file for writing, and closes the one before.

        Returns
        -------
        bool
            False where this payload has no such form. Nothing may be created then.
        """
        return False

    def import_payload(
        self,
        name: str,
        open: Callable[[str], BinaryIO],
        kind_meta: dict[str, Any],
        attributes: dict[str, Any] | None = None,
    ) -> Metadata:
        """Store what `export_payload` wrote, as `put` does, and return the saved metadata.

        Parameters
        ----------
        open
            ``open("table.arrow")`` opens a file for reading, from start to end.
        kind_meta
            Of the version that was exported. The file may come from anybody: this as well.
        """
        self._lacks("import_payload", name)

    def progress(self, done: float, total: float | None = None) -> None:
        """Tell whoever waits for the put, get or action under way how much is done, of how much.

        In whatever one counts: rows, bytes, steps. May be called as often as one likes; where
        nobody waits, it does nothing. What a put or a get within an action tells, nobody hears.
        """
        from ..progress import listener

        told = listener()
        if told is not None:
            told(done, total)
            return
        from ..protocol.fence import current_task  # where there is a task, it is imported

        task = current_task()
        if task is not None:
            task.progress(done, total)

    def checkpoint(self) -> None:
        """Raise where the task under way was cancelled, or took too long; else do nothing.

        Such a task stores nothing any more. Whoever works for long asks now and then, and ends
        what it has started: each question is one to the server.

        Raises
        ------
        TaskCancelledError, TaskTimeoutError
            The task was given up.
        """
        from ..protocol.fence import current_task  # as above

        task = current_task()
        if task is not None:
            task.check()

    def _lacks(self, action: str, name: str) -> NoReturn:
        raise NotImplementedError(
            f"{type(self).__name__} does not implement {action!r}, asked for object {name!r}"
        )


class BaseModelBackend(BaseDataBackend):
    """Stores models, and acts with them on datasets that are given by name.

    ``Xname`` and ``Yname`` name datasets; ``rName`` names the dataset that takes the result.
    Every action below that a backend does not implement raises `NotImplementedError`; `action`
    declares others.

    What an action reads and stores through its stores, the core looks at: it records the lineage,
    and checks the columns of X, for every backend.

    Attributes
    ----------
    columns_by_name
        Whether models go by the names of columns: then a frame whose columns are merely in another
        order than at fit is given to the backend in that order, instead of being refused.
    """

    columns_by_name: ClassVar[bool] = False

    def shared_size(self, model: Any) -> int | None:
        """Return how many bytes ``model`` takes in memory, if actions may share it; else None.

        A worker keeps such models for the next action that asks one (`get` inside an action that
        does not fit), up to the bytes of ``[runtime] cache``. Only for models that no such action
        changes, and that several threads may ask at a time. Asked once, after `get`.
        """
        return None

    @declaration(fits="anew")
    def fit(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Metadata:
        """Fit the model and store it as a new version."""

    @declaration(fits="further")
    def partial_fit(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Metadata:
        """Fit the model further on one more batch, and store it as a new version."""

    @declaration(fits="anew")
    def fit_transform(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Fit the model, store it as a new version, and return X transformed."""

    @declaration
    def transform(
        self,
        modelname: str,
        Xname: str,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Return X transformed, or the metadata of ``rName``."""

    @declaration
    def predict(
        self,
        modelname: str,
        Xname: str,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Return the predictions for X, or the metadata of ``rName``."""

    @declaration
    def predict_proba(
        self,
        modelname: str,
        Xname: str,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Return class probabilities for X, or the metadata of ``rName``."""

    @declaration
    def decision_function(
        self,
        modelname: str,
        Xname: str,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Return the decision function of X, or the metadata of ``rName``."""

    @declaration
    def score(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Return the score of the model on X and Y, or the metadata of ``rName``."""


class BaseJobBackend(BaseDataBackend):
    """Stores jobs, which are code, and runs them: ``om.runtime.job(name).run()``.

    In such a backend, `put` and `get` say ``self.job_store`` where others say ``self.data_store``.
    """

    def run(
        self,
        jobname: str,
        params: Mapping[str, Any] | None = None,
        *,
        rName: str,
        **kwargs: Any,
    ) -> Metadata:
        """Run the job, store what it leaves under ``rName``, and return its saved metadata.

        The core has seen before that jobs may run here. It adds attributes to what is stored:
        ``job``, ``job_version``, ``parameters``, ``task``, ``started``, ``duration``, ``status``,
        ``error``, and the lineage. A run that failed is stored too, with attributes that say so::

            told = {"status": "failure", "error": "what failed and where, for people"}
            return self.job_store.put(found, rName, attributes=told)

        and the core raises `JobFailedError` then. What raises by itself has stored nothing.

        Parameters
        ----------
        params
            JSON values by name; None where there are none.
        rName
            The object in ``self.job_store`` that takes the result. It is stored once for each task,
            however often the task is executed.
        **kwargs
            Options of the kind are keyword parameters of this method, as those of `put` are.
        """
        self._lacks("run", jobname)


ACTION_TABLE = declared(BaseModelBackend)

ACTIONS = tuple(ACTION_TABLE)
"""The actions that every model backend may have, by the names of its methods."""


def actions_of(cls: type[BaseDataBackend]) -> dict[str, Action]:
    """Return all actions of a backend class, those included that it does not implement."""
    found: dict[str, Action] = {}
    for base in reversed(cls.__mro__):
        # What the contract declares, a subclass does not declare anew.
        found |= {name: act for name, act in declared(base).items() if name not in ACTION_TABLE}
    return {**ACTION_TABLE, **found} if issubclass(cls, BaseModelBackend) else found


def implements(cls: type[BaseDataBackend], action: str) -> bool:
    """Return whether a backend class does something for an action of its own or the contract."""
    method = getattr(cls, action, None)
    return method is not None and method is not getattr(BaseModelBackend, action, None)
