"""For the length of an action, a name means one version; and a fit stores the model as it was."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymongo import monitoring

from omega_core import BackendSpec, Omega, hookimpl
from omega_core.errors import (
    ConflictError,
    IntegrityError,
    ObjectNotFoundError,
    PluginContractError,
    UnsupportedOptionError,
)

Backend = Any


def elsewhere(act: Callable[[], Any]) -> None:
    """Do something in a thread that knows nothing of what is under way."""
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()


def script(om: Omega, backend: Backend, act: Callable[..., Any], X: str = "X", **more: Any) -> Any:
    """Let the backend of ``m`` do this as an action."""
    backend.meanwhile = staticmethod(act)
    return om.models.perform("script", "m", X, **more)


def own(om: Omega, backend: Backend) -> None:
    """Let a backend of its own store the model ``m``."""
    backend.KIND = "test.own"
    om.models.register_backend(BackendSpec("test.own", backend, types=None))
    om.models.put(backend.Model(), "m", kind="test.own")


def test_model_and_data_stay_what_they_were_at_the_first_look(om: Omega, backend: Backend) -> None:
    def act(self: Any, model: str, X: str) -> Any:
        seen = [self.model_store.get(model).total, self.data_store.get(X)]
        elsewhere(lambda: om.models.put(backend.Model(9.0), "m"))
        elsewhere(lambda: om.datasets.put([9.0], "X"))
        versions = [self.model_store.metadata(model).version, self.data_store.metadata(X).version]
        return [*seen, self.model_store.get(model).total, self.data_store.get(X), *versions]

    assert script(om, backend, act) == [None, [1.0, 2.0], None, [1.0, 2.0], 1, 1]
    assert (om.models.get("m").total, om.datasets.get("X")) == (9.0, [9.0])


def test_what_is_pinned_is_read_even_when_it_is_replaced_and_retired(
    make_omega: Callable[..., Omega], backend: Backend
) -> None:
    om = make_omega(stores={"keep": {"datasets": 1, "models": 1}})
    om.models.register_backend(backend)
    om.models.put(backend.Model(1.0), "m")
    om.datasets.put([1.0], "X")

    def act(self: Any, model: str, X: str) -> Any:
        self.data_store.metadata(X)
        elsewhere(lambda: om.models.put(backend.Model(9.0), "m"))
        elsewhere(lambda: om.datasets.put([9.0], "X"))
        return [self.model_store.get(model).total, self.data_store.get(X)]

    assert script(om, backend, act) == [1.0, [1.0]]


def test_one_look_at_each_document_serves_an_action(
    om: Omega, make_omega: Callable[..., Omega], backend: Backend
) -> None:
    finds: list[str] = []

    class Watch(monitoring.CommandListener):
        def started(self, event: Any) -> None:
            if event.command_name == "find":
                finds.append(event.command["filter"]["name"])

        def succeeded(self, event: Any) -> None:
            pass

        def failed(self, event: Any) -> None:
            pass

    watch = Watch()
    monitoring.register(watch)
    watched = make_omega()
    watched.models.register_backend(backend)
    assert watched.models.get("m").total is None
    monitoring._LISTENERS.command_listeners.remove(watch)
    finds.clear()
    backend.meanwhile = staticmethod(
        lambda self, model, X: [
            *(self.model_store.get(model).total for _ in range(2)),
            self.data_store.metadata(X).version,
            self.data_store.get(X),
        ]
    )
    assert watched.models.perform("script", "m", "X") == [None, None, 1, [1.0, 2.0]]
    assert finds == ["m", "X"]


def test_a_backend_sees_what_it_has_stored_itself(om: Omega, backend: Backend) -> None:
    class Eager(backend):  # type: ignore[misc]
        def fit_transform(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
            self.fit(modelname, Xname)
            meta = self.model_store.metadata(modelname)
            return [self.model_store.get(modelname).total, meta.version]

    own(om, Eager)
    assert om.models.perform("fit_transform", "m", "X") == [3.0, 3]


def test_an_older_version_acts(om: Omega) -> None:
    om.models.perform("fit", "m", "X")
    om.datasets.put([10.0], "X")
    om.models.perform("fit", "m", "X")
    assert om.models.perform("predict", "m", "X") == [10.0, 10.0]
    assert om.models.perform("predict", "m", "X", version=2) == [3.0, 10.0]
    result = om.models.perform("predict", "m", "X", version=2, rName="r")
    assert result.lineage["model"]["version"] == 2
    more = om.models.perform("partial_fit", "m", "X", version=2)
    assert (more.version, om.models.get("m").total) == (4, 13.0)
    assert more.lineage["model"]["version"] == 2
    with pytest.raises(ObjectNotFoundError, match="No version 9 of 'm'"):
        om.models.perform("predict", "m", "X", version=9)


def test_an_action_within_an_action_asks_the_same_version(om: Omega, backend: Backend) -> None:
    om.models.perform("fit", "m", "X")

    def act(self: Any, model: str, X: str) -> Any:
        before = self.data_store.get(X)
        elsewhere(lambda: om.datasets.put([100.0], "X"))
        elsewhere(lambda: om.models.put(backend.Model(100.0), "m"))
        return [before, self.model_store.perform("predict", model, X)]

    assert script(om, backend, act) == [[1.0, 2.0], [3.0, 3.0]]


def test_a_wrapper_that_reads_an_old_version_does_not_choose_it(
    om: Omega, backend: Backend
) -> None:
    class Curious:
        @hookimpl(wrapper=True)
        def predict(self, store: Any, Xname: str) -> Any:
            assert store.stores["data/"].get(Xname, version=1) == [1.0, 2.0]
            return (yield)

    om.models.perform("fit", "m", "X")
    om.datasets.put([10.0], "X")
    om.plugins.manager.register(Curious())
    assert om.models.perform("predict", "m", "X") == [3.0, 10.0]


# --- revisions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [None, 2])
def test_partial_fit_replaces_the_revision_that_it_read(
    om: Omega, backend: Backend, version: int | None
) -> None:
    class Slow(backend):  # type: ignore[misc]
        def sum(self, name: str, **options: Any) -> float:
            elsewhere(lambda: om.models.put(backend.Model(9.0), "m"))
            return float(super().sum(name, **options))

    own(om, Slow)
    with pytest.raises(ConflictError, match="Nothing was overwritten"):
        om.models.perform("partial_fit", "m", "X", version=version)
    assert om.models.get("m").total == 9.0


def test_a_backend_may_store_the_model_twice_and_save_attributes_between(
    om: Omega, backend: Backend
) -> None:
    class Often(backend):  # type: ignore[misc]
        def partial_fit(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
            meta = self.model_store.metadata(modelname)
            meta.attributes["begun"] = True
            meta.save()
            super().partial_fit(modelname, Xname)
            return super().partial_fit(modelname, Xname)

    own(om, Often)
    meta = om.models.perform("partial_fit", "m", "X")
    assert (meta.version, om.models.get("m").total) == (4, 6.0)
    assert meta.attributes["begun"] is True


def test_a_fit_of_another_revision_is_refused_before_anything_runs(
    om: Omega, backend: Backend
) -> None:
    rev = om.models.metadata("m").rev
    assert om.models.perform("fit", "m", "X", if_rev=rev).version == 2
    with pytest.raises(ConflictError, match=rf"has revision 2, and fit was to fit revision {rev}"):
        om.models.perform("fit", "m", "nowhere", if_rev=rev)
    with pytest.raises(UnsupportedOptionError, match="predict of 'm' takes no if_rev"):
        om.models.perform("predict", "m", "X", if_rev=2)


def test_updates_of_several_workers_are_lost_by_none(om: Omega) -> None:
    failures: list[BaseException] = []
    done = threading.Semaphore(0)

    def worker() -> None:
        for _ in range(3):
            while True:
                try:
                    om.models.perform("partial_fit", "m", "X")
                except ConflictError as exc:
                    failures.append(exc)
                else:
                    break
        done.release()

    for _ in range(3):
        threading.Thread(target=worker).start()
    for _ in range(3):
        assert done.acquire(timeout=60)
    assert om.models.get("m").total == 9 * 3.0


# --- rows ----------------------------------------------------------------------------------------


@pytest.mark.needs_plugins("pandas")
def test_a_part_of_the_rows_is_seen(om: Omega, backend: Backend) -> None:
    pandas = pytest.importorskip("pandas")
    om.datasets.put(pandas.DataFrame({"a": range(10)}), "frame")
    assert om.models.perform("predict", "m", "frame", rows=(2, 5)) == [None, 9.0]
    meta = om.models.perform("partial_fit", "m", "frame", rows=[0, 3])
    assert (meta.lineage["rows"], meta.lineage["X"]["rows"]) == ([0, 3], 3)
    assert om.models.perform("predict", "m", "frame", rows=(8, 100)) == [3.0, 17.0]


@pytest.mark.parametrize("rows", [(1,), (3, 2), (-1, 2), (0, 1.0), "01", (True, 2)])
def test_rows_that_cannot_be_meant_are_refused(om: Omega, rows: Any) -> None:
    with pytest.raises(UnsupportedOptionError, match="takes the first row and the one after"):
        om.models.perform("predict", "m", "X", rows=rows)


def test_rows_of_what_has_none_are_refused(om: Omega) -> None:
    with pytest.raises(UnsupportedOptionError, match=r"data/X .*cannot be read by rows="):
        om.models.perform("predict", "m", "X", rows=(0, 1))
    with pytest.raises(ObjectNotFoundError, match="'nowhere'"):
        om.models.perform("predict", "m", "nowhere", rows=(0, 1))


@pytest.mark.needs_plugins("pandas")
def test_a_backend_that_reads_around_its_rows_is_caught(om: Omega, backend: Backend) -> None:
    pandas = pytest.importorskip("pandas")
    om.datasets.put(pandas.DataFrame({"a": range(10)}), "frame")

    def act(self: Any, model: str, X: str) -> Any:
        found: list[Any] = []
        elsewhere(lambda: found.append(len(self.data_store.get(X))))
        return found

    with pytest.raises(PluginContractError, match=r"rows 0 to 3, and read X in another way"):
        script(om, backend, act, "frame", rows=(0, 3))


# --- where the model lies ------------------------------------------------------------------------


def test_a_fit_stores_the_model_as_it_was_put(
    make_omega: Callable[..., Omega], backend: Backend, tmp_path: Path
) -> None:
    om = make_omega(uris={"allow": [f"{tmp_path.as_uri()}/"]})
    om.models.register_backend(backend)
    om.datasets.put([1.0], "X")
    om.models.put(backend.Model(), "m", uri=f"{tmp_path.as_uri()}/{{key}}", label="blue")
    for action in ("fit", "partial_fit", "fit"):
        meta = om.models.perform(action, "m", "X")
        assert meta.uri.startswith(tmp_path.as_uri())
        assert meta.kind_meta == {"label": "blue"}
    assert len({version.uri for version in om.models.versions("m")}) == 4
    om.models.put(backend.Model(), "m")
    assert om.models.perform("fit", "m", "X").uri is None, "what a put leaves out is over"
    om.models.restore("m", 2)
    assert om.models.perform("fit", "m", "X").kind_meta == {"label": "blue"}


def test_what_was_stored_before_options_were_kept_stays_at_its_uri(
    make_omega: Callable[..., Omega], backend: Backend, tmp_path: Path
) -> None:
    om = make_omega(uris={"allow": [f"{tmp_path.as_uri()}/"]})
    om.models.register_backend(backend)
    om.datasets.put([1.0], "X")
    om.models.put(backend.Model(), "a/b ü", uri=f"{tmp_path.as_uri()}/deep er/")
    without = {"$unset": {"options": 1, "seal": 1}}
    om.database.mongodb["omega.metadata"].update_one({"name": "a/b ü"}, without)
    before = om.models.metadata("a/b ü")
    after = om.models.perform("fit", "a/b ü", "X")
    assert after.uri.rpartition("/")[0] == before.uri.rpartition("/")[0]
    assert (after.uri != before.uri, om.models.get("a/b ü").total) == (True, 1.0)


def test_a_kind_that_was_chosen_by_name_stays(om: Omega, backend: Backend) -> None:
    class Other(backend):  # type: ignore[misc]
        pass

    own(om, Other)
    assert om.models.perform("fit", "m", "X").kind == "test.own"


def test_options_are_sealed_and_what_has_none_is_read(om: Omega, backend: Backend) -> None:
    om.models.put(backend.Model(), "m", label="blue")
    documents = om.database.mongodb["omega.metadata"]
    assert documents.find_one({"name": "m"})["options"] == {"label": "blue"}
    documents.update_one({"name": "m"}, {"$set": {"options.label": "red"}})
    with pytest.raises(IntegrityError, match="is not what was written"):
        om.models.get("m")
    documents.update_one({"name": "m"}, {"$unset": {"options": 1, "seal": 1}})
    assert om.models.perform("fit", "m", "X").kind_meta == {"label": ""}


# --- jobs, buckets, threads ----------------------------------------------------------------------


def test_a_model_among_the_jobs_is_no_model_of_that_name(om: Omega, backend: Backend) -> None:
    om.models.perform("fit", "m", "X")
    om.jobs.put(backend.Model(50.0), "m", label="job")
    assert om.jobs.perform("predict", "m", "X") == [50.0, 3.0]
    assert om.jobs.perform("partial_fit", "m", "X").prefix == "jobs/"
    assert om.jobs.metadata("m").kind_meta == {"label": "job"}
    assert (om.jobs.get("m").total, om.models.get("m").total) == (53.0, 3.0)
    result = om.jobs.perform("predict", "m", "X", rName="r")
    assert result.lineage["model"]["store"] == "jobs"


def test_a_thread_that_carries_the_context_is_a_part_of_the_action(
    om: Omega, backend: Backend
) -> None:
    class Threaded(backend):  # type: ignore[misc]
        def fit(self, *args: Any, **kwargs: Any) -> Any:
            found: list[Any] = []
            context, fit = contextvars.copy_context(), super().fit
            elsewhere(lambda: context.run(lambda: found.append(fit(*args, **kwargs))))
            return found[0]

    own(om, Threaded)
    assert om.models.perform("fit", "m", "X").lineage["X"]["rows"] == 2
