"""`diswm import-official` and `export-official`: the published weights in, our video model out in their layout."""

import json
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.context import checked_settings, complain


def register(app: typer.Typer) -> None:
    """Adds both commands."""
    app.command("import-official")(import_official)
    app.command("export-official")(export_official)


def import_official(
    folder: Annotated[Path, typer.Argument(help="Folder with encoder.pt, decoder.pt and rssm.pt.")],
    name: Annotated[str, typer.Option(help="Name of the checkpoint.")],
    dataset: Annotated[
        str | None, typer.Option(help="Data set whose frames the checkpoint is looked at with; else a shipped clip.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Import the authors' pretrained weights as a checkpoint."""
    from backend.data.catalogue import NotFound
    from backend.data.official import OfficialError
    from backend.pipeline.official import import_as_checkpoint

    try:
        info = import_as_checkpoint(folder, name, checked_settings().home, dataset)
    except OfficialError as error:
        complain("The weights cannot be imported:\n  " + "\n  ".join(error.problems))
        raise typer.Exit(2) from None
    except NotFound as error:
        complain(str(error))
        raise typer.Exit(2) from None
    typer.echo(json.dumps({"id": info.id, "name": info.name}) if as_json else f"Imported {info.name} as {info.id}.")


def export_official(
    checkpoint: Annotated[str, typer.Argument(help="Checkpoint: id, name or folder.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write the three files to.")],
    actions: Annotated[int, typer.Option(min=0, max=4096, help="Action columns, all zero, to add.")] = 0,
) -> None:
    """Write a pretrained video model in the published layout."""
    from backend.data.catalogue import NotFound, find_checkpoint
    from backend.data.checkpoint import load_checkpoint
    from backend.data.networks import CheckpointError
    from backend.data.official import OfficialError
    from backend.data.official import export_official as write

    try:
        loaded = load_checkpoint(find_checkpoint(checked_settings().home, checkpoint, allow_path=True))
    except (NotFound, CheckpointError) as error:
        complain(str(error))
        raise typer.Exit(2) from None
    if loaded.model.config.action_size:
        complain(f"{loaded.info.name} is a world model with actions; the published layout holds video models only.")
        raise typer.Exit(2)
    try:
        write(loaded.video_model, folder, actions)
    except (OfficialError, CheckpointError) as error:
        complain(f"{loaded.info.name} cannot be written: {error}")
        raise typer.Exit(2) from None
    typer.echo(f"Wrote encoder.pt, decoder.pt and rssm.pt to {folder}.")
