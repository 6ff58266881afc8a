"""Text files with places for names, and lines that not every project has.

``$name`` is a place. What stands between a line ``#[if a b]`` and its ``#[end]`` is for projects
with one of these flags, of ``#[if a and b]`` with both, of ``#[if !a]`` without it. None nests.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from importlib.resources import files
from string import Template

_BLOCK = re.compile(
    r"^#\[if (?P<flags>[^\]]+)\]\n(?P<text>.*?)^#\[end\]\n", re.MULTILINE | re.DOTALL
)


def rendered(name: str, flags: Collection[str], names: Mapping[str, str]) -> str:
    """Return the text of a template.

    Parameters
    ----------
    name
        The path of its file below ``templates``, without the suffix ``.in``.
    flags
        What the project has.
    names
        What stands in the places, all of them.
    """
    text = files(__package__).joinpath("texts", f"{name}.in").read_text(encoding="utf-8")

    def chosen(block: re.Match[str]) -> str:
        return block["text"] if _holds(block["flags"].split(), flags) else ""

    return Template(_BLOCK.sub(chosen, text)).substitute(names)


def _holds(wanted: list[str], flags: Collection[str]) -> bool:
    """Return whether all groups of flags, which `and` separates, have one that holds."""
    groups: list[list[str]] = [[]]
    for word in wanted:
        if word == "and":
            groups.append([])
        else:
            groups[-1].append(word)
    return all(
        any((flag.removeprefix("!") in flags) != flag.startswith("!") for flag in group)
        for group in groups
    )
