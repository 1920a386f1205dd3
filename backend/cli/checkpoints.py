"""`diswm checkpoints`, `factors` and `encode`: what there is, what its dimensions mean, and the raw numbers."""

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.cli.context import Sink, checked_settings, load, progress_bar, refusals, write, wrote
from backend.cli.options import AsJson, CheckpointName, Out, Title, Width

if TYPE_CHECKING:
    pass


def register(app: typer.Typer) -> None:
    """Adds these commands and those that make files of views."""
    app.command()(checkpoints)
    app.command()(factors)
    app.command()(encode)


def checkpoints(as_json: AsJson = False) -> None:
    """List the checkpoints: shipped, trained here, imported."""
    from backend.data.catalogue import list_checkpoints

    found = list_checkpoints(checked_settings().home)
    if as_json:
        fields = ("id", "name", "stage", "source", "created_at", "run", "environment", "steps", "latents")
        typer.echo(json.dumps({"items": [{field: getattr(info, field) for field in fields} for info in found]}))
        return
    for info in found:
        where = info.environment or "-"
        unit = "agent steps" if info.stage == "finetune" else "updates"
        typer.echo(
            f"{info.name:<32} {info.stage:<9} {info.source:<8} {where:<18} {info.steps:>8} {unit:<11}  {info.id}"
        )
    if not found:
        typer.echo("There is no checkpoint yet: diswm pipeline --preset tiny makes one.")


def factors(
    checkpoint: CheckpointName,
    dataset: Annotated[
        str | None, typer.Option(help="Data set to ask instead of the checkpoint's own frames: id, name or folder.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of shifts and resamples.")] = 0,
    refresh: Annotated[bool, typer.Option("--refresh", help="Compute again what is stored.")] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Also check names by intervention: what edits draw, and what the simulator's factors move."
        ),
    ] = False,
    format: Annotated[
        str | None,
        typer.Option(help="png, svg, pdf, csv or npz: write the matrix, or with --check the interventions."),
    ] = None,
    out: Out = None,
    width: Width = 5.5,
    title: Title = True,
    as_json: AsJson = False,
) -> None:
    """Say what each dimension means: factors with intervals against a shifted null, and MIG, DCI, SAP, InfoMEC."""
    from backend.data.catalogue import find_dataset
    from backend.interpret.cards import encode_clip, encode_dataset, factors_of
    from backend.interpret.charts import factors_chart, interventions_chart
    from backend.interpret.checks import interventions_of, verdicts

    with refusals():
        loaded = load(checkpoint)
        frames = None
        if dataset is not None:
            frames = encode_dataset(loaded, find_dataset(checked_settings().home, dataset, allow_path=True))
        elif refresh:
            frames = encode_clip(loaded)
        with progress_bar(hidden=as_json) as report:
            answer = factors_of(loaded, frames, seed=seed, progress=report)
        if check:
            with progress_bar(hidden=as_json) as report:
                measured = interventions_of(loaded, refresh=refresh, progress=report)
            answer = answer | {"check": verdicts(loaded, measured)}
        sink = Sink(out, format, as_json)
        of_checks = check and sink.asked
        chart = interventions_chart(loaded, answer["check"]) if of_checks else factors_chart(loaded, answer)
        if wrote(chart, sink, width, title):
            return
    typer.echo(json.dumps(answer) if as_json else _table(answer))


def encode(
    checkpoint: CheckpointName,
    images: Annotated[Path, typer.Option(help="npz with `image` uint8 and perhaps `action`: see docs/adapters.md.")],
    out: Annotated[Path, typer.Option(help="npz to write.")],
    as_json: AsJson = False,
) -> None:
    """Write latents, recurrent states and reconstructions of images; means are propagated."""
    import numpy as np

    from backend.interpret.encode import encode_sequences
    from backend.interpret.encode_adapted import encode_adapted
    from backend.interpret.request import ViewError
    from models.adapters.adapted import Adapted

    with refusals():
        loaded = load(checkpoint)
        with np.load(images, allow_pickle=False) as file:
            if "image" not in file:
                raise ViewError("image", f"is not in {images.name}; there is {', '.join(file.files) or 'nothing'}")
            if isinstance(loaded.model, Adapted):
                arrays = encode_adapted(loaded.model, file)
            else:
                arrays = encode_sequences(loaded.model, file["image"], file.get("action"))
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)  # floats hardly compress, and take long
        write(out, buffer.getvalue())
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    lines = [f"{name:<14} {tuple(shape)}" for name, shape in shapes.items()]
    typer.echo(json.dumps({"file": str(out), "arrays": shapes}) if as_json else "\n".join([*lines, f"wrote {out}"]))


def _table(answer: dict[str, Any]) -> str:
    from backend.interpret.names import beyond_chance

    lines = [f"{'dim':>4} {'KL':>6} {'status':<9} {'name or best factor':<26} {'NMI':>5} {'95% interval':<14} margin"]
    for entry in sorted(answer["dimensions"], key=lambda entry: -entry["kl"]):
        head = f"{entry['dim']:>4} {entry['kl']:>6.2f} {entry['status']:<9}"
        if entry["nmi"] is None:
            lines.append(head)
            continue
        low, high = entry["interval"]
        name = entry["name"] or f"({entry['factor']})"
        if not beyond_chance(entry):
            lines.append(
                f"{head} {name:<26} cannot be identified: {entry['nmi']:.2f}, chance gives {entry['null']:.2f}"
            )
            continue
        lines.append(f"{head} {name:<26} {entry['nmi']:>5.2f} {low:.2f} to {high:.2f}   {entry['margin']:>6.2f}")
    metrics = answer["metrics"]
    lines.append("")
    for metric, (low, high) in metrics["intervals"].items():
        null = metrics["null"][metric]
        lines.append(f"{metric:<24} {metrics[metric]:.3f}  [{low:.3f}, {high:.3f}]  by chance {null:.3f}")
    if "check" in answer:
        lines += ["", *_checks(answer["check"])]
    frames = f"{answer['frames']} frames of {answer['episodes']} episodes"
    return "\n".join([*lines, "", frames, *answer["warnings"]])


def _checks(check: dict[str, Any]) -> list[str]:
    """The name from NMI and both interventions side by side."""
    lines = [f"{'dim':>4} {'name from NMI':<26} {'an edit draws':<26} {'setting it moves the dimension':<32}"]
    for entry in check["dimensions"]:
        if entry["drawn"] or entry["set"] or entry["status"] in ("named", "mixed"):
            name = f"{entry['factor']} {entry['nmi']:.2f}" if entry["status"] == "named" else f"({entry['status']})"
            drawn, moved = (_found(entry, kind) for kind in ("drawn", "set"))
            lines.append(f"{entry['dim']:>4} {name:<26} {drawn:<26} {moved:<32}".rstrip())
    return [*lines, *([f"not set in the simulator: {check['why']}"] if check["why"] else [])]


def _found(entry: dict[str, Any], kind: str) -> str:
    word = {True: ", agrees", False: ", does not agree", None: ""}[entry[f"{kind}_agrees"]]
    return f"{entry[kind]} {entry[f'{kind}_move']:.2f}{word}" if entry[kind] else f"nothing{word}"
