"""``omega server``: the embedded server of this user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..terminal.options import GlobalOptions, Json, global_options, group
from ..terminal.output import sheet, verbatim
from ..terminal.progress import waiting

if TYPE_CHECKING:
    from ...mongo.embedded import ServerStatus

app = group("The embedded MongoDB server, or the configured one.")


@app.command()
def status(ctx: typer.Context, as_json: Json = False) -> None:
    """Show whether the server runs. It is not started for that.

    Of a server that the configuration names by url: whether it answers; 1 if it does not.
    """
    options = global_options(ctx)
    config = options.config()
    if config.mongo.url is not None:
        with waiting("connecting"):
            facts = _configured(options)
        options.show(facts, lambda: [_headline("answers", True), sheet(facts)])
        return
    from ...mongo.embedded import status

    facts = _facts(status(config.mongo.data_dir))
    word = "runs" if facts["running"] else "does not run; the first use starts it"
    options.show(facts, lambda: [_headline(word, facts["running"]), sheet(facts)])


@app.command()
def start(ctx: typer.Context, as_json: Json = False) -> None:
    """Start the embedded server, and keep it running until `omega server stop`.

    Not needed for using it: whoever comes first starts it, and whoever leaves last stops it.
    """
    from ...mongo.embedded import start

    options = global_options(ctx)
    with waiting("starting"):
        facts = _facts(start(_data_dir(options)))
    options.show(facts, lambda: [_headline("runs until: omega server stop", True), sheet(facts)])


@app.command()
def stop(
    ctx: typer.Context,
    force: Annotated[bool, typer.Option(help="Also under those who use it.")] = False,
    as_json: Json = False,
) -> None:
    """Stop the embedded server. 1 if somebody uses it."""
    from ...mongo.embedded import stop

    options = global_options(ctx)
    with waiting("stopping"):
        stopped = stop(_data_dir(options), force=force)
    word = "stopped" if stopped else "did not run"
    options.show({"stopped": stopped}, lambda: [_headline(word, stopped)])


@app.command()
def path(ctx: typer.Context, as_json: Json = False) -> None:
    """Print the directory of the embedded server's data, whether it exists or not."""
    from ...mongo.embedded import status

    options = global_options(ctx)
    facts = _facts(status(_data_dir(options)))
    places = {key: facts[key] for key in ("data_dir", "log", "socket")}
    options.show(places, lambda: [verbatim(facts["data_dir"])])


def _data_dir(options: GlobalOptions) -> str | None:
    from ...errors import ServerError

    mongo = options.config().mongo
    if mongo.url is not None:
        raise ServerError(
            f"The configuration names a server, {mongo.redacted_url}, and only the embedded one is "
            "started and stopped here. To use that, remove [mongo] url (or --url, or "
            "OMEGA_MONGO__URL)."
        )
    return mongo.data_dir


def _facts(found: ServerStatus) -> dict[str, Any]:
    shown = ("running", "version", "pid", "users", "pinned", "data_dir", "socket", "log")
    return {key: getattr(found, key) for key in shown}


def _configured(options: GlobalOptions) -> dict[str, Any]:
    from ...mongo.database import answering

    with options.omega() as om, answering(om.database):
        client = om.database.client
        hello = client.admin.command("hello")
        return {
            "running": True,
            "version": client.server_info()["version"],
            "url": om.config.mongo.redacted_url,
            "database": om.database.mongodb.name,
            "replica_set": hello.get("setName"),
        }


def _headline(word: str, good: bool) -> Any:
    return verbatim(f"● {word}", "green" if good else "dim")
