"""``omega jobs`` and ``omega scheduler``: jobs run by hand and by themselves, from the shell."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega

Run = Callable[..., Any]

PLUGIN = """
import time
from omega_core import BackendSpec, BaseJobBackend, hookimpl

class Jobs(BaseJobBackend):
    def put(self, obj, name, attributes=None, **kwargs):
        meta = self.job_store.make_metadata(name, "test.job", attributes=attributes)
        meta.kind_meta = dict(obj)
        return meta.save()

    def get(self, name, as_=None, **kwargs):
        found = self.job_store.metadata(name).kind_meta
        return found if as_ is None else f"{as_} of {found['told']}"

    def run(self, jobname, params=None, *, rName, **kwargs):
        given = dict(params or {})
        self.job_store.mongodb["test.runs"].insert_one({"params": given})
        time.sleep(given.get("seconds", 0))
        if "fail" in given:
            told = {"status": "failure", "error": given["fail"]}
            return self.job_store.put({"told": "failed"}, rName, kind="test.job", attributes=told)
        return self.job_store.put({"told": "done"}, rName, kind="test.job")

@hookimpl
def backends():
    return [BackendSpec("test.job", Jobs)]
"""
CONFIG = '[security]\nrun_jobs = "allow"\n[plugins]\nenabled = ["ticking"]\n'


@pytest.fixture(autouse=True)
def plugin(
    install: Callable[..., str], site: Path, monkeypatch: pytest.MonkeyPatch, config_file: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(site))  # for other processes too
    install("ticking", PLUGIN)
    config_file.write_text(CONFIG)


@pytest.fixture
def om(make_omega: Callable[..., Omega], plugin: None) -> Omega:
    om = make_omega(security={"run_jobs": "allow"}, plugins={"enabled": ["ticking"]})
    om.jobs.put({"told": "hello"}, "daily", kind="test.job")
    return om


def document(done: Any, code: int = 0) -> Any:
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def make_due(om: Omega, name: str = "daily") -> None:
    """Let the next slot of a schedule be one that has passed."""
    year = {"$set": {"due": {"$subtract": ["$due", 366 * 24 * 3600 * 1000]}}}
    om.database.mongodb["omega.schedules"].update_one({"name": name}, [year])


def given(om: Omega) -> list[Any]:
    return [found["params"] for found in om.database.mongodb["test.runs"].find()]


# --- by hand -----------------------------------------------------------------------------------


def test_a_job_runs_with_parameters_of_their_types(om: Omega, omega: Run) -> None:
    options = ("-p", "n=3", "-p", "city=Rome", "-p", 'text="5"', "-p", "of=[1, 2]", "-p", "e=a=b")
    told = document(omega("jobs", "run", "daily", *options, "--json"))
    assert (told["job"], told["status"]) == ("daily", "success")
    assert told["result"] == f"results/daily/{told['id']}"
    assert given(om) == [{"n": 3, "city": "Rome", "text": "5", "of": [1, 2], "e": "a=b"}]
    done = omega("jobs", "run", "daily", "-p", "n")
    assert (done.exit_code, "expected NAME=VALUE" in done.stderr) == (2, True)


def test_a_run_that_fails_is_an_error_of_one_line(om: Omega, omega: Run) -> None:
    done = omega("jobs", "run", "daily", "-p", "fail=no data")
    assert done.exit_code == 1
    assert "'daily' failed: no data" in done.stderr
    [run] = document(omega("jobs", "history", "daily", "--json"))
    assert (run["status"], run["slot"]) == ("failure", None)
    assert run["result"] in om.jobs
    shown = omega("jobs", "history", "daily").stdout
    assert "by hand" in shown
    assert "failure" in shown


@pytest.mark.parametrize("command", [["run"], ["history"], ["schedule", "--cron", "0 6 * * *"]])
def test_a_job_that_is_not_there_is_told(om: Omega, omega: Run, command: list[str]) -> None:
    done = omega("jobs", *command, "dayly")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "No object 'dayly' in the jobs" in done.stderr


def test_files_go_in_and_out(om: Omega, omega: Run, tmp_path: Path) -> None:
    for suffix, text in (("html", "html of hello\n"), ("py", "py of hello\n")):
        file = tmp_path / f"x.{suffix}"
        told = document(omega("jobs", "export", "daily", "-o", str(file), "--json"))
        assert told == {"name": "daily", "file": str(file)}
        assert file.read_text() == text
    file = tmp_path / "x.ipynb"
    assert omega("jobs", "export", "daily", "-o", str(file)).exit_code == 0
    assert json.loads(file.read_text()) == {"told": "hello"}
    assert sorted(path.name for path in tmp_path.glob("*x*")) == ["x.html", "x.ipynb", "x.py"]
    assert omega("jobs", "export", "daily", "-o", "x.pdf").exit_code == 2
    told = document(omega("jobs", "put", str(file), "--kind", "python.file", "--json"))
    assert (told["name"], told["version"]) == ("x", 1)
    assert omega("jobs", "put", str(tmp_path / "x.html")).exit_code == 2


@pytest.mark.needs_plugins("notebook")
def test_a_script_is_put_as_a_notebook_and_comes_out_as_page_notebook_and_script(
    om: Omega, omega: Run, tmp_path: Path, config_file: Path
) -> None:
    config_file.write_text("")
    script = tmp_path / "hello.py"
    script.write_text("# %%\nprint('hello')\n")
    told = document(omega("jobs", "put", str(script), "--json"))
    assert told == {"name": "hello", "kind": "notebook.ipynb", "version": 1}
    for suffix, expected in (("html", "<html"), ("py", "print("), ("ipynb", '"nbformat": 4')):
        file = tmp_path / f"out.{suffix}"
        done = omega("jobs", "export", "hello", "-o", str(file))
        assert done.exit_code == 0, done.output
        assert expected in file.read_text(encoding="utf-8")


def test_what_all_stores_have_jobs_have_as_well(om: Omega, omega: Run) -> None:
    assert [each["name"] for each in document(omega("jobs", "list", "--json"))] == ["daily"]
    assert document(omega("jobs", "drop", "daily", "--yes", "--json")) == {"dropped": ["daily"]}


# --- schedules ---------------------------------------------------------------------------------


def test_a_schedule_is_made_shown_paused_and_removed(om: Omega, omega: Run) -> None:
    options = ("--cron", "0 6 * * *", "--tz", "Europe/Rome", "-p", "n=1", "--timeout", "60")
    made = document(omega("jobs", "schedule", "daily", *options, "--json"))
    assert (made["cron"], made["tz"], made["params"]) == ("0 6 * * *", "Europe/Rome", {"n": 1})
    assert (made["hints"], made["overlap"], made["paused"]) == ({"timeout": 60.0}, "skip", False)
    assert "identity" not in made
    assert document(omega("jobs", "schedules", "--json")) == [made]
    [schedule] = om.jobs.schedules()
    assert made["next"] == schedule.next.isoformat()  # type: ignore[union-attr]
    shown = omega("jobs", "schedules").stdout
    assert "0 6 * * *" in shown
    assert "Europe/Rome" in shown
    assert document(omega("jobs", "pause", "daily", "--json"))["paused"]
    assert "paused" in omega("jobs", "schedules").stdout
    assert not document(omega("jobs", "resume", "daily", "--json"))["paused"]
    assert document(omega("jobs", "unschedule", "daily", "--json")) == {"unscheduled": "daily"}
    assert document(omega("jobs", "schedules", "--json")) == []
    assert omega("jobs", "unschedule", "daily").exit_code == 1


def test_what_is_no_schedule_is_an_error_of_one_line(om: Omega, omega: Run) -> None:
    done = omega("jobs", "schedule", "daily", "--cron", "6 o'clock")
    assert done.exit_code == 1
    assert "is no cron expression" in done.stderr


# --- the scheduler -----------------------------------------------------------------------------


def test_once_submits_what_is_due_and_waits_for_it(om: Omega, omega: Run) -> None:
    assert document(omega("scheduler", "--once", "--json")) == {"handled": [], "stopped": True}
    om.jobs.schedule("daily", cron="0 0 1 1 *", params={"n": 1})
    make_due(om)
    told = document(omega("scheduler", "--once", "--json"))
    [handled] = told["handled"]
    assert (handled["what"], handled["job"]) == ("submitted", "daily")
    [run] = om.jobs.history("daily")
    assert (run.id, run.status, given(om)) == (handled["id"], "success", [{"n": 1}])


def test_once_ends_in_1_where_something_could_not_be_submitted(om: Omega, omega: Run) -> None:
    om.jobs.schedule("daily", cron="0 0 1 1 *", engine="nobodys")
    make_due(om)
    done = omega("scheduler", "--once")
    assert done.exit_code == 1
    assert "failed 'daily' in bucket 'default'" in done.stdout
    assert "no enabled plugin offers 'nobodys'" in done.stdout


def test_a_bucket_is_served_alone(om: Omega, omega: Run) -> None:
    om.jobs.schedule("daily", cron="0 0 1 1 *")
    make_due(om)
    told = document(omega("--bucket", "team", "scheduler", "--once", "--json"))
    assert told["handled"] == []


def test_check_says_what_keeps_a_schedule_from_running(
    om: Omega, omega: Run, config_file: Path
) -> None:
    done = omega("scheduler", "--check")
    assert (done.exit_code, done.stdout) == (0, "ready\n")
    for name in ("gone", "late", "other", "odd"):
        om.jobs.put({"told": "hello"}, name, kind="test.job")
        om.jobs.schedule(name, cron="0 0 1 1 *", engine="nobodys" if name == "other" else None)
    om.jobs.drop("gone")
    make_due(om, "late")
    edit = {"$set": {"cron": 7}}
    om.database.mongodb["omega.schedules"].update_one({"name": "odd"}, edit)
    config_file.write_text('[plugins]\nenabled = ["ticking"]\n')
    told = document(omega("scheduler", "--check", "--json"), 1)
    messages = " ".join(each["message"] for each in told["amiss"])
    for expected in (
        "There is no job 'gone' in bucket 'default'",
        "'late' in bucket 'default' was due",
        "no enabled plugin offers 'nobodys'",
        "The schedule of 'odd' in bucket 'default' is damaged",
        "[security] run_jobs is deny",
    ):
        assert expected in messages
    assert given(om) == []


@contextmanager
def scheduling(om: Omega) -> Iterator[subprocess.Popen[str]]:
    """Let a scheduler run in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "omega_core", "scheduler"],
        env={**os.environ, "OMEGA_MONGO__URL": str(om.config.mongo.url)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_goes_on_until_it_is_told_to_stop_and_another_one_takes_over(om: Omega) -> None:
    om.jobs.schedule("daily", cron="* * * * * *")
    with scheduling(om) as process:
        wait_for(lambda: len(given(om)) >= 2)
        process.kill()  # with -9
        process.wait()
    for name, field in (("schedules", "claim.lease"), ("tasks", "lease")):  # they lapse
        passed = {"$set": {field: dt.datetime(2026, 1, 1)}}
        om.database.mongodb[f"omega.{name}"].update_many({field: {"$exists": True}}, passed)
    before = len(given(om))
    with scheduling(om) as process:
        wait_for(lambda: len(given(om)) > before)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "submitted 'daily' in bucket 'default', task " in out
    told = om.jobs.history("daily", limit=100)
    assert len({run.slot for run in told}) == len(told)
    assert told[0].status == "success"  # it waited for what it was at


def test_what_is_under_way_is_waited_for_and_cancelled_at_the_second_signal(om: Omega) -> None:
    om.jobs.schedule("daily", cron="0 0 1 1 *", params={"seconds": 600})
    make_due(om)
    with scheduling(om) as process:
        wait_for(lambda: bool(given(om)))
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    [run] = om.jobs.history("daily")
    assert (run.status, om.jobs.list()) == ("cancelled", ["daily"])
