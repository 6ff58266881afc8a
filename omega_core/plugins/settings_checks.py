"""What is wrong with the settings of a plugin, and who shows a secret of them."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from ..backends.base import BaseDataBackend
from ..config.schema import holds_secret, unsupported
from ..secret import Secret
from .discovery import Plugin
from .findings import Finding

_SECRETS = re.compile(
    r"(?:\A|_)(?:password|passwd|passphrase|secret|token|credentials?|"
    r"(?:api|access|private|secret|account)_?key)\Z"
)
_MARK = "a value that nobody may see"


def check_settings(declared: Callable[[], Any] | None, plugin: Plugin) -> Iterator[Finding]:
    if declared is None:
        return
    try:
        schema = declared()
        unknown = unsupported(schema) if schema is not None else {}
    except Exception:
        return  # the core said so when it was loaded
    if schema is None:
        return
    name = schema.__name__
    if not schema.__dataclass_params__.frozen:
        yield Finding(
            "error",
            "settings-not-frozen",
            f"settings {name}",
            "All threads share one instance of it, and anybody could change it.",
            "@dataclass(frozen=True, kw_only=True)",
        )
    hints = typing.get_type_hints(schema, include_extras=True)
    for field in dataclasses.fields(schema):
        subject, hint = f"settings {name}.{field.name}", hints[field.name]
        if field.name in unknown:
            yield Finding(
                "error",
                "setting-type",
                subject,
                f"No setting has the type {_type(hint)}: whoever sets it gets an error.",
                "str, int, float, bool, Secret, Literal[...], tuple[X, ...], Mapping[str, X], or "
                "X | None",
            )
        if field.default is field.default_factory is dataclasses.MISSING:
            yield Finding(
                "error",
                "setting-required",
                subject,
                "It has no default: where nobody configures it, the plugin does not load at all.",
                "Give it a default, None at need, and say what is missing where it is used.",
            )
        if _SECRETS.search(field.name) and str in _alternatives(hint) and not holds_secret(hint):
            yield Finding(
                "error",
                "plain-secret",
                subject,
                "A secret as str is shown by repr(), in logs and in error messages.",
                f"{field.name}: omega_core.Secret | None = None",
            )
        if not field.kw_only:
            yield Finding(
                "warning",
                "settings-positional",
                f"settings {name}",
                "Its fields can be given by their place, so that their order can never change.",
                "@dataclass(frozen=True, kw_only=True)",
            )


def _type(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)


def _alternatives(hint: Any) -> set[Any]:
    return {hint, *typing.get_args(hint)}


def marked_settings(settings: Any) -> Any:
    """Return settings whose secrets are all one that can be recognised."""
    if settings is None:
        return None
    hints = typing.get_type_hints(type(settings))
    secret = {
        field.name: Secret(_MARK, key=field.name)
        for field in dataclasses.fields(settings)
        if field.init and Secret in _alternatives(hints[field.name])
    }
    with suppress(Exception):
        return dataclasses.replace(settings, **secret)
    return settings


def check_shown(subject: str, cls: type[BaseDataBackend], settings: Any) -> Iterator[Finding]:
    """Look whether a secret is in what is printed of the settings, or of the backend."""
    if settings is None:
        return
    made: list[tuple[str, Any]] = [(f"settings {type(settings).__name__}", settings)]
    with suppress(Exception):
        backend = cls(data_store=None, model_store=None)  # type: ignore[arg-type]
        backend.settings = settings
        made.append((f"{subject}, {cls.__name__}", backend))
    for what, one in made:
        with suppress(Exception):
            if _MARK in repr(one) + str(one):
                yield Finding(
                    "error",
                    "secret-shown",
                    what,
                    "Its repr() shows a secret in plain text.",
                    "Show the Secret itself, which is printed as ***, and never its value.",
                )
