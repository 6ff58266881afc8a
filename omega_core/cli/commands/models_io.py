"""``omega models fit|predict|act|inspect``: models act on datasets, both by their names."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import OmegaError, StoreError, UnsupportedOptionError, suggestion
from ..terminal.completion import dataset_names
from ..terminal.options import Json, global_options
from ..terminal.output import lines, sheet, verbatim
from ..terminal.progress import waiting
from ..terminal.values import pairs, version_of
from .naming import Name, Version

if TYPE_CHECKING:
    from ..terminal.options import GlobalOptions

X = Annotated[
    str,
    typer.Argument(metavar="X", help="The name of a dataset.", autocompletion=dataset_names),
]
Y = Annotated[
    str | None,
    typer.Argument(metavar="[Y]", help="The dataset of the target.", autocompletion=dataset_names),
]
Result = Annotated[
    str | None,
    typer.Option("--result", "-r", metavar="NAME", help="The dataset that takes the result."),
]
ActionOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-O",
        metavar="KEY=VALUE",
        help="What the method of the model takes besides; may be repeated.",
    ),
]


def fit(
    ctx: typer.Context,
    name: Name,
    x: X,
    y: Y = None,
    option: ActionOptions = None,
    as_json: Json = False,
) -> None:
    """Fit a model on a dataset: what is fitted becomes its current version."""
    _act(global_options(ctx), "fit", name, x, y, None, None, option)


def predict(
    ctx: typer.Context,
    name: Name,
    x: X,
    result: Result = None,
    version: Version = None,
    option: ActionOptions = None,
    as_json: Json = False,
) -> None:
    """Let a model predict for a dataset: a line for each row, or a dataset with -r."""
    _act(global_options(ctx), "predict", name, x, None, result, version, option)


def act(
    ctx: typer.Context,
    name: Name,
    action: Annotated[
        str, typer.Argument(metavar="ACTION", help="What `omega models inspect` lists.")
    ],
    x: X,
    y: Y = None,
    result: Result = None,
    version: Version = None,
    option: ActionOptions = None,
    as_json: Json = False,
) -> None:
    """Let a model do anything that it can, such as transform, score or predict_proba."""
    _act(global_options(ctx), action, name, x, y, result, version, option)


def inspect(ctx: typer.Context, name: Name, version: Version = None, as_json: Json = False) -> None:
    """Show what a model is, what it can do, and what it was fitted on."""
    options = global_options(ctx)
    chosen = version_of(version)
    with options.omega(plugins=True) as om, waiting("looking"):
        meta = om.models.metadata(name, version=chosen)
        if meta is None:
            raise om.models.not_found(name, chosen)
        summary = om.models.describe(name, version=chosen)
        actions = list(om.models.actions(name))
    record = {
        "name": name,
        "version": meta.version,
        "kind": meta.kind,
        "actions": actions,
        "details": summary.to_dict()["details"],
        "attributes": meta.attributes,
    }

    def view() -> list[Any]:
        told = lines(repr(summary).splitlines())
        return [told, sheet({"actions": ", ".join(actions), "attributes": meta.attributes})]

    options.show(record, view)


def _act(
    options: GlobalOptions,
    action: str,
    name: str,
    X: str,
    Y: str | None,
    result: str | None,
    version: str | None,
    option: list[str] | None,
) -> None:
    given = pairs(option, "--option")
    if Y is not None:
        given["Y"] = Y
    if result is not None:
        given["rName"] = result
    with options.omega(plugins=True) as om:
        actions = om.models.actions(name)
        if action not in actions:
            raise UnsupportedOptionError(
                f"The model {name!r} has no action {action!r}.{suggestion(action, actions)} "
                f"Actions: {', '.join(actions)}."
            )
        model = om.runtime.model(name, version=version_of(version))
        # Names of datasets that do not exist are told before anything is submitted.
        for dataset in filter(None, (X, Y)):
            if dataset not in om.datasets:
                raise om.datasets.not_found(dataset)
        with waiting(f"{action} of {name}"):
            answer = _answer(lambda: getattr(model, action)(X, **given).get(), action, name)
        stored = hasattr(answer, "kind_meta")
        document = _stored(answer) if stored else answer
    if not stored:
        options.show(document, lambda: list(map(verbatim, _lines(answer))))
        return
    said = f"✓ {answer.prefix}{answer.name} stored: {answer.kind}, version {answer.version}"
    options.show(document, lambda: [verbatim(said, "green")])


def _answer(ask: Callable[[], Any], action: str, name: str) -> Any:
    """Return what a model answers; what its library raises is told in a line."""
    try:
        return ask()
    except (OmegaError, OSError):
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise StoreError(f"{action} of {name!r} failed. {said}") from error


def _stored(meta: Any) -> dict[str, Any]:
    return {
        "name": meta.name,
        "bucket": meta.bucket,
        "store": meta.prefix.rstrip("/"),
        "kind": meta.kind,
        "version": meta.version,
        "attributes": meta.attributes,
    }


def _lines(answer: Any) -> list[str]:
    """Return a line for each row: a value as it is, several of them as JSON."""
    rows = answer if isinstance(answer, list) else [answer]
    return [json.dumps(row) if isinstance(row, list | dict) else str(row) for row in rows]
