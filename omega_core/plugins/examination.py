"""Examines an installed plugin: all that can be known of it without an object that it stores.

What is examined is imported, and so are the classes that it names and claims. That happens in a
process of its own, with a time limit: whatever a plugin does there ends no process but that one.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

from ..config import PluginsConfig
from ..errors import PluginNotFoundError, suggestion
from .discovery import Plugin, discover
from .findings import Finding
from .remedies import installation

__all__ = ["SECONDS", "Examination", "Finding", "examine", "examined", "installed"]

SECONDS = 60.0
"""How long an examination may take, the imports of all that the plugin names included."""

_EXAMINER = "from omega_core.plugins.examiner import main; main()"


@dataclass(frozen=True)
class Examination:
    """What came of one.

    Attributes
    ----------
    findings
        The errors first.
    milliseconds
        What it costs to import the module of the entry point; None where that did not end.
    """

    plugin: Plugin
    findings: tuple[Finding, ...]
    milliseconds: float | None = None

    @property
    def well(self) -> bool:
        """Whether there is no error; warnings are none."""
        return all(finding.level != "error" for finding in self.findings)


def examine(subject: Plugin | str, *, seconds: float = SECONDS) -> list[Finding]:
    """Return what its author should change in a plugin, the errors first.

    Parameters
    ----------
    subject
        An installed plugin: its record, its id, or the name of its distribution. Whether the
        configuration enables it makes no difference.
    seconds
        How long the imports may take, all together.

    Raises
    ------
    PluginNotFoundError
        Nothing of this name is installed.
    """
    return list(examined(subject, seconds=seconds).findings)


def examined(subject: Plugin | str, *, seconds: float = SECONDS) -> Examination:
    """Return what `examine` finds, with the plugin and what its import costs."""
    plugin = subject if isinstance(subject, Plugin) else installed(subject)
    findings: list[Finding] = []
    cost, doing = None, ""
    for line in _told(plugin, seconds):
        if "finding" in line:
            findings.append(Finding(**line["finding"]))
        cost = line.get("milliseconds", cost)
        doing = line.get("doing", doing)
        if "ended" in line:
            findings.append(_cut_short(plugin, line["ended"], doing, cost is None))
    unique = dict.fromkeys(findings)
    return Examination(plugin, tuple(sorted(unique, key=lambda f: f.level != "error")), cost)


def installed(name: str) -> Plugin:
    """Return the installed plugin of an id, or of the name of a distribution.

    Raises
    ------
    PluginNotFoundError
        Nothing of this name is installed.
    """
    plugins = discover(PluginsConfig())
    for plugin in plugins:
        if name == plugin.id or _canonical(name) == _canonical(plugin.distribution):
            return plugin
    known = [*(p.id for p in plugins), *(p.distribution for p in plugins)]
    raise PluginNotFoundError(
        f"No plugin {name!r} is installed.{suggestion(name, known) or installation(name)} "
        f"Installed: {', '.join(p.id for p in plugins) or 'none'}."
    )


def _canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _told(plugin: Plugin, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield what the process says; in the end, how it ended, if that was not by itself."""
    asked = {"path": sys.path, "id": plugin.id}
    # -P: the working directory is no place to import from.
    command = [sys.executable, "-P", "-X", "importtime", "-c", _EXAMINER]
    ended: str | None = None
    try:
        done = subprocess.run(
            command,
            input=json.dumps(asked).encode(),
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        told = done.stdout
        error = done.stderr
        if done.returncode:
            ended = f"ends the process that does it, with {done.returncode}"
    except subprocess.TimeoutExpired as exc:
        told, error = exc.stdout or b"", exc.stderr or b""
        ended = f"does not end within {seconds:g} seconds"
    complete = False
    for line in told.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue  # cut off in the middle
        complete = complete or "done" in said
        if "heavy" in said:
            yield from _heavy(said["heavy"], error)
        yield said
    if not complete:
        yield {"ended": ended or "ends the process that does it"}


def _cut_short(plugin: Plugin, how: str, doing: str, importing: bool) -> Finding:
    code = "deadly-import" if importing else "cut-short"
    return Finding(
        "error",
        code,
        plugin.target if importing else plugin.id,
        f"To {doing or 'begin'} {how}.",
        "Whoever lists the plugins imports this module: it may declare, and nothing else."
        if importing
        else "What comes after it was not examined: mend it, and check again.",
    )


# --- what an import brings with it ---------------------------------------------------------------

_TIMED = re.compile(rb"import time:\s*\d+ \|\s*(\d+) \|( +)([\w.]+)\s*\Z")
_BEGINS, _ENDS = b"omega_core: the import begins", b"omega_core: the import ends"


def _heavy(brought: dict[str, Any], error: bytes) -> Iterator[dict[str, Any]]:
    """Yield one finding for each library that the plugin itself imports, with what that costs.

    Parameters
    ----------
    brought
        A finding for each library that came, by its name: also those that another one imports.
    """
    direct = _direct(error, brought)
    for name, finding in brought.items():
        if name in direct or not direct:
            finding["message"] += f" It takes {direct.get(name, 0.0):.0f} ms."
            yield {"finding": finding}


def _direct(error: bytes, brought: Container[str]) -> dict[str, float]:
    """Return the libraries that no other one imported, and the milliseconds that each took."""
    timed = error.partition(_BEGINS)[2].partition(_ENDS)[0]
    found: dict[str, float] = {}
    above: list[tuple[int, str]] = []
    # Python writes a line when an import is over, so that whoever asked for it comes later.
    for line in reversed(timed.splitlines()):
        match = _TIMED.match(line)
        if match is None:
            continue
        indent, top = len(match[2]), match[3].decode().partition(".")[0]
        while above and above[-1][0] >= indent:
            above.pop()
        if top in brought and not any(name in brought for _, name in above):
            found[top] = found.get(top, 0.0) + int(match[1]) / 1000
        above.append((indent, top))
    return found
