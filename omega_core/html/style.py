"""The looks of what is shown: one style sheet, that of a notebook's output within its own box."""

from __future__ import annotations

_COLOURS = """
--oc-ink: #1c2733; --oc-dim: #5c6b7a; --oc-line: #d9e0e7; --oc-back: #ffffff;
--oc-soft: #f3f6f9; --oc-bar: #3b7dd8; --oc-good: #1a7f4b; --oc-bad: #b3372b;
"""

_DARK = """
--oc-ink: #e3e9ef; --oc-dim: #9aa8b5; --oc-line: #36424e; --oc-back: #161c22;
--oc-soft: #1f2830; --oc-bar: #6ea8f0; --oc-good: #5cc48d; --oc-bad: #f08a7d;
"""

# Notebooks say by themselves whether they are dark, whatever the system is.
_DARK_NOTEBOOKS = (
    '[data-jp-theme-light="false"] .omega-core',
    ".vscode-dark .omega-core",
    "html[theme=dark] .omega-core",
)

_RULES = """
.omega-core { color: var(--oc-ink); background: var(--oc-back); font: 13px/1.45 system-ui,
  sans-serif; border: 1px solid var(--oc-line); border-radius: 6px; padding: 10px 14px;
  max-width: 100%; box-sizing: border-box; }
.omega-core .title { font-weight: 600; margin: 0 0 6px; overflow-wrap: anywhere; }
.omega-core .note { color: var(--oc-dim); margin: 4px 0; }
.omega-core .scroll { overflow-x: auto; margin: 6px 0; }
.omega-core table { border-collapse: collapse; font-size: 12px; margin: 0; color: inherit; }
.omega-core thead th { color: var(--oc-dim); font-weight: 600; text-align: left;
  border-bottom: 1px solid var(--oc-line); background: none; }
.omega-core th, .omega-core td { padding: 2px 12px 2px 0; text-align: left; vertical-align: top;
  white-space: pre-wrap; overflow-wrap: anywhere; max-width: 40em; background: none;
  border-left: 0; border-right: 0; }
.omega-core tbody tr { background: none; }
.omega-core tbody tr:nth-child(even) td { background: var(--oc-soft); }
.omega-core .n { text-align: right; font-variant-numeric: tabular-nums; }
.omega-core dl { display: grid; grid-template-columns: max-content auto; gap: 1px 14px;
  margin: 6px 0; }
.omega-core dt { color: var(--oc-dim); font-weight: 400; overflow-wrap: anywhere;
  max-width: 24em; }
.omega-core dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.omega-core svg { max-width: 100%; height: auto; }
.omega-core svg text { fill: var(--oc-ink); font: 12px system-ui, sans-serif; }
.omega-core svg .dim { fill: var(--oc-dim); font-size: 11px; }
.omega-core svg .node { fill: var(--oc-soft); stroke: var(--oc-line); }
.omega-core svg .edge { stroke: var(--oc-dim); fill: none; }
.omega-core svg .bar { fill: var(--oc-bar); }
.omega-core .added { color: var(--oc-good); }
.omega-core .removed { color: var(--oc-bad); }
"""

SCOPED = (
    f".omega-core {{{_COLOURS}}}"
    f"@media (prefers-color-scheme: dark) {{ .omega-core {{{_DARK}}} }}"
    f"{', '.join(_DARK_NOTEBOOKS)} {{{_DARK}}}"
    f'[data-jp-theme-light="true"] .omega-core, .vscode-light .omega-core {{{_COLOURS}}}'
    f"{_RULES}"
).replace("\n", " ")
"""The style of whatever has the class ``omega-core``, and of nothing else."""

WHOLE_PAGE = """
html { color-scheme: light dark; }
body { margin: 0; padding: 24px; background: #ffffff; }
@media (prefers-color-scheme: dark) { body { background: #161c22; } }
.omega-core.page { border: 0; max-width: 1100px; margin: 0 auto; padding: 0; font-size: 14px; }
.omega-core.page h1 { font-size: 22px; margin: 0 0 4px; overflow-wrap: anywhere; }
.omega-core.page h2 { font-size: 15px; margin: 26px 0 6px; padding-bottom: 3px;
  border-bottom: 1px solid var(--oc-line); }
.omega-core .charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr));
  gap: 14px; }
.omega-core figure { margin: 0; }
.omega-core figcaption { overflow-wrap: anywhere; font-size: 12px; }
""".replace("\n", " ")
"""What a page of its own has besides."""
