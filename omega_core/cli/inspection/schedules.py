"""What `omega scheduler --check` looks for: what keeps a schedule from running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ...errors import OmegaError
from .health import Finding, examine

if TYPE_CHECKING:
    from ...config import Config
    from ...omega import Omega
    from ...scheduling.schedule import Schedule

_DECISIVE = frozenset({"configuration", "plugins", "runtime", "server", "user"})
"""Checks after which there is nothing more to try, where they find a problem."""


def amiss(load: Callable[[], tuple[Config, list[str]]], bucket: str | None) -> Iterator[Finding]:
    """Yield what is amiss, each with its remedy; nothing where all schedules would run.

    Parameters
    ----------
    load
        Returns the configuration, and the warnings about it.
    bucket
        Whose schedules; None: of all buckets.
    """
    from ...omega import Omega
    from ...scheduling.schedule import from_document
    from ...scheduling.schedules import Schedules

    broken = False
    for finding in examine(load):
        if finding.level == "problem" or (finding.check, finding.level) == ("user", "warning"):
            broken = broken or finding.check in _DECISIVE
            yield finding
    if broken:
        return
    with Omega(load()[0]) as om:
        for document in Schedules(om.database, om.config.stores.lease).of(bucket):
            try:
                schedule = from_document(document)
                yield from _of_one(om, schedule)
            except OmegaError as exc:
                yield Finding("schedule", "problem", str(exc))


def _of_one(om: Omega, schedule: Schedule) -> Iterator[Finding]:
    from ...scheduling.cron import zone
    from ...scheduling.schedules import HORIZON

    name, bucket = schedule.name, om[schedule.bucket]
    where = f"{name!r} in bucket {schedule.bucket!r}"
    zone(schedule.tz)  # may be missing here, and nowhere else
    if not bucket.jobs.exists(name):
        remedy = f"Put it again, or om.jobs.unschedule({name!r})."
        yield Finding("schedule", "problem", f"There is no job {where}.", remedy)
    elif schedule.reason is not None:
        remedy = f"om.jobs.resume({name!r})"
        yield Finding("schedule", "problem", f"{where} is paused: {schedule.reason}", remedy)
    # Raises where the engine is not there, or would not follow a hint.
    bucket.runtime.job(name, engine=schedule.engine, **schedule.hints)
    engine = bucket.runtime.engine(schedule.engine)
    if getattr(engine, "in_process", False) and om.config.security.run_jobs != "allow":
        told = f"The scheduler executes {where} itself, and may not: [security] run_jobs is deny."
        yield Finding("schedule", "problem", told, 'Set it to "allow", or name another engine.')
    late = 0.0
    if schedule.next is not None:
        late = (om.database.now() - schedule.next).total_seconds()
    if late > om.config.stores.lease + HORIZON:
        told = f"{where} was due {schedule.next:%Y-%m-%d %H:%M:%S} UTC, and nobody took it."
        yield Finding("schedule", "problem", told, "Start one: omega scheduler.")
