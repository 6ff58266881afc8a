"""Turns a table of settings into a dataclass, or says what is wrong with it, and where."""

from __future__ import annotations

import dataclasses
import math
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union

from ..errors import ConfigError, PluginContractError, suggestion
from ..secret import Secret, redact_text
from .origin import KeyPath, Origin

T = TypeVar("T")

_UNIONS = (Union, types.UnionType)
_NOTHING = type(None)
# In this order: a boolean is an integer as well.
_WORDS: dict[Any, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    Mapping: "a table",
    (list, tuple): "a list",
    _NOTHING: "nothing",
}
_EXPECTED: dict[Any, str] = {
    **_WORDS,
    bool: "true or false",
    Secret: 'a string, { env = "NAME" } or { file = "PATH" }',
}
_PLURAL: dict[Any, str] = {str: "strings", int: "integers", float: "numbers", Secret: "secrets"}


class EnvText(str):
    """The text of an environment variable; it is parsed once the expected type is known."""

    __slots__ = ()


class Keys(tuple[str, ...]):
    """The only keys of a mapping, as ``Mapping[Annotated[str, Keys(["a", "b"])], int]``."""

    __slots__ = ()


class Bound(NamedTuple):
    """What holds for a number, as ``Annotated[int | None, at_least(1)]``."""

    words: str
    holds: Callable[[float], bool]


class Meaning(str):
    """What a setting is for, as ``Annotated[str, Meaning("The bucket.")]``.

    The reference of the configuration is made of these, and whoever explains a setting to a user
    gets them from `meanings`.
    """

    __slots__ = ()


def at_least(limit: float) -> Bound:
    return Bound(f"a number of at least {limit}", lambda number: number >= limit)


def above(limit: float) -> Bound:
    return Bound(f"a number above {limit}", lambda number: number > limit)


class _MismatchError(Exception):
    """A value does not fit; ``path`` may lead further into the table than the field does."""

    def __init__(self, expected: str, found: str, path: KeyPath) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.path = path


def build(schema: type[T], table: Any, path: KeyPath, origin: Origin) -> T:
    """Return an instance of the dataclass ``schema`` with the settings of ``table``.

    Parameters
    ----------
    schema
        A dataclass with fields of type str, int, float, bool, `Secret`, ``Literal``,
        ``tuple[X, ...]``, ``Mapping[str, X]``, or ``X | None``. In ``Annotated``, a number may have
        a `Bound`, the str of a mapping its `Keys`, and anything its `Meaning`.
    path, origin
        Where the table stands, for errors.

    Raises
    ------
    ConfigError
        An unknown or missing key, a wrong type, or a value out of bounds.
    PluginContractError
        The schema is not such a dataclass.
    """
    hints = _hints(schema)
    name = section_name(path)
    if not isinstance(table, Mapping):
        raise ConfigError(f"{origin.place(path)}: {name}: expected a table, found {found(table)}.")
    fields = {field.name: field for field in dataclasses.fields(schema) if field.init}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, raw in table.items():
        if key not in fields:
            raise unknown_key(str(key), fields, path, origin)
        try:
            values[key] = _convert(raw, hints[key], (*path, str(key)), origin)
        except _MismatchError as exc:
            within = ".".join(exc.path[len(path) :])
            raise ConfigError(f"{origin.place(exc.path)}: {name} {within}: {exc}.") from None
    for key, field in fields.items():
        required = field.default is field.default_factory is dataclasses.MISSING
        if required and key not in values:
            raise ConfigError(
                f"{origin.place(path)}: {name}: the key {key!r} is missing; "
                f"expected {expected(hints[key])}."
            )
    try:
        return schema(**values)
    except (TypeError, ValueError) as exc:  # the schema's own __post_init__
        raise ConfigError(f"{origin.place(path)}: {name}: {exc}") from exc


def unknown_key(key: str, known: Iterable[str], path: KeyPath, origin: Origin) -> ConfigError:
    """Return the error for a key or section that nobody declares."""
    known = sorted(known)
    hint = suggestion(key, known) or (
        f" Known here: {', '.join(known)}." if known else " There are no settings here."
    )
    shown = redact_text(key)
    what = (
        f"unknown key {shown!r} in {section_name(path)}" if path else f"unknown section [{shown}]"
    )
    return ConfigError(f"{origin.place((*path, key))}: {what}.{hint}")


def meanings(schema: type) -> dict[str, str]:
    """Return what each setting of a dataclass means, of those that say so, by key."""
    return {
        key: str(rule)
        for key, hint in _hints(schema).items()
        for rule in getattr(hint, "__metadata__", ())
        if isinstance(rule, Meaning)
    }


def section_name(path: KeyPath) -> str:
    """Return the header of a section as it is written in a file."""
    return f"[{'.'.join(path)}]"


def expected(hint: Any) -> str:
    """Return the words for what a setting of this type may be."""
    container, arguments = typing.get_origin(hint), typing.get_args(hint)
    if container is Annotated:
        return expected(arguments[0])
    if container in _UNIONS:
        return " or ".join(expected(choice) for choice in arguments if choice is not _NOTHING)
    if container is Literal:
        return " or ".join(map(repr, arguments))
    if container is tuple:
        return f"a list of {_PLURAL.get(arguments[0], 'values')}"
    return _EXPECTED.get(hint, "a table")


def found(value: Any, *, hidden: bool = False) -> str:
    """Return the words for a value of a wrong type, without its text where it is ``hidden``."""
    for kind, words in _WORDS.items():
        if isinstance(value, kind):
            if hidden or not isinstance(value, int | float | str):
                return words
            return f"{words}, {redact_text(value) if isinstance(value, str) else value!r}"
    return f"a {type(value).__name__}"


def unsupported(schema: type) -> dict[str, Any]:
    """Return the fields of a dataclass whose types no setting has, with those types.

    Raises
    ------
    PluginContractError
        The schema is no dataclass, or its annotations cannot be resolved.
    """
    return {name: hint for name, hint in _hints(schema).items() if not _is_supported(hint)}


def holds_secret(hint: Any) -> bool:
    """Return whether a setting of this type is a secret, or has some."""
    return hint is Secret or any(map(holds_secret, typing.get_args(hint)))


def _is_supported(hint: Any) -> bool:
    container, arguments = typing.get_origin(hint), typing.get_args(hint)
    if container is Annotated:
        return _is_supported(arguments[0])
    if container in _UNIONS:
        return all(map(_is_supported, _without_none(hint)))
    if container is tuple:
        return arguments[1:] == (...,) and _is_supported(arguments[0])
    if isinstance(container, type) and issubclass(container, Mapping):
        return _is_supported(arguments[1])
    return container is Literal or hint in (Any, Secret, float, str, int, bool)


def _hints(schema: type) -> dict[str, Any]:
    if not (isinstance(schema, type) and dataclasses.is_dataclass(schema)):
        raise PluginContractError(f"settings: expected a dataclass type, found {schema!r}")
    try:
        return typing.get_type_hints(schema, include_extras=True)
    except NameError as exc:
        raise PluginContractError(
            f"{schema.__module__}.{schema.__qualname__}: its annotations cannot be resolved: "
            f"{exc}. Import the names at module level, outside `if TYPE_CHECKING`."
        ) from exc


def _convert(value: Any, hint: Any, path: KeyPath, origin: Origin) -> Any:
    container, arguments = typing.get_origin(hint), typing.get_args(hint)
    if container is Annotated:
        value = _convert(value, arguments[0], path, origin)
        for rule in arguments[1:]:
            if isinstance(rule, Bound) and value is not None and not rule.holds(value):
                raise _MismatchError(rule.words, f"{value}", path)
        return value
    if isinstance(value, EnvText):
        return _parse(value, hint, path, origin)
    if hint is Any:
        return value
    if container in _UNIONS:
        choices = _without_none(hint)
        if value is None and _NOTHING in arguments:
            return None
        if len(choices) == 1:
            # What it has to say is the more exact: which item of a list is wrong.
            return _convert(value, choices[0], path, origin)
        for choice in choices:
            with suppress(_MismatchError):
                return _convert(value, choice, path, origin)
    elif container is Literal:
        if any(value == choice and type(value) is type(choice) for choice in arguments):
            return value
    elif container is tuple and arguments[1:] == (...,):
        if isinstance(value, list | tuple):
            return tuple(_convert(item, arguments[0], path, origin) for item in value)
    elif isinstance(container, type) and issubclass(container, Mapping):
        if isinstance(value, Mapping):
            for known in getattr(arguments[0], "__metadata__", ()):
                if isinstance(known, Keys) and (strange := [k for k in value if k not in known]):
                    raise unknown_key(str(strange[0]), known, path, origin)
            return {
                str(key): _convert(item, arguments[1], (*path, str(key)), origin)
                for key, item in value.items()
            }
    elif hint is Secret:
        return _secret(value, path, origin)
    elif hint is float:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    elif hint in (str, int, bool):
        if isinstance(value, hint) and isinstance(value, bool) == (hint is bool):
            return value
    else:
        raise PluginContractError(
            f"{section_name(path[:-1])} {path[-1]}: a setting of type {hint!r} is not supported. "
            f"Use str, int, float, bool, Secret, Literal, tuple[X, ...], Mapping[str, X] or "
            f"X | None."
        )
    raise _MismatchError(expected(hint), found(value, hidden=holds_secret(hint)), path)


def _parse(text: EnvText, hint: Any, path: KeyPath, origin: Origin) -> Any:
    """Read text as TOML where that fits, as a comma list, or as it stands."""
    choices = _without_none(hint)
    container = typing.get_origin(choices[0])
    if not text and _NOTHING in typing.get_args(hint) and container is not tuple:
        return None
    try:
        [parsed] = tomllib.loads(f"value = {text}").values()
    except ValueError:  # no TOML, or more than a value
        parsed = None
    if isinstance(parsed, dict) and (choices == (Secret,) or container in (dict, Mapping)):
        return _convert(parsed, hint, path, origin)
    # A password in quotation marks is a password with quotation marks.
    candidates = [] if parsed is None or Secret in choices else [parsed]
    if container is tuple:
        items = text.split(",") if text.strip() else []
        candidates.append([EnvText(item.strip()) for item in items])
    for candidate in (*candidates, str(text)):
        with suppress(_MismatchError):
            return _convert(candidate, hint, path, origin)
    raise _MismatchError(expected(hint), found(str(text), hidden=holds_secret(hint)), path)


def _secret(value: Any, path: KeyPath, origin: Origin) -> Secret:
    key = ".".join(path)
    match value:
        case Secret():
            return value
        case str():
            return Secret(str(value), key=key)
        case {"env": str(name)} if len(value) == 1:
            return Secret(env=name, key=key)
        case {"file": str(name)} if len(value) == 1:
            return Secret(file=origin.resolve(path, name), key=key)
    told = found(value, hidden=True)
    if isinstance(value, Mapping) and len(value) == 1:
        told = f"a table with the key {str(next(iter(value)))!r}"
    raise _MismatchError(expected(Secret), told, path)


def _without_none(hint: Any) -> tuple[Any, ...]:
    """Return the choices of a union but None, or the one that there is."""
    if typing.get_origin(hint) not in _UNIONS:
        return (hint,)
    return tuple(choice for choice in typing.get_args(hint) if choice is not _NOTHING)
