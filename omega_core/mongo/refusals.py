"""What a MongoDB server refuses, and its absence, as errors for people: for every operation.

The texts of the server are not passed on where they repeat the command that was refused, and with
it the names and the data of objects.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pymongo.errors import AutoReconnect, NotPrimaryError, OperationFailure, PyMongoError

from ..errors import AccessError, ConfigError, OmegaError, ServerError
from ..secret import parse_mongo_url

if TYPE_CHECKING:
    from ..config import MongoConfig

_COMMAND = re.compile(r'not authorized on (\S+) to execute command \{ (\w+): (?:"([^"]*)")?')

_UNAUTHORIZED = frozenset({13})
_AUTHENTICATION = frozenset({11, 18, 8000})
_MECHANISM = frozenset({334})
_REAUTHENTICATE = frozenset({391})
_DISK = frozenset({14031})
_CONCERN = frozenset({64, 79, 100})
_COMMAND_UNKNOWN = frozenset({59, 115, 323})
_GOING_DOWN = frozenset({91, 11600})
_DATABASE_NAME = frozenset({73, 13297})
# Those for which the specification of retryable writes has a driver try once more: a member that
# steps down or shuts down, or is no primary any more.
_TRANSIENT = frozenset(
    {6, 7, 89, 91, 134, 189, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436}
)


def is_transient(error: PyMongoError) -> bool:
    """Return whether the same operation may succeed a little later, by another primary.

    The driver tells of these in many ways: as a lost connection, as the failure of a command, of a
    write, or of its durability.
    """
    if isinstance(error, AutoReconnect):
        return True
    return isinstance(error, OperationFailure) and _code(error) in _TRANSIENT


def auth_source(config: MongoConfig) -> str:
    """Return the database in which the server looks the user up."""
    parsed = parse_mongo_url(config.url or "")
    if parsed is None:
        return "admin"
    return parsed.option("authSource") or parsed.database or "admin"


def has_user(config: MongoConfig) -> bool:
    """Return whether the configuration names a user, or another way to say who one is."""
    parsed = parse_mongo_url(config.url or "")
    named = parsed is not None and (parsed.userinfo or parsed.option("authMechanism"))
    return config.username is not None or bool(named) or (parsed is None and "@" in str(config.url))


def refused(error: OperationFailure, config: MongoConfig, where: str) -> OmegaError | None:
    """Return the error to raise instead, or None for what the server refuses an operation itself.

    Parameters
    ----------
    where
        The server, as it may be shown.
    """
    code = _code(error)
    user = f"user {config.username!r}" if config.username is not None else "the user of [mongo] url"
    if code in _UNAUTHORIZED and not has_user(config):
        return AccessError(
            f"The MongoDB server at {where} wants to know who asks. Set [mongo] username and "
            "password (or OMEGA_MONGO__USERNAME and OMEGA_MONGO__PASSWORD); the database in which "
            "the user was created goes into [mongo] url, as ?authSource=admin."
        )
    if code in _UNAUTHORIZED:
        database, what = _command(error)
        return AccessError(
            f"The MongoDB server at {where} does not permit {user} {what}. Nothing was changed by "
            f"it. Let somebody who may grant roles run: db.grantRolesToUser(USER, [{{role: "
            f'"readWrite", db: "{database}"}}]), or set [mongo] username and password to those of '
            'another user. Reading alone takes the role "read".'
        )
    # Atlas has one code for whatever its proxy refuses.
    full = code == 8000 and "quota" in str(error).lower()
    if code in _AUTHENTICATION and not full:
        source = auth_source(config)
        return AccessError(
            f"The MongoDB server at {where} does not accept {user} with this password. It looked "
            f"for the user in the database {source!r}. Check [mongo] username and password; a user "
            "that was created in another database is found with ?authSource=DATABASE in [mongo] "
            "url, mostly ?authSource=admin."
        )
    if code in _MECHANISM:
        return AccessError(
            f"The MongoDB server at {where} does not know this way to say who asks. Check the "
            "option authMechanism in [mongo] url."
        )
    if code in _REAUTHENTICATE:
        return AccessError(f"The credentials for {where} have expired. Make a new Omega.")
    if code in _DISK or full:
        return ServerError(
            f"The disk of the MongoDB server at {where} is full, and it takes no more writes. "
            "Nothing that is stored is harmed. Make room: omega gc --yes frees what was replaced."
        )
    if code in _CONCERN:
        return ServerError(
            f"The MongoDB server at {where} could not confirm a write as durable: too few members "
            "of the replica set have it. It may stand. Check that a majority of them runs, look at "
            "what is there, and repeat."
        )
    if code in _COMMAND_UNKNOWN:
        return ServerError(
            f"The server at {where} lacks a command that is needed ({_first_words(error)}). It "
            "must be MongoDB 6.0 or later; [mongo] url names the server."
        )
    if code in _DATABASE_NAME:
        return ConfigError(
            f"[mongo] url: the server at {where} does not take the name of the database at its "
            f"end: {_first_words(error)}"
        )
    return None


def lost(error: PyMongoError, config: MongoConfig, where: str, waited: float) -> ServerError:
    """Return the error for a server that was there, and is not any more, or is no primary.

    Parameters
    ----------
    waited
        Seconds from the beginning of the operation until it was given up.
    """
    given_up = f"this was given up after {waited:.1f} s ([mongo] timeout = {config.timeout:g} s)"
    if isinstance(error, OperationFailure):
        return ServerError(
            f"The MongoDB server at {where} became another member's secondary, or shut down, and "
            f"{given_up}. If a write was committed, it stands; otherwise nothing was changed, and "
            "gc removes what is left of it. Look at what is there, and repeat."
        )
    details = getattr(error, "details", None)
    code = details.get("code") if isinstance(details, dict) else None
    if isinstance(error, NotPrimaryError) and code not in _GOING_DOWN:
        return ServerError(
            f"The MongoDB server at {where} is a member of a replica set, and not its primary, "
            f"which alone takes writes; {given_up}. Remove directConnection=true from [mongo] url, "
            "and add ?replicaSet=NAME, so that the primary is found; during an election, repeat."
        )
    what = "is shutting down" if code in _GOING_DOWN else "stopped answering"
    return ServerError(
        f"The MongoDB server at {where} {what}, and {given_up}. If a write was "
        "committed, it stands; otherwise nothing was changed, and gc removes what is left of it. "
        "Check that the server runs, look at what is there, and repeat."
    )


def _code(error: OperationFailure) -> int | None:
    details = error.details or {}
    for nested in (*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())):
        if nested.get("code"):
            return int(nested["code"])
    return error.code


def _command(error: OperationFailure) -> tuple[str, str]:
    """Return the database, and what was asked of it, without what the command contained."""
    found = _COMMAND.search(str((error.details or {}).get("errmsg", error)))
    if found is None:
        return "DATABASE", "this"
    database, command, collection = found.groups()
    return database, f"to {command} {database}.{collection}" if collection else f"to {command}"


def _first_words(error: OperationFailure) -> str:
    return str((error.details or {}).get("errmsg", "")).partition("{")[0].strip()[:200]
