"""A store against a dict: what any sequence of operations and crashes must leave.

For authors of backends, with Hypothesis, which nothing else in omega_core needs::

    from hypothesis import settings, strategies as st
    from hypothesis.stateful import run_state_machine_as_test
    from omega_core.testing.statemachine import store_state_machine

    def test_things_behave_like_a_dict(make_omega):
        machine = store_state_machine(
            lambda: make_omega().datasets, st.builds(Thing, st.integers()), kind="acme.thing"
        )
        run_state_machine_as_test(machine, settings=settings(deadline=None, database=None))
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ..errors import ConflictError, ObjectNotFoundError, TaskCancelledError
from ..omega import Omega
from ..protocol.commit import Intent
from ..protocol.fence import TaskFence, fenced
from ..protocol.metadata import Metadata
from ..runtime.execution import bar
from ..store import OmegaStore
from .crashes import CrashingTwin
from .faults import let_time_pass
from .orphans import find_orphans
from .promises import NOT_SO, broken, holds, promise, raising, shown, there

Equal = Callable[[Any, Any], bool]

NAMES = st.sampled_from(["a", "a/b", ".a"])
ALIASES = st.sampled_from(["champion", "last_good"])
SNAPSHOTS = st.sampled_from(["monday", "tuesday"])
ATTRIBUTES = st.none() | st.dictionaries(st.sampled_from(["x", "y"]), st.integers(0, 9), max_size=2)
HOUR = 3600.0


@dataclass
class Stored:
    """One version of an object, as the model knows it."""

    obj: Any
    version: int
    attributes: dict[str, Any]


@dataclass
class Modelled:
    """One object: its current version, those that are kept, and how often it was changed."""

    current: Stored
    rev: int
    last_version: int
    others: list[Stored] = field(default_factory=list)
    aliases: dict[str, int] = field(default_factory=dict)

    @property
    def every(self) -> list[Stored]:
        """All versions; the current one is the last."""
        return [*self.others, self.current]

    def replaced_by(self, stored: Stored, keep: int) -> None:
        """Make ``stored`` the current version; of the others stay some, and those with aliases."""
        every = self.every
        beyond = every[: max(0, len(every) - (keep - 1))]
        named = [version for version in beyond if version.version in self.aliases.values()]
        self.others = [*named, *every[len(beyond) :]]
        self.current = stored


def store_state_machine(
    make_store: Callable[[], OmegaStore],
    objects: st.SearchStrategy[Any],
    *,
    kind: str | None = None,
    equal: Equal = lambda stored, got: bool(stored == got),
    append: Callable[[Any, Any], Any] | None = None,
    crashes: bool = True,
) -> type[RuleBasedStateMachine]:
    """Return a state machine that compares a store with a model of it.

    Parameters
    ----------
    make_store
        Returns a store. It may be the same for every run: each run has a bucket of its own, and
        leaves the store empty.
    objects
        What is put.
    kind
        Passed to `put`; None: routed by type.
    equal
        Whether what came back, the second argument, is what was put.
    append
        Returns what a store holds that had its first argument and got the second appended; None
        where the kind cannot append.
    crashes
        Whether clients are cut off at any step of a put.
    """

    def comes_back(what: str, stored: Any, got: Any) -> None:
        if not equal(stored, got):
            broken(what, expected=shown(stored), got=shown(got))

    class StoreMachine(RuleBasedStateMachine):
        store: OmegaStore
        twin: CrashingTwin | None = None

        @initialize()
        def begin(self) -> None:
            given = make_store()
            self.attribute = _attribute(given)
            # Nothing that other runs left can be met in this bucket.
            self.omega = given.omega[f"machine-{uuid.uuid4().hex[:12]}"]
            self.store = getattr(self.omega, self.attribute)
            self.keep = given.config.stores.keep[self.attribute]
            self.model: dict[str, Modelled] = {}
            self.reached: dict[str, tuple[int, int]] = {}
            self.tasks: dict[str, tuple[str, int]] = {}
            self.snapshots: dict[str, dict[str, tuple[Stored, int]]] = {}
            if crashes:
                self.twin = CrashingTwin(self.omega)

        # --- writing -----------------------------------------------------------------------

        @rule(name=NAMES, obj=objects, attributes=ATTRIBUTES)
        def put(self, name: str, obj: Any, attributes: dict[str, Any] | None) -> None:
            meta = self.store.put(obj, name, kind=kind, attributes=attributes)
            self._replaced(name, obj, attributes, meta)
            self._compare(name)

        @rule(name=NAMES, obj=objects, current=st.booleans())
        def put_if_unchanged(self, name: str, obj: Any, current: bool) -> None:
            known = self.model[name].rev if name in self.model else 0
            if current:
                meta = self.store.put(obj, name, kind=kind, if_rev=known)
                self._replaced(name, obj, None, meta)
            else:
                with raising(ConflictError, "a put that expects another revision"):
                    self.store.put(obj, name, kind=kind, if_rev=known + 1)
            self._compare(name)

        @precondition(lambda self: crashes and bool(self.store))
        @rule(name=NAMES, obj=objects, step=st.integers(1, 8), after=st.booleans())
        def put_and_crash(self, name: str, obj: Any, step: int, after: bool) -> None:
            twin = there("the machine has clients that crash", self.twin)

            def put(omega: Omega) -> None:
                getattr(omega, self.attribute).put(obj, name, kind=kind)

            twin.crash(step, put, "cut off after" if after else "cut off before")
            meta = self.store.metadata(name)
            before = self.model[name].rev if name in self.model else None
            if meta is not None and meta.rev != before:
                self._replaced(name, obj, None, meta)
            self._compare(name)

        @precondition(lambda self: append is not None)
        @rule(name=NAMES, obj=objects)
        def append(self, name: str, obj: Any) -> None:
            what = "an append adds to the object, and makes a revision and no version"
            add = there("objects are appended to", append)
            meta = self.store.put(obj, name, kind=kind, append=True)
            known = self.model.get(name)
            if known is None:
                self._replaced(name, obj, None, meta)
            else:
                known.current.obj = add(known.current.obj, obj)
                known.rev += 1
                promise(what, (meta.version, meta.rev), (known.current.version, known.rev))
            self._compare(name)

        # --- on behalf of tasks ------------------------------------------------------------

        @rule(name=NAMES, obj=objects)
        def put_for_a_task(self, name: str, obj: Any) -> None:
            id = uuid.uuid4().hex
            with self._task(id, name):
                meta = self.store.put(obj, name, kind=kind)
            self._replaced(name, obj, None, meta)
            self.tasks[name] = id, there("a put on behalf of a task has a version", meta.version)
            self._compare(name)

        @rule(name=NAMES, obj=objects)
        def put_for_the_same_task_again(self, name: str, obj: Any) -> None:
            what = "a task stores once, however often it is executed"
            if name not in self.tasks:
                return
            id, version = self.tasks[name]
            known = self.model.get(name)
            kept = [] if known is None else [known.current, *known.others]
            with self._task(id, name):
                if version in [stored.version for stored in kept]:
                    promise(what, self.store.put(obj, name, kind=kind).version, version)
                else:
                    with raising(ConflictError, what, "has stored it already"):
                        self.store.put(obj, name, kind=kind)
            self._compare(name)

        @rule(name=NAMES, obj=objects, begun=st.booleans())
        def put_for_a_task_that_is_cancelled(self, name: str, obj: Any, begun: bool) -> None:
            what = "a task that was cancelled stores nothing"
            id = uuid.uuid4().hex
            bucket = self.omega.bucket
            self.omega.records.submitted(id, bucket=bucket, engine="", task=None, leased=False)

            def cancel_and_commit(intent: Intent, *args: Any) -> Any:
                holds(
                    "a task can be cancelled before it has stored anything",
                    bar(id, "cancelled", self.omega),
                    expected='bar(id, "cancelled", self.omega)',
                    got=NOT_SO,
                )
                return commit(intent, *args)

            commit = Intent.commit
            if not begun:
                holds(
                    what,
                    bar(id, "cancelled", self.omega),
                    expected='bar(id, "cancelled", self.omega)',
                    got=NOT_SO,
                )
            late = patch.object(Intent, "commit", cancel_and_commit) if begun else nullcontext()
            with late, self._task(id, name), raising(TaskCancelledError, what):
                self.store.put(obj, name, kind=kind)
            self._compare(name)

        def _task(self, id: str, name: str) -> AbstractContextManager[TaskFence]:
            return fenced(TaskFence(id, self.omega.records, [self.store.key(name)]))

        # --- ending, going back ------------------------------------------------------------

        @rule(name=NAMES)
        def drop(self, name: str) -> None:
            what = "a drop says whether there was an object"
            promise(what, self.store.drop(name, missing_ok=True), name in self.model)
            dropped = self.model.pop(name, None)
            if dropped is not None:
                self.reached[name] = (dropped.rev, dropped.last_version)
            with raising(ObjectNotFoundError, what):
                self.store.drop(name)
            self._compare(name)

        @rule(name=NAMES, position=st.integers(0, 9))
        def restore(self, name: str, position: int) -> None:
            what = "a version that is restored becomes the object, and makes a revision"
            known = self.model.get(name)
            if known is None or not known.others:
                with raising(ObjectNotFoundError, what):
                    self.store.restore(name, 10_000)
                return
            chosen = known.others.pop(position % len(known.others))
            meta = self.store.restore(name, chosen.version)
            known.others.append(known.current)
            known.current = chosen
            known.rev += 1
            promise(what, (meta.version, meta.rev), (chosen.version, known.rev))
            self._compare(name)

        @rule(name=NAMES, value=st.integers(0, 9))
        def save_attributes(self, name: str, value: int) -> None:
            what = "attributes are saved unless somebody else saved meanwhile"
            known = self.model.get(name)
            if known is None:
                return
            meta = there(what, self.store.metadata(name))
            second = there(what, self.store.metadata(name))
            meta.attributes["x"] = value
            meta.save()
            known.current.attributes = {**known.current.attributes, "x": value}
            known.rev += 1
            second.attributes["x"] = "from somebody who had not seen that"
            with raising(ConflictError, what):
                second.save()
            self._compare(name)

        # --- names of versions -------------------------------------------------------------

        @rule(name=NAMES, alias=ALIASES, position=st.integers(0, 9))
        def alias(self, name: str, alias: str, position: int) -> None:
            what = "an alias names the version that it was given"
            known = self.model.get(name)
            if known is None:
                with raising(ObjectNotFoundError, what):
                    self.store.alias(name, alias)
                return
            chosen = known.every[position % len(known.every)]
            current = chosen is known.current and position % 2
            meta = self.store.alias(name, alias, None if current else chosen.version)
            known.aliases[alias] = chosen.version
            promise(what, meta.version, chosen.version)
            holds(what, alias in meta.aliases, expected="alias in meta.aliases", got=meta.aliases)
            self._compare(name)

        @rule(name=NAMES, alias=ALIASES)
        def unalias(self, name: str, alias: str) -> None:
            what = "an alias that is removed is gone"
            known = self.model.get(name)
            if known is None or alias not in known.aliases:
                with raising(ObjectNotFoundError, what):
                    self.store.unalias(name, alias)
                return
            holds(
                what,
                self.store.unalias(name, alias),
                expected="self.store.unalias(name, alias)",
                got=NOT_SO,
            )
            del known.aliases[alias]
            self._compare(name)

        @rule(snapshot=SNAPSHOTS)
        def take_a_snapshot(self, snapshot: str) -> None:
            what = "a snapshot holds all that is there, and has its name alone"
            if snapshot in self.snapshots:
                with raising(ConflictError, what, "There is a snapshot"):
                    self.omega.snapshot(snapshot)
                return
            taken = self.omega.snapshot(snapshot)
            self._taken(snapshot)
            promise(what, taken.objects[self.attribute], len(self.snapshots[snapshot]))
            self._compare_snapshots()

        @precondition(lambda self: crashes and bool(self.store))
        @rule(snapshot=SNAPSHOTS, step=st.integers(1, 12), after=st.booleans())
        def take_or_drop_a_snapshot_and_crash(self, snapshot: str, step: int, after: bool) -> None:
            twin = there("the machine has clients that crash", self.twin)
            known = snapshot in self.snapshots

            def take_or_drop(omega: Omega) -> None:
                omega.drop_snapshot(snapshot) if known else omega.snapshot(snapshot)

            twin.crash(step, take_or_drop, "cut off after" if after else "cut off before")
            is_there = snapshot in [taken.name for taken in self.omega.snapshots()]
            if known and not is_there:
                del self.snapshots[snapshot]
            elif is_there and not known:
                self._taken(snapshot)
            # What is left of it has no time to come back in the middle of another.
            self._settle()
            self._compare_snapshots()

        @rule(snapshot=SNAPSHOTS)
        def drop_a_snapshot(self, snapshot: str) -> None:
            what = "a snapshot that was dropped is gone"
            known = self.snapshots.pop(snapshot, None) is not None
            promise(what, self.omega.drop_snapshot(snapshot, missing_ok=True), known)
            with raising(ObjectNotFoundError, what):
                self.omega.at(snapshot)

        def _taken(self, snapshot: str) -> None:
            self.snapshots[snapshot] = {
                name: (replace(known.current), known.rev)
                for name, known in self.model.items()
                if not name.startswith(".")
            }

        def _compare_snapshots(self) -> None:
            what = "a snapshot shows what there was when it was taken"
            promise(what, {taken.name for taken in self.omega.snapshots()}, set(self.snapshots))
            for snapshot, objects in self.snapshots.items():
                view = getattr(self.omega.at(snapshot), self.attribute)
                promise(what, view.list(), sorted(objects))
                for name, (stored, rev) in objects.items():
                    meta = view.metadata(name)
                    promise(what, (meta.version, meta.rev), (stored.version, rev))
                    promise(what, meta.attributes, stored.attributes)
                    comes_back(what, stored.obj, view.get(name))

        # --- collecting --------------------------------------------------------------------

        @rule()
        def collect(self) -> None:
            promise("the collector frees all that is retired", self.store.gc(grace=0).blocked, [])
            self._compare_all()
            self._compare_snapshots()

        @rule()
        def collect_after_all_leases(self) -> None:
            self._settle()
            self._compare_all()
            self._compare_snapshots()

        # --- comparing ---------------------------------------------------------------------

        @invariant()
        def lists_what_is_there(self) -> None:
            if hasattr(self, "store"):
                promise(
                    "the store lists what is there, and nothing else",
                    self.store.list(hidden=True),
                    sorted(self.model),
                )

        def teardown(self) -> None:
            if not hasattr(self, "store"):
                return
            if self.twin is not None:
                self.twin.close()
            self._compare_snapshots()
            for name in list(self.model):
                self.store.drop(name)
            self._settle()
            self._compare_snapshots()
            for snapshot in self.snapshots:
                self.omega.drop_snapshot(snapshot)
            self._settle()

        def _settle(self) -> None:
            what = "when all is over and collected, nothing is left that belongs to no object"
            database = self.omega.database.mongodb
            let_time_pass(database, HOUR)
            promise(what, self.omega.gc(grace=0).blocked, [])
            promise(what, find_orphans(database), [])

        def _replaced(
            self, name: str, obj: Any, attributes: dict[str, Any] | None, meta: Metadata
        ) -> None:
            what = "versions and revisions count on by one"
            known = self.model.get(name)
            version, rev = there(what, meta.version), there(what, meta.rev)
            merged = attributes
            if known is not None and attributes != {}:
                merged = {**known.current.attributes, **(attributes or {})}
            stored = Stored(obj, version, merged or {})
            if known is None:
                # Of a name that was dropped, the numbers go on, also once it is collected.
                last_rev, last = self.reached.get(name, (0, 0))
                holds(what, rev > last_rev, expected=f"more than {last_rev}", got=rev)
                holds(what, version > last, expected=f"more than {last}", got=version)
                self.model[name] = Modelled(stored, rev, version)
                return
            known.replaced_by(stored, self.keep)
            known.rev += 1
            known.last_version += 1
            promise(what, (version, rev), (known.last_version, known.rev))

        def _compare_all(self) -> None:
            for name in self.model:
                self._compare(name)

        def _compare(self, name: str) -> None:
            what = "the store has what was put, in all its versions"
            known = self.model.get(name)
            promise(what, self.store.exists(name), known is not None)
            meta = self.store.metadata(name)
            if known is None:
                promise(what, meta, None)
                with raising(ObjectNotFoundError, what):
                    self.store.get(name)
                return
            meta = there(what, meta)
            promise(what, (meta.version, meta.rev), (known.current.version, known.rev))
            promise(what, meta.attributes, known.current.attributes)
            comes_back(what, known.current.obj, self.store.get(name))
            every = {stored.version: stored for stored in [*known.others, known.current]}
            versions = self.store.versions(name)
            promise(what, [m.version for m in versions], sorted(every))
            promise(what, [m.version for m in versions if m.is_current], [known.current.version])
            aliases = {alias: each.version for alias, each in self.store.aliases(name).items()}
            promise(what, aliases, known.aliases)
            promise(
                what, {alias: m.version for m in versions for alias in m.aliases}, known.aliases
            )
            for version, stored in every.items():
                comes_back(what, stored.obj, self.store.get(name, version=version))
            for alias, version in known.aliases.items():
                comes_back(what, every[version].obj, self.store.get(name, version=alias))

    return StoreMachine


def _attribute(store: OmegaStore) -> str:
    """Return what an `Omega` calls this store."""
    stores = {"datasets": store.omega.datasets, "models": store.omega.models}
    stores["jobs"] = store.omega.jobs
    return next(name for name, candidate in stores.items() if candidate.prefix == store.prefix)
