"""``omega doctor``: says what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from ..terminal.options import Json, global_options
from ..terminal.output import verbatim
from ..terminal.progress import waiting

if TYPE_CHECKING:
    from ..inspection.health import Finding

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}


def doctor(ctx: typer.Context, as_json: Json = False) -> None:
    """Check configuration, plugins, server and stored objects. 1 if there is a problem.

    Each finding comes with its remedy. A warning alone is no problem. Imports the enabled plugins
    and their libraries, and starts the embedded server if that is the one in use.
    """
    from ..inspection.health import examine

    options = global_options(ctx)
    with waiting("checking"):
        findings = list(examine(options.examined_config))
    problems = [f for f in findings if f.level == "problem"]
    document = {"healthy": not problems, "findings": [asdict(f) for f in findings]}
    options.show(document, lambda: _view(findings, len(problems)), well=not problems)


def _view(findings: Sequence[Finding], problems: int) -> list[Any]:
    from rich.table import Table
    from rich.text import Text

    rows = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    rows.add_column(no_wrap=True)
    rows.add_column(style="cyan", no_wrap=True)
    rows.add_column(overflow="fold")
    before = ""
    for finding in findings:
        mark, style = _MARKS[finding.level]
        said = verbatim(finding.message, style if finding.level == "problem" else "")
        if finding.remedy:
            said.append("\n→ ", style="bold").append(finding.remedy)
        rows.add_row(Text(mark, style), finding.check if finding.check != before else "", said)
        before = finding.check
    warnings = sum(finding.level == "warning" for finding in findings)
    extra = f" ({warnings} to know about)" if warnings else ""
    if problems:
        verdict = Text(f"{problems} problem{'s' if problems > 1 else ''}{extra}", "bold red")
    else:
        verdict = Text(f"All is well{extra}", "bold green")
    return [rows, "", verdict]
