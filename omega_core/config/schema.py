"""Turns a table of settings into a dataclass, or says what is wrong with it, and where."""

from __future__ import annotations

import dataclasses
import math
import tomllib
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union

from ..errors import ConfigError, PluginContractError, suggestion
from ..secret import Secret, redact_text
from .file import KeyPath, Origin

T = TypeVar("T")


class EnvText(str):
    """The text of an environment variable; it is parsed once the expected type is known."""

    __slots__ = ()


class _MismatchError(Exception):
    """A value does not fit; ``path`` may lead further into the table than the field does."""

    def __init__(self, expected: str, found: str, path: KeyPath) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.path = path


def limited(
    default: Any = dataclasses.MISSING,
    *,
    at_least: float | None = None,
    above: float | None = None,
    keys: tuple[str, ...] | None = None,
    default_factory: Any = dataclasses.MISSING,
) -> Any:
    """Return a dataclass field whose numbers have a lower bound.

    With ``keys``, the field is a mapping with exactly these keys; a table that sets some of them
    keeps the defaults of the others.
    """
    rules = {"at_least": at_least, "above": above, "keys": keys}
    if default_factory is not dataclasses.MISSING:
        return dataclasses.field(default_factory=default_factory, metadata=rules)
    return dataclasses.field(default=default, metadata=rules)


def build(schema: type[T], table: Any, path: KeyPath, origin: Origin) -> T:
    """Return an instance of the dataclass ``schema`` with the settings of ``table``.

    Parameters
    ----------
    schema
        A dataclass with fields of type str, int, float, bool, `Secret`, ``Literal``,
        ``tuple[X, ...]``, ``Mapping[str, X]``, or ``X | None``.
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
        here = (*path, str(key))
        if key not in fields:
            raise unknown_key(str(key), fields, path, origin)
        hint = hints[key]
        try:
            value = _convert(raw, hint, here, origin)
            values[key] = _within(value, fields[key], here, origin)
        except _MismatchError as exc:
            within = ".".join(exc.path[len(path) :])
            raise ConfigError(f"{origin.place(exc.path)}: {name} {within}: {exc}.") from None
    for key, field in fields.items():
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and key not in values:
            raise ConfigError(
                f"{origin.place(path)}: {name}: the key {key!r} is missing; "
                f"expected {expected(hints[key])}."
            )
    try:
        return schema(**values)
    except (TypeError, ValueError) as exc:  # the schema's own __post_init__
        raise ConfigError(f"{origin.place(path)}: {name}: {exc}") from exc


def unknown_key(
    key: str, known: typing.Iterable[str], path: KeyPath, origin: Origin
) -> ConfigError:
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


def section_name(path: KeyPath) -> str:
    """Return the header of a section as it is written in a file."""
    return f"[{'.'.join(path)}]"


def _hints(schema: type) -> dict[str, Any]:
    if not (isinstance(schema, type) and dataclasses.is_dataclass(schema)):
        raise PluginContractError(f"settings: expected a dataclass type, found {schema!r}")
    try:
        return typing.get_type_hints(schema)
    except NameError as exc:
        raise PluginContractError(
            f"{schema.__module__}.{schema.__qualname__}: its annotations cannot be resolved: "
            f"{exc}. Import the names at module level, outside `if TYPE_CHECKING`."
        ) from exc


def _convert(value: Any, hint: Any, path: KeyPath, origin: Origin) -> Any:
    if isinstance(value, EnvText):
        return _parse(value, hint, path, origin)
    origin_type, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin_type in (Union, types.UnionType):
        return _either(value, hint, path, origin)
    if origin_type is Literal:
        if any(value == choice and type(value) is type(choice) for choice in arguments):
            return value
    elif origin_type is tuple and arguments[1:] == (...,):
        if isinstance(value, list | tuple):
            return tuple(_convert(item, arguments[0], path, origin) for item in value)
    elif isinstance(origin_type, type) and issubclass(origin_type, Mapping):
        if isinstance(value, Mapping):
            return {
                str(key): _convert(item, arguments[1], (*path, str(key)), origin)
                for key, item in value.items()
            }
    elif hint is Secret:
        return _secret(value, path, origin)
    elif hint is float:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    elif hint is int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    elif hint in (str, bool, type(None)):
        if isinstance(value, hint):
            return value
    else:
        raise PluginContractError(
            f"{section_name(path[:-1])} {path[-1]}: a setting of type {hint!r} is not supported. "
            f"Use str, int, float, bool, Secret, Literal, tuple[X, ...], Mapping[str, X] or "
            f"X | None."
        )
    raise _MismatchError(expected(hint), found(value, hidden=_holds_secret(hint)), path)


def _either(value: Any, hint: Any, path: KeyPath, origin: Origin) -> Any:
    choices = typing.get_args(hint)
    for choice in choices:
        try:
            return _convert(value, choice, path, origin)
        except _MismatchError as exc:
            mismatch = exc
    if len([choice for choice in choices if choice is not type(None)]) == 1:
        # Of `X | None`, what X has to say is the more exact: which item of a list is wrong.
        return _convert(value, _without_none(hint), path, origin)
    raise _MismatchError(
        expected(hint), found(value, hidden=_holds_secret(hint)), path
    ) from mismatch


def _parse(text: EnvText, hint: Any, path: KeyPath, origin: Origin) -> Any:
    """Read text as TOML where that fits, as a comma list, or as it stands."""
    inner = _without_none(hint)
    is_list = typing.get_origin(inner) is tuple
    if not text and inner is not hint and not is_list:
        return None
    candidates: list[Any] = []
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        parsed = {}
    if parsed.keys() == {"value"}:
        if inner is not Secret:
            candidates.append(parsed["value"])
        elif isinstance(parsed["value"], dict):
            return _secret(parsed["value"], path, origin)
        # Else a password in quotation marks is a password with quotation marks.
    if is_list:
        items = text.split(",") if text.strip() else []
        candidates.append([EnvText(item.strip()) for item in items])
    candidates.append(str(text))
    for candidate in candidates:
        try:
            return _convert(candidate, inner, path, origin)
        except _MismatchError:
            continue
    raise _MismatchError(expected(hint), found(str(text), hidden=_holds_secret(hint)), path)


def _secret(value: Any, path: KeyPath, origin: Origin) -> Secret:
    key = ".".join(path)
    if isinstance(value, Secret):
        return value
    if isinstance(value, str):
        return Secret(str(value), key=key)
    if isinstance(value, Mapping) and len(value) == 1:
        [(source, where)] = value.items()
        if isinstance(where, str):
            if source == "env":
                return Secret(env=where, key=key)
            if source == "file":
                return Secret(file=origin.resolve(path, where), key=key)
        raise _MismatchError(expected(Secret), f"a table with the key {str(source)!r}", path)
    raise _MismatchError(expected(Secret), found(value, hidden=True), path)


def _within(value: Any, field: dataclasses.Field[Any], path: KeyPath, origin: Origin) -> Any:
    keys = field.metadata.get("keys")
    if keys is not None:
        for key in value:
            if key not in keys:
                raise unknown_key(key, keys, path, origin)
        assert field.default_factory is not dataclasses.MISSING
        value = {**field.default_factory(), **value}
    at_least, above = field.metadata.get("at_least"), field.metadata.get("above")
    numbers = (
        [((*path, key), number) for key, number in value.items()]
        if isinstance(value, Mapping)
        else [(path, value)]
    )
    for here, number in numbers:
        if number is not None and at_least is not None and number < at_least:
            raise _MismatchError(f"a number of at least {at_least}", f"{number}", here)
        if number is not None and above is not None and number <= above:
            raise _MismatchError(f"a number above {above}", f"{number}", here)
    return value


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) not in (Union, types.UnionType):
        return hint
    rest = tuple(choice for choice in typing.get_args(hint) if choice is not type(None))
    return Union[rest] if len(rest) < len(typing.get_args(hint)) else hint  # noqa: UP007


def _holds_secret(hint: Any) -> bool:
    return hint is Secret or any(map(_holds_secret, typing.get_args(hint)))


def expected(hint: Any) -> str:
    """Return the words for what a setting of this type may be."""
    arguments = typing.get_args(hint)
    origin_type = typing.get_origin(hint)
    if origin_type in (Union, types.UnionType):
        words = [expected(choice) for choice in arguments if choice is not type(None)]
        return " or ".join(words)
    if origin_type is Literal:
        return " or ".join(repr(choice) for choice in arguments)
    if origin_type is tuple:
        plural = {str: "strings", int: "integers", float: "numbers", Secret: "secrets"}
        return f"a list of {plural.get(arguments[0], 'values')}"
    simple = {
        str: "a string",
        int: "an integer",
        float: "a number",
        bool: "true or false",
        Secret: 'a string, { env = "NAME" } or { file = "PATH" }',
    }
    return simple.get(hint, "a table")


def found(value: Any, *, hidden: bool = False) -> str:
    """Return the words for a value of a wrong type, without its text where it is ``hidden``."""
    for kind, words in (
        (bool, "a boolean"),
        (int, "an integer"),
        (float, "a number"),
        (str, "a string"),
    ):
        if isinstance(value, kind):
            shown = redact_text(value) if isinstance(value, str) else value
            return words if hidden else f"{words}, {shown!r}"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    return "nothing" if value is None else f"a {type(value).__name__}"
