"""Options that several commands take, each declared once."""

from pathlib import Path
from typing import Annotated

import typer

CheckpointName = Annotated[str, typer.Argument(metavar="CKPT", help="Checkpoint: id, name or folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Out = Annotated[Path | None, typer.Option(help="File, or folder for a telling name; here if not given.")]
Format = Annotated[
    str | None, typer.Option(help="png, svg, pdf, gif, mp4, webm, apng, csv, npz, html or zip (bundle).")
]
Width = Annotated[float, typer.Option(help="Of figures, in inches: 3.25, 5.5 or 6.875.")]
Fps = Annotated[float, typer.Option(help="Frames a second; a GIF has 5, 10, 12.5, 20, 25, 33.3 or 50 exactly.")]
Upscale = Annotated[int, typer.Option(help="Pixels of a film for each pixel of the model.")]
PingPong = Annotated[bool, typer.Option("--pingpong/--no-pingpong", help="Forth and back.")]
Captions = Annotated[bool, typer.Option("--captions/--no-captions", help="Names and values in films.")]
Loop = Annotated[bool, typer.Option("--loop/--no-loop", help="Whether a film begins again.")]
Footprint = Annotated[bool, typer.Option("--footprint/--no-footprint", help="Where each row changes, in figures.")]
Title = Annotated[bool, typer.Option("--title/--no-title", help="What a figure shows, in words on top of it.")]
Chroma = Annotated[
    str, typer.Option(help="Of mp4 and webm: 420 plays everywhere, 444 keeps a colour for each pixel at any upscale.")
]
Episode = Annotated[int, typer.Option(help="Episode of the clip, or of the data set.")]
