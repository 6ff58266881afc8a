"""Values that must not be shown: secrets, and URLs that carry one."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .errors import ConfigError

HIDDEN = "***"

# Greedy up to the last "@": a password that should have been percent-encoded, and was not, is
# hidden whole. At worst this hides a bit more than the password.
_USERINFO = re.compile(r"^([^:/?#\s]+://[^:@/]*):.*@", re.DOTALL)
_OPTIONS = re.compile(
    r"([?&](?:tlsCertificateKeyFilePassword|authMechanismProperties|proxyPassword)=)[^&]*",
    re.IGNORECASE,
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


def redact_url(url: str) -> str:
    """Return ``url`` with the password of ``user:password@`` and of options hidden."""
    return _OPTIONS.sub(rf"\1{HIDDEN}", _USERINFO.sub(rf"\1:{HIDDEN}@", url))
