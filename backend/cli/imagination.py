"""`diswm temporal`, `rollouts` and `counterfactual`: more views of imagination, as files."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.cli.context import Sink, load, of_the_same_run, refusals
from backend.cli.options import AsJson, Captions, CheckpointName, Chroma, Fps, Loop, Out, Upscale, Width

if TYPE_CHECKING:
    from backend.data.checkpoint import Checkpoint
    from backend.interpret.reel import Reel

Format = Annotated[str | None, typer.Option(help="gif, mp4, webm, apng, png, pdf, svg, csv or npz.")]
Episode = Annotated[int, typer.Option(help="Episode of the checkpoint's clip.")]
Context = Annotated[int, typer.Option(help="Steps observed.")]
Horizon = Annotated[int, typer.Option(help="Steps imagined.")]
Actions = Annotated[str, typer.Option(help="recorded, policy or zero.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (temporal, rollouts, counterfactual):
        app.command()(command)


def temporal(
    checkpoint: CheckpointName,
    dims: Annotated[str, typer.Option(help="A row each: active, all or 3,7.")] = "active",
    sigmas: Annotated[float, typer.Option(help="Where they are held: mean plus so many standard deviations.")] = 2.0,
    hold: Annotated[str, typer.Option(help="dim:value,... for dimensions that are held elsewhere.")] = "",
    step: Annotated[int | None, typer.Option(help="From which step on; the first imagined one if not given.")] = None,
    together: Annotated[bool, typer.Option("--together", help="One more row, with all of them held at once.")] = False,
    episode: Episode = 0,
    context: Context = 5,
    horizon: Horizon = 25,
    actions: Actions = "recorded",
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
    """Temporal traversal: hold a dimension from a step on, a row each, and write what the model imagines."""
    from backend.cli.views import read_dims, read_edits
    from backend.export.names import temporal_file_name
    from backend.export.options import ExportOptions
    from backend.interpret.rollout_request import RolloutRequest
    from backend.interpret.temporal import TemporalRequest, temporal_traversal

    def make(loaded: "Checkpoint") -> "Reel":
        held = read_edits(hold)
        chosen = None if held and dims == "active" else read_dims(dims, loaded.model.config.latents)
        stretch = RolloutRequest(episode, context, horizon, actions)
        found = temporal_traversal(loaded, TemporalRequest(stretch, chosen, sigmas, step, together, held))
        return found.reel(temporal_file_name(found))

    options = ExportOptions(width, fps, upscale, captions=captions, loop=loop, chroma=chroma)
    _write(checkpoint, make, Sink(out, format, as_json), options)


def rollouts(
    checkpoint: CheckpointName,
    others: Annotated[
        str, typer.Option("--with", help="Further checkpoints, by commas; those of the same run if not given.")
    ] = "",
    episode: Episode = 0,
    context: Context = 5,
    horizon: Horizon = 25,
    actions: Actions = "recorded",
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
    """Write what several checkpoints imagine of the same stretch, step by step beside each other."""
    from backend.export.names import together_file_name
    from backend.export.options import ExportOptions
    from backend.interpret.rollout_request import RolloutRequest
    from backend.interpret.together import MAX_CHECKPOINTS, roll_out_together

    def make(loaded: "Checkpoint") -> "Reel":
        names = [name for name in others.split(",") if name]
        beside = [load(name) for name in names] or of_the_same_run(loaded)[-MAX_CHECKPOINTS + 1 :]
        found = roll_out_together([loaded, *beside], RolloutRequest(episode, context, horizon, actions))
        return found.reel(together_file_name(found))

    options = ExportOptions(width, fps, upscale, captions=captions, loop=loop, chroma=chroma)
    _write(checkpoint, make, Sink(out, format, as_json), options)


def counterfactual(
    checkpoint: CheckpointName,
    factor: Annotated[str, typer.Option(help="What is changed in the simulator, such as light.")],
    to: Annotated[float | None, typer.Option(help="Its new value; the farther end of the clip's range.")] = None,
    dim: Annotated[int | None, typer.Option(help="The dimension that is edited; the factor's own.")] = None,
    step: Annotated[int | None, typer.Option(help="The first step that differs; the first imagined one.")] = None,
    seed: Annotated[int, typer.Option(help="Of the episode that is lived.")] = 0,
    episode: Annotated[int, typer.Option(help="Episode of the clip that the actions are of.")] = 0,
    context: Context = 5,
    horizon: Horizon = 10,
    actions: Annotated[str, typer.Option(help="recorded or zero.")] = "recorded",
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
    """Change a factor in the simulator and its dimension in the model: the true change beside the predicted one."""
    from backend.export.names import counterfactual_file_name
    from backend.export.options import ExportOptions
    from backend.interpret.counterfactual import counterfactual as ask
    from backend.interpret.counterfactual_request import CounterfactualRequest

    def make(loaded: "Checkpoint") -> "Reel":
        found = ask(loaded, CounterfactualRequest(factor, to, dim, seed, episode, context, horizon, step, actions))
        return found.reel(counterfactual_file_name(found))

    options = ExportOptions(width, fps, upscale, captions=captions, loop=loop, chroma=chroma)
    _write(checkpoint, make, Sink(out, format, as_json), options)


def _write(checkpoint: str, make: "Callable[[Checkpoint], Reel]", sink: Sink, options: Any) -> None:
    from backend.export.render import export_reel

    with refusals():
        loaded = load(checkpoint)
        reel = make(loaded)
        file = export_reel(reel, sink.format_or("gif"), options)
        sink.take(file, {"checkpoint": loaded.info.id, **json.loads(reel.settings)["view"]})
