"""The store of jobs: a store, and when each of its objects runs by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from .errors import ScheduleError
from .former_names import formerly
from .protocol.naming import MAX_NAME_BYTES, Key, check_name
from .runtime.hints import checked as checked_hints
from .scheduling import cron as crons
from .scheduling.run import Run, latest
from .scheduling.schedule import Schedule, from_document, params_to_json
from .scheduling.schedules import Schedules
from .store import OmegaStore

_MOST = 10_000
_LONGEST_NAME = MAX_NAME_BYTES - len("results/" + "/00000101T000000Z-0123456789abcdef")


@formerly("JobStore")
class JobStore(OmegaStore):
    """``om.jobs``: the jobs of one bucket, and their schedules.

    A schedule is stored beside its job, and taken by whoever runs ``omega scheduler``: any number
    of them, of which exactly one submits a slot. The runtime executes it, where
    ``[security] run_jobs`` allows that.

    Examples
    --------
    >>> om.jobs.schedule("daily", cron="0 6 * * *", tz="Europe/Rome")  # doctest: +SKIP
    >>> om.jobs.history("daily")[0].status  # doctest: +SKIP
    'success'
    """

    def schedule(
        self,
        name: str,
        *,
        cron: str,
        tz: str = "UTC",
        params: Mapping[str, Any] | None = None,
        engine: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
        priority: int | None = None,
        resources: Mapping[str, float] | None = None,
        queue: str | None = None,
        overlap: Literal["skip", "allow"] = "skip",
        keep: int | None = None,
        paused: bool | None = None,
    ) -> Schedule:
        """Let a job run by itself from now on; a schedule that it has already is replaced.

        To declare one again with the same slots loses none: what is late stays late.

        Parameters
        ----------
        cron
            The slots, as cron has them: ``"0 6 * * MON-FRI"``; with six fields, the first are
            seconds.
        tz
            The time zone of the clocks that count, by its IANA name.
        params
            What the job is given: a dict of JSON values, of at most 100,000 bytes. It is stored
            as it is, and so no place for secrets.
        engine
            Who executes it, instead of ``[runtime] engine`` of the scheduler.
        timeout, retries, priority, resources, queue
            As `Runtime.job` takes them; whether the engine follows them is seen when it is
            submitted.
        overlap
            What becomes of a slot that comes while the run before is not over: it is left out, or
            runs beside it.
        keep
            How many results of runs by this schedule stay in ``om.jobs``: older ones are dropped
            whenever a slot is submitted, but those that have an alias. None: all stay.
        paused
            Whether to take no slot until `resume`. None: as it is, and a new one is not.

        Raises
        ------
        ObjectNotFoundError
            There is no such job.
        ScheduleError
            The expression, the time zone, the parameters or a hint are none.
        """
        cron, tz = crons.checked(cron, tz)
        written = params_to_json(name, params)
        given = {
            "timeout": timeout, "retries": retries, "priority": priority,
            "resources": resources, "queue": queue,
        }  # fmt: skip
        hints = checked_hints(f"job({name!r})", given)
        if overlap not in ("skip", "allow"):
            raise ScheduleError(
                f"The schedule of {name!r}: overlap is {overlap!r}, and should be 'skip' or "
                "'allow'."
            )
        for key, value, kind in (("engine", engine, str), ("paused", paused, bool)):
            if value is not None and not isinstance(value, kind):
                raise ScheduleError(
                    f"The schedule of {name!r}: {key} is a {kind.__name__}, not a "
                    f"{type(value).__name__}."
                )
        if keep is not None and (type(keep) is not int or keep < 1):
            raise ScheduleError(
                f"The schedule of {name!r}: keep is a whole number of results from 1 on, not "
                f"{keep!r}."
            )
        self._catalog.existing(name)
        job = self._job(name)
        if len(name.encode()) > _LONGEST_NAME:
            raise ScheduleError(
                f"The job {name[:40]!r}... does not run by itself: its results, which are named "
                f"results/<job>/<task>, would have names of more than {MAX_NAME_BYTES} bytes. Put "
                f"it under a name of at most {_LONGEST_NAME}."
            )
        return self._schedules.declare(
            job, cron=cron, tz=tz, params=written, engine=engine, hints=hints,
            overlap=overlap, keep=keep, paused=paused,
        )  # fmt: skip

    def schedules(self) -> list[Schedule]:
        """Return the schedules of this bucket, by the names of their jobs.

        Raises
        ------
        IntegrityError
            Somebody edited one of them, so that nobody can tell when its job should run.
        """
        return [from_document(document) for document in self._schedules.of(self.bucket)]

    def unschedule(self, name: str, *, missing_ok: bool = False) -> bool:
        """Remove the schedule of a job, and return whether there was one; the job stays.

        A run that is submitted already goes on.

        Raises
        ------
        ScheduleNotFoundError
            It has none, unless ``missing_ok``.
        """
        removed = self._schedules.remove(self._job(name))
        if not removed and not missing_ok:
            raise self._schedules.not_found(self._job(name))
        return removed

    def pause(self, name: str) -> Schedule:
        """Take no slot of a schedule until `resume`; a run that is submitted already goes on.

        Raises
        ------
        ScheduleNotFoundError
            The job has none.
        """
        return self._schedules.pause(self._job(name))

    def resume(self, name: str) -> Schedule:
        """Take the slots of a schedule again, from the next one on; those missed stay missed.

        Raises
        ------
        ScheduleNotFoundError
            The job has none.
        """
        return self._schedules.resume(self._job(name))

    def history(self, name: str, *, limit: int = 20) -> list[Run]:
        """Return the latest runs of a job, by its schedule and by hand, the newest first.

        They stay for as long as ``[runtime] history`` says, also where the job is dropped.

        Raises
        ------
        ObjectNotFoundError
            There is no such job, and never was one that ran.
        """
        if type(limit) is not int or not 1 <= limit <= _MOST:
            raise ScheduleError(
                f"history of {name!r}: limit is a whole number from 1 to {_MOST:,}, not {limit!r}."
            )
        job = self._job(name)
        runs = latest(self.omega.records, job.name, bucket=self.bucket, limit=limit)
        if not runs:
            self._catalog.existing(name)
        return runs

    @property
    def _schedules(self) -> Schedules:
        return Schedules(self.database, self.config.stores.lease)

    def _job(self, name: str) -> Key:
        return self.key(check_name(name))
