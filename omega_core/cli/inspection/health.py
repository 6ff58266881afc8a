"""What `omega doctor` looks at: the configuration, the plugins, the server, and what is stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ...errors import OmegaError, PluginError, suggestion
from .plugins import declarations, inspect

if TYPE_CHECKING:
    from ...config import Config
    from ...omega import Omega
    from ...plugins.discovery import Plugin
    from ...plugins.registry import Plugins

Level = Literal["ok", "warning", "problem"]

_OLDEST_SERVER = (4, 2)
_OVERDUE_DAYS = 2

_NEEDED = (
    *("find", "listIndexes", "insert", "update", "remove"),
    *("createCollection", "createIndex", "dropCollection"),
)
"""What storing takes; the role ``readWrite`` has all of it."""


@dataclass(frozen=True)
class Finding:
    """What one look brought to light.

    Attributes
    ----------
    check
        What was looked at.
    level
        ``ok``; ``warning``: worth knowing; ``problem``: something does not work.
    remedy
        What to do; empty where nothing is to be done, or where the message says it.
    """

    check: str
    level: Level
    message: str
    remedy: str = ""


def examine(load: Callable[[], tuple[Config, list[str]]]) -> Iterator[Finding]:
    """Look at everything, from the outside in; what depends on something broken is left out.

    Parameters
    ----------
    load
        Returns the configuration, and the warnings about it.
    """
    try:
        config, odd = load()
    except OmegaError as exc:
        yield Finding("configuration", "problem", str(exc))
        return
    for message in odd:
        yield Finding("configuration", "warning", message)
    source = config.source or "no file found: everything is at its default"
    yield Finding("configuration", "ok", source)
    try:
        plugins = inspect(config)
    except OmegaError as exc:
        yield Finding("plugins", "problem", str(exc))
        return
    yield from _plugins(plugins)
    yield from _engine(config, plugins)
    yield from _server(config, plugins)


def _plugins(plugins: Plugins) -> Iterator[Finding]:
    if not len(plugins):
        yield Finding(
            "plugins",
            "warning",
            "None is installed: only plain Python data and files can be stored.",
            "pip install omega-pandas omega-sklearn",
        )
    for plugin in plugins:
        who = f"{plugin.id} ({plugin.distribution} {plugin.version})"
        if plugin.error is not None:
            yield Finding("plugins", "problem", f"{plugin.state}: {plugin.error}")
        elif plugin.state == "disabled":
            yield Finding("plugins", "ok", f"{who} is disabled by the configuration")
        else:
            offers = [spec.kind for spec in plugin.specs]
            offers += [f"{scheme}://" for scheme in plugin.schemes]
            offers += [f"engine {engine}" for engine in plugin.engines]
            offers += [f"wraps {hook}" for hook in plugin.wraps]
            yield Finding("plugins", "ok", f"{who}: {', '.join(offers) or 'offers nothing'}")
        for doubt in plugin.doubts:
            yield Finding("plugins", "warning", doubt)
        if plugin.state == "enabled":
            yield from _for_its_author(plugins, plugin)
    for kind in sorted(declarations(plugins).keys() - set(plugins.kinds)):
        try:
            plugins.spec(kind)
        except PluginError as exc:
            yield Finding("kinds", "problem", str(exc))


def _for_its_author(plugins: Plugins, plugin: Plugin) -> Iterator[Finding]:
    """Say in a line what `omega plugins check` says in a table; nobody else can mend it."""
    from ...plugins.examiner import glance

    levels = [finding.level for finding in glance(plugins, plugin)]
    counts = [(levels.count(level), level) for level in ("error", "warning")]
    told = " and ".join(f"{n} {level}{'s' if n > 1 else ''}" for n, level in counts if n)
    if told:
        worst: Level = "warning" if "error" in levels else "ok"
        said = f"{plugin.id}: {told} for its author: omega plugins check {plugin.id}"
        yield Finding("plugins", worst, said)


def _engine(config: Config, plugins: Plugins) -> Iterator[Finding]:
    engine, known = config.runtime.engine, ["local", *plugins.engines]
    if engine not in known:
        yield Finding(
            "runtime",
            "problem",
            f"No enabled plugin offers the engine {engine!r}.{suggestion(engine, known)}",
            f"Set [runtime] engine to one of {', '.join(known)}, or install who offers it.",
        )


def _server(config: Config, plugins: Plugins) -> Iterator[Finding]:
    from ...omega import Omega

    # What is broken was reported; here the others are asked, and a broken one is not loaded again.
    broken = [plugin.id for plugin in plugins if plugin.error is not None]
    sane = dataclasses.replace(
        config.plugins, strict=False, disabled=(*config.plugins.disabled, *broken)
    )
    try:
        om = Omega(dataclasses.replace(config, plugins=sane))
    except OmegaError as exc:
        yield Finding("configuration", "problem", str(exc))
        return
    with om:
        healthy = True
        for finding in _looked("server", om, _connection(om)):
            healthy = healthy and finding.level != "problem"
            yield finding
        yield from _backends(om)
        if healthy:
            yield from _looked("user", om, _permissions(om))
            yield from _looked("indexes", om, _index(om))
            yield from _looked("writers", om, _intents(om))
            yield from _looked("tasks", om, _tasks(om))
            yield from _looked("gc", om, _retired(om, plugins))
            yield from _looked("objects", om, _kinds(om, plugins))


def _looked(check: str, om: Omega, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield the findings; whatever the server or the system refuses meanwhile is one of them."""
    from pymongo.errors import PyMongoError

    from ...mongo.database import answering

    try:
        with answering(om.database):
            yield from findings
    except (OmegaError, PyMongoError, OSError) as exc:
        yield Finding(check, "problem", str(exc))


def _connection(om: Omega) -> Iterator[Finding]:
    client = om.database.client
    hello = client.admin.command("hello")
    info = client.server_info()
    mode = f"replica set {hello['setName']}" if "setName" in hello else "standalone"
    name = om.database.mongodb.name
    text = f"MongoDB {info['version']}, {mode}, database {name!r}, at {om.database.described}"
    if tuple(info["versionArray"][:2]) < _OLDEST_SERVER:
        remedy = f"Upgrade it to {'.'.join(map(str, _OLDEST_SERVER))} or later."
        yield Finding("server", "problem", f"{text}: too old", remedy)
        return
    yield Finding("server", "ok", text)


def _permissions(om: Omega) -> Iterator[Finding]:
    """Look at what the user may do, where the server asks who that is."""
    client, name = om.database.client, om.database.mongodb.name
    status = client.admin.command("connectionStatus", showPrivileges=True)["authInfo"]
    if not status["authenticatedUsers"]:
        return
    granted: set[str] = set()
    for privilege in status["authenticatedUserPrivileges"]:
        if privilege["resource"].get("db") in ("", name):
            granted.update(privilege["actions"])
    missing = [action for action in _NEEDED if action not in granted]
    users = [f"{user['user']!r} of {user['db']!r}" for user in status["authenticatedUsers"]]
    user = " and ".join(users)
    if not missing:
        yield Finding("user", "ok", f"{user} may read and write in {name!r}")
        return
    remedy = f'db.grantRolesToUser(..., [{{role: "readWrite", db: "{name}"}}])'
    if "find" in missing:
        yield Finding("user", "problem", f"{user} may not read in {name!r}", remedy)
    else:
        said = f"{user} may read in {name!r}, and not store: {', '.join(missing)} is not permitted"
        yield Finding("user", "warning", said, remedy)


def _backends(om: Omega) -> Iterator[Finding]:
    """Import what each kind needs, as its first use would."""
    working = 0
    for kind in om.plugins.kinds:
        try:
            om.router.adapter(om.plugins.spec(kind))
            working += 1
        except PluginError as exc:
            yield Finding("kinds", "problem", str(exc))
    yield Finding("kinds", "ok", f"the backends of {working} kinds can be imported")


def _index(om: Omega) -> Iterator[Finding]:
    metadata = om.database.metadata
    if metadata.find_one({}, {"_id": 1}) is None:
        yield Finding("indexes", "ok", "nothing is stored yet; the first put makes them")
        return
    index = metadata.index_information().get("object", {})
    if index.get("unique") and [key for key, _ in index["key"]] == ["bucket", "prefix", "name"]:
        yield Finding("indexes", "ok", f"the unique index of {metadata.full_name} is in place")
        return
    yield Finding(
        "indexes",
        "problem",
        f"{metadata.full_name} has no unique index 'object' on (bucket, prefix, name): two writers "
        "of one name could make two objects of it.",
        "Remove duplicate documents, and an index of that name; the next put makes it anew.",
    )


def _intents(om: Omega) -> Iterator[Finding]:
    stages: list[dict[str, Any]] = [
        {"$match": {"pending": {"$exists": True}}},
        {"$project": {"p": {"$objectToArray": "$pending"}}},
        {"$unwind": "$p"},
        {"$group": {"_id": {"$gt": ["$p.v.lease", "$$NOW"]}, "count": {"$sum": 1}}},
    ]
    counts = {row["_id"]: row["count"] for row in om.database.metadata.aggregate(stages)}
    alive, expired = counts.get(True, 0), counts.get(False, 0)
    yield Finding("writers", "ok", f"{alive} at work")
    if expired:
        yield Finding(
            "writers",
            "warning",
            f"{expired} crashed or lost its connection, and left something behind. No object is "
            "harmed by it.",
            "omega gc --yes",
        )


def _tasks(om: Omega) -> Iterator[Finding]:
    """Look at what was submitted, and at what nobody works at any more."""
    lost = {"$and": [{"$ne": [{"$type": "$lease"}, "missing"]}, {"$lt": ["$lease", "$$NOW"]}]}
    stages: list[dict[str, Any]] = [
        {"$match": {"status": {"$in": ["pending", "running"]}}},
        {"$group": {"_id": {"$cond": [lost, "lost", "$status"]}, "count": {"$sum": 1}}},
    ]
    rows = om.database.tasks(durable=False).aggregate(stages)
    counts = {row["_id"]: row["count"] for row in rows}
    waiting, running = counts.get("pending", 0), counts.get("running", 0)
    yield Finding("tasks", "ok", f"{waiting} wait, {running} are executed")
    if counts.get("lost"):
        yield Finding(
            "tasks",
            "warning",
            f"{counts['lost']} are lost: whoever executed them is gone, or cut off. No object is "
            "harmed by it.",
            "Submit them again, unless their engine does: om.runtime.result(id).status tells.",
        )


def _retired(om: Omega, plugins: Plugins) -> Iterator[Finding]:
    """Look at what waits to be freed, and at what never can be, as it is."""
    stages: list[dict[str, Any]] = [
        {"$match": {"retired": {"$exists": True}}},
        {"$project": {"r": {"$objectToArray": "$retired"}}},
        {"$unwind": "$r"},
        {
            "$group": {
                "_id": {
                    "backend": {"$ifNull": ["$r.v.res.backend", False]},
                    "kind": "$r.v.kind",
                    "plugin": "$r.v.plugin",
                },
                "uris": {"$push": "$r.v.res.uris"},
                "count": {"$sum": 1},
                "oldest": {"$min": "$r.v.at"},
                "now": {"$first": "$$NOW"},
            }
        },
    ]
    rows = list(om.database.metadata.aggregate(stages))
    waiting = sum(row["count"] for row in rows)
    yield Finding("gc", "ok", f"{waiting} replaced or dropped payloads wait to be freed")
    for row in rows:
        of = row["_id"]
        try:
            if of["backend"]:
                plugins.spec(of["kind"], writer=of["plugin"])
            for uri in sorted({uri for uris in row["uris"] for uri in uris}):
                om.locations.check(uri)
        except OmegaError as exc:
            yield Finding(
                "gc", "problem",
                f"{row['count']} payloads of kind {of['kind']!r} cannot be freed: {exc}",
            )  # fmt: skip
            continue
        if (row["now"] - row["oldest"]).days >= _OVERDUE_DAYS:
            yield Finding(
                "gc",
                "warning",
                f"payloads of kind {of['kind']!r} wait for more than {_OVERDUE_DAYS} days",
                "omega gc --yes",
            )


def _kinds(om: Omega, plugins: Plugins) -> Iterator[Finding]:
    """Look for objects, and versions of them, that nobody can read here."""
    own = {"kind": "$kind", "plugin": "$plugin"}
    kept = {
        "$map": {
            "input": {"$ifNull": ["$versions", []]},
            "as": "v",
            "in": {"kind": "$$v.kind", "plugin": "$$v.plugin"},
        }
    }
    stages: list[dict[str, Any]] = [
        {"$match": {"gen": {"$exists": True}}},
        {"$project": {"bucket": 1, "prefix": 1, "name": 1, "e": {"$concatArrays": [[own], kept]}}},
        {"$unwind": "$e"},
        {
            "$group": {
                "_id": "$e",
                "count": {"$sum": 1},
                "first": {"$first": {"bucket": "$bucket", "prefix": "$prefix", "name": "$name"}},
            }
        },
    ]
    total = 0
    for row in om.database.metadata.aggregate(stages):
        total += row["count"]
        try:
            plugins.spec(row["_id"]["kind"], writer=row["_id"].get("plugin"))
        except PluginError as exc:
            first = row["first"]
            example = f"{first['prefix']}{first['name']} in bucket {first['bucket']!r}"
            yield Finding(
                "objects",
                "problem",
                f"{row['count']} that nobody here can read, such as {example}: {exc}",
            )
    yield Finding("objects", "ok", f"{total} stored, versions included")
