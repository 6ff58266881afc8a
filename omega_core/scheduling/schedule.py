"""A schedule: when a job runs by itself, and how."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import IntegrityError, ScheduleError
from ..protocol.naming import JOBS, Key
from ..shapes import either, fields, flag, integer, mapping, moment, nothing, one_of, text

Document = dict[str, Any]
Overlap = Literal["skip", "allow"]

MAX_BYTES = 100_000
"""Of parameters, as JSON: they are names and numbers, and no way for data to travel."""

_NAME = text("(?s).+")
_OPTIONAL = either(text(), nothing)
_SHAPE = fields(
    {
        "bucket": _NAME,
        "name": _NAME,
        "id": text("[0-9a-f]{16}"),
        "cron": text(),
        "tz": text(),
        "engine": _OPTIONAL,
        "overlap": one_of("skip", "allow"),
        "paused": flag,
        "created": moment,
        "modified": moment,
    },
    {
        "due": moment,
        "keep": either(integer(1), nothing),
        "claim": fields({"slot": moment, "token": text(), "lease": moment}),
        "last": fields({"slot": moment, "task": text()}),
        "reason": text(),
    },
)
_TEXTS = fields({"params": text(), "hints": text()})


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a job runs by itself. What `omega_core.Omega.jobs` returns of it; times are in UTC.

    Attributes
    ----------
    name, bucket
        The job.
    cron, tz
        The slots: a cron expression, on the clocks of a time zone.
    params
        What the job is given.
    engine
        Who executes it; None: whoever ``[runtime] engine`` of the scheduler names.
    hints
        What the engine is told: ``timeout``, ``retries``, ``priority``, ``resources``, ``queue``.
    overlap
        What becomes of a slot that comes while the run before is not over.
    keep
        How many results of its runs stay, besides that of the run under way; None: all.
    paused, reason
        Whether no slot is taken, and why, where nobody asked for that.
    next
        The slot that comes, or that is late; None where it is paused.
    last, last_id
        The latest slot of which the job was submitted, and the id of that task.
    created, modified
        When it was made, and when it was last declared anew, paused or resumed.
    """

    name: str
    bucket: str
    cron: str
    tz: str = "UTC"
    params: Mapping[str, Any] = field(default_factory=dict)
    engine: str | None = None
    hints: Mapping[str, Any] = field(default_factory=dict)
    overlap: Overlap = "skip"
    keep: int | None = None
    paused: bool = False
    reason: str | None = None
    next: dt.datetime | None = None
    last: dt.datetime | None = None
    last_id: str | None = None
    created: dt.datetime | None = None
    modified: dt.datetime | None = None
    # Tells this schedule from others of its name, and makes the ids of its tasks.
    identity: str = field(default="", repr=False, compare=False)

    @property
    def key(self) -> Key:
        return Key(self.bucket, JOBS, self.name)

    def task_id(self, slot: dt.datetime) -> str:
        """Return the id of the task for a slot, which is the same whoever submits it."""
        return f"{slot:%Y%m%dT%H%M%SZ}-{self.identity}"


def params_to_json(name: str, params: object) -> str:
    """Return parameters as they are stored.

    Raises
    ------
    ScheduleError
        They do not travel to a job.
    """
    given = {} if params is None else params
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise ScheduleError(
            f"The schedule of {name!r}: params is a dict of names and values, not "
            f"{type(params).__name__ if not isinstance(params, Mapping) else list(params)[:5]}."
        )
    try:
        written = json.dumps(dict(given), allow_nan=False)
        same = json.loads(written) == dict(given)
    except (TypeError, ValueError, RecursionError) as exc:
        raise _do_not_travel(name, str(exc)) from None
    if not same:
        raise _do_not_travel(name, "they would not come back the same")
    if len(written) > MAX_BYTES:
        raise _do_not_travel(name, f"{len(written):,} bytes as JSON, and {MAX_BYTES:,} do")
    return written


def _do_not_travel(name: str, why: str) -> ScheduleError:
    return ScheduleError(
        f"The schedule of {name!r}: the params do not travel to the job: {why}. Pass numbers, "
        "strings, lists and dicts; store data as a dataset and pass its name."
    )


def check(document: Mapping[str, Any]) -> None:
    """Raise `IntegrityError` where somebody edited what a scheduler looks at, before it claims."""
    _refuse(document, _SHAPE(document, ""))


def _refuse(document: Mapping[str, Any], fault: str | None) -> None:
    if fault is None:
        return
    name, bucket = document.get("name"), document.get("bucket")
    raise IntegrityError(
        f"The schedule of {name!r} in bucket {bucket!r} is damaged: {fault}. Declare it anew: "
        f"om.jobs.schedule({name!r}, cron=...), or remove it: om.jobs.unschedule({name!r})."
    )


def from_document(document: Mapping[str, Any]) -> Schedule:
    """Return what a document of ``omega.schedules`` says.

    Raises
    ------
    IntegrityError
        Somebody edited it, and nobody can tell when its job should run.
    """
    check(document)
    fault = _TEXTS(document, "")
    given: dict[str, Any] = {}
    if fault is None:
        try:
            given = {name: json.loads(document[name]) for name in ("params", "hints")}
        except (ValueError, RecursionError) as exc:
            fault = f"params or hints are no JSON: {exc}"
    fault = fault or fields({}, {"params": mapping(), "hints": mapping()})(given, "")
    _refuse(document, fault)
    last = document.get("last", {})
    taken = ("name", "bucket", "cron", "tz", "engine", "overlap", "paused", "created", "modified")
    return Schedule(
        **{name: document[name] for name in taken},
        **given,
        keep=document.get("keep"),
        reason=document.get("reason"),
        next=document.get("due"),
        last=last.get("slot"),
        last_id=last.get("task"),
        identity=document["id"],
    )
