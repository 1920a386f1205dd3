"""`diswm export`: a view again in another format, from a file that was made from it; or the paper bundle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.cli.context import Sink, checked_settings, load, refusals
from backend.cli.options import (
    AsJson,
    Captions,
    CheckpointName,
    Chroma,
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
    from backend.data.checkpoint import Checkpoint
    from backend.export.options import ExportOptions
    from backend.export.render import ExportedFile

USUAL = {"traversal": "png", "bundle": "zip", "rollout": "gif", "temporal": "gif", "together": "gif"}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(export)


def export(
    checkpoint: CheckpointName,
    view: Annotated[
        Path | None, typer.Option(help="File made here (png, gif, svg, npz, bundle) or JSON of a view, to make again.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="traversal, bundle, rollout, temporal, together, counterfactual, factors, intervals, "
            "interventions, leakage, sensitivity, carried or compare; else what the file shows."
        ),
    ] = None,
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
    """Write a view again in another format, from a file that was made from it; or the paper bundle of a checkpoint."""
    from backend.export.options import ExportOptions

    with refusals():
        shown, asked = _view_of(view, kind)
        options = ExportOptions(width, fps, upscale, pingpong, captions, loop, footprint, title, chroma)
        sink = Sink(out, "zip" if shown == "bundle" else format, as_json)
        loaded = load(checkpoint)
        file = _make(shown, loaded, asked, sink.format_or(USUAL.get(shown, "png")), options)
        sink.take(file, {"checkpoint": loaded.info.id, "kind": shown, "request": dict(asked)})


def _make(
    kind: str, loaded: "Checkpoint", asked: Mapping[str, Any], format: str, options: "ExportOptions"
) -> "ExportedFile":
    """A view of any kind as a file. Raises ViewError."""
    from backend.cli.charts import made
    from backend.export import names, render
    from backend.interpret import charts
    from backend.interpret.base import find_frames
    from backend.interpret.counterfactual import counterfactual
    from backend.interpret.counterfactual_request import CounterfactualRequest
    from backend.interpret.request import TraversalRequest, ViewError
    from backend.interpret.rollout_request import RolloutRequest
    from backend.interpret.temporal import TemporalRequest, temporal_traversal
    from backend.interpret.together import roll_out_together

    if kind in ("traversal", "bundle"):
        request = TraversalRequest.from_json(asked)
        return render.export_traversal(loaded, request, format, options, find_frames(checked_settings().home, request))
    if kind == "rollout":
        return render.export_rollout(loaded, RolloutRequest.from_json(asked), format, options)
    if kind == "temporal":
        held = temporal_traversal(loaded, TemporalRequest.from_json(asked))
        return render.export_reel(held.reel(names.temporal_file_name(held)), format, options)
    if kind == "together":
        stretch = RolloutRequest.from_json({key: value for key, value in asked.items() if key != "with"})
        found = roll_out_together([loaded, *map(load, asked.get("with", []))], stretch)
        return render.export_reel(found.reel(names.together_file_name(found)), format, options)
    if kind == "counterfactual":
        lived = counterfactual(loaded, CounterfactualRequest.from_json(asked))
        return render.export_reel(lived.reel(names.counterfactual_file_name(lived)), format, options)
    if kind in charts.KINDS:
        return render.export_chart(made(kind, loaded, asked)[1], format, options)
    raise ViewError("kind", f"{kind!r} is not one of {', '.join((*USUAL, 'counterfactual', *charts.KINDS))}")


def _view_of(path: Path | None, kind: str | None) -> tuple[str, dict[str, Any]]:
    """What a file shows; the default traversal where there is none."""
    from backend.export.reopen import NoSettings, read_settings

    if path is None:
        return kind or "traversal", {}
    content = path.read_bytes()
    if path.suffix == ".json":
        view = json.loads(content)
        return kind or str(view.get("diswm") or "traversal"), dict(view.get("view", view))
    settings = read_settings(content)
    shown = str(settings["diswm"])
    if kind not in (None, shown) and (kind, shown) != ("bundle", "traversal"):
        raise NoSettings(f"{path.name} shows a {shown}, not a {kind}; leave out --kind")
    return kind or shown, dict(settings["view"])
