"""Frames are stored if they fit their schema. This module only declares: it imports no pandera."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from omega_core import hookimpl

if TYPE_CHECKING:
    from omega_core import Metadata, Store

Wrapper = Generator[None, Any, Any]
FILES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, kw_only=True)
class PanderaSettings:
    """``[plugins.pandera]``: which datasets have to fit which schema.

    Attributes
    ----------
    schemas
        A schema for each pattern of names: ``"module:NAME"``, or the path of a file, relative to
        that of the configuration.
    copies
        Whether bytes, of which nobody knows what they hold, may arrive under such a name.
    examples
        How many values an error shows for each check.
    """

    schemas: Mapping[str, str] = field(default_factory=dict)
    copies: Literal["refuse", "allow"] = "refuse"
    examples: int = 3

    def __post_init__(self) -> None:
        for pattern, schema in self.schemas.items():
            module, _, name = schema.partition(":")
            if not schema.endswith(FILES) and not (module and name):
                raise ValueError(
                    f"the schema of {pattern!r} is {schema!r}. Say 'module:NAME', or the path of a "
                    f"file that ends in {', '.join(FILES)}."
                )


@hookimpl
def settings() -> type[PanderaSettings]:
    return PanderaSettings


@hookimpl(wrapper=True)
def put(store: Store, obj: Any, name: str) -> Wrapper:
    wanted = store.config.section("pandera", PanderaSettings)
    if wanted.schemas and store.prefix == "data/":
        from .requirements import require

        require(obj, name, wanted, store.config.source)
    return (yield)


@hookimpl(wrapper=True)
def copy(store: Store, meta: Metadata, name: str) -> Wrapper:
    wanted = store.config.section("pandera", PanderaSettings)
    if wanted.copies == "refuse" and wanted.schemas and store.prefix == "data/":
        from .requirements import refuse_bytes

        refuse_bytes(meta, name, wanted)
    return (yield)
