"""The sections of the configuration that belong to the core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from ..secret import Secret, redact_url
from .schema import Keys, above, at_least


@dataclass(frozen=True, kw_only=True)
class MongoConfig:
    """``[mongo]``: the server. Without a URL it is the embedded one.

    ``timeout`` is in seconds, for finding the server; within twice that, one that falls silent is
    given up, in the middle of an operation too. What merely takes long is not cut. ``data_dir`` is
    of the embedded server.
    """

    url: str | None = field(default=None, repr=False)
    username: str | None = None
    password: Secret | None = None
    timeout: Annotated[float, above(0)] = 5.0
    data_dir: str | None = None

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

    ``enabled`` None means all that are installed. ``kinds`` maps a kind that two plugins declare
    to the id of the one that wins. ``sections`` are the tables of the plugins, not yet checked;
    `Config.section` checks one.
    """

    enabled: tuple[str, ...] | None = None
    disabled: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    strict: bool = False
    kinds: Mapping[str, str] = field(default_factory=dict)
    # repr=False: which of these are secrets, only the plugins know.
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)


MAX_VERSIONS = 100
"""How many versions of an object can stay; a put of one that has them all is as fast as any."""

_KEEP = {"datasets": 2, "models": 10, "jobs": 2}


@dataclass(frozen=True, kw_only=True)
class StoresConfig:
    """``[stores]``: the bucket, how many versions stay, and two durations in seconds.

    ``lease`` is how long a silent writer is taken for alive, ``grace`` how long the data of
    replaced objects stays for their readers. Files of up to ``inline`` bytes travel in the
    metadata document, of fewer where many versions stay.
    """

    bucket: str = "default"
    keep: Mapping[Annotated[str, Keys(_KEEP)], Annotated[int, at_least(1)]] = field(
        default_factory=dict
    )
    lease: Annotated[float, above(0)] = 60.0
    grace: Annotated[float, at_least(0)] = 3600.0
    inline: Annotated[int, at_least(0)] = 16 * 1024

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

    pickle: Literal["deny", "allow"] = "deny"
    run_jobs: Literal["deny", "allow"] = "deny"
    trusted_types: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class UrisConfig:
    """``[uris]``: the prefixes under which objects may be written and read by URI."""

    allow: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class UiConfig:
    """``[ui]``: what people see besides results.

    ``progress`` "auto": a bar for what takes over a second, at a terminal and in a notebook.
    """

    progress: Literal["auto", "off"] = "auto"


@dataclass(frozen=True, kw_only=True)
class RuntimeConfig:
    """``[runtime]``: who executes the actions of models. ``workers`` None: the engine decides.

    ``results`` is how many seconds the record of a task stays after the last that it was heard of,
    and ``history`` the same of a run of a job.
    ``cache`` is how many bytes of models a process keeps for the next action that asks them; 0
    keeps none.
    """

    engine: str = "local"
    workers: Annotated[int | None, at_least(1)] = None
    results: Annotated[float, above(0)] = 7 * 24 * 3600.0
    history: Annotated[float, above(0)] = 90 * 24 * 3600.0
    cache: Annotated[int, at_least(0)] = 256 * 1024**2
