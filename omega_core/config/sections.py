"""The sections of the configuration that belong to the core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from ..secret import Secret, redact_url
from .schema import Keys, Meaning, above, at_least


@dataclass(frozen=True, kw_only=True)
class MongoConfig:
    """``[mongo]``: the server. Without a URL it is the embedded one."""

    url: Annotated[
        str | None,
        Meaning(
            "Where the server is, and the database: `mongodb://host/database`. Without it, a "
            "server of your own is started."
        ),
    ] = field(default=None, repr=False)
    username: Annotated[str | None, Meaning("The user of the database.")] = None
    password: Annotated[
        Secret | None,
        Meaning("Their password: better a reference to a variable or a file than a text."),
    ] = None
    timeout: Annotated[
        float,
        above(0),
        Meaning(
            "Seconds to find the server. Within twice that, one that falls silent is given up, in "
            "the middle of an operation too. What merely takes long is not cut."
        ),
    ] = 5.0
    data_dir: Annotated[
        str | None,
        Meaning("Where the embedded server keeps its data. Without it, in your home directory."),
    ] = None

    def __post_init__(self) -> None:
        if self.data_dir == "":
            raise ValueError("data_dir is empty. Name a directory, or leave the key out.")

    @property
    def redacted_url(self) -> str | None:
        """The URL as it may be shown: without user and password; `HIDDEN` for what is none."""
        return None if self.url is None else redact_url(self.url)

    def __repr__(self) -> str:
        return (
            f"MongoConfig(url={self.redacted_url!r}, username={self.username!r}, "
            f"password={self.password!r}, timeout={self.timeout!r}, data_dir={self.data_dir!r})"
        )


@dataclass(frozen=True, kw_only=True)
class PluginsConfig:
    """``[plugins]``: which are enabled, and ``[plugins.<id>]``, what each is told.

    ``sections`` are the tables of the plugins, not yet checked; `Config.section` checks one.
    """

    enabled: Annotated[
        tuple[str, ...] | None,
        Meaning("The ids of those that may be used. Without it, all that are installed; [] none."),
    ] = None
    disabled: Annotated[
        tuple[str, ...],
        Meaning("Those that may not, whatever `enabled` says. They are not even imported."),
    ] = ()
    order: Annotated[
        tuple[str, ...],
        Meaning("In which order wrappers stand around each other, the outermost first."),
    ] = ()
    strict: Annotated[
        bool,
        Meaning("Whether a plugin that does not load ends everything, or is merely reported."),
    ] = False
    kinds: Annotated[
        Mapping[str, str],
        Meaning("Which plugin stores a kind that two of them declare, by kind."),
    ] = field(default_factory=dict)
    # repr=False: which of these are secrets, only the plugins know.
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)


MAX_VERSIONS = 100
"""How many versions of an object can stay; a put of one that has them all is as fast as any."""

_KEEP = {"datasets": 2, "models": 10, "jobs": 2}


@dataclass(frozen=True, kw_only=True)
class StoresConfig:
    """``[stores]``: the bucket, how many versions stay, and two durations in seconds."""

    bucket: Annotated[str, Meaning("The bucket that is used where none is named.")] = "default"
    keep: Annotated[
        Mapping[Annotated[str, Keys(_KEEP)], Annotated[int, at_least(1)]],
        Meaning("How many versions of an object stay, by store."),
    ] = field(default_factory=dict)
    lease: Annotated[
        float, above(0), Meaning("Seconds for which a silent writer is taken for alive.")
    ] = 60.0
    grace: Annotated[
        float,
        at_least(0),
        Meaning("Seconds for which the data of replaced and dropped objects stays, for readers."),
    ] = 3600.0
    inline: Annotated[
        int,
        at_least(0),
        Meaning(
            "Bytes up to which a file is a part of its metadata document; fewer where many "
            "versions stay."
        ),
    ] = 16 * 1024

    def __post_init__(self) -> None:
        # A table that sets some of them keeps the defaults of the others.
        object.__setattr__(self, "keep", {**_KEEP, **self.keep})
        if not self.bucket:
            raise ValueError("the bucket must have a name.")
        for store, count in self.keep.items():
            if count > MAX_VERSIONS:
                raise ValueError(
                    f"keep.{store} is {count}, and at most {MAX_VERSIONS} versions of an object "
                    "stay: every put rewrites the list of them. Put what has to stay longer under "
                    "names of its own."
                )


@dataclass(frozen=True, kw_only=True)
class SecurityConfig:
    """``[security]``: what a stored object may do while it is read, and whether jobs run here."""

    pickle: Annotated[
        Literal["deny", "allow"],
        Meaning("Whether formats are written and read that can run code when they are read."),
    ] = "deny"
    run_jobs: Annotated[
        Literal["deny", "allow"], Meaning("Whether jobs, which are code, run in this process.")
    ] = "deny"
    trusted_types: Annotated[
        tuple[str, ...],
        Meaning("Types of your own that a model may hold, by their full names."),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class UrisConfig:
    """``[uris]``: the prefixes under which objects may be written and read by URI."""

    allow: Annotated[
        tuple[str, ...],
        Meaning("The prefixes. Nothing else is read, written or deleted."),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class UiConfig:
    """``[ui]``: what people see besides results."""

    progress: Annotated[
        Literal["auto", "off"],
        Meaning("`auto`: a bar for what takes over a second, at a terminal and in a notebook."),
    ] = "auto"


@dataclass(frozen=True, kw_only=True)
class RuntimeConfig:
    """``[runtime]``: who executes the actions of models."""

    engine: Annotated[
        str, Meaning("Who executes: `local`, a pool of threads, or an engine of a plugin.")
    ] = "local"
    workers: Annotated[
        int | None, at_least(1), Meaning("How many at a time. Without it, the engine decides.")
    ] = None
    results: Annotated[
        float,
        above(0),
        Meaning("Seconds for which the record of a task stays, from the last heard of it."),
    ] = 7 * 24 * 3600.0
    history: Annotated[float, above(0), Meaning("The same, of a run of a job.")] = 90 * 24 * 3600.0
    cache: Annotated[
        int,
        at_least(0),
        Meaning("Bytes of models that a process keeps for the next action; 0 keeps none."),
    ] = 256 * 1024**2
