"""``omega config``: the configuration as it is in effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from ..inspection.plugins import inspect
from ..terminal.options import Json, global_options, group
from ..terminal.output import verbatim

app = group("The configuration: file, environment and options together.")


@app.command()
def show(ctx: typer.Context, as_json: Json = False) -> None:
    """Show the configuration in effect, as TOML. Secrets are hidden.

    The section of a plugin that cannot be loaded is shown without any of its texts, because only
    the plugin knows which of them are secrets.
    """
    options = global_options(ctx)
    config = options.config()
    shown = config.to_dict(schemas=inspect(config).schemas())

    def view() -> list[Any]:
        from rich.syntax import Syntax

        source = verbatim(f"# {config.source or 'no file: defaults, environment, options'}", "dim")
        text = _toml(shown)
        return [source, Syntax(text, "toml", background_color="default", word_wrap=True)]

    options.show({"source": config.source, **shown}, view)


def _toml(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the sections as TOML; what has no value is left out, as TOML has no null."""
    import tomlkit

    document = tomlkit.document()
    for name, section in sections.items():
        table = tomlkit.table()
        inner: dict[str, Any] = {}
        for key, value in section.items():
            if name == "plugins" and isinstance(value, dict) and key != "kinds":
                inner[key] = value
            elif isinstance(value, dict):
                table[key] = tomlkit.inline_table()
                table[key].update(value)
            elif value is not None:
                table[key] = value
        for key, value in inner.items():
            table[key] = {k: v for k, v in value.items() if v is not None}
        document[name] = table
    return tomlkit.dumps(document).rstrip()
