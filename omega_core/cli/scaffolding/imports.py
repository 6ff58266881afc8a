"""The imports of a module in the order in which formatters want them, whatever they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator

_WIDTH = 100
_FUTURE = "from __future__ import annotations\n"


def sorted_imports(text: str, package: str) -> str:
    """Return the source of a module with the imports at its top sorted.

    Parameters
    ----------
    text
        A module whose imports have a line each.
    package
        The project's own package.
    """
    head, future, rest = text.partition(_FUTURE)
    lines = rest.splitlines(keepends=True)
    count = next(
        (n for n, line in enumerate(lines) if line.strip() and not _is_import(line)), len(lines)
    )
    imports = [line.strip() for line in lines[:count] if line.strip()]
    if not future or not imports:
        return text
    # The blank lines before what comes next are those that stood there.
    blank = count - 1 - max(n for n, line in enumerate(lines[:count]) if line.strip())
    sections: dict[int, list[str]] = {}
    for line in imports:
        sections.setdefault(_section(line, package), []).append(line)
    blocks = [
        "".join(f"{written}\n" for line in sorted(found, key=_order) for written in _wrapped(line))
        for _, found in sorted(sections.items())
    ]
    return head + future + "\n" + "\n".join(blocks) + "\n" * blank + "".join(lines[count:])


def _is_import(line: str) -> bool:
    return line.startswith(("import ", "from "))


def _module(line: str) -> str:
    return line.split()[1]


def _section(line: str, package: str) -> int:
    top = _module(line).partition(".")[0]
    if not top:
        return 3  # a relative one
    if top in sys.stdlib_module_names:
        return 0
    return 2 if top == package else 1


def _order(line: str) -> tuple[bool, str]:
    return line.startswith("from "), _module(line).lower()


def _wrapped(line: str) -> Iterator[str]:
    if len(line) <= _WIDTH:
        yield line
        return
    start, _, names = line.partition(" import ")
    yield f"{start} import ("
    yield from (f"    {name.strip()}," for name in names.split(","))
    yield ")"
