"""A run: parameters, outputs, errors; and nothing of it stays when it ends, however it ends."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import nbformat
import psutil
import pytest

import omega_notebook
from omega_core import Omega, Task, run_task
from omega_core.errors import (
    JobFailedError,
    TaskCancelledError,
    TaskTimeoutError,
    UnsupportedOptionError,
    UnsupportedValueError,
)
from omega_core.scheduling.scheduler import Scheduler
from omega_core.testing.child_processes import Child, Tell
from omega_core.testing.engines import until

from .conftest import PATIENCE, MakeOmega, Waiting, code, gone, notebook, outputs


def scratch() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("omega-nb-*"))


FORKED = """
import os, sys
child = os.fork()
if child == 0:
    print("forked")
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0);
"""


# --- what a run does -----------------------------------------------------------------------------


def test_a_run_has_parameters_a_store_and_bounded_outputs(make_omega: MakeOmega) -> None:
    allow = {"security": {"run_jobs": "allow"}, "plugins": {"notebook": {"outputs": 5_000}}}
    om = make_omega(**allow)["team"]
    job = notebook(
        code("n = 1\nlabel = 'none'", "parameters"),
        code("n = 7", "injected-parameters"),
        "om.datasets.put([n, label], 'made')\nprint('first')",
        FORKED,
        "for i in range(2_000):\n    print('x' * 100)",
        "print('after'); n",
    )
    job.cells[5].outputs = [nbformat.v4.new_output("stream", text="of another run")]
    om.jobs.put(job, "j")
    meta = om.runtime.job("j").run({"n": 2, "label": "it's"}, rName="left").get(PATIENCE)
    assert om.datasets.get("made") == [2, "it's"]
    left = om.jobs.get("left")
    assert [cell.metadata.get("tags") for cell in left.cells[:3]] == [
        ["parameters"],
        ["injected-parameters"],
        None,
    ]
    assert left.cells[1].source == '# Parameters\nn = 2\nlabel = "it\'s"'
    assert "first" in outputs(left)
    assert "forked" in outputs(left)
    assert "5,000 bytes at most, by [plugins.notebook] outputs" in outputs(left)
    assert "of another run" not in outputs(left)
    assert len(json.dumps(left)) < 10_000
    assert om.jobs.get("j") == job
    assert om.runtime.result(meta.attributes["task"]).progress == (6, 6)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"cuont": 1}, r"assigns no 'cuont'\. Did you mean 'count'\? It assigns: count"),
        ({"a b": 1}, "'a b' is no name of Python"),
        ({"class": 1}, "'class' is no name of Python"),
    ],
    ids=["unknown", "no name", "keyword"],
)
def test_parameters_that_nothing_reads_are_refused(
    om: Omega, params: dict[str, int], told: str
) -> None:
    om.jobs.put(notebook(code("count = 1", "parameters")), "j")
    with pytest.raises(UnsupportedOptionError, match=told):
        om.jobs.perform("run", "j", params=params)
    assert om.jobs.list() == ["j"]


def test_a_failure_names_its_cell_and_keeps_what_there_was(om: Omega) -> None:
    om.jobs.put(notebook("print('before')", "\nx = 1\n1 / 0", "print('after')"), "j")
    with pytest.raises(JobFailedError) as told:
        om.jobs.perform("run", "j", rName="left")
    assert "cell 2 of 3 (x = 1): ZeroDivisionError: division by zero" in str(told.value)
    left = om.jobs.get("left")
    assert left.cells[0].outputs[0].text == "before\n"
    assert left.cells[1].outputs[0].ename == "ZeroDivisionError"
    assert left.cells[2].outputs == []


def test_a_kernel_that_dies_is_told(om: Omega) -> None:
    om.jobs.put(notebook("import os, signal", "os.kill(os.getpid(), signal.SIGKILL)"), "j")
    with pytest.raises(JobFailedError, match=r"cell 2 of 2 .*the kernel died"):
        om.jobs.perform("run", "j", rName="left")
    assert om.jobs.metadata("left").attributes["status"] == "failure"  # type: ignore[union-attr]


def test_other_languages_are_stored_and_do_not_run(om: Omega) -> None:
    job = notebook("cat(1)")
    job.metadata.kernelspec = {"name": "ir", "language": "R", "display_name": "R"}
    om.jobs.put(job, "j")
    with pytest.raises(UnsupportedValueError, match="written in 'r', and jobs run in Python"):
        om.jobs.perform("run", "j")


@pytest.mark.needs_plugins("s3")
def test_no_secret_is_left_where_others_see_it(make_omega: MakeOmega) -> None:
    secret = "pa55w0rd-of-the-test"
    om = make_omega(security={"run_jobs": "allow"}, plugins={"s3": {"secret_access_key": secret}})
    look = """
    import os, pathlib
    settings = om.plugins.settings("s3")
    print(settings.secret_access_key.reveal()[::-1])
    print(dict(os.environ), settings, om.config)
    for process in (os.getpid(), os.getppid()):
        print(pathlib.Path(f"/proc/{process}/cmdline").read_bytes())
        print(pathlib.Path(f"/proc/{process}/environ").read_bytes())
    for file in pathlib.Path("..").rglob("*"):
        print(file, file.read_text() if file.is_file() else "")
    """
    om.jobs.put(notebook(look), "j")
    meta = om.jobs.perform("run", "j")
    with om.jobs.open_file(meta) as file:
        stored = file.read().decode()
    assert secret[::-1] in stored, "the store of the notebook has it, so that this can fail"
    assert secret not in stored
    assert secret not in str(meta.attributes)


# --- how it ends ---------------------------------------------------------------------------------


def test_a_kernel_listens_on_sockets_of_this_user_alone_and_leaves_nothing(
    om: Omega, waiting: Waiting
) -> None:
    before = scratch()
    om.jobs.put(waiting.notebook, "j")
    result = om.runtime.job("j").run(waiting.params)
    child, kernel, guardian = _by_role(waiting.begun())
    for process in (kernel, guardian):
        assert process.net_connections("inet") == []
    directory = Path(kernel.cwd()).parent
    assert directory in scratch() - before
    assert directory.stat().st_mode & 0o077 == 0
    assert (directory / "kernel.json").stat().st_mode & 0o077 == 0
    waiting.go()
    result.get(PATIENCE)
    assert gone([child, kernel, guardian])
    assert not directory.exists()


def test_a_run_that_is_cancelled_from_elsewhere_leaves_no_process(
    om: Omega, make_omega: MakeOmega, waiting: Waiting
) -> None:
    om.jobs.put(waiting.notebook, "j")
    result = om.runtime.job("j").run(waiting.params)
    processes = waiting.begun()
    assert make_omega().runtime.result(result.id).cancel()
    with pytest.raises(TaskCancelledError):
        result.get(PATIENCE)
    until(lambda: gone(processes))
    assert om.jobs.list() == ["j"]


def test_a_run_that_takes_too_long_is_ended(om: Omega, waiting: Waiting) -> None:
    om.jobs.put(waiting.notebook, "j")
    # The limit of the notebook keeps what there was; that of the task stores nothing any more.
    with pytest.raises(JobFailedError, match=r"longer than 0\.01 s, its limit"):
        om.jobs.perform("run", "j", params=waiting.params, time_limit=0.01, rName="left")
    assert om.jobs.metadata("left").attributes["status"] == "failure"  # type: ignore[union-attr]
    result = om.runtime.job("j", timeout=3).run(waiting.params)
    with pytest.raises(TaskTimeoutError):
        result.get(PATIENCE)
    until(lambda: gone(_kernels_of(os.getpid())))
    assert om.jobs.list() == ["j", "left"]


@pytest.mark.parametrize("victim", ["worker", "guardian"])
def test_a_run_whose_worker_is_killed_leaves_no_kernel_and_is_done_again(
    om: Omega, waiting: Waiting, victim: str
) -> None:
    om.jobs.put(waiting.notebook, "j")
    arguments = {"params": waiting.params, "rName": "left"}
    task = Task("t", om.bucket, "jobs", "j", "run", arguments).to_json()

    def act(tell: Tell) -> None:
        with Omega(om.config) as omega:
            run_task(task, omega)

    with Child(act) as child:
        processes = waiting.begun()
        other, kernel, guardian = _by_role(processes)
        directory = Path(kernel.cwd()).parent
        if victim == "worker":
            child.kill()
            until(lambda: gone(processes) and not directory.exists())
        else:
            guardian.kill()
            until(lambda: gone([kernel, guardian]))
            child.result()  # told that the kernel died, and stored that
            other.kill()
    waiting.go()
    for file in waiting.directory.glob("*.begun"):
        file.unlink()
    run_task(task, om)
    assert [meta.version for meta in om.jobs.versions("left")] == [1]
    status = om.jobs.metadata("left").attributes["status"]  # type: ignore[union-attr]
    assert status == ("success" if victim == "worker" else "failure")


def test_a_run_within_an_event_loop(om: Omega) -> None:
    import asyncio

    om.jobs.put(notebook("1"), "j")

    async def main() -> str:
        return str(om.jobs.perform("run", "j").attributes["status"])

    assert asyncio.run(main()) == "success"


# --- the template --------------------------------------------------------------------------------


def see_that_the_template_worked(om: Omega, result: str | None) -> None:
    assert om.models.metadata("line").attributes["score"] > 0.9  # type: ignore[union-attr]
    assert list(om.datasets.get("line/fitted").columns) == ["x", "y", "fitted"]
    assert "image/png" in outputs(om.jobs.get(str(result)))


@pytest.fixture
def template(om: Omega) -> Omega:
    """An `Omega` with the template as a job, and a dataset for it."""
    return with_template(om)


def with_template(om: Omega) -> Omega:
    import pandas as pd

    om.datasets.put(pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.5]}), "sales")
    om.jobs.put(omega_notebook.template(), "line")
    return om


@pytest.mark.needs_plugins("pandas", "sklearn")
def test_the_template_fits_plots_and_stores(template: Omega) -> None:
    meta = template.runtime.job("line").run({"dataset": "sales"}).get(PATIENCE)
    see_that_the_template_worked(template, meta.name)


@pytest.mark.slow
@pytest.mark.needs_plugins("pandas", "sklearn")
def test_the_template_runs_by_its_schedule(template: Omega) -> None:
    template.jobs.schedule("line", cron="* * * * * *", params={"dataset": "sales"})
    scheduler = Scheduler(template)
    until(lambda: bool(scheduler.turn()[0]))
    template.jobs.unschedule("line")
    until(lambda: template.jobs.history("line")[0].status in ("success", "failure"))
    [run] = template.jobs.history("line")
    assert (run.status, run.error) == ("success", None)
    assert run.slot is not None
    see_that_the_template_worked(template, run.result)


# --- on workers ----------------------------------------------------------------------------------


@pytest.fixture
def on_dask(make_omega: MakeOmega) -> Omega:
    return make_omega(security={"run_jobs": "allow"}, runtime={"engine": "dask"})


@pytest.mark.slow
@pytest.mark.needs_plugins("dask")
def test_on_dask_a_run_is_killed_done_again_and_cancelled(on_dask: Omega, waiting: Waiting) -> None:
    om = on_dask
    om.jobs.put(waiting.notebook, "j")
    om.jobs.put(notebook("1 / 0"), "bad")
    result = om.runtime.job("j").run(waiting.params)
    first = waiting.begun()
    for file in waiting.directory.glob("*.begun"):
        file.unlink()
    _, _, guardian = _by_role(first)
    os.kill(guardian.ppid(), signal.SIGKILL)
    until(lambda: gone(first))
    again = waiting.begun()  # by the worker that takes the place of the one that was killed
    assert result.cancel()
    with pytest.raises(TaskCancelledError):
        result.get(PATIENCE)
    until(lambda: gone(again))
    failed = om.runtime.job("bad").run(rName="left")
    with pytest.raises(JobFailedError, match="ZeroDivisionError"):
        failed.get(PATIENCE)
    assert om.jobs.list() == ["bad", "j", "left"]
    if find_spec("sklearn") is not None and find_spec("pandas") is not None:
        meta = with_template(om).runtime.job("line").run({"dataset": "sales"}).get(PATIENCE)
        see_that_the_template_worked(om, meta.name)


def _by_role(processes: list[psutil.Process]) -> tuple[psutil.Process, ...]:
    """Return what the notebook started, its kernel and its guardian."""
    roles: dict[str, psutil.Process] = {}
    for process in processes:
        line = " ".join(process.cmdline())
        role = "guardian" if "guardian" in line else "kernel" if "kernel" in line else "child"
        roles[role] = process
    return roles["child"], roles["kernel"], roles["guardian"]


def _kernels_of(pid: int) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a zombie is one, too
            if "omega_notebook" in " ".join(process.cmdline()):
                found.append(process)
    return found
