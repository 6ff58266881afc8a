"""How a job runs: from its name and its parameters to the object that keeps what it left.

Reads top to bottom: find the job, see whether jobs may run here and what is asked; then the hook,
and a look at what came of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .answers import check_answer
from .backends.base import BaseJobBackend
from .backends.store import Store
from .catalog import Catalog
from .errors import JobFailedError, UnsupportedOptionError, suggestion
from .mongo.database import Database, answering
from .operations import Operations
from .plugins.adapters import Adapter
from .plugins.spec import BackendSpec
from .protocol.acting import Acting
from .protocol.fence import current_task
from .protocol.metadata import Metadata
from .protocol.naming import JOBS, Key, check_name
from .protocol.scope import acting_in
from .security import require_jobs_allowed

RUN = "run"
"""What jobs do, as the hook, the method of a backend and the action of a task are called."""


_CONTRACT = {"jobname", "params", "rName"}


@dataclass(frozen=True)
class RunCall:
    """What somebody asks of a job.

    Attributes
    ----------
    params
        JSON values by name.
    rName
        The object that takes the result; None: one of the run's own.
    options
        What is passed on to the backend.
    """

    name: str
    params: Mapping[str, Any] | None = None
    rName: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    version: int | str | None = None


class Running:
    """The jobs of one store, as they run."""

    def __init__(
        self, store: Store, database: Database, catalog: Catalog, operations: Operations
    ) -> None:
        self._store = store
        self._database = database
        self._catalog = catalog
        self._operations = operations

    def run(self, call: RunCall) -> Metadata:
        """Run a job, and return the metadata of what it left; raise where it failed.

        Raises
        ------
        ObjectNotFoundError
            There is no such job, or no such version.
        JobsDeniedError
            The configuration of this process permits no jobs.
        JobFailedError
            The job ran and failed. What it left is stored.
        """
        with answering(self._database):
            check_name(call.name)
            meta = self._catalog.existing(call.name, call.version)
            spec = self._operations.spec_of(meta)
            adapter = self._operations.router.adapter(spec)
            self._require_job(call, adapter)
            require_jobs_allowed(self._store, kind=spec.kind, name=call.name)
            rName = self._result(call)
            self._check_options(call, adapter)
            self._operations.check_shape(adapter, meta)
            acting = self._acting(call, rName, meta, spec)
            scope = self._operations.scope(RUN, adapter, call.name, meta)
            scope.acting = acting
            with self._operations.operating(scope, spec):
                answer = self._operations.router.call(
                    RUN,
                    adapter,
                    store=self._store,
                    meta=meta,
                    jobname=call.name,
                    params=call.params,
                    rName=rName,
                    options=call.options,
                )
                check_answer(acting, answer, takes_result=True, pure_python=False)
        return succeeded(answer)

    # --- what is asked -----------------------------------------------------------------------

    def _require_job(self, call: RunCall, adapter: Adapter) -> None:
        if not issubclass(adapter.cls, BaseJobBackend):
            raise NotImplementedError(
                f"{call.name!r} is of kind {adapter.spec.kind!r}, which is {adapter.what}: it "
                "does not run. What runs is a job, as a notebook."
            )

    def _result(self, call: RunCall) -> str:
        check_params(call.name, call.params)
        if call.rName is not None:
            name = check_name(call.rName, f"rName of {call.name!r}")
        else:
            task = current_task()
            name = result_name(call.name, uuid.uuid4().hex if task is None else task.id)
        if name == call.name:
            raise UnsupportedOptionError(
                f"run of {call.name!r}: rName names the job itself, which its result would "
                "replace. Name another one."
            )
        return name

    def _check_options(self, call: RunCall, adapter: Adapter) -> None:
        known = self._operations.router.options(adapter.spec, RUN) - _CONTRACT
        for option in call.options:
            if option not in known:
                raise UnsupportedOptionError(
                    f"run of {call.name!r}: the kind {adapter.spec.kind!r} has no option "
                    f"{option!r}.{suggestion(option, known)} Its options: "
                    f"{', '.join(sorted(known)) or 'none'}. What the job itself takes is passed as "
                    "params={...}. Nothing was done."
                )

    def _acting(self, call: RunCall, rName: str, meta: Metadata, spec: BackendSpec) -> Acting:
        plugins = self._operations.router.plugins
        wrappers = [str(plugin) for plugin in plugins if RUN in plugin.wraps]
        around = f"; within the wrappers of {', '.join(wrappers)}" if wrappers else ""
        return Acting(
            action=RUN,
            fits=None,
            who=f"{spec.plugin} {spec.version}, kind {spec.kind!r}{around}",
            key=Key(meta.bucket, meta.prefix, meta.name),
            home=JOBS,
            meta=meta,
            datasets={},
            result=Key(self._store.bucket, JOBS, rName),
            checks_columns=False,
            params=dict(call.params or {}),
            outer=acting_in(self._database, self._store.bucket),
        )


def check_params(name: str, params: object) -> None:
    """Refuse what are no parameters of a job; whether their values are JSON, the task sees."""
    if params is None:
        return
    if not isinstance(params, Mapping) or not all(isinstance(key, str) for key in params):
        raise UnsupportedOptionError(
            f"run of {name!r}: params are values by their names, as {{'day': '2026-01-31'}}, and "
            f"not a {type(params).__name__}"
            f"{' with other keys' if isinstance(params, Mapping) else ''}."
        )


def result_name(job: str, id: str) -> str:
    """Return the name of what a run leaves, where none is given.

    Parameters
    ----------
    id
        Of the task.
    """
    return check_name(f"results/{job}/{id}", f"name of a result of {job!r}, for which rName= is")


def succeeded(meta: Metadata) -> Metadata:
    """Return the metadata of what a run left, or raise what says that it failed.

    Raises
    ------
    JobFailedError
        Names the job, the error, and the object that has the rest.
    """
    told = meta.attributes
    if told.get("status") == "failure":
        raise JobFailedError(
            f"The job {told.get('job')!r} failed: {told.get('error')}\n"
            f"What it left is in om.jobs, under {meta.name!r}, version {meta.version}."
        )
    return meta
