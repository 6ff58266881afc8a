"""Every error of omega_core, in one tree under `OmegaError`.

A message says what happened, to which object, and what to do now. Where a built-in exception
fits, the class derives from it too, so that ``except KeyError`` means what a reader expects.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class OmegaError(Exception):
    """Root of all errors that omega_core raises on purpose."""

    def __str__(self) -> str:
        # KeyError, a base of some below, would show the repr of the message.
        return str(self.args[0]) if self.args else ""


class ConfigError(OmegaError, ValueError):
    """The configuration has an unknown key, a wrong type or an impossible value."""


class ConfigWarning(UserWarning):
    """Something looks like a setting, and is none."""


class ServerError(OmegaError, ConnectionError):
    """No MongoDB server answers, or none can be started."""


class AccessError(OmegaError, PermissionError):
    """The MongoDB server does not know who asks, or does not permit this to them."""


class UriNotAllowedError(OmegaError):
    """A URI lies outside ``[uris] allow``, escapes its root, or carries credentials."""


# --- plugins -----------------------------------------------------------------------------


class PluginError(OmegaError):
    """Something about a plugin, rather than about an object."""


class PluginNotFoundError(PluginError, LookupError):
    """No installed distribution offers this plugin, kind, scheme or engine."""


class PluginDisabledError(PluginError):
    """The plugin is installed, and the configuration does not enable it."""


class PluginLoadError(PluginError):
    """The plugin, or a backend of it, failed to import or to declare what it offers."""


class PluginIncompatibleError(PluginError):
    """The plugin asks for another version of omega_core than the installed one."""


class PluginConflictError(PluginError):
    """Two plugins declare one id, kind, scheme or engine."""


class PluginContractError(PluginError, TypeError):
    """A plugin breaks a rule of the hooks or of the backend interface."""


# --- routing -----------------------------------------------------------------------------


class RoutingError(OmegaError):
    """No single backend could be found for an object."""


class NoBackendError(RoutingError, TypeError):
    """No enabled backend takes this object."""


class AmbiguousBackendError(RoutingError, TypeError):
    """Two backends take this object with equal right."""


# --- stores ------------------------------------------------------------------------------


class StoreError(OmegaError):
    """Something about one object in a store."""


class ObjectNotFoundError(StoreError, KeyError):
    """No object, or no such version of it, exists under this name."""


class InvalidNameError(StoreError, ValueError):
    """The name is empty, too long, not a string, or contains NUL."""


class ConflictError(StoreError):
    """Somebody else changed the object first; nothing was overwritten."""


class OvertakenError(ConflictError):
    """What an append adds to came, went or was replaced while it was written; nothing was lost."""


class LeaseLostError(ConflictError):
    """A writer was silent for longer than its lease, and was given up for dead."""


class IntegrityError(StoreError):
    """The stored bytes are not the ones that were written."""


class ArchiveError(StoreError, ValueError):
    """A file is no archive that `export` wrote, or not any more what was written."""


class StaleReadError(StoreError):
    """What is being read was replaced or dropped, and collected, meanwhile."""


class ReadOnlyError(StoreError):
    """This is a view of what there was, and nothing is written to it."""


class UntrustedFormatError(StoreError):
    """Reading or writing this object would run code that it carries."""


class JobsDeniedError(StoreError):
    """A job is code, and the configuration of the process that was to run it allows none."""


class UnsupportedOptionError(StoreError, TypeError):
    """The backend does not understand this option."""


class UnsupportedValueError(StoreError, TypeError, ValueError):
    """The object holds something that would not come back equal."""


class ColumnMismatchError(StoreError, ValueError):
    """The columns at predict are not the columns at fit."""


# --- tasks -------------------------------------------------------------------------------


class TaskError(OmegaError):
    """Something about a task, rather than about the object that it acts on."""


class TaskNotFoundError(TaskError, KeyError):
    """No task has this id, or its record has expired."""


class TaskCancelledError(TaskError):
    """The task was cancelled, so that it stores nothing any more."""


class TaskTimeoutError(TaskError, TimeoutError):
    """The task took longer than it was given, and stores nothing any more."""


class TaskLostError(TaskError):
    """Whoever executed the task is gone, and did not say what came of it."""


class JobFailedError(TaskError):
    """A job ran and failed; what it left is stored, and the message says where."""


class EngineError(TaskError, ConnectionError):
    """The engine, its scheduler or its broker does not answer."""


class RemoteError(TaskError):
    """A task failed on a worker with an exception of a class that is not known here."""


class ScheduleError(OmegaError, ValueError):
    """A schedule says no moment, or asks for what no run could do."""


class ScheduleNotFoundError(OmegaError, KeyError):
    """The job has no schedule."""


def suggestion(word: str, candidates: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the closest candidate, or an empty string."""
    close = get_close_matches(str(word), sorted(map(str, candidates)), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
