"""`diswm import-model` and `adapters`: models of other projects, and what can be read."""

import json
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.context import EXIT_BAD_INPUT, checked_settings, complain, refusals
from backend.cli.options import AsJson


def register(app: typer.Typer) -> None:
    """Adds both commands."""
    app.command("import-model")(import_model)
    app.command()(adapters)


def import_model(
    path: Annotated[Path, typer.Argument(help="File of weights, or the folder it lies in.")],
    name: Annotated[str, typer.Option(help="Name of the checkpoint.")],
    layout: Annotated[
        str | None, typer.Option(help="Whose files these are, see `diswm adapters`; found out if not given.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings of the run that made it, JSON or YAML.")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Data set whose frames it is looked at with; else the model draws its own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import a trained model of another project as a checkpoint that can be browsed."""
    from backend.pipeline.foreign_import import import_foreign
    from backend.pipeline.foreign_models import Source
    from models.adapters.adapter import LayoutError

    home = checked_settings().home
    with refusals():
        try:
            info = import_foreign(Source(path, layout, config), name, home, dataset)
        except LayoutError as error:
            complain(f"{path} cannot be imported: {error}.")
            raise typer.Exit(EXIT_BAD_INPUT) from None
    able = info.capabilities._asdict()
    answer = {"id": info.id, "name": info.name, "latents": info.latents, "capabilities": able}
    typer.echo(json.dumps(answer) if as_json else f"Imported {info.name} as {info.id}.")


def adapters(as_json: AsJson = False) -> None:
    """List the layouts that models can be imported from: built in and installed."""
    from backend.pipeline.foreign_import import known_layouts
    from models.adapters.adapter import LayoutError

    try:
        found = known_layouts()
    except LayoutError as error:
        complain(f"{error}.")
        raise typer.Exit(EXIT_BAD_INPUT) from None
    if as_json:
        typer.echo(json.dumps({"items": [one._asdict() for one in found]}))
        return
    for one in found:
        typer.echo(f"{one.name:<18} {one.about}{'' if one.built_in else ' (installed)'}")
