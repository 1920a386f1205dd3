"""`diswm traverse` and `rollout`: views as files, byte for byte those that the page hands out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.context import Sink, checked_settings, load, refusals
from backend.cli.options import (
    AsJson,
    Captions,
    CheckpointName,
    Chroma,
    Episode,
    Footprint,
    Format,
    Fps,
    Loop,
    Out,
    PingPong,
    Title,
    Upscale,
    Width,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from backend.data.checkpoint import Checkpoint
    from backend.export.options import ExportOptions
    from backend.interpret.base import BaseFrames
    from backend.interpret.request import TraversalRequest


def register(app: typer.Typer) -> None:
    """Adds the two commands."""
    app.command()(traverse)
    app.command()(rollout)


def traverse(
    checkpoint: CheckpointName,
    episode: Episode = 0,
    frame: Annotated[int | None, typer.Option(help="Frame of the episode; the middle one if not given.")] = None,
    dims: Annotated[str, typer.Option(help="active (by KL), all, or 3,7 in this order.")] = "active",
    mode: Annotated[str, typer.Option(help="sigma, fixed, quantile, minmax or offset.")] = "sigma",
    extent: Annotated[float | None, typer.Option("--range", help="How far the mode reaches.")] = None,
    columns: Annotated[int, typer.Option(help="An odd number of values, in equal steps.")] = 7,
    history: Annotated[bool, typer.Option("--history/--no-history", help="Frames before have been seen.")] = True,
    base: Annotated[str, typer.Option(help="clip, or prior for the prior's mean.")] = "clip",
    dataset: Annotated[
        str | None, typer.Option(help="Take episode and frame of this data set: id, name or folder.")
    ] = None,
    picture: Annotated[
        list[str] | None,
        typer.Option(help="PNG or JPEG of yours as the base frame, or its id; several: those before are history."),
    ] = None,
    edits: Annotated[str, typer.Option(help="dim:value,... set in every cell.")] = "",
    format: Format = None,
    out: Out = None,
    width: Width = 5.5,
    fps: Fps = 10.0,
    upscale: Upscale = 2,
    pingpong: PingPong = True,
    captions: Captions = True,
    loop: Loop = True,
    footprint: Footprint = True,
    title: Title = True,
    chroma: Chroma = "420",
    as_json: AsJson = False,
) -> None:
    """Write a latent traversal as a figure, film, table, page or paper bundle."""
    from backend.export.options import ExportOptions
    from backend.interpret.request import TraversalRequest

    with refusals():
        loaded = load(checkpoint)
        named, source, frames = _base(base, dataset, picture or [], episode, frame)
        request = TraversalRequest(
            episode=episode,
            frame=frame,
            dims=read_dims(dims, loaded.model.config.latents),
            mode=mode,
            extent=extent,
            columns=columns,
            history=history,
            base=named,
            source=source,
            edits=read_edits(edits),
        )
        options = ExportOptions(width, fps, upscale, pingpong, captions, loop, footprint, title, chroma)
        _traverse(loaded, request, options, Sink(out, format, as_json), frames)


def rollout(
    checkpoint: CheckpointName,
    episode: Episode = 0,
    context: Annotated[int, typer.Option(help="Steps observed.")] = 5,
    horizon: Annotated[int, typer.Option(help="Steps imagined.")] = 25,
    actions: Annotated[str, typer.Option(help="recorded, policy or zero.")] = "recorded",
    samples: Annotated[int, typer.Option(help="1 follows the mean; more draw futures beside it.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the samples.")] = 0,
    edit: Annotated[list[str] | None, typer.Option(help="dim:value@step; with + at the end it is held.")] = None,
    format: Format = None,
    out: Out = None,
    width: Width = 5.5,
    fps: Fps = 10.0,
    upscale: Upscale = 2,
    captions: Captions = True,
    loop: Loop = True,
    chroma: Chroma = "420",
    as_json: AsJson = False,
) -> None:
    """Write what the model imagines after some context, beside what came; perhaps with a branch that edits make."""
    from backend.export.options import ExportOptions
    from backend.export.render import export_rollout
    from backend.interpret.rollout_request import RolloutRequest, parse_edits

    with refusals():
        loaded = load(checkpoint)
        edits = parse_edits(",".join(edit or []))
        request = RolloutRequest(episode, context, horizon, actions, (), samples, seed, edits)
        options = ExportOptions(width, fps, upscale, captions=captions, loop=loop, chroma=chroma)
        sink = Sink(out, format, as_json)
        file = export_rollout(loaded, request, sink.format_or("gif"), options)
        sink.take(file, {"checkpoint": loaded.info.id, "request": request.to_json()})


def _traverse(
    loaded: "Checkpoint",
    request: "TraversalRequest",
    options: "ExportOptions",
    sink: Sink,
    frames: "BaseFrames | None",
) -> None:
    from backend.export.render import export_traversal

    file = export_traversal(loaded, request, sink.format_or("png"), options, frames)
    sink.take(file, {"checkpoint": loaded.info.id, "request": request.to_json()})


def read_dims(text: str, latents: int) -> tuple[int, ...] | None:
    """active (None), all or 3,7; raises ViewError."""
    from backend.interpret.request import ViewError

    if text in ("active", "all"):
        return None if text == "active" else tuple(range(latents))
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ViewError("dims", f"{text!r} is not active, all or numbers such as 3,7") from None


def read_edits(text: str) -> dict[int, float]:
    """3:1.5,7:-2; raises ViewError."""
    from backend.interpret.request import ViewError

    try:
        pairs = [part.split(":") for part in text.split(",") if part]
        return {int(dim): float(value) for dim, value in pairs}
    except ValueError:
        raise ViewError("edits", f"{text!r} is not of the form 3:1.5,7:-2") from None


def _base(
    base: str, dataset: str | None, pictures: list[str], episode: int, frame: int | None
) -> tuple[str, str, "BaseFrames | None"]:
    """Kind, id and frames of the base that the options name."""
    from backend.data.catalogue import find_dataset
    from backend.interpret.base import frames_of_dataset, frames_of_pictures
    from backend.interpret.request import TraversalRequest, ViewError

    if dataset is not None and pictures:
        raise ViewError("picture", "the base is a data set or a picture, not both")
    home = checked_settings().home
    if dataset is not None:
        info = find_dataset(home, dataset, allow_path=True)
        return "dataset", info.id, frames_of_dataset(info, TraversalRequest(episode=episode, frame=frame))
    if pictures:
        id, image = _pictures(home, pictures)
        return "picture", id, frames_of_pictures(image, id)
    return base, "", None


def _pictures(home: Path, given: list[str]) -> tuple[str, "NDArray[np.uint8]"]:
    """Id and pixels of picture files, which are kept like uploads so that the view can be opened again; or of an id."""
    from backend.data.stills import find_stills, keep_stills, read_stills

    if len(given) == 1 and not Path(given[0]).is_file() and (kept := find_stills(home, given[0])) is not None:
        return given[0], kept
    image = read_stills([(Path(name).name, Path(name)) for name in given]).image
    return keep_stills(home, image)[0], image
