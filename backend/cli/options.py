"""Options that several commands take, each declared in one place."""

from pathlib import Path
from typing import Annotated

import typer

CheckpointName = Annotated[str, typer.Argument(metavar="CKPT", help="Checkpoint: id, name or folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Out = Annotated[
    Path | None,
    typer.Option(help="File, or folder for a file with a descriptive name; the current folder if not given."),
]
Dataset = Annotated[str | None, typer.Option(help="Take episode and frame of this data set: id, name or folder.")]
Picture = Annotated[
    list[str] | None,
    typer.Option(
        help="Your own PNG or JPEG as the base frame, or its id; with several, those before the last are history."
    ),
]
Width = Annotated[float, typer.Option(help="Of figures, in inches: 3.25, 5.5 or 6.875.")]
Title = Annotated[bool, typer.Option("--title/--no-title", help="What a figure shows, in words on top of it.")]
