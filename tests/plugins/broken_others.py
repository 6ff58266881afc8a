"""Broken models, wrappers, engines, jobs and file systems, caught in use or by the kit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from omega_core import BaseJobBackend, Metadata, Omega
from omega_core.testing import (
    EngineTests,
    FilesystemTests,
    JobBackendTests,
    ModelBackendTests,
    WrapperTests,
)
from omega_core.testing import engines as engine_kit

from ..testing import test_filesystem_kit as files
from ..testing import test_model_kit as models
from .broken_cases import Bench, Broken, at_use, in_kit, in_use, told

# --- models --------------------------------------------------------------------------------------


def acts(action: str, **options: Any) -> Callable[[Any], Any]:
    """Put a model and its data, and let it act."""

    def act(store: Any) -> Any:
        store.omega.datasets.put([[1.0, 2.0], [3.0, 4.0]], "X")
        store.put(models.Sum(1.0), "m")
        return store.perform(action, "m", "X", **options)

    return act


def model(id: str, mistake: str, backend: type, says: str, action: str, **options: Any) -> Broken:
    act = acts(action, **options)
    return at_use(
        id, mistake, backend, "PluginContractError", says, act=act, types=models.Sound.TYPES
    )


def model_kit(id: str, mistake: str, backend: type, test: Any, says: str) -> Broken:
    def run(bench: Bench) -> None:
        store = bench.store(backend, models.Sound.KIND, models.Sound.TYPES)
        models.run(store.omega, test, [[1.0, 2.0], [3.0, 4.0]])

    return in_kit(id, mistake, f"ModelBackendTests.{test.__name__}", says, run)


MODELS: list[Broken] = [
    model("fit returns None", "`fit` that returns nothing", models.FitReturnsNone,
          "does not keep the contract of 'fit': it returned None", "fit"),
    model("fit stores nothing", "`fit` that stores no new version", models.FitStoresNothing,
          "it stored no new version of the model", "fit"),
    model("fit stores elsewhere", "`fit` that stores under another name",
          models.FitStoresElsewhere, "It stored models/'m-fitted', version 1", "fit"),
    model("ignored rName", "`rName` that is ignored", models.IgnoresRName,
          "it returned a list, and the saved metadata of data/", "predict", rName="r"),
    model("rName returns a name", "`rName` whose name is returned", models.RNameReturnsName,
          "it returned a str, and the saved metadata", "predict", rName="r"),
    model("arrays for pure Python", "An array in spite of `pure_python`", models.AnswersArrays,
          "with pure_python=True it returned a", "predict"),
    model("misspelt action", "A misspelt action", models.Misspelt,
          "Misspelt.pedict has the parameters of an action, and is none. Did you mean 'predict'?",
          "predict"),
    model("another signature", "An action with other parameters", models.AnotherSignature,
          "action 'predict': AnotherSignature.predict", "predict"),
    at_use("model as data", "A model that derives from `BaseDataBackend`", models.ModelAsData,
           "PluginContractError", "ModelAsData is a BaseDataBackend, and has the action 'fit'",
           act=lambda store: None, types=models.Sound.TYPES),
    model("generator for an answer", "An answer that is a generator", models.AnswersLater,
          "it returned a builtins.generator", "predict"),
    model("predict fits again", "`predict` that stores the model anew", models.PredictFitsAgain,
          "it stores the model 'm' anew, and 'predict' asks a model", "predict"),
    model("predict drops its data", "`predict` that drops its data", models.DropsItsData,
          "it drops its X, 'X'", "predict"),
    model_kit("misspelt action without its parameters",
              "A misspelt action with parameters of its own", models.MisspeltWithOtherParameters,
              ModelBackendTests.test_its_actions_are_those_of_the_contract_or_declared,
              "expected 'transform', got MisspeltWithOtherParameters.transfrom"),
    model_kit("model remembered by name", "A model that is remembered by its name",
              models.RemembersModelsByName,
              ModelBackendTests.test_a_model_that_was_replaced_is_forgotten,
              "predict asks the model that was put, and none before"),
    model_kit("latest version answers", "The latest version in the place of the one asked for",
              models.AsksTheLatestVersion,
              ModelBackendTests.test_the_version_that_is_asked_for_answers,
              "predict of version 2 is what it was"),
    model_kit("lost update", "`partial_fit` that loses updates", models.LosesUpdates,
              ModelBackendTests.test_what_is_fitted_further_loses_no_update,
              "partial_fit of a model replaced meanwhile is refused"),
    model_kit("target not read", "`fit` that does not read its target", models.FitsWithoutItsTarget,
              ModelBackendTests.test_a_fit_says_what_it_was_fitted_on, "fit does not read Y by"),
]  # fmt: skip


# --- wrappers ------------------------------------------------------------------------------------

WRAPPER = """
    from omega_core import hookimpl

    @hookimpl(wrapper=True)
    def {hook}({arguments}):
        {body}
"""


def wrapper(hook: str, body: str, arguments: str = "") -> str:
    return WRAPPER.format(hook=hook, body=body.replace("\n", "\n        "), arguments=arguments)


def wrapped(id: str, mistake: str, source: str, says: str, act: Callable[[Omega], Any]) -> Broken:
    return in_use(id, mistake, source, "PluginContractError", says, act=lambda om, module: act(om))


def wrapper_kit(id: str, mistake: str, source: str, test: Any, says: str, *more: Any) -> Broken:
    def run(bench: Bench) -> None:
        bench.installed(source)
        om = bench.omega(security={"run_jobs": "allow"})
        tests = WrapperTests()
        needs = test.__code__.co_varnames[: test.__code__.co_argcount]
        given: list[Any] = [om]
        if "stub" in needs:
            given.append(WrapperTests.stub.__wrapped__(tests, om))  # type: ignore[attr-defined]
        if "objects" in needs:
            given.append([{"a": [1, 2]}, {"b": "text"}])
        test(tests, *given, *more)

    return in_kit(id, mistake, f"WrapperTests.{test.__name__}", says, run)


def put(om: Omega) -> Any:
    return om.datasets.put({"a": 1}, "x")


W = WrapperTests
WRAPPERS: list[Broken] = [
    wrapped("wrapper loses the result", "A wrapper that returns None",
            wrapper("put", "result = yield\nreturn None"),
            "a wrapper lost its result: the backend returned", put),
    wrapped("wrapper swallows an error", "A wrapper that swallows an error",
            wrapper("put", "try:\n    return (yield)\nexcept Exception:\n    return None"),
            "a wrapper swallowed that and returned None",
            lambda om: om.datasets.put([object()], "x")),
    wrapped("wrapper yields twice", "A wrapper that yields twice",
            wrapper("put", "result = yield\nyield\nreturn result"),
            "a wrapper yields twice (", put),
    wrapped("wrapper that does not always yield", "A wrapper that does not always yield",
            wrapper("put", "if name == 'x':\n    return None\nreturn (yield)", "name"),
            "a wrapper did not yield (", put),
    wrapped("wrapper without end", "A wrapper that calls itself without end",
            wrapper("put", "store.put(name, '.log')\nreturn (yield)", "store, name"),
            "nested", put),
    wrapped("wrapper returns another thing", "A wrapper of `put` that returns the name",
            wrapper("put", "yield\nreturn name", "name"), "str came back instead", put),
    wrapper_kit("wrapper changes the name", "A wrapper that changes the name in the metadata",
                wrapper("put", "meta = yield\nmeta.name = meta.name.upper()\nreturn meta"),
                W.test_put_returns_the_metadata, "put returns the metadata that the store has"),
    wrapper_kit("wrapper changes the object", "A wrapper that changes the object before it is put",
                wrapper("put", "if isinstance(obj, dict):\n    obj['seen'] = True\nreturn (yield)",
                        "obj"),
                W.test_what_is_put_comes_back_equal, "the caller's objects are left as they were"),
    wrapper_kit("wrapper replaces an answer", "A wrapper that replaces what is empty",
                wrapper("predict", "return (yield) or 'nothing'"),
                W.test_what_a_backend_returns_is_returned,
                "what the backend returns from predict is returned, the very object; expected a "
                "list ([]), got a str", "predict", []),
    wrapper_kit("wrapper answers for an error", "A wrapper that has a default for an error",
                wrapper("get", "try:\n    return (yield)\nexcept KeyError:\n    return 'default'"),
                W.test_what_a_backend_raises_is_raised,
                "what the backend raises in get is raised, the very error", "get", KeyError("k")),
    wrapper_kit("wrapper replaces an error", "A wrapper that raises an error of its own",
                wrapper("act", "try:\n    return (yield)\nexcept Exception as exc:\n"
                        "    raise RuntimeError('failed') from exc"),
                W.test_what_a_backend_raises_is_raised,
                "expected ValueError: no, got RuntimeError: failed", "act", ValueError("no")),
    wrapper_kit("wrapper catches Ctrl-C", "A wrapper that turns Ctrl-C into an error",
                wrapper("run", "try:\n    return (yield)\nexcept BaseException as exc:\n"
                        "    raise RuntimeError('failed') from exc"),
                W.test_what_a_backend_raises_is_raised,
                "got RuntimeError: failed", "run", KeyboardInterrupt()),
    wrapper_kit("stale cache", "A cache that forgets nothing",
                "    kept = {}\n" + wrapper(
                    "get", "found = yield\nreturn kept.setdefault(name, found)", "name"),
                W.test_what_is_put_comes_back_equal, "what is put comes back equal; expected"),
    wrapper_kit("no wrapper", "A plugin that wraps nothing, by its own tests",
                "from omega_core import hookimpl\n", W.test_there_is_a_plugin_that_wraps,
                "there is a wrapper to be tested; expected a plugin that is installed"),
]  # fmt: skip


# --- engines -------------------------------------------------------------------------------------

ENGINE = """
    from omega_core import hookimpl
    from omega_core.runtime.local import LocalEngine
    from omega_core.testing.engine_plugin import backends

    class Engine(LocalEngine):
        {body}

    @hookimpl
    def engines():
        return {{"acme": Engine}}
"""


class Impatient(EngineTests):
    patience = 3.0


def engine_test(
    id: str, mistake: str, body: str, test: Any, says: str, *more: Any, gate: bool = False
) -> Broken:
    def run(bench: Bench) -> None:
        bench.installed(ENGINE.format(body=body.replace("\n", "\n        ")))
        om = bench.omega(runtime={"engine": "acme", "workers": 2})
        tests = Impatient()
        making = EngineTests.bucket.__wrapped__(tests, om)  # type: ignore[attr-defined]
        directory = bench.tmp_path / "gate"
        directory.mkdir()
        waiting = engine_kit.Gate(directory)
        try:
            test(tests, next(making), *([waiting] if gate else []), *more)
        finally:
            waiting.open()

    return in_kit(id, mistake, f"EngineTests.{test.__name__}", says, run)


E = EngineTests
ENGINES: list[Broken] = [
    engine_test("engine loses results", "An engine that loses results",
                "def submit(self, task):\n    result = super().submit(task)\n"
                "    result.get()\n    result._future.set_result = None\n"
                "    from omega_core.runtime.result import Result\n"
                "    from concurrent.futures import Future\n"
                "    return Result(task.id, Future())",
                E.test_options_arrive, "is not over after 3 s"),
    engine_test("engine runs twice", "An engine that does a task twice, as two tasks",
                "def submit(self, task):\n    import dataclasses, uuid\n"
                "    super().submit(dataclasses.replace(task, id=uuid.uuid4().hex)).get()\n"
                "    return super().submit(task)",
                E.test_an_action_gives_what_it_gives_without_an_engine,
                "expected ('m', 2, 'models/'), got ('m', 3, 'models/')", "fit", True),
    engine_test("engine ignores timeout", "An engine that says it honours `timeout`, and does not",
                "def submit(self, task):\n    import dataclasses\n"
                "    hints = {k: v for k, v in task.hints.items() if k != 'timeout'}\n"
                "    return super().submit(dataclasses.replace(task, hints=hints))",
                E.test_what_takes_too_long_is_given_up_and_stores_nothing,
                "what takes too long is given up and stores nothing", gate=True),
    engine_test("engine never closes", "An engine whose `close` does not end",
                "def close(self):\n    import time\n    time.sleep(30)",
                E.test_it_can_be_closed, "an engine that is closed lets go within"),
    engine_test("engine raises its own errors", "An engine that wraps the errors of tasks",
                "def submit(self, task):\n    result = super().submit(task)\n    get = result.get\n"
                "    def wrapped(timeout=None):\n        try:\n            return get(timeout)\n"
                "        except ValueError as exc:\n"
                "            raise RuntimeError('task failed') from exc\n"
                "    result.get = wrapped\n    return result",
                E.test_errors_arrive_as_themselves, "got RuntimeError: task failed"),
]  # fmt: skip


# --- jobs ----------------------------------------------------------------------------------------


class Script:
    """An expression, which a job of this kind evaluates."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Script) and self.text == other.text

    __hash__ = None  # type: ignore[assignment]


class SoundJob(BaseJobBackend):
    """Runs scripts as it is documented; each subclass breaks one promise."""

    KIND = "acme.script"
    TYPES = (f"{__name__}:Script",)

    def put(self, obj: Script, name: str, attributes: Any = None, **kwargs: Any) -> Metadata:
        meta = self.job_store.make_metadata(name, self.KIND, attributes=attributes)
        meta.kind_meta = {"text": obj.text}
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Script:
        meta = self.job_store.metadata(name)
        assert meta is not None
        return Script(meta.kind_meta["text"])

    def run(self, jobname: str, params: Any = None, *, rName: str, **kwargs: Any) -> Metadata:
        try:
            value = eval(self.job_store.get(jobname).text, {}, dict(params or {}))
        except Exception as exc:
            return self.failed(rName, f"{type(exc).__name__}: {exc}")
        return self.job_store.put({"value": value}, rName)

    def failed(self, rName: str, error: str) -> Metadata:
        told = {"status": "failure", "error": error}
        return self.job_store.put({"value": None}, rName, attributes=told)


class SwallowsFailures(SoundJob):
    def failed(self, rName: str, error: str) -> Metadata:
        return self.job_store.put({"value": None}, rName)


class StoresNothingOfAFailure(SoundJob):
    def failed(self, rName: str, error: str) -> Metadata:
        raise ValueError(error)


class LeavesElsewhere(SoundJob):
    def run(self, jobname: str, params: Any = None, *, rName: str, **kwargs: Any) -> Metadata:
        return super().run(jobname, params, rName=f"{rName} of today")


class RunsInPlace(SoundJob):
    """Stores what came of a run in the job, as notebooks do that are run by hand."""

    def run(self, jobname: str, params: Any = None, *, rName: str, **kwargs: Any) -> Metadata:
        self.job_store.put(Script("1"), jobname)
        return super().run(jobname, params, rName=rName)


def job(id: str, mistake: str, backend: type, says: str) -> Broken:
    def catch(bench: Bench) -> str:
        store = bench.store(backend, SoundJob.KIND, SoundJob.TYPES, security={"run_jobs": "allow"})
        store.put(Script("day * 2"), "j")
        try:
            store.perform("run", "j", params={"day": 2}, rName="left")
        except Exception as exc:
            return told(exc)
        return "nothing"

    return Broken(id, mistake, "use", "PluginContractError", says, catch)


def job_kit(id: str, mistake: str, backend: type, test: Any, says: str) -> Broken:
    def run(bench: Bench) -> None:
        store = bench.store(backend, SoundJob.KIND, SoundJob.TYPES, security={"run_jobs": "allow"})
        meta = store.put(Script("day * 2"), "j")
        test(JobBackendTests(), store, meta, {"day": 2}, Script("1 / 0"))

    return in_kit(id, mistake, f"JobBackendTests.{test.__name__}", says, run)


J = JobBackendTests
JOBS: list[Broken] = [
    job("run leaves elsewhere", "A run that stores under another name", LeavesElsewhere,
        "the saved metadata of jobs/'left' in bucket 'default' is promised"),
    job("run stores the job", "A run that stores the job itself", RunsInPlace,
        "it stores the job 'j' itself, which a run leaves as it is"),
    job_kit("swallowed failure", "A run that failed, and says that it did not", SwallowsFailures,
            J.test_a_run_that_fails_is_stored_and_raises,
            "a run that fails is stored and raises; expected JobFailedError"),
    job_kit("failure that is not stored", "A run that failed, and left nothing",
            StoresNothingOfAFailure, J.test_a_run_that_fails_is_stored_and_raises,
            "got ValueError: ZeroDivisionError: division by zero"),
]  # fmt: skip


# --- file systems --------------------------------------------------------------------------------


def file_system(id: str, mistake: str, source: str, test: Any, says: str, *more: Any) -> Broken:
    def run(bench: Bench) -> None:
        bench.installed(files.BROKEN + source, id="broken")
        om = bench.make_omega(**files.OnBroken.config, uris={"allow": ["broken://tmp/"]})
        test(files.OnBroken(), om, "broken://tmp/x/", *more)

    return in_kit(id, mistake, f"FilesystemTests.{test.__name__}", says, run)


F = FilesystemTests
FILES: list[Broken] = [
    file_system("half files", "A file that stays when it is aborted", files.HALF,
                F.test_a_file_that_is_given_up_is_not_there,
                "a file whose block failed does not exist; expected False, got True", "small"),
    file_system("no abort", "A file without `abort`, and an `rm_file` that removes nothing",
                files.NO_ABORT, F.test_an_object_lies_there_with_its_versions,
                "a drop and the collector leave no file"),
    file_system("overwrites", "`open(path, 'xb')` that overwrites", files.OVERWRITES,
                F.test_nothing_is_overwritten, "to create a file that is there is refused"),
    file_system("missing is empty", "A missing file that is empty", files.EMPTY,
                F.test_a_missing_file_is_a_file_not_found_error,
                "a file that is not there does not exist"),
    file_system("old listing", "A listing that is remembered", files.OLD_LIST,
                F.test_what_is_listed_is_what_is_there, "and is no older one"),
    file_system("flat listing", "A listing without what lies deeper", files.FLAT_LIST,
                F.test_what_is_listed_is_what_is_there, "a listing has the files at any depth"),
    file_system("deletes by prefix", "`rm_file` that deletes whatever begins like it",
                files.PREFIX, F.test_to_delete_is_idempotent, "to delete 'x' leaves 'xy'"),
    file_system("takes paths for URLs", "Names that are cut at `#`", files.NAMES,
                F.test_names_are_taken_as_they_are,
                "a file can be written to broken://tmp/x/a%3Fb; expected one, got FileExistsError"),
    file_system("shows a password", "An error with a password in it", files.TELLS,
                F.test_errors_name_the_place_and_no_secret,
                "credentials are in no error and in no repr"),
    file_system("loses bytes", "A file that ends early", files.SHORT, F.test_bytes_come_back,
                "a file of 2097152 bytes comes back; expected 2097152 bytes"),
]  # fmt: skip

OTHERS: list[Broken] = [*MODELS, *WRAPPERS, *ENGINES, *JOBS, *FILES]
