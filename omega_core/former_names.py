"""The names that users of omega|ml type, each with the way that there is here.

`formerly` gives a class attributes of these names that are not there: reading one raises an
`AttributeError` that says the new way. So `hasattr` is False, `dir` and completion do not show
them, and whatever exists is found as fast as without them. docs/omegaml.md is checked against it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

_PAGE = 'See "Coming from omega|ml" in the documentation, docs/omegaml.md.'

Cls = TypeVar("Cls", bound=type)

_FIRST = "make an Omega first: om = omega_core.Omega()."

FORMER: dict[str, dict[str, str]] = {
    "omega_core": {
        "setup": "om = omega_core.Omega() is ready when it is made.",
        "datasets": _FIRST,
        "models": _FIRST,
        "jobs": _FIRST,
        "scripts": "a script is a job: om.jobs.put(pathlib.Path('report.py'), name).",
        "streams": "append to a dataset: om.datasets.put(rows, name, append=True).",
        "logger": "use logging.getLogger(__name__) of Python.",
        "defaults": "the configuration is om.config, made of omega.toml.",
    },
    "Omega": {
        "setup": "Omega(...) is ready when it is made; omega_core.Omega(url=...) says where.",
        "scripts": "a script is a job: om.jobs.put(pathlib.Path('report.py'), name).",
        "streams": "append to a dataset: om.datasets.put(rows, name, append=True).",
        "logger": "use logging.getLogger(__name__) of Python.",
        "status": "`omega doctor` checks configuration, plugins, server and objects.",
        "defaults": "the configuration is om.config, made of omega.toml.",
        "settings": "the configuration is om.config, made of omega.toml.",
        "mongo_url": "om.config.mongo.url is the URL, a secret.",
    },
    "OmegaStore": {
        "getl": "om.datasets.get(name, lazy=True) reads when it is asked.",
        "revisions": "om.models.versions(name) lists them.",
        "help": "store.explain(name) says what stores it, store.describe(name) what it holds.",
        "summary": "store.describe(name) says what an object holds.",
        "stats": "`omega du` says what buckets and objects take.",
        "plot_drift": "there are no monitors; store.diff(name, 1) compares versions.",
        "register_mixin": "a wrapper of put or get is a plugin: docs/plugins.md.",
        "register_backends": "installed plugins are found; see om.plugins.",
        "put_dataframe_as_documents": "om.datasets.put(frame, name, layout='rows').",
        "put_dataframe_as_hdf": "om.datasets.put(frame, name) stores columns.",
        "put_dataframe_as_dfgroup": "om.datasets.put(frame, name), and groupby after get.",
        "put_ndarray_as_hdf": "om.datasets.put(array, name).",
        "put_pyobj_as_document": "om.datasets.put(obj, name).",
        "put_pyobj_as_hdf": "om.datasets.put(obj, name).",
        "put_model": "om.models.put(model, name).",
        "get_model": "om.models.get(name).",
        "get_dataframe_documents": "om.datasets.get(name).",
        "get_dataframe_hdf": "om.datasets.get(name).",
        "get_dataframe_dfgroup": "om.datasets.get(name), and groupby of the frame.",
        "get_python_data": "om.datasets.get(name).",
        "get_object_as_python": "om.datasets.get(name), or store.open_file(meta) for the bytes.",
        "rebuild_params": "a filter is an argument: om.datasets.get(name, filter={'qty__gt': 3}).",
        "promote": "om.models.copy(name, bucket='prod'), or omega= for another server.",
        "to_archive": "store.export(name, path).",
        "from_archive": "store.import_(path).",
        "read_csv": "om.datasets.put(pandas.read_csv(path), name), or `omega datasets put`.",
        "to_csv": "om.datasets.get(name).to_csv(path), or `omega datasets get`.",
        "link_dataset": "fit writes down what it was fitted on: om.models.lineage(name).",
        "link_datatype": "predict compares the columns with those of the fit by itself.",
        "link_docs": "put(..., attributes={'docs': ...}).",
        "link_monitor": "there are no monitors; store.diff(name, 1) compares versions.",
        "link_experiment": "results go into attributes=: om.models.put(model, name, ...).",
        "validate": "predict compares the columns with those of the fit by itself.",
        "sign": "a filter takes values and no operators of MongoDB, so that none is signed.",
        "tmppath": "use the module tempfile of Python.",
        "mongo_url": "om.config.mongo.url is the URL, a secret.",
        "defaults": "the configuration is om.config, made of omega.toml.",
        "force_kind": "store.list(kind=...) lists the objects of a kind.",
        "parser": "what get returns is transformed by a wrapper of get: docs/plugins.md.",
    },
    "JobStore": {
        "create": "om.jobs.put(notebook, name), or of source: kind='notebook.ipynb'.",
        "run": "om.runtime.job(name).run().",
        "run_notebook": "om.runtime.job(name).run().",
        "get_schedule": "om.jobs.schedules() lists them.",
        "drop_schedule": "om.jobs.unschedule(name).",
        "get_notebook_config": "a schedule is no cell of the notebook: om.jobs.schedules().",
        "Schedule": "om.jobs.schedule(name, cron='0 6 * * *').",
        "get_collection": "om.jobs.get(name).",
        "get_fs": "om.jobs.open_file(meta) reads the bytes.",
        "status": "om.jobs.history(name)[0].status.",
        "export_notebook": "om.jobs.get(name, as_='html'), or `omega jobs export`.",
    },
    "Runtime": {
        "script": "a script is a job: om.runtime.job(name).run(params={...}).",
        "experiment": "results go into attributes; om.models.lineage(name) says the rest.",
        "require": "om.runtime.model(name, resources={'gpu': 1}, queue=...).",
        "mode": '[runtime] engine = "inline" runs where it is called, "local" in threads.',
        "task": "an action of one's own is a method of a backend: docs/plugins.md.",
        "settings": "the configuration of a worker is its own omega.toml.",
        "ping": "`omega doctor` asks the engine.",
        "workers": "`omega doctor` asks the engine.",
        "queues": "om.runtime.model(name, queue=...) names one.",
        "labels": "om.runtime.model(name, queue=...) takes the place of a label.",
        "stats": "the engine has them: the dashboard of Dask, or flower of Celery.",
        "status": "`omega doctor` asks the engine.",
        "enable_hostqueues": "om.runtime.model(name, queue=...) names a queue.",
        "auth": "workers have a configuration of their own, and no credentials travel.",
        "celeryapp": '[runtime] engine = "celery" with omega-celery.',
        "events": "Result.add_done_callback(function), or `omega jobs history`.",
        "callback": "Result.add_done_callback(function).",
        "parallel": "om.runtime.map(...) runs several; chunksize= cuts one.",
        "sequence": "call get() of one result before the next, or put both into a job.",
        "mapreduce": "chunksize= of an action cuts X, and joins what comes back.",
    },
    "ModelRuntime": {
        "gridsearch": "put GridSearchCV(model, parameters) as a model, and fit that.",
        "complete": "a model of language is a model backend of a plugin: docs/plugins.md.",
        "embed": "a model of language is a model backend of a plugin: docs/plugins.md.",
        "reduce": "chunksize= of predict joins what comes back.",
        "task": "om.runtime.model(name).predict(...), or the action as a method.",
        "require": "om.runtime.model(name, resources={'gpu': 1}, queue=...).",
        "experiment": "results go into attributes; om.models.lineage(name) says the rest.",
    },
    "JobRuntime": {
        "schedule": "om.jobs.schedule(name, cron='0 6 * * *').",
        "map": "submit it once for each: [job.run(params=p) for p in ...].",
        "list": "om.jobs.history(name).",
        "restart": "om.runtime.job(name).run().",
        "status": "om.jobs.history(name)[0].status.",
    },
    "Result": {
        "ready": "result.done().",
        "successful": "result.status is 'success'; result.exception() is None.",
        "failed": "result.exception() is what went wrong, or None.",
        "state": "result.status.",
        "task_id": "result.id.",
        "wait": "result.get(timeout=...).",
        "getasync": "result.get(), or await result.",
        "revoke": "result.cancel().",
        "forget": "results go by themselves: [runtime] results.",
        "info": "result.progress, result.status.",
        "traceback": "the notes of result.exception() have the remote traceback.",
        "then": "result.add_done_callback(function).",
    },
}
"""The class, and of each name the new way."""

_FILTER = "a filter is an argument: get(name, filter={'qty__gt': 3})."
_TAG = "a tag is an alias: store.alias(name, 'best'), and get(name, version='best')."

OPTIONS: dict[str, dict[str, str]] = {
    "put": {
        "replace": "put replaces by itself, and the old one is a version.",
        "as_hdf": "frames are stored by column, without it.",
        "as_pydata": "array.tolist() is data.",
        "as_raw": "kind='python.rows' stores documents.",
        "as_many": "kind='python.rows' stores documents.",
        "groupby": "put the frame, and group it after get.",
        "index": "frames need no index; layout='rows' takes index=, as python.rows does.",
        "timestamp": "add the column to the frame; as_of= of get reads what was there at a time.",
        "chunksize": "a generator of frames is put in pieces.",
        "tag": _TAG,
        "commit": "a version has a number; attributes={'commit': ...} takes the reference.",
        "previous": "versions are in one line, by their numbers.",
        "noversion": "[stores] keep says how many versions stay.",
        "revisions": "every put is a version, every append a revision: as_of= of get.",
        "revision_dt": "every put is a version, every append a revision: as_of= of get.",
        "delete": "put the frame without these rows.",
        "allow_pickle": "arrays of objects are lists: array.tolist().",
        "serializer": "a format of one's own is a backend: docs/plugins.md.",
        "helper": "a format of one's own is a backend: docs/plugins.md.",
        "model_store": "a backend has self.model_store.",
        "data_store": "a backend has self.data_store.",
    },
    "get": {
        "force_python": "open_file(metadata(name)) reads the bytes.",
        "raw": "metadata(name) is what is known of it.",
        "tag": _TAG,
        "commit": "a version has a number, or an alias: version=.",
        "revision": "version= is a put, as_of= a revision or a time.",
        "changeset": "store.diff(name, 1) says what changed between versions.",
        "trace_revisions": "store.diff(name, 1) says what changed between versions.",
        "sanitize": "a filter takes values and no operators of MongoDB.",
        "trusted": "a filter takes values and no operators of MongoDB.",
        "local": "path= of a file writes it there.",
        "mode": "path= of a file writes it there.",
        "loader": "a format of one's own is a backend: docs/plugins.md.",
        "parser": "transform what get returns.",
        "model_store": "a backend has self.model_store.",
        "data_store": "a backend has self.data_store.",
    },
}
"""The operation, and of each option that omega|ml has and the kinds here do not, the new way."""

_IN_NAMES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r".+\[.*\]$"), "columns are an argument: get(name, columns=['a', 'b'])."),
    (
        re.compile(r".+#.*"),
        "pieces are an option: get(name, chunksize=1000).",
    ),
    (re.compile(r".+@.+"), "a version is an argument: get(name, version='best')."),
    (re.compile(r".+\^+$"), "a version is an argument: get(name, version=1)."),
)


def former_name(called: str, name: str) -> str:
    """Return, as a sentence to append, the way to what a class of omega|ml calls so; or nothing."""
    way = FORMER.get(called, {}).get(name)
    return "" if way is None else f" omega_core has no {name}: {way} {_PAGE}"


def former_option(operation: str, option: str) -> str:
    """Return, as a sentence to append, the way to what omega|ml has an option for; or nothing."""
    way = OPTIONS.get(operation, {}).get(option)
    if way is None and operation == "get" and "__" in option:
        way = _FILTER
    return "" if way is None else f" Instead: {way}"


def former_syntax(name: str) -> str:
    """Return, as a sentence to append, the way to what omega|ml reads out of a name; or nothing."""
    for pattern, way in _IN_NAMES:
        if pattern.fullmatch(name):
            return f" A name is only a name: {way}"
    return ""


def former_version(version: int | str, name: str) -> str:
    """Return, as a sentence to append, what counting from the end is here; or nothing."""
    if not isinstance(version, int) or version >= 0:
        return ""
    newest = "without version= it is the newest" if version == -1 else f"versions(name)[{version}]"
    return f" Versions count from 1: {newest}."


class _Former:
    """An attribute that is not there."""

    def __init__(self, called: str) -> None:
        self._called = called

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        raise AttributeError(former_name(self._called, self._name).lstrip())


def formerly(*called: str) -> Callable[[Cls], Cls]:
    """Return a decorator: what the class does not have of these names says the new way.

    Parameters
    ----------
    called
        Whose names: keys of `FORMER`.
    """

    def give(cls: Cls) -> Cls:
        hidden = set()
        for of in called:
            for name in FORMER[of]:
                if name in vars(cls):
                    raise TypeError(f"{cls.__name__} has {name}, and so it is no former name.")
                attribute = _Former(of)
                attribute.__set_name__(cls, name)
                setattr(cls, name, attribute)
                hidden.add(name)
        cls._inner = frozenset(vars(cls).get("_inner", ())) | hidden  # type: ignore[attr-defined]
        return cls

    return give
