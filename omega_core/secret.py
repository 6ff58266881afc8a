"""Values that must not be shown: secrets, and URLs that carry one."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus

from .errors import ConfigError

HIDDEN = "***"

_HOST = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?|%2[Ff][A-Za-z0-9._~%-]+"
_MONGO = re.compile(
    r"(?P<scheme>mongodb(?:\+srv)?)://(?:(?P<userinfo>[^@/?]*)@)?"
    rf"(?P<hosts>(?:{_HOST})(?:,(?:{_HOST}))*)"
    r"(?:/(?P<database>[A-Za-z0-9_-]*))?(?:\?(?P<options>[^@?#]*))?"
)
_ANY = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<userinfo>[^@/?#]*)@)?"
    r"(?P<place>(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])?(?::[0-9]{1,5})?(?:/[^@?#]*)?)"
    r"(?P<rest>[?#][^@]*)?"
)

# By their lower-case names. Whatever else is in a URL may be part of a password.
_NAMING = frozenset({"authsource", "authmechanism", "replicaset"})
_KNOWN = _NAMING | (
    {"tls", "ssl", "directconnection", "loadbalanced", "readpreference", "readconcernlevel", "w"}
    | {"wtimeoutms", "journal", "retrywrites", "retryreads", "timeoutms", "connecttimeoutms"}
    | {"sockettimeoutms", "serverselectiontimeoutms", "heartbeatfrequencyms", "maxpoolsize"}
    | {"minpoolsize", "servermonitoringmode", "tlsinsecure", "tlsallowinvalidcertificates"}
    | {"tlsallowinvalidhostnames", "authmechanismproperties", "tlscertificatekeyfile"}
    | {"tlscertificatekeyfilepassword", "tlscafile", "tlscrlfile", "appname", "compressors"}
    | {"srvservicename", "srvmaxhosts", "proxyhost", "proxyport", "proxyusername"}
    | {"proxypassword", "uuidrepresentation"}
)
_NAME = re.compile(r"[A-Za-z0-9$%._-]{1,64}")
_CHOICE = re.compile(
    r"[0-9]{1,9}|true|false|majority|local|available|linearizable|snapshot|"
    r"(?:primary|secondary)(?:Preferred)?|nearest|stream|poll|auto"
)


class Secret:
    """A value that is looked up late and never shown.

    Parameters
    ----------
    value
        The value itself. Prefer one of the two references: only this form has to carry the
        value along when it is pickled.
    env
        The environment variable that holds the value.
    file
        The file that holds the value. One line end at its end does not count.
    key
        The setting that this is the value of, for errors.
    """

    __slots__ = ("_env", "_file", "_key", "_value")

    def __init__(
        self,
        value: str | None = None,
        *,
        env: str | None = None,
        file: str | os.PathLike[str] | None = None,
        key: str = "",
    ) -> None:
        if sum(given is not None for given in (value, env, file)) != 1:
            raise TypeError("Secret: give exactly one of a value, env=NAME and file=PATH")
        self._value = value
        self._env = env
        self._file = None if file is None else os.fspath(file)
        self._key = key

    def reveal(self) -> str:
        """Return the value.

        Raises
        ------
        ConfigError
            The environment variable is not set, or the file cannot be read.
        """
        owner = f"the secret of {self._key}" if self._key else "a secret"
        if self._env is not None:
            try:
                return os.environ[self._env]
            except KeyError:
                raise ConfigError(
                    f"{owner} comes from the environment variable {self._env}, which is not set. "
                    f"Set it, or change the reference."
                ) from None
        if self._file is not None:
            try:
                text = Path(self._file).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as exc:
                # The message of a UnicodeDecodeError may hold bytes of the secret.
                reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
                raise ConfigError(
                    f"{owner} comes from the file {self._file}, which cannot be read: {reason}."
                ) from None
            return text.removesuffix("\n").removesuffix("\r")
        assert self._value is not None
        return self._value

    @property
    def reference(self) -> dict[str, str] | None:
        """``{"env": NAME}`` or ``{"file": PATH}``, or None for a literal value."""
        if self._env is not None:
            return {"env": self._env}
        if self._file is not None:
            return {"file": self._file}
        return None

    def __repr__(self) -> str:
        reference = self.reference
        if reference is None:
            return f"Secret({HIDDEN!r})"
        [(source, where)] = reference.items()
        return f"Secret({source}={where!r})"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[str | None, ...]:
        return self._value, self._env, self._file


class MongoUrl(NamedTuple):
    """The parts of ``mongodb://userinfo@hosts/database?options``, as they are written."""

    scheme: str
    userinfo: str | None
    hosts: str
    database: str
    options: tuple[tuple[str, str], ...]

    def option(self, name: str) -> str | None:
        """Return the value of an option, or None; names have no case."""
        wanted = name.lower()
        return next((unquote(v) for k, v in self.options if k.lower() == wanted), None)

    def __str__(self) -> str:
        """What of it may be shown: the hosts, the database, and options that are known."""
        user = "" if self.userinfo is None else f"{HIDDEN}@"
        options = "&".join(dict.fromkeys(_shown_option(*option) for option in self.options))
        path = f"/{self.database}" if self.database or options else ""
        return f"{self.scheme}://{user}{self.hosts}{path}" + (f"?{options}" if options else "")


def parse_mongo_url(text: str) -> MongoUrl | None:
    """Return the parts of a URL; None for what is none, or could be read in two ways."""
    found = _MONGO.fullmatch(text)
    if found is None:
        return None
    pairs = re.split("[&;]", found["options"]) if found["options"] else []
    options = ((name, value) for name, _, value in (pair.partition("=") for pair in pairs))
    return MongoUrl(
        found["scheme"], found["userinfo"], found["hosts"], found["database"] or "", tuple(options)
    )


def _shown_option(name: str, value: str) -> str:
    if name.lower() not in _KNOWN:
        return HIDDEN
    harmless = _NAME if name.lower() in _NAMING else _CHOICE
    return f"{name}={value if harmless.fullmatch(value) else HIDDEN}"


def redact_url(url: str) -> str:
    """Return what may be shown of a server's URL. What cannot be parsed is not shown."""
    parsed = parse_mongo_url(url)
    return HIDDEN if parsed is None else str(parsed)


def redact_text(text: str) -> str:
    """Return ``text`` as it is, unless it is a URL, or looks like a part of one."""
    if text.lower().startswith(("mongodb://", "mongodb+srv://")):
        return redact_url(text)
    if not any(mark in text for mark in ("://", "@", "?")):
        return text
    found = _ANY.fullmatch(text)
    if found is None:
        return HIDDEN
    user = "" if found["userinfo"] is None else f"{HIDDEN}@"
    rest = f"{found['rest'][0]}{HIDDEN}" if found["rest"] else ""
    return f"{found['scheme']}://{user}{found['place']}{rest}"


def without_secrets(reason: str, url: str) -> str:
    """Return ``reason``, or nothing where it repeats a part of ``url`` that is not shown."""

    def parts(text: str) -> set[str]:
        return {part for part in re.split(r"[:/@?&=;,#\s]", text) if part}

    hidden = (parts(url) | parts(unquote(url)) | parts(unquote_plus(url))) - parts(redact_url(url))
    return "" if any(part in reason for part in hidden) else reason
