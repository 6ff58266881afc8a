"""The protocol as a model of explicit states, of which every one is looked at.

One name; two executions of one task that put it, of which the second may come at any time; somebody
who puts it outside of any task; a drop; somebody who cancels the task; a reader; and a collector.
Everybody may stop for ever between any two steps, a lease may be over at any moment, and no grace
is long enough. A step is what the server does in one update.

`Mutant` names what may be left out; each must be found out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple


class Mutant(Enum):
    """One thing that is done otherwise."""

    NO_INTENT = auto()
    """A commit does not demand that its intent is there."""
    NOT_ONCE = auto()
    """A commit does not demand that the task has made none."""
    REMEMBERS_LATER = auto()
    """A commit and the memory of its task are two updates."""
    FORGETS_THE_DROPPED = auto()
    """With the document of a dropped name, the memory of tasks is gone."""
    DOES_NOT_CONDEMN = auto()
    """Who cancels leaves the intents alone."""
    ASKS_BEFORE_IT_BEGINS = auto()
    """A writer looks at the record of its task before its intent is there."""
    LOOKS_BEFORE_IT_BARS = auto()
    """Who cancels reads what the task is about to store, and then bars it."""


TASK = (0, 1)  # the writers that are executions of the task
OTHER = 2


class Writer(NamedTuple):
    """How far a writer is: ``begin, admit, data, more, commit, remember, clean``, or ``end``."""

    at: str
    admitted: bool = False


class State(NamedTuple):
    """Everything at one moment. Generation ``i`` is what writer ``i`` writes; -1 was there."""

    live: int | None
    pending: frozenset[int]
    retired: frozenset[int]
    exists: bool
    """Whether there is a document of the name."""
    remembers: bool
    """Whether the document, or what is left of it, knows a commit of the task."""
    data: tuple[int, ...]
    """Of each generation: 0 nothing, 1 a part, 2 all."""
    writers: tuple[Writer, ...]
    barred: bool
    targets: bool
    """Whether the record of the task names the object."""
    canceller: str
    seen_targets: bool
    dropped: bool
    collecting: tuple[int, str] | None
    reading: int | None
    commits: int
    """How often the task has committed."""
    late: frozenset[int]
    """What was written after it was condemned: the second sweep, a day later, is for that."""


START = State(
    live=-1, pending=frozenset(), retired=frozenset(), exists=True, remembers=False,
    data=(0, 0, 0, 2), writers=(Writer("begin"),) * 3, barred=False, targets=False,
    canceller="begin", seen_targets=False, dropped=False, collecting=None, reading=None,
    commits=0, late=frozenset(),
)  # fmt: skip


class ViolationError(Exception):
    """Something that must never happen."""


@dataclass
class Explored:
    """What all states have shown: how many there are, and the first violation with its steps."""

    states: int
    violation: str | None
    steps: tuple[str, ...] = ()


class Model:
    """The steps that are possible in a state."""

    def __init__(
        self, mutant: Mutant | None = None, *, reader: bool = True, other: bool = True
    ) -> None:
        self.mutant = mutant
        self.reader = reader
        self.writers = (*TASK, OTHER) if other else TASK

    def explore(self) -> Explored:
        """Look at every state that can be reached."""
        first = START
        if OTHER not in self.writers:
            first = _writer(first, OTHER, "end")
        before: dict[State, tuple[State, str] | None] = {first: None}
        queue = deque([first])
        while queue:
            state = queue.popleft()
            try:
                self.check(state)
                for step, after in self.steps(state):
                    if after not in before:
                        before[after] = (state, step)
                        queue.append(after)
            except ViolationError as exc:
                return Explored(len(before), str(exc), tuple(_way(before, state)))
        return Explored(len(before), None)

    def check(self, s: State) -> None:
        """Raise for a state that must never be."""
        if s.live is not None and s.data[s.live] != 2:
            raise ViolationError("what is live is not complete")
        if s.commits > 1:
            raise ViolationError("the task has committed twice")
        if s.canceller == "cancelled" and s.commits:
            raise ViolationError("a task that was cancelled has committed")
        resting = all(writer.at == "end" for writer in s.writers) and s.collecting is None
        if resting and not s.pending and not s.retired:
            left = {g for g in range(-1, 3) if s.data[g] and g != s.live} - s.late
            if left:
                raise ViolationError("data is left that nobody knows of")

    def steps(self, s: State) -> Iterator[tuple[str, State]]:
        """Return what may happen next."""
        for i in self.writers:
            if s.writers[i].at != "end":
                yield f"writer {i} stops", _writer(s, i, "end")
                yield from self._write(s, i)
        if not s.dropped and s.live is not None:
            retired = s.retired | {s.live}
            yield "drop", s._replace(live=None, retired=retired, dropped=True)
        yield from self._cancel(s)
        yield from self._collect(s)
        if self.reader:
            yield from self._read(s)

    # --- who there is ------------------------------------------------------------------------

    def _write(self, s: State, i: int) -> Iterator[tuple[str, State]]:
        at, of_task = s.writers[i].at, i in TASK
        early = self.mutant is Mutant.ASKS_BEFORE_IT_BEGINS
        if at == "begin":
            if of_task and early and not s.writers[i].admitted:
                yield f"{i} asks", self._admitted(s, i, "begin")
                return
            begun = s._replace(pending=s.pending | {i}, exists=True)
            to = "admit" if of_task and not early else "data"
            yield f"{i} begins", _writer(begun, i, to)
        elif at == "admit":
            yield f"{i} asks", self._admitted(s, i, "data")
        elif at in ("data", "more"):
            # Nobody stops a writer whose intent is condemned from writing a little more.
            late = s.late if i in s.pending else s.late | {i}
            written = min(s.data[i] + 1, 2) if at == "more" and s.data[i] else 1
            then = "more" if at == "data" else "commit"
            data = _with(s.data, i, written)
            yield f"{i} writes", _writer(s._replace(data=data, late=late), i, then)
        elif at == "commit":
            yield self._commit(s, i)
        elif at == "remember":
            yield f"{i} is remembered", _writer(s._replace(remembers=True), i, "end")
        elif at == "clean":
            clean = s._replace(pending=s.pending - {i}, data=_with(s.data, i, 0), late=s.late - {i})
            yield f"{i} cleans", _writer(clean, i, "end")

    def _admitted(self, s: State, i: int, then: str) -> State:
        noted = s._replace(targets=True)
        return _writer(noted, i, "clean" if s.barred else then, admitted=True)

    def _commit(self, s: State, i: int) -> tuple[str, State]:
        of_task = i in TASK
        allowed = i in s.pending or self.mutant is Mutant.NO_INTENT
        if of_task and s.remembers and self.mutant is not Mutant.NOT_ONCE:
            allowed = False
        if not allowed:
            return f"{i} is refused", _writer(s, i, "clean")
        if of_task and s.canceller == "cancelled":
            raise ViolationError("a task that was cancelled has committed")
        old = s.live
        retired = s.retired if old is None else s.retired | {old}
        later = of_task and self.mutant is Mutant.REMEMBERS_LATER
        committed = s._replace(
            live=i, pending=s.pending - {i}, retired=retired, exists=True,
            remembers=s.remembers or (of_task and not later), commits=s.commits + of_task,
        )  # fmt: skip
        return f"{i} COMMITS", _writer(committed, i, "remember" if later else "end")

    def _cancel(self, s: State) -> Iterator[tuple[str, State]]:
        before = self.mutant is Mutant.LOOKS_BEFORE_IT_BARS
        if s.canceller == "begin":
            if before:
                yield "cancel looks", s._replace(canceller="bar", seen_targets=s.targets)
            else:
                barred = s._replace(barred=True, seen_targets=s.targets)
                yield "cancel bars", barred._replace(canceller="condemn")
        elif s.canceller == "bar":
            yield "cancel bars", s._replace(barred=True, canceller="condemn")
        elif s.canceller == "condemn":
            yield "cancel stops", s._replace(canceller="begin")  # and somebody cancels again
            mine = s.pending & set(TASK)
            if not mine or not s.seen_targets or self.mutant is Mutant.DOES_NOT_CONDEMN:
                yield "cancel has condemned", s._replace(canceller="look")
            for g in mine if s.seen_targets else ():
                moved = {"pending": s.pending - {g}, "retired": s.retired | {g}}
                yield f"cancel condemns {g}", s._replace(**moved)
        elif s.canceller == "look":
            # It has committed before, and cannot be cancelled any more.
            said = "too late" if s.remembers else "cancelled"
            yield f"cancel says: {said}", s._replace(canceller=said)

    def _collect(self, s: State) -> Iterator[tuple[str, State]]:
        for g in s.pending:
            moved = {"pending": s.pending - {g}, "retired": s.retired | {g}}
            yield f"collector condemns {g}", s._replace(**moved)
        if s.collecting is not None:
            g, at = s.collecting
            yield "collector stops", s._replace(collecting=None)
            if at == "delete":
                gone = s._replace(data=_with(s.data, g, 0), collecting=(g, "forget"))
                yield f"collector deletes {g}", gone
            else:
                gone = s._replace(retired=s.retired - {g}, collecting=None)
                yield f"collector forgets {g}", gone
            return
        for g in s.retired:
            yield f"collector takes {g}", s._replace(collecting=(g, "delete"))
        if s.exists and s.live is None and not s.pending and not s.retired:
            forgets = self.mutant is Mutant.FORGETS_THE_DROPPED
            gone = s._replace(exists=False, remembers=s.remembers and not forgets)
            yield "collector deletes the document", gone

    def _read(self, s: State) -> Iterator[tuple[str, State]]:
        if s.reading is None:
            if s.live is not None:
                yield f"reader finds {s.live}", s._replace(reading=s.live)
            return
        if s.data[s.reading] != 2 and s.live == s.reading:
            raise ViolationError("a reader misses data under a pointer that is the same")
        yield "reader reads", s._replace(reading=None)


def _with(data: tuple[int, ...], g: int, amount: int) -> tuple[int, ...]:
    changed = list(data)
    changed[g] = amount
    return tuple(changed)


def _writer(s: State, i: int, at: str, *, admitted: bool | None = None) -> State:
    known = s.writers[i].admitted if admitted is None else admitted
    # What it has learned does not matter any more once it has begun.
    changed = Writer(at, known and at == "begin")
    return s._replace(writers=(*s.writers[:i], changed, *s.writers[i + 1 :]))


def _way(before: dict[State, tuple[State, str] | None], state: State) -> list[str]:
    steps = []
    came = before[state]
    while came is not None:
        state, step = came
        steps.append(step)
        came = before[state]
    return steps[::-1]
